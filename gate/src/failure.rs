//! What fails the gate, as a list: from it annotations, SARIF and the page are made, so none of them can leave one out.
//!
//! | what | rule |
//! | --- | --- |
//! | a row, or a check that was executed twice | the kind of its violation, or the word of its verdict |
//! | a planted bug | `planted-bug-survived`, `planted-bug-wrong-symptom`, or the word of the verdict |
//! | a comparison of final states | `final-states-differ` |
//! | the engine against a plain search | `engine-differs` |
//! | a check that has not ended, since the run was interrupted | `open` |
//!
//! A failure has a place where its trace has one: that of its last step whose line is of this tree.

use graphlock_harness::outcome::{Report, Verdict, Violation};
use graphlock_harness::trace::Trace;

use crate::counterexample::{page_of, replay_command};
use crate::plan::Job;
use crate::planted::{Fate, with_planted};
use crate::results::Results;

/// Something that fails the gate.
#[derive(Clone, Debug)]
pub(crate) struct Failure<'a> {
    /// The kind of failure, in words that a file name could have.
    pub(crate) rule: String,
    /// Which check it is.
    pub(crate) title: String,
    /// What was found, in one or more lines.
    pub(crate) message: String,
    /// `file` and `line` of the last step.
    pub(crate) at: Option<(String, u32)>,
    /// The violation with its steps, where the engine gave them.
    pub(crate) drawn: Option<&'a Violation>,
    /// How to see it again.
    pub(crate) replay: Option<String>,
    /// The name of its page in the gate's folder.
    pub(crate) page: Option<String>,
}

/// All that fails the gate, in the order of the tables.
pub(crate) fn failures(results: &Results) -> Vec<Failure<'_>> {
    let mut all = Vec::new();
    for row in results.rows.iter().filter(|row| !row.accepted) {
        all.push(of_report(results, &row.job, &row.report, ""));
    }
    for row in results.twice.iter().filter(|row| !row.accepted) {
        all.push(of_report(results, &row.job, &row.report, ", executed twice"));
    }
    for planted in results.planted.iter().filter(|planted| planted.fate != Fate::Found) {
        let mutation = with_planted(Some(planted.bug.mutation));
        let failure = of_report(results, &planted.job, &planted.report, &mutation);
        let (budget, symptom) = (planted.bug.budget, planted.bug.symptom);
        let expected = format!("expected within {budget} executions: {symptom}");
        let (rule, message) = match planted.fate {
            Fate::Survived => (slug("planted bug survived"), format!("{expected}; found nothing")),
            Fate::WrongSymptom(found) => {
                (slug("planted bug wrong symptom"), format!("{expected}; found: {found}"))
            }
            Fate::Found | Fate::NoResult => {
                (failure.rule.clone(), format!("{expected}; {}", failure.message))
            }
        };
        all.push(Failure { rule, message, ..failure });
    }
    let plain = |rule: &str, title: String, message: String| Failure {
        rule: slug(rule),
        title,
        message,
        at: None,
        drawn: None,
        replay: None,
        page: None,
    };
    for each in results.comparisons.iter().filter(|each| !each.accepted()) {
        all.push(plain("final states differ", each.scenario.clone(), each.line()));
    }
    if let Some(difference) = results.self_check.as_ref().and_then(|each| each.difference.clone()) {
        all.push(plain("engine differs", "engine against plain search".to_owned(), difference));
    }
    let open = "it has not ended, since the run was interrupted; go on with `cargo gate --resume`";
    all.extend(results.extent.open.iter().map(|name| plain("open", name.clone(), open.to_owned())));
    all
}

fn of_report<'a>(results: &Results, job: &Job, report: &'a Report, how: &str) -> Failure<'a> {
    let violation = report.verdict.violation();
    let message = match &report.verdict {
        Verdict::Violation(violation) => violation.message.trim_end().to_owned(),
        Verdict::BudgetSpent(limit) => format!("not through within {limit}"),
        Verdict::NotDeterministic(reason) | Verdict::HarnessBlind(reason) => reason.clone(),
        Verdict::Complete => "the search was complete and noticed nothing".to_owned(),
    };
    let kind = violation.map(|violation| violation.kind.to_string());
    let drawn = violation.filter(|violation| !violation.trace.is_empty());
    let file = results.file_of(job, report);
    Failure {
        rule: slug(&kind.unwrap_or_else(|| report.verdict.word().to_owned())),
        title: format!("{} on {}{how}", job.full_name, job.engine.word()),
        message,
        at: drawn.and_then(|violation| last_place(&violation.trace)),
        drawn,
        replay: file.map(replay_command),
        page: file.and_then(|file| Some(page_of(file).file_name()?.to_string_lossy().into_owned())),
    }
}

