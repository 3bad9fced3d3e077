//! A search that is divided or interrupted gives what it gives in one piece: by jobs, by shards, by checkpoints.

#[path = "../programs/mod.rs"]
mod programs;

mod common;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::door;
use graphlock_harness::model::{Body, CheckpointError, Hooks, check, check_with, merge};
use graphlock_harness::outcome::{Limit, Report, Verdict};
use graphlock_harness::scenario::{Check, Checkpoint, Shard};
use graphlock_harness::sync::atomic::{AtomicU32, Ordering::SeqCst};
use graphlock_harness::sync::cell::UnsafeCell;
use graphlock_harness::sync::{Mutex, thread};

fn body(name: &str) -> Body {
    Arc::new(programs::named(name).body)
}

/// All of a report but the time it took.
fn content(report: &Report) -> String {
    format!("{:#?}", Report { elapsed: Duration::ZERO, ..report.clone() })
}

/// A place for a checkpoint that no other test uses.
fn place(test: &str, resume: bool) -> Checkpoint {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.checkpoint"));
    Checkpoint { path, label: test.to_owned(), every: Duration::from_millis(20), resume }
}

const BOTH: [&str; 3] = ["bare lock(2,1,1)", "phil(8)", "lastzero(10)"];
const BROKEN: [&str; 4] = ["reorder(5)!", "account!", "twostage!", "deadlock01!"];

#[test]
fn two_jobs_report_what_one_reports() {
    for keep_going in [false, true] {
        for name in BOTH.iter().chain(&BROKEN) {
            let one = Check { keep_going, ..Check::default() };
            let two = Check { jobs: NonZeroUsize::new(2).expect("not 0"), ..one.clone() };
            let expected = content(&check(&one, &body(name)));
            for _ in 0..5 {
                assert_eq!(content(&check(&two, &body(name))), expected, "{name}");
            }
        }
    }
}

#[test]
fn shards_add_up_to_the_whole() {
    for keep_going in [false, true] {
        for name in BOTH.iter().chain(&BROKEN) {
            let whole = Check { keep_going, ..Check::default() };
            let shard = |number| {
                let place = place(&format!("shard-{number}"), false);
                let path = place.path.clone();
                let place = Checkpoint { label: (*name).to_owned(), ..place };
                let shard = Some(Shard { number, count: 4 });
                let own = Check { shard, checkpoint: Some(place), ..whole.clone() };
                (check(&own, &body(name)).executions, path)
            };
            let (executions, files): (Vec<u64>, Vec<PathBuf>) = (1..=4).map(shard).unzip();
            let merged = merge(&files, name, &whole, &body(name)).expect("all are there");
            let expected = check(&whole, &body(name));
            assert_eq!(content(&merged), content(&expected), "{name}");
            if keep_going {
                assert_eq!(executions.iter().sum::<u64>(), expected.executions, "{name}");
            }
            let missing =
                merge(&files[1..], name, &whole, &body(name)).expect_err("one is missing");
            let text = "expected each of the shards 1/4 to 4/4 once, found 2/4, 3/4, 4/4";
            assert!(missing.to_string().starts_with(text), "{missing}");
        }
    }
}

/// What was cut in a shard is cut in the whole.
#[test]
fn shards_that_were_cut_do_not_add_up_to_a_complete_search() {
    let whole = Check { depth_max: Some(20), ..Check::default() };
    let name = "bare lock(2,1,1)";
    let files = [1, 2].map(|number| {
        let place = Checkpoint { label: name.to_owned(), ..place(&format!("cut-{number}"), false) };
        let path = place.path.clone();
        let shard = Some(Shard { number, count: 2 });
        let own = check(&Check { shard, checkpoint: Some(place), ..whole.clone() }, &body(name));
        assert!(matches!(own.verdict, Verdict::BudgetSpent(Limit::Steps(20))), "{own:?}");
        path
    });
    let merged = merge(&files, name, &whole, &body(name)).expect("all are there");
    assert!(matches!(merged.verdict, Verdict::BudgetSpent(Limit::Steps(20))), "{merged:?}");
    assert_eq!(content(&merged), content(&check(&whole, &body(name))));
}

#[test]
fn the_work_is_divided_evenly_enough() {
    for name in ["bare lock(2,2,1)", "reorder(5)"] {
        let shard = |number| {
            let shard = Some(Shard { number, count: 2 });
            check(&Check { shard, ..Check::default() }, &body(name)).executions
        };
        let [one, other] = [shard(1), shard(2)];
        println!("{name}: {one} and {other}");
        assert!(one.max(other) < 2 * one.min(other), "{name}: {one} and {other}");
    }
}

