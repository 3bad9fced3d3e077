//! Atomics for the two passes.
//!
//! While a thread unwinds from a failed execution nothing of loom's is touched (`mutex.rs`): an operation in a
//! destructor does nothing and returns zero.

use std::cell::Cell;

pub(crate) use loom::sync::atomic::Ordering;

std::thread_local! {
    /// Whether the running pass turns loads into updates. All threads of a model run on one OS thread.
    static LOAD_AS_UPDATE: Cell<bool> = const { Cell::new(false) };
}

/// Chooses the pass for what runs next on this OS thread.
pub(super) fn set_load_as_update(on: bool) {
    LOAD_AS_UPDATE.set(on);
}

/// Orders the thread's own accesses.
#[track_caller]
pub(crate) fn fence(ordering: Ordering) {
    if !std::thread::panicking() {
        loom::sync::atomic::fence(ordering);
    }
}

macro_rules! atomic {
    ($($name:ident $value:ty, $read:ident $neutral:expr;)*) => {$(
        /// An atomic of loom's that knows of the passes.
        #[derive(Debug)]
        pub(crate) struct $name(loom::sync::atomic::$name);

        #[allow(dead_code, reason = "the same names on every backend")]
        impl $name {
            /// An atomic with this value.
            #[track_caller]
            pub(crate) fn new(value: $value) -> Self {
                $name(loom::sync::atomic::$name::new(value))
            }

            /// Reads.
            #[track_caller]
            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                if LOAD_AS_UPDATE.get() {
                    self.0.$read($neutral, ordering)
                } else {
                    self.0.load(ordering)
                }
            }

            /// Writes.
            #[track_caller]
            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                if std::thread::panicking() {
                    return;
                }
                if LOAD_AS_UPDATE.get() {
                    self.0.swap(value, ordering);
                } else {
                    self.0.store(value, ordering);
                }
            }

            /// Writes and returns what was there.
            #[track_caller]
            pub(crate) fn swap(&self, value: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                self.0.swap(value, ordering)
            }

            /// Writes `new` if `current` is there.
            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                if std::thread::panicking() {
                    return Ok(Default::default());
                }
                self.0.compare_exchange(current, new, success, failure)
            }

            /// Bitwise and; returns what was there.
            #[track_caller]
            pub(crate) fn fetch_and(&self, other: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                self.0.fetch_and(other, ordering)
            }

            /// Bitwise or; returns what was there.
            #[track_caller]
            pub(crate) fn fetch_or(&self, other: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                self.0.fetch_or(other, ordering)
            }
        }
    )*};
}

atomic! {
    AtomicBool bool, fetch_or false;
    AtomicI32 i32, fetch_add 0;
    AtomicU8 u8, fetch_add 0;
    AtomicU32 u32, fetch_add 0;
}

macro_rules! arithmetic {
    ($($name:ident $value:ty;)*) => {$(
        #[allow(dead_code, reason = "the same names on every backend")]
        impl $name {
            /// Adds and returns what was there.
            #[track_caller]
            pub(crate) fn fetch_add(&self, by: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                self.0.fetch_add(by, ordering)
            }

            /// Subtracts and returns what was there.
            #[track_caller]
            pub(crate) fn fetch_sub(&self, by: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                self.0.fetch_sub(by, ordering)
            }

            /// Keeps the larger and returns what was there.
            #[track_caller]
            pub(crate) fn fetch_max(&self, other: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                self.0.fetch_max(other, ordering)
            }
        }
    )*};
}

arithmetic! {
    AtomicI32 i32;
    AtomicU8 u8;
    AtomicU32 u32;
}
