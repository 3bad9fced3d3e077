//! Standard programs with a known number of Mazurkiewicz traces under sequential consistency.
//!
//! Two steps conflict if they are on the same object and not both reads. Small instances can be counted by
//! hand or by enumeration without any reduction; the closed forms stand beside the programs. Redundant
//! executions are counted apart by the engine and do not matter here.

use std::sync::Arc;

use graphlock_harness::model::{Body, check};
use graphlock_harness::outcome::Verdict;
use graphlock_harness::scenario::Check;
use graphlock_harness::sync::atomic::{AtomicI32, Ordering::SeqCst};
use graphlock_harness::sync::{Mutex, RwLock, thread};

/// Numbers that tasks share.
type Numbers = Arc<Vec<AtomicI32>>;

fn numbers(count: usize) -> Numbers {
    Arc::new((0..count).map(|_| AtomicI32::new(0)).collect())
}

fn traces(run: impl Fn() + Send + Sync + 'static) -> u64 {
    let body: Body = Arc::new(run);
    let report = check(&Check::default(), &body);
    assert!(matches!(report.verdict, Verdict::Complete), "{:?}", report.verdict);
    report.executions
}

/// Spawns a task for each number below `count`.
fn each(count: usize, run: impl Fn(usize) + Send + Sync + 'static) {
    let run = Arc::new(run);
    for index in 0..count {
        let run = Arc::clone(&run);
        thread::spawn(move || run(index));
    }
}

/// readers(N): one store, N loads: 2^N.
#[test]
fn readers() {
    let run = |readers: usize| {
        traces(move || {
            let x = numbers(1);
            each(readers + 1, move |task| {
                if task == 0 {
                    x[0].store(1, SeqCst);
                } else {
                    x[0].load(SeqCst);
                }
            });
        })
    };
    assert_eq!([run(1), run(2), run(5)], [2, 4, 32]);
}

/// lastzero(N): (N+3) 2^(N-2).
#[test]
fn last_zero() {
    let run = |size: usize| {
        traces(move || {
            let a = numbers(size + 1);
            each(size + 1, move |task| {
                if task > 0 {
                    let before = a[task - 1].load(SeqCst);
                    a[task].store(before + 1, SeqCst);
                } else {
                    let mut at = size;
                    while a[at].load(SeqCst) != 0 {
                        at -= 1;
                    }
                }
            });
        })
    };
    assert_eq!([run(2), run(3), run(4), run(5)], [5, 12, 28, 64]);
}

/// inc(N): a load and a store each: (N!)^2.
#[test]
fn increments_in_two_steps() {
    let run = |tasks: usize| {
        traces(move || {
            let x = numbers(1);
            each(tasks, move |_| {
                let value = x[0].load(SeqCst);
                x[0].store(value + 1, SeqCst);
            });
        })
    };
    assert_eq!([run(2), run(3)], [4, 36]);
}

/// rmw(t,k): t tasks with k updates each: (tk)! / (k!)^t.
#[test]
fn updates() {
    let run = |tasks: usize, times: usize| {
        traces(move || {
            let x = numbers(1);
            each(tasks, move |_| {
                for _ in 0..times {
                    x[0].fetch_add(1, SeqCst);
                }
            });
        })
    };
    assert_eq!([run(2, 2), run(2, 3), run(3, 2)], [6, 20, 90]);
}

/// Independent reads of independent writes: 15.
#[test]
fn independent_reads_of_independent_writes() {
    let found = traces(|| {
        let x = numbers(2);
        each(4, move |task| match task {
            0 | 1 => x[task].store(1, SeqCst),
            _ => {
                x[task % 2].load(SeqCst);
                x[(task + 1) % 2].load(SeqCst);
            }
        });
    });
    assert_eq!(found, 15);
}

/// fib(N): 11, 140, 1698 for N = 1, 2, 3.
#[test]
fn fibonacci() {
    let run = |rounds: usize| {
        traces(move || {
            let x = numbers(2);
            x[0].store(1, SeqCst);
            x[1].store(1, SeqCst);
            each(3, move |task| {
                if task == 2 {
                    if x[0].load(SeqCst) <= 144 {
                        x[1].load(SeqCst);
                    }
                    return;
                }
                for _ in 0..rounds {
                    let (mine, other) = (x[task].load(SeqCst), x[1 - task].load(SeqCst));
                    x[task].store(mine + other, SeqCst);
                }
            });
        })
    };
    assert_eq!([run(1), run(2), run(3)], [11, 140, 1698]);
}

/// phil(N) with ordered forks: 2^N - 2, and no deadlock.
#[test]
fn philosophers_with_ordered_forks() {
    let run = |size: usize| {
        traces(move || {
            let forks: Arc<Vec<Mutex<()>>> = Arc::new((0..size).map(|_| Mutex::new(())).collect());
            each(size, move |task| {
                let (one, other) = (task, (task + 1) % size);
                let _first = forks[one.min(other)].lock().unwrap();
                let _second = forks[one.max(other)].lock().unwrap();
            });
        })
    };
    assert_eq!([run(3), run(4)], [6, 14]);
}

/// On a read/write lock every order counts, of shared holds, too: three sections in any order, and two that overlap.
#[test]
fn shared_holds_have_an_order() {
    let found = traces(|| {
        let lock = Arc::new(RwLock::new(0));
        each(3, move |task| {
            if task == 0 {
                *lock.write().unwrap() += 1;
            } else {
                drop(lock.read().unwrap());
            }
        });
    });
    assert_eq!(found, 14);
}
