//! Runs a body on loom, in two passes, and reports what loom does not say by itself: how many executions, whether
//! that was all, and in which states they ended.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use graphlock_harness::outcome::{
    Limit, Pass, Report, Verdict, Violation, ViolationKind, describe_panic,
};
use graphlock_harness::scenario::Check;

use super::atomic::set_load_as_update;

/// The body of a check.
pub(crate) type Body = Arc<dyn Fn() + Send + Sync>;

/// The stack of a model thread, in the words loom counts in (8 bytes each).
pub(super) const STACK_WORDS: usize = 0x10000;

const MEMORY_MODEL: &str = "C11 without load buffering, SeqCst accesses as acquire-release (loom)";

/// Branches one execution may have. More is a livelock.
const BRANCHES_MAX: usize = 20_000;

/// What runs when every thread of the execution has ended. All of them are on one OS thread.
type Finisher = Box<dyn FnOnce() -> String>;

/// One execution: lives as long as one of its threads does, and then names its final state.
struct Execution;

/// What the executions of a pass added up to.
#[derive(Default)]
struct Totals {
    begun: u64,
    cases: BTreeMap<&'static str, u64>,
    final_states: BTreeMap<String, u64>,
}

std::thread_local! {
    static MUTATION: Cell<Option<&'static str>> = const { Cell::new(None) };
    static CHECKING: Cell<bool> = const { Cell::new(false) };
    static EXECUTION: RefCell<Option<Arc<Execution>>> = const { RefCell::new(None) };
    static FINISHERS: RefCell<Vec<Finisher>> = const { RefCell::new(Vec::new()) };
    static REACHED: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
    static TOTALS: RefCell<Totals> = RefCell::default();
    /// A limit was reached: the executions that loom still begins do nothing.
    static LIMIT: Cell<Option<Limit>> = const { Cell::new(None) };
}

/// Whether the bug `id` is planted.
pub(crate) fn mutated(id: &'static str) -> bool {
    MUTATION.get() == Some(id)
}

/// Marks a written case as reached in this execution.
pub(crate) fn reached(case: &'static str) {
    REACHED.with_borrow_mut(|reached| reached.insert(case));
}

/// Registers what names the final state when every thread has ended.
pub(crate) fn finish(finisher: impl FnOnce() -> String + 'static) {
    FINISHERS.with_borrow_mut(|finishers| finishers.push(Box::new(finisher)));
}

/// Keeps the execution from ending, for one thread.
pub(super) fn hold_finishers() -> impl Send {
    EXECUTION.with_borrow(Clone::clone)
}

/// A thread that the execution waits for.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    let spawned = super::thread::Builder::new().name(name.to_owned()).spawn(body);
    drop(spawned.expect("loom can always spawn, up to its limit of threads"));
}

impl Drop for Execution {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let states: Vec<String> = FINISHERS.take().into_iter().map(|finisher| finisher()).collect();
        let cases = REACHED.with_borrow_mut(std::mem::take);
        TOTALS.with_borrow_mut(|totals| {
            for case in cases {
                *totals.cases.entry(case).or_default() += 1;
            }
            *totals.final_states.entry(states.join("; ")).or_default() += 1;
        });
    }
}

/// One execution of `body`, as loom's main thread.
fn execute(body: &Body) {
    REACHED.with_borrow_mut(BTreeSet::clear);
    // What an execution before has left, if it was given up, is forgotten: it belongs to that one.
    std::mem::forget(FINISHERS.take());
    let execution = Arc::new(Execution);
    EXECUTION.set(Some(Arc::clone(&execution)));
    // The body needs more stack than loom's main thread has; so it runs on a thread of its own.
    let body = Arc::clone(body);
    let main = loom::thread::Builder::new().stack_size(STACK_WORDS);
    let spawned = main.spawn(move || {
        body();
        EXECUTION.set(None);
        drop(execution);
    });
    drop(spawned.expect("loom can always spawn, up to its limit of threads"));
}

/// Which of loom's passes.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    LoadAsUpdate,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            Kind::LoadAsUpdate => "load-as-RMW",
        }
    }
}

