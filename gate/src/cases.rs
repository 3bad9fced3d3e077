//! Whether the written cases of the protocol were really reached.
//!
//! A green row over code whose interesting branch never ran says nothing. So each scenario declares
//! the cases that it must reach, and its harness row is looked at:
//!
//! - *reached*: in at least one execution;
//! - *missing*: the search was complete and never came there. The row is blind;
//! - *open*: the row was cut off before it came there. It is named, and not counted as reached;
//! - rows that end in a violation are not looked at: they stop at the first one.

use graphlock_harness::outcome::Verdict;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::engine::Engine;
use crate::judge::Row;

/// A declared case that was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unreached {
    /// The scenario's full name.
    pub(crate) scenario: String,
    /// The case.
    pub(crate) case: &'static str,
}

/// How many of the declared cases were reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Coverage {
    /// Pairs of scenario and case in the harness rows that were looked at.
    pub(crate) declared: usize,
    /// Those that were reached.
    pub(crate) reached: usize,
    /// Never reached by a complete search.
    pub(crate) missing: Vec<Unreached>,
    /// Not reached before the row was cut off.
    pub(crate) open: Vec<Unreached>,
}

/// Looks at the harness rows. A row with a missing case is blind from then on.
pub(crate) fn look(catalogue: &Catalogue, rows: &mut [Row]) -> Coverage {
    let mut coverage = Coverage::default();
    for row in rows.iter_mut().filter(|row| row.job.engine == Engine::Harness) {
        let complete = match row.report.verdict {
            Verdict::Complete => true,
            Verdict::BudgetSpent(_) => false,
            // An engine may have looked at the cases itself; the list of them is wanted anyway.
            Verdict::HarnessBlind(_) if row.report.executions > 0 => true,
            _ => continue,
        };
        let cases =
            catalogue.find(&row.job.full_name).map(|entry| entry.cases()).unwrap_or_default();
        let reached = |case: &&str| row.report.cases.get(*case).is_some_and(|count| *count > 0);
        let (reached, unreached): (Vec<&str>, Vec<&'static str>) =
            cases.iter().partition(|case| reached(case));
        coverage.declared += cases.len();
        coverage.reached += reached.len();
        let scenario = || row.job.full_name.clone();
        let unreached_here = unreached.iter().map(|case| Unreached { scenario: scenario(), case });
        if complete {
            coverage.missing.extend(unreached_here);
        } else {
            coverage.open.extend(unreached_here);
        }
        if matches!(row.report.verdict, Verdict::Complete) && !unreached.is_empty() {
            let message = format!("never reached: {}", unreached.join(", "));
            row.report.verdict = Verdict::HarnessBlind(message);
            row.accepted = false;
        }
    }
    coverage
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::catalogue;
    use crate::judge::judge;
    use crate::judge::tests::{job, report, violation};
    use crate::plan::Purpose;
    use graphlock_harness::outcome::{Limit, ViolationKind};

    fn looked_at(verdict: Verdict, reached: &[&str]) -> (Coverage, Row) {
        let mut report = report(verdict, 9);
        report.cases = reached.iter().map(|case| ((*case).to_owned(), 1)).collect();
        let job = job(Purpose::Row { must_complete: false }, Engine::Harness);
        let mut rows = [judge(job, report)];
        let coverage = look(&catalogue(&["a"]), &mut rows);
        let [row] = rows;
        (coverage, row)
    }

    #[test]
    fn a_complete_search_that_misses_a_case_is_blind() {
        let (coverage, row) = looked_at(Verdict::Complete, &["reader-sleeps"]);
        assert_eq!((coverage.reached, coverage.declared), (1, 2));
        assert_eq!(coverage.missing[0].case, "overtaken");
        assert_eq!(row.exit_code(), 5);
    }

    #[test]
    fn a_search_that_was_cut_off_leaves_the_case_open() {
        let cut = Verdict::BudgetSpent(Limit::Executions(9));
        let (coverage, row) = looked_at(cut, &["reader-sleeps"]);
        assert_eq!((coverage.missing.len(), coverage.open.len()), (0, 1));
        assert_eq!(row.exit_code(), 0);
    }

    #[test]
    fn all_reached_is_n_of_n_and_a_violation_is_not_looked_at() {
        let (coverage, row) = looked_at(Verdict::Complete, &["reader-sleeps", "overtaken"]);
        assert_eq!((coverage.reached, coverage.declared, row.exit_code()), (2, 2, 0));
        let (coverage, row) = looked_at(violation(ViolationKind::Panic), &[]);
        assert_eq!((coverage, row.exit_code()), (Coverage::default(), 1));
    }
}
