//! The watched cell: what locks and flags protect.
//!
//! Accesses are no steps; they are checked. If every pair of conflicting accesses is ordered by the declared
//! orderings in each trace, their place within a trace cannot matter; if one is not, that is the
//! data race that is reported.

use std::panic::Location;

use super::handle::Handle;
use crate::execution::object::ObjectState;
use crate::execution::{stack, with};

fn untouched() -> ObjectState {
    ObjectState::Cell { written_at: None, read_at: None }
}

/// `std::cell::UnsafeCell` with access by closures. An access is checked when it begins and when it ends.
pub struct UnsafeCell<T: ?Sized> {
    handle: Handle,
    value: std::cell::UnsafeCell<T>,
}

impl<T> UnsafeCell<T> {
    /// A cell that holds `value`.
    #[track_caller]
    pub fn new(value: T) -> Self {
        UnsafeCell { handle: Handle::new(untouched), value: std::cell::UnsafeCell::new(value) }
    }

    /// Gives it a name to read in traces.
    #[must_use]
    pub fn with_name(mut self, name: &dyn std::fmt::Display) -> Self {
        self.handle.set_name(name);
        self
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// Calls `f` with a pointer that it may read through.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        self.access(false, Location::caller());
        let result = f(self.value.get());
        self.access(false, Location::caller());
        result
    }

    /// Calls `f` with a pointer that it may write through.
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        self.access(true, Location::caller());
        let result = f(self.value.get());
        self.access(true, Location::caller());
        result
    }

    fn access(&self, write: bool, at: &'static Location<'static>) {
        let Some(id) = self.handle.id(untouched) else {
            return;
        };
        let raced = with(|execution| {
            execution.access_cell(id, write, at);
            execution.ending.is_some()
        });
        if raced == Some(true) {
            stack::suspend();
        }
    }
}

impl<T: ?Sized> std::fmt::Debug for UnsafeCell<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnsafeCell { .. }")
    }
}
