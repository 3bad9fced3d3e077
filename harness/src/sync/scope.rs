//! Scoped tasks: they may borrow from the frame that spawns them, because it waits for them.

use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use super::thread::{JoinHandle, Result, Slot, spawn};
use crate::execution::stack;

/// A handle that both the scope and the caller may wait for.
type SharedHandle = Arc<StdMutex<Option<JoinHandle<()>>>>;

/// Tasks that may borrow from the frame that spawns them.
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    handles: StdMutex<Vec<SharedHandle>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// A task of a [`scope`].
#[derive(Debug)]
pub struct ScopedJoinHandle<'scope, T> {
    result: Slot<T>,
    handle: SharedHandle,
    scope: PhantomData<&'scope ()>,
}

#[track_caller]
fn wait_for(handle: &SharedHandle) -> Result<()> {
    let handle = handle.lock().unwrap_or_else(PoisonError::into_inner).take();
    handle.map_or(Ok(()), JoinHandle::join)
}

/// Runs `body`, which may spawn tasks that borrow from the caller; all have ended when it returns.
#[track_caller]
pub fn scope<'env, F, R>(body: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
{
    let scope = Scope { handles: StdMutex::default(), scope: PhantomData, env: PhantomData };
    let result = panic::catch_unwind(AssertUnwindSafe(|| body(&scope)));
    if result.is_err() {
        // Tasks that borrow from this frame are suspended. They must be gone before it is.
        stack::stay_until_unwound();
    }
    let handles =
        std::mem::take(&mut *scope.handles.lock().unwrap_or_else(PoisonError::into_inner));
    for handle in handles {
        if let Err(payload) = wait_for(&handle)
            && result.is_ok()
        {
            panic::resume_unwind(payload);
        }
    }
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

impl<'scope> Scope<'scope, '_> {
    /// Spawns a task that may borrow what outlives the scope.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, body: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let result: Slot<T> = Arc::new(StdMutex::new(None));
        let slot = Arc::clone(&result);
        let run = stack::extend_to_static(Box::new(move || {
            let value = body();
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }));
        let handle = Arc::new(StdMutex::new(Some(spawn(run))));
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&handle));
        ScopedJoinHandle { result, handle, scope: PhantomData }
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits until the task has ended, and gives what it returned.
    ///
    /// # Errors
    /// If the task panicked.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        wait_for(&self.handle)?;
        let value = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| Box::new("the task was given up") as _)
    }
}
