//! Programs about what weak memories allow: reads of independent writes, release sequences, fences, chains of updates, coherence.

use super::Litmus;
use super::programs::{Places, places, row, task, weaker};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::sync::atomic::{Ordering, fence};

/// What two readers of two places can see, if they agree on the order of the writes.
const AGREE: &[&str] = &[
    "0 0 0 0", "0 0 0 1", "0 0 1 0", "0 0 1 1", "0 1 0 0", "0 1 0 1", "0 1 1 0", "0 1 1 1",
    "1 0 0 0", "1 0 0 1", "1 0 1 1", "1 1 0 0", "1 1 0 1", "1 1 1 0", "1 1 1 1",
];
/// And if they do not.
const ANY: &[&str] = &[
    "0 0 0 0", "0 0 0 1", "0 0 1 0", "0 0 1 1", "0 1 0 0", "0 1 0 1", "0 1 1 0", "0 1 1 1",
    "1 0 0 0", "1 0 0 1", "1 0 1 0", "1 0 1 1", "1 1 0 0", "1 1 0 1", "1 1 1 0", "1 1 1 1",
];
const PASSED: &[&str] = &["0 0", "0 1", "1 1"];
const NOT_PASSED: &[&str] = &["0 0", "0 1", "1 0", "1 1"];
const CHAIN: &[&str] = &["0 0", "0 1", "1 1", "2 1"];
const BROKEN_CHAIN: &[&str] = &["0 0", "0 1", "1 1", "2 0", "2 1"];

pub(super) const ROWS: &[Litmus] = &[
    weaker(
        row(
            "independent-reads-relaxed",
            iriw_relaxed,
            AGREE,
            ANY,
            AGREE,
            "two readers may see two writes in two orders",
        ),
        None,
        ANY,
    ),
    weaker(
        row(
            "independent-reads-acquire",
            iriw_acquire,
            AGREE,
            ANY,
            AGREE,
            "acquire and release allow that, too",
        ),
        None,
        ANY,
    ),
    row(
        "independent-reads-fenced",
        iriw_fenced,
        AGREE,
        AGREE,
        AGREE,
        "full fences between the reads forbid it",
    ),
    row(
        "message-passing-fences",
        message_passing_fences,
        PASSED,
        PASSED,
        PASSED,
        "a release fence and an acquire fence are a pair",
    ),
    weaker(
        row(
            "message-passing-one-fence",
            message_passing_one_fence,
            PASSED,
            NOT_PASSED,
            PASSED,
            "one of them alone is not",
        ),
        None,
        NOT_PASSED,
    ),
    row(
        "release-sequence",
        release_sequence,
        CHAIN,
        CHAIN,
        CHAIN,
        "an update by another task goes on with the release it has read",
    ),
    weaker(
        row(
            "relaxed-store-ends-sequence",
            relaxed_store_ends_sequence,
            CHAIN,
            &["0 0", "0 1", "1 1"],
            CHAIN,
            "a plain store does not; loom never makes it, for its task loads first",
        ),
        None,
        BROKEN_CHAIN,
    ),
    row(
        "chain-of-updates",
        chain_of_updates,
        &["; 3 0"],
        &["; 3 0"],
        &["; 3 0"],
        "no update is lost, however relaxed",
    ),
    row(
        "coherence-write-read",
        coherence_write_read,
        &["1", "2"],
        &["1", "2"],
        &["1", "2"],
        "a task does not read past its own write",
    ),
    weaker(
        row(
            "store-then-message",
            store_then_message,
            &["0; 1 1", "0; 2 1", "1; 1 1"],
            &["0; 1 1", "0; 2 1", "1; 1 1", "1; 2 1"],
            &["0; 1 1", "0; 2 1", "1; 1 1"],
            "S: a store may come before one that its task has seen the message of",
        ),
        None,
        &["0; 1 1", "0; 2 1", "1; 1 1", "1; 2 1"],
    ),
    weaker(
        row(
            "store-and-stale-read",
            store_and_stale_read,
            &["0; 1 1", "1; 1 1", "1; 1 2"],
            &["0; 1 1", "0; 1 2", "1; 1 1", "1; 1 2"],
            &["0; 1 1", "1; 1 1", "1; 1 2"],
            "R: the last writer reads what was before the first",
        ),
        Some(&["0; 1 1", "0; 1 2", "1; 1 1", "1; 1 2"]),
        &["0; 1 1", "0; 1 2", "1; 1 1", "1; 1 2"],
    ),
];

