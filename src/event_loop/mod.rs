//! An event loop: what is to be done on one thread, and by whom it may be asked for.
//!
//! Anybody may *post* to a loop: a bottom half, a coroutine that can go on, a kick. Only the loop's home
//! thread *polls*, through its token ([`Home`]); a callback may poll again (nested polling).
//!
//! # States
//! The inbox is idle, or something is pending in it. The home thread runs, or has said under the inbox mutex
//! that it *sleeps*. It sleeps on a `Doorbell`: a condition variable in checked builds, `epoll` in production,
//! where descriptors wake it too (`descriptor`).
//!
//! # Cases of the notify handshake
//! Both sides take the inbox mutex, so one of them is first:
//! * `post-before-sleep`: the poster is first. The home thread finds what was posted and does not sleep.
//! * `post-wakes-sleeper`: the home thread is first and sleeps. The poster finds `sleeping` set, takes it
//!   back and notifies.
//!
//! # Invariants
//! * Whoever sets `notified` or adds work wakes a home thread that sleeps.
//! * Within one slice bottom halves run newest first; what a callback posts is run by a nested poll or by the
//!   next one, never by the poll that runs the callback.
//! * A nested poll finishes the slices of the polls it is nested in before its own.
//!
//! # Not here
//! A lock-free notification: QEMU's needed three repairs (its 2015 hang, among others), and the mutex is not on
//! the reader's fast path.

mod bottom_half;
mod descriptor;
mod home;
mod io_thread;
mod main_cell;
mod main_loop;
mod worker_pool;

use std::collections::VecDeque;
use std::fmt;

pub use bottom_half::BottomHalf;
use bottom_half::Posted;
pub use descriptor::{DescriptorCallback, HandlerId};
pub use home::Home;
pub(crate) use home::Poller;
pub use io_thread::{IoLoop, IoThread, StillRunning};
pub(crate) use main_cell::MainCell;
pub use main_loop::{MainHandle, MainLoop, TimerId};
pub use worker_pool::{Work, WorkerPool};

use crate::coroutine::Task;
use crate::mutation::mutated;
pub use crate::sync::Readiness;
use crate::sync::asymmetric::{choose_fences, fence_light};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::time::Instant;
use crate::sync::{
    Arc, Doorbell, Mutex, Named, PoisonError, ReadyList, Wake, lock, reached, says, thread,
};

/// What has been posted and not been taken.
#[derive(Default)]
pub(crate) struct Inbox {
    /// Oldest first; the newest is run first.
    bottom_halves: Vec<Posted>,
    /// Coroutines that can go on, in the order in which they were woken.
    ready: VecDeque<Arc<Task>>,
    /// A kick came: whoever polls returns, so that a waited condition is looked at again.
    notified: bool,
    /// The home thread sleeps, or is about to with the mutex held.
    sleeping: bool,
    /// The loop is to end when nothing is left.
    stopping: bool,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        self.bottom_halves.is_empty() && self.ready.is_empty()
    }
}

/// What one poll has taken from the inbox.
#[derive(Default)]
pub(crate) struct Slice {
    ready: VecDeque<Arc<Task>>,
    bottom_halves: Vec<Posted>,
}

/// What came of taking.
struct Taken {
    slice: Slice,
    /// The loop is to end.
    stopping: bool,
    /// It has slept, and so has looked at the descriptors.
    slept: bool,
}

/// An event loop, as everybody may see it. Counterpart: `AioContext`.
pub struct EventLoop {
    name: String,
    inbox: Mutex<Inbox>,
    posted: Doorbell,
    /// How many waits there are for a condition that others change. Counterpart:
    /// `AioWait.num_waiters`.
    waiters: AtomicU32,
}

