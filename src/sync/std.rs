//! The door on real threads: plain re-exports of std, and a doorbell that descriptors ring too.
//!
//! Production uses this file. The thin package `on-std` uses it too and adds `model`, which runs a
//! body some hundred times: a smoke test, not a search.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the door")]

use std::fmt;

pub(crate) use doorbell::{Doorbell, ReadyList, Watch};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use std::thread_local;

use super::Named;

#[path = "asymmetric.rs"]
pub(crate) mod asymmetric;
#[path = "doorbell_epoll.rs"]
mod doorbell;

/// Atomics and fences.
pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::Ordering;
    #[cfg(feature = "on-std")]
    pub(crate) use std::sync::atomic::fence;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32};
}

/// The cell that checked builds watch for data races.
pub(crate) mod cell {
    /// `std::cell::UnsafeCell` with access by closures, so that a checked build sees where an
    /// access begins and ends.
    #[derive(Debug)]
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// A cell that holds `value`.
        pub(crate) const fn new(value: T) -> Self {
            UnsafeCell(std::cell::UnsafeCell::new(value))
        }

        /// Calls `f` with a pointer that it may read through.
        #[inline]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Calls `f` with a pointer that it may write through.
        #[inline]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// Threads.
pub(crate) mod thread {
    pub(crate) use std::thread::{Builder, JoinHandle, panicking};

    /// Runs `body` and keeps its panic.
    pub(crate) fn catch_panic<T>(body: impl FnOnce() -> T) -> std::thread::Result<T> {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(body))
    }

    /// A number below `shards` that a thread keeps: threads that come one after the other have different ones.
    pub(crate) fn shard(shards: usize) -> usize {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        std::thread_local! {
            static OWN: usize = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        OWN.with(|own| own % shards)
    }

    /// Waits for a thread whose owner goes away.
    ///
    /// The checked backends let the *execution* wait instead: it ends only when every task has
    /// ended, and a join here would multiply the interleavings without showing anything.
    pub(crate) fn join_on_drop(handle: JoinHandle<()>) {
        let result = handle.join();
        if result.is_err() && !panicking() {
            panic!("a thread of this loop panicked; its message stands above");
        }
    }
}

/// Time.
pub(crate) mod time {
    pub(crate) use std::time::{Duration, Instant};
}

#[cfg(feature = "on-std")]
#[path = "std_model.rs"]
pub(crate) mod model;

/// What only checked builds do.
#[cfg(not(feature = "on-std"))]
pub(crate) mod model {
    /// Whether constants that hide interesting paths shrink.
    pub(crate) const CHECKED: bool = false;

    /// Whether the protection `id` is turned off: never.
    #[inline(always)]
    pub(crate) const fn mutated(_id: &'static str) -> bool {
        false
    }

    /// Marks a case: nothing.
    #[inline(always)]
    pub(crate) const fn reached(_case: &'static str) {}

    pub(crate) use super::unsaid::*;
}

/// What is said to nobody.
mod unsaid {
    use super::super::Topic;

    /// Whether anybody is going to read what is said: nobody.
    #[inline(always)]
    pub(crate) const fn is_recorded() -> bool {
        false
    }

    /// Says it to nobody.
    pub(crate) fn say(_text: String) {}

    /// Begins what nobody sees.
    pub(crate) fn begin_activity(_text: String) {}

    /// Ends it.
    pub(crate) fn finish_activity() {}

    /// Shows it to nobody.
    pub(crate) fn show_state(_topic: Topic, _name: String, _value: String) {}
}

impl<T> Named for T {
    #[inline(always)]
    fn named(self, _name: &dyn fmt::Display) -> Self {
        self
    }
}
