//! Atomics for the two passes.
//!
//! While a thread unwinds from a failed execution nothing of loom's is touched (`mutex.rs`): an operation in a
//! destructor does nothing and returns zero.

use std::cell::Cell;
use std::fmt::Display;

use graphlock_harness::trace::Kind;

pub(crate) use loom::sync::atomic::Ordering;

use super::super::Named;
use super::recorder::{Name, did, note};

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
        note(Kind::Fence, format!("fence {ordering:?}"));
    }
}

macro_rules! atomic {
    ($($name:ident $value:ty, $read:ident $neutral:expr, $shown:ident;)*) => {$(
        /// An atomic of loom's that knows of the passes.
        #[derive(Debug)]
        pub(crate) struct $name(loom::sync::atomic::$name, Name);

        #[allow(dead_code, reason = "the same names on every backend")]
        impl $name {
            /// An atomic with this value.
            #[track_caller]
            pub(crate) fn new(value: $value) -> Self {
                $name(loom::sync::atomic::$name::new(value), Name::none("atomic"))
            }

            /// Reads.
            #[track_caller]
            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                let value = if LOAD_AS_UPDATE.get() {
                    self.0.$read($neutral, ordering)
                } else {
                    self.0.load(ordering)
                };
                self.read(value);
                value
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
                self.wrote(value);
            }

            /// Writes and returns what was there.
            #[track_caller]
            pub(crate) fn swap(&self, value: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                let before = self.0.swap(value, ordering);
                self.changed(before, value)
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
                let result = self.0.compare_exchange(current, new, success, failure);
                match result {
                    Ok(before) => drop(self.changed(before, new)),
                    Err(found) => self.read(found),
                }
                result
            }

            /// Bitwise and; returns what was there.
            #[track_caller]
            pub(crate) fn fetch_and(&self, other: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                let before = self.0.fetch_and(other, ordering);
                self.changed(before, before & other)
            }

            /// Bitwise or; returns what was there.
            #[track_caller]
            pub(crate) fn fetch_or(&self, other: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                let before = self.0.fetch_or(other, ordering);
                self.changed(before, before | other)
            }

            #[track_caller]
            fn read(&self, value: $value) {
                did(Kind::Read, &self.1, "", Some($shown(value)));
            }

            #[track_caller]
            fn wrote(&self, value: $value) {
                did(Kind::Write, &self.1, "", Some($shown(value)));
            }

            #[track_caller]
            fn changed(&self, before: $value, after: $value) -> $value {
                if super::recorder::is_recorded() {
                    let was = format!(" (was {})", $shown(before));
                    did(Kind::Update, &self.1, &was, Some($shown(after)));
                }
                before
            }
        }

        impl Named for $name {
            fn named(mut self, name: &dyn Display) -> Self {
                self.1.give(name);
                self
            }
        }
    )*};
}

/// A truth value as other backends show it.
fn bit(value: bool) -> String {
    u8::from(value).to_string()
}

/// A number.
fn number(value: impl Display) -> String {
    value.to_string()
}

atomic! {
    AtomicBool bool, fetch_or false, bit;
    AtomicI32 i32, fetch_add 0, number;
    AtomicU8 u8, fetch_add 0, number;
    AtomicU32 u32, fetch_add 0, number;
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
                let before = self.0.fetch_add(by, ordering);
                self.changed(before, before.wrapping_add(by))
            }

            /// Subtracts and returns what was there.
            #[track_caller]
            pub(crate) fn fetch_sub(&self, by: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                let before = self.0.fetch_sub(by, ordering);
                self.changed(before, before.wrapping_sub(by))
            }

            /// Keeps the larger and returns what was there.
            #[track_caller]
            pub(crate) fn fetch_max(&self, other: $value, ordering: Ordering) -> $value {
                if std::thread::panicking() {
                    return Default::default();
                }
                let before = self.0.fetch_max(other, ordering);
                self.changed(before, before.max(other))
            }
        }
    )*};
}

arithmetic! {
    AtomicI32 i32;
    AtomicU8 u8;
    AtomicU32 u32;
}
