//! What the locks do when the system refuses, and how little they ask of it.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use graphlock::image::{ByteLocks, ImageLock, LockError, LockFailure};
use graphlock::permission::Access;
use nix::libc;
use support::{ALL, READ, WRITE, access};

/// Byte locks that note each call and fail as they are told.
#[derive(Clone, Default)]
struct Scripted {
    calls: Arc<Mutex<Vec<String>>>,
    /// For a call, the errors to give before it succeeds.
    errors: Arc<Mutex<BTreeMap<String, Vec<i32>>>>,
}

impl Scripted {
    fn fails(&self, call: &str, errors: &[i32]) {
        let mut reversed = errors.to_vec();
        reversed.reverse();
        let mut all = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(call.to_owned(), reversed);
    }

    fn call(&self, call: String) -> io::Result<()> {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let error = errors.get_mut(&call).and_then(Vec::pop);
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        error.map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
    }

    /// The calls since the last look.
    fn calls(&self) -> String {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl ByteLocks for Scripted {
    fn lock_shared(&self, byte: u64) -> io::Result<()> {
        self.call(format!("+{byte}"))
    }

    fn unlock(&self, byte: u64) -> io::Result<()> {
        self.call(format!("-{byte}"))
    }

    fn is_locked_by_other(&self, byte: u64) -> io::Result<bool> {
        self.call(format!("?{byte}")).map(|()| false)
    }
}

fn locks() -> (Scripted, ImageLock<Scripted>) {
    let script = Scripted::default();
    (script.clone(), ImageLock::new(script, "disk"))
}

fn writes() -> Access {
    access(READ | WRITE, ALL - WRITE)
}

#[test]
fn all_is_taken_before_anything_is_tested() {
    let (script, mut lock) = locks();
    lock.prepare(writes()).unwrap();
    assert_eq!(script.calls(), "+100 +101 +201 ?200 ?201 ?101");
    assert_eq!(lock.held(), Access::NONE, "prepared is not held");
    assert_eq!(lock.commit(), []);
    assert_eq!((lock.held(), script.calls().as_str()), (writes(), ""));
}

#[test]
fn what_is_held_is_not_locked_again() {
    let (script, mut lock) = locks();
    lock.prepare(access(READ, ALL)).unwrap();
    assert_eq!(lock.commit(), []);
    script.calls();
    // After a change of owner the system would refuse this one.
    script.fails("+100", &[libc::EACCES]);
    lock.prepare(writes()).unwrap();
    assert_eq!(script.calls(), "+101 +201 ?200 ?201 ?101");
    assert_eq!(lock.abort(), []);
    assert_eq!(script.calls(), "-101 -201");
}

#[test]
fn loosening_asks_nothing_before_the_commit_and_cannot_fail() {
    let (script, mut lock) = locks();
    lock.prepare(writes()).unwrap();
    assert_eq!(lock.commit(), []);
    script.calls();
    script.fails("-101", &[libc::EIO, libc::EINTR]);
    lock.prepare(access(READ, ALL)).unwrap();
    assert_eq!(script.calls(), "");
    let told: Vec<String> = lock.commit().iter().map(LockError::to_string).collect();
    assert_eq!(told, ["Failed to unlock byte 101: Input/output error (os error 5)"]);
    assert_eq!(script.calls(), "-101 -201");
    assert_eq!(lock.held(), access(READ, ALL));
    assert_eq!(lock.commit(), []);
    assert_eq!(script.calls(), "-101 -101", "tried again, and once more after the signal");
}

#[test]
fn an_interruption_is_no_conflict() {
    let (script, mut lock) = locks();
    for call in ["+101", "?201"] {
        script.fails(call, &[libc::EINTR, libc::EINTR]);
    }
    lock.prepare(access(WRITE, ALL)).unwrap();
    assert_eq!(script.calls(), "+101 +101 +101 ?201 ?201 ?201");
}

#[test]
fn a_conflict_is_told_without_errno_and_anything_else_with_it() {
    let hint = "\nIs another process using the image [disk]?";
    let cases = [
        ("+101", libc::EAGAIN, format!("Failed to lock byte 101{hint}"), true),
        ("+201", libc::EACCES, format!("Failed to lock byte 201{hint}"), true),
        (
            "+201",
            libc::ENOLCK,
            "Failed to lock byte 201: No locks available (os error 37)".to_owned(),
            false,
        ),
        ("?201", libc::EAGAIN, format!("Failed to get \"write\" lock{hint}"), true),
        (
            "?101",
            libc::EIO,
            "Failed to get shared \"write\" lock: Input/output error (os error 5)".to_owned(),
            false,
        ),
    ];
    for (call, errno, expected, is_conflict) in cases {
        let (script, mut lock) = locks();
        script.fails(call, &[errno]);
        let error = lock.prepare(writes()).unwrap_err();
        assert_eq!((error.to_string(), error.is_conflict()), (expected, is_conflict), "{call}");
        let mut locked = BTreeSet::new();
        for each in script.calls().split(' ').filter(|each| *each != call) {
            match each.split_at(1) {
                ("+", byte) => assert!(locked.insert(byte.to_owned()), "{call}: {each}"),
                ("-", byte) => assert!(locked.remove(byte), "{call}: {each}"),
                _ => {}
            }
        }
        assert!(locked.is_empty(), "{call}: left behind: {locked:?}");
    }
}

#[test]
fn taking_over_locks_without_a_test_and_leaves_the_first_as_it_was() {
    let (first, mut lock) = locks();
    lock.prepare(writes()).unwrap();
    first.calls();
    let second = Scripted::default();
    let taken = lock.take_over(second.clone()).unwrap();
    assert_eq!((first.calls().as_str(), second.calls().as_str()), ("", "+100 +101 +201"));
    assert_eq!(taken.held(), writes(), "what was prepared");

    second.fails("+101", &[libc::ENOLCK]);
    let error = lock.take_over(second.clone()).unwrap_err();
    assert_eq!(error.failure, LockFailure::Lock(101));
    assert_eq!((first.calls().as_str(), lock.held()), ("", Access::NONE));
}
