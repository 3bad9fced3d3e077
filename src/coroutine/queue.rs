//! A queue that coroutines sleep in. Counterpart: `CoQueue` with a lock.
//!
//! It lives inside the mutex of whatever is waited for, so that looking and going to sleep are one step. Whoever
//! wakes takes the sleepers out under that mutex and calls their wakers after it is released. A sleeper that was
//! taken sees that without the mutex: a crowd that is woken does not queue up for it again.
//!
//! # Invariants
//! * A sleeper stands in the queue until it is taken or takes itself away.
//! * Taking all takes those who are there; who comes back meanwhile is not woken again by the same call.

use std::collections::VecDeque;
use std::fmt;
use std::task::Waker;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Named};

/// A sleeper's place.
#[derive(Clone)]
pub(crate) struct Ticket(Arc<AtomicBool>);

/// Sleepers in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct SleeperQueue(VecDeque<(Ticket, Waker)>);

impl Ticket {
    /// Whether the sleeper has been taken out of the queue.
    pub(crate) fn is_taken(&self) -> bool {
        // Relaxed: a sleeper that goes on starts from the beginning, where it looks at what it waits for with
        // an ordering of its own.
        self.0.load(Ordering::Relaxed)
    }
}

impl SleeperQueue {
    /// Adds a sleeper at the end.
    pub(crate) fn push(&mut self, waker: Waker) -> Ticket {
        let ticket = Ticket(Arc::new(AtomicBool::new(false).named(&"taken")));
        self.0.push_back((ticket.clone(), waker));
        ticket
    }

    /// Gives a sleeper that is still there the waker to call. Says whether it is there.
    pub(crate) fn update(&mut self, ticket: &Ticket, waker: &Waker) -> bool {
        let found = self.0.iter_mut().find(|(each, _)| Arc::ptr_eq(&each.0, &ticket.0));
        found.map(|(_, kept)| kept.clone_from(waker)).is_some()
    }

    /// Takes a sleeper away that does not want to wait any longer.
    pub(crate) fn remove(&mut self, ticket: &Ticket) {
        self.0.retain(|(each, _)| !Arc::ptr_eq(&each.0, &ticket.0));
    }

    /// How many sleep.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes all sleepers, first come first.
    pub(crate) fn take_all(&mut self) -> Vec<Waker> {
        let taken = self.0.drain(..).map(|(ticket, waker)| {
            ticket.0.store(true, Ordering::Relaxed);
            waker
        });
        taken.collect()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}
