//! A thread that runs an event loop until it is told to stop.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use super::home::poll;
use super::{EventLoop, Home, MainLoop, Poller};
use crate::sync::thread::{Builder, JoinHandle, join_on_drop};
use crate::sync::time::Duration;
use crate::sync::{Arc, Mutex, lock};

/// The token of an I/O thread's loop.
pub struct IoLoop {
    event_loop: Arc<EventLoop>,
    poller: Poller,
    not_send: PhantomData<*const ()>,
}

impl Home for IoLoop {
    fn event_loop(&self) -> &Arc<EventLoop> {
        &self.event_loop
    }

    fn main(&mut self) -> Option<&mut MainLoop> {
        None
    }

    fn poller(&mut self) -> &mut Poller {
        &mut self.poller
    }
}

impl fmt::Debug for IoLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoLoop").field("event_loop", &self.event_loop).finish_non_exhaustive()
    }
}

/// Coroutines that slept on a loop when it was to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StillRunning {
    /// Their names, in the order in which they came to the loop.
    pub names: Vec<&'static str>,
}

/// No stop waits longer: a time that can be added to any clock.
const WITHIN_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A thread with an event loop. Dropping it lets the loop finish what is pending and ends the thread; coroutines
/// that sleep then are left asleep. [`IoThread::stop`] waits for them.
/// Counterpart: `IOThread`.
pub struct IoThread {
    event_loop: Arc<EventLoop>,
    thread: Option<JoinHandle<()>>,
}

impl IoThread {
    /// Starts a thread that runs a loop. What `setup` returns lives on that thread until the loop has ended: a
    /// registration as a reader, for one.
    ///
    /// # Panics
    /// If the system gives no thread.
    pub fn spawn<R>(name: &str, setup: impl FnOnce() -> R + Send + 'static) -> Self {
        let event_loop = EventLoop::new(name);
        let own = Arc::clone(&event_loop);
        let run = move || {
            let until_the_end = setup();
            let mut home =
                IoLoop { event_loop: own, poller: Poller::default(), not_send: PhantomData };
            while !poll(&mut home, true).ended {
                home.poller.end_if_left(&home.event_loop);
            }
            home.poller.name_left();
            drop(until_the_end);
        };
        let thread = Builder::new().name(name.to_owned()).spawn(run).unwrap_or_else(|error| {
            panic!("the system gives no thread for the event loop `{name}`: {error}")
        });
        IoThread { event_loop, thread: Some(thread) }
    }

    /// Its loop.
    #[must_use]
    pub fn event_loop(&self) -> &Arc<EventLoop> {
        &self.event_loop
    }

    /// Lets the loop go on until no coroutine lives on it, at most for `within`, and ends the thread. Coroutines
    /// that others start here meanwhile count. In checked builds it waits for nobody: there the execution does.
    ///
    /// # Errors
    /// If coroutines sleep on the loop when the time is over. They never go on, and waking one later is a mistake
    /// of the program: nobody runs it.
    pub fn stop(mut self, within: Duration) -> Result<(), StillRunning> {
        let left = Arc::new(Mutex::new(Vec::new()));
        let slot = Arc::clone(&left);
        let within = within.min(WITHIN_MAX);
        self.event_loop.schedule_oneshot("stop", move |home| home.poller().leave(within, slot));
        if let Some(thread) = self.thread.take() {
            join_on_drop(thread);
        }
        let names = std::mem::take(&mut *lock(&left));
        if names.is_empty() { Ok(()) } else { Err(StillRunning { names }) }
    }
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.join("`, `");
        write!(f, "an event loop has ended and coroutines still sleep on it: `{names}`")
    }
}

impl Error for StillRunning {}

impl Drop for IoThread {
    fn drop(&mut self) {
        self.event_loop.stop();
        if let Some(thread) = self.thread.take() {
            join_on_drop(thread);
        }
    }
}

impl fmt::Debug for IoThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoThread").field("event_loop", &self.event_loop).finish_non_exhaustive()
    }
}
