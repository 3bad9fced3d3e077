//! A counterexample as a page for a browser: one file that needs nothing else, and no network.
//!
//! | file | |
//! | --- | --- |
//! | `layout` | where everything stands in the drawing |
//! | `drawing` | the lanes as SVG |
//! | `graph` | the block graph as SVG |
//! | `verdict` | the text above: what is wrong, who waits for whom |
//! | `data` | what the script is told |
//! | `page.css` | how it looks |
//! | `trace.js`, `page.js` | what follows from the rows; what one can do |
//!
//! Without a script the page is the drawing with its folds, and the verdict. The script steps through the rows, unfolds,
//! and shows the state beside them. `docs/TRACE.md` explains symbols and keys.
//!
//! # Invariants
//! * Names come from the code under test and from files: all text is escaped, by `maud` in HTML, by `data` in JSON.
//! * The page may load nothing: its policy says so to the browser.
//! * The same trace gives the same bytes.

mod data;
mod drawing;
mod graph;
mod layout;
mod verdict;

use std::io;
use std::path::Path;

use graphlock_harness::outcome::Violation;
use graphlock_harness::trace::{Causality, ROWS_MAX, fold};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use layout::Layout;

const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 2] = [include_str!("trace.js"), include_str!("page.js")];

/// Nothing is loaded from anywhere; style and script stand in the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// What a page shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page<'a> {
    /// The scenario or the program.
    pub(crate) title: &'a str,
    /// The planted bug, if there is one.
    pub(crate) mutation: Option<&'a str>,
    /// What happened.
    pub(crate) violation: &'a Violation,
    /// The command that shows it again, if there is one.
    pub(crate) replay: Option<&'a str>,
}

impl Page<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.html())
    }

    /// The page.
    pub(crate) fn html(&self) -> String {
        let trace = &self.violation.trace;
        let order = Causality::of(trace);
        let lines = fold(trace, &order, ROWS_MAX);
        let layout = Layout::of(trace, &order, lines);
        let data = data::json(trace, &order, &layout);
        let page = html! {
            (DOCTYPE)
            html lang="en" class="static" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    link rel="icon" href="data:,";
                    title { (self.violation.kind) ": " (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (drawing::heads())
                    (verdict::header(self))
                    @if trace.is_empty() {
                        main { p { "The engine gave no steps." } }
                    } @else {
                        main {
                            (execution(trace, &layout))
                            (state(trace))
                        }
                        script type="application/json" #data { (PreEscaped(data)) }
                        @for script in SCRIPTS { script { (PreEscaped(script)) } }
                    }
                }
            }
        };
        page.into_string()
    }
}

/// The drawing with what steers it.
fn execution(trace: &graphlock_harness::trace::Trace, layout: &Layout) -> Markup {
    let folds = !layout.folds.is_empty();
    html! {
        section.execution aria-labelledby="execution" {
            h2 #execution { "Execution" }
            div.controls role="toolbar" aria-label="Steps" {
                button type="button" data-step="first" title="First row (Home)" { "First" }
                button type="button" data-step="back" title="One row back (Arrow up)" { "Back" }
                button type="button" data-step="forward" title="One row forward (Arrow down)" { "Forward" }
                button type="button" data-step="last" title="Last row (End)" { "Last" }
                output #position { (trace.rows.len()) " rows" }
                @if folds { button type="button" #unfold aria-pressed="false" { "Unfold all" } }
            }
            fieldset.legend {
                legend { "Arrows" }
                @for (_, word, says) in drawing::ARROWS {
                    label {
                        input type="checkbox" checked data-arrows=(word) id=(format!("show-{word}"));
                        svg width="30" height="12" aria-hidden="true" {
                            path class=(format!("arrow {word}")) d="M1 6H27" marker-end=(format!("url(#head-{word})")) {}
                        }
                        (says)
                    }
                }
                span.sample { svg width="30" height="12" aria-hidden="true" { path.waits d="M1 6H29" {} } "waits" }
                span.sample.scripted { svg width="18" height="14" aria-hidden="true" { rect.concurrent width="18" height="14" rx="3" {} } "neither before nor after the row" }
            }
            div #box tabindex="0" role="region" aria-label="Drawing" {
                (drawing::names(trace, layout))
                (drawing::lanes(trace, layout))
            }
            p.keys {
                kbd { "↓" } " " kbd { "↑" } " next and previous row, " kbd { "→" } " " kbd { "←" } " of the same task, "
                kbd { "Home" } " " kbd { "End" } " first and last, " kbd { "Enter" } " on a fold opens it"
            }
            noscript { p { "Without JavaScript folds stay folded, and there is no state beside the rows." } }
        }
    }
}

/// What the script fills.
fn state(trace: &graphlock_harness::trace::Trace) -> Markup {
    let graph = graph::drawing(trace);
    html! {
        section.state aria-label="The row, and the state after it" tabindex="0" {
            h2 #title { "Row" }
            div #step {}
            h2 #state { "State" }
            h3 { "Tasks" }
            div #tasks {}
            div #beside {}
            @if let Some(graph) = graph {
                h3 { "Block graph" }
                div.graph { (graph) }
            }
            h3 { "Lock words and counters" }
            div #values {}
        }
    }
}

#[cfg(test)]
mod tests;
