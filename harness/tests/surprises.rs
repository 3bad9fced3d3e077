//! Surprises and the fair phase: waits that end for no reason, timers that come early, and a phase in which nothing
//! unlikely happens any more.

mod common;

use std::sync::Arc;

use common::body;
use graphlock_harness::model::{self, Body, check};
use graphlock_harness::outcome::{Report, Verdict, ViolationKind};
use graphlock_harness::scenario::{Check, Sampling, Strategy, always};
use graphlock_harness::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use graphlock_harness::sync::time::{Duration, Instant};
use graphlock_harness::sync::{Condvar, Mutex, thread};

const EACH: [Sampling; 4] =
    [Sampling::Portfolio, Sampling::Walk, Sampling::Pct(3), Sampling::PartialOrder];

fn sampled(sampling: Sampling, surprises: u32) -> Check {
    let strategy = Strategy::Sample { sampling, seed: 2, first: 0, runs: 500 };
    Check { strategy, surprises, ..Check::default() }
}

fn finds(check_with: &Check, body: &Body) -> Option<ViolationKind> {
    let report = check(&Check { twice: true, ..check_with.clone() }, body);
    assert!(!matches!(report.verdict, Verdict::NotDeterministic(_)), "{report:?}");
    let found = report.verdict.violation()?;
    let strategy = Strategy::Replay { schedule: found.schedule.clone(), strict: true };
    let again = check(&Check { strategy, ..check_with.clone() }, body);
    let again = again.verdict.violation().expect("the same violation");
    assert_eq!((&again.message, &again.trace), (&found.message, &found.trace));
    Some(found.kind)
}

/// A property that holds without surprises and is broken with them.
fn found_by_surprises_alone(run: fn()) {
    let body = body(run);
    assert!(matches!(check(&Check::default(), &body).verdict, Verdict::Complete));
    for sampling in EACH {
        assert_eq!(finds(&sampled(sampling, 0), &body), None, "{sampling}");
        let found = finds(&sampled(sampling, 2), &body);
        assert_eq!(found, Some(ViolationKind::Property), "{sampling}");
    }
}

/// Waits for a flag that another task sets. `wait` is called once with the flag down.
fn waits_for_a_flag(wait: fn(&Mutex<bool>, &Condvar)) {
    let state = Arc::new((Mutex::new(false), Condvar::new()));
    let other = Arc::clone(&state);
    let task = thread::spawn(move || {
        *other.0.lock().unwrap() = true;
        other.1.notify_one();
    });
    wait(&state.0, &state.1);
    task.join().unwrap();
}

#[test]
fn a_wait_below_an_if_is_found() {
    found_by_surprises_alone(|| {
        waits_for_a_flag(|flag, condvar| {
            let mut up = flag.lock().unwrap();
            if !*up {
                up = condvar.wait(up).unwrap();
            }
            always("the-flag-is-up", *up, "");
        });
    });
}

#[test]
fn a_wait_in_a_loop_is_fine() {
    let looping = body(|| {
        waits_for_a_flag(|flag, condvar| {
            let mut up = flag.lock().unwrap();
            while !*up {
                up = condvar.wait(up).unwrap();
            }
        });
    });
    for sampling in EACH {
        assert_eq!(finds(&sampled(sampling, 3), &looping), None, "{sampling}");
    }
}

#[test]
fn a_timed_wait_that_ends_early_is_found() {
    found_by_surprises_alone(|| {
        waits_for_a_flag(|flag, condvar| {
            let mut up = flag.lock().unwrap();
            while !*up {
                let result = condvar.wait_timeout(up, Duration::from_secs(1)).unwrap();
                up = result.0;
                always("others-were-faster", !result.1.timed_out(), "");
            }
        });
    });
}

