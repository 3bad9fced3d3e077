//! Threads for work that blocks, so that a loop's thread need not: file I/O, for one.
//!
//! # States of a piece of work
//! *Queued*, *running*, *done*. Whoever waits for it has a [`Work`]: a place for the result and a waker.
//!
//! # Cases
//! * `worker-sleeps`: the queue is empty and the pool goes on; the thread waits until something is queued.
//! * `work-done-before-look`: the result is there when it is looked for.
//! * `work-wakes-waiter`: somebody waits when the work is done; the worker wakes them.
//! * `work-nobody-waits`: the [`Work`] was dropped; the work runs all the same and its result goes away.
//! * `pool-ends-with-work-left`: the pool is dropped with work in the queue; it is finished first.
//!
//! # Invariants
//! * What is queued runs, exactly once, also if nobody waits for it any more.
//! * No callback runs under a mutex of the pool; a waker is called after the mutex is released.
//!
//! # Not here
//! Threads that come and go with the load, as QEMU's pool has; cancelling work that has not begun.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::mutation::mutated;
use crate::sync::thread::{Builder, JoinHandle, catch_panic, join_on_drop};
use crate::sync::{Arc, Condvar, Mutex, Named, PoisonError, lock, reached};

type Piece = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    /// The pool has been dropped: threads end when the queue is empty.
    ended: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// A pool of threads for work that blocks. Dropping it finishes what is queued and waits for the threads; so it
/// is not dropped on one of them. Counterpart: `ThreadPool`.
pub struct WorkerPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Where a piece of work leaves what came out.
struct Slot<T> {
    result: Option<Result<T, Box<dyn Any + Send>>>,
    waker: Option<Waker>,
    abandoned: bool,
}

/// A piece of work, to wait for. Dropping it leaves the work running and throws the result away.
#[must_use = "the result of the work is thrown away; wait for it"]
pub struct Work<T>(Arc<Mutex<Slot<T>>>);

impl WorkerPool {
    /// A pool of `threads` threads.
    ///
    /// # Panics
    /// If there are to be none, or the system gives none.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        assert!(threads > 0, "a pool has a thread");
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::default()).named(&"work queue"),
            changed: Condvar::new().named(&"work queue"),
        });
        let spawn = |number: usize| {
            let own = Arc::clone(&shared);
            let builder = Builder::new().name(format!("worker{number}"));
            builder
                .spawn(move || own.work())
                .unwrap_or_else(|error| panic!("the system gives no thread for the pool: {error}"))
        };
        let threads = (0..threads).map(spawn).collect();
        WorkerPool { shared, threads }
    }

    /// Has `work` done on one of the threads, in the order of the calls. Any thread. The work is queued at once,
    /// not when the result is first asked for. If it panics, whoever waits for it does. Counterpart:
    /// `thread_pool_submit_co`.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Work<T> {
        let slot = Slot { result: None, waker: None, abandoned: false };
        let slot = Arc::new(Mutex::new(slot).named(&"work"));
        let own = Arc::clone(&slot);
        let piece = Box::new(move || finish(&own, catch_panic(work)));
        lock(&self.shared.queue).pieces.push_back(piece);
        if !mutated("worker-wake-skipped") {
            self.shared.changed.notify_one();
        }
        Work(slot)
    }
}

/// Leaves the result where it is looked for, and wakes whoever waits.
fn finish<T>(slot: &Mutex<Slot<T>>, result: Result<T, Box<dyn Any + Send>>) {
    let mut slot = lock(slot);
    if slot.abandoned {
        reached!("work-nobody-waits");
        drop(slot);
        drop(result);
        return;
    }
    slot.result = Some(result);
    let waker = slot.waker.take();
    drop(slot);
    if let Some(waker) = waker {
        reached!("work-wakes-waiter");
        waker.wake();
    }
}

impl Shared {
    /// What a thread of the pool does.
    fn work(&self) {
        loop {
            let mut queue = lock(&self.queue);
            while queue.pieces.is_empty() && !queue.ended {
                reached!("worker-sleeps");
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            if queue.ended && !queue.pieces.is_empty() {
                reached!("pool-ends-with-work-left");
                if mutated("pool-drops-its-queue") {
                    return;
                }
            }
            let Some(piece) = queue.pieces.pop_front() else { return };
            drop(queue);
            piece();
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        lock(&self.shared.queue).ended = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            join_on_drop(thread);
        }
    }
}

impl<T> Future for Work<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut slot = lock(&self.0);
        match slot.result.take() {
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(result) => {
                let waited = slot.waker.is_some();
                drop(slot);
                if !waited {
                    reached!("work-done-before-look");
                }
                Poll::Ready(result.unwrap_or_else(|payload| resume_unwind(payload)))
            }
        }
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        slot.abandoned = true;
        let left = (slot.result.take(), slot.waker.take());
        drop(slot);
        drop(left);
    }
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Work<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}
