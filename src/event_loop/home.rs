//! The home thread's side of a loop: the right to poll it, and what only that thread knows.

use std::collections::VecDeque;
use std::fmt;

use super::{EventLoop, MainLoop, Slice};
use crate::coroutine::Task;
use crate::mutation::mutated;
use crate::sync::time::{Duration, Instant};
use crate::sync::{Arc, reached};

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

/// Runs all that is pending, and all that polls around this one have taken and not run. Waits for something
/// if `blocking`. Counterpart: `aio_poll`, and with `blocking` unset `aio_bh_poll`.
pub(super) fn poll(home: &mut dyn Home, blocking: bool) -> Polled {
    let deadline = home.poller().nearest_deadline();
    let outer = home.poller().slices.iter().any(|slice| !slice.is_empty());
    let event_loop = Arc::clone(home.event_loop());
    let (slice, stopping) = event_loop.take(blocking && !outer, deadline);
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
            Item::Coroutine(task) => task.run(),
            Item::BottomHalf(posted) => posted.run(home),
        }
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
