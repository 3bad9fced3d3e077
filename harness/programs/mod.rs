//! Standard programs with a known number of traces, written once for every backend.
//!
//! Who includes this folder as a module declares a module `door` beside it, with the primitives of one backend: `AtomicI32`,
//! `Mutex`, `Condvar` and `spawn`. The counts are Mazurkiewicz traces under sequential consistency: an
//! event is one shared access, one lock, one unlock; two events of different tasks conflict if they are on the
//! same object and not both loads. Nobody is joined: that would be another event.
//!
//! Sources: the benchmark programs of the papers on source sets, optimal reduction and TruSt, SCTBench.

#![allow(dead_code, reason = "not every user runs all of them")]

mod atomics;
mod bare_lock;
mod bugs;
mod locks;

use std::sync::Arc;

use super::door::{AtomicI32, spawn};

pub(crate) use bugs::bugs;

/// How often a program can be executed differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Traces in which every task ends.
    pub(crate) complete: u64,
    /// Traces in which some wait for ever.
    pub(crate) deadlocked: u64,
}

/// A program of one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    /// Its name with its size: `reorder(5)`.
    pub(crate) name: &'static str,
    /// Tasks, with the one that spawns the others.
    pub(crate) tasks: usize,
    /// What is known of it.
    pub(crate) known: Known,
    /// What each execution runs.
    pub(crate) body: fn(),
}

/// A program all of whose executions end.
const fn complete(name: &'static str, tasks: usize, traces: u64, body: fn()) -> Program {
    deadlocking(name, tasks, traces, 0, body)
}

/// A program some of whose executions do not end.
const fn deadlocking(
    name: &'static str,
    tasks: usize,
    complete: u64,
    deadlocked: u64,
    body: fn(),
) -> Program {
    Program { name, tasks, known: Known { complete, deadlocked }, body }
}

/// All programs with known counts, small ones first within each kind.
#[must_use]
pub(crate) fn all() -> Vec<Program> {
    let mut all = atomics::all();
    all.extend(locks::all());
    all.extend(bare_lock::all());
    all
}

/// The program of this name.
///
/// # Panics
/// If there is none.
#[must_use]
pub(crate) fn named(name: &str) -> Program {
    let programs = all().into_iter().chain(bugs()).chain(atomics::large());
    let found = programs.into_iter().find(|program| program.name == name);
    found.unwrap_or_else(|| panic!("no standard program is called `{name}`"))
}

/// Numbers that tasks share.
type Numbers = Arc<Vec<AtomicI32>>;

fn numbers(count: usize, value: i32) -> Numbers {
    Arc::new((0..count).map(|_| AtomicI32::new(value)).collect())
}

/// Spawns a task for each number below `count`.
fn each(count: usize, run: impl Fn(usize) + Send + Sync + 'static) {
    let run = Arc::new(run);
    for index in 0..count {
        let run = Arc::clone(&run);
        spawn(move || run(index));
    }
}
