//! Store buffers: atomic stores that come later than their task's next loads, as on x86 (TSO).
//!
//! A store weaker than `SeqCst` goes into its task's buffer and is no step yet. When the task goes on to its
//! next operation it is decided what becomes of the buffer, oldest store first: before a load it is a data
//! choice how many stores stay behind (0 first: none does), before anything else all are performed. Each
//! is performed by an ordinary step that is announced like any other, so whoever sees steps sees nothing new.
//!
//! # Cases
//! *Load of what is in the own buffer*: the youngest such store is read. That step touches nothing shared.
//! *Fence*: only a sequentially consistent one empties the buffer; weaker ones are no instruction on x86.
//! *An atomic that its owner takes apart*: stores that others still hold back are performed at once, without a
//! step: giving an `Arc` back, which is none here either, would have performed them.
//!
//! # Invariants
//! * Stores of a task are performed in its order, and it reads no older value than it has stored.
//! * A store publishes what its task knew where it stands, not where it is performed.
//! * While [`Check::store_buffers`](crate::scenario::Check) is off there are no buffers.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::{Clock, TASKS_MAX};
use super::operation::{ObjectId, Operation, OperationKind};
use super::record::{Effect, What};
use super::{Execution, TaskSet, step, with};

/// A store that was not performed yet.
pub(crate) struct Delayed {
    pub(crate) object: ObjectId,
    /// The value, as bits.
    pub(crate) value: u64,
    pub(crate) ordering: Ordering,
    pub(crate) location: &'static Location<'static>,
    /// What it publishes.
    pub(crate) release: Clock<TASKS_MAX>,
    /// Where the atomic keeps its bits. Gone once the store was performed without its step.
    pub(crate) late: Option<Arc<AtomicU64>>,
}

impl Delayed {
    /// Writes it and gives what was there before.
    fn perform(&mut self) -> u64 {
        let late = self.late.take();
        late.map_or(self.value, |late| late.swap(self.value, Ordering::Relaxed))
    }
}

/// What all tasks hold back, oldest first for each. Empty while stores are not delayed.
#[derive(Default)]
pub(crate) struct Buffers(Vec<VecDeque<Delayed>>);

impl Buffers {
    /// A buffer for each task.
    pub(crate) fn new() -> Self {
        Buffers((0..TASKS_MAX).map(|_| VecDeque::new()).collect())
    }

    /// Forgets the execution before.
    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(VecDeque::clear);
    }
}

thread_local! {
    /// Whether the execution of this OS thread delays stores, and whose next step performs what it holds back: apart
    /// from it, so that a step asks with one look.
    static DELAYS: Cell<bool> = const { Cell::new(false) };
    static HOLDING: Cell<TaskSet> = const { Cell::new(0) };
}

/// An execution with these buffers begins.
pub(super) fn enter(buffers: &Buffers) {
    DELAYS.set(!buffers.0.is_empty());
    HOLDING.set(0);
}

/// Whether stores are delayed.
#[inline]
pub(crate) fn delays_stores() -> bool {
    DELAYS.get()
}

/// Whether the next step of anybody performs what it holds back.
#[inline]
pub(crate) fn is_used() -> bool {
    HOLDING.get() != 0
}

impl Execution {
    /// Puts a store of the running task into its buffer.
    pub(crate) fn delay(&mut self, store: Delayed) {
        self.buffers.0[self.current].push_back(store);
        self.hold_back();
    }

    /// The next step of the running task performs what it holds back.
    fn hold_back(&mut self) {
        if !self.buffers.0[self.current].is_empty() {
            HOLDING.set(HOLDING.get() | 1 << self.current);
        }
    }

    /// The next step of the running task leaves its buffer alone.
    fn leave_alone(&mut self) {
        HOLDING.set(HOLDING.get() & !(1 << self.current));
    }

    /// The value that the running task has stored into `object` last, if that is in its buffer.
    fn own_store(&self, object: ObjectId) -> Option<u64> {
        let buffer = &self.buffers.0[self.current];
        buffer.iter().rev().find(|store| store.object == object).map(|store| store.value)
    }

    /// Decides how many stores of the running task are performed before its next load.
    fn performed_before_load(&mut self, location: &'static Location<'static>) -> usize {
        self.leave_alone();
        let count = self.buffers.0[self.current].len();
        if count == 0 {
            return 0;
        }
        let stay = self.choose_delay(u32::try_from(count + 1).expect("fewer than 2^32 stores"));
        if stay > 0 {
            self.note(What::HeldBack(stay, location));
        }
        count - stay as usize
    }

    /// Performs all stores into `object`, whoever holds them back.
    pub(crate) fn settle(&mut self, object: ObjectId) {
        for buffer in &mut self.buffers.0 {
            let own = buffer.iter_mut().filter(|store| store.object == object);
            for store in own {
                store.perform();
            }
        }
    }
}

/// Performs the stores that come before a load of `object`. If its value is in the buffer still, gives that with the
/// step that reads it. The step that follows leaves the buffer alone.
#[cold]
pub(crate) fn before_load(
    object: ObjectId,
    location: &'static Location<'static>,
) -> Option<Option<(u64, Operation)>> {
    let count = with(|execution| execution.performed_before_load(location))?;
    perform(count)?;
    let own = with(|execution| execution.own_store(object))?;
    let kind = OperationKind::AtomicLoadOwn;
    Some(own.map(|value| (value, Operation { kind, object: None, second: Some(object), location })))
}

/// The load is performed.
#[cold]
pub(crate) fn after_load() {
    with(Execution::hold_back);
}

/// Performs all stores that the running task holds back. `None` if the execution has ended meanwhile.
#[inline]
pub(crate) fn empty() -> Option<()> {
    if is_used() { empty_now() } else { Some(()) }
}

#[cold]
fn empty_now() -> Option<()> {
    let own = |execution: &mut Execution| {
        let holds = HOLDING.get() & (1 << execution.current) != 0;
        if holds { execution.buffers.0[execution.current].len() } else { 0 }
    };
    perform(with(own)?)
}

/// Performs the oldest `count` stores of the running task.
fn perform(count: usize) -> Option<()> {
    for _ in 0..count {
        let operation = with(|execution| {
            execution.leave_alone();
            let store = execution.buffers.0[execution.current].front();
            let store = store.expect("[harness internal bug] an empty buffer holds a store");
            Operation {
                kind: OperationKind::AtomicStore(store.ordering),
                object: Some(store.object),
                second: None,
                location: store.location,
            }
        })?;
        step(operation, |execution, task| {
            let store = execution.buffers.0[task].pop_front();
            let mut store = store.expect("[harness internal bug] a store has left its buffer");
            execution.delayed_written(store.object, &store.release);
            let before = store.perform();
            ((), Effect::Wrote(before, store.value))
        })?;
    }
    Some(())
}
