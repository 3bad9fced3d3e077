//! What is deferred in a write section and runs when it has ended.
//!
//! Dropping the last reference of a node closes it, closing polls, and polling under the lock deadlocks; so a
//! reference is dropped after the unlock, and before the unlock returns: whoever reopens an image after a
//! section finds it closed.
//!
//! # Two ways
//! Both were proposed on QEMU's list, and every scenario runs on both:
//! * [`Deferral::BottomHalf`]: a bottom half of the main loop for each, one after the other; the unlock polls until
//!   they have run, and runs whatever else is pending.
//! * [`Deferral::List`]: a list of the section's own, run in order; nothing else runs until a close polls.
//!
//! # Invariants
//! * Each piece of work runs exactly once, on the main loop, outside coroutines, with the lock not held.
//! * A close adds its children's references to the batch it runs in, and the next bottom half of a batch is scheduled
//!   when the one before has returned, though a close polls. So a tree of any shape needs no more stack than one node. A section that somebody else opens has a batch of its own, worked off by its own unlock.

use std::collections::VecDeque;
use std::fmt;

use crate::event_loop::{MainHandle, MainLoop};
use crate::mutation::mutated;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, Mutex, Named, lock, reached, says};

/// How deferred work is kept and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferral {
    /// As bottom halves of the main loop.
    BottomHalf,
    /// In a list.
    List,
}

type Work = Box<dyn FnOnce(&mut MainLoop, &Batch) + Send>;

struct Shared {
    way: Deferral,
    /// Work that has not returned. Only the main loop's thread touches it.
    outstanding: AtomicU32,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    works: VecDeque<Work>,
    /// A bottom half for the first of them is scheduled or runs.
    scheduled: bool,
}

/// The deferred work of one section, and of the closes in it.
#[derive(Clone)]
pub struct Batch(Arc<Shared>);

impl Batch {
    pub(crate) fn new(way: Deferral) -> Self {
        Batch(Arc::new(Shared {
            way,
            outstanding: AtomicU32::new(0).named(&"outstanding"),
            queue: Mutex::new(Queue::default()).named(&"batch"),
        }))
    }

    pub(super) fn add(&self, main: &MainHandle, name: &'static str, work: Work) {
        if mutated("deferred-unref-not-polled") {
            let batch = self.clone();
            main.schedule_oneshot(name, move |main| work(main, &batch));
            return;
        }
        says!("defers `{name}` to the end of the section");
        let mut queue = lock(&self.0.queue);
        queue.works.push_back(work);
        if self.0.way == Deferral::List {
            return;
        }
        let is_first = !std::mem::replace(&mut queue.scheduled, true);
        drop(queue);
        self.0.outstanding.fetch_add(1, Ordering::Relaxed);
        if is_first {
            self.schedule(main, name);
        }
    }

    /// Schedules a bottom half for the first work. When it has returned, there is one for the next.
    fn schedule(&self, main: &MainHandle, name: &'static str) {
        let batch = self.clone();
        main.schedule_oneshot(name, move |main| {
            reached!("deferred-bottom-half-runs");
            let work = lock(&batch.0.queue).works.pop_front();
            if let Some(work) = work {
                work(main, &batch);
                batch.0.outstanding.fetch_sub(1, Ordering::Relaxed);
            }
            let mut queue = lock(&batch.0.queue);
            queue.scheduled = !queue.works.is_empty();
            let goes_on = queue.scheduled;
            drop(queue);
            if goes_on {
                batch.schedule(&main.handle(), name);
            }
        });
    }

    /// Runs all of it, and what it adds.
    pub(crate) fn work_off(&self, main: &mut MainLoop) {
        match self.0.way {
            Deferral::BottomHalf => {
                while self.0.outstanding.load(Ordering::Relaxed) > 0 {
                    main.poll_bottom_halves();
                }
            }
            Deferral::List => loop {
                let Some(work) = lock(&self.0.queue).works.pop_front() else { break };
                reached!("deferred-list-runs");
                work(main, self);
            },
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("way", &self.0.way).finish_non_exhaustive()
    }
}
