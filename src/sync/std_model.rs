//! Models on real threads: a smoke test. Each body runs some hundred times as the machine schedules it.

use std::cell::RefCell;
#[cfg(test)]
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use graphlock_harness::model::Hooks;
use graphlock_harness::outcome::{
    Limit, Progress, Report, Verdict, Violation, ViolationKind, describe_panic,
};
use graphlock_harness::scenario::Check;

pub(crate) use super::unsaid::*;

/// The body of a check.
pub(crate) type Body = Arc<dyn Fn() + Send + Sync>;

/// Whether constants that hide interesting paths shrink.
pub(crate) const CHECKED: bool = true;

/// The name of this backend.
#[cfg(test)]
pub(crate) const BACKEND: &str = "std";

/// Real threads only sample: no pass of theirs has to show all outcomes.
#[cfg(test)]
pub(crate) fn litmus_states(_body: fn()) -> Vec<(&'static str, BTreeSet<String>)> {
    Vec::new()
}

/// An execution that takes longer hangs: nothing in a body takes a thousandth of it.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// How often a body runs if nobody says.
const EXECUTIONS: u64 = 200;

/// One body runs at a time on a machine's real threads.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

std::thread_local! {
    static FINISHERS: RefCell<Vec<Box<dyn FnOnce() -> String>>> = const { RefCell::new(Vec::new()) };
    static THREADS: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
}

/// Whether the bug `id` is planted: never. Real threads run what ships.
pub(crate) fn mutated(_id: &'static str) -> bool {
    false
}

/// Marks a written case: nothing. Which cases a sample reaches differs from run to run.
pub(crate) fn reached(_case: &'static str) {}

/// Registers what names the final state when the body has returned and its threads have ended. Called by the
/// body's own thread.
pub(crate) fn finish(finisher: impl FnOnce() -> String + 'static) {
    FINISHERS.with_borrow_mut(|finishers| finishers.push(Box::new(finisher)));
}

/// A thread that the execution waits for. Called by the body's own thread.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    let thread = spawned.unwrap_or_else(|error| panic!("the system gives no thread: {error}"));
    THREADS.with_borrow_mut(|threads| threads.push(thread));
}

/// One execution, on its own thread.
fn execute(body: &Body) -> Result<Option<String>, (ViolationKind, String)> {
    let run = AssertUnwindSafe(|| {
        body();
        for thread in THREADS.take() {
            if let Err(payload) = thread.join() {
                panic::resume_unwind(payload);
            }
        }
        let states: Vec<String> = FINISHERS.take().into_iter().map(|finisher| finisher()).collect();
        (!states.is_empty()).then(|| states.join("; "))
    });
    panic::catch_unwind(run).map_err(|payload| describe_panic(&*payload))
}

/// Executes `body` again and again.
///
/// # Panics
/// If a bug is to be planted: real threads run what ships.
pub(crate) fn check(check: &Check, body: Body, hooks: &Hooks<'_>) -> Report {
    assert!(
        check.mutation.is_none(),
        "bugs are planted on the harness and on loom, not on real threads"
    );
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let begun = Instant::now();
    let most = check.executions_max.unwrap_or(EXECUTIONS);
    let spent = Verdict::BudgetSpent(Limit::Executions(most));
    let mut report = Report::new("real threads", "this machine's", spent);
    report.bound = Some(format!("{most} runs"));
    while report.executions < most {
        if let Some(time) = check.time_max.filter(|time| begun.elapsed() >= *time) {
            report.verdict = Verdict::BudgetSpent(Limit::Time(time));
            break;
        }
        if let Some(progress) = hooks.progress {
            progress(&Progress::counted(report.executions, Some(most), begun.elapsed()));
        }
        report.executions += 1;
        let (sender, receiver) = sync_channel(1);
        let body = Arc::clone(&body);
        let runner = std::thread::spawn(move || drop(sender.send(execute(&body))));
        let found = match receiver.recv_timeout(HANGS_AFTER) {
            Ok(result) => {
                drop(runner.join());
                result
            }
            // The thread is left behind: there is no way to end it.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err((
                ViolationKind::Deadlock,
                format!("no end within {} s on real threads", HANGS_AFTER.as_secs()),
            )),
        };
        match found {
            Ok(Some(state)) => *report.final_states.entry(state).or_default() += 1,
            Ok(None) => {}
            Err((kind, message)) => {
                let violation = Violation::without_trace(kind, message);
                report.verdict = Verdict::Violation(Box::new(violation));
                break;
            }
        }
    }
    report.elapsed = begun.elapsed();
    report
}
