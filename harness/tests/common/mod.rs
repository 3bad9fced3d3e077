//! What the tests of the engine share: a body explored exhaustively, and the violation it ends in.

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
