//! The home thread's side of a loop: the right to poll it, and what only that thread knows.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use super::descriptor::Handlers;
use super::{DescriptorCallback, EventLoop, HandlerId, MainLoop, Slice, Taken};
use crate::coroutine::{Residents, Task};
use crate::mutation::mutated;
use crate::sync::time::{Duration, Instant};
use crate::sync::{Arc, Mutex, Readiness, lock, reached, within};

/// The right to poll one event loop. Its home thread holds it and hands it to every callback, so that a
/// callback may poll again. What a poll could disturb borrows it, and so keeps others from polling.
pub trait Home {
    /// The loop.
    fn event_loop(&self) -> &Arc<EventLoop>;

    /// The main loop's token, if this is the main loop.
    fn main(&mut self) -> Option<&mut MainLoop>;

    /// The state of the polls in progress.
    #[doc(hidden)]
    fn poller(&mut self) -> &mut Poller;

    /// Calls `callback` from whichever poll finds `descriptor` ready, again and again while it is. The callback
    /// clears what made it ready: reads, for one. It may poll, and is not called again inside itself; it may add
    /// and remove handlers, itself included. A loop that ends does not wait for its handlers. Counterpart:
    /// `aio_set_fd_handler`.
    ///
    /// # Errors
    /// Those of the system: the descriptor has a handler on this loop, or is of a kind that is always ready, as a
    /// plain file. In checked builds always: they have no descriptors.
    ///
    /// # Panics
    /// If `interest` is empty.
    fn add_handler(
        &mut self,
        descriptor: Arc<OwnedFd>,
        interest: Readiness,
        callback: DescriptorCallback,
    ) -> io::Result<HandlerId> {
        let event_loop = Arc::clone(self.event_loop());
        self.poller().handlers.add(&event_loop, descriptor, interest, callback)
    }

    /// Changes what a handler of this loop is interested in, from the next poll on.
    ///
    /// # Errors
    /// Those of the system.
    ///
    /// # Panics
    /// If `interest` is empty, or the handler has been removed.
    fn set_interest(&mut self, handler: HandlerId, interest: Readiness) -> io::Result<()> {
        self.poller().handlers.set_interest(handler, interest)
    }

    /// Removes a handler of this loop: its callback is not called any more, and the loop's share of the
    /// descriptor is given back. Says whether it was there. Counterpart: `aio_set_fd_handler` without callbacks.
    fn remove_handler(&mut self, handler: HandlerId) -> bool {
        self.poller().handlers.remove(handler)
    }
}

type TimerCallback = Box<dyn FnOnce(&mut dyn Home)>;

/// A callback at a time.
struct Timer {
    at: Instant,
    id: u64,
    callback: TimerCallback,
}

/// The state of the polls in progress on one thread.
#[derive(Default)]
pub struct Poller {
    /// What the polls in progress have taken and not run, outermost first.
    slices: VecDeque<Slice>,
    timers: Vec<Timer>,
    timers_made: u64,
    pub(super) handlers: Handlers,
    pub(super) residents: Residents,
    /// The loop ends when no coroutine lives on it, and leaves the names of those who do here.
    leaving: Option<Arc<Mutex<Vec<&'static str>>>>,
}

/// Something to run.
enum Item {
    Coroutine(Arc<Task>),
    BottomHalf(super::Posted),
}

impl Poller {
    /// The next thing to run: the oldest slice's, coroutines first, then bottom halves newest first.
    fn next(&mut self) -> Option<Item> {
        loop {
            let slice = self.slices.front_mut()?;
            if let Some(task) = slice.ready.pop_front() {
                return Some(Item::Coroutine(task));
            }
            let oldest_first =
                mutated("slice-runs-oldest-first") && !slice.bottom_halves.is_empty();
            let next = if oldest_first {
                Some(slice.bottom_halves.remove(0))
            } else {
                slice.bottom_halves.pop()
            };
            if let Some(posted) = next {
                return Some(Item::BottomHalf(posted));
            }
            self.slices.pop_front();
        }
    }

