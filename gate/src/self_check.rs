//! The engine against itself: drawn programs, explored with the reduction and without any.
//!
//! Every table of this gate leans on the engine, so the full profile looks at it, too. A difference is a defect of the
//! engine: nothing that it said counts then, and the gate is blind.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use graphlock_harness::self_check::{Compared, against_plain_search};
use serde::{Deserialize, Serialize};

/// Programs that are compared with one seed, and how many seeds there are: 20,000 programs.
const PROGRAMS: u32 = 500;
const SEEDS: u64 = 40;

/// What the comparison came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SelfCheck {
    /// What was compared.
    pub(crate) compared: Compared,
    /// A program on which the two differ, and how.
    pub(crate) difference: Option<String>,
}

/// Compares with all seeds, so many at a time. `None` if it was interrupted: a part of it is worth nothing.
pub(crate) fn run(workers: NonZeroUsize, interrupted: &AtomicBool) -> Option<SelfCheck> {
    let next = AtomicU64::new(0);
    let sum = Mutex::new(SelfCheck::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS || interrupted.load(Ordering::Relaxed) {
                return;
            }
            let compared = against_plain_search(PROGRAMS, seed);
            let mut sum = sum.lock().expect("no worker panics while it adds");
            match compared {
                Ok(compared) => sum.compared.add(&compared),
                Err(difference) => {
                    sum.difference.get_or_insert(difference);
                }
            }
            eprintln!("engine against plain search: {} programs", sum.compared.programs);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers.get() {
            scope.spawn(work);
        }
    });
    let sum = sum.into_inner().expect("no worker panics while it adds");
    (!interrupted.load(Ordering::Relaxed)).then_some(sum)
}
