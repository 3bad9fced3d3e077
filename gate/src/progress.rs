//! What is seen while a run goes on: a bar on a terminal, one line for each finished job elsewhere.
//!
//! All of it goes to stderr, so that stdout holds the result and nothing else.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use graphlock_harness::outcome::{self, Report};
use indicatif::{ProgressBar, ProgressStyle};

use crate::explore::about;
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

/// What a job is called: no other job of a run has this name.
pub(crate) fn name(job: &Job) -> String {
    let (scenario, engine) = (&job.full_name, job.engine.word());
    match job.purpose {
        Purpose::Row { .. } => format!("{scenario} {engine}"),
        Purpose::Twice => format!("{scenario} {engine} twice"),
        Purpose::Planted(bug) => format!("{scenario} {engine} with {}", bug.mutation),
    }
}

/// How often a line is written where there is no terminal.
const LINES_EVERY: Duration = Duration::from_secs(5);

/// The progress of one search: a bar on a terminal, a line now and then elsewhere.
#[derive(Debug)]
pub(crate) struct SearchProgress {
    bar: Option<ProgressBar>,
    quiet: bool,
    /// When the last line was written.
    written: Cell<Option<Instant>>,
}

impl SearchProgress {
    /// What the bar is divided into.
    const PARTS: u64 = 1_000;

    /// For the search of this name.
    pub(crate) fn new(name: &str, quiet: bool) -> SearchProgress {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{bar:24} {wide_msg}");
            let bar = ProgressBar::new(Self::PARTS);
            bar.set_message(format!("{name}: estimating"));
            bar.with_style(style.expect("the template is a constant"))
        });
        SearchProgress { bar, quiet, written: Cell::new(None) }
    }

    /// It has come so far.
    pub(crate) fn show(&self, progress: &outcome::Progress) {
        if let Some(bar) = &self.bar {
            bar.set_position((progress.explored * Self::PARTS as f64) as u64);
            bar.set_message(line(progress));
            return;
        }
        let due = self.written.get().is_none_or(|last| last.elapsed() >= LINES_EVERY);
        if due && !self.quiet {
            self.written.set(Some(Instant::now()));
            eprintln!("{:.1} % {}", 100.0 * progress.explored, line(progress));
        }
    }

    /// It has ended.
    pub(crate) fn finish(&self, report: &Report) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if !self.quiet {
            let rate = report.executions as f64 / report.elapsed.as_secs_f64();
            eprintln!("{}, {} executions/s", seconds(report.elapsed), about(rate));
        }
    }
}

/// Executions, rate, estimate and time left in one line.
fn line(progress: &outcome::Progress) -> String {
    let mut line = count(progress.executions);
    if let Some(estimate) = &progress.estimate {
        let [low, traces, high] = [estimate.low, estimate.traces, estimate.high].map(about);
        line += &format!(" of about {traces} executions ({low} to {high})");
    }
    if progress.rate > 0.0 {
        line += &format!(", {}/s", about(progress.rate));
    }
    match progress.time_left().filter(|_| progress.rate > 0.0) {
        Some(left) => line + &format!(", {} left", seconds(Duration::from_secs(left.as_secs()))),
        None => line,
    }
}
