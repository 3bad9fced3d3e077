//! Programs with a bug that some schedules show: how long a sampling strategy takes to find it.
//!
//! Published figures for `reorder(20)`, `twostage(20)` and `twostage(50)` are far below those for one reader among that many
//! tasks, and agree with as many readers as writers: that is what these are.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use super::super::door::Mutex;
use super::atomics::reorder;
use super::locks::{account, bluetooth, locks_in_two_orders, two_stages};
use super::{Program, complete, each, numbers};

/// The programs of this file. Their traces are not counted here.
#[must_use]
pub(crate) fn bugs() -> Vec<Program> {
    vec![
        complete("account!", 4, 0, || account(true)),
        complete("bluetooth!", 3, 0, || bluetooth(true)),
        complete("deadlock01!", 3, 0, locks_in_two_orders),
        complete("reorder(3)!", 4, 0, || reorder(2, 1, true)),
        complete("reorder(5)!", 6, 0, || reorder(4, 1, true)),
        complete("reorder(10)!", 11, 0, || reorder(9, 1, true)),
        complete("reorder(20)!", 21, 0, || reorder(10, 10, true)),
        complete("twostage!", 3, 0, || two_stages(1, 1, true)),
        complete("twostage(20)!", 21, 0, || two_stages(10, 10, true)),
        complete("twostage(50)!", 51, 0, || two_stages(25, 25, true)),
        complete("stack!", 3, 0, stack),
        complete("token ring!", 5, 0, token_ring),
        complete("wronglock!", 9, 0, wrong_lock),
    ]
}

/// One pushes five times, the other pops five times once it has seen a push.
fn stack() {
    let state = Arc::new(Mutex::new((0, false)));
    each(2, move |task| {
        for _ in 0..5 {
            let mut state = state.lock().expect("never poisoned");
            if task == 0 {
                *state = (state.0 + 1, true);
            } else if state.1 {
                assert!(state.0 > 0, "stack: popped when it was empty");
                state.0 -= 1;
            }
        }
    });
}

/// Three copy around a ring, a fourth compares when all are done.
fn token_ring() {
    let ring = Arc::new(Mutex::new(([1, 2, 1], [false; 3])));
    each(4, move |task| {
        let mut ring = ring.lock().expect("never poisoned");
        let (x, done) = &mut *ring;
        match task {
            0 => x[0] = (x[2] + 1) % 4,
            1 => x[1] = x[0],
            2 => x[2] = x[1],
            _ => {
                let wrong = *done == [true; 3] && !(x[0] == x[1] && x[1] == x[2]);
                assert!(!wrong, "token ring: {x:?}");
                return;
            }
        }
        done[task] = true;
    });
}

/// One holds its lock, the others another one, around the same number.
fn wrong_lock() {
    let locks = Arc::new([Mutex::new(()), Mutex::new(())]);
    let data = numbers(1, 0);
    each(8, move |task| {
        let _held = locks[usize::from(task > 0)].lock().expect("never poisoned");
        let before = data[0].load(SeqCst);
        data[0].store(before + 1, SeqCst);
        if task == 0 {
            let after = data[0].load(SeqCst);
            assert!(after == before + 1, "wronglock: {after} after {before}");
        }
    });
}
