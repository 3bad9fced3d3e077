//! What is seen of a run while it goes on: bars on a terminal, lines elsewhere, nothing with `--quiet`.
//!
//! On a terminal each job that runs has a bar, and the last bar is that of all jobs. Elsewhere each job that has ended has
//! a line, and each that runs one now and then. All of it goes to stderr, so that stdout holds the result and nothing else.
//!
//! Invariants: no line is wider than the terminal, whatever its width, so that bars overwrite themselves; nothing that is
//! executed depends on whether anybody watches.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use graphlock_harness::outcome::{self, Report};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::figures::{self, Figures};
use crate::judge::{accepts, word};
use crate::plan::{Job, Purpose};
use crate::table::{count, seconds};

/// How often a line is written where there is no terminal.
const LINES_EVERY: Duration = Duration::from_secs(5);

/// What a bar is divided into.
const PARTS: u64 = 1_000;

/// How often a bar moves by itself, to show the time.
const TICK: Duration = Duration::from_millis(200);

/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// Jobs that must have ended before the time that is left is guessed.
const ENDED_MIN: usize = 5;

/// The progress of one run.
#[derive(Debug)]
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
    all: Option<ProgressBar>,
    quiet: bool,
    running: Vec<Running>,
    begun: Instant,
    ended: usize,
    jobs: usize,
    /// Of jobs that have ended.
    executions: u64,
}

/// A job that runs.
#[derive(Debug)]
struct Running {
    name: String,
    bar: Option<ProgressBar>,
    begun: Instant,
    /// When its last line was written.
    written: Instant,
    executions: u64,
}

impl Progress {
    /// For so many jobs; bars if stderr is a terminal.
    pub(crate) fn new(jobs: usize, quiet: bool) -> Progress {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        let all = bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(u64::try_from(jobs).unwrap_or(u64::MAX)));
            bar.enable_steady_tick(TICK);
            bar.with_style(style())
        });
        Progress {
            bars,
            all,
            quiet,
            running: Vec::new(),
            begun: Instant::now(),
            ended: 0,
            jobs,
            executions: 0,
        }
    }

    /// A worker took the job.
    pub(crate) fn begun(&mut self, job: &Job) {
        let name = name(job);
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.insert_from_back(1, ProgressBar::new(PARTS)).with_style(style());
            bar.set_message(figures::fit(&name, &Figures::begun(job.check.time_max), room()));
            bar
        });
        let now = Instant::now();
        self.running.push(Running { name, bar, begun: now, written: now, executions: 0 });
        self.show_all();
    }

    /// The job has come so far.
    pub(crate) fn going(&mut self, job: &Job, progress: &outcome::Progress) {
        let name = name(job);
        let Some(running) = self.running.iter_mut().find(|each| each.name == name) else { return };
        running.executions = progress.executions;
        let figures = Figures::of(progress, job.check.time_max);
        if let Some(bar) = &running.bar {
            bar.set_position((figures.share() * PARTS as f64) as u64);
            bar.set_message(figures::fit(&name, &figures, room()));
            self.show_all();
        } else if !self.quiet && running.written.elapsed() >= LINES_EVERY {
            running.written = Instant::now();
            let (time, figures) = (seconds(running.begun.elapsed()), figures.long());
            eprintln!("[{}/{}] {name}: {figures}, runs for {time}", self.ended, self.jobs);
        }
    }

    /// The job has its report.
    pub(crate) fn ended(&mut self, job: &Job, report: &Report) {
        self.ended += 1;
        self.executions += report.executions;
        let name = name(job);
        if let Some(at) = self.running.iter().position(|each| each.name == name)
            && let Some(bar) = self.running.remove(at).bar
            && let Some(bars) = &self.bars
        {
            bar.finish_and_clear();
            bars.remove(&bar);
        }
        match &self.all {
            Some(bar) => bar.inc(1),
            None if self.quiet => {}
            None => {
                let (ended, jobs) = (self.ended, self.jobs);
                let accepted = accepts(job, &report.verdict);
                let verdict = word(job, &report.verdict, accepted);
                let executions = count(report.executions);
                let time = seconds(report.elapsed);
                eprintln!("[{ended}/{jobs}] {name}: {verdict}, {executions} executions, {time}");
            }
        }
        self.show_all();
    }

    /// The run is over; the bars make room for the tables.
    pub(crate) fn finish(self) {
        for running in &self.running {
            if let Some(bar) = &running.bar {
                bar.finish_and_clear();
            }
        }
        if let Some(bar) = self.all {
            bar.finish_and_clear();
        }
    }

    fn show_all(&self) {
        let Some(bar) = &self.all else { return };
        let running: u64 = self.running.iter().map(|each| each.executions).sum();
        let elapsed = self.begun.elapsed();
        let executions = self.executions + running;
        let rate = executions as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let left = (self.ended >= ENDED_MIN)
            .then(|| elapsed.mul_f64((self.jobs - self.ended) as f64 / self.ended as f64));
        let figures = Figures { executions, rate, left, ..Figures::default() };
        let name = format!("{}/{} jobs", self.ended, self.jobs);
        bar.set_message(figures::fit(&name, &figures, room()));
    }
}

