//! `Barrier`, in the shape of std's, made of this module's mutex and condition variable.

use std::sync::PoisonError;

use super::{Condvar, Mutex};

/// Lets tasks through in groups.
#[derive(Debug)]
pub struct Barrier {
    size: usize,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: usize,
    generation: u64,
}

/// Whether the task that waited was the last one to arrive.
#[derive(Clone, Copy, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this task arrived last. Exactly one of a group did.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// A barrier for groups of `size`.
    #[track_caller]
    #[must_use]
    pub fn new(size: usize) -> Self {
        Barrier {
            size,
            state: Mutex::new(State { waiting: 0, generation: 0 }),
            arrived: Condvar::new(),
        }
    }

    /// Waits until `size` tasks have arrived.
    pub fn wait(&self) -> BarrierWaitResult {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = state.generation;
        state.waiting += 1;
        if state.waiting >= self.size {
            state.waiting = 0;
            state.generation += 1;
            self.arrived.notify_all();
            return BarrierWaitResult(true);
        }
        while state.generation == generation && !std::thread::panicking() {
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        BarrierWaitResult(false)
    }
}
