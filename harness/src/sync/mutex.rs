//! `Mutex`, in the shape of std's. Locking, unlocking and trying are steps.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, TryLockError, TryLockResult};

use super::handle::{Handle, on};
use super::lock_cell::LockCell;
use crate::execution::memory::Through;
use crate::execution::object::ObjectState;
use crate::execution::operation::{ObjectId, OperationKind};
use crate::execution::record::Effect;
use crate::execution::{Execution, is_inside, step};

/// A mutual exclusion lock. Never poisoned inside an execution: a panic there ends it.
pub struct Mutex<T: ?Sized> {
    handle: Handle,
    /// The lock outside an execution.
    outside: std::sync::Mutex<()>,
    value: LockCell<T>,
}

/// A held [`Mutex`].
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) mutex: &'a Mutex<T>,
    pub(super) outside: Option<std::sync::MutexGuard<'a, ()>>,
    /// Where it was taken: the place that an unlock at the end of a scope is shown with.
    at: &'static Location<'static>,
}

fn unlocked() -> ObjectState {
    ObjectState::Mutex { owner: None }
}

/// `task` takes the free mutex `object` and learns what its last holder knew.
pub(super) fn take(execution: &mut Execution, task: usize, object: ObjectId) {
    if let ObjectState::Mutex { owner } = &mut execution.objects[object].state {
        debug_assert!(owner.is_none(), "[harness internal bug] a held mutex was taken");
        *owner = Some(task);
    }
    execution.learn(task, object, Through::First);
}

/// `task` gives `object` back and publishes what it knows.
pub(super) fn give_back(execution: &mut Execution, task: usize, object: ObjectId) {
    if let ObjectState::Mutex { owner } = &mut execution.objects[object].state {
        *owner = None;
    }
    execution.publish(task, object, Through::First);
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Mutex {
            handle: Handle::new(unlocked),
            outside: std::sync::Mutex::new(()),
            value: LockCell::new(value),
        }
    }

    /// Gives it a name to read in traces.
    #[must_use]
    pub fn with_name(mut self, name: &dyn fmt::Display) -> Self {
        self.handle.set_name(name);
        self
    }

    /// The value.
    ///
    /// # Errors
    /// Never; the shape is std's.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.value.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// The value of a mutex that nobody else can reach. No step.
    ///
    /// # Errors
    /// Never; the shape is std's.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.value.get_mut())
    }

    pub(super) fn id(&self) -> Option<ObjectId> {
        self.handle.id(unlocked)
    }

    /// Takes the lock; waits while it is held.
    ///
    /// # Errors
    /// Never; the shape is std's.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let at = Location::caller();
        let stepped = self.id().and_then(|id| {
            step(on(id, OperationKind::MutexLock, at), |execution, task| {
                take(execution, task, id);
                ((), Effect::Done)
            })
        });
        Ok(self.guard(stepped.is_some(), at))
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// `WouldBlock` if it is held.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let at = Location::caller();
        let stepped = self.id().and_then(|id| {
            step(on(id, OperationKind::MutexTryLock, at), |execution, task| {
                let free =
                    matches!(execution.objects[id].state, ObjectState::Mutex { owner: None });
                if free {
                    take(execution, task, id);
                }
                (free, Effect::Tried(free))
            })
        });
        match stepped {
            Some(true) => Ok(self.guard(true, at)),
            Some(false) => Err(TryLockError::WouldBlock),
            None if is_inside() => Ok(self.guard(true, at)),
            None => match self.outside.try_lock() {
                Ok(outside) => Ok(MutexGuard { mutex: self, outside: Some(outside), at }),
                Err(_) => Err(TryLockError::WouldBlock),
            },
        }
    }

    fn guard(&self, stepped: bool, at: &'static Location<'static>) -> MutexGuard<'_, T> {
        let outside = (!stepped && !is_inside())
            .then(|| self.outside.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        MutexGuard { mutex: self, outside, at }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.mutex.value.get()
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.mutex.value.get_mut()
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.outside.is_some() {
            return;
        }
        let at = self.at;
        if let Some(id) = self.mutex.id() {
            step(on(id, OperationKind::MutexUnlock, at), |execution, task| {
                give_back(execution, task, id);
                ((), Effect::Done)
            });
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex { .. }")
    }
}

impl<T: ?Sized> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MutexGuard { .. }")
    }
}