/// What a job is called: no other job of a run has this name.
pub(crate) fn name(job: &Job) -> String {
    let (scenario, engine) = (&job.full_name, job.engine.word());
    match job.purpose {
        Purpose::Row { .. } => format!("{scenario} {engine}"),
        Purpose::Twice => format!("{scenario} {engine} twice"),
        Purpose::Planted(bug) => format!("{scenario} {engine} with {}", bug.mutation),
        Purpose::Expected(expected) => match expected.mutation {
            Some(mutation) => format!("{scenario} {engine} with {mutation}"),
            None => format!("{scenario} {engine}"),
        },
    }
}

/// The progress of one search, or of one hunt: a bar on a terminal, a line now and then elsewhere.
#[derive(Debug)]
pub(crate) struct SearchProgress {
    name: String,
    bar: Option<ProgressBar>,
    quiet: bool,
    time_max: Option<Duration>,
    /// When the last line was written.
    written: std::cell::Cell<Option<Instant>>,
}

impl SearchProgress {
    /// For the search of this name, which ends at the latest after this time.
    pub(crate) fn new(name: &str, time_max: Option<Duration>, quiet: bool) -> SearchProgress {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(PARTS), ProgressDrawTarget::stderr())
                .with_style(style());
            bar.set_message(figures::fit(name, &Figures::begun(time_max), room()));
            bar
        });
        let written = std::cell::Cell::new(None);
        SearchProgress { name: name.to_owned(), bar, quiet, time_max, written }
    }

    /// It has come so far.
    pub(crate) fn show(&self, progress: &outcome::Progress) {
        self.show_with(progress, "");
    }

    /// It has come so far, and there is something else to say.
    pub(crate) fn show_with(&self, progress: &outcome::Progress, rest: &str) {
        let figures = Figures::of(progress, self.time_max);
        if let Some(bar) = &self.bar {
            bar.set_position((figures.share() * PARTS as f64) as u64);
            bar.set_message(figures::fit(&self.name, &figures, room()));
            return;
        }
        let due = self.written.get().is_none_or(|last| last.elapsed() >= LINES_EVERY);
        if due && !self.quiet {
            self.written.set(Some(Instant::now()));
            eprintln!("{:.1} % {}{rest}", 100.0 * figures.share(), figures.long());
        }
    }

    /// It has ended.
    pub(crate) fn finish(&self, report: &Report) {
        self.clear();
        if !self.quiet {
            let rate = report.executions as f64 / report.elapsed.as_secs_f64();
            eprintln!("{}, {} executions/s", seconds(report.elapsed), figures::about(rate));
        }
    }

    /// The bar makes room.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Columns of the terminal.
fn columns() -> usize {
    console::Term::stderr().size_checked().map_or(COLUMNS, |(_, columns)| usize::from(columns))
}

/// Columns of a bar: a fifth of the terminal, so that something is left for the figures.
fn bar_columns() -> usize {
    (columns() / 5).clamp(4, 24)
}

/// Columns beside the bar.
fn room() -> usize {
    columns().saturating_sub(bar_columns() + 2)
}

fn style() -> ProgressStyle {
    let template = format!("{{bar:{}}} {{wide_msg}}", bar_columns());
    ProgressStyle::with_template(&template).expect("the template has two known parts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::judge::tests::{job, report};
    use graphlock_harness::outcome::Verdict;

    #[test]
    fn a_job_is_known_by_its_name_until_it_has_ended() {
        let job = job(Purpose::Row { must_complete: true }, Engine::Harness);
        let mut progress = Progress::new(1, true);
        progress.begun(&job);
        progress.going(&job, &outcome::Progress::counted(7, None, TICK));
        assert_eq!(progress.running[0].executions, 7);
        progress.ended(&job, &report(Verdict::Complete, 9));
        assert_eq!((progress.running.len(), progress.ended, progress.executions), (0, 1, 9));
        progress.going(&job, &outcome::Progress::counted(8, None, TICK));
        assert!(progress.running.is_empty(), "what comes late is not shown");
    }
}