#[test]
fn an_interrupted_search_goes_on_where_it_was() {
    for name in BOTH.iter().chain(&BROKEN) {
        let whole = Check { keep_going: true, ..Check::default() };
        let expected = check(&whole, &body(name));
        let step = 1 + expected.executions / 7;
        let mut limit = step;
        let resumed = loop {
            let checkpoint = Some(place(&name.replace(' ', "-"), limit > step));
            let part = Check { executions_max: Some(limit), checkpoint, ..whole.clone() };
            let report = check(&part, &body(name));
            if report.executions < limit {
                break report;
            }
            assert_eq!(report.executions, limit, "{name}");
            assert!(!matches!(report.verdict, Verdict::Complete));
            limit += step;
        };
        assert_eq!(content(&resumed), content(&expected), "{name}");
    }
}

/// Only with a watched cell are declared orderings followed, from the execution on that comes to the first one: that is made
/// again, wherever the search goes on.
#[test]
fn a_search_that_goes_on_often_misses_nothing_before_a_watched_cell() {
    let guarded = common::body(|| {
        let data = Arc::new((Mutex::new(()), AtomicU32::new(0)));
        for task in 0..4 {
            let data = Arc::clone(&data);
            thread::spawn(move || {
                data.1.fetch_add(1, SeqCst);
                drop(data.0.lock().unwrap());
                if task == 3 {
                    UnsafeCell::new(0).with_mut(std::hint::black_box);
                }
            });
        }
    });
    let expected = check(&Check::default(), &guarded);
    let mut limit = 1;
    let resumed = loop {
        let checkpoint = Some(place("cell", limit > 1));
        let part = Check { executions_max: Some(limit), checkpoint, ..Check::default() };
        let report = check(&part, &guarded);
        if report.executions < limit {
            break report;
        }
        limit += 1;
    };
    assert_eq!(content(&resumed), content(&expected));
    // The updates in any order, and the critical sections.
    assert_eq!(expected.executions, 24 * 24);
}

#[test]
fn who_interrupts_gets_what_was_found_so_far() {
    let cancel = AtomicBool::new(false);
    let seen = AtomicU64::new(0);
    let progress = |progress: &graphlock_harness::outcome::Progress| {
        assert!((0.0..=1.0).contains(&progress.explored));
        seen.store(progress.executions, Ordering::Relaxed);
        cancel.store(progress.executions > 0, Ordering::Relaxed);
    };
    let hooks = Hooks { cancel: Some(&cancel), progress: Some(&progress), estimates_first: true };
    let checkpoint = Some(place("interrupted", false));
    let first = Check { checkpoint, ..Check::default() };
    let report = check_with(&first, &body("bare lock(2,1,2)"), &hooks).expect("a place to write");
    assert!(matches!(report.verdict, Verdict::BudgetSpent(Limit::Interrupted)), "{report:?}");
    assert!(seen.load(Ordering::Relaxed) > 0 && report.executions >= seen.load(Ordering::Relaxed));
    let checkpoint = Some(place("interrupted", true));
    let rest = check(&Check { checkpoint, ..first }, &body("bare lock(2,1,2)"));
    let known = programs::named("bare lock(2,1,2)").known.complete;
    assert_eq!((rest.executions, rest.verdict.word()), (known, "complete"));
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let written = place("mine", false);
    let first = Check { checkpoint: Some(written.clone()), ..Check::default() };
    assert_eq!(check(&first, &body("inc(2)")).executions, 4);
    let resume = |place: Checkpoint, more: Check| {
        let check = Check { checkpoint: Some(Checkpoint { resume: true, ..place }), ..more };
        let error = check_with(&check, &body("inc(2)"), &Hooks::default()).expect_err("refused");
        (error.to_string(), error)
    };
    let label = Checkpoint { label: "yours".to_owned(), ..written.clone() };
    let (text, _) = resume(label, Check::default());
    assert!(
        text.contains("expected scenario yours, found mine; it is of another search"),
        "{text}"
    );
    let more = Check { shard: Some(Shard { number: 1, count: 2 }), ..Check::default() };
    let (text, _) = resume(written.clone(), more);
    assert!(text.contains("expected shard 1/2, found the whole"), "{text}");
    let whole = fs::read(&written.path).expect("it was written");
    for damaged in [&whole[..whole.len() / 2], b"{}", b"\xff\xfe"] {
        fs::write(&written.path, damaged).expect("it can be written");
        let (text, error) = resume(written.clone(), Check::default());
        assert!(matches!(error, CheckpointError::Content { .. }), "{error:?}");
        assert!(text.contains("expected `graphlock-checkpoint` version 2, found "), "{text}");
    }
    fs::remove_file(&written.path).expect("it is there");
    let (_, error) = resume(written, Check::default());
    assert!(matches!(error, CheckpointError::Io { doing: "read", .. }), "{error:?}");
}
