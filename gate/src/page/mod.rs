//! `report.html`: the whole result as one page, for people.
//!
//! | file | |
//! | --- | --- |
//! | `scenarios` | each scenario: how it was explored, how far, what it reached |
//! | `tables` | the protocol, planted bugs, final states, words |
//! | `chart` | numbers drawn as SVG |
//! | `sampled` | the page of `gate sample` and `gate fuzz`: what more runs still taught |
//!
//! # Invariants
//! * The page is one file: no script, no request, nothing that is not in it.
//! * It says nothing that `report.json` does not say. Two runs differ in times only.
//! * It can be read 380 pixels wide, in light and dark, and printed; then nothing is folded.

mod chart;
mod sampled;
mod scenarios;
mod tables;

use std::path::Path;

use graphlock_harness::outcome::Verdict;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::counterexample;
use crate::engine::Engine;
use crate::failure::failures;
use crate::planted::Fate;
use crate::protocol::Protocol;
use crate::results::Results;
use crate::statement::statement;
use crate::table::{Paint, count, seconds};

pub(crate) use sampled::{Known, Sampled, sampled};

/// Where `cargo llvm-cov --html` leaves its page, seen from the folder above the gate's.
const LINES_PAGE: &str = "llvm-cov/html/index.html";

/// The text of the page. `folder` is the gate's, beside which the page of covered lines may stand.
pub(crate) fn html(results: &Results, folder: &Path) -> String {
    let protocol = Protocol::of(&results.rows);
    let content = html! {
        (head(results))
        main {
            (tiles(results, &protocol))
            (failed(results))
            @let statement = statement(results);
            @if !statement.is_empty() {
                h2 #statement { "What this amounts to" }
                div.statement { @for paragraph in &statement { (emphasised(paragraph)) } }
            }
            (scenarios::section(results))
            @if !results.rows.is_empty() { (tables::protocol(&protocol)) }
            (tables::planted(results))
            (tables::final_states(results))
            (covered_lines(results, folder))
            (tables::words())
        }
    };
    page("graphlock: what was shown", &content)
}

/// A page with this content.
fn page(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "graphlock gate " (env!("CARGO_PKG_VERSION")) };
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                (content)
                footer { "graphlock " (env!("CARGO_PKG_VERSION")) ". The same numbers for programs: "
                    code { "report.json" } ", described in " code { "docs/report.schema.json" } "." }
            }
        }
    };
    page.into_string() + "\n"
}

fn head(results: &Results) -> Markup {
    let run = &results.run;
    let code = results.exit_code();
    html! {
        header {
            h1 { "graphlock: what was shown" }
            p.soft {
                (if run.planted_only { "planted bugs only" } else { "scenarios and planted bugs" })
                ", profile " (run.profile.word())
                @if let Some(filter) = &run.selection.filter { ", filter " code { (filter.as_str()) } }
                @if let Some(engine) = run.selection.engine { ", engine " (engine.word()) " only" }
                ", " (seconds(results.elapsed)) " with " (run.jobs) " rows at a time"
            }
            @if code == 0 { span.verdict.good { "the gate is open" } }
            @else { span.verdict.bad { "the gate is shut: exit code " (code) } }
            nav {
                @if code != 0 { a href="#failures" { "Failures" } }
                a href="#statement" { "Statement" }
                @if !results.rows.is_empty() {
                    a href="#scenarios" { "Scenarios" }
                    a href="#cases" { "Cases" }
                    a href="#orderings" { "Orderings" }
                }
                @if !results.planted.is_empty() { a href="#planted" { "Planted bugs" } }
                @if !results.comparisons.is_empty() { a href="#states" { "Final states" } }
                a href="#words" { "Words" }
            }
        }
    }
}

/// The counts that one wants to see first.
fn tiles(results: &Results, protocol: &Protocol) -> Markup {
    let tile = |figure: String, wrong: bool, what: &str| {
        html! {
            div.tile {
                div.figure.number.wrong[wrong] { (figure) }
                div.what { (what) }
            }
        }
    };
    let of = |part: usize, all: usize| format!("{part}/{all}");
    let rows = &results.rows;
    let accepted = rows.iter().filter(|row| row.accepted).count();
    let harness = || rows.iter().filter(|row| row.job.engine == Engine::Harness);
    let complete = harness().filter(|row| matches!(row.report.verdict, Verdict::Complete));
    let complete = of(complete.count(), harness().count());
    let executions: u64 = rows.iter().map(|row| row.report.executions).sum();
    let coverage = &results.coverage;
    let (cases, not_cases) = protocol.cases_reached();
    let (orderings, not_orderings) = protocol.orderings_reached();
    let found = results.planted.iter().filter(|each| each.fate == Fate::Found).count();
    let equal = results.twice.iter().filter(|row| row.accepted).count();
    html! {
        div.tiles {
            @if !rows.is_empty() {
                (tile(of(accepted, rows.len()), accepted < rows.len(), "rows accepted"))
                (tile(complete, false, "scenarios complete on the harness, no bound"))
                (tile(count(executions), false, "executions in all rows"))
                (tile(of(coverage.reached, coverage.declared), !coverage.missing.is_empty(),
                    "declared cases reached, scenario by scenario"))
                (tile(of(cases, cases + not_cases.len()), false, "named cases of the protocol"))
                (tile(of(orderings, orderings + not_orderings.len()), false, "explained orderings"))
            }
            @if !results.planted.is_empty() {
                (tile(of(found, results.planted.len()), found < results.planted.len(),
                    "planted bugs found"))
            }
            @if !results.twice.is_empty() {
                (tile(of(equal, results.twice.len()), equal < results.twice.len(),
                    "executed twice, choices equal"))
            }
        }
    }
}

