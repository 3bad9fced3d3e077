//! The door on loom.
//!
//! Offers what loom models rightly, and says where it does not (docs/LIMITS.md): a timed wait never ends by
//! time, a thread is never joined inside the search. Each check runs in two passes, *plain* and *load-as-RMW*: in
//! the second each load is an update and each store a swap, which finds the interleavings that loom's reduction
//! skips when a thread loads before it stores.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the door")]

use std::fmt::Display;

pub(crate) use doorbell::{Doorbell, ReadyList, Watch};
pub(crate) use loom::thread_local;
pub(crate) use mutex::{Condvar, Mutex, MutexGuard};

use super::Named;

#[path = "symmetric.rs"]
pub(crate) mod asymmetric;
#[path = "doorbell_condvar.rs"]
mod doorbell;

#[path = "loom/atomic.rs"]
pub(crate) mod atomic;
#[path = "loom/mutex.rs"]
mod mutex;
#[path = "loom/recorder.rs"]
mod recorder;
#[path = "loom/runner.rs"]
mod runner;

/// The cell that checked builds watch for data races.
pub(crate) mod cell {
    pub(crate) use loom::cell::UnsafeCell;
}

/// Threads.
pub(crate) mod thread {
    use std::io;

    pub(crate) use std::thread::panicking;

    pub(crate) use loom::thread::JoinHandle;

    /// Shards are for speed: there is one.
    pub(crate) fn shard(_shards: usize) -> usize {
        0
    }

    /// Spawns a thread with a name.
    pub(crate) struct Builder(loom::thread::Builder, String);

    impl Builder {
        /// A builder of a thread without a name.
        pub(crate) fn new() -> Self {
            // In words of loom's stack allocator. Its default overflows under nested polls.
            let builder = loom::thread::Builder::new().stack_size(super::runner::STACK_WORDS);
            Builder(builder, String::new())
        }

        /// Gives the thread a name.
        pub(crate) fn name(self, name: String) -> Self {
            Builder(self.0.name(name.clone()), name)
        }

        /// Spawns it. The execution's finishers run after it has ended.
        #[track_caller]
        pub(crate) fn spawn(
            self,
            body: impl FnOnce() + Send + 'static,
        ) -> io::Result<JoinHandle<()>> {
            let finishers = super::runner::hold_finishers();
            let number = super::recorder::spawned(&self.1);
            self.0.spawn(move || {
                super::recorder::begins(number);
                body();
                super::recorder::ends();
                drop(finishers);
            })
        }
    }

    /// Runs `body`. A panic ends the execution: there is nothing to keep.
    pub(crate) fn catch_panic<T>(body: impl FnOnce() -> T) -> std::thread::Result<T> {
        Ok(body())
    }

    /// Lets go of a thread whose owner goes away: an execution ends only when every thread has, and a join
    /// would multiply the search.
    pub(crate) fn join_on_drop(handle: JoinHandle<()>) {
        drop(handle);
    }
}

/// Time: it stands still.
pub(crate) mod time {
    use std::ops::Add;

    pub(crate) use std::time::Duration;

    /// A point in time.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) struct Instant(Duration);

    impl Instant {
        /// Now, and always.
        pub(crate) fn now() -> Self {
            Instant(Duration::ZERO)
        }

        /// The time from `earlier` to this, zero if that is later.
        pub(crate) fn saturating_duration_since(&self, earlier: Instant) -> Duration {
            self.0.saturating_sub(earlier.0)
        }
    }

    impl Add<Duration> for Instant {
        type Output = Instant;
        fn add(self, time: Duration) -> Instant {
            Instant(self.0.saturating_add(time))
        }
    }
}

/// What only checked builds do.
pub(crate) mod model {
    pub(crate) use super::recorder::{
        begin_activity, finish_activity, is_recorded, say, show_state,
    };
    #[cfg(test)]
    pub(crate) use super::runner::litmus_states;
    pub(crate) use super::runner::{check, finish, mutated, reached, spawn};

    /// Whether constants that hide interesting paths shrink.
    pub(crate) const CHECKED: bool = true;
    /// The name of this backend.
    #[cfg(test)]
    pub(crate) const BACKEND: &str = "loom";
}

impl<T> Named for cell::UnsafeCell<T> {
    /// loom's message says where two accesses met.
    fn named(self, _name: &dyn Display) -> Self {
        self
    }
}
