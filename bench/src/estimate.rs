//! Estimates before a run against the truth, on all programs with more than 10,000 traces.

use graphlock_harness::model::estimate;
use graphlock_harness::scenario::Check;

use crate::on_harness::programs;
use crate::peers::body;
use crate::table::{self, count};

const TRACES_MIN: u64 = 10_000;

pub(crate) fn run(seeds: u64) {
    let mut rows = Vec::new();
    for program in programs::all() {
        let truth = program.known.complete + program.known.deadlocked;
        if truth > TRACES_MIN {
            rows.push(row(program.name, truth as f64, seeds));
        }
    }
    table::print(
        &format!("Estimates before a run, {seeds} seeds, 300 nodes drawn on a level"),
        &["program", "traces", "median error", "9 of 10 below", "intervals that hold it", "width"],
        &rows,
    );
}

fn row(program: &str, truth: f64, seeds: u64) -> Vec<String> {
    let mut errors = Vec::new();
    let mut widths = Vec::new();
    let mut held = 0;
    for seed in 0..seeds {
        let estimate = estimate(&Check::default(), &body(program), seed);
        errors.push((estimate.traces - truth).abs() / truth);
        widths.push(estimate.high / estimate.low);
        held += u64::from((estimate.low..=estimate.high).contains(&truth));
    }
    errors.sort_by(f64::total_cmp);
    let percent = |share: usize| format!("{:.1} %", 100.0 * errors[errors.len() * share / 100]);
    vec![
        program.to_owned(),
        count(truth as u64),
        percent(50),
        percent(90),
        format!("{held} of {seeds}"),
        format!("x {:.2}", table::median(widths)),
    ]
}
