//! Runs a body on loom, in two passes, and reports what loom does not say by itself: how many executions, whether
//! that was all, and in which states they ended.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use graphlock_harness::model::{Hooks, is_among};
use graphlock_harness::outcome::{
    Limit, Pass, Progress, Report, Verdict, Violation, ViolationKind, describe_panic,
};
use graphlock_harness::scenario::{Check, silence};
use graphlock_harness::trace::{Kind as RowKind, Trace};

use super::atomic::set_load_as_update;
use super::recorder;

/// The body of a check.
pub(crate) type Body = Arc<dyn Fn() + Send + Sync>;

/// The stack of a model thread, in the words loom counts in (8 bytes each).
pub(super) const STACK_WORDS: usize = 0x10000;

const MEMORY_MODEL: &str = "C11 without load buffering, SeqCst accesses as acquire-release (loom)";

/// How often somebody is told how far a pass has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Branches one execution may have. More is a livelock.
const BRANCHES_MAX: usize = 20_000;

/// What runs when every thread of the execution has ended. All of them are on one OS thread.
type Finisher = Box<dyn FnOnce() -> String>;

/// One execution: lives as long as one of its threads does, and then names its final state.
struct Execution;

/// What a pass came to.
struct PassEnd {
    pass: Pass,
    verdict: Verdict,
    totals: Totals,
}

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
    /// A limit was reached: the search was left at this one.
    static LIMIT: Cell<Option<Limit>> = const { Cell::new(None) };
    /// The first panic of the pass: what went wrong. Whatever comes after it is a consequence.
    static FIRST_PANIC: RefCell<Option<Violation>> = const { RefCell::new(None) };
    /// Who waits for the end of the pass that this OS thread runs.
    static WAITING: RefCell<Option<(Kind, Sender<PassEnd>)>> = const { RefCell::new(None) };
}

/// Whether the bug `id` is planted.
#[track_caller]
pub(crate) fn mutated(id: &'static str) -> bool {
    let is_planted = MUTATION.get().is_some_and(|planted| is_among(planted, id));
    if is_planted && recorder::is_recorded() {
        recorder::note(RowKind::Planted, format!("! planted: {id}"));
    }
    is_planted
}

