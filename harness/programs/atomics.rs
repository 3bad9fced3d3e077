//! Programs on atomics alone.

use std::sync::atomic::Ordering::SeqCst;

use super::{Program, complete, each, numbers};

/// The programs of this file.
pub(super) fn all() -> Vec<Program> {
    vec![
        complete("readers(3)", 5, 8, || readers(3)),
        complete("readers(8)", 10, 256, || readers(8)),
        complete("lastzero(2)", 4, 5, || last_zero(2)),
        complete("lastzero(3)", 5, 12, || last_zero(3)),
        complete("lastzero(4)", 6, 28, || last_zero(4)),
        complete("lastzero(5)", 7, 64, || last_zero(5)),
        complete("lastzero(10)", 12, 3_328, || last_zero(10)),
        complete("lastzero(15)", 17, 147_456, || last_zero(15)),
        complete("SB(2)", 3, 3, || store_buffering(2)),
        complete("SB(3)", 4, 7, || store_buffering(3)),
        complete("SB(6)", 7, 63, || store_buffering(6)),
        complete("MP", 3, 3, message_passing),
        complete("LB", 3, 3, load_buffering),
        complete("S", 3, 3, store_then_store),
        complete("2+2W", 3, 3, two_plus_two_writes),
        complete("IRIW", 5, 15, independent_reads),
        complete("ainc(4)", 5, 24, || increments(4, 1)),
        complete("ainc(6)", 7, 720, || increments(6, 1)),
        complete("rmw(2,3)", 3, 20, || increments(2, 3)),
        complete("rmw(3,2)", 4, 90, || increments(3, 2)),
        complete("rmw(3,3)", 4, 1_680, || increments(3, 3)),
        complete("inc(2)", 3, 4, || increments_in_two_steps(2)),
        complete("inc(3)", 4, 36, || increments_in_two_steps(3)),
        complete("inc(5)", 6, 14_400, || increments_in_two_steps(5)),
        complete("cas(3)", 4, 3, || compare_exchanges(3)),
        complete("cas(8)", 9, 8, || compare_exchanges(8)),
        complete("cas(50)", 51, 50, || compare_exchanges(50)),
        complete("cas(63)", 64, 63, || compare_exchanges(63)),
        complete("wcas(2)", 4, 5, || compare_exchanges_with_a_store(2)),
        complete("wcas(4)", 6, 33, || compare_exchanges_with_a_store(4)),
        complete("wcas(10)", 12, 5_121, || compare_exchanges_with_a_store(10)),
        complete("indexer(11)", 12, 1, || indexer(11)),
        complete("indexer(12)", 13, 8, || indexer(12)),
        complete("indexer(15)", 16, 4_096, || indexer(15)),
        complete("fib(1)", 4, 11, || fibonacci(1)),
        complete("fib(2)", 4, 140, || fibonacci(2)),
        complete("fib(3)", 4, 1_698, || fibonacci(3)),
        complete("reorder(3)", 4, 56, || reorder(2, 1, false)),
        complete("reorder(4)", 5, 1_248, || reorder(3, 1, false)),
        complete("reorder(5)", 6, 40_032, || reorder(4, 1, false)),
        complete("load before store", 3, 2, load_before_store),
    ]
}

/// Programs that take minutes.
pub(super) fn large() -> Vec<Program> {
    vec![complete("rmw(4,4)", 5, 63_063_000, || increments(4, 4))]
}

/// One store, N loads: 2^N.
fn readers(count: usize) {
    let x = numbers(1, 0);
    each(count + 1, move |task| match task {
        0 => x[0].store(1, SeqCst),
        _ => drop(x[0].load(SeqCst)),
    });
}

/// Task j makes `a[j]` of `a[j-1]`; one looks for the last zero: (N+3) 2^(N-2).
fn last_zero(size: usize) {
    let a = numbers(size + 1, 0);
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
}

/// Each stores its own and loads its neighbour's: 2^N - 1.
fn store_buffering(count: usize) {
    let x = numbers(count, 0);
    each(count, move |task| {
        x[task].store(1, SeqCst);
        x[(task + 1) % count].load(SeqCst);
    });
}

