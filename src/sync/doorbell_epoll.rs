//! What a home thread sleeps on in production: `epoll` or what the system has in its place, so that
//! descriptors wake it as well as other threads do.
//!
//! # Why no ring is lost
//! The home thread marks under the inbox mutex that it sleeps, gives the mutex up, and only then waits. Whoever
//! posts in between finds the mark and rings, though nobody waits yet. A ring is *sticky*: the next wait returns
//! at once. A ring that comes while a wait is about to return for another reason may be swallowed by it; but
//! whoever rang has posted before, and the home thread looks at the inbox after each wait.
//! A loop that does not sleep has no mark, so a post to it rings nothing and is no system call.
//!
//! # Why a descriptor rings once
//! After it has rung a descriptor is silent until it is armed again, which looks at its state anew. So a nested
//! poll neither finds a descriptor whose handler is running nor spins because it is still ready.

#![allow(
    unsafe_code,
    reason = "a descriptor is handed to the kernel: see the condition at the block"
)]

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::{Event, Events, PollMode, Poller};

use super::{Mutex, MutexGuard};
use crate::sync::{Readiness, Wake, lock};

/// How many ready descriptors one look finds. Those beyond are found by the next.
const FOUND_MAX: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// What a home thread sleeps on.
pub(crate) struct Doorbell(Arc<Poller>);

/// A descriptor that rings. Dropping it ends that.
pub(crate) struct Watch {
    poller: Arc<Poller>,
    descriptor: Arc<OwnedFd>,
    key: usize,
}

/// The descriptors that a sleep has found ready.
#[derive(Default)]
pub(crate) struct ReadyList(Option<Events>);

impl ReadyList {
    fn events(&mut self) -> &mut Events {
        let events = self.0.get_or_insert_with(|| Events::with_capacity(FOUND_MAX));
        events.clear();
        events
    }

    /// What was found, with the keys. The list is empty afterwards.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (usize, Readiness)> {
        let found: Vec<(usize, Readiness)> = self.0.iter().flat_map(Events::iter).map(of).collect();
        self.0.iter_mut().for_each(Events::clear);
        found.into_iter()
    }
}

fn of(event: Event) -> (usize, Readiness) {
    let mut readiness = Readiness::empty();
    readiness.set(Readiness::READABLE, event.readable);
    readiness.set(Readiness::WRITABLE, event.writable);
    (event.key, readiness)
}

fn event(key: usize, interest: Readiness) -> Event {
    let readable = interest.contains(Readiness::READABLE);
    Event::new(key, readable, interest.contains(Readiness::WRITABLE))
}

impl Doorbell {
    /// A doorbell that nobody has rung. The name is for traces, and there are none.
    ///
    /// # Panics
    /// If the system gives no descriptors for it.
    pub(crate) fn new(_name: &dyn fmt::Display) -> Self {
        let poller = Poller::new().unwrap_or_else(|error| {
            panic!("the system gives nothing for an event loop to sleep on: {error}")
        });
        Doorbell(Arc::new(poller))
    }

    /// Wakes the thread that sleeps, or about to sleep.
    pub(crate) fn ring(&self) {
        self.0.notify().expect("a thread that sleeps in `epoll` can be woken");
    }

    /// Gives the mutex up, sleeps until somebody rings, a descriptor is ready or the deadline comes, and takes
    /// the mutex again. One thread at a time.
    pub(crate) fn wait<'a, T>(
        &self,
        mutex: &'a Mutex<T>,
        held: MutexGuard<'a, T>,
        deadline: Option<Instant>,
        found: &mut ReadyList,
    ) -> (MutexGuard<'a, T>, Wake) {
        drop(held);
        let time = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let wake = if self.sleep(found.events(), time) != 0 {
            Wake::DescriptorsReady
        } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            Wake::DeadlineCame
        } else {
            Wake::Rung
        };
        (lock(mutex), wake)
    }

    /// Looks which descriptors are ready, without sleeping. One thread at a time.
    pub(crate) fn look(&self, found: &mut ReadyList) {
        self.sleep(found.events(), Some(Duration::ZERO));
    }

    /// How many descriptors are ready. A signal ends it early, as a ring does.
    fn sleep(&self, events: &mut Events, time: Option<Duration>) -> usize {
        match self.0.wait(events, time) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => panic!("an event loop cannot sleep: {error}"),
        }
    }

    /// Lets `descriptor` ring once. It is found under `key`.
    ///
    /// # Errors
    /// Those of `epoll_ctl`: one that is watched here already, or cannot be watched, as a plain file.
    pub(crate) fn watch(
        &self,
        descriptor: Arc<OwnedFd>,
        key: usize,
        interest: Readiness,
    ) -> io::Result<Watch> {
        // SAFETY: a descriptor must be taken out again before it is closed. The watch owns a share of it, and
        // its `drop` takes it out before that share is given back; a watch that is forgotten keeps its share.
        unsafe {
            self.0.add_with_mode(&descriptor.as_fd(), event(key, interest), PollMode::Oneshot)?;
        }
        Ok(Watch { poller: Arc::clone(&self.0), descriptor, key })
    }
}

impl Watch {
    /// Lets it ring once more, if it is ready now or when it is.
    pub(crate) fn arm(&self, interest: Readiness) -> io::Result<()> {
        self.poller.modify(&*self.descriptor, event(self.key, interest))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let deleted = self.poller.delete(&*self.descriptor);
        debug_assert!(deleted.is_ok(), "a watched descriptor can be taken out: {deleted:?}");
    }
}
