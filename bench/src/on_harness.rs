//! The standard programs on this project's engine.

/// The primitives of the programs.
pub(crate) mod door {
    pub(crate) use graphlock_harness::sync::atomic::AtomicI32;
    pub(crate) use graphlock_harness::sync::{Condvar, Mutex};

    pub(crate) fn spawn(run: impl FnOnce() + Send + 'static) {
        graphlock_harness::sync::thread::spawn(run);
    }
}

#[path = "../../harness/programs/mod.rs"]
pub(crate) mod programs;
