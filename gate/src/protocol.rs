//! What of the protocol was reached by which scenario: every case that the code marks, every ordering that it explains.
//!
//! The build script reads both from the sources, so what nobody reaches is in the list, too: it is shown, never left
//! out. A row with a planted bug does not count; nor does what a row declares, only what it did.
//!
//! An ordering is reached by a scenario whose row on the harness has executed an atomic step or a fence on one of the
//! lines that a comment `ORDERING(id)` is about. The other engines do not say where they are.

use std::collections::{BTreeMap, BTreeSet};

use graphlock_harness::outcome::{Place, Report};
use serde::Serialize;

use crate::engine::Engine;
use crate::judge::Row;

include!(concat!(env!("OUT_DIR"), "/protocol.rs"));

/// Names that a line of the summary takes.
const NAMES_MAX: usize = 12;

/// An ordering that the sources explain.
#[derive(Debug)]
pub(crate) struct Explained {
    id: &'static str,
    lines: &'static [Lines],
}

/// What one comment is about: from the line after it to the end of its block.
#[derive(Debug)]
struct Lines {
    file: &'static str,
    from: u32,
    to: u32,
}

/// A case that the sources mark.
#[derive(Debug)]
pub(crate) struct Marked {
    case: &'static str,
    at: &'static [(&'static str, u32)],
}

/// What was reached of the protocol.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Protocol {
    /// Every marked case, by name.
    pub(crate) cases: Vec<CaseReached>,
    /// Every explained ordering, by id.
    pub(crate) orderings: Vec<OrderingReached>,
}

/// A case and who reached it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CaseReached {
    /// Its name.
    pub(crate) case: &'static str,
    /// Where it is marked.
    pub(crate) marked_at: Vec<String>,
    /// The scenarios that reached it, by engine.
    pub(crate) reached_by: BTreeMap<&'static str, Vec<String>>,
}

/// An ordering and who executed it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OrderingReached {
    /// Its id.
    pub(crate) id: &'static str,
    /// The lines that its comments are about.
    pub(crate) explained_at: Vec<String>,
    /// Those with an atomic step or a fence that was executed.
    pub(crate) executed: BTreeSet<String>,
    /// The scenarios that executed one of them.
    pub(crate) reached_by: Vec<String>,
}

impl Protocol {
    /// What these rows reached.
    pub(crate) fn of(rows: &[Row]) -> Protocol {
        Protocol {
            cases: CASES.iter().map(|marked| CaseReached::of(marked, rows)).collect(),
            orderings: ORDERINGS.iter().map(|each| OrderingReached::of(each, rows)).collect(),
        }
    }

    /// Cases that were reached, and those that were not.
    pub(crate) fn cases_reached(&self) -> (usize, Vec<&'static str>) {
        let not = self.cases.iter().filter(|each| each.reached_by.is_empty());
        let not: Vec<&str> = not.map(|each| each.case).collect();
        (self.cases.len() - not.len(), not)
    }

    /// Orderings that were reached, and those that were not.
    pub(crate) fn orderings_reached(&self) -> (usize, Vec<&'static str>) {
        let not = self.orderings.iter().filter(|each| each.reached_by.is_empty());
        let not: Vec<&str> = not.map(|each| each.id).collect();
        (self.orderings.len() - not.len(), not)
    }

    /// One line for each of the two, for the summary. Where a filter leaves out much of the protocol, the report has the
    /// names of cases; orderings are few, and always named.
    pub(crate) fn lines(&self) -> [String; 2] {
        let line = |what: &str, (reached, not): (usize, Vec<&str>)| {
            let all = reached + not.len();
            let not = match not.len() {
                0 => String::new(),
                few if few <= NAMES_MAX => {
                    format!("; by no scenario of this run: {}", not.join(", "))
                }
                many => format!("; by no scenario of this run: {many}, named in the report"),
            };
            format!("{what} of the protocol reached {reached}/{all}{not}")
        };
        [
            line("named cases", self.cases_reached()),
            line("explained orderings", self.orderings_reached()),
        ]
    }
}

impl CaseReached {
    fn of(marked: &Marked, rows: &[Row]) -> CaseReached {
        let mut reached_by: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for row in rows {
            if row.report.cases.get(marked.case).is_some_and(|count| *count > 0) {
                let by = reached_by.entry(row.job.engine.word()).or_default();
                by.push(row.job.full_name.clone());
            }
        }
        let marked_at = marked.at.iter().map(|(file, line)| format!("{file}:{line}")).collect();
        CaseReached { case: marked.case, marked_at, reached_by }
    }
}

