//! Image locks as users see them: one table of cases on files and on the table in memory.
//!
//! After each step the locked bytes are read back by another opener: of a file by a descriptor of the test's own,
//! which asks the kernel and none of the code under test.

mod support;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use graphlock::image::{
    ByteLocks, Image, ImageError, ImageFile, Locking, MemoryImages, Mode, kernel_has_ofd_locks,
};
use graphlock::permission::Access;
use support::{
    ALL, Folder, NONE, READ, RESIZE, UNCHANGED, WRITE, access, every_access, expected_bytes,
    is_locked, locked_bytes, looked_at,
};

/// Where images are, with one image of a megabyte.
trait Place {
    fn open(&self, mode: Mode) -> Box<dyn Image>;
    fn create(&self, length: u64) -> Result<(), ImageError>;
    fn locked(&self) -> BTreeSet<u64>;
}

const LENGTH: u64 = 1 << 20;

struct InMemory(Arc<MemoryImages>);

struct OnDisk {
    _folder: Folder,
    path: PathBuf,
}

impl Place for InMemory {
    fn open(&self, mode: Mode) -> Box<dyn Image> {
        Box::new(self.0.open("disk", mode).unwrap())
    }

    fn create(&self, length: u64) -> Result<(), ImageError> {
        self.0.create("disk", length)
    }

    fn locked(&self) -> BTreeSet<u64> {
        let locks = self.0.locks("disk").unwrap();
        looked_at().filter(|byte| locks.is_locked_by_other(*byte).unwrap()).collect()
    }
}

impl Place for OnDisk {
    fn open(&self, mode: Mode) -> Box<dyn Image> {
        Box::new(ImageFile::open(&self.path, mode, Locking::On).unwrap())
    }

    fn create(&self, length: u64) -> Result<(), ImageError> {
        ImageFile::create(&self.path, length, Locking::On)
    }

    fn locked(&self) -> BTreeSet<u64> {
        locked_bytes(&self.path)
    }
}

fn on_disk(test: &str) -> OnDisk {
    assert!(kernel_has_ofd_locks(), "these tests need Linux 3.15 or later");
    let folder = Folder::new(test);
    let path = folder.file("disk.img", LENGTH);
    OnDisk { _folder: folder, path }
}

fn places(test: &str) -> Vec<(&'static str, Box<dyn Place>)> {
    let images = MemoryImages::new();
    images.create("disk", LENGTH).unwrap();
    vec![("memory", Box::new(InMemory(images))), ("file", Box::new(on_disk(test)))]
}

fn update(image: &dyn Image, access: Access) -> Result<(), String> {
    image.prepare(access).map_err(|error| error.to_string())?;
    assert_eq!(image.commit(), []);
    Ok(())
}

/// The first line of what an opener is told that comes second.
fn refusal(first: Access, second: Access) -> Option<String> {
    let first_name = |set| {
        let names = graphlock::permission::Permissions::NAMES;
        names.into_iter().find(|(each, _)| each.intersects(set)).map(|(_, name)| name)
    };
    let used =
        first_name(first.denies(second)).map(|name| format!("Failed to get \"{name}\" lock"));
    used.or_else(|| {
        first_name(second.denies(first)).map(|name| format!("Failed to get shared \"{name}\" lock"))
    })
}

#[test]
fn test_image_locking_basic() {
    for (kind, place) in places("basic") {
        let (first, second) = (place.open(Mode::ReadWrite), place.open(Mode::ReadWrite));
        assert!(place.locked().is_empty(), "{kind}: opening locks nothing");

        let writes = access(READ | WRITE, ALL - WRITE - RESIZE);
        update(&*first, writes).unwrap();
        assert_eq!(place.locked(), [100, 101, 201, 203].into(), "{kind}");

        let error = update(&*second, writes).unwrap_err();
        let expected = format!(
            "Failed to get \"write\" lock\nIs another process using the image [{}]?",
            second.name()
        );
        assert_eq!(error, expected, "{kind}");
        assert_eq!(place.locked(), [100, 101, 201, 203].into(), "{kind}: nothing is left behind");

        update(&*second, access(READ, ALL)).unwrap();
        drop(first);
        assert_eq!(place.locked(), [100].into(), "{kind}: closed is unlocked");
        update(&*second, writes).unwrap();
        assert_eq!(place.locked(), [100, 101, 201, 203].into(), "{kind}");
        drop(second);
        assert!(place.locked().is_empty(), "{kind}");
    }
}

