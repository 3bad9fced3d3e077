//! What a model notes for its final state, beside the search: setting and reading one is no step.

#![allow(clippy::disallowed_types, reason = "the door")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A number that tasks note and a finisher reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note(Arc<AtomicU32>);

impl Note {
    /// Notes `value`.
    pub(crate) fn set(&self, value: u32) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds to what is noted.
    pub(crate) fn add(&self, value: u32) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    /// What is noted.
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}