impl OrderingReached {
    fn of(explained: &Explained, rows: &[Row]) -> OrderingReached {
        let mut executed = BTreeSet::new();
        let mut reached_by = Vec::new();
        for row in rows.iter().filter(|row| row.job.engine == Engine::Harness) {
            let own: Vec<&Place> =
                row.report.places.iter().filter(|place| explained.is_about(place)).collect();
            if !own.is_empty() {
                reached_by.push(row.job.full_name.clone());
            }
            executed.extend(own.into_iter().map(Place::to_string));
        }
        let about = |lines: &Lines| format!("{}:{}-{}", lines.file, lines.from, lines.to);
        OrderingReached {
            id: explained.id,
            explained_at: explained.lines.iter().map(about).collect(),
            executed,
            reached_by,
        }
    }
}

impl Explained {
    fn is_about(&self, place: &Place) -> bool {
        let within = |lines: &Lines| {
            let Lines { file, from, to } = lines;
            // The thin packages name the same sources by a longer path.
            let same = place.file == *file || place.file.ends_with(&format!("/{file}"));
            same && (*from..=*to).contains(&place.line)
        };
        self.lines.iter().any(within)
    }
}

/// The explained orderings of which a check has executed a step.
pub(crate) fn orderings_of(report: &Report) -> Vec<&'static str> {
    let reached = |each: &&Explained| report.places.iter().any(|place| each.is_about(place));
    ORDERINGS.iter().filter(reached).map(|each| each.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::{job, report};
    use crate::plan::Purpose;
    use graphlock_harness::outcome::Verdict;

    fn row(engine: Engine, places: &[(&str, u32)], cases: &[&str]) -> Row {
        let mut report = report(Verdict::Complete, 9);
        let place = |(file, line): &(&str, u32)| Place { file: (*file).to_owned(), line: *line };
        report.places = places.iter().map(place).collect();
        report.cases = cases.iter().map(|case| ((*case).to_owned(), 1)).collect();
        let job = job(Purpose::Row { must_complete: true }, engine);
        Row { job, report, accepted: true }
    }

    #[test]
    fn the_sources_have_the_orderings_and_cases_that_the_documents_name() {
        let ids: Vec<&str> = ORDERINGS.iter().map(|each| each.id).collect();
        let table = include_str!("../../docs/ORDERING.md");
        let rows = table.lines().filter(|line| line.starts_with("| `"));
        let mut named: Vec<&str> = rows.filter_map(|line| line.split('`').nth(1)).collect();
        named.sort_unstable();
        assert_eq!(ids, named);
        let table = include_str!("../../docs/PROTOCOL.md");
        assert!(CASES.len() > 20);
        for Marked { case, .. } in CASES {
            assert!(table.contains(&format!("| `{case}` |")), "{case} has no row");
        }
    }

    #[test]
    fn every_explained_ordering_has_lines_of_its_own() {
        for each in ORDERINGS {
            for Lines { file, from, to } in each.lines {
                assert!(from <= to, "{} in {file}: {from} to {to}", each.id);
                assert!(to - from < 60, "{} in {file}: {from} to {to}", each.id);
            }
        }
    }

    #[test]
    fn a_step_on_an_explained_line_reaches_its_ordering_and_no_other() {
        let Lines { file, from, to } = ORDERINGS[0].lines[0];
        let longer = format!("model-tests/on-harness/{file}");
        for path in [file, &longer] {
            let rows = [row(Engine::Harness, &[(path, from), (path, to)], &[])];
            let protocol = Protocol::of(&rows);
            let (reached, not) = protocol.orderings_reached();
            assert_eq!((reached, not.len()), (1, ORDERINGS.len() - 1));
            assert_eq!(protocol.orderings[0].reached_by, ["a[readers=1]"]);
        }
        let beside = [row(Engine::Harness, &[(file, from - 1), ("a.rs", from)], &[])];
        assert_eq!(Protocol::of(&beside).orderings_reached().0, 0);
    }

    #[test]
    fn what_nobody_reached_is_named() {
        let case = CASES[0].case;
        let protocol = Protocol::of(&[row(Engine::Loom, &[], &[case])]);
        assert_eq!(protocol.cases[0].reached_by["loom"], ["a[readers=1]"]);
        let [cases, orderings] = protocol.lines();
        assert!(cases.contains(&format!("reached 1/{}", CASES.len())), "{cases}");
        let others = CASES.len() - 1;
        assert!(cases.ends_with(&format!(": {others}, named in the report")), "{cases}");
        assert!(orderings.contains("reached 0/8; by no scenario of this run: "), "{orderings}");
    }
}
