//! The door on the deterministic harness.

use std::fmt;

pub(crate) use graphlock_harness::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use graphlock_harness::thread_local;

use super::Named;
pub(crate) use doorbell::{Doorbell, ReadyList, Watch};

#[path = "symmetric.rs"]
pub(crate) mod asymmetric;
#[path = "doorbell_condvar.rs"]
mod doorbell;

/// Atomics and fences.
pub(crate) mod atomic {
    pub(crate) use graphlock_harness::sync::atomic::{
        AtomicBool, AtomicI32, AtomicU8, AtomicU32, Ordering, fence,
    };
}

/// The cell that checked builds watch for data races.
pub(crate) mod cell {
    pub(crate) use graphlock_harness::sync::cell::UnsafeCell;
}

/// Threads: tasks of the execution.
pub(crate) mod thread {
    pub(crate) use graphlock_harness::sync::thread::{
        Builder, JoinHandle, join_on_drop, panicking,
    };

    /// Shards are for speed: there is one.
    pub(crate) fn shard(_shards: usize) -> usize {
        0
    }

    /// Runs `body`. A panic ends the execution: there is nothing to keep.
    pub(crate) fn catch_panic<T>(body: impl FnOnce() -> T) -> std::thread::Result<T> {
        Ok(body())
    }
}

/// Time: virtual.
pub(crate) mod time {
    pub(crate) use graphlock_harness::sync::time::{Duration, Instant};
}

/// What only checked builds do.
#[allow(clippy::disallowed_types, reason = "the door")]
pub(crate) mod model {
    #[cfg(test)]
    use std::collections::BTreeSet;

    use graphlock_harness::model::Hooks;
    pub(crate) use graphlock_harness::model::{
        Body, begin_activity, finish, finish_activity, is_recorded, mutated, reached, say,
    };
    use graphlock_harness::outcome::Report;
    use graphlock_harness::scenario::Check;

    /// Whether constants that hide interesting paths shrink.
    pub(crate) const CHECKED: bool = true;
    /// The name of this backend.
    #[cfg(test)]
    pub(crate) const BACKEND: &str = "harness";

    /// Says that a state beside has changed.
    pub(crate) fn show_state(topic: super::super::Topic, name: String, value: String) {
        graphlock_harness::model::show_state(topic.into(), name, value);
    }

    /// A task that the execution waits for.
    pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
        let handle = super::thread::Builder::new().name(name.to_owned()).spawn(body);
        drop(handle.expect("an execution can always spawn"));
    }

    /// Executes `body` as `check` asks.
    pub(crate) fn check(check: &Check, body: Body, hooks: &Hooks<'_>) -> Report {
        let report = graphlock_harness::model::check_with(check, &body, hooks);
        report.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A value beside the search: reaching it is no step. Nobody takes a step while he has it.
    #[derive(Debug)]
    pub(crate) struct Beside<T>(std::sync::Mutex<T>);

    impl<T> Beside<T> {
        pub(crate) fn new(value: T) -> Self {
            Beside(std::sync::Mutex::new(value))
        }

        /// Calls `f` with the value.
        pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
            f(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
        }
    }

    #[cfg(test)]
    /// The final states that each pass of this backend sees.
    pub(crate) fn litmus_states(body: fn()) -> Vec<(&'static str, BTreeSet<String>)> {
        let states = |store_buffers| {
            let how = Check { store_buffers, ..Check::default() };
            let report = check(&how, super::super::Arc::new(body), &Hooks::default());
            report.final_states.into_keys().collect()
        };
        vec![("exhaustive", states(false)), ("store buffers", states(true))]
    }
}

macro_rules! named {
    ($($type:ty),*) => {$(
        impl Named for $type {
            fn named(self, name: &dyn fmt::Display) -> Self {
                <$type>::with_name(self, name)
            }
        }
    )*};
}
named!(atomic::AtomicBool, atomic::AtomicI32, atomic::AtomicU8, atomic::AtomicU32, Condvar);

impl<T> Named for Mutex<T> {
    fn named(self, name: &dyn fmt::Display) -> Self {
        Mutex::with_name(self, name)
    }
}

impl<T> Named for cell::UnsafeCell<T> {
    fn named(self, name: &dyn fmt::Display) -> Self {
        cell::UnsafeCell::with_name(self, name)
    }
}