impl EventLoop {
    fn new(name: &str) -> Arc<Self> {
        choose_fences();
        Arc::new(EventLoop {
            name: name.to_owned(),
            inbox: Mutex::new(Inbox::default()).named(&format_args!("inbox[{name}]")),
            posted: Doorbell::new(&format_args!("posted[{name}]")),
            waiters: AtomicU32::new(0).named(&format_args!("waiters[{name}]")),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Changes the inbox and wakes the home thread if it sleeps. Any thread. Counterpart: `aio_notify`.
    fn post(&self, change: impl FnOnce(&mut Inbox)) {
        let mut inbox = lock(&self.inbox);
        change(&mut inbox);
        let wakes = std::mem::take(&mut inbox.sleeping);
        drop(inbox);
        if wakes && !mutated("notify-skipped") {
            reached!("post-wakes-sleeper");
            self.posted.ring();
        }
    }

    /// Runs `callback` once on the home thread. Any thread. Counterpart: `aio_bh_schedule_oneshot`.
    pub fn schedule_oneshot(
        &self,
        name: &'static str,
        callback: impl FnOnce(&mut dyn Home) + Send + 'static,
    ) {
        says!("schedules `{name}` on {}", self.name);
        let posted = Posted::once(name, callback);
        self.post(|inbox| inbox.bottom_halves.push(posted));
    }

    fn schedule_kept(&self, posted: Posted) {
        self.post(|inbox| inbox.bottom_halves.push(posted));
    }

    /// Lets a coroutine go on here. Counterpart: `aio_co_schedule`.
    pub(crate) fn enqueue(&self, task: Arc<Task>) {
        self.post(|inbox| inbox.ready.push_back(task));
    }

    /// Whoever waits on this loop for a condition looks at it again. Any thread, after *every* change of such
    /// a condition. Costs a light fence and a load when nobody waits. Counterpart: `aio_wait_kick`.
    pub fn kick(&self) {
        // ORDERING(kick): the caller's change of the condition, light fence, load `waiters`.
        // Pairs with the heavy fence in `MainLoop::wait_while`: either the kick sees the waiter or the
        // waiter sees the change. Without it the waiter sleeps on. Witness: mutation
        // `kick-fence-removed`.
        if !mutated("kick-fence-removed") {
            fence_light();
        }
        if self.waiters.load(Ordering::Relaxed) != 0 {
            reached!("kick-finds-waiter");
            says!("kicks {}", self.name);
            self.post(|inbox| inbox.notified = true);
        } else {
            says!("kicks {}: nobody waits", self.name);
        }
    }

    /// The loop ends when nothing is left to do.
    fn stop(&self) {
        self.post(|inbox| inbox.stopping = true);
    }

    /// The loop ends, if nothing is pending now. Home thread only.
    fn stop_if_idle(&self) {
        let mut inbox = lock(&self.inbox);
        inbox.stopping |= inbox.is_empty();
    }

    /// Takes all that is pending. Sleeps while there is nothing, if `blocking`, until something is posted, a
    /// descriptor is ready or the deadline comes. Home thread only.
    fn take(&self, blocking: bool, deadline: Option<Instant>, found: &mut ReadyList) -> Taken {
        let mut inbox = lock(&self.inbox);
        if blocking && !inbox.is_empty() {
            reached!("post-before-sleep");
        }
        let mut slept = false;
        while blocking && inbox.is_empty() && !inbox.notified && !inbox.stopping {
            inbox.sleeping = true;
            slept = true;
            let (taken, wake) = self.posted.wait(&self.inbox, inbox, deadline, found);
            inbox = taken;
            if wake != Wake::Rung {
                break;
            }
        }
        inbox.sleeping = false;
        inbox.notified = false;
        let slice = Slice {
            ready: std::mem::take(&mut inbox.ready),
            bottom_halves: std::mem::take(&mut inbox.bottom_halves),
        };
        Taken { slice, stopping: inbox.stopping, slept }
    }
}

impl Drop for EventLoop {
    /// # Panics
    /// If something is left that would never run: it names it.
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        // Not locked: nobody else is there any more, and who drops the last reference is no step of any protocol.
        let inbox = std::mem::take(self.inbox.get_mut().unwrap_or_else(PoisonError::into_inner));
        let coroutines = inbox.ready.iter().map(|task| format!("coroutine `{}`", task.name()));
        let bottom_halves = inbox.bottom_halves.iter().filter_map(Posted::leftover);
        let left: Vec<String> = coroutines.chain(bottom_halves).collect();
        assert!(
            left.is_empty(),
            "event loop `{}` has gone away with work left that will never run: {}; poll until idle before \
             dropping its token",
            self.name,
            left.join(", ")
        );
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").field("name", &self.name).finish_non_exhaustive()
    }
}
