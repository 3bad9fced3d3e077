//! The standard programs on shuttle.

/// The primitives of the programs.
pub(crate) mod door {
    pub(crate) use shuttle::sync::atomic::AtomicI32;
    pub(crate) use shuttle::sync::{Condvar, Mutex};

    pub(crate) fn spawn(run: impl FnOnce() + Send + 'static) {
        shuttle::thread::spawn(run);
    }
}

#[path = "../../harness/programs/mod.rs"]
pub(crate) mod programs;
