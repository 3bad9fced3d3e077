//! Sampling: what each strategy finds, and that run `i` is the same alone.

#[path = "../programs/mod.rs"]
mod programs;

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{body, door};
use graphlock_harness::model::{self, Body, check};
use graphlock_harness::outcome::{Limit, Report, Verdict};
use graphlock_harness::scenario::{Check, Sampling, Strategy};
use graphlock_harness::sync::{Mutex, thread};

const EACH: [Sampling; 6] = [
    Sampling::Portfolio,
    Sampling::Walk,
    Sampling::Pct(3),
    Sampling::PartialOrder,
    Sampling::Uniform,
    Sampling::SelectivelyUniform,
];

fn sample(sampling: Sampling, seed: u64, first: u64, runs: u64, body: &Body) -> Report {
    let strategy = Strategy::Sample { sampling, seed, first, runs };
    check(&Check { strategy, ..Check::default() }, body)
}

fn program(name: &str) -> Body {
    Arc::new(programs::named(name).body)
}

#[test]
fn run_i_of_a_seed_is_the_same_alone() {
    for sampling in EACH {
        let found = sample(sampling, 7, 0, 10_000, &program("twostage!"));
        let violation =
            found.verdict.violation().unwrap_or_else(|| panic!("{sampling}: {found:?}"));
        // Walks are made before run 0, 4, 16, 64 and 256.
        let run = found.executions
            - 1
            - [1, 6, 19, 68, 261].iter().filter(|each| found.executions > **each).count() as u64;
        let alone = sample(sampling, 7, run, 1, &program("twostage!"));
        let again = alone.verdict.violation().unwrap_or_else(|| panic!("{sampling}: {alone:?}"));
        assert_eq!(again.schedule, violation.schedule, "{sampling}");
        let other = sample(sampling, 8, 0, 10_000, &program("twostage!"));
        assert!(other.verdict.violation().is_some(), "{sampling}: {other:?}");
    }
}

#[test]
fn runs_that_are_through_have_spent_their_budget() {
    for sampling in EACH {
        let report = sample(sampling, 1, 0, 500, &program("fib(1)"));
        assert!(matches!(report.verdict, Verdict::BudgetSpent(Limit::Executions(500))));
        let saturation = report.saturation.expect("runs are drawn");
        assert!(saturation.exact && saturation.traces <= 11, "{sampling}: {saturation:?}");
        assert!((0.0..0.02).contains(&saturation.next_is_new), "{sampling}: {saturation:?}");
        let words: Sampling = sampling.to_string().parse().expect("its own word");
        assert_eq!(words, sampling);
    }
}

#[test]
fn all_traces_of_a_small_program_are_met() {
    for (name, runs) in [("bare lock(1,1,1)", 3_000), ("rmw(2,3)", 2_000), ("IRIW", 2_000)] {
        let known = programs::named(name).known.complete;
        for sampling in [Sampling::Portfolio, Sampling::Walk, Sampling::PartialOrder] {
            let report = sample(sampling, 3, 0, runs, &program(name));
            let saturation = report.saturation.expect("runs are drawn");
            assert_eq!(saturation.traces, known, "{name} {sampling}");
        }
    }
}

/// Two tasks with five steps each, `x := 2x` against `x := 2x + 1`: 252 outcomes, as many as there are orders.
#[test]
fn the_uniform_strategy_is_uniform() {
    const RUNS: u64 = 25_200;
    let doubling = body(|| {
        let x = Arc::new(Mutex::new(1_u32));
        for own in 0..2 {
            let x = Arc::clone(&x);
            thread::spawn(move || {
                for _ in 0..5 {
                    let mut x = x.lock().unwrap();
                    *x = 2 * *x + own;
                }
            });
        }
        let x = Arc::clone(&x);
        model::finish(move || x.lock().unwrap().to_string());
    });
    let statistic = |counts: &BTreeMap<String, u64>| {
        let expected = RUNS as f64 / 252.0;
        let missing = (252 - counts.len()) as f64 * expected;
        let apart = counts.values().map(|count| (*count as f64 - expected).powi(2) / expected);
        missing + apart.sum::<f64>()
    };
    let uniform = sample(Sampling::Uniform, 11, 0, RUNS - 7, &doubling);
    assert_eq!((uniform.final_states.len(), uniform.executions), (252, RUNS));
    let uniform = statistic(&uniform.final_states);
    let walk = statistic(&sample(Sampling::Walk, 11, 0, RUNS - 7, &doubling).final_states);
    // The 99th percentile of chi-square with 251 degrees of freedom.
    assert!(uniform < 305.6, "{uniform}");
    assert!(walk > 1_000.0, "the statistic tells the walk apart: {walk}");
}
