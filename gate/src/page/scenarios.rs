//! The scenarios of the page: one fold for each, with a part for each engine.
//!
//! What is asked of a row, and where it stands: what was explored (the scenario and its properties), how (engine and
//! strategy), to which bound, under which memory model, how much (executions, redundant, steps, rate), how long
//! executions were, which cases, final states and orderings were reached.

use std::collections::{BTreeMap, BTreeSet};

use graphlock_harness::outcome::{Estimate, Report, Verdict};
use maud::{Markup, html};

use super::chart;
use crate::figures::about;
use crate::judge::Row;
use crate::protocol;
use crate::report::per_second;
use crate::results::Results;
use crate::summary::extent;
use crate::table::{count, seconds};

/// All rows, by scenario.
pub(super) fn section(results: &Results) -> Markup {
    let rows = &results.rows;
    let groups = || rows.chunk_by(|one, other| one.job.full_name == other.job.full_name);
    html! {
        @if !rows.is_empty() {
            h2 #scenarios { "Scenarios" }
            p.soft { (groups().count()) " scenarios, " (rows.len()) " rows: a scenario on an engine. "
                "A fold has what each engine did, how far, and what it reached." }
            @for group in groups() { (scenario(group)) }
        }
    }
}

fn scenario(rows: &[Row]) -> Markup {
    let full_name = &rows[0].job.full_name;
    let begin = full_name.find('[').unwrap_or(full_name.len());
    let (name, parameters) = full_name.split_at(begin);
    let executions: u64 = rows.iter().map(|row| row.report.executions).sum();
    let failed = rows.iter().any(|row| !row.accepted);
    let properties: Vec<&str> =
        rows[0].job.scenario.properties.iter().map(|property| property.name).collect();
    html! {
        details.scenario open[failed] {
            summary {
                span.name { (name) span.parameters { (parameters) } }
                span.counts.number { (count(executions)) " executions" }
                span.chips { @for row in rows { (chip(row)) } }
            }
            div.inside {
                @if !properties.is_empty() {
                    h4 { "Properties" }
                    p { (properties.join(", ")) }
                }
                div.engines { @for row in rows { (engine(row)) } }
                div.seen {
                    @for row in rows { (lengths(&row.report, row.job.engine.word())) }
                    (counted("Cases reached", rows, |report| &report.cases))
                    (counted("Final states", rows, |report| &report.final_states))
                    @for row in rows { (orderings(row)) }
                }
            }
        }
    }
}

fn chip(row: &Row) -> Markup {
    html! { span class=(tone(row)) { (row.job.engine.word()) ": " (verdict(row)) } }
}

fn tone(row: &Row) -> &'static str {
    match (row.accepted, &row.report.verdict) {
        (false, _) => "chip bad",
        (true, Verdict::Complete) => "chip good",
        (true, _) => "chip note",
    }
}

fn verdict(row: &Row) -> String {
    let bounded = row.report.bound.is_some() && matches!(row.report.verdict, Verdict::Complete);
    format!("{}{}", row.word(), if bounded { " within its bound" } else { "" })
}

/// How one engine explored, and how far.
fn engine(row: &Row) -> Markup {
    let report = &row.report;
    html! {
        div {
            h3 { (row.job.engine.word()) " " span class=(tone(row)) { (verdict(row)) } }
            dl.number {
                dt { "how" } dd { (report.engine) }
                dt { "memory" } dd { (report.memory_model) }
                dt { "extent" } dd { (extent(report, row.job.engine)) }
                @if let Some(estimate) = report.estimate.filter(|_| !row.repeatable()) {
                    dt { "estimate" } dd { (estimated(report.executions, &estimate)) }
                }
                dt { "executions" } dd { (count(report.executions)) }
                dt { "redundant" } dd { (count(report.redundant)) }
                @if report.steps > 0 { dt { "steps" } dd { (count(report.steps)) } }
                dt { "time" }
                dd { (seconds(report.elapsed)) ", "
                    (count(per_second(report.executions, report.elapsed))) "/s" }
                @for pass in &report.passes {
                    dt { "pass" }
                    dd { (pass.name) ": " (count(pass.executions))
                        (if pass.complete { "" } else { ", cut off" }) }
                }
            }
        }
    }
}

fn estimated(executions: u64, estimate: &Estimate) -> String {
    let share = 100.0 * estimate.share(executions);
    let [low, traces, high] = [estimate.low, estimate.traces, estimate.high].map(about);
    format!("{share:.1} % of about {traces} ({low} to {high})")
}

/// The orderings of which one engine saw a step. An engine that says nothing of it has no part here.
fn orderings(row: &Row) -> Markup {
    let orderings = protocol::orderings_of(&row.report);
    html! {
        @if !orderings.is_empty() {
            div {
                h4 { "Orderings executed, " (row.job.engine.word()) }
                p { @for (index, id) in orderings.iter().enumerate() {
                    @if index > 0 { ", " }
                    a href={ "#ordering-" (id) } { code { (id) } }
                } }
            }
        }
    }
}

fn lengths(report: &Report, word: &str) -> Markup {
    let buckets = report.lengths.buckets();
    let mean = report.steps as f64 / report.executions.max(1) as f64;
    html! {
        @if let (Some(first), Some(last)) = (buckets.first(), buckets.last()) {
            div {
                h4 { "Steps for each execution, " (word) }
                (chart::histogram(&buckets))
                div.ends.number {
                    span { (chart::range(first)) }
                    span { "mean " (format!("{mean:.1}")) }
                    span { (chart::range(last)) }
                }
            }
        }
    }
}

/// How many executions, by name and engine: a column for each engine that names anything.
fn counted(
    title: &str,
    rows: &[Row],
    counts: impl Fn(&Report) -> &BTreeMap<String, u64>,
) -> Markup {
    let columns: Vec<(&str, &BTreeMap<String, u64>)> = rows
        .iter()
        .map(|row| (row.job.engine.word(), counts(&row.report)))
        .filter(|(_, counts)| !counts.is_empty())
        .collect();
    let names: BTreeSet<&String> = columns.iter().flat_map(|(_, counts)| counts.keys()).collect();
    html! {
        @if !names.is_empty() {
            div {
                h4 { (title) }
                table.counted {
                    thead { tr { th { "executions" } @for (word, _) in &columns { th.number { (word) } } } }
                    tbody { @for name in names { tr {
                        td { @if name.is_empty() { "(names nothing)" } @else { (name) } }
                        @for (_, counts) in &columns {
                            td.number { @match counts.get(name) {
                                Some(number) => { (count(*number)) },
                                None => { "-" },
                            } }
                        }
                    } } }
                }
            }
        }
    }
}
