//! Programs on mutexes.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use super::super::door::Mutex;
use super::{Program, complete, deadlocking, each, numbers};

/// The programs of this file.
pub(super) fn all() -> Vec<Program> {
    vec![
        complete("lockinc(3)", 4, 6, || increments_under_a_lock(3)),
        complete("lockinc(4)", 5, 24, || increments_under_a_lock(4)),
        complete("lockinc(6)", 7, 720, || increments_under_a_lock(6)),
        complete("filesystem(13)", 14, 1, || filesystem(13)),
        complete("filesystem(14)", 15, 2, || filesystem(14)),
        complete("filesystem(19)", 20, 64, || filesystem(19)),
        complete("filesystem(24)", 25, 2_048, || filesystem(24)),
        deadlocking("phil(2)", 3, 2, 1, || philosophers(2, false)),
        deadlocking("phil(3)", 4, 6, 1, || philosophers(3, false)),
        deadlocking("phil(4)", 5, 14, 1, || philosophers(4, false)),
        deadlocking("phil(8)", 9, 254, 1, || philosophers(8, false)),
        complete("phil(3) ordered", 4, 6, || philosophers(3, true)),
        complete("phil(4) ordered", 5, 14, || philosophers(4, true)),
        complete("phil(8) ordered", 9, 254, || philosophers(8, true)),
        deadlocking("deadlock01", 3, 2, 1, locks_in_two_orders),
        complete("twostage(2)", 3, 3, || two_stages(1, 1, false)),
        complete("twostage(3)", 4, 40, || two_stages(2, 1, false)),
        complete("twostage(4)", 5, 1_080, || two_stages(3, 1, false)),
        complete("account", 4, 6, || account(false)),
        complete("bluetooth", 3, 10, || bluetooth(false)),
    ]
}

/// Lock, load, store, unlock: N!.
fn increments_under_a_lock(tasks: usize) {
    let x = Arc::new(Mutex::new(0));
    each(tasks, move |_| *x.lock().expect("never poisoned") += 1);
}

/// Tasks look for free blocks under the locks of inodes: 1 up to 13 tasks, then 2^(N-13).
fn filesystem(tasks: usize) {
    const INODES: usize = 32;
    const BLOCKS: usize = 26;
    let inodes: Arc<Vec<Mutex<usize>>> = Arc::new((0..INODES).map(|_| Mutex::new(0)).collect());
    let blocks: Arc<Vec<Mutex<bool>>> = Arc::new((0..BLOCKS).map(|_| Mutex::new(false)).collect());
    each(tasks, move |task| {
        let number = task % INODES;
        let mut inode = inodes[number].lock().expect("never poisoned");
        let mut block = (number * 2) % BLOCKS;
        while *inode == 0 {
            let mut busy = blocks[block].lock().expect("never poisoned");
            if !*busy {
                *busy = true;
                *inode = block + 1;
            }
            drop(busy);
            block = (block + 1) % BLOCKS;
        }
    });
}

/// Each takes the fork at its side, then the next one; `ordered` takes the lower one first: 2^N - 2, and one deadlock
/// where they are not ordered.
fn philosophers(count: usize, ordered: bool) {
    let forks: Arc<Vec<Mutex<()>>> = Arc::new((0..count).map(|_| Mutex::new(())).collect());
    each(count, move |task| {
        let (one, other) = (task, (task + 1) % count);
        let (one, other) = if ordered { (one.min(other), one.max(other)) } else { (one, other) };
        let _first = forks[one].lock().expect("never poisoned");
        let _second = forks[other].lock().expect("never poisoned");
    });
}

/// a then b against b then a.
pub(super) fn locks_in_two_orders() {
    let locks = Arc::new([Mutex::new(()), Mutex::new(())]);
    each(2, move |task| {
        let _first = locks[task].lock().expect("never poisoned");
        let _second = locks[1 - task].lock().expect("never poisoned");
    });
}

/// Tasks write in two stages, others read in two: 3, 40, 1080 with one that reads among 2, 3, 4. What it reads is
/// inconsistent in some traces.
pub(super) fn two_stages(writing: usize, reading: usize, check: bool) {
    let stages = Arc::new([Mutex::new(()), Mutex::new(())]);
    let data = numbers(2, 0);
    each(writing + reading, move |task| {
        let [first, second] = &*stages;
        if task < writing {
            let held = first.lock().expect("never poisoned");
            data[0].store(1, SeqCst);
            drop(held);
            let held = second.lock().expect("never poisoned");
            let value = data[0].load(SeqCst);
            data[1].store(value + 1, SeqCst);
            drop(held);
            return;
        }
        let held = first.lock().expect("never poisoned");
        let before = data[0].load(SeqCst);
        drop(held);
        if before == 0 {
            return;
        }
        let held = second.lock().expect("never poisoned");
        let after = data[1].load(SeqCst);
        drop(held);
        assert!(!check || after == before + 1, "twostage: {after} after {before}");
    });
}

/// Deposit, withdraw and check under one lock: 6, the bug in 2.
pub(super) fn account(check: bool) {
    struct Account {
        balance: i32,
        done: [bool; 2],
    }
    let account = Arc::new(Mutex::new(Account { balance: 1, done: [false; 2] }));
    each(3, move |task| {
        let mut account = account.lock().expect("never poisoned");
        match task {
            0 => {
                account.balance += 2;
                account.done[0] = true;
            }
            1 => {
                account.balance -= 4;
                account.done[1] = true;
            }
            _ => {
                let wrong = account.done == [true; 2] && account.balance != 1 - 2 - 4;
                assert!(!check || !wrong, "account: balance {}", account.balance);
            }
        }
    });
}

/// An adder uses the driver while a stopper stops it; the count of users is under a lock: 10.
pub(super) fn bluetooth(check: bool) {
    const STOPPING: usize = 0;
    const NOBODY_LEFT: usize = 1;
    const STOPPED: usize = 2;
    let flags = numbers(3, 0);
    let users = Arc::new(Mutex::new(1));
    each(2, move |task| {
        let leave = || {
            let mut users = users.lock().expect("never poisoned");
            *users -= 1;
            let last = *users == 0;
            drop(users);
            if last {
                flags[NOBODY_LEFT].store(1, SeqCst);
            }
        };
        if task == 1 {
            flags[STOPPING].store(1, SeqCst);
            leave();
            if flags[NOBODY_LEFT].load(SeqCst) == 1 {
                flags[STOPPED].store(1, SeqCst);
            }
            return;
        }
        if flags[STOPPING].load(SeqCst) == 0 {
            *users.lock().expect("never poisoned") += 1;
            let gone = flags[STOPPED].load(SeqCst) == 1;
            assert!(!check || !gone, "bluetooth: the driver was used after it had stopped");
        }
        leave();
    });
}
