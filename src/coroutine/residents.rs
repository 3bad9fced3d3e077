//! The coroutines that live on a loop: entered there, and neither finished nor moved away.
//!
//! The home thread alone keeps this list, so it is no part of any protocol. One that was posted and never entered
//! is not on it: it stands in the inbox. One that was dropped while it slept, because nobody was left who could
//! wake it, is on it for some time and does not count.

use std::collections::BTreeMap;

use super::Task;
use crate::sync::{Arc, Weak};

/// How long the list may be before those who are gone are looked for.
const SWEPT_MIN: usize = 64;

/// The coroutines that live on one loop, in the order of their arrival.
#[derive(Default)]
pub(crate) struct Residents {
    arrived: u64,
    living: BTreeMap<u64, Weak<Task>>,
    /// The list is swept when it is longer.
    sweep_beyond: usize,
}

impl Residents {
    /// Takes one in that is entered here for the first time, and numbers it.
    pub(super) fn arrive(&mut self, task: &Arc<Task>) -> u64 {
        if self.living.len() > self.sweep_beyond.max(SWEPT_MIN) {
            self.living.retain(|_, each| each.strong_count() != 0);
            self.sweep_beyond = 2 * self.living.len();
        }
        self.arrived += 1;
        self.living.insert(self.arrived, Arc::downgrade(task));
        self.arrived
    }

    /// One has finished or moved away.
    pub(super) fn leave(&mut self, resident: u64) {
        self.living.remove(&resident);
    }

    /// Whether nobody lives here.
    pub(crate) fn is_empty(&self) -> bool {
        self.living.values().all(|each| each.strong_count() == 0)
    }

    /// The names of those who live here, in the order of their arrival.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.living.values().filter_map(Weak::upgrade).map(|task| task.name()).collect()
    }
}