/// One pass. What it added up to is left in `TOTALS`.
fn run_pass(check: &Check, kind: Kind, time_max: Option<Duration>, body: &Body) -> (Pass, Verdict) {
    let begun = Instant::now();
    let before = TOTALS.with_borrow(|totals| totals.begun);
    LIMIT.set(None);
    set_load_as_update(matches!(kind, Kind::LoadAsUpdate));
    MUTATION.set(check.mutation);
    CHECKING.set(true);
    let executions_max = check.executions_max;
    let body = Arc::clone(body);
    let mut builder = loom::model::Builder::new();
    builder.max_branches = BRANCHES_MAX;
    builder.preemption_bound = check.preemptions_max.map(usize::from);
    let stop = LimitReached;
    let run = AssertUnwindSafe(move || {
        builder.check(move || {
            let count = TOTALS.with_borrow(|totals| totals.begun) - before;
            let limit = if executions_max.is_some_and(|most| count >= most) {
                executions_max.map(Limit::Executions)
            } else {
                time_max.filter(|most| begun.elapsed() >= *most).map(Limit::Time)
            };
            if let Some(limit) = limit {
                // loom looks at its own limits only now and then; so the search is left by a panic.
                LIMIT.set(Some(limit));
                panic::panic_any(stop);
            }
            TOTALS.with_borrow_mut(|totals| totals.begun += 1);
            execute(&body);
        });
    });
    let result = panic::catch_unwind(run);
    CHECKING.set(false);
    MUTATION.set(None);
    EXECUTION.set(None);
    set_load_as_update(false);
    // What a given-up execution has registered holds loom's objects, which must not be touched any more.
    std::mem::forget(FINISHERS.take());
    let verdict = match (result, LIMIT.take()) {
        (Ok(()), _) => Verdict::Complete,
        (Err(_), Some(limit)) => Verdict::BudgetSpent(limit),
        (Err(payload), None) => Verdict::Violation(Box::new(violation(&*payload))),
    };
    let executions = TOTALS.with_borrow(|totals| totals.begun) - before;
    let complete = matches!(verdict, Verdict::Complete);
    (Pass { name: kind.name().to_owned(), executions, complete }, verdict)
}

/// Thrown to leave a search at its limit.
#[derive(Clone, Copy)]
struct LimitReached;

/// What loom's panic says. Its texts are the only thing it gives.
fn violation(payload: &(dyn Any + Send)) -> Violation {
    let (mut kind, message) = describe_panic(payload);
    if kind == ViolationKind::Panic {
        if message.starts_with("deadlock") {
            kind = ViolationKind::Deadlock;
        } else if message.contains("Causality violation") || message.contains("oncurrent") {
            kind = ViolationKind::DataRace;
        } else if message.contains("maximum number of branches") {
            kind = ViolationKind::Livelock;
        }
    }
    Violation { kind, message, schedule: Default::default(), trace: Default::default() }
}

/// Executes `body` in both passes, each with half of the time.
pub(crate) fn check(check: &Check, body: Body) -> Report {
    install_panic_hook();
    let begun = Instant::now();
    TOTALS.set(Totals::default());
    let half = check.time_max.map(|time| time / 2);
    let mut passes = Vec::new();
    let mut verdict = Verdict::Complete;
    for kind in [Kind::Plain, Kind::LoadAsUpdate] {
        let (pass, found) = run_pass(check, kind, half, &body);
        passes.push(pass);
        match found {
            Verdict::Complete => {}
            Verdict::Violation(_) => {
                verdict = found;
                break;
            }
            _ => verdict = found,
        }
    }
    let totals = TOTALS.take();
    Report {
        engine: "loom".to_owned(),
        memory_model: MEMORY_MODEL,
        verdict,
        executions: totals.begun,
        redundant: 0,
        steps: 0,
        bound: check.preemptions_max.map(|most| format!("preemptions <= {most}")),
        passes,
        cases: totals.cases.into_iter().map(|(case, count)| (case.to_owned(), count)).collect(),
        final_states: totals.final_states,
        elapsed: begun.elapsed(),
    }
}

#[cfg(test)]
/// The final states that each pass of this backend sees, unbounded.
pub(crate) fn litmus_states(body: fn()) -> Vec<(&'static str, BTreeSet<String>)> {
    install_panic_hook();
    let body: Body = Arc::new(body);
    let states = |kind: Kind| {
        TOTALS.set(Totals::default());
        let (_, verdict) = run_pass(&Check::default(), kind, None, &body);
        let mut states: BTreeSet<String> = TOTALS.take().final_states.into_keys().collect();
        if let Some(violation) = verdict.violation() {
            states.insert(violation.kind.to_string());
        }
        (kind.name(), states)
    };
    vec![states(Kind::Plain), states(Kind::LoadAsUpdate)]
}

/// loom's own panics end its threads; a violation is a value. Neither is printed.
fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CHECKING.get() {
                previous(info);
            }
        }));
    });
}
