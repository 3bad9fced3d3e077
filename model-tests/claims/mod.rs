//! What was said of the deferred unref when it was reviewed, decided by checks: C1 to C19; and two
//! invariants that it took for granted.
//!
//! Each claim has checks that fail or pass as they must if the verdict on the claim is right: on the small models of QEMU's
//! lock (`history`), where what was proposed can be switched on, and on our own machinery with planted bugs. What types
//! exclude is named by the file that does not compile.
//!
//! | file | |
//! | --- | --- |
//! | `unref`, `unlock` | the claims with their verdicts |
//! | `table` | all of them |
//! | `variant` | the checks, by proposal |
//!
//! # Not here
//! The text of `docs/CLAIMS.md`: `gate claims --write` makes it from this table and what the checks have shown.

mod table;
mod unlock;
mod unref;
mod variant;

use graphlock_harness::expectation::Expectation;
use graphlock_harness::scenario::Scenario;

pub use table::all;

/// What a claim comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It holds where this does.
    TrueIf(&'static str),
    /// It is about words, which nothing can decide by running.
    AboutWords,
}

/// What decides a claim.
#[derive(Clone, Copy, Debug)]
pub enum Evidence {
    /// A check, and what it shows of the claim.
    Check(&'static str, Expectation),
    /// A file that must not compile, and what that shows.
    DoesNotCompile(&'static str, &'static str),
    /// A program that must pass, and what that shows.
    Program(&'static str, &'static str),
}

/// A claim with what decides it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// C1 to C19, I2, I4.
    pub id: &'static str,
    /// Who said it by initials, and when.
    pub who: &'static str,
    /// The claim in a sentence of our own.
    pub says: &'static str,
    /// What it comes to.
    pub decision: Decision,
    /// Why, in a sentence.
    pub because: &'static str,
    /// What shows that.
    pub evidence: Vec<Evidence>,
}

impl Claim {
    /// Its checks.
    pub fn checks(&self) -> impl Iterator<Item = Expectation> {
        self.evidence.iter().filter_map(|each| match each {
            Evidence::Check(_, expectation) => Some(*expectation),
            Evidence::DoesNotCompile(..) | Evidence::Program(..) => None,
        })
    }
}

/// The scenarios of claims that stand in no other list, each once.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let known: Vec<String> = super::scenarios()
        .iter()
        .chain(&super::history::scenarios())
        .map(Scenario::full_name)
        .collect();
    let mut own: Vec<Scenario> = Vec::new();
    for check in all().iter().flat_map(Claim::checks) {
        let name = check.scenario.full_name();
        let is_listed = own.iter().any(|each| each.full_name() == name);
        if !is_listed && !known.contains(&name) {
            own.push(check.scenario);
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::{Claim, Decision, Evidence, all};
    use crate::model_tests::check;
    use crate::sync::model::BACKEND;
    use graphlock_harness::expectation::Judged;
    use graphlock_harness::scenario::Check;

    #[test]
    fn each_claim_is_decided_as_the_table_says() {
        if BACKEND != "harness" {
            return;
        }
        let mut wrong = Vec::new();
        for claim in all() {
            for expectation in claim.checks() {
                let how = Check {
                    executions_max: Some(expectation.budget),
                    mutation: expectation.mutation,
                    ..Check::default()
                };
                let report = check(&expectation.scenario, &how);
                let judged = expectation.judge(&report);
                if judged != Judged::AsExpected {
                    let (id, name) = (claim.id, expectation.scenario.full_name());
                    wrong.push(format!("{id} {name}: {judged}, {} executions", report.executions));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_claim_is_there_and_a_verdict_has_a_witness() {
        let ids: Vec<&str> = all().iter().map(|claim| claim.id).collect();
        let claims = (1..=19).map(|number| format!("C{number}"));
        let expected: Vec<String> = claims.chain(["I2".to_owned(), "I4".to_owned()]).collect();
        assert_eq!(ids, expected);
        let fails = |claim: &Claim| claim.checks().any(|check| check.symptom.is_some());
        let passes = |claim: &Claim| {
            let other = |each: &Evidence| !matches!(each, Evidence::Check(..));
            claim.checks().any(|check| check.symptom.is_none()) || claim.evidence.iter().any(other)
        };
        for claim in all() {
            match claim.decision {
                // A premise is one only if something fails without it.
                Decision::TrueIf(_) => assert!(fails(&claim) && passes(&claim), "{}", claim.id),
                Decision::True | Decision::False => {
                    assert!(!claim.evidence.is_empty(), "{}", claim.id)
                }
                Decision::AboutWords => assert!(claim.evidence.is_empty(), "{}", claim.id),
            }
        }
    }
}
