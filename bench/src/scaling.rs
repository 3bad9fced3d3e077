//! Two jobs against one, beside two spinning threads against one: the machine may have less than two cores to give.

use std::hint::black_box;
use std::time::Instant;

use crate::peers::{Contestant, apart};
use crate::table::{self, median};

const ROUNDS: usize = 5;
const PROGRAMS: [&str; 4] = ["bare lock(2,1,2)", "bare lock(3,1,1)", "lastzero(15)", "reorder(5)"];

pub(crate) fn run() {
    let mut rows = Vec::new();
    for program in PROGRAMS {
        let (mut jobs, mut spins) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let [one, two] = [1, 2].map(|jobs| {
                let measured = apart(Contestant::Harness, program, jobs);
                measured.time.as_secs_f64()
            });
            jobs.push(one / two);
            spins.push(2.0 * spin(1) / spin(2));
        }
        rows.push(vec![
            program.to_owned(),
            format!("{:.2}", median(jobs)),
            format!("{:.2}", median(spins)),
        ]);
    }
    table::print(
        &format!("Speed-up, medians of {ROUNDS}, all four alternate"),
        &["program", "two jobs", "two spinning threads"],
        &rows,
    );
}

/// Seconds that so many threads take to spin, all of them as long.
fn spin(threads: u32) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut number = 1_u64;
                for _ in 0..200_000_000_u64 {
                    number = black_box(number.wrapping_mul(6_364_136_223_846_793_005));
                }
            });
        }
    });
    begun.elapsed().as_secs_f64()
}
