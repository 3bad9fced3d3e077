//! Executions per second, and how far each engine comes.

use crate::peers::{Contestant, apart};
use crate::table::{self, count, median, rounded};

/// The programs on which all engines are compared: the graph lock with two readers first.
const COMPARED: [&str; 5] =
    ["bare lock(2,1,1)", "bare lock(2,2,1)", "reorder(4)", "inc(3)", "lockinc(4)"];

/// The programs of which the time of a complete search is printed.
const COMPLETE: [&str; 7] = [
    "reorder(5)",
    "lastzero(15)",
    "bare lock(1,1,1)",
    "bare lock(2,1,1)",
    "bare lock(3,1,1)",
    "bare lock(2,2,1)",
    "bare lock(2,1,2)",
];

/// How long loom may take for one figure, and how many runs shuttle makes.
const LOOM_MILLISECONDS: u64 = 1_500;
const SHUTTLE_RUNS: u64 = 20_000;
const WALK_RUNS: u64 = 50_000;

/// Measures each figure so often; loom has at least so many seconds for a complete search.
pub(crate) fn run(rounds: u8, seconds: u64) {
    let rows = COMPARED.map(|program| compared(program, rounds));
    table::print(
        &format!("Executions per second, medians of {rounds}, contestants alternate (one thread)"),
        &["program", "harness", "its walk", "loom", "shuttle random", "x loom", "x shuttle"],
        &rows,
    );
    let rows = COMPLETE.map(|program| complete(program, seconds));
    table::print(
        &format!(
            "Complete and unbounded, one job; loom without a bound for as long, at least {seconds} s"
        ),
        &["program", "traces", "time", "per second", "peak", "loom executions", "loom"],
        &rows,
    );
}

fn compared(program: &str, rounds: u8) -> Vec<String> {
    let mut rates = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        rates[0].push(apart(Contestant::Harness, program, 1).rate());
        rates[1].push(apart(Contestant::HarnessWalk, program, WALK_RUNS).rate());
        rates[2].push(apart(Contestant::Loom, program, LOOM_MILLISECONDS).rate());
        rates[3].push(apart(Contestant::ShuttleRandom, program, SHUTTLE_RUNS).rate());
    }
    let [own, walk, loom, shuttle] = rates.map(median);
    let mut row = vec![program.to_owned()];
    row.extend([own, walk, loom, shuttle].map(rounded));
    row.extend([own / loom, own / shuttle].map(|ratio| format!("{ratio:.1}")));
    row
}

fn complete(program: &str, seconds: u64) -> Vec<String> {
    let own = apart(Contestant::Harness, program, 1);
    // loom has at most five threads.
    let tasks = crate::on_harness::programs::named(program).tasks;
    let milliseconds = (1_000 * seconds).max(own.time.as_millis() as u64);
    let loom = (tasks <= 5).then(|| apart(Contestant::Loom, program, milliseconds));
    vec![
        program.to_owned(),
        count(own.executions),
        format!("{:.2} s", own.time.as_secs_f64()),
        rounded(own.rate()),
        format!("{:.0} MiB", own.peak as f64 / 1_024.0),
        loom.map_or("-".to_owned(), |loom| count(loom.executions)),
        loom.map_or("more than 5 threads".to_owned(), |loom| {
            let word = if loom.missed == 0 { "complete" } else { "cut" };
            format!("{word}, {:.1} s", loom.time.as_secs_f64())
        }),
    ]
}
