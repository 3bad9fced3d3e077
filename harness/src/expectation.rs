//! A check whose result is known before it is made: bodies that fail and bodies that do not, side by side.
//!
//! An engine that is asked only about sound bodies may be blind, one that is asked only about broken ones may cry wolf. So
//! a list of expectations has both, and each report is compared with what was expected of it.
//!
//! Cases of a comparison: [`Judged::AsExpected`]; a failure that was not found ([`Judged::Missed`]); one that is not there
//! ([`Judged::FalseAlarm`]); one that was found as something else, or is not explained by what stands in its message
//! ([`Judged::OtherSymptom`]); one that ended well, elsewhere ([`Judged::OtherStates`]); a check that came to no result ([`Judged::NoResult`]).

use std::fmt;

use crate::outcome::{Report, Verdict, ViolationKind};
use crate::scenario::Scenario;

/// How a body fails.
#[derive(Clone, Copy, Debug)]
pub struct Symptom {
    /// As what.
    pub kind: ViolationKind,
    /// Words that stand in its message, each: who waits for what, or the property with its values.
    pub says: &'static [&'static str],
}

/// A check with its result.
#[derive(Clone, Copy, Debug)]
pub struct Expectation {
    /// What is checked.
    pub scenario: Scenario,
    /// The protection that is turned off.
    pub mutation: Option<&'static str>,
    /// How it fails; `None` if every execution ends well, which a complete search must show.
    pub symptom: Option<Symptom>,
    /// The final states that its executions have, all of them, in order; not compared if empty.
    pub ends: &'static [&'static str],
    /// Within how many executions.
    pub budget: u64,
}

/// What a report is worth beside what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is as expected.
    AsExpected,
    /// No execution failed, and one should have.
    Missed,
    /// An execution failed, and none should have.
    FalseAlarm(ViolationKind),
    /// It failed as something else, or its message lacks a word: which.
    OtherSymptom(String),
    /// It ended well, in other final states.
    OtherStates(String),
    /// The search was not through, or could not be trusted.
    NoResult(&'static str),
}

impl Expectation {
    /// Compares a report with what was expected.
    #[must_use]
    pub fn judge(&self, report: &Report) -> Judged {
        match (&report.verdict, self.symptom) {
            (Verdict::Complete, None) => self.compare_ends(report),
            (Verdict::Complete | Verdict::BudgetSpent(_), Some(_)) => Judged::Missed,
            (Verdict::Violation(found), None) => Judged::FalseAlarm(found.kind),
            (Verdict::Violation(found), Some(symptom)) if found.kind != symptom.kind => {
                Judged::OtherSymptom(format!("found {}, expected {}", found.kind, symptom.kind))
            }
            (Verdict::Violation(found), Some(symptom)) => {
                let lacks = symptom.says.iter().find(|word| !found.message.contains(**word));
                lacks.map_or(Judged::AsExpected, |word| {
                    Judged::OtherSymptom(format!(
                        "found `{}`, expected `{word}` in it",
                        found.message
                    ))
                })
            }
            (verdict, _) => Judged::NoResult(verdict.word()),
        }
    }
}

impl Expectation {
    fn compare_ends(&self, report: &Report) -> Judged {
        let seen: Vec<&str> = report.final_states.keys().map(String::as_str).collect();
        if self.ends.is_empty() || self.ends == seen {
            return Judged::AsExpected;
        }
        Judged::OtherStates(format!("found {seen:?}, expected {:?}", self.ends))
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Judged::AsExpected => f.write_str("as expected"),
            Judged::Missed => f.write_str("missed"),
            Judged::FalseAlarm(kind) => write!(f, "false alarm ({kind})"),
            Judged::OtherSymptom(what) => write!(f, "other symptom: {what}"),
            Judged::OtherStates(what) => write!(f, "other final states: {what}"),
            Judged::NoResult(word) => write!(f, "no result ({word})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Limit, Violation};
    use crate::scenario::{Engines, Parameters};

    fn expectation(symptom: Option<Symptom>) -> Expectation {
        let scenario = Scenario {
            name: "a",
            parameters: Parameters(&[]),
            about: "",
            properties: &[],
            cases: &[],
            engines: Engines { harness: Some(true), loom: Err("not asked"), std: 0 },
            body: |_| (),
        };
        Expectation { scenario, mutation: None, symptom, ends: &["a"], budget: 9 }
    }

    fn judged(symptom: Option<Symptom>, verdict: Verdict) -> String {
        ended(symptom, verdict, &["a"])
    }

    fn ended(symptom: Option<Symptom>, verdict: Verdict, states: &[&str]) -> String {
        let final_states = states.iter().map(|state| ((*state).to_owned(), 1)).collect();
        let report = Report { final_states, ..Report::new("test", "none", verdict) };
        expectation(symptom).judge(&report).to_string()
    }

    fn violation(kind: ViolationKind, message: &str) -> Verdict {
        Verdict::Violation(Box::new(Violation::without_trace(kind, message.to_owned())))
    }

    #[test]
    fn each_case_of_a_comparison_is_told_apart() {
        use ViolationKind::{Deadlock, Panic};
        let fails = Some(Symptom { kind: Deadlock, says: &["main waits", "has_writer"] });
        let cut = || Verdict::BudgetSpent(Limit::Executions(9));
        assert_eq!(judged(None, Verdict::Complete), "as expected");
        let others = r#"other final states: found ["a", "b"], expected ["a"]"#;
        assert_eq!(ended(None, Verdict::Complete, &["a", "b"]), others);
        assert_eq!(judged(None, violation(Panic, "")), "false alarm (panic)");
        assert_eq!(judged(None, cut()), "no result (budget spent)");
        assert_eq!(judged(fails, Verdict::Complete), "missed");
        assert_eq!(judged(fails, cut()), "missed");
        assert_eq!(judged(fails, violation(Deadlock, "main waits for has_writer")), "as expected");
        let other = "other symptom: found panic, expected deadlock";
        assert_eq!(judged(fails, violation(Panic, "main waits for has_writer")), other);
        let silent = "other symptom: found `main waits`, expected `has_writer` in it";
        assert_eq!(judged(fails, violation(Deadlock, "main waits")), silent);
    }
}
