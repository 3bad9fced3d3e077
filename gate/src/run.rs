//! The workers: each job on a thread of its own kind, reports as they come.
//!
//! Jobs share nothing, so neither their number at a time nor the order in which they end changes a
//! report. A worker takes the next job that nobody has taken; the caller's thread shows progress.
//!
//! Cases: *a report comes back*; *the engine itself panics*, which is a defect of the engine and
//! makes that check blind, never the whole run silent; *somebody interrupts*, and what runs is given up.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use graphlock_harness::model::Hooks;
use graphlock_harness::outcome::{self, Report, Verdict, describe_panic};
use graphlock_harness::scenario::{Check, Strategy};

use crate::counterexample::{LEAST_EXECUTIONS_MAX, made_small};
use crate::engine::Engine;
use crate::plan::{Job, Purpose};
use crate::progress::Progress;

/// A worker's stack. loom and the deterministic engine bring their own stacks for tasks; their own
/// recursion runs on this one, and deserves what a main thread has.
const STACK_BYTES: usize = 8 << 20;

/// Executions that are spent on making the schedule of a planted bug small: there are many, and each is found.
const PLANTED_LEAST_EXECUTIONS_MAX: u64 = 2_000;

/// How often somebody looks whether the run is to end.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often a worker says how far its job has come.
const SAY_EVERY: Duration = Duration::from_millis(100);

enum Message {
    Begun(usize),
    Going(usize, outcome::Progress),
    Ended(usize, Box<Report>),
}

/// What the workers share.
struct Queue {
    jobs: Arc<[Job]>,
    /// The jobs that are to be run, by their place in the plan.
    open: Vec<usize>,
    next: AtomicUsize,
}

impl Queue {
    /// The next job that nobody has taken. Relaxed: the number is all that is handed over; the jobs were there before.
    fn take(&self) -> Option<usize> {
        self.open.get(self.next.fetch_add(1, Ordering::Relaxed)).copied()
    }

    /// Leaves the rest.
    fn close(&self) {
        self.next.store(self.open.len(), Ordering::Relaxed);
    }
}

/// Runs the open jobs, at most `workers` at a time, and hands their reports to `ended`: each soon after it has come, those
/// that came meanwhile together with it.
///
/// An interrupted run returns at once. loom and real threads cannot be stopped, so what runs then is left behind, for the
/// end of the process; its report is nobody's.
///
/// # Panics
/// If the system gives no thread: then nothing can be shown.
pub(crate) fn run(
    jobs: &Arc<[Job]>,
    open: Vec<usize>,
    workers: NonZeroUsize,
    interrupted: &AtomicBool,
    progress: &mut Progress,
    ended: &mut dyn FnMut(Vec<(usize, Report)>),
) {
    make_ready(jobs, &open);
    let workers = workers.get().min(open.len());
    let queue = Arc::new(Queue { jobs: Arc::clone(jobs), open, next: AtomicUsize::new(0) });
    let (sender, receiver) = mpsc::channel();
    for index in 0..workers {
        let (queue, sender) = (Arc::clone(&queue), sender.clone());
        let builder = std::thread::Builder::new().name(format!("worker{index}"));
        let spawned = builder.stack_size(STACK_BYTES).spawn(move || work(&queue, &sender));
        spawned.expect("the system gives a thread for a worker");
    }
    drop(sender);
    while !interrupted.load(Ordering::Relaxed) {
        let first = match receiver.recv_timeout(LOOK_EVERY) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut reports = Vec::new();
        for message in std::iter::once(first).chain(receiver.try_iter()) {
            match message {
                Message::Begun(index) => progress.begun(&jobs[index]),
                Message::Going(index, so_far) => progress.going(&jobs[index], &so_far),
                Message::Ended(index, report) => {
                    progress.ended(&jobs[index], &report);
                    reports.push((index, *report));
                }
            }
        }
        if !reports.is_empty() {
            ended(reports);
        }
    }
    queue.close();
}

/// Lets each engine that is needed execute once while nothing else does: each puts a panic hook in its place then, and two
/// that did so at the same moment could lose one. What that engine finds would be lost with it.
fn make_ready(jobs: &[Job], open: &[usize]) {
    for engine in [Engine::Harness, Engine::Loom] {
        let of_engine = |index: &&usize| jobs[**index].engine == engine;
        if let Some(first) = open.iter().find(of_engine) {
            let check = Check { executions_max: Some(1), ..Check::default() };
            let _ = execute(&Job { check, ..jobs[*first].clone() }, &|_| {});
        }
    }
}

/// One worker.
fn work(queue: &Queue, sender: &Sender<Message>) {
    while let Some(index) = queue.take() {
        let sent = sender.send(Message::Begun(index));
        let report = Box::new(execute(&queue.jobs[index], &say_to(sender, index)));
        if sent.and_then(|()| sender.send(Message::Ended(index, report))).is_err() {
            // The run was interrupted; nobody waits any more.
            return;
        }
    }
}

/// Hands on, now and then, how far a job has come.
fn say_to(sender: &Sender<Message>, index: usize) -> impl Fn(&outcome::Progress) {
    let said = Cell::new(None::<Instant>);
    move |so_far| {
        if said.get().is_none_or(|last| last.elapsed() >= SAY_EVERY) {
            said.set(Some(Instant::now()));
            // If nobody listens any more, nobody wants to know.
            let _ = sender.send(Message::Going(index, *so_far));
        }
    }
}

/// Runs one job on this thread.
pub(crate) fn execute(job: &Job, progress: &dyn Fn(&outcome::Progress)) -> Report {
    let begin = Instant::now();
    let hooks = Hooks { progress: Some(progress), ..Hooks::default() };
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let mut report = job.engine.check(&job.scenario, &job.check, &hooks);
        if !matches!(report.verdict, Verdict::BudgetSpent(_)) {
            // What is through is known: an estimate of it is there only if it took long enough to show progress.
            report.estimate = None;
        }
        let executions_max = match job.purpose {
            Purpose::Row { .. } | Purpose::Twice => LEAST_EXECUTIONS_MAX,
            Purpose::Planted(_) | Purpose::Expected(_) => PLANTED_LEAST_EXECUTIONS_MAX,
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
