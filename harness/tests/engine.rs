//! The engine as its users see it: counts, verdicts, replay, determinism.

use std::sync::Arc;

use graphlock_harness::model::{self, Body, check};
use graphlock_harness::outcome::{Limit, Report, Verdict, Violation, ViolationKind};
use graphlock_harness::scenario::{Check, Strategy, always};
use graphlock_harness::sync::atomic::{AtomicU32, Ordering, fence};
use graphlock_harness::sync::cell::UnsafeCell;
use graphlock_harness::sync::time::{Duration, Instant};
use graphlock_harness::sync::{Barrier, Condvar, Mutex, hint, thread};

/// A cell that tasks share: whether they may is what is checked.
struct Shared(UnsafeCell<u32>);

#[allow(unsafe_code, reason = "the race is what the test is about")]
// SAFETY: tasks of an execution run on one OS thread, and the closures below touch nothing.
unsafe impl Sync for Shared {}

fn body(body: impl Fn() + Send + Sync + 'static) -> Body {
    Arc::new(body)
}

fn explore(run: impl Fn() + Send + Sync + 'static) -> Report {
    check(&Check::default(), &body(run))
}

fn violation(run: impl Fn() + Send + Sync + 'static) -> Violation {
    let report = explore(run);
    report
        .verdict
        .violation()
        .cloned()
        .unwrap_or_else(|| panic!("no violation: {report:?}"))
}

/// Complete, with this number of executions and none in vain.
fn assert_traces(expected: u64, run: impl Fn() + Send + Sync + 'static) {
    let report = explore(run);
    assert!(
        matches!(report.verdict, Verdict::Complete),
        "{:?}",
        report.verdict
    );
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
            Arc::new(Mutex::new(()).named(&"left fork")),
            Arc::new(Mutex::new(()).named(&"right fork")),
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
        found
            .message
            .contains("main waits for right fork, held by other"),
        "{}",
        found.message
    );
    assert!(
        found
            .message
            .contains("other waits for left fork, held by main"),
        "{}",
        found.message
    );
    let drawn = found.trace.lanes(100);
    assert!(
        drawn.contains("locks left fork") && drawn.contains("engine.rs:"),
        "{drawn}"
    );
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
        thread::Builder::new()
            .name("sleeper".to_owned())
            .spawn(thread::park)
            .unwrap();
    });
    assert_eq!(found.kind, ViolationKind::LeakedTask);
    assert!(
        found.message.contains("sleeper is parked"),
        "{}",
        found.message
    );
}

#[test]
fn a_broken_property_carries_its_name_and_values() {
    let found = violation(|| {
        let x = Arc::new(AtomicU32::new(0));
        tasks(2, move |_| {
            let value = x.load(Ordering::SeqCst);
            x.store(value + 1, Ordering::SeqCst);
            let now = x.load(Ordering::SeqCst);
            always(
                "no-update-is-lost",
                now == value + 1,
                format_args!("{value} then {now}"),
            );
        });
    });
    assert_eq!(found.kind, ViolationKind::Property);
    assert_eq!(
        found.message.lines().next().unwrap().split(':').next(),
        Some("property `no-update-is-lost` does not hold")
    );
}

fn publish(store: Ordering, load: Ordering, with_fences: bool) -> Verdict {
    explore(move || {
        let shared = Arc::new((AtomicU32::new(0), Shared(UnsafeCell::new(0))));
        let other = Arc::clone(&shared);
        thread::spawn(move || {
            other.1.0.with_mut(|_| ());
            if with_fences {
                fence(Ordering::Release);
            }
            other.0.store(1, store);
        });
        if shared.0.load(load) == 1 {
            if with_fences {
                fence(Ordering::Acquire);
            }
            shared.1.0.with(|_| ());
        }
    })
    .verdict
}

#[test]
fn publication_needs_release_and_acquire_or_fences() {
    use Ordering::{Acquire, Relaxed, Release};
    assert!(matches!(
        publish(Release, Acquire, false),
        Verdict::Complete
    ));
    assert!(matches!(publish(Relaxed, Relaxed, true), Verdict::Complete));
    for (store, load) in [(Relaxed, Acquire), (Release, Relaxed), (Relaxed, Relaxed)] {
        let verdict = publish(store, load, false);
        let kind = verdict.violation().map(|found| found.kind);
        assert_eq!(kind, Some(ViolationKind::DataRace), "{store:?} {load:?}");
    }
}

#[test]
fn a_loop_that_rereads_is_explored_once_per_value() {
    let report = explore(|| {
        let x = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&x);
        thread::spawn(move || other.store(1, Ordering::Release));
        while x.load(Ordering::Acquire) == 0 {
            hint::spin_loop();
        }
    });
    assert!(matches!(report.verdict, Verdict::Complete));
    assert_eq!(report.executions, 2);
}

#[test]
fn a_loop_that_nobody_ends_is_a_livelock() {
    let found = violation(|| {
        let x = AtomicU32::new(0);
        while x.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
    });
    assert_eq!(found.kind, ViolationKind::Livelock);
}

