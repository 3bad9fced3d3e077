//! The engine as its users see it: counts, verdicts, replay, determinism.

mod common;

use std::sync::Arc;

use common::{body, explore, violation};

use graphlock_harness::model::{self, check};
use graphlock_harness::outcome::{Limit, Verdict, ViolationKind};
use graphlock_harness::scenario::{Check, Strategy, always};
use graphlock_harness::sync::atomic::{AtomicU32, Ordering};
use graphlock_harness::sync::{Condvar, Mutex, thread};

/// Complete, with this number of executions and none in vain.
fn assert_traces(expected: u64, run: impl Fn() + Send + Sync + 'static) {
    let report = explore(run);
    assert!(matches!(report.verdict, Verdict::Complete), "{:?}", report.verdict);
    assert_eq!((report.executions, report.redundant), (expected, 0));
}

fn tasks(count: usize, run: impl Fn(usize) + Send + Sync + 'static) {
    let run = Arc::new(run);
    for index in 0..count {
        let run = Arc::clone(&run);
        thread::spawn(move || run(index));
    }
}

#[test]
fn one_writer_and_three_readers_have_two_to_the_third_traces() {
    assert_traces(8, || {
        let x = Arc::new(AtomicU32::new(0));
        tasks(4, move |index| match index {
            0 => x.store(1, Ordering::SeqCst),
            _ => {
                x.load(Ordering::SeqCst);
            }
        });
    });
}

#[test]
fn increments_in_one_step_have_one_trace_for_each_order() {
    assert_traces(24, || {
        let x = Arc::new(AtomicU32::new(0));
        tasks(4, move |_| {
            x.fetch_add(1, Ordering::SeqCst);
        });
    });
}

#[test]
fn critical_sections_have_one_trace_for_each_order() {
    assert_traces(24, || {
        let x = Arc::new(Mutex::new(0));
        tasks(4, move |_| *x.lock().unwrap() += 1);
    });
}

#[test]
fn store_buffering_has_seven_traces_with_three_tasks() {
    assert_traces(7, || {
        let cells: Arc<[AtomicU32; 3]> = Arc::default();
        tasks(3, move |index| {
            cells[index].store(1, Ordering::SeqCst);
            cells[(index + 1) % 3].load(Ordering::SeqCst);
        });
    });
}

/// loom runs this program once and never lets main see 1.
#[test]
fn a_load_before_a_store_hides_nothing() {
    let report = explore(|| {
        let x = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&x);
        thread::spawn(move || {
            other.load(Ordering::SeqCst);
            other.store(1, Ordering::SeqCst);
        });
        let seen = x.load(Ordering::SeqCst);
        model::finish(move || seen.to_string());
    });
    assert_eq!(
        report.final_states.into_iter().collect::<Vec<_>>(),
        [("0".to_owned(), 1), ("1".to_owned(), 1)]
    );
}

#[test]
fn the_dining_deadlock_is_found_and_says_who_waits_for_whom() {
    let found = violation(|| {
        let (left, right) = (
            Arc::new(Mutex::new(()).with_name(&"left fork")),
            Arc::new(Mutex::new(()).with_name(&"right fork")),
        );
        let (left2, right2) = (Arc::clone(&left), Arc::clone(&right));
        let other = thread::Builder::new().name("other".to_owned());
        other
            .spawn(move || {
                let _right = right2.lock().unwrap();
                let _left = left2.lock().unwrap();
            })
            .unwrap();
        let _left = left.lock().unwrap();
        let _right = right.lock().unwrap();
    });
    assert_eq!(found.kind, ViolationKind::Deadlock);
    assert!(
        found.message.contains("main waits for right fork, held by other"),
        "{}",
        found.message
    );
    assert!(found.message.contains("other waits for left fork, held by main"), "{}", found.message);
    let drawn = found.trace.lanes(100);
    assert!(drawn.contains("locks left fork") && drawn.contains("engine.rs:"), "{drawn}");
}

#[test]
fn a_lost_wake_up_is_a_deadlock() {
    let found = violation(|| {
        let state = Arc::new((Mutex::new(false), Condvar::new()));
        let other = Arc::clone(&state);
        // The flag is set outside the mutex that the waiter checks it under, so the notification may
        // come between the check and the wait.
        let flag = Arc::new(AtomicU32::new(0));
        let flag2 = Arc::clone(&flag);
        thread::spawn(move || {
            flag2.store(1, Ordering::SeqCst);
            other.1.notify_one();
        });
        let guard = state.0.lock().unwrap();
        if flag.load(Ordering::SeqCst) == 0 {
            drop(state.1.wait(guard).unwrap());
        }
    });
    assert_eq!(found.kind, ViolationKind::Deadlock);
}

#[test]
fn a_task_that_nobody_wakes_after_main_has_ended_is_leaked() {
    let found = violation(|| {
        thread::Builder::new().name("sleeper".to_owned()).spawn(thread::park).unwrap();
    });
    assert_eq!(found.kind, ViolationKind::LeakedTask);
    assert!(found.message.contains("sleeper is parked"), "{}", found.message);
}

