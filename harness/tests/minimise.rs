//! Minimised schedules: they show the same with as few preemptions as any, and say when that is not proven.

#[path = "../programs/mod.rs"]
mod programs;

mod common;

use std::sync::Arc;

use common::{body, door};
use graphlock_harness::model::{self, Body, check, minimise};
use graphlock_harness::outcome::{Least, Violation, ViolationKind};
use graphlock_harness::scenario::{Check, Sampling, Strategy, always};
use graphlock_harness::sync::atomic::{AtomicU32, Ordering};
use graphlock_harness::sync::{Condvar, Mutex, thread};

fn program(name: &str) -> Body {
    Arc::new(programs::named(name).body)
}

fn drawn(seed: u64) -> Check {
    let strategy = Strategy::Sample { sampling: Sampling::Walk, seed, first: 0, runs: 20_000 };
    Check { strategy, ..Check::default() }
}

fn found(check_with: &Check, body: &Body) -> Violation {
    let report = check(check_with, body);
    report.verdict.violation().cloned().unwrap_or_else(|| panic!("{report:?}"))
}

/// Minimises what a uniform walk finds, and looks at what must hold of each result.
fn minimised(check_with: &Check, body: &Body, executions_max: u64) -> Violation {
    let violation = found(check_with, body);
    let minimised = minimise(check_with, body, &violation, executions_max).expect("it shows it");
    let again = minimise(check_with, body, &violation, executions_max).expect("it shows it");
    assert_eq!(minimised.schedule, again.schedule);
    assert_eq!(minimised.least, again.least);
    assert!(size(&minimised).executions <= executions_max + 1, "{}", size(&minimised).executions);
    let schedule = minimised.schedule.clone();
    let strategy = Strategy::Replay { schedule, strict: true };
    let replayed = found(&Check { strategy, ..check_with.clone() }, body);
    assert_eq!(replayed.kind, violation.kind);
    assert_eq!(replayed.message, minimised.message);
    assert_eq!(replayed.trace, minimised.trace);
    minimised
}

/// How small it is.
fn size(violation: &Violation) -> Least {
    violation.least.expect("it was made small")
}

/// Several tasks read and write, one after the other; many switches when it is drawn.
fn lost_update() -> Body {
    body(|| {
        let x = Arc::new(AtomicU32::new(0));
        let spawn = |_| {
            let x = Arc::clone(&x);
            thread::spawn(move || {
                for _ in 0..3 {
                    let value = x.load(Ordering::SeqCst);
                    x.store(value + 1, Ordering::SeqCst);
                }
            })
        };
        let tasks: Vec<_> = (0..4).map(spawn).collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        let total = x.load(Ordering::SeqCst);
        always("no-update-is-lost", total == 12, total);
    })
}

#[test]
fn a_lost_update_needs_one_preemption() {
    for seed in 0..4 {
        let violation = found(&drawn(seed), &lost_update());
        let switches = violation.schedule.choices.windows(2).filter(|pair| pair[0] != pair[1]);
        assert!(switches.count() > 8, "{}", violation.schedule);
        let least = minimised(&drawn(seed), &lost_update(), 2_000);
        assert_eq!(
            (size(&least).preemptions, size(&least).minimal),
            (1, true),
            "{}",
            least.schedule
        );
        // To the second task, back to the first, and on to each of the others.
        assert!(size(&least).switches <= 6, "{}: {}", size(&least).switches, least.schedule);
    }
}

#[test]
fn programs_with_bugs_have_few_preemptions() {
    let known = [
        ("account!", 0),
        ("bluetooth!", 1),
        ("deadlock01!", 1),
        ("twostage!", 1),
        ("stack!", 1),
        ("wronglock!", 1),
        ("reorder(3)!", 1),
    ];
    for (name, preemptions) in known {
        let least = minimised(&drawn(1), &program(name), 5_000);
        let schedule = &least.schedule;
        println!(
            "{name}: {} {} {} {schedule}",
            size(&least).preemptions,
            size(&least).switches,
            size(&least).executions
        );
        // Nine tasks in any order are too many: that is said, not shown.
        let minimal = name != "wronglock!";
        assert_eq!(
            (size(&least).preemptions, size(&least).minimal),
            (preemptions, minimal),
            "{name}: {schedule}"
        );
    }
}

