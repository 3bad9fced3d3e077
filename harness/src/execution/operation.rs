//! What a task announces before it acts: kind, object, declared ordering, source location.
//!
//! Engines decide on announced operations alone. Two operations *conflict* when their order can be
//! seen; the relation is the foundation of every reduction, so it is written down once, here:
//!
//! * each operation touches each of its objects in class [`Class::Read`] or [`Class::Write`];
//! * two operations of different tasks conflict when they share an object and one of them is a
//!   `Write` there;
//! * a comparison that fails has only read, which is known when it was executed, and can be told beforehand
//!   from the value that is there.
//!
//! Everything on a mutex, a condition variable or a read/write lock is `Write`, shared holds included: a
//! writer that waits for several readers waits for all of them, which is no order of two steps.

use std::panic::Location;
use std::sync::atomic::Ordering;

use super::object::Availability;

/// The number of an object in its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId(pub(crate) u32);

/// What kind of step a task is about to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationKind {
    /// Reads an atomic.
    AtomicLoad(Ordering),
    /// Reads what the task itself has stored and holds back: nothing shared.
    AtomicLoadOwn,
    /// Writes an atomic.
    AtomicStore(Ordering),
    /// Reads and writes an atomic in one step.
    AtomicReadModifyWrite(Ordering),
    /// Reads an atomic and, if it holds this value, writes it in the same step.
    AtomicCompareExchange(Ordering, u64),
    /// Takes a mutex; waits while it is held.
    MutexLock,
    /// Takes a mutex if it is free.
    MutexTryLock,
    /// Gives a mutex back.
    MutexUnlock,
    /// Takes a read/write lock shared; waits while a writer holds it.
    RwLockRead,
    /// Takes a read/write lock shared if no writer holds it.
    RwLockTryRead,
    /// Gives a shared hold back.
    RwLockReadUnlock,
    /// Takes a read/write lock exclusively; waits while anybody holds it.
    RwLockWrite,
    /// Takes a read/write lock exclusively if nobody holds it.
    RwLockTryWrite,
    /// Gives an exclusive hold back.
    RwLockWriteUnlock,
    /// Gives the mutex back and begins to wait on the condition variable.
    CondvarWait,
    /// Ends a wait: takes the mutex again; waits for a notification (or the time) and the mutex.
    CondvarWake,
    /// Notifies one waiter.
    CondvarNotifyOne,
    /// Notifies all waiters.
    CondvarNotifyAll,
    /// Consumes the task's token; waits for it.
    Park,
    /// Gives a task its token.
    Unpark,
    /// Waits until a task has ended.
    Join,
    /// Gives way in a loop that re-reads; waits until something it has read changes.
    Yield,
    /// Waits until time has passed.
    Sleep,
}

impl OperationKind {
    /// Whether it reads or writes an atomic.
    pub(crate) fn is_atomic(self) -> bool {
        matches!(
            self,
            OperationKind::AtomicLoad(_)
                | OperationKind::AtomicLoadOwn
                | OperationKind::AtomicStore(_)
                | OperationKind::AtomicReadModifyWrite(_)
                | OperationKind::AtomicCompareExchange(..)
        )
    }
}

/// How an operation touches an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Commutes with other reads.
    Read,
    /// Commutes with nothing on the same object.
    Write,
}

/// One announced step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// What it does.
    pub(crate) kind: OperationKind,
    /// What it does it to. Steps that touch nothing shared have none.
    pub(crate) object: Option<ObjectId>,
    /// The second object of steps that have two: the mutex of a condition variable's wait. Or one that is only named.
    pub(crate) second: Option<ObjectId>,
    /// Where in the source.
    pub(crate) location: &'static Location<'static>,
}

impl Operation {
    /// How this operation touches its objects, at most: a comparison that fails has only read.
    pub(crate) fn class(&self) -> Class {
        match self.kind {
            OperationKind::AtomicLoad(_) | OperationKind::AtomicLoadOwn | OperationKind::Join => {
                Class::Read
            }
            _ => Class::Write,
        }
    }

    /// Whether there are states in which its task cannot take it.
    pub(crate) fn may_wait(&self) -> bool {
        let waits = matches!(
            self.kind,
            OperationKind::Park | OperationKind::Sleep | OperationKind::Join | OperationKind::Yield
        );
        waits || self.acquires()
    }

    /// How it would touch its atomic if that held `value`.
    pub(crate) fn class_if(&self, value: u64) -> Class {
        match self.kind {
            OperationKind::AtomicCompareExchange(_, expected) if expected != value => Class::Read,
            _ => self.class(),
        }
    }

    /// Whether it takes a lock and may have to wait until others have given it back.
    pub(crate) fn acquires(&self) -> bool {
        matches!(
            self.kind,
            OperationKind::MutexLock
                | OperationKind::RwLockRead
                | OperationKind::RwLockWrite
                | OperationKind::CondvarWake
        )
    }

    /// Whether it need not wait where its lock, or its token, is this available.
    pub(crate) fn can_act_when(&self, availability: Availability) -> bool {
        match self.kind {
            OperationKind::MutexLock
            | OperationKind::CondvarWake
            | OperationKind::RwLockWrite
            | OperationKind::Park => availability == Availability::Free,
            OperationKind::RwLockRead => availability != Availability::Taken,
            _ => true,
        }
    }

    /// The objects it touches. The condition variable that a wake names is not among them: the
    /// notification was the step that touched it. Nor is the atomic of a store that is held back.
    pub(crate) fn objects(&self) -> impl Iterator<Item = ObjectId> {
        let names = matches!(self.kind, OperationKind::CondvarWake | OperationKind::AtomicLoadOwn);
        let second = self.second.filter(|_| !names);
        self.object.into_iter().chain(second)
    }

    /// Whether the order of the two can be seen by anybody.
    pub(crate) fn conflicts_with(&self, other: &Operation) -> bool {
        let share = self.objects().any(|mine| other.objects().any(|theirs| mine == theirs));
        share && (self.class() == Class::Write || other.class() == Class::Write)
    }
}