/// The line of the last step that has one in this tree: a path from the root of the machine is of another one.
pub(crate) fn last_place(trace: &Trace) -> Option<(String, u32)> {
    trace.rows.iter().rev().find_map(|row| source_line(&row.location))
}

/// `file:line` as its two parts, if it is a line of this tree.
pub(crate) fn source_line(location: &str) -> Option<(String, u32)> {
    let (file, line) = location.rsplit_once(':')?;
    let line = line.parse().ok().filter(|line| *line > 0)?;
    (!file.starts_with('/') && !file.is_empty()).then(|| (file.to_owned(), line))
}

/// Words as one: `data race` becomes `data-race`.
fn slug(words: &str) -> String {
    words.replace(' ', "-")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::catalogue::tests::planted;
    use crate::engine::Engine;
    use crate::judge::tests::{job, report, violation};
    use crate::plan::Purpose;
    use crate::results::tests::{complete, results};
    use graphlock_harness::outcome::{Violation, ViolationKind};
    use graphlock_harness::trace::{Ending, Kind, Row};

    const ROW: Purpose = Purpose::Row { must_complete: true };

    /// A run in which one row deadlocks at `src/a.rs:7`, another is accepted, and a planted bug survives.
    pub(crate) fn failed_run() -> Results {
        let step = |text: &str, at: &str| Row::new(0, Kind::Write, text.to_owned(), at.to_owned());
        let rows = vec![
            step("x := 1", "src/a.rs:5"),
            step("sleeps", "src/a.rs:7"),
            step("panics", "/rustc/library/core.rs:9"),
        ];
        let message = "deadlock:\n  main waits, 100% <sure> & \"well\"".to_owned();
        let ending = Ending { what: message.clone(), ..Ending::default() };
        let trace = Trace { tasks: vec!["main".to_owned()], rows, ending };
        let deadlock =
            Violation { trace, ..Violation::without_trace(ViolationKind::Deadlock, message) };
        let bug = planted("kick-removed", "a[readers=1]");
        results(vec![
            (job(ROW, Engine::Harness), report(Verdict::Violation(Box::new(deadlock)), 9)),
            (job(ROW, Engine::Loom), complete(&["open"])),
            (job(Purpose::Planted(bug), Engine::Harness), report(Verdict::Complete, 3)),
        ])
    }

    #[test]
    fn each_failure_is_in_the_list_with_its_rule_and_its_last_line_in_this_tree() {
        let results = failed_run();
        let failures = failures(&results);
        let rules: Vec<&str> = failures.iter().map(|each| each.rule.as_str()).collect();
        assert_eq!(rules, ["deadlock", "planted-bug-survived"]);
        assert_eq!(failures[0].at, Some(("src/a.rs".to_owned(), 7)));
        assert!(failures[1].message.contains("expected within"), "{}", failures[1].message);
    }

    #[test]
    fn an_accepted_run_has_no_failures_and_an_open_gate() {
        let all = results(vec![(job(ROW, Engine::Harness), complete(&["open"]))]);
        assert!(failures(&all).is_empty() && all.exit_code() == 0);
        let broken = violation(ViolationKind::DataRace);
        let all = results(vec![(job(ROW, Engine::Loom), report(broken, 1))]);
        let [only] = &failures(&all)[..] else { panic!("one failure") };
        assert_eq!((only.rule.as_str(), &only.at), ("data-race", &None));
    }

    #[test]
    fn only_lines_of_this_tree_are_places() {
        assert_eq!(source_line("src/a.rs:7"), Some(("src/a.rs".to_owned(), 7)));
        for other in ["", "src/a.rs", "src/a.rs:0", "/rustc/x.rs:3", ":3"] {
            assert_eq!(source_line(other), None, "{other}");
        }
    }
}
