//! Tasks, in the shape of `std::thread`.
//!
//! A spawned task runs at once up to its first step and no further: what it does until then nobody can see, and
//! from then on its next step is known. Joining a task that panicked never returns: the panic has ended the
//! execution. Outside an execution threads are std's.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

pub use super::scope::{Scope, ScopedJoinHandle, scope};
pub use std::thread::{Result, panicking};

use super::handle::on;
use super::time::{Duration, deadline};
use crate::execution::memory::Through;
use crate::execution::operation::{Operation, OperationKind};
use crate::execution::record::{Effect, What};
use crate::execution::task::Wait;
use crate::execution::{Next, buffer, is_inside, stack, step, with};

/// Where a task leaves its result.
pub(super) type Slot<T> = Arc<StdMutex<Option<T>>>;

/// A task that can be waited for.
pub struct JoinHandle<T>(Joinable<T>);

enum Joinable<T> {
    Inside {
        thread: Thread,
        result: Slot<T>,
    },
    Outside(std::thread::JoinHandle<T>),
    /// Spawned by a destructor in an execution that is given up: it never runs.
    Never,
}

/// A task as others see it.
#[derive(Clone, Debug)]
pub struct Thread(Identity);

#[derive(Clone, Debug)]
enum Identity {
    Inside { number: usize, name: Option<Arc<str>> },
    Outside(std::thread::Thread),
}

/// Spawns a task.
#[track_caller]
pub fn spawn<F, T>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(body).expect("tasks of an execution can always be spawned")
}

/// Spawns a task with a name.
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
}

impl Builder {
    /// A builder of a task without a name.
    #[must_use]
    pub fn new() -> Self {
        Builder::default()
    }

    /// Gives the task a name.
    #[must_use]
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// Spawns it.
    ///
    /// # Errors
    /// Outside an execution, where std's builder fails.
    #[track_caller]
    pub fn spawn<F, T>(self, body: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if !is_inside() {
            let mut builder = std::thread::Builder::new();
            if let Some(name) = self.name {
                builder = builder.name(name);
            }
            return Ok(JoinHandle(Joinable::Outside(builder.spawn(body)?)));
        }
        let name = self.name.map(Arc::from);
        Ok(spawn_inside(name, body, Location::caller()))
    }
}

/// Spawns a task of the running execution and lets it run up to its first step.
fn spawn_inside<T: 'static>(
    name: Option<Arc<str>>,
    body: impl FnOnce() -> T + 'static,
    at: &'static Location<'static>,
) -> JoinHandle<T> {
    let result: Slot<T> = Arc::new(StdMutex::new(None));
    let slot = Arc::clone(&result);
    let run = Box::new(move || {
        let value = body();
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    });
    buffer::empty();
    let thread = with(|execution| {
        let parent = execution.current;
        let child = execution.add_task(name, run, at);
        execution.note(What::Spawned(child, at));
        let identity = execution.tasks[child].identity;
        execution.explorer.spawned(parent, child, identity);
        execution.tasks[child].prepare_return = Some(parent);
        execution.current = child;
        execution.next = Next::Run(child);
        Thread(Identity::Inside { number: child, name: execution.tasks[child].given_name.clone() })
    });
    match thread {
        Some(thread) => {
            stack::suspend();
            JoinHandle(Joinable::Inside { thread, result })
        }
        None => JoinHandle(Joinable::Never),
    }
}

