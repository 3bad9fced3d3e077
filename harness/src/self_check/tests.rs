//! A part of the comparison that is short enough for each change; the gate's full profile makes more of it.

use super::*;

#[test]
fn the_engine_meets_each_trace_exactly_once() {
    let compared = against_plain_search(1_000, 2023).unwrap_or_else(|why| panic!("{why}"));
    assert!(compared.programs == 1_000 && compared.stuck > 1_000, "{compared:?}");
}
