//! The primitives inside an execution and outside: what they order, what time does, who waits.

mod common;

use std::sync::Arc;

use common::{body, explore, violation};

use graphlock_harness::model::{self, check};
use graphlock_harness::outcome::{Report, Verdict, ViolationKind};
use graphlock_harness::scenario::Check;
use graphlock_harness::sync::atomic::{AtomicU32, Ordering, fence};
use graphlock_harness::sync::cell::UnsafeCell;
use graphlock_harness::sync::time::{Duration, Instant};
use graphlock_harness::sync::{Barrier, Condvar, Mutex, RwLock, hint, thread};

/// A cell that tasks share: whether they may is what is checked.
struct Shared(UnsafeCell<u32>);

#[allow(unsafe_code, reason = "the race is what the test is about")]
// SAFETY: tasks of an execution run on one OS thread, and the closures below touch nothing.
unsafe impl Sync for Shared {}

fn publish(store: Ordering, load: Ordering, with_fences: bool) -> Verdict {
    publish_beside(0, store, load, with_fences)
}

/// The same where so many more tasks are spawned once the flag was seen.
fn publish_beside(tasks: usize, store: Ordering, load: Ordering, with_fences: bool) -> Verdict {
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
            (0..tasks).for_each(|_| drop(thread::spawn(|| ())));
            if with_fences {
                fence(Ordering::Acquire);
            }
            shared.1.0.with(|_| ());
        }
    })
    .verdict
}

/// Clocks have place for few tasks at first, and are widened in the middle of an execution.
#[test]
fn what_is_known_stays_known_when_there_are_many_tasks() {
    use Ordering::{Acquire, Relaxed, Release};
    for tasks in [13, 14, 15, 62] {
        let complete = |verdict| matches!(verdict, Verdict::Complete);
        assert!(complete(publish_beside(tasks, Release, Acquire, false)), "{tasks}");
        assert!(complete(publish_beside(tasks, Relaxed, Relaxed, true)), "{tasks}");
        for (store, load) in [(Release, Relaxed), (Relaxed, Acquire)] {
            let verdict = publish_beside(tasks, store, load, false);
            let race = verdict.violation().map(|violation| violation.kind);
            assert_eq!(race, Some(ViolationKind::DataRace), "{tasks}: {verdict:?}");
        }
    }
    let too_many = publish_beside(63, Release, Acquire, false);
    let message = too_many.violation().map(|violation| violation.message.clone());
    assert!(message.is_some_and(|message| message.contains("at most 64 tasks")), "{too_many:?}");
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
    assert!(matches!(report.verdict, Verdict::Complete), "{:?}", report.verdict);
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

#[test]
fn primitives_outside_an_execution_behave_like_std() {
    let counter = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || (0..1_000).for_each(|_| *counter.lock().unwrap() += 1))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*counter.lock().unwrap(), 4_000);
    graphlock_harness::thread_local! {
        static LOCAL: std::cell::Cell<u32> = std::cell::Cell::new(1);
    }
    LOCAL.with(|value| value.set(2));
    assert_eq!(LOCAL.with(std::cell::Cell::get), 2);
    assert_eq!(thread::spawn(|| LOCAL.with(std::cell::Cell::get)).join().unwrap(), 1);
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
            let (guard, result) = state.1.wait_timeout(ready, Duration::from_secs(3600)).unwrap();
            ready = guard;
            assert!(!result.timed_out(), "somebody could act");
        }
        drop(ready);
        thread::sleep(Duration::from_millis(5));
        assert_eq!(begun.elapsed(), Duration::from_millis(5));
    });
    assert!(matches!(report.verdict, Verdict::Complete), "{:?}", report.verdict);
    assert_eq!(report.executions, 2);
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
fn publication_needs_release_and_acquire_or_fences() {
    use Ordering::{Acquire, Relaxed, Release};
    assert!(matches!(publish(Release, Acquire, false), Verdict::Complete));
    assert!(matches!(publish(Relaxed, Relaxed, true), Verdict::Complete));
    for (store, load) in [(Relaxed, Acquire), (Release, Relaxed), (Relaxed, Relaxed)] {
        let verdict = publish(store, load, false);
        let kind = verdict.violation().map(|found| found.kind);
        assert_eq!(kind, Some(ViolationKind::DataRace), "{store:?} {load:?}");
    }
}

