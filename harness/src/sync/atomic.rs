//! Atomics of all widths and fences, in the shape of std's.
//!
//! A load sees the latest value; what it lets its task know follows the declared ordering
//! (`execution/memory.rs`). With store buffers a store may come later (`execution/buffer.rs`). A failed `compare_exchange` has only read; `compare_exchange_weak` never fails
//! without a reason.

use std::fmt;
use std::panic::Location;

pub use std::sync::atomic::Ordering;

use super::handle::{Handle, on};
use crate::execution::buffer::{self, Delayed};
use crate::execution::object::ObjectState;
use crate::execution::operation::OperationKind;
use crate::execution::record::Effect;
use crate::execution::{step, with};

/// Orders the task's own steps. No step of the engine: under sequential consistency nobody sees it,
/// but it moves what the task knows and publishes.
#[track_caller]
pub fn fence(ordering: Ordering) {
    let at = Location::caller();
    if ordering == Ordering::SeqCst {
        buffer::empty();
    }
    if with(|execution| execution.fence(ordering, at)).is_none() {
        std::sync::atomic::fence(ordering);
    }
}

/// Orders nothing between tasks.
pub fn compiler_fence(ordering: Ordering) {
    std::sync::atomic::compiler_fence(ordering);
}

macro_rules! atomic {
    ($(#[$doc:meta])* $name:ident, $std:ty, $value:ty, $signed:expr, |$shown:ident| $bits:expr,
     |$kept:ident| $back:expr) => {
        $(#[$doc])*
        pub struct $name {
            handle: Handle,
            value: $std,
        }

        impl $name {
            /// An atomic with this value.
            #[track_caller]
            #[must_use]
            pub fn new(value: $value) -> Self {
                $name { handle: Handle::new(Self::fresh), value: <$std>::new(value) }
            }

            /// Gives it a name to read in traces.
            #[must_use]
            pub fn with_name(mut self, name: &dyn fmt::Display) -> Self {
                self.handle.set_name(name);
                self
            }

            fn fresh() -> ObjectState {
                ObjectState::Atomic { version: 0, signed: $signed }
            }

            /// The value as it is kept in the log.
            fn bits($shown: $value) -> u64 {
                $bits
            }

            /// The value of such bits.
            fn of_bits($kept: u64) -> $value {
                $back
            }

            /// The value.
            #[inline]
            fn now(&self, ordering: Ordering) -> $value {
                match self.handle.late() {
                    None => self.value.load(ordering),
                    Some(late) => Self::of_bits(late.load(ordering)),
                }
            }

            /// Makes it another one.
            #[inline]
            fn set(&self, value: $value, ordering: Ordering) {
                match self.handle.late() {
                    None => self.value.store(value, ordering),
                    Some(late) => late.store(Self::bits(value), ordering),
                }
            }

            /// Makes it another one and gives what it was, for one task after the other.
            #[inline]
            fn replace(&self, value: $value) -> $value {
                if let Some(late) = self.handle.late() {
                    return Self::of_bits(late.swap(Self::bits(value), Ordering::Relaxed));
                }
                let before = self.value.load(Ordering::Relaxed);
                self.value.store(value, Ordering::Relaxed);
                before
            }

            /// Puts a store into the buffer of its task. `None`: there is no execution, or it is given up.
            #[cold]
            #[inline(never)]
            fn delay(
                &self,
                value: $value,
                ordering: Ordering,
                location: &'static Location<'static>,
            ) -> Option<()> {
                let object = self.handle.id(Self::fresh)?;
                let late = self.handle.late_from(|| Self::bits(self.value.load(Ordering::Relaxed)));
                with(|execution| {
                    let release = execution.publishes(execution.current, ordering);
                    let value = Self::bits(value);
                    let late = Some(late);
                    execution.delay(Delayed { object, value, ordering, location, release, late });
                })
            }

            /// Lets a load pass what its task holds back. Gives the value, if it is the task's own.
            #[cold]
            #[inline(never)]
            fn load_own(&self, at: &'static Location<'static>) -> Option<$value> {
                let id = self.handle.id(Self::fresh)?;
                let (own, operation) = buffer::before_load(id, at)??;
                let read = step(operation, |_, _| (Self::of_bits(own), Effect::Read(own)));
                buffer::after_load();
                read
            }

            /// Performs what anybody holds back, and keeps the value here.
            fn settle(&mut self) {
                if self.handle.late().is_some() {
                    if let Some(id) = self.handle.id(Self::fresh) {
                        with(|execution| execution.settle(id));
                    }
                    self.value = <$std>::new(self.now(Ordering::Relaxed));
                    self.handle.end_late();
                }
            }

            /// Reads.
            #[track_caller]
            pub fn load(&self, ordering: Ordering) -> $value {
                let at = Location::caller();
                if buffer::delays_stores()
                    && let Some(own) = self.load_own(at)
                {
                    return own;
                }
                let stepped = self.handle.id(Self::fresh).and_then(|id| {
                    step(on(id, OperationKind::AtomicLoad(ordering), at), |execution, task| {
                        execution.atomic_read(task, id, ordering);
                        let value = self.now(Ordering::Relaxed);
                        (value, Effect::Read(Self::bits(value)))
                    })
                });
                if buffer::delays_stores() {
                    buffer::after_load();
                }
                stepped.unwrap_or_else(|| self.now(ordering))
            }

            /// Writes.
            #[track_caller]
            pub fn store(&self, value: $value, ordering: Ordering) {
                let at = Location::caller();
                if buffer::delays_stores()
                    && ordering != Ordering::SeqCst
                    && let Some(()) = self.delay(value, ordering, at)
                {
                    return;
                }
                let stepped = self.handle.id(Self::fresh).and_then(|id| {
                    step(on(id, OperationKind::AtomicStore(ordering), at), |execution, task| {
                        execution.atomic_written(task, id, ordering, false);
                        let before = self.replace(value);
                        ((), Effect::Wrote(Self::bits(before), Self::bits(value)))
                    })
                });
                if stepped.is_none() {
                    self.set(value, ordering);
                }
            }

            /// Reads, and writes what `update` makes of it, in one step. `None` leaves it as it is;
            /// then only what `failure` orders is ordered.
            #[track_caller]
            fn update_step(
                &self,
                kind: OperationKind,
                success: Ordering,
                failure: Ordering,
                update: impl Fn($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let at = Location::caller();
                let stepped = self.handle.id(Self::fresh).and_then(|id| {
                    step(on(id, kind, at), |execution, task| {
                        let before = self.now(Ordering::Relaxed);
                        match update(before) {
                            Some(after) => {
                                execution.atomic_read(task, id, success);
                                execution.atomic_written(task, id, success, true);
                                self.set(after, Ordering::Relaxed);
                                (Ok(before), Effect::Changed(Self::bits(before), Self::bits(after)))
                            }
                            None => {
                                execution.atomic_read(task, id, failure);
                                (Err(before), Effect::Read(Self::bits(before)))
                            }
                        }
                    })
                });
                stepped.unwrap_or_else(|| match self.handle.late() {
                    None => self.value.fetch_update(success, Ordering::Relaxed, update),
                    Some(late) => {
                        let update = |bits| update(Self::of_bits(bits)).map(Self::bits);
                        let updated = late.fetch_update(success, Ordering::Relaxed, update);
                        updated.map(Self::of_bits).map_err(Self::of_bits)
                    }
                })
            }

            #[track_caller]
            fn change(&self, ordering: Ordering, update: impl Fn($value) -> $value) -> $value {
                let kind = OperationKind::AtomicReadModifyWrite(ordering);
                match self.update_step(kind, ordering, Ordering::Relaxed, |value| Some(update(value))) {
                    Ok(value) | Err(value) => value,
                }
            }

            /// Writes and returns what was there.
            #[track_caller]
            pub fn swap(&self, value: $value, ordering: Ordering) -> $value {
                self.change(ordering, |_| value)
            }

            /// Writes `new` if `current` is there.
            ///
            /// # Errors
            /// With what was there instead.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let kind = OperationKind::AtomicCompareExchange(success, Self::bits(current));
                self.update_step(kind, success, failure, |value| (value == current).then_some(new))
            }

            /// The same; never fails without a reason here.
            ///
            /// # Errors
            /// With what was there instead.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }

            /// The value of an atomic that nobody else can reach.
            pub fn get_mut(&mut self) -> &mut $value {
                self.settle();
                self.value.get_mut()
            }

            /// The value.
            #[must_use]
            pub fn into_inner(mut self) -> $value {
                self.settle();
                self.value.into_inner()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.now(Ordering::Relaxed), f)
            }
        }

        impl Default for $name {
            #[track_caller]
            fn default() -> Self {
                $name::new(<$value>::default())
            }
        }
    };
}

macro_rules! arithmetic {
    ($name:ident, $value:ty) => {
        impl $name {
            /// Adds, wrapping around, and returns what was there.
            #[track_caller]
            pub fn fetch_add(&self, by: $value, ordering: Ordering) -> $value {
                self.change(ordering, |value| value.wrapping_add(by))
            }

            /// Subtracts, wrapping around, and returns what was there.
            #[track_caller]
            pub fn fetch_sub(&self, by: $value, ordering: Ordering) -> $value {
                self.change(ordering, |value| value.wrapping_sub(by))
            }

            /// Keeps the larger and returns what was there.
            #[track_caller]
            pub fn fetch_max(&self, other: $value, ordering: Ordering) -> $value {
                self.change(ordering, |value| value.max(other))
            }

            /// Keeps the smaller and returns what was there.
            #[track_caller]
            pub fn fetch_min(&self, other: $value, ordering: Ordering) -> $value {
                self.change(ordering, |value| value.min(other))
            }
        }
    };
}

macro_rules! bits {
    ($name:ident, $value:ty) => {
        impl $name {
            /// Bitwise and; returns what was there.
            #[track_caller]
            pub fn fetch_and(&self, other: $value, ordering: Ordering) -> $value {
                self.change(ordering, |value| value & other)
            }

            /// Bitwise or; returns what was there.
            #[track_caller]
            pub fn fetch_or(&self, other: $value, ordering: Ordering) -> $value {
                self.change(ordering, |value| value | other)
            }

            /// Bitwise exclusive or; returns what was there.
            #[track_caller]
            pub fn fetch_xor(&self, other: $value, ordering: Ordering) -> $value {
                self.change(ordering, |value| value ^ other)
            }
        }
    };
}

macro_rules! integers {
    ($signed:literal: $($name:ident $value:ident),* $(,)?) => {$(
        atomic!(
            #[doc = concat!("An atomic `", stringify!($value), "`.")]
            $name, std::sync::atomic::$name, $value, $signed, |value| value as u64,
            |bits| bits as $value
        );
        arithmetic!($name, $value);
        bits!($name, $value);
    )*};
}

integers!(true: AtomicI8 i8, AtomicI16 i16, AtomicI32 i32, AtomicI64 i64, AtomicIsize isize);
integers!(false: AtomicU8 u8, AtomicU16 u16, AtomicU32 u32, AtomicU64 u64, AtomicUsize usize);
atomic!(
    /// An atomic `bool`.
    AtomicBool, std::sync::atomic::AtomicBool, bool, false, |value| u64::from(value), |bits| bits != 0
);
bits!(AtomicBool, bool);