/// Main sees 0, 1 and 2: two others must come between.
fn two_between() -> Body {
    body(|| {
        let x = Arc::new(AtomicU32::new(0));
        for value in 1..3 {
            let x = Arc::clone(&x);
            thread::spawn(move || x.store(value, Ordering::SeqCst));
        }
        let seen = [0; 3].map(|_| x.load(Ordering::SeqCst));
        always("not-in-this-order", seen != [0, 1, 2], "");
    })
}

#[test]
fn what_needs_two_preemptions_keeps_two() {
    let least = minimised(&drawn(3), &two_between(), 2_000);
    assert_eq!(
        (size(&least).preemptions, size(&least).switches, size(&least).minimal),
        (2, 4, true)
    );
}

#[test]
fn a_spent_budget_is_said() {
    let least = minimised(&drawn(3), &two_between(), 8);
    assert!(!size(&least).minimal && size(&least).preemptions >= 2, "{least:?}");
}

#[test]
fn another_property_is_another_violation() {
    let two = body(|| {
        let x = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&x);
        let task = thread::spawn(move || other.store(1, Ordering::SeqCst));
        let first = x.load(Ordering::SeqCst);
        let second = x.load(Ordering::SeqCst);
        always("easily-broken", first == 0, "");
        always("needs-a-switch-between", second == 0, "");
        task.join().unwrap();
    });
    let mut seen = Vec::new();
    for seed in 0..20 {
        let least = minimised(&drawn(seed), &two, 500);
        let between = least.message.contains("needs-a-switch-between");
        assert_eq!(
            (size(&least).preemptions, size(&least).minimal),
            (1, true),
            "{}",
            least.schedule
        );
        assert!(found(&drawn(seed), &two).message.contains("needs") == between);
        seen.push(between);
    }
    assert!(seen.contains(&true) && seen.contains(&false));
}

#[test]
fn values_and_surprises_that_matter_stay() {
    let surprised = body(|| {
        let state = Arc::new((Mutex::new(false), Condvar::new()));
        let other = Arc::clone(&state);
        let task = thread::spawn(move || {
            *other.0.lock().unwrap() = true;
            other.1.notify_one();
        });
        let _irrelevant = model::choose(5);
        let mut up = state.0.lock().unwrap();
        if !*up {
            up = state.1.wait(up).unwrap();
        }
        always("the-flag-is-up", *up || model::choose(3) != 2, "");
        drop(up);
        task.join().unwrap();
    });
    let check_with = Check { surprises: 3, ..drawn(1) };
    let least = minimised(&check_with, &surprised, 500);
    let schedule = least.schedule.to_string();
    assert_eq!(schedule.matches('v').count(), 2, "{schedule}");
    assert!(schedule.contains("v0") && schedule.contains("v2"), "{schedule}");
    assert!(least.trace.lanes(100).contains("wakes for no reason"));
}

#[test]
fn a_store_that_comes_late_stays_late() {
    let buffered = body(|| {
        let cells: Arc<[AtomicU32; 2]> = Arc::default();
        let other = Arc::clone(&cells);
        let task = thread::spawn(move || {
            other[0].store(1, Ordering::Relaxed);
            other[1].load(Ordering::Relaxed)
        });
        cells[1].store(1, Ordering::Relaxed);
        let own = cells[0].load(Ordering::Relaxed);
        always("one-sees-the-other", own + task.join().unwrap() > 0, "");
    });
    let least = minimised(&Check { store_buffers: true, ..drawn(1) }, &buffered, 1_000);
    assert!(size(&least).preemptions <= 1 && size(&least).minimal, "{}", least.schedule);
}

#[test]
fn a_schedule_that_shows_nothing_gives_nothing() {
    let mut violation = found(&drawn(1), &lost_update());
    violation.schedule.choices.clear();
    assert!(minimise(&drawn(1), &lost_update(), &violation, 100).is_none());
    assert_eq!(violation.kind, ViolationKind::Property);
}