/// What loom misses: its `try_lock` never fails against a plain holder.
#[test]
fn trying_fails_and_succeeds() {
    let report = explore(|| {
        let (mutex, rwlock) = (Arc::new(Mutex::new(())), Arc::new(RwLock::new(())));
        let (mutex2, rwlock2) = (Arc::clone(&mutex), Arc::clone(&rwlock));
        thread::spawn(move || {
            drop(mutex2.lock().unwrap());
            drop(rwlock2.write().unwrap());
        });
        let (locked, read) = (mutex.try_lock().is_ok(), rwlock.try_read().is_ok());
        model::finish(move || format!("{locked} {read}"));
    });
    let states: Vec<&String> = report.final_states.keys().collect();
    assert_eq!(states, ["false false", "false true", "true false", "true true"]);
}

/// What loom misses: a task that gives way just before a store is never preempted there.
#[test]
fn giving_way_before_a_store_hides_nothing() {
    let report = explore(|| {
        let x = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&x);
        thread::spawn(move || {
            thread::yield_now();
            other.store(1, Ordering::SeqCst);
        });
        let seen = x.load(Ordering::SeqCst);
        model::finish(move || seen.to_string());
    });
    assert_eq!(report.final_states.keys().collect::<Vec<_>>(), ["0", "1"]);
}

/// Peterson's algorithm without fences excludes nobody on x86, and with one it does.
fn peterson(between: fn()) -> Report {
    let exclusion = body(move || {
        let wants: Arc<[AtomicU32; 3]> = Arc::default();
        let inside = Arc::new(Shared(UnsafeCell::new(0)));
        let tasks: Vec<_> = (0..2_u32)
            .map(|own| {
                let task = own as usize;
                let (wants, inside) = (Arc::clone(&wants), Arc::clone(&inside));
                let run = move || {
                    wants[task].store(1, Ordering::Release);
                    wants[2].store(1 - own, Ordering::Release);
                    between();
                    let busy = wants[1 - task].load(Ordering::Acquire) == 1;
                    if !busy || wants[2].load(Ordering::Acquire) == own {
                        inside.0.with_mut(|_| ());
                        wants[task].store(0, Ordering::Release);
                    }
                };
                thread::spawn(run)
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
    check(&Check { store_buffers: true, ..Check::default() }, &exclusion)
}

#[test]
fn a_missing_fence_is_a_data_race() {
    let found = peterson(|| {});
    let found = found.verdict.violation().expect("both are inside");
    assert_eq!(found.kind, ViolationKind::DataRace);
    let drawn = found.trace.lanes(100);
    assert!(drawn.contains("holds back"), "{drawn}");
    let fenced = peterson(|| fence(Ordering::SeqCst));
    assert!(matches!(fenced.verdict, Verdict::Complete), "{:?}", fenced.verdict);
}

/// The cell is written after the flag is stored, and before the flag is seen: what the store publishes was decided
/// where it stands.
#[test]
fn a_store_publishes_what_was_known_where_it_stands() {
    let late = body(|| {
        let (flag, other) = (Arc::new(AtomicU32::new(0)), AtomicU32::new(0));
        let cell = Arc::new(Shared(UnsafeCell::new(0)));
        let (flag2, cell2) = (Arc::clone(&flag), Arc::clone(&cell));
        let reader = thread::spawn(move || {
            if flag2.load(Ordering::Acquire) == 1 {
                cell2.0.with(|_| ());
            }
        });
        flag.store(1, Ordering::Release);
        cell.0.with_mut(|_| ());
        other.load(Ordering::Relaxed);
        reader.join().unwrap();
    });
    let found = check(&Check { store_buffers: true, ..Check::default() }, &late);
    let found = found.verdict.violation().expect("nothing orders the two").kind;
    assert_eq!(found, ViolationKind::DataRace);
}
