//! Store buffers: what x86 shows is shown, and nothing else.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::body;
use graphlock_harness::model::{self, check};
use graphlock_harness::outcome::{Verdict, ViolationKind};
use graphlock_harness::scenario::{Check, Sampling, Strategy, always};
use graphlock_harness::sync::atomic::Ordering::{AcqRel, Relaxed, Release, SeqCst};
use graphlock_harness::sync::atomic::{AtomicI8, AtomicU32, Ordering, fence};
use graphlock_harness::sync::{Condvar, Mutex, thread};

/// A litmus program: `run` is called with the shared atomics, and what it returns, joined, is the outcome.
fn litmus<const TASKS: usize>(
    check_with: &Check,
    run: fn(usize, &[AtomicU32; 3]) -> String,
) -> BTreeSet<String> {
    let report = check(check_with, &program::<TASKS>(run));
    assert!(report.verdict.violation().is_none(), "{:?}", report.verdict);
    report.final_states.into_keys().collect()
}

fn program<const TASKS: usize>(run: fn(usize, &[AtomicU32; 3]) -> String) -> model::Body {
    body(move || {
        let shared: Arc<[AtomicU32; 3]> = Arc::default();
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || run(task, &shared))
            })
            .collect();
        let seen: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        let last: Vec<_> = shared.iter().map(|each| each.load(SeqCst).to_string()).collect();
        model::finish(move || format!("{} {}", seen.join(" "), last.join("")));
    })
}

/// With store buffers: exhaustively, without the reduction, and drawn.
fn with_buffers() -> Vec<Check> {
    let exhaustive = Check { store_buffers: true, ..Check::default() };
    let plain = Check { preemptions_max: Some(u8::MAX), ..exhaustive.clone() };
    let sampled = [Sampling::Portfolio, Sampling::Walk, Sampling::Pct(3)].map(|sampling| {
        let strategy = Strategy::Sample { sampling, seed: 5, first: 0, runs: 3_000 };
        Check { strategy, ..exhaustive.clone() }
    });
    [exhaustive, plain].into_iter().chain(sampled).collect()
}

fn store_buffering(ordering: Ordering, between: fn()) -> impl Fn(usize, &[AtomicU32; 3]) -> String {
    move |task, shared| {
        shared[task].store(1, ordering);
        between();
        shared[1 - task].load(SeqCst).to_string()
    }
}

#[test]
fn stores_come_after_later_loads_and_only_with_buffers() {
    let weak: [fn(usize, &[AtomicU32; 3]) -> String; 3] = [
        |task, shared| store_buffering(Relaxed, || {})(task, shared),
        |task, shared| store_buffering(Release, || {})(task, shared),
        |task, shared| store_buffering(Release, || fence(AcqRel))(task, shared),
    ];
    for run in weak {
        for check_with in with_buffers() {
            let seen = litmus::<2>(&check_with, run);
            assert!(seen.contains("0 0 110"), "{:?}: {seen:?}", check_with.strategy);
            assert_eq!(seen.len(), 4, "{:?}: {seen:?}", check_with.strategy);
            let off = Check { store_buffers: false, ..check_with };
            assert_eq!(litmus::<2>(&off, run).len(), 3);
        }
    }
}