#[test]
fn a_broken_property_carries_its_name_and_values() {
    let found = violation(|| {
        let x = Arc::new(AtomicU32::new(0));
        tasks(2, move |_| {
            let value = x.load(Ordering::SeqCst);
            x.store(value + 1, Ordering::SeqCst);
            let now = x.load(Ordering::SeqCst);
            always("no-update-is-lost", now == value + 1, format_args!("{value} then {now}"));
        });
    });
    assert_eq!(found.kind, ViolationKind::Property);
    assert_eq!(
        found.message.lines().next().unwrap().split(':').next(),
        Some("property `no-update-is-lost` does not hold")
    );
}

#[test]
fn a_loop_that_writes_for_ever_hits_the_step_limit() {
    let check_with = Check { steps_max: 50, ..Check::default() };
    let report = check(
        &check_with,
        &body(|| {
            let x = AtomicU32::new(1);
            while x.fetch_add(2, Ordering::Relaxed) != 0 {}
        }),
    );
    assert_eq!(report.verdict.violation().map(|found| found.kind), Some(ViolationKind::Livelock));
}

/// Two tasks, each a read and a write: a lost update in some interleavings.
fn lost_update() {
    let x = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&x);
    tasks(2, move |_| {
        let value = shared.load(Ordering::SeqCst);
        shared.store(value + 1, Ordering::SeqCst);
    });
    model::finish(move || {
        let total = x.load(Ordering::SeqCst);
        always("no-update-is-lost", total == 2, total);
        total.to_string()
    });
}

#[test]
fn a_violation_is_shown_again_by_its_schedule() {
    let found = violation(lost_update);
    assert_eq!(found.kind, ViolationKind::Property);
    let strategy = Strategy::Replay { schedule: found.schedule.clone(), strict: true };
    let report = check(&Check { strategy, ..Check::default() }, &body(lost_update));
    let again = report.verdict.violation().expect("the same violation");
    assert_eq!((again.kind, &again.message), (found.kind, &found.message));
    assert_eq!((&again.schedule, &again.trace), (&found.schedule, &found.trace));
}

#[test]
fn limits_are_said_not_silent() {
    let endless = || tasks(3, |_| thread::yield_now());
    let limited = Check { executions_max: Some(0), ..Check::default() };
    let report = check(&limited, &body(endless));
    assert!(matches!(report.verdict, Verdict::BudgetSpent(Limit::Executions(0))));
    let bounded = Check { preemptions_max: Some(0), ..Check::default() };
    let report = check(&bounded, &body(endless));
    assert_eq!(report.bound.as_deref(), Some("preemptions <= 0"));
}

#[test]
fn executing_twice_notices_a_body_that_depends_on_more_than_its_choices() {
    let twice = Check { twice: true, ..Check::default() };
    let honest = check(&twice, &body(|| tasks(2, |_| thread::yield_now())));
    assert!(matches!(honest.verdict, Verdict::Complete));
    let calls = std::sync::atomic::AtomicU32::new(0);
    let report = check(
        &twice,
        &body(move || {
            let x = Arc::new(AtomicU32::new(0));
            let times = 1 + calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2;
            tasks(2, move |_| {
                for _ in 0..times {
                    x.fetch_add(1, Ordering::SeqCst);
                }
            });
        }),
    );
    assert!(matches!(report.verdict, Verdict::NotDeterministic(_)), "{:?}", report.verdict);
}

#[test]
fn cases_count_the_executions_that_reach_them() {
    let report = explore(|| {
        let x = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&x);
        thread::spawn(move || other.store(1, Ordering::SeqCst));
        if x.load(Ordering::SeqCst) == 1 {
            graphlock_harness::reached!("late");
        }
        if model::choose(3) == 2 {
            graphlock_harness::reached!("two");
        }
    });
    assert_eq!(report.executions, 6);
    assert_eq!(
        report.cases.into_iter().collect::<Vec<_>>(),
        [("late".to_owned(), 3), ("two".to_owned(), 2)]
    );
}

/// Three reads overtake one store, one of them by a task that another one of them spawns: it could not have been the first, so
/// that it has the lowest identity does not matter.
#[test]
fn a_task_that_is_spawned_late_overtakes_after_those_it_comes_from() {
    let run = || {
        let x = Arc::new(AtomicU32::new(0));
        let (first, second) = (Arc::clone(&x), Arc::clone(&x));
        thread::spawn(move || {
            first.store(2, Ordering::SeqCst);
            first.load(Ordering::SeqCst);
        });
        thread::spawn(move || {
            second.load(Ordering::SeqCst);
            thread::spawn(move || second.load(Ordering::SeqCst));
        });
        x.store(1, Ordering::SeqCst);
    };
    let plain = Check { preemptions_max: Some(u8::MAX), ..Check::default() };
    let plain = check(&plain, &body(run)).saturation.expect("traces are told apart");
    assert_traces(plain.traces, run);
}
