//! loom's mutex and condition variable, safe to touch while a failed execution unwinds.
//!
//! When loom has found a deadlock, its execution is broken: an operation in a destructor would panic while the
//! thread unwinds, which ends the process and with it every other result. So the value stands beside loom's
//! lock, and while the thread panics nothing of loom's is touched.

#![allow(unsafe_code, reason = "the value beside loom's lock: see the conditions at each block")]

use std::cell::UnsafeCell;
use std::fmt::Display;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, PoisonError};

use graphlock_harness::trace::Kind;

use super::super::Named;
use super::recorder::{self, Name};
use super::time::Duration;

/// A mutual exclusion lock.
pub(crate) struct Mutex<T> {
    lock: loom::sync::Mutex<()>,
    value: UnsafeCell<T>,
    name: Name,
}

// SAFETY: the value is reached through guards alone, and a guard holds loom's lock, or belongs to a thread that
// unwinds a failed execution: all threads of a model run on one OS thread, and then no other one is resumed.
unsafe impl<T: Send> Sync for Mutex<T> {}

/// A held [`Mutex`].
pub(crate) struct MutexGuard<'a, T> {
    /// Not there while the thread unwinds.
    held: Option<loom::sync::MutexGuard<'a, ()>>,
    value: &'a UnsafeCell<T>,
    name: &'a Name,
    taken_at: &'static Location<'static>,
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    #[track_caller]
    pub(crate) fn new(value: T) -> Self {
        Mutex {
            lock: loom::sync::Mutex::new(()),
            value: UnsafeCell::new(value),
            name: Name::none("mutex"),
        }
    }

    /// Takes the lock; waits while it is held.
    #[track_caller]
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        recorder::waits_for(&self.name);
        let held = (!std::thread::panicking())
            .then(|| self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        recorder::has(Kind::Lock, &self.name, "locks");
        let taken_at = Location::caller();
        Ok(MutexGuard { held, value: &self.value, name: &self.name, taken_at })
    }

    /// The value of a mutex that nobody else can reach.
    pub(crate) fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.value.get_mut())
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock, or nobody else runs any more (see `Sync`).
        unsafe { &*self.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed mutably.
        unsafe { &mut *self.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The lock of a broken execution is not given back.
            std::mem::forget(self.held.take());
        } else {
            recorder::unlocks(self.name, self.taken_at);
        }
    }
}

/// A condition variable.
#[derive(Debug)]
pub(crate) struct Condvar(loom::sync::Condvar, Name);

/// How a timed wait ended: never by time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitTimeoutResult;

impl WaitTimeoutResult {
    /// Whether the time was over: never.
    pub(crate) fn timed_out(self) -> bool {
        false
    }
}

impl Condvar {
    /// A condition variable nobody waits for.
    #[track_caller]
    pub(crate) fn new() -> Self {
        Condvar(loom::sync::Condvar::new(), Name::none("condvar"))
    }

    /// Gives the mutex back and sleeps until notified.
    #[track_caller]
    pub(crate) fn wait<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
    ) -> LockResult<MutexGuard<'a, T>> {
        if let Some(held) = guard.held.take() {
            recorder::sleeps_in(&self.1, guard.name);
            guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
            recorder::has(Kind::Resume, guard.name, "wakes, locks");
        }
        Ok(guard)
    }

    /// The same: a timer never fires on loom. A model that needs one ends in a deadlock here, which is why
    /// such scenarios are not run on loom.
    #[track_caller]
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        Ok((self.wait(guard).unwrap_or_else(PoisonError::into_inner), WaitTimeoutResult))
    }

    /// Wakes the waiter that came first.
    #[track_caller]
    pub(crate) fn notify_one(&self) {
        if !std::thread::panicking() {
            self.0.notify_one();
            recorder::notifies(&self.1, false);
        }
    }

    /// Wakes all waiters.
    #[track_caller]
    pub(crate) fn notify_all(&self) {
        if !std::thread::panicking() {
            self.0.notify_all();
            recorder::notifies(&self.1, true);
        }
    }
}

impl<T> Named for Mutex<T> {
    fn named(mut self, name: &dyn Display) -> Self {
        self.name.give(name);
        self
    }
}

impl Named for Condvar {
    fn named(mut self, name: &dyn Display) -> Self {
        self.1.give(name);
        self
    }
}
