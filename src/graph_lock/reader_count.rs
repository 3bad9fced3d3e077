//! How many readers are inside.
//!
//! Each registered thread counts in a slot that it alone writes, so that a reader needs no update in one step.
//! A slot by itself may be negative: a guard may be taken on one thread and released on another. Threads
//! without a slot, and shared guards, count in `shared_count`, by updates.
//!
//! # Cases of the writer's walk
//! The walk over the slots is not atomic. Let the door be shut, and the fence after it executed:
//! * `walk-meets-holder`: each holder's +1 came before the door was shut, or its owner sees the door: so the
//!   walk sees every +1 that counts.
//! * `walk-meets-release-elsewhere`: a guard taken in A is released in B. The walk may see +1 and not the
//!   -1: it counts one too many and is repeated after a kick. It cannot see the -1 without the +1.
//! * `walk-meets-share`: sharing adds to `shared_count` before the shared guard's original is released.
//!   Since `shared_count` is read last, who sees the -1 sees the +1.
//!
//! While the door is open, a reader may lock in A after A was read and unlock in B before B is read: the
//! sum is then too small, even negative. So an open walk decides only whether to wait, never whether to enter.
//!
//! # Invariants
//! * The sum over a shut door is never below 0, and is 0 only when nobody is inside.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use crossbeam_utils::CachePadded;

use super::{GraphLock, Inner};
use crate::mutation::mutated;
use crate::sync::atomic::{AtomicI32, Ordering};
use crate::sync::{Arc, Named, lock, thread_local};

/// One thread's counter.
pub(super) struct ReaderSlot {
    /// Whose lock's readers are counted here: the address of its state, compared for equality only. The
    /// registration keeps that state alive.
    lock: usize,
    count: CachePadded<AtomicI32>,
}

thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "the checked backends have no const form")]
    /// The calling thread's counters, one for each lock it is registered with.
    static SLOTS: RefCell<Vec<Arc<ReaderSlot>>> = RefCell::new(Vec::new());
}

/// A counter that is summed as long as this lives. The thread that [adopts](Self::adopt) it counts its readers
/// there. Counterpart: `register_aiocontext`.
pub struct ReaderRegistration {
    lock: GraphLock,
    slot: Arc<ReaderSlot>,
}

/// The calling thread counts its readers in a slot of its own as long as this lives.
pub struct AdoptedSlot {
    slot: Arc<ReaderSlot>,
    /// The slot is its thread's.
    not_send: PhantomData<*const ()>,
}

impl GraphLock {
    /// Makes a counter for a thread, which makes that thread's readers fast. Any thread.
    #[must_use]
    pub fn register(&self, name: &str) -> ReaderRegistration {
        let count = AtomicI32::new(0).named(&format_args!("reader_count[{name}]"));
        let slot = Arc::new(ReaderSlot { lock: self.identity(), count: CachePadded::new(count) });
        lock(&self.0.list).slots.push(Arc::clone(&slot));
        ReaderRegistration { lock: self.clone(), slot }
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl ReaderRegistration {
    /// The calling thread counts its readers here from now on.
    ///
    /// # Panics
    /// If another thread has: a counter is written by one thread alone.
    #[must_use]
    pub fn adopt(&self) -> AdoptedSlot {
        // The registration, the list and, once adopted, the thread.
        let adopted = Arc::strong_count(&self.slot) > 2;
        assert!(!adopted, "this counter is another thread's: register one for each thread");
        SLOTS.with(|slots| slots.borrow_mut().push(Arc::clone(&self.slot)));
        AdoptedSlot { slot: Arc::clone(&self.slot), not_send: PhantomData }
    }
}

impl Drop for AdoptedSlot {
    fn drop(&mut self) {
        SLOTS.with(|slots| slots.borrow_mut().retain(|slot| !Arc::ptr_eq(slot, &self.slot)));
    }
}

impl Drop for ReaderRegistration {
    /// The counter goes away; what it has left stays counted. Counterpart: `unregister_aiocontext`.
    fn drop(&mut self) {
        let mut list = lock(&self.lock.0.list);
        list.slots.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        if !mutated("orphan-balance-dropped") {
            list.orphaned += self.slot.count.load(Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for ReaderRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderRegistration").field("lock", &self.lock).finish_non_exhaustive()
    }
}

impl fmt::Debug for AdoptedSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdoptedSlot").finish_non_exhaustive()
    }
}

impl Inner {
    /// One reader more, or one less, as the calling thread counts. `ordering` is of the store.
    pub(super) fn count(&self, by: i32, ordering: Ordering) {
        let identity = std::ptr::from_ref(self).addr();
        let counted = SLOTS.with(|slots| {
            let slots = slots.borrow();
            let slot = slots.iter().find(|slot| slot.lock == identity);
            slot.map(|slot| {
                let before = slot.count.load(Ordering::Relaxed);
                slot.count.store(before + by, ordering);
            })
        });
        if counted.is_none() {
            self.shared_count.fetch_add(by, ordering);
        }
    }

    /// How many readers are inside. Main loop's thread only. With the door open it may be wrong in either
    /// direction; over a shut door see the module head. Counterpart: `reader_count`.
    pub(super) fn readers(&self) -> i32 {
        // ORDERING(reader-leaves): load the counters, then change what the lock protects.
        // Pairs with the release in `Inner::leave`: what the reader has read, it read before.
        // Without it the writer changes what is still being read. Witness: mutation
        // `writer-count-acquire-weakened`.
        let ordering = if mutated("writer-count-acquire-weakened") {
            Ordering::Relaxed
        } else {
            Ordering::Acquire
        };
        let list = lock(&self.list);
        let first =
            if mutated("shared-count-summed-first") { self.shared_count.load(ordering) } else { 0 };
        let slots: i32 = list.slots.iter().map(|slot| slot.count.load(ordering)).sum();
        let last =
            if mutated("shared-count-summed-first") { 0 } else { self.shared_count.load(ordering) };
        list.orphaned + first + slots + last
    }
}
