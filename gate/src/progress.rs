//! What is seen while a run goes on: a bar on a terminal, one line for each finished job elsewhere.
//!
//! All of it goes to stderr, so that stdout holds the result and nothing else.

use std::io::IsTerminal;

use graphlock_harness::outcome::Report;
use indicatif::{ProgressBar, ProgressStyle};

use crate::judge::{accepts, word};
use crate::plan::{Job, Purpose};
use crate::table::{count, seconds};

/// The progress of one run.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    running: Vec<String>,
    ended: usize,
    jobs: usize,
}

impl Progress {
    /// For so many jobs; a bar if stderr is a terminal.
    pub(crate) fn new(jobs: usize) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed} {wide_msg}");
            let bar = ProgressBar::new(u64::try_from(jobs).unwrap_or(u64::MAX));
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
            bar.with_style(style.expect("the template is a constant"))
        });
        Progress { bar, running: Vec::new(), ended: 0, jobs }
    }

    /// A worker took the job.
    pub(crate) fn begun(&mut self, job: &Job) {
        self.running.push(name(job));
        self.show();
    }

    /// The job has its report.
    pub(crate) fn ended(&mut self, job: &Job, report: &Report) {
        self.ended += 1;
        let name = name(job);
        self.running.retain(|each| *each != name);
        match &self.bar {
            Some(bar) => bar.inc(1),
            None => {
                let (ended, jobs) = (self.ended, self.jobs);
                let accepted = accepts(job, &report.verdict);
                let verdict = word(job, &report.verdict, accepted);
                let executions = count(report.executions);
                let time = seconds(report.elapsed);
                eprintln!("[{ended}/{jobs}] {name}: {verdict}, {executions} executions, {time}");
            }
        }
        self.show();
    }

    /// The run is over; the bar makes room for the tables.
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn show(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.running.join(" | "));
        }
    }
}

fn name(job: &Job) -> String {
    let (scenario, engine) = (&job.full_name, job.engine.word());
    match job.purpose {
        Purpose::Row { .. } => format!("{scenario} {engine}"),
        Purpose::Twice => format!("{scenario} {engine} twice"),
        Purpose::Planted(bug) => format!("{scenario} {engine} with {}", bug.mutation),
    }
}
