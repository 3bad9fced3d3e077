//! Peak memory of long runs, each in a process of its own.

use crate::peers::{Contestant, apart};
use crate::table::{self, count};

/// Long runs: the second has 63 million traces and is cut.
const PROGRAMS: [&str; 3] = ["lastzero(15)", "rmw(4,4)", "bare lock(2,1,2)"];

const EXECUTIONS_MAX: u64 = 10_000_000;

pub(crate) fn run() {
    let rows = PROGRAMS.map(|program| {
        let measured = apart(Contestant::HarnessCut, program, EXECUTIONS_MAX);
        vec![
            program.to_owned(),
            count(measured.executions),
            format!("{:.1} s", measured.time.as_secs_f64()),
            format!("{:.1} MiB", measured.peak as f64 / 1_024.0),
        ]
    });
    table::print("Peak memory", &["program", "executions", "time", "peak"], &rows);
}
