//! The stacks of tasks: stackful coroutines on one OS thread, pooled.
//!
//! The root runs on the caller's stack. It resumes the task that was chosen and gets control back when
//! that task suspends for another one. When an execution has ended, stacks that are left are unwound
//! in reverse order of creation, so that a scoped task is gone before the frames it borrows from.
//!
//! # Unsafe
//! A suspended task is reached through a raw pointer to its `Yielder`, which lives on its own stack.

#![allow(unsafe_code, reason = "switching stacks: see the conditions at each block")]

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::ending::Ending;
use super::record::What;
use super::task::TaskState;
use super::{Execution, Next, buffer, enter, leave, with, with_any_state};
use crate::outcome::{broken_property, describe_panic};
use crate::scenario::Check;
use crate::trace::place;

/// Bytes of a task's stack. They are reserved, not used: untouched pages cost nothing.
const STACK_BYTES: usize = 1 << 20;

type TaskStack = Coroutine<(), (), (), DefaultStack>;

thread_local! {
    /// The yielder of the task that runs; null while the root runs.
    static YIELDER: Cell<*const Yielder<(), ()>> = const { Cell::new(std::ptr::null()) };
    /// Whether a stack is being unwound by the root.
    static UNWINDING: Cell<bool> = const { Cell::new(false) };
    /// Whether a finisher runs, whose panics are told, not printed.
    static FINISHING: Cell<bool> = const { Cell::new(false) };
    static POOL: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// Gives control to the root. Comes back when this task is chosen; does not come back when the
/// execution has ended: the stack is unwound from here.
pub(crate) fn suspend() {
    let yielder = YIELDER.get();
    assert!(!yielder.is_null(), "[harness internal bug] no task is running");
    // SAFETY: the pointer was set by this task's entry, and by the root whenever it resumed the task, to the `Yielder` that `corosensei` handed to that entry. That reference is valid until the
    // entry returns, and this code is running above the entry, on the same stack.
    unsafe { &*yielder }.suspend(());
}

/// Runs `finish` after an execution. What it panics with is the caller's to tell.
pub(crate) fn finishing<R>(finish: impl FnOnce() -> R) -> std::thread::Result<R> {
    FINISHING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(finish));
    FINISHING.set(false);
    result
}

/// For a frame that suspended tasks borrow from, while a panic goes through it: waits, in an execution
/// that has ended, until the root has unwound them and unwinds this stack too.
pub(crate) fn stay_until_unwound() {
    if !YIELDER.get().is_null() && !UNWINDING.get() {
        suspend();
    }
}

/// Lets a task borrow from the frame that spawns it. Only [`scope`](crate::sync::thread::scope) calls it.
pub(crate) fn extend_to_static<'scope>(
    body: Box<dyn FnOnce() + Send + 'scope>,
) -> Box<dyn FnOnce() + Send + 'static> {
    // SAFETY: only the lifetime changes. `scope` does not leave its frame before every task it spawned has
    // ended: it joins them, and when an execution ends early the root unwinds stacks in reverse order of
    // creation, so those tasks are gone before the frame they borrow from (`stay_until_unwound` keeps it
    // there when the panic is its own).
    unsafe { std::mem::transmute(body) }
}

/// One task's coroutine and the way back into it.
struct Running {
    coroutine: TaskStack,
    /// Null until it has run.
    yielder: *const Yielder<(), ()>,
}

fn start(number: usize, body: Box<dyn FnOnce()>) -> Running {
    let stack = POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| {
        DefaultStack::new(STACK_BYTES).unwrap_or_else(|error| {
            panic!("no memory for the stack of a task ({STACK_BYTES} bytes): {error}")
        })
    });
    let coroutine = Coroutine::with_stack(stack, move |own: &Yielder<(), ()>, ()| {
        YIELDER.set(own);
        run_task(number, body);
    });
    Running { coroutine, yielder: std::ptr::null() }
}

/// The life of one task, on its own stack.
fn run_task(number: usize, body: Box<dyn FnOnce()>) {
    let result = panic::catch_unwind(AssertUnwindSafe(move || {
        body();
        // Thread-local values end with their task, and their destructors are steps of it.
        let locals =
            with_any_state(|execution| std::mem::take(&mut execution.tasks[number].locals));
        drop(locals);
        buffer::empty();
    }));
    match result {
        Ok(()) => {
            with(|execution| execution.task_ended(number));
        }
        Err(payload) if UNWINDING.get() => panic::resume_unwind(payload),
        Err(payload) => {
            with_any_state(|execution| {
                let (kind, text) = describe_panic(&*payload);
                execution.next = execution.end(Ending::Violation(kind, text));
            });
        }
    }
}

impl Execution {
    fn task_ended(&mut self, number: usize) {
        self.note(What::Ended);
        let task = &mut self.tasks[number];
        task.state = TaskState::Ended;
        let prepare_return = task.prepare_return.take();
        self.next = match prepare_return {
            Some(parent) => {
                self.current = parent;
                Next::Run(parent)
            }
            None => self.decide(),
        };
    }
}

/// Executes `body` once as task 0 of `execution` and gives the execution back with its ending.
pub(crate) fn run(
    mut execution: Box<Execution>,
    check: &Check,
    body: &Arc<dyn Fn() + Send + Sync>,
) -> Box<Execution> {
    install_panic_hook();
    execution.reset();
    let body = Arc::clone(body);
    let main = execution.add_task(None, Box::new(move || body()), std::panic::Location::caller());
    execution.next = Next::Run(main);
    enter(execution, check);
    let mut running: Vec<Running> = Vec::new();
    loop {
        let (next, spawned) =
            with_any_state(|execution| (execution.next, execution.spawned.take()))
                .expect("[harness internal bug] the execution is gone");
        if let Some((number, body)) = spawned {
            running.push(start(number, body));
        }
        let Next::Run(task) = next else { break };
        resume(&mut running[task]);
    }
    for mut task in running.into_iter().rev() {
        if !task.coroutine.done() {
            UNWINDING.set(true);
            task.coroutine.force_unwind();
            UNWINDING.set(false);
        }
        POOL.with_borrow_mut(|pool| pool.push(task.coroutine.into_stack()));
    }
    leave()
}

fn resume(task: &mut Running) {
    YIELDER.set(task.yielder);
    let result = task.coroutine.resume(());
    task.yielder = YIELDER.replace(std::ptr::null());
    debug_assert!(matches!(result, CoroutineResult::Yield(()) | CoroutineResult::Return(())));
}

/// A panic in a task is a violation: it is recorded where it begins, before destructors run, and is not
/// printed. Panics elsewhere go to the hook that was there before.
fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let recorded = !YIELDER.get().is_null()
                && with_any_state(|execution| {
                    let (kind, text) = describe_panic(info.payload());
                    let at = info.location().map_or_else(String::new, place);
                    if execution.ending.is_none() {
                        execution.broken = broken_property(info.payload());
                    }
                    let broke = match execution.broken {
                        Some(property) => format!("`{property}` does not hold"),
                        None => "panics".to_owned(),
                    };
                    if execution.ending.is_none() {
                        execution.note(What::Broke(broke, at.clone()));
                    }
                    let task = execution.tasks[execution.current].name();
                    let text = format!("{text} ({at}), in {task}");
                    execution.next = execution.end(Ending::Violation(kind, text));
                })
                .is_some();
            if !recorded && !FINISHING.get() {
                previous(info);
            }
        }));
    });
}
