//! The programs. Threads are not joined: the last one to end names the outcome.

use super::{Litmus, weak};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::sync::atomic::{AtomicU32, fence};
use crate::sync::note::Note;
use crate::sync::{Arc, Condvar, Mutex, lock, model};

/// All that a reader between two increments can see, in whichever pass.
const SEQLOCK: &[&str] =
    &["0 0 0", "0 0 1", "0 0 2", "0 1 1", "0 1 2", "1 0 1", "1 0 2", "1 1 1", "1 1 2", "2 1 2"];

pub(super) const fn row(
    name: &'static str,
    body: fn(),
    sequential: &'static [&'static str],
    loom_plain: &'static [&'static str],
    loom_load_as_rmw: &'static [&'static str],
    note: &'static str,
) -> Litmus {
    Litmus { name, body, sequential, buffered: None, c11: None, loom_plain, loom_load_as_rmw, note }
}

/// What TSO and C11 allow beyond sequential consistency.
pub(super) const fn weaker(
    litmus: Litmus,
    buffered: Option<&'static [&'static str]>,
    c11: &'static [&'static str],
) -> Litmus {
    Litmus { buffered, c11: Some(c11), ..litmus }
}

const ROWS: &[Litmus] = &[
    row(
        "load-before-store",
        load_before_store,
        &["0", "1"],
        &["0"],
        &["0", "1"],
        "loom executes it once: a task's own load hides the other's racing load",
    ),
    row(
        "load-before-compare-exchange",
        load_before_compare_exchange,
        &["0", "1"],
        &["0"],
        &["0", "1"],
        "the same with an update behind the load",
    ),
    row(
        "seqlock-reader",
        seqlock_reader,
        SEQLOCK,
        SEQLOCK,
        SEQLOCK,
        "a reader between two increments of a sequence number",
    ),
    row(
        "three-task-hole",
        three_task_hole,
        &["0", "1"],
        &["0", "1"],
        &["0", "1"],
        "depends on the order in which the tasks are spawned",
    ),
    row(
        "two-waiters-one-notification",
        two_waiters_one_notification,
        &["1", "2"],
        &["1"],
        &["1"],
        "std may wake either waiter; loom wakes the one that came first",
    ),
    weaker(
        row(
            "store-buffering-relaxed",
            store_buffering_relaxed,
            &["0 1", "1 0", "1 1"],
            &["0 0", "0 1", "1 0", "1 1"],
            &["0 1", "1 0", "1 1"],
            "stale reads: the harness does not show them, loom does",
        ),
        Some(&["0 0", "0 1", "1 0", "1 1"]),
        &["0 0", "0 1", "1 0", "1 1"],
    ),
    row(
        "store-buffering-fenced",
        store_buffering_fenced,
        &["0 1", "1 0", "1 1"],
        &["0 1", "1 0", "1 1"],
        &["0 1", "1 0", "1 1"],
        "the fences of the reader and the writer: nobody shows 0 0",
    ),
    row(
        "message-passing-acquire-release",
        message_passing_acquire_release,
        &["0 0", "0 1", "1 1"],
        &["0 0", "0 1", "1 1"],
        &["0 0", "0 1", "1 1"],
        "who sees the flag sees the data",
    ),
    weaker(
        row(
            "message-passing-relaxed",
            message_passing_relaxed,
            &["0 0", "0 1", "1 1"],
            &["0 0", "0 1", "1 0", "1 1"],
            &["0 0", "0 1", "1 1"],
            "without the orderings the data may be older than the flag",
        ),
        None,
        &["0 0", "0 1", "1 0", "1 1"],
    ),
    weaker(
        row(
            "load-buffering-relaxed",
            load_buffering_relaxed,
            &["0 0", "0 1", "1 0"],
            &["0 0", "0 1", "1 0"],
            &["0 0", "0 1", "1 0"],
            "C11 allows 1 1; nobody here shows it",
        ),
        None,
        &["0 0", "0 1", "1 0", "1 1"],
    ),
    weaker(
        row(
            "two-plus-two-writes",
            two_plus_two_writes,
            &["; 1 2", "; 2 1", "; 2 2"],
            &["; 1 1", "; 1 2", "; 2 1", "; 2 2"],
            &["; 1 2", "; 2 1", "; 2 2"],
            "relaxed stores to two places in opposite order",
        ),
        None,
        &["; 1 1", "; 1 2", "; 2 1", "; 2 2"],
    ),
    row(
        "coherence-of-reads",
        coherence_of_reads,
        &["0 0", "0 1", "1 1"],
        &["0 0", "0 1", "1 1"],
        &["0 0", "0 1", "1 1"],
        "two reads of one place never go back",
    ),
    row(
        "store-against-update",
        store_against_update,
        &["0 1", "1 2", "3 1"],
        &["0 1", "0 2", "1 2", "3 1"],
        &["0 1", "1 2", "3 1"],
        "loom orders a plain store inside another's update: 0 2 cannot happen",
    ),
];

pub(super) fn all() -> Vec<Litmus> {
    [ROWS, weak::ROWS].concat()
}

/// Two places in memory, and what the tasks saw.
#[derive(Clone)]
pub(super) struct Places {
    pub(super) x: Arc<AtomicU32>,
    pub(super) y: Arc<AtomicU32>,
    pub(super) seen: [Note; 4],
}

