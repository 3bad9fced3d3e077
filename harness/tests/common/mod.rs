//! What the tests of the engine share: a body explored exhaustively, the violation it ends in, and the primitives of the
//! standard programs.

#![allow(dead_code, unused_imports, reason = "not every test uses all of it")]

use std::sync::Arc;

use graphlock_harness::model::{Body, check};
use graphlock_harness::outcome::{Report, Violation};
use graphlock_harness::scenario::Check;

pub(crate) fn body(body: impl Fn() + Send + Sync + 'static) -> Body {
    Arc::new(body)
}

pub(crate) fn explore(run: impl Fn() + Send + Sync + 'static) -> Report {
    check(&Check::default(), &body(run))
}

pub(crate) fn violation(run: impl Fn() + Send + Sync + 'static) -> Violation {
    let report = explore(run);
    report.verdict.violation().cloned().unwrap_or_else(|| panic!("no violation: {report:?}"))
}

/// The primitives of the standard programs.
pub(crate) mod door {
    pub(crate) use graphlock_harness::sync::atomic::AtomicI32;
    pub(crate) use graphlock_harness::sync::{Condvar, Mutex};

    pub(crate) fn spawn(run: impl FnOnce() + Send + 'static) {
        graphlock_harness::sync::thread::spawn(run);
    }
}
