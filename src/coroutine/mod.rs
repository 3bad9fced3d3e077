//! Coroutines: futures with a home loop, entered by that loop's thread alone.
//!
//! # States
//! `Idle`: it waits for somebody to wake it. `Scheduled`: it stands in its home's inbox, once. `Running`: its
//! home's thread is inside it. `RunningAndWoken`: and it is to be entered again. `Finished`.
//!
//! # Cases of a wake
//! * `coroutine-woken`: it is idle; it goes to its home's inbox.
//! * `coroutine-woken-while-running`: it has not yielded yet. It is entered again only after it has: the
//!   thread inside it sees to that.
//! * Scheduled or finished: nothing to do.
//!
//! # Invariants
//! * Never entered by two threads at once; never entered before it has yielded.
//! * It changes its home only while it runs, by itself; it is then posted to the new home after it has
//!   yielded.
//!
//! # Not here
//! Stacks: a coroutine is a future. Waking one never enters it, not even on its own thread, where QEMU's
//! `aio_co_wake` enters at once (docs/DIFFERENCES.md).

mod block_on;
mod mutex;
mod promise;
mod queue;
mod residents;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

pub use block_on::block_on;
pub(crate) use mutex::CoroutineMutex;
pub use promise::Outcome;
pub(crate) use promise::promise;
pub(crate) use queue::{SleeperQueue, Ticket};
pub(crate) use residents::Residents;

use crate::event_loop::EventLoop;
use crate::mutation::mutated;
use crate::sync::{Arc, Mutex, Named, Weak, lock, reached};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Scheduled,
    Running,
    RunningAndWoken,
    Finished,
}

struct State {
    phase: Phase,
    home: Arc<EventLoop>,
    /// Its number among those that live on its home, from its first entry there on.
    resident: Option<u64>,
    /// Not there while it runs, and gone when it has finished.
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// A coroutine as loops and wakers see it.
pub(crate) struct Task {
    name: &'static str,
    state: Mutex<State>,
}

/// A coroutine's handle to itself: what says, inside one, that this is coroutine context. Counterpart:
/// `coroutine_fn`.
#[derive(Clone)]
pub struct Coroutine(Weak<Task>);

impl EventLoop {
    /// Starts a coroutine whose home is this loop. Any thread. Counterpart: `qemu_coroutine_create` and
    /// `aio_co_schedule`.
    pub fn spawn<F>(self: &Arc<Self>, name: &'static str, body: impl FnOnce(Coroutine) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = Arc::new_cyclic(|itself: &Weak<Task>| {
            let future = body(Coroutine(Weak::clone(itself)));
            let state = State {
                phase: Phase::Scheduled,
                home: Arc::clone(self),
                resident: None,
                future: Some(Box::pin(future)),
            };
            Task { name, state: Mutex::new(state).named(&format_args!("coroutine[{name}]")) }
        });
        self.enqueue(task);
    }
}

impl Task {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Enters it. Its home's thread only, which keeps the list of those who live there.
    pub(crate) fn run(self: Arc<Self>, residents: &mut Residents) {
        let (future, resident) = {
            let mut state = lock(&self.state);
            state.phase = Phase::Running;
            let resident = *state.resident.get_or_insert_with(|| residents.arrive(&self));
            (state.future.take(), resident)
        };
        let mut future =
            future.expect("a coroutine is entered by one thread, and not after its end");
        let waker = Waker::from(Arc::clone(&self));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = lock(&self.state);
        if polled.is_ready() {
            state.phase = Phase::Finished;
            drop(state);
            residents.leave(resident);
            return;
        }
        state.future = Some(future);
        if state.resident.is_none() {
            // It has moved; the next home takes it in.
            residents.leave(resident);
        }
        if state.phase == Phase::RunningAndWoken {
            state.phase = Phase::Scheduled;
            let home = Arc::clone(&state.home);
            drop(state);
            home.enqueue(self);
        } else {
            state.phase = Phase::Idle;
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut state = lock(&self.state);
        match state.phase {
            Phase::Idle => {
                reached!("coroutine-woken");
                state.phase = Phase::Scheduled;
            }
            Phase::Running => {
                reached!("coroutine-woken-while-running");
                if !mutated("wake-while-running-lost") {
                    state.phase = Phase::RunningAndWoken;
                }
                if !mutated("coroutine-entered-before-yield") {
                    return;
                }
            }
            Phase::Scheduled | Phase::RunningAndWoken | Phase::Finished => return,
        }
        let home = Arc::clone(&state.home);
        drop(state);
        home.enqueue(self);
    }
}

impl Coroutine {
    fn task(&self) -> Arc<Task> {
        self.0.upgrade().expect("a coroutine that runs is alive")
    }

    /// The loop it runs on.
    #[must_use]
    pub fn home(&self) -> Arc<EventLoop> {
        Arc::clone(&lock(&self.task().state).home)
    }

    /// Goes on on another loop. The coroutine itself only. Counterpart: `aio_co_reschedule_self`.
    pub async fn move_to(&self, target: &Arc<EventLoop>) {
        let task = self.task();
        let mut moved = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut moved, true) {
                return Poll::Ready(());
            }
            let mut state = lock(&task.state);
            if !mutated("move-stays-at-home") {
                if !Arc::ptr_eq(&state.home, target) {
                    state.resident = None;
                }
                state.home = Arc::clone(target);
            }
            state.phase = Phase::RunningAndWoken;
            Poll::Pending
        })
        .await;
    }

    /// Lets others of this loop go on first.
    pub async fn yield_now(&self) {
        let home = self.home();
        self.move_to(&home).await;
    }
}

impl fmt::Debug for Coroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.upgrade().map_or("(ended)", |task| task.name);
        f.debug_tuple("Coroutine").field(&name).finish()
    }
}