/// Everything that fails the gate, drawn where there are steps.
fn failed(results: &Results) -> Markup {
    let failures = failures(results);
    html! {
        @if !failures.is_empty() {
            h2 #failures { "What fails the gate" }
            @for failure in &failures {
                section.failure {
                    h3 { span.chip.bad { (failure.rule) } " " (failure.title) }
                    @if let Some((file, line)) = &failure.at {
                        p.soft { "last step: " code { (file) ":" (line) } }
                    }
                    @match failure.drawn {
                        Some(violation) => pre { (counterexample::draw(violation, Paint::NONE)) },
                        None => p.message { (failure.message) },
                    }
                    @if let Some(replay) = &failure.replay {
                        p { "To see it again: " code { (replay) } }
                    }
                    // A report that was written elsewhere has no pages beside it.
                    @if let Some(page) = failure.page.as_ref().filter(|_| results.run.outputs.html.is_none()) {
                        p { a href=(page) { "Step through it" } }
                    }
                }
            }
        }
    }
}

/// A paragraph of the statement; what it is about stands before the first colon, or before the bracket. A long list of
/// scenarios is folded.
fn emphasised(paragraph: &str) -> Markup {
    const FOLDED_FROM: usize = 240;
    let end = paragraph.find([':', '(']).unwrap_or(0);
    let (begin, rest) = paragraph.split_at(end);
    let list = ["Scenarios: ", " scenarios: ", "Not on loom: "]
        .iter()
        .filter_map(|title| Some(paragraph.find(title)? + title.len()))
        .find(|at| paragraph.len() - at > FOLDED_FROM);
    html! {
        @match list {
            None => p { b { (begin) } (rest) },
            Some(at) => {
                p { b { (begin) } (paragraph[end..at].trim_end()) }
                details.names {
                    summary { (paragraph[at..].split("; ").count()) " named" }
                    p { (paragraph[at..]) }
                }
            }
        }
    }
}

/// Where the lines that the models execute are shown, if somebody has had them counted.
fn covered_lines(results: &Results, folder: &Path) -> Markup {
    let page = folder.parent().map(|target| target.join(LINES_PAGE));
    let page = page.filter(|page| page.is_file());
    let beside = results.run.outputs.html.is_none();
    html! {
        @if let Some(page) = page {
            h2 #lines { "Lines of the source" }
            @if beside {
                p { a href={ "../" (LINES_PAGE) } { "What the tests and models execute, line by line" }
                    ", by " code { "cargo llvm-cov" } "." }
            } @else {
                p { "What the tests and models execute, line by line: "
                    code { (crate::place::shown(&page)) } "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::tests::failed_run;
    use crate::judge::tests::job;
    use crate::plan::Purpose;
    use crate::results::tests::{complete, results};
    use std::time::Duration;

    #[test]
    fn a_failure_is_drawn_and_its_text_is_only_text() {
        let page = html(&failed_run(), Path::new("/nowhere/gate"));
        assert!(page.contains("the gate is shut: exit code 1"), "{page}");
        assert!(page.contains("100% &lt;sure&gt; &amp; &quot;well&quot;"), "{page}");
        assert!(page.contains("src/a.rs:7") && page.contains("planted-bug-survived"), "{page}");
    }

    #[test]
    fn the_page_asks_for_nothing_and_runs_nothing() {
        let page = html(&failed_run(), Path::new("/nowhere/gate"));
        for word in ["<script", "http:", "https:", "src=", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn times_are_the_only_difference_between_two_pages() {
        let made = |milliseconds| {
            let mut report = complete(&["open"]);
            report.elapsed = Duration::from_millis(milliseconds);
            let row = (job(Purpose::Row { must_complete: true }, Engine::Harness), report);
            html(&results(vec![row]), Path::new("/nowhere/gate"))
        };
        let (one, other) = (made(3_000), made(5_000));
        assert_ne!(one, other);
        assert_eq!(one.replace("3.0 s, 3/s", "T"), other.replace("5.0 s, 2/s", "T"));
    }
}