/// Two writers, two readers that read in opposite order.
fn iriw(load: Ordering, store: Ordering, fenced: bool) {
    let main = places(4);
    task(&main, move |each| each.x.store(1, store));
    task(&main, move |each| each.y.store(1, store));
    let reads = move |first: &crate::sync::atomic::AtomicU32,
                      second: &crate::sync::atomic::AtomicU32| {
        let one = first.load(load);
        if fenced {
            fence(SeqCst);
        }
        (one, second.load(load))
    };
    task(&main, move |each| {
        let (one, other) = reads(&each.y, &each.x);
        each.seen[2].set(one);
        each.seen[3].set(other);
    });
    let (one, other) = reads(&main.x, &main.y);
    main.seen[0].set(one);
    main.seen[1].set(other);
}

fn iriw_relaxed() {
    iriw(Relaxed, Relaxed, false);
}

fn iriw_acquire() {
    iriw(Acquire, Release, false);
}

fn iriw_fenced() {
    iriw(Relaxed, Relaxed, true);
}

fn sends(each: &Places, fenced: bool) {
    each.x.store(1, Relaxed);
    if fenced {
        fence(Release);
    }
    each.y.store(1, Relaxed);
}

fn receives(main: &Places) {
    main.seen[0].set(main.y.load(Relaxed));
    fence(Acquire);
    main.seen[1].set(main.x.load(Relaxed));
}

fn message_passing_fences() {
    let main = places(2);
    task(&main, |each| sends(each, true));
    receives(&main);
}

fn message_passing_one_fence() {
    let main = places(2);
    task(&main, |each| sends(each, false));
    receives(&main);
}

/// A task releases 1, another makes it 2, a third looks for 2 and reads what came before.
fn sequence(goes_on: impl Fn(&Places) + Send + 'static) {
    let main = places(2);
    task(&main, |each| {
        each.x.store(1, Relaxed);
        each.y.store(1, Release);
    });
    task(&main, move |each| goes_on(each));
    main.seen[0].set(main.y.load(Acquire));
    main.seen[1].set(main.x.load(Relaxed));
}

fn release_sequence() {
    sequence(|each| {
        let _ = each.y.compare_exchange(1, 2, Relaxed, Relaxed);
    });
}

fn relaxed_store_ends_sequence() {
    sequence(|each| {
        if each.y.load(Relaxed) == 1 {
            each.y.store(2, Relaxed);
        }
    });
}

fn chain_of_updates() {
    let main = places(0);
    with_last(&main);
    for _ in 0..2 {
        task(&main, |each| {
            each.x.fetch_add(1, Relaxed);
        });
    }
    main.x.fetch_add(1, AcqRel);
}

fn coherence_write_read() {
    let main = places(1);
    task(&main, |each| each.x.store(2, Relaxed));
    main.x.store(1, Relaxed);
    main.seen[0].set(main.x.load(Relaxed));
}

/// What is left in the end, after what was seen. Updates: they read the last write, where a load might not.
fn with_last(main: &Places) {
    let last = main.clone();
    crate::sync::model::finish(move || {
        format!("{} {}", last.x.fetch_add(0, SeqCst), last.y.fetch_add(0, SeqCst))
    });
}

fn store_then_message() {
    let main = places(1);
    with_last(&main);
    task(&main, |each| {
        each.x.store(2, Relaxed);
        each.y.store(1, Relaxed);
    });
    main.seen[0].set(main.y.load(Relaxed));
    main.x.store(1, Relaxed);
}

fn store_and_stale_read() {
    let main = places(1);
    with_last(&main);
    task(&main, |each| {
        each.x.store(1, Relaxed);
        each.y.store(1, Relaxed);
    });
    main.y.store(2, Relaxed);
    main.seen[0].set(main.x.load(Relaxed));
}
