//! `gate replay FILE`: one saved schedule, executed again and drawn.
//!
//! Cases: *shown again* (the same kind of violation: exit code 1); *not shown again* (it ends in something else:
//! exit code 4, the code has changed);
//! *a mistake* (no file, a damaged or foreign one, a scenario or mutation that is not here: exit
//! code 2, nothing is executed).
//!
//! Only the harness replays: loom and real threads give no schedules.

use std::path::Path;

use graphlock_harness::outcome::{Report, Verdict};
use graphlock_harness::scenario::{Check, Strategy};
use graphlock_harness::schedule::ScheduleFile;

use crate::catalogue::Catalogue;
use crate::counterexample::draw;
use crate::engine::Engine;
use crate::plan::{Job, Purpose};
use crate::planted::with_planted;
use crate::run::execute;
use crate::table::Paint;
use crate::trace_page::Page;

/// A replay that is ready to be executed.
#[derive(Debug)]
pub(crate) struct Replay {
    job: Job,
    expected: String,
}

/// What a look at one scenario showed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// For stdout.
    pub(crate) text: String,
    /// That of the process; of a replay 1 or 4.
    pub(crate) exit_code: u8,
}

impl Replay {
    /// Reads the file and finds what it names.
    ///
    /// # Errors
    /// In one line: what was found, and what was expected.
    pub(crate) fn read(catalogue: &Catalogue, path: &Path) -> Result<Replay, String> {
        let bytes = std::fs::read(path).map_err(|error| {
            format!(
                "found no readable file ({error}), expected a .schedule file; `gate mutants` leaves some in target/gate"
            )
        })?;
        let text = String::from_utf8(bytes).map_err(|_| {
            "found bytes that are not UTF-8, expected a .schedule file; let `gate` save it again"
                .to_owned()
        })?;
        let file = ScheduleFile::parse(&text)
            .map_err(|error| format!("{error}; let `gate` save it again"))?;
        Replay::find(catalogue, file)
    }

    fn find(catalogue: &Catalogue, file: ScheduleFile) -> Result<Replay, String> {
        let entry = catalogue.scenario(&file.scenario)?;
        let mutation = match &file.mutation {
            None => None,
            Some(named) => Some(catalogue.mutation(named)?),
        };
        let strategy = Strategy::Replay { schedule: file.schedule, strict: false };
        let check = Check { strategy, mutation, ..Check::default() };
        let job = Job {
            purpose: Purpose::Row { must_complete: true },
            engine: Engine::Harness,
            scenario: *entry.on(Engine::Harness),
            full_name: entry.full_name.clone(),
            check,
        };
        Ok(Replay { job, expected: file.verdict })
    }

    /// Executes the schedule of this file, and writes a page of it if one is asked for.
    ///
    /// # Errors
    /// In one line, if the page cannot be written.
    pub(crate) fn execute(&self, file: &Path, html: Option<&Path>) -> Result<Shown, String> {
        let report = execute(&self.job, &|_| ());
        let mut shown = self.show(&report);
        let replay = format!("cargo gate replay {}", file.display());
        let title = &self.job.full_name;
        shown.text += &page(title, self.job.check.mutation, &replay, &report, html)?;
        Ok(shown)
    }

    fn show(&self, report: &Report) -> Shown {
        let planted = with_planted(self.job.check.mutation);
        let title = format!("{}{planted}\n", self.job.full_name);
        let shown = shown_again(report, &self.expected);
        Shown { text: title + &shown.text, ..shown }
    }
}

/// Writes the page of a replay that is asked for, and says so.
///
/// # Errors
/// In one line, if it cannot be written.
pub(crate) fn page(
    title: &str,
    mutation: Option<&str>,
    replay: &str,
    report: &Report,
    html: Option<&Path>,
) -> Result<String, String> {
    let Some(path) = html else { return Ok(String::new()) };
    let Verdict::Violation(violation) = &report.verdict else {
        return Ok("nothing was broken, no page was written\n".to_owned());
    };
    let page = Page { title, mutation, violation, replay: Some(replay) };
    page.write(path).map_err(|error| {
        format!("--html {}: {error}, expected a file that can be written", path.display())
    })?;
    Ok(format!("in a browser: {}\n", path.display()))
}

