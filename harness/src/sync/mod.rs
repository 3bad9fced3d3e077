//! The primitives of an execution, in the shape of std's.
//!
//! Inside an execution each operation is a step of the engine. Outside they behave like std's, so that an
//! ordinary unit test needs no ceremony. While an execution is given up, destructors run with operations
//! that act at once and exclude nobody.

pub mod atomic;
mod barrier;
pub mod cell;
mod condvar;
mod handle;
pub mod hint;
mod local;
mod lock_cell;
mod mutex;
mod rwlock;
mod scope;
pub mod thread;
pub mod time;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use local::LocalKey;
pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