/// What somebody does, what another one wants, and what that one is told.
const MEETINGS: [(Access, Access, Option<&str>); 8] = {
    const fn access(
        used: graphlock::permission::Permissions,
        shared: graphlock::permission::Permissions,
    ) -> Access {
        Access { used, shared }
    }
    const READER: Access = access(READ, READ.union(UNCHANGED));
    const WRITER: Access = access(READ.union(WRITE), READ.union(UNCHANGED));
    const GENEROUS: Access = access(READ.union(WRITE), ALL);
    [
        (READER, READER, None),
        (READER, WRITER, Some("Failed to get \"write\" lock")),
        (WRITER, READER, Some("Failed to get shared \"write\" lock")),
        (WRITER, WRITER, Some("Failed to get \"write\" lock")),
        (GENEROUS, GENEROUS, None),
        (GENEROUS, WRITER, Some("Failed to get shared \"write\" lock")),
        (
            access(NONE, ALL.difference(RESIZE)),
            access(RESIZE, ALL),
            Some("Failed to get \"resize\" lock"),
        ),
        (
            access(READ, ALL),
            access(NONE, NONE),
            Some("Failed to get shared \"consistent read\" lock"),
        ),
    ]
};

#[test]
fn meetings_end_as_written() {
    for (kind, place) in places("meetings") {
        for (first, second, expected) in MEETINGS {
            let images = [place.open(Mode::ReadWrite), place.open(Mode::ReadWrite)];
            update(&*images[0], first).unwrap();
            let told = update(&*images[1], second).err();
            let told = told.as_deref().and_then(|told| told.lines().next());
            assert_eq!(told, expected, "{kind}: {first} meets {second}");
        }
    }
}

#[test]
fn every_pair_of_accesses_is_decided_by_the_rule_and_leaves_the_right_bytes() {
    let all = every_access();
    for (kind, place) in places("pairs") {
        let (first, second) = (place.open(Mode::ReadWrite), place.open(Mode::ReadWrite));
        let (mut refused, mut pairs) = (0, 0);
        for (index, one) in all.iter().enumerate() {
            update(&*first, *one).unwrap();
            assert_eq!(place.locked(), expected_bytes(*one), "{kind}: {one}");
            for (number, other) in all.iter().enumerate() {
                let told = update(&*second, *other).err();
                let expected = refusal(*one, *other);
                assert_eq!(
                    told.as_deref().and_then(|told| told.lines().next()),
                    expected.as_deref()
                );
                pairs += 1;
                refused += usize::from(expected.is_some());
                // Each look opens a file and asks the kernel 15 times, so not all are looked at.
                if (number + index) % 16 == 0 {
                    let mut bytes = expected_bytes(*one);
                    if expected.is_none() {
                        bytes.extend(expected_bytes(*other));
                    }
                    assert_eq!(place.locked(), bytes, "{kind}: {one}; {other}");
                }
                update(&*second, Access::NONE).unwrap();
            }
            update(&*first, Access::NONE).unwrap();
        }
        println!("{kind}: {pairs} pairs, {refused} refused");
    }
}

#[test]
fn a_failed_upgrade_restores_what_was_held() {
    for (kind, place) in places("upgrade") {
        let (first, second) = (place.open(Mode::ReadWrite), place.open(Mode::ReadWrite));
        let reads = access(READ, ALL - RESIZE);
        update(&*first, reads).unwrap();
        update(&*second, access(READ, ALL - WRITE)).unwrap();
        let before = place.locked();
        assert_eq!(before, [100, 201, 203].into(), "{kind}");
        let error = first.prepare(access(READ | WRITE, READ)).unwrap_err();
        assert!(error.is_conflict(), "{kind}: {error}");
        assert_eq!(place.locked(), before, "{kind}: refused");
        drop(second);
        assert_eq!(place.locked(), expected_bytes(reads), "{kind}: its own alone");

        first.prepare(access(READ | WRITE, READ)).unwrap();
        assert_eq!(place.locked(), [100, 101, 201, 202, 203].into(), "{kind}: prepared");
        assert_eq!(first.abort(), []);
        assert_eq!(place.locked(), expected_bytes(reads), "{kind}: taken back");
    }
}

#[test]
fn what_is_loosened_is_held_until_commit() {
    for (kind, place) in places("loosen") {
        let first = place.open(Mode::ReadWrite);
        update(&*first, access(READ | WRITE, READ)).unwrap();
        let before = place.locked();
        first.prepare(access(READ, READ | UNCHANGED)).unwrap();
        assert_eq!(place.locked(), before, "{kind}: prepared");
        assert_eq!(first.commit(), []);
        assert_eq!(place.locked(), [100, 201, 203].into(), "{kind}: committed");
        assert_eq!(first.commit(), [], "{kind}: at rest nothing happens");
        assert_eq!(place.locked(), [100, 201, 203].into(), "{kind}");
        // One for the other: between the two, both are held.
        first.prepare(access(RESIZE, ALL)).unwrap();
        assert_eq!(place.locked(), [100, 103, 201, 203].into(), "{kind}: both");
        assert_eq!(first.commit(), []);
        assert_eq!(place.locked(), [103].into(), "{kind}");
    }
}

