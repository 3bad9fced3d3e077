//! The text above the drawing: what is wrong, who waits for whom since when, and how to see it again.
//!
//! Rows are named by links to them, so that one can go there without a script, too.

use graphlock_harness::trace::{Trace, Waiting};
use maud::{Markup, html};

use super::Page;

/// The head of the page.
pub(super) fn header(page: &Page<'_>) -> Markup {
    let trace = &page.violation.trace;
    let what = if trace.is_empty() { &page.violation.message } else { &trace.ending.what };
    let mut lines = what.trim_end().lines();
    let first = lines.next().unwrap_or_default();
    let rest: Vec<&str> = lines.collect();
    html! {
        header {
            p.subject {
                span.name { (page.title) }
                @if let Some(mutation) = page.mutation { ", with " b { (mutation) } " planted" }
            }
            h1 { (first) }
            @if !rest.is_empty() { pre.more { (rest.join("\n")) } }
            (waits(trace))
            @if let Some(least) = &page.violation.least { p.least { (least) } }
            @if let Some(replay) = page.replay {
                p.replay {
                    "To see it again: " code #replay { (replay) } " "
                    button type="button" #copy { "Copy replay command" }
                    span #copied role="status" {}
                }
            }
        }
    }
}

fn waits(trace: &Trace) -> Markup {
    let ending = &trace.ending;
    if ending.waits.is_empty() && ending.queues.is_empty() {
        return html! {};
    }
    html! {
        ul.waits aria-label="Who waits for whom" {
            @for waiting in &ending.waits { li { (described(trace, waiting)) } }
            @for (queue, who) in &ending.queues { li { "still in " b { (queue) } ": " (who) } }
        }
    }
}

fn described(trace: &Trace, waiting: &Waiting) -> Markup {
    html! {
        b { (trace.tasks[waiting.task]) } " " (waiting.text)
        @if let Some(row) = waiting.since { " since " (link(row)) }
        @if !waiting.location.is_empty() { " (" code { (waiting.location) } ")" }
        @if !waiting.why.is_empty() { "; " (waiting.why) }
        @for (what, row) in waiting.within.iter().rev() { ", while it " (what) " (" (link(*row)) ")" }
    }
}

fn link(row: usize) -> Markup {
    html! { a href=(format!("#r{}", row + 1)) { "row " (row + 1) } }
}
