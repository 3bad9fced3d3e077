//! Bottom halves: callbacks that run on a loop's home thread.
//!
//! A *one-shot* is posted and run once; nobody can take it back, so it needs no state. A *kept* one can be
//! scheduled again and again, cancelled and deleted, from any thread and from its own callback.
//!
//! # States of a kept bottom half (bits of one word)
//! * `PENDING`: it is in an inbox or in a slice. Set by whoever posts it, cleared before it is run.
//! * `SCHEDULED`: its callback is to be called. Cleared by cancelling and before it is run.
//! * `DELETED`: its callback is never called again.
//!
//! # Invariants
//! * It stands in at most one place: who finds `PENDING` set does not post it again.
//! * `PENDING` is cleared before the callback, so that a schedule from the callback posts it anew.

use std::fmt;

use super::{EventLoop, Home};
use crate::mutation::mutated;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Arc, says, within};

const PENDING: u8 = 1;
const SCHEDULED: u8 = 2;
const DELETED: u8 = 4;

type Once = Box<dyn FnOnce(&mut dyn Home) + Send>;
type Repeated = Box<dyn Fn(&mut dyn Home) + Send + Sync>;

/// Something in an inbox.
pub(super) enum Posted {
    Once { name: &'static str, callback: Once },
    Kept(Arc<Kept>),
}

pub(super) struct Kept {
    name: &'static str,
    flags: AtomicU8,
    callback: Repeated,
}

impl Posted {
    pub(super) fn once(
        name: &'static str,
        callback: impl FnOnce(&mut dyn Home) + Send + 'static,
    ) -> Self {
        Posted::Once { name, callback: Box::new(callback) }
    }

    /// Calls the callback, if it is still wanted.
    pub(super) fn run(self, home: &mut dyn Home) {
        match self {
            Posted::Once { name, callback } => {
                let _running = within!("runs `{name}`");
                callback(home);
            }
            Posted::Kept(kept) => {
                // ORDERING(bottom-half-flags): take the flags, then run the callback.
                // Pairs with the update in `BottomHalf::schedule`: the callback sees all that was
                // done before a schedule that found `PENDING` set and posted nothing.
                // Without it such a schedule publishes nothing. Witness: mutation
                // `bottom-half-release-weakened`.
                let flags = kept.flags.fetch_and(!(PENDING | SCHEDULED), Ordering::Acquire);
                if flags & SCHEDULED != 0 && flags & DELETED == 0 {
                    let _running = within!("runs bottom half `{}`", kept.name);
                    (kept.callback)(home);
                }
            }
        }
    }

    /// Its name, if it would have to run.
    pub(super) fn leftover(&self) -> Option<String> {
        match self {
            Posted::Once { name, .. } => Some(format!("bottom half `{name}`")),
            Posted::Kept(kept) => {
                let flags = kept.flags.load(Ordering::Relaxed);
                let wanted = flags & SCHEDULED != 0 && flags & DELETED == 0;
                wanted.then(|| format!("bottom half `{}`", kept.name))
            }
        }
    }
}

/// A bottom half that is kept. Dropping it deletes it. Counterpart: `QEMUBH`.
pub struct BottomHalf {
    kept: Arc<Kept>,
    event_loop: Arc<EventLoop>,
}

impl BottomHalf {
    /// A bottom half of `event_loop`, not scheduled. Counterpart: `aio_bh_new`.
    pub fn new(
        event_loop: &Arc<EventLoop>,
        name: &'static str,
        callback: impl Fn(&mut dyn Home) + Send + Sync + 'static,
    ) -> Self {
        let kept = Arc::new(Kept { name, flags: AtomicU8::new(0), callback: Box::new(callback) });
        BottomHalf { kept, event_loop: Arc::clone(event_loop) }
    }

    /// Has the callback called once more, unless that is pending already. Any thread. Counterpart:
    /// `qemu_bh_schedule`.
    pub fn schedule(&self) {
        says!("schedules bottom half `{}`", self.kept.name);
        // ORDERING(bottom-half-flags): the caller's changes, then set the flags.
        // Pairs with the update in `Posted::run`.
        // Without it a schedule that posts nothing publishes nothing. Witness: mutation
        // `bottom-half-release-weakened`.
        let ordering = if mutated("bottom-half-release-weakened") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        let flags = self.kept.flags.fetch_or(PENDING | SCHEDULED, ordering);
        if flags & PENDING == 0 {
            self.event_loop.schedule_kept(Posted::Kept(Arc::clone(&self.kept)));
        }
    }

    /// Takes a schedule back, if its callback has not begun. Any thread. Counterpart: `qemu_bh_cancel`.
    pub fn cancel(&self) {
        says!("cancels bottom half `{}`", self.kept.name);
        self.kept.flags.fetch_and(!SCHEDULED, Ordering::Relaxed);
    }
}

impl Drop for BottomHalf {
    /// Deletes it: the callback is not called any more. Counterpart: `qemu_bh_delete`.
    fn drop(&mut self) {
        if !mutated("dropped-bottom-half-runs") {
            self.kept.flags.fetch_or(DELETED, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for BottomHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BottomHalf").field("name", &self.kept.name).finish_non_exhaustive()
    }
}
