//! What is said of the length of a search before and while it goes on.

#[path = "../programs/mod.rs"]
mod programs;

mod common;

use std::cell::RefCell;
use std::sync::Arc;

use common::door;
use graphlock_harness::model::{Body, Hooks, check_with, estimate};
use graphlock_harness::outcome::{Progress, Verdict};
use graphlock_harness::scenario::Check;

/// The whole table, with 100 seeds, is printed by the benchmark; here is enough of it to notice a mistake.
#[test]
fn estimates_before_a_run_are_near_the_truth_and_their_intervals_hold_it() {
    for name in ["reorder(5)", "inc(5)", "bare lock(3,1,1)"] {
        let program = programs::named(name);
        let truth = program.known.complete as f64;
        let body: Body = Arc::new(program.body);
        let estimates: Vec<_> =
            (0..10).map(|seed| estimate(&Check::default(), &body, seed)).collect();
        let held = estimates.iter().filter(|each| each.low <= truth && truth <= each.high).count();
        let mut errors: Vec<f64> =
            estimates.iter().map(|each| (each.traces - truth).abs() / truth).collect();
        errors.sort_by(f64::total_cmp);
        assert!(held >= 8 && errors[5] < 0.2, "{name}: {held} of 10 held, errors {errors:?}");
    }
}

#[test]
fn progress_never_runs_backwards_and_ends_near_the_whole() {
    let program = programs::named("bare lock(2,1,2)");
    let body: Body = Arc::new(program.body);
    let seen: RefCell<Vec<Progress>> = RefCell::default();
    let note = |progress: &Progress| seen.borrow_mut().push(*progress);
    let hooks = Hooks { cancel: None, progress: Some(&note), estimates_first: true };
    let report = check_with(&Check::default(), &body, &hooks).expect("no checkpoint");
    assert!(matches!(report.verdict, Verdict::Complete));
    let seen = seen.into_inner();
    assert!(!seen.is_empty());
    for pair in seen.windows(2) {
        assert!(pair[0].explored <= pair[1].explored && pair[0].executions <= pair[1].executions);
    }
    for each in &seen {
        let estimate = each.estimate.expect("probes were made before");
        assert!(estimate.low <= estimate.traces && estimate.traces <= estimate.high);
        assert!(estimate.low >= each.executions as f64);
    }
    let first = seen[0].estimate.expect("probes were made before");
    let truth = program.known.complete as f64;
    assert!(first.low <= truth && truth <= first.high, "{first:?}");
}

#[test]
fn a_small_tree_is_not_estimated_but_counted() {
    let program = programs::named("fib(1)");
    let body: Body = Arc::new(program.body);
    let estimate = estimate(&Check::default(), &body, 1);
    assert_eq!((estimate.low, estimate.traces, estimate.high), (11.0, 11.0, 11.0));
}