impl<T> JoinHandle<T> {
    /// Waits until the task has ended, and gives what it returned.
    ///
    /// # Errors
    /// Outside an execution, if the thread panicked.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        let at = Location::caller();
        match self.0 {
            Joinable::Outside(handle) => handle.join(),
            Joinable::Inside { thread, result } => {
                if let Identity::Inside { number, .. } = thread.0
                    && let Some(object) = with(|execution| execution.tasks[number].object)
                {
                    step(on(object, OperationKind::Join, at), |execution, task| {
                        execution.learn_from(task, number);
                        ((), Effect::Done)
                    });
                }
                let value = result.lock().unwrap_or_else(PoisonError::into_inner).take();
                value.ok_or_else(|| Box::new("the task was given up") as _)
            }
            Joinable::Never => Err(Box::new("the task was given up")),
        }
    }

    /// The task.
    ///
    /// # Panics
    /// If it was spawned by a destructor in an execution that is given up.
    #[must_use]
    pub fn thread(&self) -> Thread {
        match &self.0 {
            Joinable::Inside { thread, .. } => thread.clone(),
            Joinable::Outside(handle) => Thread(Identity::Outside(handle.thread().clone())),
            Joinable::Never => panic!("the task was given up"),
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinHandle { .. }")
    }
}

/// The running task.
#[must_use]
pub fn current() -> Thread {
    let inside = with(|execution| {
        let number = execution.current;
        Identity::Inside { number, name: execution.tasks[number].given_name.clone() }
    });
    Thread(inside.unwrap_or_else(|| Identity::Outside(std::thread::current())))
}

impl Thread {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Identity::Inside { name, .. } => name.as_deref(),
            Identity::Outside(thread) => thread.name(),
        }
    }

    /// Gives it its token: its next [`park`] returns at once.
    #[track_caller]
    pub fn unpark(&self) {
        let at = Location::caller();
        match &self.0 {
            Identity::Outside(thread) => thread.unpark(),
            Identity::Inside { number, .. } => {
                let Some(parker) = with(|execution| execution.tasks[*number].parker) else {
                    return;
                };
                step(on(parker, OperationKind::Unpark, at), |execution, task| {
                    execution.tasks[*number].token = true;
                    execution.publish(task, parker, Through::First);
                    ((), Effect::Done)
                });
            }
        }
    }
}

#[track_caller]
fn park_until(time: Option<Duration>) -> Option<()> {
    let at = Location::caller();
    let object = with(|execution| {
        let me = execution.current;
        let now = execution.time;
        execution.tasks[me].deadline = time.map(|time| deadline(now, time));
        execution.tasks[me].parker
    })?;
    let operation =
        Operation { kind: OperationKind::Park, object: Some(object), second: None, location: at };
    step(operation, |execution, task| {
        let me = &mut execution.tasks[task];
        let token = std::mem::take(&mut me.token);
        let timed_out = me.wait == Wait::TimedOut && !token;
        me.wait = Wait::No;
        me.deadline = None;
        if token {
            execution.learn(task, object, Through::First);
        }
        ((), if timed_out { Effect::TimedOut } else { Effect::Done })
    })
}

/// Waits for the task's token and consumes it.
#[track_caller]
pub fn park() {
    if park_until(None).is_none() && !is_inside() {
        std::thread::park();
    }
}

/// The same, at most for `time`.
#[track_caller]
pub fn park_timeout(time: Duration) {
    if park_until(Some(time)).is_none() && !is_inside() {
        std::thread::park_timeout(time);
    }
}

/// Gives way: in a loop that re-reads, the task goes on when something it has read has changed.
#[track_caller]
pub fn yield_now() {
    let location = Location::caller();
    let operation = Operation { kind: OperationKind::Yield, object: None, second: None, location };
    if step(operation, |_, _| ((), Effect::Done)).is_none() {
        std::thread::yield_now();
    }
}

/// Waits until `time` has passed.
#[track_caller]
pub fn sleep(time: Duration) {
    let location = Location::caller();
    with(|execution| {
        let me = execution.current;
        execution.tasks[me].deadline = Some(deadline(execution.time, time));
    });
    let operation = Operation { kind: OperationKind::Sleep, object: None, second: None, location };
    let slept = step(operation, |execution, task| {
        execution.tasks[task].wait = Wait::No;
        ((), Effect::Done)
    });
    if slept.is_none() && !is_inside() {
        std::thread::sleep(time);
    }
}

/// Waits for a task whose owner goes away. A panic of that task has ended the execution already.
#[track_caller]
pub fn join_on_drop<T>(handle: JoinHandle<T>) {
    drop(handle.join());
}
