//! Guards: the proof of holding the lock, and in which way.
//!
//! | guard | held by | released |
//! | --- | --- | --- |
//! | [`ReadGuard`] | a coroutine or thread | on any thread: each counts in its own slot |
//! | [`OwnedReadGuard`] | somebody a holder waits for | on any thread |
//! | [`MainReadGuard`] | the main loop's thread outside coroutines | nothing to release |
//! | [`WriteGuard`] | the main loop's thread; it borrows the token, so nobody polls | ends the section |

use std::fmt;
use std::marker::PhantomData;

use super::deferred_unref::Batch;
use super::{GraphCell, GraphLock, Inner};
use crate::event_loop::{MainHandle, MainLoop};
use crate::mutation::mutated;
use crate::sync::atomic::Ordering;
use crate::sync::thread;

mod sealed {
    /// Only this module's guards prove that the lock is held.
    pub trait Sealed {
        /// The lock that is held.
        fn lock(&self) -> &super::GraphLock;
    }
}
pub(super) use sealed::Sealed;

/// A guard under which what the lock protects may be read.
pub trait Readable: Sealed {}

/// A hold by one reader. Counterpart: `GRAPH_RDLOCK_GUARD`.
#[must_use = "the lock is held as long as the guard lives"]
pub struct ReadGuard<'a>(&'a GraphLock);

/// A hold that needs no borrow, made by [`ReadGuard::share`].
#[must_use = "the lock is held as long as the guard lives"]
pub struct OwnedReadGuard(GraphLock);

/// A hold by the main loop's thread, outside coroutines.
#[must_use = "it borrows the token, so that nobody polls"]
pub struct MainReadGuard<'a> {
    lock: GraphLock,
    token: PhantomData<&'a MainLoop>,
}

/// A write section. It ends when the guard is dropped or [unlocked](WriteGuard::unlock).
#[must_use = "the section lasts as long as the guard lives"]
pub struct WriteGuard<'m> {
    pub(super) lock: GraphLock,
    pub(super) main: &'m mut MainLoop,
    /// This section has begun a drain of its own.
    pub(super) drained: bool,
    pub(super) batch: Batch,
    /// The batch is this section's, not that of a close around it.
    pub(super) works_off: bool,
}

impl<'a> ReadGuard<'a> {
    pub(super) fn new(lock: &'a GraphLock) -> Self {
        ReadGuard(lock)
    }
}

impl OwnedReadGuard {
    /// The lock that is held.
    pub(crate) fn graph_lock(&self) -> &GraphLock {
        &self.0
    }

    pub(super) fn new(lock: &GraphLock) -> Self {
        // The +1 is here before the original's -1, and is summed after it (`reader_count`).
        lock.0.shared_count.fetch_add(1, Ordering::Relaxed);
        OwnedReadGuard(lock.clone())
    }
}

/// Either hold of a reader: what a request hands on to the nodes below.
#[derive(Clone, Copy)]
pub enum Hold<'a> {
    /// The request's own.
    Read(&'a ReadGuard<'a>),
    /// One that was shared with it.
    Owned(&'a OwnedReadGuard),
}

impl<'a> Hold<'a> {
    /// What the cell holds, as long as the hold lasts.
    pub fn get<T>(self, cell: &'a GraphCell<T>) -> &'a T {
        match self {
            Hold::Read(guard) => cell.get(guard),
            Hold::Owned(guard) => cell.get(guard),
        }
    }

    /// A number that is another one after each change of an edge, anywhere in the graph: what is remembered of nodes
    /// below holds as long as it stays the same.
    pub(crate) fn edges_changed(&self) -> u32 {
        self.lock().0.edges_changed.load(Ordering::Relaxed)
    }

    /// A second hold, without waiting.
    pub fn share(&self) -> OwnedReadGuard {
        OwnedReadGuard::new(self.lock())
    }

    /// The main loop of the lock that is held.
    pub(crate) fn main_loop(&self) -> &MainHandle {
        &self.lock().0.main
    }
}

impl<'a> MainReadGuard<'a> {
    pub(super) fn new(lock: GraphLock) -> Self {
        MainReadGuard { lock, token: PhantomData }
    }
}

impl Drop for ReadGuard<'_> {
    fn drop(&mut self) {
        self.0.0.leave(false, |inner, ordering| inner.count(-1, ordering));
    }
}

impl ReadGuard<'_> {
    /// Leaves, and lets the caller kick: right away, after his own change.
    pub(crate) fn leave_before_kick(self) {
        self.0.0.leave(true, |inner, ordering| inner.count(-1, ordering));
        std::mem::forget(self);
    }
}

impl Drop for OwnedReadGuard {
    fn drop(&mut self) {
        self.0.0.leave(false, |inner: &Inner, ordering| {
            inner.shared_count.fetch_sub(1, ordering);
        });
    }
}

impl Drop for WriteGuard<'_> {
    /// Ends the section. While the thread panics, only the door is opened: what was deferred runs nowhere.
    fn drop(&mut self) {
        if thread::panicking() {
            self.lock.0.open_door();
        } else {
            self.end_section();
        }
    }
}

impl WriteGuard<'_> {
    /// Ends the section: opens the door and wakes the readers, ends the section's own drain, then works off
    /// what was deferred. When it returns all of that has run. Polls. Counterpart: `bdrv_graph_wrunlock`.
    pub fn unlock(self) {
        drop(self);
    }

    /// Runs `work` on the main loop when the section has ended. Counterpart of what
    /// `bdrv_schedule_unref` does for a node.
    pub fn defer(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut MainLoop, &Batch) + Send + 'static,
    ) {
        if mutated("unref-under-lock") {
            work(self.main, &self.batch);
        } else {
            self.batch.add(&self.lock.0.main, name, Box::new(work));
        }
    }

    /// An edge was added or taken away. Who reads finds out under the hold that comes after this section.
    pub(crate) fn note_changed_edge(&self) {
        self.lock.0.edges_changed.fetch_add(1, Ordering::Relaxed);
    }

    /// The main loop's token to read by: in a section nobody may poll.
    #[must_use]
    pub fn main(&self) -> &MainLoop {
        self.main
    }
}

macro_rules! readable {
    ($($guard:ty: |$this:ident| $lock:expr),* $(,)?) => {$(
        impl Sealed for $guard {
            fn lock(&self) -> &GraphLock {
                let $this = self;
                $lock
            }
        }

        impl Readable for $guard {}

        impl fmt::Debug for $guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($guard)).finish_non_exhaustive()
            }
        }
    )*};
}
readable! {
    ReadGuard<'_>: |guard| guard.0,
    OwnedReadGuard: |guard| &guard.0,
    Hold<'_>: |guard| match guard {
        Hold::Read(guard) => guard.0,
        Hold::Owned(guard) => &guard.0,
    },
    MainReadGuard<'_>: |guard| &guard.lock,
    WriteGuard<'_>: |guard| &guard.lock,
}