/// The reduction leaves nothing out and does nothing twice, also where stores come late.
#[test]
fn each_trace_is_executed_once() {
    let programs: [fn(usize, &[AtomicU32; 3]) -> String; 3] = [
        |task, shared| store_buffering(Relaxed, || {})(task, shared),
        |task, shared| {
            shared[task].store(1, Relaxed);
            shared[2].store(1 + task as u32, Relaxed);
            let first = shared[1 - task].load(Relaxed);
            format!("{first}{}", shared[2].load(Relaxed))
        },
        |task, shared| {
            shared[2].fetch_add(1, Relaxed);
            shared[task].store(1, Relaxed);
            let first = shared[2].load(Relaxed);
            shared[task].store(2, Relaxed);
            format!("{first}{}", shared[1 - task].load(Relaxed))
        },
    ];
    for (index, run) in programs.into_iter().enumerate() {
        let [exhaustive, plain] = [0, 1].map(|which| with_buffers()[which].clone());
        let reduced = check(&exhaustive, &program::<2>(run));
        let all = check(&plain, &program::<2>(run));
        assert!(matches!(reduced.verdict, Verdict::Complete) && reduced.redundant == 0);
        assert_eq!(Some(reduced.executions), all.saturation.map(|each| each.traces), "{index}");
        assert!(reduced.final_states.keys().eq(all.final_states.keys()), "{index}");
    }
}

#[test]
fn what_orders_a_store_before_a_load_is_kept() {
    let strong: [fn(usize, &[AtomicU32; 3]) -> String; 6] = [
        |task, shared| store_buffering(SeqCst, || {})(task, shared),
        |task, shared| store_buffering(Relaxed, || fence(SeqCst))(task, shared),
        |task, shared| {
            shared[task].swap(1, Relaxed);
            shared[1 - task].load(Relaxed).to_string()
        },
        |task, shared| {
            shared[task].store(1, Relaxed);
            shared[2].fetch_add(0, Relaxed);
            shared[1 - task].load(Relaxed).to_string()
        },
        |task, shared| {
            shared[task].store(1, Relaxed);
            let own = Mutex::new(());
            drop(own.lock().unwrap());
            shared[1 - task].load(Relaxed).to_string()
        },
        |task, shared| {
            shared[task].store(1, Relaxed);
            thread::spawn(|| {});
            shared[1 - task].load(Relaxed).to_string()
        },
    ];
    for (index, run) in strong.into_iter().enumerate() {
        for check_with in with_buffers() {
            let seen = litmus::<2>(&check_with, run);
            assert!(!seen.iter().any(|each| each.starts_with("0 0")), "{index}: {seen:?}");
            assert_eq!(seen.len(), 3, "{index}: {seen:?}");
        }
    }
}

#[test]
fn messages_loads_and_single_places_stay_in_order() {
    for check_with in with_buffers() {
        let message = litmus::<2>(&check_with, |task, shared| {
            if task == 0 {
                shared[0].store(1, Relaxed);
                shared[1].store(1, Relaxed);
                shared[2].load(Relaxed);
                return String::new();
            }
            let flag = shared[1].load(Relaxed);
            format!("{flag}{}", shared[0].load(Relaxed))
        });
        assert_eq!(message, [" 00 110", " 01 110", " 11 110"].map(str::to_owned).into());
        let loads = litmus::<2>(&check_with, |task, shared| {
            let seen = shared[task].load(Relaxed);
            shared[1 - task].store(1, Relaxed);
            seen.to_string()
        });
        assert_eq!(loads, ["0 0 110", "0 1 110", "1 0 110"].map(str::to_owned).into());
        let coherence = litmus::<2>(&check_with, |task, shared| {
            if task == 0 {
                shared[0].store(1, Relaxed);
                shared[1].load(Relaxed);
                shared[0].store(2, Relaxed);
                return shared[0].load(Relaxed).to_string();
            }
            let first = shared[0].load(Relaxed);
            format!("{first}{}", shared[0].load(Relaxed))
        });
        let wrong = coherence.iter().any(|each| {
            !each.starts_with("2 ") || ["10", "20", "21"].iter().any(|bad| each[2..4] == **bad)
        });
        assert!(!wrong && coherence.len() == 6, "{coherence:?}");
    }
}

