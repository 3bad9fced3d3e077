//! Trials on several threads, their results in order.
//!
//! Each thread takes the next number. Results wait until all before them are there, so that totals and the curve are
//! those of one thread; a failure ends the hunt when all trials before it are done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use graphlock_harness::outcome::{Lengths, Progress, Violation};
use graphlock_programs::program::Program;
use graphlock_programs::strategy::Schedule;
use serde::Serialize;

use super::trial;
use crate::page::Known;
use crate::progress::SearchProgress;
use crate::table::count;

/// What is hunted, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Hunt {
    pub(super) seed: u64,
    pub(super) first: u64,
    pub(super) programs: Option<u64>,
    pub(super) time: Option<Duration>,
    pub(super) jobs: usize,
    pub(super) schedules: u64,
    pub(super) mutation: Option<&'static str>,
    pub(super) quiet: bool,
}

/// A trial that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) number: u64,
    pub(super) program: Arc<Program>,
    pub(super) schedule: Schedule,
    pub(super) violation: Box<Violation>,
}

/// What was known after so many programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Point {
    programs: u64,
    schedules: u64,
    traces: u64,
    cases: usize,
    /// When, in seconds; of a hunt whose end is a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
}

impl From<&Point> for Known {
    fn from(point: &Point) -> Known {
        let Point { programs, traces, cases, .. } = *point;
        Known { runs: programs, traces, next_is_new: None, cases }
    }
}

/// What a hunt has come to.
#[derive(Debug, Default)]
pub(super) struct Hunted {
    pub(super) programs: u64,
    pub(super) executions: u64,
    pub(super) steps: u64,
    pub(super) traces: u64,
    pub(super) cases: BTreeSet<String>,
    pub(super) lengths: Lengths,
    pub(super) curve: Vec<Point>,
    pub(super) failed: Option<Failed>,
    pub(super) elapsed: Duration,
}

/// What one trial has come to.
struct Result {
    executions: u64,
    steps: u64,
    traces: u64,
    cases: Vec<String>,
    lengths: Lengths,
    failed: Option<Failed>,
}

/// Results as they come, and the totals of those that are in order.
struct Shared {
    hunted: Hunted,
    next: u64,
    waiting: BTreeMap<u64, Result>,
    progress: SearchProgress,
}

impl Hunt {
    pub(super) fn run(&self) -> Hunted {
        let begun = Instant::now();
        let end = self.programs.map_or(u64::MAX, |programs| self.first.saturating_add(programs));
        let next = AtomicU64::new(self.first);
        // No trial after the first that failed is begun.
        let stop = AtomicU64::new(end);
        let shared = Mutex::new(Shared {
            hunted: Hunted::default(),
            next: self.first,
            waiting: BTreeMap::new(),
            progress: SearchProgress::new("fuzzing", self.time, self.quiet),
        });
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| {
                    while self.time.is_none_or(|time| begun.elapsed() < time) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let result = self.try_one(number);
                        if result.failed.is_some() {
                            stop.fetch_min(number, Ordering::Relaxed);
                        }
                        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                        shared.add(number, result, self.clock(begun));
                        shared.show(self, begun);
                    }
                });
            }
        });
        let Shared { mut hunted, progress, .. } =
            shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        progress.clear();
        hunted.mark(self.clock(begun));
        hunted.elapsed = begun.elapsed();
        hunted
    }

    /// The time since `begun`, where results may depend on it.
    fn clock(&self, begun: Instant) -> Option<u64> {
        self.time.map(|_| begun.elapsed().as_secs())
    }

    fn try_one(&self, number: u64) -> Result {
        let (program, schedule) = trial::draw(self.seed, number).current();
        let program = Arc::new(program);
        let check = trial::how(&program, &schedule, self.schedules, self.mutation);
        let report = trial::execute(&program, &check);
        let failed = report.verdict.violation().map(|violation| Failed {
            number,
            program: Arc::clone(&program),
            schedule,
            violation: Box::new(violation.clone()),
        });
        Result {
            executions: report.executions,
            steps: report.steps,
            traces: report.saturation.map_or(report.executions, |seen| seen.traces),
            cases: report.cases.into_keys().collect(),
            lengths: report.lengths,
            failed,
        }
    }
}

impl Shared {
    fn add(&mut self, number: u64, result: Result, seconds: Option<u64>) {
        self.waiting.insert(number, result);
        while self.hunted.failed.is_none()
            && let Some(result) = self.waiting.remove(&self.next)
        {
            self.next += 1;
            self.hunted.add(result, seconds);
        }
    }

    /// How far it has come: the schedules of the programs that are to be drawn, or the time.
    fn show(&self, hunt: &Hunt, begun: Instant) {
        let Hunted { programs, executions, traces, cases, .. } = &self.hunted;
        let most = hunt.programs.map(|most| most.saturating_mul(hunt.schedules));
        let so_far = Progress::counted(*executions, most, begun.elapsed());
        let rest = format!(
            "; {} programs, {} traces, {} cases",
            count(*programs),
            count(*traces),
            cases.len()
        );
        self.progress.show_with(&so_far, &rest);
    }
}

impl Hunted {
    fn add(&mut self, result: Result, seconds: Option<u64>) {
        self.programs += 1;
        self.executions += result.executions;
        self.steps += result.steps;
        self.traces += result.traces;
        self.cases.extend(result.cases);
        self.lengths.add(&result.lengths);
        self.failed = result.failed;
        // As many points for each power of two: the curve stays short however long the hunt is.
        let parts = (self.programs.next_power_of_two() / 8).max(1);
        if self.programs.is_multiple_of(parts) {
            self.mark(seconds);
        }
    }

    fn mark(&mut self, seconds: Option<u64>) {
        let point = Point {
            programs: self.programs,
            schedules: self.executions,
            traces: self.traces,
            cases: self.cases.len(),
            seconds,
        };
        if self.curve.last() != Some(&point) {
            self.curve.push(point);
        }
    }
}
