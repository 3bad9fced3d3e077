//! The main loop: the one whose thread changes the graph, and the only one that waits for others.
//!
//! # Cases of waiting
//! A waiter whose condition holds announces itself, then looks again; whoever changes the condition kicks
//! afterwards:
//! * `wait-not-needed`: the condition does not hold at all; nothing is announced.
//! * `waiter-polls`: it holds; the change comes later, and its kick wakes the poll (`kick-finds-waiter`).
//! * `waiter-finds-change`: the change came between the two looks, perhaps without a kick.
//!
//! # Invariants
//! * The token is not `Send` and not `Clone`: what needs it runs on the main thread.
//! * Who borrows the token mutably keeps everybody from polling: a write section does.

use std::fmt;
use std::marker::PhantomData;

use super::home::poll;
use super::{EventLoop, Home, Poller};
use crate::coroutine::{Coroutine, Outcome, promise};
use crate::mutation::mutated;
use crate::sync::asymmetric::fence_heavy;
use crate::sync::atomic::Ordering;
use crate::sync::time::Duration;
use crate::sync::{Arc, Mutex, lock, reached};

/// The main thread's token. Counterpart: what `GLOBAL_STATE_CODE()` asserts at run time.
pub struct MainLoop {
    handle: MainHandle,
    poller: Poller,
    /// Keeps the token on its thread.
    not_send: PhantomData<*const ()>,
}

/// The main loop as any thread may use it.
#[derive(Clone, Debug)]
pub struct MainHandle(Arc<EventLoop>);

/// A timer, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId(u64);

impl MainHandle {
    /// Runs `callback` once on the main loop. Any thread. Counterpart: `aio_bh_schedule_oneshot`.
    pub fn schedule_oneshot(
        &self,
        name: &'static str,
        callback: impl FnOnce(&mut MainLoop) + Send + 'static,
    ) {
        self.0.schedule_oneshot(name, |home| {
            callback(home.main().expect("a bottom half of the main loop runs on the main loop"));
        });
    }

    /// Runs `work` on the main loop and gives what it returns to the coroutine that awaits it. Begins at once, awaited or
    /// not; a result that nobody awaits any more is dropped. Any thread. Counterpart: a bottom half with a yield.
    pub fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut MainLoop) -> T + Send + 'static,
    ) -> Outcome<T> {
        let (promise, outcome) = promise();
        self.schedule_oneshot("call", move |main| promise.keep(work(main)));
        outcome
    }

    /// Waiters of the main loop look at their conditions again. Any thread, after every change of one.
    pub fn kick(&self) {
        self.0.kick();
    }

    /// The loop.
    #[must_use]
    pub fn event_loop(&self) -> &Arc<EventLoop> {
        &self.0
    }
}

impl MainLoop {
    /// A main loop whose home is the calling thread.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a program has one, and says where")]
    pub fn new() -> Self {
        MainLoop {
            handle: MainHandle(EventLoop::new("main")),
            poller: Poller::default(),
            not_send: PhantomData,
        }
    }

    /// The loop as any thread may use it.
    #[must_use]
    pub fn handle(&self) -> MainHandle {
        self.handle.clone()
    }

    /// Whether this is the token of the loop that `handle` is one of.
    pub(crate) fn is_home_of(&self, handle: &MainHandle) -> bool {
        Arc::ptr_eq(&self.handle.0, &handle.0)
    }

    /// Runs what is pending; waits for something if `blocking`. Says whether anything ran. Counterpart:
    /// `aio_poll`.
    pub fn poll(&mut self, blocking: bool) -> bool {
        poll(self, blocking).progress
    }

    /// Runs what was posted before the call, and what the polls around this one have left. Counterpart:
    /// `aio_bh_poll`.
    pub fn poll_bottom_halves(&mut self) -> bool {
        self.poll(false)
    }

    /// Polls while `condition` holds; looks at it at least once. Whoever changes it does so first and then kicks, on every path.
    /// Callbacks run meanwhile: they may take read locks and whole write sections. Counterpart:
    /// `AIO_WAIT_WHILE`.
    pub fn wait_while(&mut self, mut condition: impl FnMut(&MainLoop) -> bool) {
        if !condition(self) {
            reached!("wait-not-needed");
            return;
        }
        let event_loop = Arc::clone(&self.handle.0);
        event_loop.waiters.fetch_add(1, Ordering::Relaxed);
        // ORDERING(kick): change `waiters`, heavy fence, look at the condition.
        // Pairs with the light fence in `EventLoop::kick`: either the kick sees the waiter or the waiter sees
        // the change. Without it the waiter sleeps on. Witness: mutation `wait-fence-removed`.
        if !mutated("wait-fence-removed") {
            fence_heavy();
        }
        if mutated("wait-recheck-removed") || condition(self) {
            reached!("waiter-polls");
            self.poll(true);
            while condition(self) {
                self.poll(true);
            }
        } else {
            reached!("waiter-finds-change");
        }
        event_loop.waiters.fetch_sub(1, Ordering::Relaxed);
    }

    /// Runs a coroutine on the main loop and polls until it has returned.
    pub fn run_coroutine<F, T>(
        &mut self,
        name: &'static str,
        body: impl FnOnce(Coroutine) -> F + Send + 'static,
    ) -> T
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let handle = self.handle();
        self.handle.0.spawn(name, |coroutine| async move {
            let value = body(coroutine).await;
            *lock(&slot) = Some(value);
            handle.kick();
        });
        // Most coroutines have nothing to wait for: then nobody needs to know of a waiter.
        self.poll(false);
        let mut value = None;
        self.wait_while(|_| {
            value = lock(&result).take();
            value.is_none()
        });
        value.expect("the wait ends when there is a value")
    }

    /// Calls `callback` when `time` has passed, from whichever poll is running then.
    pub fn call_after(
        &mut self,
        time: Duration,
        callback: impl FnOnce(&mut MainLoop) + 'static,
    ) -> TimerId {
        let callback = Box::new(|home: &mut dyn Home| {
            callback(home.main().expect("a timer of the main loop runs on the main loop"));
        });
        TimerId(self.poller.add_timer(time, callback))
    }

    /// Takes a timer back, if it has not been called.
    pub fn cancel_timer(&mut self, timer: TimerId) {
        self.poller.cancel_timer(timer.0);
    }
}

impl Home for MainLoop {
    fn event_loop(&self) -> &Arc<EventLoop> {
        &self.handle.0
    }

    fn main(&mut self) -> Option<&mut MainLoop> {
        Some(self)
    }

    fn poller(&mut self) -> &mut Poller {
        &mut self.poller
    }
}

impl fmt::Debug for MainLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MainLoop").field("poller", &self.poller).finish_non_exhaustive()
    }
}
