//! The standard programs on loom.

/// The primitives of the programs.
pub(crate) mod door {
    use std::sync::atomic::Ordering;

    use loom::sync::atomic::fence;
    pub(crate) use loom::sync::{Condvar, Mutex};

    /// loom takes `SeqCst` accesses for `AcqRel` ones, with which the programs are wrong; its fences are
    /// sequentially consistent, and are no steps.
    pub(crate) struct AtomicI32(loom::sync::atomic::AtomicI32);

    impl AtomicI32 {
        pub(crate) fn new(value: i32) -> Self {
            AtomicI32(loom::sync::atomic::AtomicI32::new(value))
        }

        pub(crate) fn load(&self, ordering: Ordering) -> i32 {
            fence(Ordering::SeqCst);
            self.0.load(ordering)
        }

        pub(crate) fn store(&self, value: i32, ordering: Ordering) {
            self.0.store(value, ordering);
            fence(Ordering::SeqCst);
        }

        pub(crate) fn fetch_add(&self, value: i32, ordering: Ordering) -> i32 {
            self.0.fetch_add(value, ordering)
        }

        pub(crate) fn compare_exchange(
            &self,
            current: i32,
            new: i32,
            success: Ordering,
            failure: Ordering,
        ) -> Result<i32, i32> {
            self.0.compare_exchange(current, new, success, failure)
        }
    }

    pub(crate) fn spawn(run: impl FnOnce() + Send + 'static) {
        loom::thread::spawn(run);
    }
}

#[path = "../../harness/programs/mod.rs"]
pub(crate) mod programs;