#[test]
fn a_loop_that_writes_for_ever_hits_the_step_limit() {
    let check_with = Check {
        steps_max: 50,
        ..Check::default()
    };
    let report = check(
        &check_with,
        &body(|| {
            let x = AtomicU32::new(1);
            while x.fetch_add(2, Ordering::Relaxed) != 0 {}
        }),
    );
    assert_eq!(
        report.verdict.violation().map(|found| found.kind),
        Some(ViolationKind::Livelock)
    );
}

#[test]
fn time_passes_only_when_nobody_can_act() {
    let report = explore(|| {
        let state = Arc::new((Mutex::new(false), Condvar::new()));
        let other = Arc::clone(&state);
        thread::spawn(move || {
            *other.0.lock().unwrap() = true;
            other.1.notify_one();
        });
        let begun = Instant::now();
        let mut ready = state.0.lock().unwrap();
        while !*ready {
            let (guard, result) = state
                .1
                .wait_timeout(ready, Duration::from_secs(3600))
                .unwrap();
            ready = guard;
            assert!(!result.timed_out(), "somebody could act");
        }
        drop(ready);
        thread::sleep(Duration::from_millis(5));
        assert_eq!(begun.elapsed(), Duration::from_millis(5));
    });
    assert!(
        matches!(report.verdict, Verdict::Complete),
        "{:?}",
        report.verdict
    );
    assert_eq!(report.executions, 2);
}

#[test]
fn barriers_scopes_and_results_work_as_in_std() {
    let report = explore(|| {
        let barrier = Barrier::new(2);
        let mut leaders = [false; 2];
        let (first, second) = leaders.split_at_mut(1);
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                first[0] = barrier.wait().is_leader();
                7
            });
            second[0] = barrier.wait().is_leader();
            assert_eq!(other.join().unwrap(), 7);
        });
        assert_eq!(leaders.iter().filter(|leader| **leader).count(), 1);
    });
    assert!(
        matches!(report.verdict, Verdict::Complete),
        "{:?}",
        report.verdict
    );
}

#[test]
fn a_panic_in_a_scope_unwinds_the_tasks_that_borrow_from_it_first() {
    let found = violation(|| {
        let value = AtomicU32::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::park();
                value.load(Ordering::SeqCst)
            });
            value.store(1, Ordering::SeqCst);
            panic!("on purpose");
        });
    });
    assert_eq!(found.kind, ViolationKind::Panic);
    assert!(found.message.starts_with("on purpose"), "{}", found.message);
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
    let strategy = Strategy::Replay {
        schedule: found.schedule.clone(),
        strict: true,
    };
    let report = check(
        &Check {
            strategy,
            ..Check::default()
        },
        &body(lost_update),
    );
    let again = report.verdict.violation().expect("the same violation");
    assert_eq!((again.kind, &again.message), (found.kind, &found.message));
    assert_eq!(
        (&again.schedule, &again.trace),
        (&found.schedule, &found.trace)
    );
}

#[test]
fn run_i_of_a_seed_is_the_same_alone() {
    let sample = |first, runs| {
        let strategy = Strategy::Random {
            seed: 7,
            first,
            runs,
        };
        let report = check(
            &Check {
                strategy,
                ..Check::default()
            },
            &body(lost_update),
        );
        (
            report.executions,
            report
                .verdict
                .violation()
                .map(|found| found.schedule.clone()),
        )
    };
    let (executions, schedule) = sample(0, 1_000);
    assert!(schedule.is_some(), "the walk finds a lost update");
    assert_eq!(sample(executions - 1, 1), (1, schedule));
}

#[test]
fn limits_are_said_not_silent() {
    let endless = || tasks(3, |_| thread::yield_now());
    let limited = Check {
        executions_max: Some(0),
        ..Check::default()
    };
    let report = check(&limited, &body(endless));
    assert!(matches!(
        report.verdict,
        Verdict::BudgetSpent(Limit::Executions(0))
    ));
    let bounded = Check {
        preemptions_max: Some(0),
        ..Check::default()
    };
    let report = check(&bounded, &body(endless));
    assert_eq!(report.bound.as_deref(), Some("preemptions <= 0"));
}

#[test]
fn executing_twice_notices_a_body_that_depends_on_more_than_its_choices() {
    let twice = Check {
        twice: true,
        ..Check::default()
    };
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
    assert!(
        matches!(report.verdict, Verdict::NotDeterministic(_)),
        "{:?}",
        report.verdict
    );
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

#[test]
fn primitives_outside_an_execution_behave_like_std() {
    let counter = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || (0..1_000).for_each(|_| *counter.lock().unwrap() += 1))
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(*counter.lock().unwrap(), 4_000);
    graphlock_harness::thread_local! {
        static LOCAL: std::cell::Cell<u32> = std::cell::Cell::new(1);
    }
    LOCAL.with(|value| value.set(2));
    assert_eq!(LOCAL.with(std::cell::Cell::get), 2);
    assert_eq!(
        thread::spawn(|| LOCAL.with(std::cell::Cell::get))
            .join()
            .unwrap(),
        1
    );
}
