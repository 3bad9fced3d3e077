//! The tables of the page: the protocol's cases and orderings with who reached them, planted bugs, final states; and the
//! words that a reader may not know.

use maud::{Markup, html};

use crate::agreement::Relation;
use crate::planted::{Fate, Planted};
use crate::protocol::{CaseReached, OrderingReached, Protocol};
use crate::results::Results;
use crate::table::{count, seconds};

/// What a reader may not know: word and meaning.
const WORDS: [(&str, &str); 11] = [
    ("scenario", "a body with parameters, which some threads execute together"),
    ("row", "a scenario on one engine"),
    ("step", "one choice of who goes on, and what he does until the next"),
    ("execution", "one whole interleaving"),
    (
        "trace",
        "all executions that differ only in the order of steps that cannot see each other; one of them shows what all do",
    ),
    (
        "redundant",
        "begun, and given up because all it could do had been done before; shows nothing",
    ),
    (
        "complete",
        "every trace was executed; where a bound stands beside it, every one within that bound",
    ),
    ("preemption", "somebody else goes on although the one before could have"),
    (
        "budget spent",
        "cut off by time or number: what was executed was in order, and nothing is said of the rest",
    ),
    ("planted bug", "a protection of the code that is turned off, to see whether somebody notices"),
    ("memory model", "which values a read may see; a proof holds under the one it names"),
];

/// Every case and every ordering, with the scenarios that reached it.
pub(super) fn protocol(protocol: &Protocol) -> Markup {
    let (cases, not_cases) = protocol.cases_reached();
    let (orderings, not_orderings) = protocol.orderings_reached();
    html! {
        h2 #cases { "Cases of the protocol" }
        p.soft { (cases) " of " (cases + not_cases.len()) " named cases were reached by a scenario of this run. "
            code { "docs/PROTOCOL.md" } " says what each is." }
        table.stacked {
            thead { tr { th { "case" } th { "marked at" } th { "reached by" } } }
            tbody { @for each in &protocol.cases { (case(each)) } }
        }
        h2 #orderings { "Orderings" }
        p.soft { (orderings) " of " (orderings + not_orderings.len())
            " explained orderings were executed by a scenario of this run, as seen by the harness. "
            code { "docs/ORDERING.md" } " says what each orders, and which planted bug is its witness." }
        table.stacked {
            thead { tr { th { "ordering" } th { "executed at" } th { "reached by" } } }
            tbody { @for each in &protocol.orderings { (ordering(each)) } }
        }
    }
}

fn case(case: &CaseReached) -> Markup {
    let by = |(engine, names): (&&str, &Vec<String>)| {
        (format!("{engine} {}", names.len()), names.clone())
    };
    let folds: Vec<(String, Vec<String>)> = case.reached_by.iter().map(by).collect();
    html! {
        tr {
            td data-label="case" { span { code { (case.case) } } }
            td data-label="marked at" { span { (places(&case.marked_at)) } }
            td data-label="reached by" { span { (reached(&folds)) } }
        }
    }
}

fn ordering(ordering: &OrderingReached) -> Markup {
    let executed: Vec<String> = ordering.executed.iter().cloned().collect();
    let number = ordering.reached_by.len();
    let folds = [(format!("{number} scenarios"), ordering.reached_by.clone())];
    let folds = if number == 0 { &folds[..0] } else { &folds[..] };
    html! {
        tr id={ "ordering-" (ordering.id) } {
            td data-label="ordering" { span { code { (ordering.id) } } }
            td data-label="executed at" { span {
                @if executed.is_empty() { (places(&ordering.explained_at)) " (not executed)" }
                @else { (places(&executed)) }
            } }
            td data-label="reached by" { span { (reached(folds)) } }
        }
    }
}

fn places(places: &[String]) -> Markup {
    html! { @for (index, place) in places.iter().enumerate() {
        @if index > 0 { br; }
        code { (place) }
    } }
}

/// Names in folds; nobody at all is said aloud.
fn reached(folds: &[(String, Vec<String>)]) -> Markup {
    html! {
        @if folds.is_empty() { span.chip.note { "by none of this run" } }
        @for (title, names) in folds {
            details {
                summary { (title) }
                ul.plain { @for name in names { li { (name) } } }
            }
        }
    }
}

/// The planted bugs and what became of them.
pub(super) fn planted(results: &Results) -> Markup {
    let found = results.planted.iter().filter(|each| each.fate == Fate::Found).count();
    html! {
        @if !results.planted.is_empty() {
            h2 #planted { "Planted bugs" }
            p.soft { (found) " of " (results.planted.len())
                " were found, each as the symptom that was said beforehand."
                @if !results.not_planted.is_empty() {
                    " Not planted yet: " (results.not_planted.join(", ")) "."
                } }
            table.stacked {
                thead { tr {
                    th { "protection turned off" } th { "scenario" } th { "engine" }
                    th.number { "until found" } th.number { "budget" } th { "symptom" } th.number { "time" } th { "verdict" }
                } }
                tbody { @for each in &results.planted { (bug(each)) } }
            }
        }
    }
}

fn bug(planted: &Planted) -> Markup {
    let found = planted.fate == Fate::Found;
    let tone = if found { "chip good" } else { "chip bad" };
    html! {
        tr {
            td data-label="turned off" { span { code { (planted.bug.mutation) } br;
                span.soft { "models " (planted.bug.models) } } }
            td data-label="scenario" { span.name { (planted.bug.scenario) } }
            td data-label="engine" { span { (planted.job.engine.word()) } }
            td.number data-label="until found" { span {
                @if found { (count(planted.report.executions)) } @else { "-" } } }
            td.number data-label="budget" { span { (count(planted.bug.budget)) } }
            td data-label="symptom" { span { (planted.bug.symptom) } }
            td.number data-label="time" { span { (seconds(planted.report.elapsed)) } }
            td data-label="verdict" { span { span class=(tone) { (planted.word()) } } }
        }
    }
}

/// Where the harness and loom end, compared.
pub(super) fn final_states(results: &Results) -> Markup {
    let comparisons = &results.comparisons;
    let equal = comparisons.iter().filter(|each| each.relation == Relation::Equal).count();
    html! {
        @if !comparisons.is_empty() {
            h2 #states { "Final states, harness and loom" }
            p.soft { "Compared in " (comparisons.len()) " scenarios that both went through; equal in " (equal) "." }
            table.stacked {
                thead { tr { th { "scenario" } th { "what came of it" } } }
                tbody { @for each in comparisons {
                    tr {
                        td data-label="scenario" { span.name { (each.scenario) } }
                        td data-label="comparison" { span {
                            @if !each.accepted() { span.chip.bad { "differs" } " " }
                            (each.line()) } }
                    }
                } }
            }
        }
    }
}

/// What the words mean.
pub(super) fn words() -> Markup {
    html! {
        h2 #words { "Words" }
        dl { @for (word, meaning) in WORDS { dt { (word) } dd { (meaning) } } }
    }
}
