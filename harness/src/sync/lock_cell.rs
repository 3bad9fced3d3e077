//! The value inside a lock.
//!
//! # Unsafe
//! References into the cell are made by guards alone, under the condition stated at each function.

#![allow(unsafe_code, reason = "the value inside a lock: see the conditions at each block")]

use std::cell::UnsafeCell;

/// A value that guards reach into.
pub(crate) struct LockCell<T: ?Sized>(UnsafeCell<T>);

// SAFETY: a `LockCell` gives access only by `get` and `get_mut`, whose callers hold the lock it
// belongs to; so it may be shared where the value may be sent and (for shared holds) shared.
unsafe impl<T: ?Sized + Send> Sync for LockCell<T> {}

impl<T> LockCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        LockCell(UnsafeCell::new(value))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> LockCell<T> {
    /// The value, to read. The caller holds the lock shared or exclusively as long as the
    /// reference lives.
    pub(crate) fn get(&self) -> &T {
        // SAFETY: guards are the only callers. While one lives, the engine lets no other task take the
        // lock in a conflicting way, and outside an execution std's lock does not. In an execution
        // that is given up destructors may lock what a task that will never run again has locked: its
        // guard is not used before that destructor has returned, since nothing is scheduled.
        unsafe { &*self.0.get() }
    }

    /// The value, to change. The caller holds the lock exclusively as long as the reference lives.
    #[expect(clippy::mut_from_ref, reason = "the guard is the proof of exclusion")]
    pub(crate) fn get_mut(&self) -> &mut T {
        // SAFETY: as in `get`, and the caller's hold is exclusive.
        unsafe { &mut *self.0.get() }
    }
}