fn message_passing() {
    let x = numbers(2, 0);
    each(2, move |task| {
        if task == 0 {
            x[0].store(1, SeqCst);
            x[1].store(1, SeqCst);
        } else {
            x[1].load(SeqCst);
            x[0].load(SeqCst);
        }
    });
}

fn load_buffering() {
    let x = numbers(2, 0);
    each(2, move |task| {
        x[task].load(SeqCst);
        x[1 - task].store(1, SeqCst);
    });
}

fn store_then_store() {
    let x = numbers(2, 0);
    each(2, move |task| {
        if task == 0 {
            x[0].store(2, SeqCst);
            x[1].store(1, SeqCst);
        } else {
            x[1].load(SeqCst);
            x[0].store(1, SeqCst);
        }
    });
}

fn two_plus_two_writes() {
    let x = numbers(2, 0);
    each(2, move |task| {
        x[task].store(1, SeqCst);
        x[1 - task].store(2, SeqCst);
    });
}

/// Independent reads of independent writes.
fn independent_reads() {
    let x = numbers(2, 0);
    each(4, move |task| match task {
        0 | 1 => x[task].store(1, SeqCst),
        _ => {
            x[task % 2].load(SeqCst);
            x[(task + 1) % 2].load(SeqCst);
        }
    });
}

/// `tasks` tasks with `times` updates each: (tk)! / (k!)^t.
fn increments(tasks: usize, times: usize) {
    let x = numbers(1, 0);
    each(tasks, move |_| {
        for _ in 0..times {
            x[0].fetch_add(1, SeqCst);
        }
    });
}

/// A load and a store each: (N!)^2.
fn increments_in_two_steps(tasks: usize) {
    let x = numbers(1, 0);
    each(tasks, move |_| {
        let value = x[0].load(SeqCst);
        x[0].store(value + 1, SeqCst);
    });
}

/// Whoever comes first changes it, the others have only read: N.
fn compare_exchanges(tasks: usize) {
    let x = numbers(1, 0);
    each(tasks, move |task| {
        let own = i32::try_from(task).expect("few tasks") + 1;
        let _ = x[0].compare_exchange(0, own, SeqCst, SeqCst);
    });
}

/// A store of 2 meets N changes of 2 into 3: N 2^(N-1) + 1.
fn compare_exchanges_with_a_store(tasks: usize) {
    let x = numbers(1, 0);
    each(tasks + 1, move |task| {
        if task == 0 {
            x[0].store(2, SeqCst);
        } else {
            let _ = x[0].compare_exchange(2, 3, SeqCst, SeqCst);
        }
    });
}

/// Each task puts four keys into a table with linear probing: 1 up to 11 tasks, then 8^(N-11).
fn indexer(tasks: usize) {
    const SIZE: usize = 128;
    let table = numbers(SIZE, 0);
    each(tasks, move |task| {
        for key in 0..4 {
            let value = key * 11 + task;
            let mut hash = (value * 7) % SIZE;
            let own = i32::try_from(value).expect("small") + 1;
            while table[hash].compare_exchange(0, own, SeqCst, SeqCst).is_err() {
                hash = (hash + 1) % SIZE;
            }
        }
    });
}

/// Two add to each other, a third looks: 11, 140, 1698.
fn fibonacci(rounds: usize) {
    let x = numbers(2, 1);
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
}

/// Tasks store to a, then to b; others look at them, and at each again if the first look was not what it should be: 56,
/// 1248, 40032 with one that looks among 3, 4, 5. It can see the second store without the first.
pub(super) fn reorder(storing: usize, looking: usize, check: bool) {
    let x = numbers(2, 0);
    each(storing + looking, move |task| {
        if task < storing {
            x[0].store(1, SeqCst);
            x[1].store(-1, SeqCst);
        } else {
            let seen_together = (x[0].load(SeqCst) == 0 && x[1].load(SeqCst) == 0)
                || (x[0].load(SeqCst) == 1 && x[1].load(SeqCst) == -1);
            assert!(!check || seen_together, "reorder: the stores were seen apart");
        }
    });
}

/// The program of which loom shows one of two executions.
fn load_before_store() {
    let x = numbers(1, 0);
    each(2, move |task| {
        x[0].load(SeqCst);
        if task == 1 {
            x[0].store(1, SeqCst);
        }
    });
}
