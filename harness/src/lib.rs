//! A deterministic concurrency model checker.
//!
//! The code under test uses the primitives of [`sync`] instead of std's. Inside an execution each of their
//! operations is a step, and an engine chooses who takes the next one: all interleavings, one for each
//! equivalence class ([`Strategy::Exhaustive`](scenario::Strategy)), sampled ones, or a recorded one.
//!
//! ```
//! use std::sync::Arc;
//! use graphlock_harness::scenario::Check;
//! use graphlock_harness::sync::{Mutex, thread};
//! use graphlock_harness::{model, outcome::Verdict};
//!
//! let report = model::check(&Check::default(), &(Arc::new(|| {
//!     let counter = Arc::new(Mutex::new(0));
//!     let other = Arc::clone(&counter);
//!     let task = thread::spawn(move || *other.lock().unwrap() += 1);
//!     *counter.lock().unwrap() += 1;
//!     task.join().unwrap();
//!     assert_eq!(*counter.lock().unwrap(), 2);
//! }) as model::Body));
//! assert!(matches!(report.verdict, Verdict::Complete));
//! assert_eq!(report.executions, 2);
//! ```
//!
//! # What a pass does not show
//! Stale reads of atomics: memory is sequentially consistent here, with data races found by the declared
//! orderings, or that of x86 with [`Check::store_buffers`](scenario::Check::store_buffers). Spurious wake-ups and early time-outs happen only in sampling, with
//! [`Check::surprises`](scenario::Check::surprises). `docs/LIMITS.md` has the whole list.
//!
//! # Not here
//! Anything about graphs or locks of block layers: this crate knows nothing of its users.

mod execution;
pub mod expectation;
mod explore;
pub mod model;
pub mod outcome;
pub mod scenario;
pub mod schedule;
pub mod self_check;
pub mod sync;
pub mod trace;

pub use execution::clock::TASKS_MAX;