/// What to do where a schedule does not lead to what it is said to.
const AGAIN: &str = "if the code was changed since, save a new one with `gate` or `gate explore`";

/// What came of executing a schedule again that has ended in `expected`. Where it no longer fits the code, the execution has
/// gone on with as few switches as it can, and that is said.
pub(crate) fn shown_again(report: &Report, expected: &str) -> Shown {
    let (text, exit_code) = match &report.verdict {
        Verdict::Violation(violation) if violation.kind.to_string() == *expected => {
            (draw(violation, Paint::for_stdout()) + &format!("shown again: {expected}\n"), 1)
        }
        Verdict::Violation(violation) => {
            let found = &violation.kind;
            let line =
                format!("not shown again: the file says `{expected}`, found `{found}`; {AGAIN}\n");
            (draw(violation, Paint::for_stdout()) + &line, 4)
        }
        Verdict::NotDeterministic(reason) | Verdict::HarnessBlind(reason) => {
            (format!("not shown again: the file says `{expected}`, but {reason}; {AGAIN}\n"), 4)
        }
        Verdict::Complete | Verdict::BudgetSpent(_) => (
            format!(
                "not shown again: the file says `{expected}`, nothing was broken this time; {AGAIN}\n"
            ),
            4,
        ),
    };
    let diverged = report.diverged.map_or_else(String::new, |choice| {
        format!(
            "the code has changed since: the schedule fits up to its choice {choice}, what came after that was executed \
             with as few switches as can be\n"
        )
    });
    Shown { text: text + &diverged, exit_code }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::catalogue;
    use crate::judge::tests::{report, violation};
    use graphlock_harness::outcome::{Limit, ViolationKind};

    fn file(scenario: &str, mutation: Option<&str>) -> ScheduleFile {
        ScheduleFile {
            scenario: scenario.to_owned(),
            mutation: mutation.map(str::to_owned),
            verdict: "deadlock".to_owned(),
            schedule: Default::default(),
        }
    }

    #[test]
    fn what_the_file_names_must_be_here() {
        let catalogue = catalogue(&["a"]);
        let find = |scenario, mutation| Replay::find(&catalogue, file(scenario, mutation));
        let refused = find("b", None).expect_err("no such scenario");
        assert_eq!(refused, "found scenario `b`, expected one of the 1 of `gate list`");
        let refused = find("a[readers=1]", Some("moon")).expect_err("no such mutation");
        assert_eq!(refused, "found mutation `moon`, expected one of the 2 of `gate list`");
        let found = find("a[readers=1]", Some("kick-removed")).expect("both are here");
        assert_eq!(found.job.check.mutation, Some("kick-removed"));
    }

    #[test]
    fn only_the_same_kind_of_violation_is_shown_again() {
        let catalogue = catalogue(&["a"]);
        let replay = Replay::find(&catalogue, file("a[readers=1]", None)).expect("it is here");
        let cases = [
            (violation(ViolationKind::Deadlock), 1, "shown again: deadlock"),
            (violation(ViolationKind::Panic), 4, "the file says `deadlock`, found `panic`"),
            (Verdict::NotDeterministic("choice 3 is not offered".to_owned()), 4, "but choice 3"),
            (Verdict::BudgetSpent(Limit::Executions(1)), 4, "nothing was broken this time"),
        ];
        for (verdict, code, part) in cases {
            let shown = replay.show(&report(verdict, 1));
            assert_eq!(shown.exit_code, code);
            assert!(shown.text.contains(part), "{}", shown.text);
        }
    }
}
