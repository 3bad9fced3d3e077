//! Handlers of descriptors: callbacks that a poll runs on the home thread when a descriptor is ready.
//!
//! # States of a handler
//! *Armed*: its descriptor wakes the loop. *Ready*: a poll has found it, and it stands in the queue of what polls
//! in progress have found. *Dispatched*: its callback runs. In the last two its descriptor is silent; after the
//! callback it is armed again, which looks at the descriptor anew.
//!
//! # Invariants
//! * A callback is not entered again by a poll inside it: its descriptor is silent, and it is not in the queue.
//! * A nested poll runs what the polls around it have found and not run.
//! * Ids are not given twice, so what was found for a handler that is gone reaches nobody else.
//!
//! # Not here
//! Descriptors in checked builds: there adding one is an error (`src/sync/doorbell_condvar.rs`). Busy polling of
//! a condition in memory, QEMU's `io_poll`.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;

use super::{EventLoop, Home};
use crate::sync::{Arc, Readiness, ReadyList, Watch};

/// A handler's callback.
pub type DescriptorCallback = Box<dyn FnMut(&mut dyn Home, Readiness)>;

/// A handler of one loop, to change or remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandlerId(usize);

struct Handler {
    interest: Readiness,
    watch: Watch,
    /// Not there while it runs.
    callback: Option<DescriptorCallback>,
}

/// The handlers of one loop, as its home thread has them.
#[derive(Default)]
pub(super) struct Handlers {
    made: usize,
    handlers: BTreeMap<usize, Handler>,
    /// What the polls in progress have found and not run, oldest first.
    ready: VecDeque<(usize, Readiness)>,
    /// Where a sleep leaves what it finds.
    pub(super) found: ReadyList,
}

/// A handler whose turn it is.
pub(super) struct Turn {
    id: usize,
    readiness: Readiness,
    callback: DescriptorCallback,
}

impl Handlers {
    pub(super) fn len(&self) -> usize {
        self.handlers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.handlers.is_empty()
    }

    /// Whether a poll in progress has found something that has not run.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Moves what a sleep has found into the queue.
    pub(super) fn queue_found(&mut self) {
        self.ready.extend(self.found.take());
    }

    pub(super) fn add(
        &mut self,
        event_loop: &EventLoop,
        descriptor: Arc<OwnedFd>,
        interest: Readiness,
        callback: DescriptorCallback,
    ) -> io::Result<HandlerId> {
        assert!(!interest.is_empty(), "a handler is interested in something");
        let id = self.made;
        let watch = event_loop.posted.watch(descriptor, id, interest)?;
        self.made += 1;
        self.handlers.insert(id, Handler { interest, watch, callback: Some(callback) });
        Ok(HandlerId(id))
    }

    pub(super) fn set_interest(&mut self, id: HandlerId, interest: Readiness) -> io::Result<()> {
        assert!(!interest.is_empty(), "a handler is interested in something");
        let handler = self.handlers.get_mut(&id.0);
        let handler = handler.expect("the handler is of this loop and has not been removed");
        handler.interest = interest;
        if handler.callback.is_none() {
            // It runs; it is armed afterwards.
            return Ok(());
        }
        // What was found for the old interest is forgotten: arming looks anew.
        self.ready.retain(|(each, _)| *each != id.0);
        handler.watch.arm(interest)
    }

    pub(super) fn remove(&mut self, id: HandlerId) -> bool {
        self.handlers.remove(&id.0).is_some()
    }

    /// The next handler to run, out of the queue.
    pub(super) fn next(&mut self) -> Option<Turn> {
        loop {
            let (id, readiness) = self.ready.pop_front()?;
            if let Some(handler) = self.handlers.get_mut(&id)
                && let Some(callback) = handler.callback.take()
            {
                return Some(Turn { id, readiness: readiness & handler.interest, callback });
            }
        }
    }

    /// Arms a handler that has run, if it is still wanted.
    fn end(&mut self, id: usize, callback: DescriptorCallback) {
        if let Some(handler) = self.handlers.get_mut(&id) {
            handler.callback = Some(callback);
            let armed = handler.watch.arm(handler.interest);
            armed.expect("a descriptor that was watched can be watched again");
        }
    }
}

impl Turn {
    /// Runs the callback on the home thread.
    pub(super) fn run(self, home: &mut dyn Home) {
        let Turn { id, readiness, mut callback } = self;
        callback(home, readiness);
        home.poller().handlers.end(id, callback);
    }
}
