//! All that a run showed, as one value from which the text, the JSON and the exit code are made.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use graphlock_harness::outcome::Report;

use crate::agreement::{self, Comparison};
use crate::arguments::Run;
use crate::cases::{self, Coverage};
use crate::catalogue::Catalogue;
use crate::counterexample;
use crate::judge::{self, Row};
use crate::plan::{Job, Purpose};
use crate::planted::{self, Planted};
use crate::self_check::SelfCheck;
use crate::steer::Extent;
use crate::{BLIND, BUDGET_SPENT};

/// What a run showed.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    /// What was asked for.
    pub(crate) run: Run,
    /// The rows of the table, in the order of the list.
    pub(crate) rows: Vec<Row>,
    /// The checks that were executed twice.
    pub(crate) twice: Vec<Row>,
    /// The comparisons of final states.
    pub(crate) comparisons: Vec<Comparison>,
    /// The declared cases.
    pub(crate) coverage: Coverage,
    /// The planted bugs.
    pub(crate) planted: Vec<Planted>,
    /// The mutations that no planted bug turns on.
    pub(crate) not_planted: Vec<&'static str>,
    /// Scenarios that are not for loom, with the reason.
    pub(crate) not_on_loom: Vec<(String, &'static str)>,
    /// Saved schedules: scenario and mutation, and the file.
    pub(crate) saved: BTreeMap<(String, Option<&'static str>), PathBuf>,
    /// The engine against a plain search, where that was asked for.
    pub(crate) self_check: Option<SelfCheck>,
    /// How much of the run this is.
    pub(crate) extent: Extent,
    /// Wall time of the whole run.
    pub(crate) elapsed: Duration,
}

impl Results {
    /// Makes one value of all reports; they stand in the order of the jobs.
    pub(crate) fn new(
        catalogue: &Catalogue,
        run: &Run,
        finished: impl IntoIterator<Item = (Job, Report)>,
        elapsed: Duration,
    ) -> Results {
        let (mut rows, mut twice, mut planted) = (Vec::new(), Vec::new(), Vec::new());
        for (job, report) in finished {
            match job.purpose {
                Purpose::Row { .. } => rows.push(judge::judge(job, report)),
                Purpose::Twice => twice.push(judge::judge(job, report)),
                Purpose::Planted(bug) => planted.push(planted::judge(bug, job, report)),
                Purpose::Expected(_) => unreachable!("a whole run plans none"),
            }
        }
        // The sets of states are compared before missing cases make a row blind: the search was
        // complete all the same.
        let comparisons = agreement::compare_all(&rows);
        let coverage = cases::look(catalogue, &mut rows);
        let mut not_on_loom = Vec::new();
        for entry in catalogue.entries.iter().filter(|entry| run.selection.names(&entry.full_name))
        {
            if let Err(reason) = entry.on(crate::engine::Engine::Loom).engines.loom {
                not_on_loom.push((entry.full_name.clone(), reason));
            }
        }
        Results {
            run: run.clone(),
            rows,
            twice,
            comparisons,
            coverage,
            planted,
            not_planted: catalogue.not_planted(),
            not_on_loom,
            saved: BTreeMap::new(),
            self_check: None,
            extent: Extent::default(),
            elapsed,
        }
    }

    /// The exit code: the worst of all.
    pub(crate) fn exit_code(&self) -> u8 {
        let rows = self.rows.iter().chain(&self.twice).map(Row::exit_code);
        let planted = self.planted.iter().map(Planted::exit_code);
        let comparisons = self.comparisons.iter().map(|each| if each.accepted() { 0 } else { 5 });
        let differs = self.self_check.as_ref().is_some_and(|each| each.difference.is_some());
        let engine = if differs { BLIND } else { 0 };
        let open = if self.extent.open.is_empty() { 0 } else { BUDGET_SPENT };
        judge::worst(rows.chain(planted).chain(comparisons).chain([engine, open]))
    }

    /// Saves the schedule of each violation.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(crate) fn save(&mut self, folder: &Path) -> io::Result<()> {
        let rows = self.rows.iter().map(|row| (&row.job, &row.report));
        let planted = self.planted.iter().map(|planted| (&planted.job, &planted.report));
        for (job, report) in rows.chain(planted) {
            let Some(violation) = report.verdict.violation() else {
                continue;
            };
            let mutation = job.check.mutation;
            let file = counterexample::save(folder, &job.full_name, mutation, violation)?;
            if let Some(file) = file {
                self.saved.insert((job.full_name.clone(), mutation), file);
            }
        }
        Ok(())
    }

    /// The saved schedule of a job's violation: only the harness gives one.
    pub(crate) fn file_of(&self, job: &Job, report: &Report) -> Option<&Path> {
        let violation = report.verdict.violation()?;
        if violation.schedule == Default::default() {
            return None;
        }
        let key = (job.full_name.clone(), job.check.mutation);
        self.saved.get(&key).map(PathBuf::as_path)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::arguments::{Command, parse};
    use crate::catalogue::tests::{catalogue, planted};
    use crate::engine::Engine;
    use crate::judge::tests::{job, report, violation};
    use graphlock_harness::outcome::{Limit, Verdict, ViolationKind};

    /// The results of the given reports.
    pub(crate) fn results(finished: Vec<(Job, Report)>) -> Results {
        let Ok(Command::Run(run)) = parse(["gate"]) else { panic!("the empty call is a run") };
        Results::new(&catalogue(&["a"]), &run, finished, Duration::from_secs(1))
    }

    /// A harness report that reached all cases and ended in these states.
    pub(crate) fn complete(states: &[&str]) -> Report {
        let mut report = report(Verdict::Complete, 9);
        report.cases = ["reader-sleeps", "overtaken"].map(|case| (case.to_owned(), 1)).into();
        report.final_states = states.iter().map(|state| ((*state).to_owned(), 1)).collect();
        report
    }

    const ROW: Purpose = Purpose::Row { must_complete: true };

    #[test]
    fn everything_shown_is_exit_code_0() {
        let bug = planted("kick-removed", "a[readers=1]");
        let all = results(vec![
            (job(ROW, Engine::Harness), complete(&["open"])),
            (job(Purpose::Row { must_complete: false }, Engine::Loom), complete(&["open"])),
            (job(Purpose::Twice, Engine::Harness), report(Verdict::Complete, 9)),
            (
                job(Purpose::Planted(bug), Engine::Harness),
                report(violation(ViolationKind::Deadlock), 3),
            ),
        ]);
        assert_eq!(all.exit_code(), 0);
        assert_eq!((all.rows.len(), all.twice.len(), all.planted.len()), (2, 1, 1));
        assert_eq!((all.coverage.reached, all.coverage.declared), (2, 2));
    }

    #[test]
    fn the_worst_part_gives_the_exit_code() {
        let cut = || report(Verdict::BudgetSpent(Limit::Executions(9)), 9);
        let row = |report| (job(ROW, Engine::Harness), report);
        assert_eq!(results(vec![row(cut())]).exit_code(), 3);

        let different = report(Verdict::NotDeterministic(String::new()), 9);
        let twice = (job(Purpose::Twice, Engine::Harness), different);
        assert_eq!(results(vec![row(cut()), twice.clone()]).exit_code(), 4);

        let disagree = vec![
            row(complete(&["open"])),
            (job(ROW, Engine::Loom), complete(&["open", "stale"])),
            twice,
        ];
        assert_eq!(results(disagree.clone()).exit_code(), 5);

        let mut blind = results(vec![row(complete(&["open"]))]);
        blind.self_check =
            Some(SelfCheck { difference: Some("missed 1".to_owned()), ..SelfCheck::default() });
        assert_eq!(blind.exit_code(), 5);

        let broken = (job(ROW, Engine::Std), report(violation(ViolationKind::Panic), 1));
        assert_eq!(results([disagree, vec![broken]].concat()).exit_code(), 1);
    }
}
