//! A thread that runs an event loop until it is told to stop.

use std::fmt;
use std::marker::PhantomData;

use super::home::poll;
use super::{EventLoop, Home, MainLoop, Poller};
use crate::sync::Arc;
use crate::sync::thread::{Builder, JoinHandle, join_on_drop};

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

/// A thread with an event loop. Dropping it lets the loop finish what is pending and ends the thread.
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
            while !poll(&mut home, true).ended {}
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
}

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
