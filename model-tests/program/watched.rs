//! A place that nobody may touch at the same time as somebody else: it holds nothing, and is watched for data races.

#![allow(unsafe_code, reason = "shared between threads: see the condition at the block")]

use crate::sync::cell::UnsafeCell;

/// A place without data.
pub(super) struct Watched(UnsafeCell<()>);

// SAFETY: there are no data that two threads could reach: neither closure below uses the pointer it gets.
unsafe impl Sync for Watched {}

impl Watched {
    pub(super) fn new() -> Self {
        Watched(UnsafeCell::new(()))
    }

    /// Is there with others who are.
    #[track_caller]
    pub(super) fn share(&self) {
        self.0.with(|_| ());
    }

    /// Is there alone.
    #[track_caller]
    pub(super) fn own(&self) {
        self.0.with_mut(|_| ());
    }
}
