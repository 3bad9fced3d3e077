//! What the gate makes of a report: whether it is accepted, and the exit code of many of them.
//!
//! An engine reports what it saw. Whether that is enough is the gate's to say:
//!
//! - *harness*: `Complete` is accepted, from two executions on. One single interleaving shows that the
//!   body has no concurrency, so nothing could have failed: blind.
//! - *harness, may be cut*: `BudgetSpent` is accepted and named.
//! - *loom*: `Complete` within its bound, or `BudgetSpent`, which is named. The proof is not loom's.
//! - *std*: running all the times that were asked for is a pass. It never is a proof.
//! - everything else fails.

use graphlock_harness::outcome::{Limit, Report, Verdict};

use crate::engine::Engine;
use crate::plan::{Job, Purpose};

/// Executions below which an exhaustive search has not searched.
const EXECUTIONS_MIN: u64 = 2;

/// A report with what the gate makes of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What was asked for.
    pub(crate) job: Job,
    /// What was seen. The verdict is the engine's, or stricter.
    pub(crate) report: Report,
    /// Whether the gate passes with it.
    pub(crate) accepted: bool,
}

impl Row {
    /// The exit code that this row asks for.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.accepted { 0 } else { self.report.verdict.exit_code() }
    }

    /// The verdict in the table.
    pub(crate) fn word(&self) -> &'static str {
        word(&self.job, &self.report.verdict, self.accepted)
    }

    /// Whether another run gives the same counts: if the clock did not end it.
    pub(crate) fn repeatable(&self) -> bool {
        !matches!(self.report.verdict, Verdict::BudgetSpent(Limit::Time(_)))
    }
}

/// Judges a row of the table or a check that was executed twice. Planted bugs are judged by
/// [`planted`](crate::planted): there a violation is the good end.
pub(crate) fn judge(job: Job, mut report: Report) -> Row {
    let is_search = job.engine == Engine::Harness && matches!(job.purpose, Purpose::Row { .. });
    let is_complete = matches!(report.verdict, Verdict::Complete);
    if is_search && is_complete && report.executions < EXECUTIONS_MIN {
        let executions = report.executions;
        report.verdict = Verdict::HarnessBlind(format!(
            "executions: {executions}; with fewer than {EXECUTIONS_MIN} nothing could have failed"
        ));
    }
    let accepted = accepts(&job, &report.verdict);
    Row { job, report, accepted }
}

/// Whether a job may end like that.
pub(crate) fn accepts(job: &Job, verdict: &Verdict) -> bool {
    match (verdict, job.purpose) {
        (Verdict::Complete, _) => true,
        (Verdict::BudgetSpent(_), Purpose::Row { must_complete }) => !must_complete,
        // Cut off by design; a violation in it is the row's to report, and there it fails the gate.
        (Verdict::BudgetSpent(_) | Verdict::Violation(_), Purpose::Twice) => true,
        (Verdict::Violation(found), Purpose::Expected(expected)) => {
            expected.symptom.is_some_and(|symptom| symptom.kind == found.kind)
        }
        _ => false,
    }
}

/// The verdict in one or two words, for a table.
pub(crate) fn word(job: &Job, verdict: &Verdict, accepted: bool) -> &'static str {
    match (verdict, accepted, job.engine) {
        (Verdict::BudgetSpent(Limit::Executions(_)), true, Engine::Std) => "passed",
        (Verdict::BudgetSpent(_), true, _) => "budget spent (ok)",
        (verdict, _, _) => verdict.word(),
    }
}

/// The worst of many exit codes: a violation first, then what makes the rest worthless.
pub(crate) fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    const BY_WEIGHT: [u8; 6] = [0, 3, 4, 5, 2, 1];
    let weight = |code: u8| BY_WEIGHT.iter().position(|each| *each == code);
    codes.into_iter().max_by_key(|code| weight(*code)).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::catalogue::tests::scenario;
    use graphlock_harness::outcome::{Violation, ViolationKind};
    use graphlock_harness::scenario::Check;
    use std::time::Duration;

    /// A report for tests.
    pub(crate) fn report(verdict: Verdict, executions: u64) -> Report {
        Report { executions, ..Report::new("test", "test", verdict) }
    }

    /// A job for tests.
    pub(crate) fn job(purpose: Purpose, engine: Engine) -> Job {
        let scenario = scenario("a");
        Job { purpose, engine, scenario, full_name: scenario.full_name(), check: Check::default() }
    }

    /// A violation for tests.
    pub(crate) fn violation(kind: ViolationKind) -> Verdict {
        Verdict::Violation(Box::new(Violation::without_trace(
            kind,
            "who waits for whom".to_owned(),
        )))
    }

    const MUST: Purpose = Purpose::Row { must_complete: true };
    const MAY: Purpose = Purpose::Row { must_complete: false };

    fn cut() -> Verdict {
        Verdict::BudgetSpent(Limit::Time(Duration::from_secs(2)))
    }

    #[test]
    fn a_row_is_accepted_only_for_what_it_was_to_show() {
        use Engine::{Harness, Loom, Std};
        let different = || Verdict::NotDeterministic(String::new());
        let cases = [
            (MUST, Harness, Verdict::Complete, 0, "complete"),
            (MUST, Harness, cut(), 3, "budget spent"),
            (MAY, Harness, cut(), 0, "budget spent (ok)"),
            (MAY, Loom, cut(), 0, "budget spent (ok)"),
            (MAY, Std, Verdict::BudgetSpent(Limit::Executions(5)), 0, "passed"),
            (MAY, Std, violation(ViolationKind::Panic), 1, "violation"),
            (Purpose::Twice, Harness, cut(), 0, "budget spent (ok)"),
            (Purpose::Twice, Harness, different(), 4, "not deterministic"),
            (MUST, Harness, Verdict::HarnessBlind(String::new()), 5, "blind"),
        ];
        for (purpose, engine, verdict, code, word) in cases {
            let row = judge(job(purpose, engine), report(verdict, 9));
            assert_eq!((row.exit_code(), row.word()), (code, word), "{purpose:?} {engine:?}");
        }
    }

    #[test]
    fn a_complete_search_of_one_interleaving_is_blind() {
        let row = judge(job(MUST, Engine::Harness), report(Verdict::Complete, 1));
        assert_eq!(row.exit_code(), 5);
        let row = judge(job(MUST, Engine::Harness), report(Verdict::Complete, 2));
        assert_eq!(row.exit_code(), 0);
    }

    #[test]
    fn counts_repeat_unless_the_clock_ended_the_search() {
        assert!(!judge(job(MAY, Engine::Harness), report(cut(), 9)).repeatable());
        assert!(judge(job(MAY, Engine::Harness), report(Verdict::Complete, 9)).repeatable());
    }

    #[test]
    fn the_worst_exit_code_wins() {
        assert_eq!(worst([]), 0);
        assert_eq!(worst([0, 3, 0]), 3);
        assert_eq!(worst([3, 4]), 4);
        assert_eq!(worst([4, 5, 3]), 5);
        assert_eq!(worst([5, 1, 4]), 1);
    }
}
