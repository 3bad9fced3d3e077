//! A value of the main loop's thread alone.
//!
//! It travels with whatever it is part of, to any thread; who wants to reach it needs the token of the main loop it
//! belongs to. So it needs no lock, and checked builds need no step for it.

#![allow(
    unsafe_code,
    reason = "shared between threads, reached from one: see the condition at the block"
)]

use std::cell::RefCell;
use std::fmt;

use super::{MainHandle, MainLoop};

/// A value that is reached with the main loop's token.
pub(crate) struct MainCell<T> {
    main: MainHandle,
    value: RefCell<T>,
}

// SAFETY: `with` is the only way to the value from a shared reference, and it checks that the caller has the token
// of the one loop named here. That token exists once, is neither `Send` nor `Clone`, and is borrowed for the whole
// call: all calls are made by one thread. The cell may be dropped by another thread, which needs `T: Send`.
unsafe impl<T: Send> Sync for MainCell<T> {}

impl<T> MainCell<T> {
    /// A cell of this main loop.
    pub(crate) fn new(main: &MainLoop, value: T) -> Self {
        MainCell { main: main.handle(), value: RefCell::new(value) }
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    /// If the token is that of another main loop, or if `f` comes back to this cell.
    pub(crate) fn with<R>(&self, main: &MainLoop, f: impl FnOnce(&mut T) -> R) -> R {
        assert!(
            main.is_home_of(&self.main),
            "the token is that of another main loop than the one this graph belongs to"
        );
        f(&mut self.value.borrow_mut())
    }
}

impl<T> fmt::Debug for MainCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MainCell").finish_non_exhaustive()
    }
}
