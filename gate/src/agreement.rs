//! Whether two engines that search the same body end in the same final states.
//!
//! The harness enumerates every sequentially consistent interleaving; loom adds stale reads and, under
//! a preemption bound, leaves interleavings out. So of a scenario that both went through:
//!
//! - *equal*: what is hoped for;
//! - *within*: loom's states are among the harness's, its bound explains the rest;
//! - *extra*: loom shows a state that no sequentially consistent interleaving has. Either the code
//!   depends on an ordering it does not declare, or one engine is wrong. The gate fails;
//! - *lost*: loom went through without a bound and still lacks a state. The gate fails;
//! - *none named*: the body names no final state, nothing was compared. It is said, not hidden.
//!
//! A scenario that one of them did not go through is not compared.

use std::collections::BTreeMap;

use graphlock_harness::outcome::Verdict;
use serde::Serialize;

use crate::engine::Engine;
use crate::judge::Row;

/// How two sets of final states lie to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Relation {
    /// The same states.
    Equal,
    /// loom's are among the harness's, and its bound explains the rest.
    Within,
    /// These are loom's alone.
    Extra(Vec<String>),
    /// These are the harness's alone, and no bound explains it.
    Lost(Vec<String>),
    /// Neither names a state.
    NoneNamed,
}

/// The comparison of one scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Comparison {
    /// The scenario's full name.
    pub(crate) scenario: String,
    /// How many final states the harness saw.
    pub(crate) harness: usize,
    /// How many final states loom saw.
    pub(crate) loom: usize,
    /// How they lie to each other.
    pub(crate) relation: Relation,
}

impl Comparison {
    /// Whether the gate passes with it.
    pub(crate) fn accepted(&self) -> bool {
        !matches!(self.relation, Relation::Extra(_) | Relation::Lost(_))
    }

    /// One line: `final states: harness 3, loom 3 (equal)`.
    pub(crate) fn line(&self) -> String {
        let (harness, loom) = (self.harness, self.loom);
        let relation = match &self.relation {
            Relation::Equal => "equal".to_owned(),
            Relation::Within => "loom's are among them, its bound leaves out the rest".to_owned(),
            Relation::Extra(states) => {
                format!(
                    "loom ends in {}, which no sequentially consistent interleaving does",
                    list(states)
                )
            }
            Relation::Lost(states) => {
                format!("loom has no bound and does not end in {}, the harness does", list(states))
            }
            Relation::NoneNamed => "the body names none, nothing was compared".to_owned(),
        };
        format!("final states: harness {harness}, loom {loom} ({relation})")
    }
}

fn list(states: &[String]) -> String {
    states.iter().map(|state| format!("`{state}`")).collect::<Vec<_>>().join(", ")
}

/// Compares each scenario that the harness and loom both went through, in the order of the rows.
pub(crate) fn compare_all(rows: &[Row]) -> Vec<Comparison> {
    let through = |row: &&Row| matches!(row.report.verdict, Verdict::Complete);
    let on =
        |engine| rows.iter().filter(through).filter(move |row: &&Row| row.job.engine == engine);
    let pairs = on(Engine::Harness).filter_map(|harness| {
        let loom = on(Engine::Loom).find(|loom| loom.job.full_name == harness.job.full_name)?;
        Some((harness, loom))
    });
    let compare_pair = |(harness, loom): (&Row, &Row)| Comparison {
        scenario: harness.job.full_name.clone(),
        harness: harness.report.final_states.len(),
        loom: loom.report.final_states.len(),
        relation: relation(
            &harness.report.final_states,
            &loom.report.final_states,
            loom.report.bound.is_some(),
        ),
    };
    pairs.map(compare_pair).collect()
}

fn relation(
    harness: &BTreeMap<String, u64>,
    loom: &BTreeMap<String, u64>,
    loom_is_bounded: bool,
) -> Relation {
    let alone = |these: &BTreeMap<String, u64>, those: &BTreeMap<String, u64>| -> Vec<String> {
        these.keys().filter(|state| !those.contains_key(*state)).cloned().collect()
    };
    let (extra, lost) = (alone(loom, harness), alone(harness, loom));
    if harness.is_empty() && loom.is_empty() {
        Relation::NoneNamed
    } else if !extra.is_empty() {
        Relation::Extra(extra)
    } else if lost.is_empty() {
        Relation::Equal
    } else if loom_is_bounded {
        Relation::Within
    } else {
        Relation::Lost(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::tests::{job, report};
    use crate::plan::Purpose;
    use graphlock_harness::outcome::Limit;

    fn states(names: &[&str]) -> BTreeMap<String, u64> {
        names.iter().map(|name| ((*name).to_owned(), 1)).collect()
    }

    #[test]
    fn sets_of_states_lie_in_one_of_five_ways() {
        let owned =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let cases: [(&[&str], &[&str], bool, Relation); 7] = [
            (&["a", "b"], &["a", "b"], true, Relation::Equal),
            (&["a", "b"], &["a", "b"], false, Relation::Equal),
            (&["a", "b"], &["a"], true, Relation::Within),
            (&["a", "b"], &["a"], false, Relation::Lost(owned(&["b"]))),
            (&["a"], &["a", "c", "d"], true, Relation::Extra(owned(&["c", "d"]))),
            (&["a", "b"], &["a", "c"], false, Relation::Extra(owned(&["c"]))),
            (&[], &[], true, Relation::NoneNamed),
        ];
        for (harness, loom, bounded, expected) in cases {
            let found = relation(&states(harness), &states(loom), bounded);
            assert_eq!(found, expected, "{harness:?} {loom:?} {bounded}");
        }
    }

    fn row(engine: Engine, verdict: Verdict, names: &[&str]) -> Row {
        let mut report = report(verdict, 9);
        report.final_states = states(names);
        report.bound = (engine == Engine::Loom).then(|| "preemptions <= 2".to_owned());
        judge(job(Purpose::Row { must_complete: false }, engine), report)
    }

    #[test]
    fn only_what_both_went_through_is_compared() {
        let harness = row(Engine::Harness, Verdict::Complete, &["a", "b"]);
        let loom = row(Engine::Loom, Verdict::Complete, &["b", "a"]);
        let compared = compare_all(&[harness.clone(), loom]);
        assert_eq!(compared.len(), 1);
        assert!(compared[0].accepted());
        assert_eq!(compared[0].line(), "final states: harness 2, loom 2 (equal)");

        let cut = row(Engine::Loom, Verdict::BudgetSpent(Limit::Executions(9)), &["z"]);
        assert_eq!(compare_all(&[harness, cut]), []);
    }

    #[test]
    fn a_state_of_looms_alone_fails_and_is_named() {
        let rows = [
            row(Engine::Harness, Verdict::Complete, &["a"]),
            row(Engine::Loom, Verdict::Complete, &["a", "stale"]),
        ];
        let compared = compare_all(&rows);
        assert!(!compared[0].accepted());
        assert!(compared[0].line().contains("loom ends in `stale`"), "{}", compared[0].line());
    }
}
