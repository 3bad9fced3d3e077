//! Whether the planted bugs were noticed.
//!
//! A check that cannot fail proves nothing. So each protection of the code is turned off once, and
//! the engine that is said to notice must do so, within its budget, as the symptom that was declared:
//! another symptom means that something else was found than what was planted.

use graphlock_harness::outcome::{Report, Verdict, ViolationKind};
use graphlock_harness::scenario::PlantedBug;

use crate::plan::Job;

/// What became of a planted bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Found, as declared.
    Found,
    /// Found as something else.
    WrongSymptom(ViolationKind),
    /// The engine went through, or spent its budget, and noticed nothing.
    Survived,
    /// The engine came to no result.
    NoResult,
}

/// A planted bug with what was seen of it.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    /// The bug.
    pub(crate) bug: PlantedBug,
    /// The check that was made.
    pub(crate) job: Job,
    /// What the engine saw.
    pub(crate) report: Report,
    /// What became of it.
    pub(crate) fate: Fate,
}

impl Planted {
    /// The exit code that it asks for: a gate that is not alert is blind.
    pub(crate) fn exit_code(&self) -> u8 {
        match (&self.fate, &self.report.verdict) {
            (Fate::Found, _) => 0,
            (Fate::NoResult, verdict) => verdict.exit_code(),
            (Fate::WrongSymptom(_) | Fate::Survived, _) => 5,
        }
    }

    /// The verdict in the table.
    pub(crate) fn word(&self) -> &'static str {
        match self.fate {
            Fate::Found => "found",
            Fate::WrongSymptom(_) => "wrong symptom",
            Fate::Survived => "survived",
            Fate::NoResult => self.report.verdict.word(),
        }
    }
}

/// Judges the report of a planted bug.
pub(crate) fn judge(bug: PlantedBug, job: Job, report: Report) -> Planted {
    let fate = match &report.verdict {
        Verdict::Violation(violation) if violation.kind == bug.symptom => Fate::Found,
        Verdict::Violation(violation) => Fate::WrongSymptom(violation.kind),
        Verdict::Complete | Verdict::BudgetSpent(_) => Fate::Survived,
        Verdict::NotDeterministic(_) | Verdict::HarnessBlind(_) => Fate::NoResult,
    };
    Planted { bug, job, report, fate }
}

/// What follows the name of a scenario in which a bug is planted: ` with ID planted`.
pub(crate) fn with_planted(mutation: Option<&str>) -> String {
    mutation.map(|id| format!(" with {id} planted")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::planted;
    use crate::engine::Engine;
    use crate::judge::tests::{job, report, violation};
    use crate::plan::Purpose;
    use graphlock_harness::outcome::Limit;

    #[test]
    fn only_the_declared_symptom_counts_as_found() {
        let bug = planted("kick-removed", "a[readers=1]");
        let cases = [
            (violation(ViolationKind::Deadlock), 0, "found"),
            (violation(ViolationKind::Panic), 5, "wrong symptom"),
            (Verdict::Complete, 5, "survived"),
            (Verdict::BudgetSpent(Limit::Executions(100)), 5, "survived"),
            (Verdict::NotDeterministic(String::new()), 4, "not deterministic"),
            (Verdict::HarnessBlind(String::new()), 5, "blind"),
        ];
        for (verdict, code, word) in cases {
            let job = job(Purpose::Planted(bug), Engine::Harness);
            let planted = judge(bug, job, report(verdict, 9));
            assert_eq!((planted.exit_code(), planted.word()), (code, word));
        }
    }
}
