//! The reader's side.
//!
//! A reader announces itself, then looks at the door. If it is shut, the reader looks once more under the list
//! mutex, takes itself back and sleeps until the door is opened.
//!
//! # States of a [`Read`]
//! New; asleep with a ticket; done. Dropping one that sleeps takes its ticket out of the queue: wakes go to all
//! sleepers, so none is lost with it.
//!
//! # Cases
//! * `reader-fast-path`: the door is open: inside, without a mutex and without an update in one step.
//! * `reader-finds-door-opened`: it was shut, and is open again under the mutex: inside.
//! * `reader-sleeps`: it is shut under the mutex. The opener takes the mutex later and finds the sleeper.
//! * `reader-woken`: the door was opened; start again.
//!
//! # Invariants
//! * A sleeper is not counted.
//! * Whoever lowers the count kicks the writer afterwards, on every path.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::guard::Sealed;
use super::{GraphLock, Inner, MainReadGuard, OwnedReadGuard, READER_QUEUE, ReadGuard};
use crate::coroutine::Ticket;
use crate::event_loop::MainLoop;
use crate::mutation::mutated;
use crate::sync::asymmetric::fence_light;
use crate::sync::atomic::Ordering;
use crate::sync::{lock, reached, says, shows};

/// A reader on its way in: resolves to a [`ReadGuard`].
#[must_use = "a reader gets in when it is awaited"]
pub struct Read<'a> {
    lock: &'a GraphLock,
    ticket: Option<Ticket>,
}

impl GraphLock {
    /// Takes the lock shared. Any thread and any executor; on registered threads by the fast path.
    ///
    /// A holder must not wait for somebody else's `read`: the writer may have come in between. It gives
    /// that one a second guard by [`ReadGuard::share`]. Counterpart: `bdrv_graph_co_rdlock`.
    pub fn read(&self) -> Read<'_> {
        Read { lock: self, ticket: None }
    }

    /// Takes the lock shared on the main loop, outside coroutines: the borrowed token says that nobody
    /// polls, and writers are nowhere else. No effect at run time. Counterpart:
    /// `bdrv_graph_rdlock_main_loop`.
    pub fn read_main<'a>(&self, _main: &'a MainLoop) -> MainReadGuard<'a> {
        MainReadGuard::new(self.clone())
    }
}

impl Inner {
    /// Whether the door is shut, as a reader sees it that has announced itself.
    fn sees_writer(&self) -> bool {
        // ORDERING(writer-publishes): load `has_writer`, then read what the lock protects.
        // Pairs with the release in `Inner::open_door`: a reader that finds the door open sees all that
        // the writer changed. Without it it reads an older graph. Witness: mutation
        // `reader-flag-acquire-weakened`.
        let ordering = if mutated("reader-flag-acquire-weakened") {
            Ordering::Relaxed
        } else {
            Ordering::Acquire
        };
        self.has_writer.load(ordering)
    }

    /// One reader less: it has read what it wanted. Counterpart: `bdrv_graph_co_rdunlock`.
    /// `kicks_later`: the caller changes something else that is waited for, and kicks for both.
    pub(super) fn leave(&self, kicks_later: bool, leave: impl FnOnce(&Inner, Ordering)) {
        if mutated("kick-before-change") && !kicks_later {
            self.main.kick();
        }
        // ORDERING(reader-leaves): the reader's reads, then lower the count.
        // Pairs with the acquire in `Inner::readers`: who sees the lower count may write.
        // Without it the writer changes what is still being read. Witness: mutation
        // `reader-count-release-weakened`.
        let ordering = if mutated("reader-count-release-weakened") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        leave(self, ordering);
        if kicks_later {
            return;
        }
        let kicks = if mutated("reader-kick-conditional") {
            self.has_writer.load(Ordering::Relaxed)
        } else {
            !mutated("reader-kick-removed") && !mutated("kick-before-change")
        };
        if kicks {
            self.main.kick();
        }
    }
}

impl<'a> Future for Read<'a> {
    type Output = ReadGuard<'a>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<ReadGuard<'a>> {
        let lock_of_all = self.lock;
        let inner = &*lock_of_all.0;
        if let Some(ticket) = &self.ticket {
            if !ticket.is_taken() && lock(&inner.list).sleepers.update(ticket, context.waker()) {
                return Poll::Pending;
            }
            self.ticket = None;
            reached!("reader-woken");
        }
        inner.count(1, Ordering::Relaxed);
        // ORDERING(reader-announce): change `reader_count`, light fence, load `has_writer`.
        // Pairs with the heavy fence in `Inner::shut_door`: at least one side sees the other's change.
        // Without it both proceed. Witness: mutation `reader-fence-removed`.
        if !mutated("reader-fence-removed") {
            fence_light();
        }
        if !inner.sees_writer() {
            reached!("reader-fast-path");
            return Poll::Ready(ReadGuard::new(lock_of_all));
        }
        let mut list = lock(&inner.list);
        if !mutated("slow-path-recheck-removed") && !inner.sees_writer() {
            reached!("reader-finds-door-opened");
            return Poll::Ready(ReadGuard::new(lock_of_all));
        }
        reached!("reader-sleeps");
        inner.count(-1, Ordering::Relaxed);
        self.ticket = Some(list.sleepers.push(context.waker().clone()));
        says!("sleeps in the reader queue");
        shows!(Queue, READER_QUEUE.to_owned(), "{} asleep", list.sleepers.len());
        drop(list);
        if !mutated("slow-path-kick-removed") {
            inner.main.kick();
        }
        Poll::Pending
    }
}

impl Drop for Read<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            lock(&self.lock.0.list).sleepers.remove(ticket);
        }
    }
}

impl ReadGuard<'_> {
    /// A second guard, at once: the first one keeps every writer out. For whoever the holder is going to wait
    /// for, also on another thread.
    pub fn share(&self) -> OwnedReadGuard {
        OwnedReadGuard::new(self.lock())
    }
}

impl fmt::Debug for Read<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("asleep", &self.ticket.is_some()).finish_non_exhaustive()
    }
}
