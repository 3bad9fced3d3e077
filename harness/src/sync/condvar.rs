//! `Condvar`, in the shape of std's. `notify_one` wakes any of the waiters: which one is a data choice.
//! Spurious wake-ups are surprises (`execution/surprise.rs`).

use std::fmt;
use std::panic::Location;
use std::sync::LockResult;
use std::time::Duration;

use super::handle::{Handle, on};
use super::mutex::{MutexGuard, give_back, take};
use crate::execution::object::{ObjectState, Waiters};
use crate::execution::operation::{ObjectId, Operation, OperationKind};
use crate::execution::record::Effect;
use crate::execution::task::Wait;
use crate::execution::{Execution, step};

/// A condition variable.
pub struct Condvar {
    handle: Handle,
    /// The condition variable outside an execution.
    outside: std::sync::Condvar,
}

/// Whether a timed wait ended by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was over.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

fn nobody_waits() -> ObjectState {
    ObjectState::Condvar { waiters: Waiters::new() }
}

fn waiters(execution: &mut Execution, id: ObjectId) -> &mut Waiters {
    match &mut execution.objects[id].state {
        ObjectState::Condvar { waiters } => waiters,
        _ => unreachable!("[harness internal bug] a condvar is an object of another kind"),
    }
}

impl Condvar {
    /// A condition variable nobody waits for.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Condvar { handle: Handle::new(nobody_waits), outside: std::sync::Condvar::new() }
    }

    /// Gives it a name to read in traces.
    #[must_use]
    pub fn with_name(mut self, name: &dyn fmt::Display) -> Self {
        self.handle.set_name(name);
        self
    }

    /// Gives the mutex back and sleeps until notified; takes the mutex again.
    ///
    /// # Errors
    /// Never; the shape is std's.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        Ok(self.wait_until(guard, None).0)
    }

    /// The same, at most for `time`. In an execution time is virtual: it passes only when nobody can
    /// do anything else.
    ///
    /// # Errors
    /// Never; the shape is std's.
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        Ok(self.wait_until(guard, Some(time)))
    }

    #[track_caller]
    fn wait_until<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        time: Option<Duration>,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        if let Some(held) = guard.outside.take() {
            let (held, timed_out) = match time {
                None => (
                    self.outside.wait(held).unwrap_or_else(std::sync::PoisonError::into_inner),
                    false,
                ),
                Some(time) => {
                    let result = self.outside.wait_timeout(held, time);
                    let (held, result) = result.unwrap_or_else(std::sync::PoisonError::into_inner);
                    (held, result.timed_out())
                }
            };
            guard.outside = Some(held);
            return (guard, WaitTimeoutResult(timed_out));
        }
        let (Some(id), Some(mutex)) = (self.handle.id(nobody_waits), guard.mutex.id()) else {
            // A destructor in an execution that is given up: nobody will ever notify it.
            return (guard, WaitTimeoutResult(true));
        };
        let location = Location::caller();
        let begin = Operation {
            kind: OperationKind::CondvarWait,
            object: Some(id),
            second: Some(mutex),
            location,
        };
        step(begin, |execution, task| {
            give_back(execution, task, mutex);
            waiters(execution, id).push(task);
            let now = execution.time;
            let waiter = &mut execution.tasks[task];
            waiter.wait = Wait::Waiting;
            waiter.deadline = time.map(|time| now.saturating_add(nanoseconds(time)));
            ((), Effect::Done)
        });
        let end = Operation {
            kind: OperationKind::CondvarWake,
            object: Some(mutex),
            second: Some(id),
            location,
        };
        let timed_out = step(end, |execution, task| {
            take(execution, task, mutex);
            let waiter = &mut execution.tasks[task];
            let timed_out = waiter.wait == Wait::TimedOut;
            waiter.wait = Wait::No;
            waiter.deadline = None;
            (timed_out, if timed_out { Effect::TimedOut } else { Effect::Done })
        });
        (guard, WaitTimeoutResult(timed_out.unwrap_or(true)))
    }

    /// Wakes one waiter, any of them.
    #[track_caller]
    pub fn notify_one(&self) {
        if !self.notify_inside(OperationKind::CondvarNotifyOne, |execution, id| {
            let count = waiters(execution, id).len();
            if count == 0 {
                return Waiters::new();
            }
            let chosen = execution.choose_value(u32::try_from(count).expect("few tasks"));
            Waiters::from_elem(waiters(execution, id).remove(chosen as usize), 1)
        }) {
            self.outside.notify_one();
        }
    }

    /// Wakes all waiters.
    #[track_caller]
    pub fn notify_all(&self) {
        let all = |execution: &mut Execution, id| std::mem::take(waiters(execution, id));
        if !self.notify_inside(OperationKind::CondvarNotifyAll, all) {
            self.outside.notify_all();
        }
    }

    /// Wakes whom `choose` chooses. `false`: there is no execution, or it is given up.
    #[track_caller]
    fn notify_inside(
        &self,
        kind: OperationKind,
        choose: impl FnOnce(&mut Execution, ObjectId) -> Waiters,
    ) -> bool {
        let at = Location::caller();
        let Some(id) = self.handle.id(nobody_waits) else { return false };
        step(on(id, kind, at), |execution, _| {
            let chosen = choose(execution, id);
            for waiter in &chosen {
                execution.tasks[*waiter].wait = Wait::Notified;
            }
            ((), Effect::Woke(chosen.iter().fold(0, |set, waiter| set | (1 << waiter))))
        })
        .is_some()
    }
}

/// Nanoseconds, at most what virtual time can count.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condvar { .. }")
    }
}