#[test]
fn reopen_takes_over_and_can_be_taken_back() {
    for (kind, place) in places("reopen") {
        let first = place.open(Mode::ReadOnly);
        let (reads, writes) = (access(READ, ALL - WRITE), access(READ | WRITE, ALL - WRITE));
        update(&*first, reads).unwrap();
        assert!(matches!(first.write_at(0, b"x"), Err(ImageError::ReadOnly { .. })), "{kind}");

        drop(first.reopen(Mode::ReadWrite, writes).unwrap());
        assert_eq!(first.abort(), []);
        assert_eq!(place.locked(), expected_bytes(reads), "{kind}: taken back");

        let second = first.reopen(Mode::ReadWrite, writes).unwrap();
        assert_eq!(place.locked(), expected_bytes(writes), "{kind}: both are there");
        drop(first);
        assert_eq!(place.locked(), expected_bytes(writes), "{kind}: the new one has all");
        second.write_at(3, b"written").unwrap();
        let mut buffer = [1; 12];
        second.read_at(0, &mut buffer).unwrap();
        assert_eq!(&buffer, b"\0\0\0written\0\0", "{kind}");

        let other = place.open(Mode::ReadOnly);
        update(&*other, access(READ, ALL)).unwrap();
        let error = second.reopen(Mode::ReadOnly, access(READ, NONE)).unwrap_err();
        assert!(error.is_conflict(), "{kind}: {error}");
        drop(other);
        assert_eq!(place.locked(), expected_bytes(writes), "{kind}: refused and as it was");
        update(&*second, Access::NONE).unwrap();
        assert!(place.locked().is_empty(), "{kind}: released");
    }
}

#[test]
fn create_does_not_empty_an_image_that_is_in_use() {
    for (kind, place) in places("create") {
        let first = place.open(Mode::ReadWrite);
        first.write_at(0, b"kept").unwrap();
        for (held, told) in [
            (access(READ | WRITE, READ | UNCHANGED), "Failed to get \"write\" lock"),
            (access(NONE, ALL - RESIZE), "Failed to get \"resize\" lock"),
            (access(RESIZE, ALL), "Failed to get shared \"resize\" lock"),
        ] {
            update(&*first, held).unwrap();
            let error = place.create(5).unwrap_err().to_string();
            assert_eq!(error.lines().next(), Some(told), "{kind}: {held}");
            assert_eq!(first.length().unwrap(), LENGTH, "{kind}: {held}");
            assert_eq!(place.locked(), expected_bytes(held), "{kind}: nothing is left behind");
        }
        let mut buffer = [0; 4];
        first.read_at(0, &mut buffer).unwrap();
        assert_eq!(&buffer, b"kept", "{kind}");

        update(&*first, access(READ, ALL)).unwrap();
        place.create(5).unwrap();
        assert_eq!(first.length().unwrap(), 5, "{kind}: one that shares all does not mind");
        first.read_at(0, &mut buffer).unwrap();
        assert_eq!(buffer, [0; 4], "{kind}: emptied");
        assert_eq!(place.locked(), [100].into(), "{kind}: created is unlocked");
    }
}

#[test]
fn no_moment_is_unlocked_during_a_thousand_reopens() {
    let place = on_disk("window");
    let shared = ALL - WRITE - RESIZE;
    let mut image = place.open(Mode::ReadOnly);
    update(&*image, access(READ, shared)).unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(AtomicU64::new(0));
    let (watched, stop) = (File::open(&place.path).unwrap(), Arc::clone(&ended));
    let looked = Arc::clone(&seen);
    let watch = thread::Builder::new().name("watch".to_owned());
    let watch = watch.spawn(move || {
        let mut looks = 0_u64;
        let mut unlocked = 0_u64;
        while !stop.load(Ordering::Relaxed) {
            for byte in [100, 201, 203] {
                looks += 1;
                unlocked += u64::from(!is_locked(&watched, byte));
            }
            looked.store(looks, Ordering::Relaxed);
        }
        (looks, unlocked)
    });
    // On a busy machine the watch may come late: so long the image is opened again and again.
    let late = Instant::now() + Duration::from_secs(60);
    let mut turn = 0;
    while turn < 1_000 || seen.load(Ordering::Relaxed) <= 1_000 && Instant::now() < late {
        turn += 1;
        let (mode, used) = match turn % 2 {
            0 => (Mode::ReadWrite, READ | WRITE),
            _ => (Mode::ReadOnly, READ),
        };
        let again = image.reopen(mode, access(used, shared)).unwrap();
        drop(std::mem::replace(&mut image, again));
    }
    ended.store(true, Ordering::Relaxed);
    let (looks, unlocked) = watch.unwrap().join().unwrap();
    println!("{turn} reopens, {looks} looks at a byte, {unlocked} found it unlocked");
    assert!(looks > 1_000, "the watch has hardly run: {looks}");
    assert_eq!(unlocked, 0, "of {looks} looks");
    let watched = File::open(&place.path).unwrap();
    drop(image);
    assert!(!is_locked(&watched, 201), "the watch can tell");
}