#[test]
fn a_timed_wait_may_end_for_no_reason_too() {
    found_by_surprises_alone(|| {
        waits_for_a_flag(|flag, condvar| {
            let mut up = flag.lock().unwrap();
            if !*up {
                let result = condvar.wait_timeout(up, Duration::from_secs(1)).unwrap();
                up = result.0;
                always("woken-for-a-reason", *up || result.1.timed_out(), "");
            }
        });
    });
}

#[test]
fn a_park_ends_for_no_reason() {
    found_by_surprises_alone(|| {
        let up = Arc::new(AtomicBool::new(false));
        let (other, parked) = (Arc::clone(&up), thread::current());
        let task = thread::spawn(move || {
            other.store(true, Ordering::SeqCst);
            parked.unpark();
        });
        thread::park();
        always("unparked", up.load(Ordering::SeqCst), "");
        task.join().unwrap();
    });
}

#[test]
fn a_sleep_ends_while_others_act_and_the_clock_says_so() {
    found_by_surprises_alone(|| {
        let done = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&done);
        let task = thread::spawn(move || other.store(true, Ordering::SeqCst));
        let begun = Instant::now();
        thread::sleep(Duration::from_secs(5));
        assert!(begun.elapsed() == Duration::from_secs(5), "{:?}", begun.elapsed());
        always("times-are-long", done.load(Ordering::SeqCst), "");
        task.join().unwrap();
    });
}

/// A lost wake-up stays one: nobody can act, so there is nobody to be surprised beside.
#[test]
fn a_deadlock_is_not_hidden() {
    let lost = body(|| thread::park());
    assert_eq!(finds(&sampled(Sampling::Walk, 5), &lost), Some(ViolationKind::Deadlock));
}

#[test]
#[should_panic(expected = "the exhaustive search has no surprises")]
fn the_exhaustive_search_refuses_surprises() {
    let _ = check(&Check { surprises: 1, ..Check::default() }, &body(|| {}));
}

/// One task writes until another has set a flag: who lets it go on for ever starves the other.
fn spins(fair: bool, set: bool) -> Report {
    let body = body(move || {
        let stop = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&stop);
        thread::spawn(move || other.store(set, Ordering::SeqCst));
        if fair {
            model::fair_from_here();
        }
        let turns = AtomicU32::new(0);
        while !stop.load(Ordering::SeqCst) {
            turns.fetch_add(1, Ordering::SeqCst);
        }
    });
    check(&Check { steps_max: 400, ..sampled(Sampling::Pct(2), 0) }, &body)
}

#[test]
fn a_fair_phase_starves_nobody_and_hides_no_livelock() {
    let kind = |report: &Report| report.verdict.violation().map(|found| found.kind);
    assert_eq!(kind(&spins(false, true)), Some(ViolationKind::Livelock));
    assert_eq!(kind(&spins(true, true)), None);
    assert_eq!(kind(&spins(true, false)), Some(ViolationKind::Livelock));
}

#[test]
fn in_a_fair_phase_nothing_unlikely_happens() {
    let run = |fair: bool| {
        body(move || {
            let cells: Arc<[AtomicU32; 2]> = Arc::default();
            let other = Arc::clone(&cells);
            if fair {
                model::fair_from_here();
            }
            let task = thread::spawn(move || {
                other[0].store(1, Ordering::Relaxed);
                other[1].load(Ordering::Relaxed)
            });
            cells[1].store(1, Ordering::Relaxed);
            let own = cells[0].load(Ordering::Relaxed);
            always("one-sees-the-other", own + task.join().unwrap() > 0, "");
            waits_for_a_flag(|flag, condvar| {
                let mut up = flag.lock().unwrap();
                if !*up {
                    up = condvar.wait(up).unwrap();
                }
                always("the-flag-is-up", *up, "");
            });
        })
    };
    for sampling in EACH {
        let check_with = Check { store_buffers: true, ..sampled(sampling, 2) };
        assert_eq!(finds(&check_with, &run(true)), None, "{sampling}");
        assert_eq!(finds(&check_with, &run(false)), Some(ViolationKind::Property), "{sampling}");
    }
}
