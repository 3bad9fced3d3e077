//! `RwLock`, in the shape of std's. The order in which shared holds come and go is explored, too.
//!
//! No fairness is promised, as with std: whoever is chosen first gets in.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use smallvec::SmallVec;

use super::handle::{Handle, on};
use super::lock_cell::LockCell;
use crate::execution::memory::Through;
use crate::execution::object::ObjectState;
use crate::execution::operation::{ObjectId, OperationKind};
use crate::execution::record::Effect;
use crate::execution::{Execution, is_inside, step};

/// A reader/writer lock.
pub struct RwLock<T: ?Sized> {
    handle: Handle,
    outside: std::sync::RwLock<()>,
    value: LockCell<T>,
}

/// A shared hold.
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    outside: Option<std::sync::RwLockReadGuard<'a, ()>>,
}

/// An exclusive hold.
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    outside: Option<std::sync::RwLockWriteGuard<'a, ()>>,
}

fn unlocked() -> ObjectState {
    ObjectState::RwLock { writer: None, readers: SmallVec::new() }
}

/// `task` comes in if nobody is there whom it excludes. Says whether it did.
fn take(execution: &mut Execution, task: usize, id: ObjectId, exclusively: bool) -> bool {
    let ObjectState::RwLock { writer, readers } = &mut execution.objects[id].state else {
        unreachable!("[harness internal bug] a read/write lock is an object of another kind")
    };
    if writer.is_some() || (exclusively && !readers.is_empty()) {
        return false;
    }
    if exclusively {
        *writer = Some(task);
    } else {
        readers.push(task);
    }
    execution.learn(task, id, Through::First);
    if exclusively {
        execution.learn(task, id, Through::Second);
    }
    true
}

fn give_back(execution: &mut Execution, task: usize, id: ObjectId, exclusively: bool) {
    let ObjectState::RwLock { writer, readers } = &mut execution.objects[id].state else {
        unreachable!("[harness internal bug] a read/write lock is an object of another kind")
    };
    if exclusively {
        *writer = None;
    } else {
        // A guard may have come from another task; any entry of the list will do.
        let at = readers.iter().position(|reader| *reader == task).unwrap_or(0);
        readers.swap_remove(at);
    }
    let through = if exclusively { Through::First } else { Through::Second };
    execution.publish(task, id, through);
}

impl<T> RwLock<T> {
    /// An unlocked lock.
    #[track_caller]
    pub fn new(value: T) -> Self {
        RwLock {
            handle: Handle::new(unlocked),
            outside: std::sync::RwLock::new(()),
            value: LockCell::new(value),
        }
    }

    /// Gives it a name to read in traces.
    #[must_use]
    pub fn with_name(mut self, name: &dyn fmt::Display) -> Self {
        self.handle.set_name(name);
        self
    }
}

impl<T: ?Sized> RwLock<T> {
    fn id(&self) -> Option<ObjectId> {
        self.handle.id(unlocked)
    }

    #[track_caller]
    fn stepped(&self, kind: OperationKind, exclusively: bool) -> Option<bool> {
        let at = Location::caller();
        let id = self.id()?;
        step(on(id, kind, at), |execution, task| {
            let taken = take(execution, task, id, exclusively);
            let tried =
                matches!(kind, OperationKind::RwLockTryRead | OperationKind::RwLockTryWrite);
            (taken, if tried { Effect::Tried(taken) } else { Effect::Done })
        })
    }

    /// Takes the lock shared; waits while a writer holds it.
    ///
    /// # Errors
    /// Never; the shape is std's.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let stepped = self.stepped(OperationKind::RwLockRead, false).is_some() || is_inside();
        let outside =
            (!stepped).then(|| self.outside.read().unwrap_or_else(PoisonError::into_inner));
        Ok(RwLockReadGuard { lock: self, outside })
    }

    /// Takes the lock exclusively; waits while anybody holds it.
    ///
    /// # Errors
    /// Never; the shape is std's.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let stepped = self.stepped(OperationKind::RwLockWrite, true).is_some() || is_inside();
        let outside =
            (!stepped).then(|| self.outside.write().unwrap_or_else(PoisonError::into_inner));
        Ok(RwLockWriteGuard { lock: self, outside })
    }

    /// Takes the lock shared if no writer holds it.
    ///
    /// # Errors
    /// `WouldBlock` if one does.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let outside = match self.stepped(OperationKind::RwLockTryRead, false) {
            Some(false) => return Err(TryLockError::WouldBlock),
            Some(true) => None,
            None if is_inside() => None,
            None => Some(self.outside.try_read().map_err(|_| TryLockError::WouldBlock)?),
        };
        Ok(RwLockReadGuard { lock: self, outside })
    }

    /// Takes the lock exclusively if nobody holds it.
    ///
    /// # Errors
    /// `WouldBlock` if somebody does.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let outside = match self.stepped(OperationKind::RwLockTryWrite, true) {
            Some(false) => return Err(TryLockError::WouldBlock),
            Some(true) => None,
            None if is_inside() => None,
            None => Some(self.outside.try_write().map_err(|_| TryLockError::WouldBlock)?),
        };
        Ok(RwLockWriteGuard { lock: self, outside })
    }

    #[track_caller]
    fn unlock(&self, kind: OperationKind, exclusively: bool) {
        let at = Location::caller();
        if let Some(id) = self.id() {
            step(on(id, kind, at), |execution, task| {
                give_back(execution, task, id, exclusively);
                ((), Effect::Done)
            });
        }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        if self.outside.is_none() {
            self.lock.unlock(OperationKind::RwLockReadUnlock, false);
        }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        if self.outside.is_none() {
            self.lock.unlock(OperationKind::RwLockWriteUnlock, true);
        }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.lock.value.get()
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.lock.value.get()
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.lock.value.get_mut()
    }
}

macro_rules! opaque_debug {
    ($($name:literal: [$($type:tt)*]),*) => {$(
        impl<T: ?Sized> fmt::Debug for $($type)* {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($name)
            }
        }
    )*};
}
opaque_debug!(
    "RwLock { .. }": [RwLock<T>],
    "RwLockReadGuard { .. }": [RwLockReadGuard<'_, T>],
    "RwLockWriteGuard { .. }": [RwLockWriteGuard<'_, T>]
);
