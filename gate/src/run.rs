//! The workers: each job on a thread of its own kind, reports in the order of the plan.
//!
//! Jobs share nothing, so neither their number at a time nor the order in which they end changes a
//! report. A worker takes the next job that nobody has taken; the caller's thread shows progress.
//!
//! Cases: *a report comes back*; *the engine itself panics*, which is a defect of the engine and
//! makes that check blind, never the whole run silent.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use graphlock_harness::outcome::{Report, Verdict, describe_panic};
use graphlock_harness::scenario::Strategy;

use crate::counterexample::{LEAST_EXECUTIONS_MAX, made_small};
use crate::engine::Engine;
use crate::plan::{Job, Purpose};
use crate::progress::Progress;

/// A worker's stack. loom and the deterministic engine bring their own stacks for tasks; their own
/// recursion runs on this one, and deserves what a main thread has.
const STACK_BYTES: usize = 8 << 20;

/// Executions that are spent on making the schedule of a planted bug small: there are many, and each is found.
const PLANTED_LEAST_EXECUTIONS_MAX: u64 = 2_000;

enum Message {
    Begun(usize),
    Ended(usize, Box<Report>),
}

/// Runs all jobs, at most `workers` at a time, and returns their reports in the order of `jobs`.
///
/// # Panics
/// If the system gives no thread: then nothing can be shown.
pub(crate) fn run(jobs: &[Job], workers: NonZeroUsize, progress: &mut Progress) -> Vec<Report> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let mut reports: BTreeMap<usize, Report> = BTreeMap::new();
    std::thread::scope(|scope| {
        for index in 0..workers.get().min(jobs.len()) {
            let (next, sender) = (&next, sender.clone());
            let builder = std::thread::Builder::new().name(format!("worker{index}"));
            let worker = move || {
                // Relaxed: the number is all that is handed over; the jobs were there before.
                while let Some((index, job)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(index).map(|job| (index, job))
                } {
                    let sent = sender.send(Message::Begun(index));
                    let report = Box::new(execute(job));
                    sent.and_then(|()| sender.send(Message::Ended(index, report)))
                        .expect("the receiver waits until the last worker has ended");
                }
            };
            let spawned = builder.stack_size(STACK_BYTES).spawn_scoped(scope, worker);
            spawned.expect("the system gives a thread for a worker");
        }
        drop(sender);
        for message in receiver {
            match message {
                Message::Begun(index) => progress.begun(&jobs[index]),
                Message::Ended(index, report) => {
                    progress.ended(&jobs[index], &report);
                    reports.insert(index, *report);
                }
            }
        }
    });
    reports.into_values().collect()
}

/// Runs one job on this thread.
pub(crate) fn execute(job: &Job) -> Report {
    let begin = Instant::now();
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let report = job.engine.check(&job.scenario, &job.check);
        let executions_max = match job.purpose {
            Purpose::Row { .. } | Purpose::Twice => LEAST_EXECUTIONS_MAX,
            Purpose::Planted(_) => PLANTED_LEAST_EXECUTIONS_MAX,
        };
        let replays = matches!(job.check.strategy, Strategy::Replay { .. });
        match job.engine {
            Engine::Harness if !replays => {
                made_small(report, &job.scenario.as_body(), &job.check, executions_max)
            }
            _ => report,
        }
    }));
    checked.unwrap_or_else(|payload| {
        let (_, message) = describe_panic(payload.as_ref());
        engine_panicked(job, &message, begin.elapsed())
    })
}

fn engine_panicked(job: &Job, message: &str, elapsed: Duration) -> Report {
    let blind = Verdict::HarnessBlind(format!("the engine itself panicked: {message}"));
    Report { elapsed, ..Report::new(job.engine.word(), "none", blind) }
}