/// n6 and SB+rfi of the x86-TSO paper: a task sees its own store before others do, and no older value after.
#[test]
fn a_task_reads_its_own_stores_before_others_do() {
    for check_with in with_buffers() {
        let early = litmus::<2>(&check_with, |task, shared| {
            shared[task].store(1, Relaxed);
            let own = shared[task].load(Relaxed);
            format!("{own}{}", shared[1 - task].load(Relaxed))
        });
        assert_eq!(
            early,
            ["10 10", "10 11", "11 10", "11 11"].map(|each| format!("{each} 110")).into()
        );
        let n6 = litmus::<2>(&check_with, |task, shared| {
            if task == 1 {
                shared[1].store(2, Relaxed);
                shared[0].store(2, Relaxed);
                return String::new();
            }
            shared[0].store(1, Relaxed);
            let own = shared[0].load(Relaxed);
            format!("{own}{}", shared[1].load(Relaxed))
        });
        assert!(n6.contains("10  120"), "{n6:?}");
        assert!(!n6.iter().any(|each| each.starts_with('0')), "{n6:?}");
    }
    let negative = body(|| {
        let x = AtomicI8::new(0);
        x.store(-3, Relaxed);
        assert_eq!(x.load(Relaxed), -3);
    });
    let report = check(&with_buffers()[0], &negative);
    assert!(matches!(report.verdict, Verdict::Complete), "{report:?}");
}

#[test]
fn nothing_is_lost_at_the_end_and_before_a_wait() {
    for check_with in with_buffers() {
        let report = check(
            &check_with,
            &body(|| {
                let x = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
                let gate = Arc::new((Mutex::new(false), Condvar::new()));
                let (x2, gate2) = (Arc::clone(&x), Arc::clone(&gate));
                let task = thread::spawn(move || {
                    let mut open = gate2.0.lock().unwrap();
                    while !*open {
                        open = gate2.1.wait(open).unwrap();
                    }
                    always("stored-before-opened", x2.0.load(Relaxed) == 1, "");
                    drop(open);
                    x2.1.store(2, Relaxed);
                    x2.0.load(Relaxed);
                    x2.1.store(3, Relaxed);
                });
                x.0.store(1, Relaxed);
                x.1.load(Relaxed);
                *gate.0.lock().unwrap() = true;
                gate.1.notify_one();
                task.join().unwrap();
                always("stored-before-the-end", x.1.load(Relaxed) == 3, "");
                x.1.store(4, Relaxed);
                x.0.load(Relaxed);
                let mut x = Arc::try_unwrap(x).expect("the task has ended");
                always("taken-apart", *x.1.get_mut() == 4 && x.1.into_inner() == 4, "");
            }),
        );
        assert!(report.verdict.violation().is_none(), "{:?}", report.verdict);
    }
}

#[test]
fn a_loop_on_the_own_store_ends_in_the_step_limit() {
    let endless = Check { store_buffers: true, steps_max: 100, ..Check::default() };
    let report = check(
        &endless,
        &body(|| {
            let x = AtomicU32::new(0);
            x.store(1, Relaxed);
            while x.load(Relaxed) == 1 {}
        }),
    );
    assert_eq!(report.verdict.violation().map(|found| found.kind), Some(ViolationKind::Livelock));
}

#[test]
fn a_schedule_shows_it_again() {
    let run = || {
        let cells: Arc<[AtomicU32; 2]> = Arc::default();
        let other = Arc::clone(&cells);
        let task = thread::spawn(move || {
            other[0].store(1, Relaxed);
            other[1].load(Relaxed)
        });
        cells[1].store(1, Relaxed);
        let own = cells[0].load(Relaxed);
        always("one-sees-the-other", own + task.join().unwrap() > 0, "");
    };
    for check_with in with_buffers() {
        let found = check(&Check { twice: true, ..check_with.clone() }, &body(run));
        let found = found.verdict.violation().expect("both see 0").clone();
        let strategy = Strategy::Replay { schedule: found.schedule.clone(), strict: true };
        let again = check(&Check { strategy, ..check_with }, &body(run));
        let again = again.verdict.violation().expect("the same violation");
        assert_eq!((&again.schedule, &again.trace), (&found.schedule, &found.trace));
    }
}