    pub(super) fn add_timer(&mut self, time: Duration, callback: TimerCallback) -> u64 {
        self.timers_made += 1;
        let timer = Timer { at: Instant::now() + time, id: self.timers_made, callback };
        self.timers.push(timer);
        self.timers_made
    }

    pub(super) fn cancel_timer(&mut self, id: u64) {
        self.timers.retain(|timer| timer.id != id);
    }

    /// The loop is to end when no coroutine lives on it, or when `within` has passed.
    pub(super) fn leave(&mut self, within: Duration, left: Arc<Mutex<Vec<&'static str>>>) {
        self.leaving = Some(left);
        self.add_timer(within, Box::new(|home| home.event_loop().stop()));
    }

    /// Ends a loop that is to end, if nobody lives on it and nothing has been posted.
    pub(super) fn end_if_left(&self, event_loop: &EventLoop) {
        if self.leaving.is_some() && self.residents.is_empty() {
            event_loop.stop_if_idle();
        }
    }

    /// The loop has ended: says who lives on it still.
    pub(super) fn name_left(&self) {
        if let Some(left) = &self.leaving {
            *lock(left) = self.residents.names();
        }
    }

    fn nearest_deadline(&self) -> Option<Instant> {
        self.timers.iter().map(|timer| timer.at).min()
    }

    /// The timer that is due, the earliest first.
    fn due(&mut self) -> Option<Timer> {
        let (at, id) = self.timers.iter().map(|timer| (timer.at, timer.id)).min()?;
        if at > Instant::now() {
            return None;
        }
        let index = self.timers.iter().position(|timer| timer.id == id)?;
        Some(self.timers.swap_remove(index))
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("nested", &self.slices.len())
            .field("timers", &self.timers.len())
            .field("handlers", &self.handlers.len())
            .finish_non_exhaustive()
    }
}

/// What a poll did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polled {
    /// Something ran.
    pub(super) progress: bool,
    /// The loop is to end, and nothing was pending.
    pub(super) ended: bool,
}

/// Runs all that is pending, and all that polls around this one have taken and not run: bottom halves, then
/// handlers of descriptors, then timers. Waits for something if `blocking`. Counterpart: `aio_poll`, and with `blocking` unset `aio_bh_poll`.
pub(super) fn poll(home: &mut dyn Home, blocking: bool) -> Polled {
    let deadline = home.poller().nearest_deadline();
    let outer = home.poller().slices.iter().any(|slice| !slice.is_empty());
    let found_before = home.poller().handlers.is_ready();
    let event_loop = Arc::clone(home.event_loop());
    let sleeps = blocking && !outer && !found_before;
    let taken = event_loop.take(sleeps, deadline, &mut home.poller().handlers.found);
    let Taken { slice, stopping, slept } = taken;
    if !slept && !home.poller().handlers.is_empty() {
        // A loop that always has work looks at its descriptors, too.
        event_loop.posted.look(&mut home.poller().handlers.found);
    }
    home.poller().handlers.queue_found();
    let mut progress = false;
    let ended = stopping && slice.is_empty();
    if outer {
        reached!("poll-finishes-parents-slice");
    }
    if mutated("nested-poll-runs-its-own-slice-first") {
        home.poller().slices.push_front(slice);
    } else {
        home.poller().slices.push_back(slice);
    }
    while let Some(item) = home.poller().next() {
        progress = true;
        match item {
            Item::Coroutine(task) => {
                let _running = within!("runs coroutine `{}`", task.name());
                task.run(&mut home.poller().residents);
            }
            Item::BottomHalf(posted) => posted.run(home),
        }
    }
    while let Some(turn) = home.poller().handlers.next() {
        progress = true;
        turn.run(home);
    }
    if deadline.is_some() {
        while let Some(timer) = home.poller().due() {
            progress = true;
            (timer.callback)(home);
        }
    }
    Polled { progress, ended }
}

impl Slice {
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.bottom_halves.is_empty()
    }
}
