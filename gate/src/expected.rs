//! Checks of which is known what they come to: made, and compared with that.
//!
//! The lists stand in `model-tests/`; who shows one of them (a corpus, a history, claims) has the reports from here.
//! All are made on the deterministic engine. One that is not through in its budget has come to no result.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use graphlock_harness::expectation::{Expectation, Judged};
use graphlock_harness::outcome::{Report, Verdict};
use graphlock_harness::scenario::Check;

use crate::counterexample::save;
use crate::engine::Engine;
use crate::interrupt;
use crate::outputs::not_saved;
use crate::place::{self, OutOptions};
use crate::plan::{Job, Purpose};
use crate::progress::Progress;
use crate::run;

/// The most time for one check: what is known is known to be small.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(120);

/// How a list is gone through.
#[derive(Debug, Args)]
pub(crate) struct ExpectedOptions {
    /// Checks that run at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Shows no progress
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    out: OutOptions,
}

/// A check that was made.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// What was expected.
    pub(crate) expectation: Expectation,
    /// What was seen.
    pub(crate) report: Report,
    /// What it is worth.
    pub(crate) judged: Judged,
}

impl Checked {
    /// Whether it is as expected.
    pub(crate) fn is_met(&self) -> bool {
        self.judged == Judged::AsExpected
    }
}

impl ExpectedOptions {
    /// How many checks run at the same time.
    fn workers(&self) -> NonZeroUsize {
        NonZeroUsize::new(usize::from(self.jobs)).unwrap_or(NonZeroUsize::MIN)
    }
}

/// Makes all checks, in the order of the jobs.
///
/// # Errors
/// In one line, if somebody interrupted it.
pub(crate) fn execute_all(
    jobs: Vec<Job>,
    options: &ExpectedOptions,
) -> Result<Vec<Report>, String> {
    options.out.choose();
    let jobs: Arc<[Job]> = jobs.into();
    let interrupted = interrupt::listen()?;
    let mut progress = Progress::new(jobs.len(), options.quiet);
    let mut reports: Vec<Option<Report>> = jobs.iter().map(|_| None).collect();
    let open = (0..jobs.len()).collect();
    run::run(&jobs, open, options.workers(), interrupted, &mut progress, &mut |ended| {
        for (index, report) in ended {
            reports[index] = Some(report);
        }
    });
    progress.finish();
    let reports: Option<Vec<Report>> = reports.into_iter().collect();
    reports.ok_or_else(|| "interrupted, expected to be left to the end; call it again".to_owned())
}

/// Makes all checks of a list, in its order, and leaves the schedules of what failed in the gate's folder.
///
/// # Errors
/// In one line, if somebody interrupted it, or a schedule cannot be saved.
pub(crate) fn check_all(
    list: &[Expectation],
    options: &ExpectedOptions,
) -> Result<Vec<Checked>, String> {
    let reports = execute_all(list.iter().map(job).collect(), options)?;
    let checked = list.iter().zip(reports).map(|(expectation, report)| {
        let judged = expectation.judge(&report);
        if let Verdict::Violation(violation) = &report.verdict {
            let name = expectation.scenario.full_name();
            save(&place::folder(), &name, expectation.mutation, violation)
                .map_err(|error| not_saved(&error))?;
        }
        Ok(Checked { expectation: *expectation, report, judged })
    });
    checked.collect()
}

fn job(expectation: &Expectation) -> Job {
    let scenario = expectation.scenario;
    let check = Check {
        executions_max: Some(expectation.budget),
        time_max: Some(TIME_MAX),
        mutation: expectation.mutation,
        ..Check::default()
    };
    Job {
        purpose: Purpose::Expected(*expectation),
        engine: Engine::Harness,
        scenario,
        full_name: scenario.full_name(),
        check,
    }
}
