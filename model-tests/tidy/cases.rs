//! Each written case of the protocol is described, and some scenario must reach it.
//!
//! A case is marked by `reached!("case")` in `src/`. It has a row in `docs/PROTOCOL.md`, whose first
//! cell is its name, and stands in the `cases` of a scenario below `model-tests/scenarios` or
//! `model-tests/components`; there any literal of that name counts, unless it is a mark itself.

use std::collections::BTreeSet;

use super::source::Source;
use super::{Finding, document, expect_none, first_cells, sources};

const DOCUMENT: &str = "docs/PROTOCOL.md";

/// The literals of the scenarios that can be declarations.
fn declared(scenarios: &[Source]) -> BTreeSet<String> {
    let mut declared = BTreeSet::new();
    for source in scenarios {
        let marks = source.calls("reached!").into_iter();
        let marks: BTreeSet<usize> = marks.map(|(at, _)| source.line(at)).collect();
        for (at, literal) in source.literals() {
            if !marks.contains(&source.line(at)) {
                declared.insert(literal.to_owned());
            }
        }
    }
    declared
}

/// The marks without a row or without a scenario.
fn without_partner(sources: &[Source], scenarios: &[Source], table: &str) -> Vec<Finding> {
    let rows: BTreeSet<String> = first_cells(table).into_iter().map(|(_, cell)| cell).collect();
    let declared = declared(scenarios);
    let mut findings = Vec::new();
    for source in sources {
        for (at, case) in source.calls("reached!") {
            let mut find = |found, to_do| {
                findings.push(Finding {
                    path: source.path.clone(),
                    line: source.line(at),
                    found,
                    to_do,
                });
            };
            let Some(case) = case else {
                find("`reached!` without a literal".to_owned(), "name the case at its mark");
                continue;
            };
            if !rows.contains(case) {
                find(format!("the case `{case}` has no row in {DOCUMENT}"), "describe it there");
            }
            if !declared.contains(case) {
                let to_do = "add it to the `cases` of a scenario that reaches it";
                find(format!("no scenario declares the case `{case}`"), to_do);
            }
        }
    }
    findings
}

#[test]
fn every_case_is_described_and_some_scenario_must_reach_it() {
    let mut marked = sources(&["src"]);
    marked.retain(|source| !source.path.starts_with("src/sync/"));
    let scenarios = sources(&["model-tests/scenarios", "model-tests/components"]);
    expect_none(without_partner(&marked, &scenarios, &document(DOCUMENT)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| case | when |\n| --- | --- |\n| `reader-sleeps` | x |\n";

    fn found(mark: &str, scenario: &str) -> Vec<String> {
        let marked = [Source::new("src/a.rs", mark)];
        let scenarios = [Source::new("model-tests/scenarios/a.rs", scenario)];
        let findings = without_partner(&marked, &scenarios, TABLE);
        findings.into_iter().map(|each| each.found).collect()
    }

    #[test]
    fn a_case_with_row_and_scenario_is_no_finding() {
        let scenario = "cases: &[\n\"reader-sleeps\",\n],";
        assert_eq!(found("reached!(\"reader-sleeps\");", scenario), Vec::<String>::new());
    }

    #[test]
    fn a_case_needs_a_row_and_a_scenario() {
        let expected = [
            "the case `moon` has no row in docs/PROTOCOL.md",
            "no scenario declares the case `moon`",
        ];
        assert_eq!(found("reached!(\"moon\")", "\"sun\""), expected);
    }

    #[test]
    fn a_mark_in_a_scenario_declares_nothing() {
        let expected = ["no scenario declares the case `reader-sleeps`"];
        let mark = "reached!(\"reader-sleeps\")";
        assert_eq!(found(mark, mark), expected);
        assert_eq!(found("reached!(case)", ""), ["`reached!` without a literal"]);
    }
}