/// Two places that hold 0; the outcome is the first `count` notes.
pub(super) fn places(count: usize) -> Places {
    let seen: [Note; 4] = Default::default();
    let notes = seen.clone();
    model::finish(move || {
        let values: Vec<String> =
            notes[..count].iter().map(|note| note.get().to_string()).collect();
        values.join(" ")
    });
    Places { x: Arc::new(AtomicU32::new(0)), y: Arc::new(AtomicU32::new(0)), seen }
}

pub(super) fn task(places: &Places, body: impl FnOnce(&Places) + Send + 'static) {
    let places = places.clone();
    model::spawn("task", move || body(&places));
}

fn load_before_store() {
    let main = places(1);
    task(&main, |each| {
        each.x.load(SeqCst);
        each.x.store(1, SeqCst);
    });
    main.seen[0].set(main.x.load(SeqCst));
}

fn load_before_compare_exchange() {
    let main = places(1);
    task(&main, |each| {
        let seen = each.x.load(SeqCst);
        let _ = each.x.compare_exchange(seen, seen + 1, SeqCst, SeqCst);
    });
    main.seen[0].set(main.x.load(SeqCst));
}

fn seqlock_reader() {
    let main = places(3);
    task(&main, |each| {
        each.x.store(1, SeqCst);
        each.y.store(1, SeqCst);
        each.x.store(2, SeqCst);
    });
    main.seen[0].set(main.x.load(SeqCst));
    main.seen[1].set(main.y.load(SeqCst));
    main.seen[2].set(main.x.load(SeqCst));
}

fn three_task_hole() {
    let main = places(1);
    task(&main, |each| each.seen[0].set(each.x.load(SeqCst)));
    task(&main, |each| {
        each.x.load(SeqCst);
        each.y.store(1, SeqCst);
    });
    if main.y.load(SeqCst) == 1 {
        main.x.store(1, SeqCst);
    }
}

fn two_waiters_one_notification() {
    let main = places(1);
    let state = Arc::new((Mutex::new(0), Condvar::new(), Condvar::new()));
    for _ in 1..=2 {
        let state = Arc::clone(&state);
        task(&main, move |each| {
            let (waiting, arrived, go_on) = &*state;
            let mut waiting = lock(waiting);
            *waiting += 1;
            let place = *waiting;
            arrived.notify_one();
            drop(go_on.wait(waiting).expect("never poisoned"));
            if each.seen[0].get() == 0 {
                each.seen[0].set(place);
            }
            go_on.notify_one();
        });
    }
    let (waiting, arrived, go_on) = &*state;
    let mut waiting = lock(waiting);
    while *waiting < 2 {
        waiting = arrived.wait(waiting).expect("never poisoned");
    }
    drop(waiting);
    go_on.notify_one();
}

fn store_buffering(fenced: bool) {
    let main = places(2);
    task(&main, move |each| {
        each.x.store(1, Relaxed);
        if fenced {
            fence(SeqCst);
        }
        each.seen[0].set(each.y.load(Relaxed));
    });
    main.y.store(1, Relaxed);
    if fenced {
        fence(SeqCst);
    }
    main.seen[1].set(main.x.load(Relaxed));
}

fn store_buffering_relaxed() {
    store_buffering(false);
}

fn store_buffering_fenced() {
    store_buffering(true);
}

fn message_passing_acquire_release() {
    let main = places(2);
    task(&main, |each| {
        each.x.store(1, Relaxed);
        each.y.store(1, Release);
    });
    main.seen[0].set(main.y.load(Acquire));
    main.seen[1].set(main.x.load(Relaxed));
}

fn message_passing_relaxed() {
    let main = places(2);
    task(&main, |each| {
        each.x.store(1, Relaxed);
        each.y.store(1, Relaxed);
    });
    main.seen[0].set(main.y.load(Relaxed));
    main.seen[1].set(main.x.load(Relaxed));
}

fn load_buffering_relaxed() {
    let main = places(2);
    task(&main, |each| {
        each.seen[0].set(each.x.load(Relaxed));
        each.y.store(1, Relaxed);
    });
    main.seen[1].set(main.y.load(Relaxed));
    main.x.store(1, Relaxed);
}

fn two_plus_two_writes() {
    let main = places(0);
    let last = main.clone();
    task(&main, |each| {
        each.x.store(1, Relaxed);
        each.y.store(2, Relaxed);
    });
    main.y.store(1, Relaxed);
    main.x.store(2, Relaxed);
    // What is left in the end: read by the finisher, when nothing is scheduled any more, by updates, for those read the last
    // write.
    model::finish(move || {
        format!("{} {}", last.x.fetch_add(0, SeqCst), last.y.fetch_add(0, SeqCst))
    });
}

fn coherence_of_reads() {
    let main = places(2);
    task(&main, |each| each.x.store(1, Relaxed));
    main.seen[0].set(main.x.load(Relaxed));
    main.seen[1].set(main.x.load(Relaxed));
}

fn store_against_update() {
    let main = places(2);
    task(&main, |each| each.seen[0].set(each.x.swap(2, AcqRel)));
    main.x.store(1, Release);
    main.seen[1].set(main.x.swap(3, AcqRel));
}
