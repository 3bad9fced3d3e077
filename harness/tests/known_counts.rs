//! Standard programs with a known number of Mazurkiewicz traces under sequential consistency: each is met exactly as often as
//! there are traces, complete and deadlocked ones counted apart, and nothing is executed in vain.

#[path = "../programs/mod.rs"]
mod programs;

mod common;

use std::sync::Arc;

use common::{door, explore};
use graphlock_harness::model::{Body, check};
use graphlock_harness::outcome::Verdict;
use graphlock_harness::scenario::Check;
use graphlock_harness::sync::{RwLock, thread};

#[test]
fn each_program_has_exactly_its_traces() {
    let check_all = Check { keep_going: true, ..Check::default() };
    let mut wrong = Vec::new();
    for program in programs::all() {
        let body: Body = Arc::new(program.body);
        let report = check(&check_all, &body);
        let stuck: u64 = report.violations.values().sum();
        let found = (report.executions - stuck, stuck, report.redundant);
        let expected = (program.known.complete, program.known.deadlocked, 0);
        if found != expected {
            wrong.push(format!("{}: found {found:?}, expected {expected:?}", program.name));
        }
    }
    assert!(wrong.is_empty(), "complete, deadlocked, redundant:\n{}", wrong.join("\n"));
}

/// The bug of a program is in as many of its traces as are published.
#[test]
fn the_bug_of_account_is_in_two_of_its_traces() {
    let check_all = Check { keep_going: true, ..Check::default() };
    let body: Body = Arc::new(programs::named("account!").body);
    let report = check(&check_all, &body);
    assert_eq!((report.executions, report.violations.values().sum()), (6, 2_u64));
}

/// Every schedule, without reduction, has as many different traces.
#[test]
fn small_programs_have_as_many_traces_without_reduction() {
    let plain = Check { preemptions_max: Some(u8::MAX), keep_going: true, ..Check::default() };
    for name in
        ["bare lock(1,1,1)", "deadlock01", "fib(1)", "IRIW", "twostage(2)", "load before store"]
    {
        let program = programs::named(name);
        let body: Body = Arc::new(program.body);
        let report = check(&plain, &body);
        let traces = report.saturation.map(|seen| seen.traces);
        assert_eq!(traces, Some(program.known.complete + program.known.deadlocked), "{name}");
        assert!(report.executions > program.known.complete, "{name}");
    }
}

/// On a read/write lock every order counts, of shared holds, too: three sections in any order, and two that overlap.
#[test]
fn shared_holds_have_an_order() {
    let report = explore(|| {
        let lock = Arc::new(RwLock::new(0));
        for task in 0..3 {
            let lock = Arc::clone(&lock);
            thread::spawn(move || match task {
                0 => *lock.write().unwrap() += 1,
                _ => drop(lock.read().unwrap()),
            });
        }
    });
    assert!(matches!(report.verdict, Verdict::Complete), "{:?}", report.verdict);
    assert_eq!((report.executions, report.redundant), (14, 0));
}
