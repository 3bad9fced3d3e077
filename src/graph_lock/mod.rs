//! The graph lock: many readers on many threads, one writer on the main loop.
//!
//! Readers (`reader`) announce themselves in a counter of their own thread and look for a writer; the writer
//! (`writer`) announces itself and looks at all counters. What is deferred in a write section runs when the
//! section has ended (`deferred_unref`); what the lock protects stands in a [`GraphCell`].
//!
//! # States
//! The *door* (`has_writer`) is open or shut. Shut, with no reader inside: a write section. Shut, with readers
//! inside: the writer waits for them and lets nobody else in.
//!
//! # Invariants
//! * Never a reader inside a write section.
//! * Nobody sleeps in the queue while the door is open and nobody is about to wake them.
//! * The door is shut by the main loop's thread alone, and opened under the list mutex.
//!
//! # Not here
//! What a node is. The lock knows of requests only as [`RequestSources`] that it quiesces.

mod cell;
mod deferred_unref;
mod fairness;
mod guard;
mod io_thread;
mod reader;
mod reader_count;
mod writer;

use std::fmt;

pub use cell::GraphCell;
pub use deferred_unref::{Batch, Deferral};
pub use fairness::Fairness;
pub use guard::{Hold, MainReadGuard, OwnedReadGuard, ReadGuard, Readable, WriteGuard};
pub use io_thread::GraphIoThread;
pub use reader::Read;
pub use reader_count::{AdoptedSlot, ReaderRegistration};

use crate::coroutine::SleeperQueue;
use crate::event_loop::{MainHandle, MainLoop};
use crate::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use crate::sync::{Arc, Mutex, Named};
use reader_count::ReaderSlot;

/// Where requests come from, so that the writer can keep new ones away while it waits.
pub trait RequestSources: Send + Sync {
    /// New requests wait from now on. Does not poll. Nests. Counterpart:
    /// `bdrv_drain_all_begin_nopoll`.
    fn quiesce_begin(&self, main: &MainLoop);

    /// Whether requests are in flight.
    fn busy(&self, main: &MainLoop) -> bool;

    /// Ends one `quiesce_begin`; the last one lets requests go on. Does not poll. Counterpart:
    /// `bdrv_drain_all_end`.
    fn quiesce_end(&self, main: &MainLoop);
}

/// The name of the queue that readers sleep in, where it is shown.
const READER_QUEUE: &str = "the reader queue";

/// What the list mutex protects.
struct ReaderList {
    /// The counters of all registered threads.
    slots: Vec<Arc<ReaderSlot>>,
    /// What the counters of threads that are gone had left over.
    orphaned: i32,
    /// Readers that found the door shut.
    sleepers: SleeperQueue,
}

struct Inner {
    /// The door is shut.
    has_writer: AtomicBool,
    list: Mutex<ReaderList>,
    /// Readers without a counter of their own, and shared guards. Summed last (`reader_count`).
    shared_count: AtomicI32,
    main: MainHandle,
    deferral: Deferral,
    fairness: Fairness,
    sources: Option<Arc<dyn RequestSources>>,
    /// How often edges were added or taken away.
    edges_changed: AtomicU32,
    /// How often readers came in before one waiting writer, at the most.
    overtakes_most: AtomicU32,
    /// How often a writer's patience has ended.
    patience_ends: AtomicU32,
    /// How many drained sections there are, for the planted bug that ends them by counting.
    drained_sections: AtomicU32,
}

/// The lock. A clone is the same lock.
#[derive(Clone)]
pub struct GraphLock(Arc<Inner>);

impl GraphLock {
    /// A lock whose writers run on `main` and that quiesces `sources` while a writer waits.
    #[must_use]
    pub fn new(main: &MainLoop, deferral: Deferral, sources: Arc<dyn RequestSources>) -> Self {
        Self::build(main, deferral, Fairness::default(), Some(sources))
    }

    /// A lock for readers that no drain can stop.
    #[must_use]
    pub fn bare(main: &MainLoop, deferral: Deferral, fairness: Fairness) -> Self {
        Self::build(main, deferral, fairness, None)
    }

    fn build(
        main: &MainLoop,
        deferral: Deferral,
        fairness: Fairness,
        sources: Option<Arc<dyn RequestSources>>,
    ) -> Self {
        let list = ReaderList { slots: Vec::new(), orphaned: 0, sleepers: SleeperQueue::default() };
        GraphLock(Arc::new(Inner {
            has_writer: AtomicBool::new(false).named(&"has_writer"),
            list: Mutex::new(list).named(&"list_lock"),
            shared_count: AtomicI32::new(0).named(&"shared_count"),
            main: main.handle(),
            deferral,
            fairness,
            sources,
            edges_changed: AtomicU32::new(0).named(&"edges_changed"),
            overtakes_most: AtomicU32::new(0).named(&"overtakes_most"),
            patience_ends: AtomicU32::new(0).named(&"patience_ends"),
            drained_sections: AtomicU32::new(0).named(&"drained_sections"),
        }))
    }

    /// How often a waiting writer looked and found readers inside, at the most, before it got in or shut the
    /// door. For observation.
    #[must_use]
    pub fn overtakes_most(&self) -> u32 {
        self.0.overtakes_most.load(Ordering::Relaxed)
    }

    /// How often a writer behind a shut door has had to let readers in, since a holder may have waited for one of
    /// them. Often means that holders should [share](ReadGuard::share). For observation.
    #[must_use]
    pub fn patience_ends(&self) -> u32 {
        self.0.patience_ends.load(Ordering::Relaxed)
    }

    fn is_same_as(&self, other: &GraphLock) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for GraphLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphLock").field("deferral", &self.0.deferral).finish_non_exhaustive()
    }
}
