//! The one door to threads, atomics, cells and time.
//!
//! Nothing else in `src/` and `model-tests/` names `std::sync`, `std::thread` or a clock; `clippy.toml`
//! says so where somebody tries. Behind the door is one of three backends with the same names and
//! the shape of std:
//!
//! | build | backend |
//! | --- | --- |
//! | production; feature `on-std` of the thin package | std: plain re-exports |
//! | unit tests; feature `on-harness` of the thin package | the deterministic harness |
//! | unit tests under `--cfg loom`; feature `on-loom` of the thin package | loom |
//!
//! `Arc` is std's everywhere: reference counts of plumbing are not what is searched.
//!
//! # Not here
//! Randomness and wall-clock decisions: the machinery makes none.

#[cfg(any(
    feature = "on-harness",
    all(test, not(loom), not(feature = "on-loom"), not(feature = "on-std"))
))]
#[path = "harness.rs"]
mod backend;

#[cfg(any(
    feature = "on-loom",
    all(test, loom, not(feature = "on-harness"), not(feature = "on-std"))
))]
#[path = "loom.rs"]
mod backend;

#[cfg(any(feature = "on-std", not(any(test, feature = "on-harness", feature = "on-loom"))))]
#[path = "std.rs"]
mod backend;

#[cfg(any(test, feature = "on-harness", feature = "on-loom", feature = "on-std"))]
pub(crate) mod note;

mod readiness;
mod said;

use std::fmt;

pub(crate) use std::sync::PoisonError;

#[allow(clippy::disallowed_types, reason = "the door")]
pub(crate) use std::sync::{Arc, Weak};

pub(crate) use backend::{
    Condvar, Doorbell, Mutex, MutexGuard, ReadyList, Watch, asymmetric, atomic, cell, model,
    thread, thread_local, time,
};
pub use readiness::Readiness;
pub(crate) use said::{Activity, Topic, says, shows, within};

/// Why a sleep on a [`Doorbell`] has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Somebody rang, or nobody knows.
    Rung,
    /// The deadline has come.
    DeadlineCame,
    /// Descriptors are ready. Production only.
    #[allow(dead_code, reason = "checked builds have no descriptors")]
    DescriptorsReady,
}

/// A name for people to read in traces. In production nothing happens, not even formatting.
pub(crate) trait Named: Sized {
    /// Gives the object its name: `AtomicI32::new(0).named(&"reader_count[iothread0]")`.
    fn named(self, name: &dyn fmt::Display) -> Self;
}

/// Locks `mutex`. A panic in another critical section does not spread: each critical section
/// of this crate leaves its data consistent before it calls anything that can panic.
#[track_caller]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks a written case of the protocol as reached. Nothing in production.
macro_rules! reached {
    ($case:literal) => {
        $crate::sync::model::reached($case)
    };
}
pub(crate) use reached;
