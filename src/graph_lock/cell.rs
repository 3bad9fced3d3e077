//! What the lock protects.
//!
//! # Unsafe
//! A guard is the proof that the access is allowed; the conditions stand at the blocks.

#![allow(unsafe_code, reason = "access under a guard: see the conditions at each block")]

use std::fmt;

use super::{GraphLock, Readable, WriteGuard};
use crate::mutation::mutated;
use crate::sync::cell::UnsafeCell;

/// A value that is read under any guard of its lock and changed under a write guard.
///
/// Checked builds watch each access: one that the lock's orderings do not separate from another is reported
/// as a data race.
pub struct GraphCell<T> {
    lock: GraphLock,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only by `read`, under a shared hold, and by `write`, under the one exclusive
// hold of the same lock. So it is shared between threads as by a reader/writer lock, which needs `Send` for
// the writer and `Sync` for the readers.
unsafe impl<T: Send + Sync> Sync for GraphCell<T> {}
// SAFETY: moving the cell moves the value and a handle to the lock.
unsafe impl<T: Send> Send for GraphCell<T> {}

impl<T> GraphCell<T> {
    /// A cell protected by `lock`.
    pub fn new(lock: &GraphLock, value: T) -> Self {
        GraphCell { lock: lock.clone(), value: UnsafeCell::new(value) }
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    /// If the guard is of another lock.
    pub fn read<R>(&self, guard: &impl Readable, f: impl FnOnce(&T) -> R) -> R {
        self.check(guard);
        // SAFETY: the guard is alive for the whole call, so the lock is held at least shared and no
        // `WriteGuard` exists but, perhaps, this one; `write` would need that one mutably.
        self.value.with(|value| f(unsafe { &*value }))
    }

    /// The value, as long as the guard is borrowed. Checked builds watch the moment of the call.
    ///
    /// # Panics
    /// If the guard is of another lock.
    pub fn get<'a>(&'a self, guard: &'a impl Readable) -> &'a T {
        self.check(guard);
        // SAFETY: the guard is borrowed as long as the result lives, so the lock is held at least shared until
        // then. If it is the one `WriteGuard`, `write` cannot have it mutably meanwhile.
        self.value.with(|value| unsafe { &*value })
    }

    /// Calls `f` with the value to change.
    ///
    /// # Panics
    /// If the guard is of another lock.
    pub fn write<R>(&self, guard: &mut WriteGuard<'_>, f: impl FnOnce(&mut T) -> R) -> R {
        self.check(guard);
        // A section lets nobody in between its first change and its last: a reader would find half of it done.
        if mutated("section-gives-way") {
            guard.give_way();
        }
        // SAFETY: the guard is the only hold of the lock, and it is borrowed mutably for the whole call:
        // neither `read` nor `write` of this cell can be called with it meanwhile.
        self.value.with_mut(|value| f(unsafe { &mut *value }))
    }

    fn check(&self, guard: &impl Readable) {
        assert!(
            guard.lock().is_same_as(&self.lock),
            "the guard is of another lock than the one that protects this cell"
        );
    }
}

impl<T> fmt::Debug for GraphCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphCell").finish_non_exhaustive()
    }
}