/// Marks a written case as reached in this execution.
#[track_caller]
pub(crate) fn reached(case: &'static str) {
    if recorder::is_recorded() {
        recorder::note(RowKind::Case, format!("[{case}]"));
    }
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
            if !states.is_empty() {
                *totals.final_states.entry(states.join("; ")).or_default() += 1;
            }
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
    let number = recorder::spawned("main");
    let spawned = main.spawn(move || {
        recorder::begins(number);
        body();
        recorder::ends();
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

/// One pass, on an OS thread of its own: a panic in a destructor of a broken execution would end the process, so
/// that thread is then parked for ever with its first panic as the result.
fn run_pass(
    check: &Check,
    kind: Kind,
    time_max: Option<Duration>,
    record: Option<u64>,
    body: &Body,
    look: &dyn Fn(),
) -> PassEnd {
    install_panic_hook();
    let (sender, receiver) = channel();
    let (check, body) = (check.clone(), Arc::clone(body));
    let runner = std::thread::spawn(move || {
        WAITING.set(Some((kind, sender)));
        search(&check, kind, time_max, record, &body);
        report_end();
    });
    let end = loop {
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(end) => break end,
            Err(RecvTimeoutError::Timeout) => look(),
            Err(RecvTimeoutError::Disconnected) => {
                unreachable!("a pass reports its end, however it ends")
            }
        }
    };
    // A parked thread is left behind, an ended one is gone: there is nothing to wait for.
    drop(runner);
    end
}

/// Tells whoever waits what the pass on this OS thread has come to.
fn report_end() {
    let Some((kind, sender)) = WAITING.take() else { return };
    let verdict = match (LIMIT.take(), FIRST_PANIC.take()) {
        (Some(limit), _) => Verdict::BudgetSpent(limit),
        (None, Some(violation)) => Verdict::Violation(Box::new(violation)),
        (None, None) => Verdict::Complete,
    };
    let totals = TOTALS.take();
    let complete = matches!(verdict, Verdict::Complete);
    let pass = Pass { name: kind.name().to_owned(), executions: totals.begun, complete };
    // Nobody waits any more if the process ends.
    let _ = sender.send(PassEnd { pass, verdict, totals });
}

/// Runs loom until it is through, finds something or reaches a limit. Records the execution of this number, if one is
/// given.
fn search(check: &Check, kind: Kind, time_max: Option<Duration>, record: Option<u64>, body: &Body) {
    let begun = Instant::now();
    set_load_as_update(matches!(kind, Kind::LoadAsUpdate));
    MUTATION.set(check.mutation);
    silence(check.silenced);
    CHECKING.set(true);
    let executions_max = check.executions_max;
    let body = Arc::clone(body);
    let mut builder = loom::model::Builder::new();
    builder.max_branches = BRANCHES_MAX;
    builder.preemption_bound = check.preemptions_max.map(usize::from);
    let run = AssertUnwindSafe(move || {
        builder.check(move || {
            let count = TOTALS.with_borrow(|totals| totals.begun);
            let limit = if executions_max.is_some_and(|most| count >= most) {
                executions_max.map(Limit::Executions)
            } else {
                time_max.filter(|most| begun.elapsed() >= *most).map(Limit::Time)
            };
            if let Some(limit) = limit {
                // loom looks at its own limits only now and then; so the search is left by a panic.
                LIMIT.set(Some(limit));
                panic::panic_any(LimitReached);
            }
            if record == Some(count) {
                recorder::start();
            }
            TOTALS.with_borrow_mut(|totals| totals.begun += 1);
            execute(&body);
        });
    });
    // What it panicked with, the hook has seen.
    let _ = panic::catch_unwind(run);
    CHECKING.set(false);
    // What a given-up execution has registered holds loom's objects, which must not be touched any more; nor does it end.
    std::mem::forget(FINISHERS.take());
    std::mem::forget(EXECUTION.take());
}

/// Thrown to leave a search at its limit.
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
    let trace =
        if recorder::is_recorded() { recorder::trace(kind, &message) } else { Trace::default() };
    Violation { trace, ..Violation::without_trace(kind, message) }
}

/// The violation that a pass ended in, with the steps of its execution: the last one of the same pass, made again.
fn with_trace(found: Violation, check: &Check, pass: &Pass, kind: Kind, body: &Body) -> Violation {
    let last = pass.executions.saturating_sub(1);
    let check = Check { executions_max: Some(pass.executions), ..check.clone() };
    match run_pass(&check, kind, None, Some(last), body, &|| ()).verdict {
        Verdict::Violation(again) if again.kind == found.kind => *again,
        _ => found,
    }
}

/// Keeps other passes from running meanwhile. When a pass ends, the crate below loom takes the process's panic hook away
/// for a moment: another pass would lose what it has found, or see a panic that is none.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Executes `body` in both passes, each with half of the time.
pub(crate) fn check(check: &Check, body: Body, hooks: &Hooks<'_>) -> Report {
    let _alone = alone();
    let begun = Instant::now();
    let half = check.time_max.map(|time| time / 2);
    let mut report = Report::new("loom", MEMORY_MODEL, Verdict::Complete);
    report.bound = check.preemptions_max.map(|most| format!("preemptions <= {most}"));
    let made = Arc::new(AtomicU64::new(0));
    let counting: Body = {
        let (made, body) = (Arc::clone(&made), Arc::clone(&body));
        Arc::new(move || {
            // Relaxed: the number is only looked at. It is std's, so loom takes no step for it.
            made.fetch_add(1, Ordering::Relaxed);
            body();
        })
    };
    let look = || {
        if let Some(progress) = hooks.progress {
            let executions = made.load(Ordering::Relaxed);
            progress(&Progress::counted(executions, None, begun.elapsed()));
        }
    };
    for kind in [Kind::Plain, Kind::LoadAsUpdate] {
        let mut end = run_pass(check, kind, half, None, &counting, &look);
        if let Verdict::Violation(found) = end.verdict {
            let traced = with_trace(*found, check, &end.pass, kind, &body);
            end.verdict = Verdict::Violation(Box::new(traced));
        }
        report.executions += end.pass.executions;
        report.passes.push(end.pass);
        for (case, count) in end.totals.cases {
            *report.cases.entry(case.to_owned()).or_default() += count;
        }
        for (state, count) in end.totals.final_states {
            *report.final_states.entry(state).or_default() += count;
        }
        if !matches!(end.verdict, Verdict::Complete) {
            report.verdict = end.verdict;
        }
        if report.verdict.violation().is_some() {
            break;
        }
    }
    report.elapsed = begun.elapsed();
    report
}

#[cfg(test)]
/// The final states that each pass of this backend sees, unbounded.
pub(crate) fn litmus_states(body: fn()) -> Vec<(&'static str, BTreeSet<String>)> {
    let _alone = alone();
    let body: Body = Arc::new(body);
    let states = |kind: Kind| {
        let end = run_pass(&Check::default(), kind, None, None, &body, &|| ());
        let mut states: BTreeSet<String> = end.totals.final_states.into_keys().collect();
        states.extend(end.verdict.violation().map(|violation| violation.kind.to_string()));
        (kind.name(), states)
    };
    vec![states(Kind::Plain), states(Kind::LoadAsUpdate)]
}

/// A panic in a pass is kept, not printed. A second one comes from a destructor that the first one runs: the
/// process would end, so the pass ends here instead.
fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CHECKING.get() {
                previous(info);
                return;
            }
            let is_first = FIRST_PANIC.with_borrow(Option::is_none);
            if is_first {
                FIRST_PANIC.set(Some(violation(info.payload())));
                return;
            }
            report_end();
            loop {
                std::thread::park();
            }
        }));
    });
}
