//! Overlay files that are cut, torn, foreign or broken: an error that says which node, which image and what is wrong;
//! never a panic, and no memory for what a head only claims.
//!
//! The files are built here byte by byte, by the table in `driver/overlay/header.rs` and not by its code.

mod support;

#[path = "support/machine.rs"]
mod machine;

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;

use graphlock::driver::{FormatError, IoErrorKind};
use graphlock::image::Mode;
use machine::{Machine, alone};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::Folder;

const LENGTH: u64 = 4096;
const DATA_AT: u64 = 1024;
const ENTRY_AT: usize = 512;

/// Eight clusters of 512 bytes, of which the first and the sixth are there.
fn whole() -> Vec<u8> {
    let mut bytes = vec![0; 2048];
    bytes[..8].copy_from_slice(b"GLOCKOVL");
    bytes[8] = 1;
    bytes[12] = 9;
    bytes[16..24].copy_from_slice(&LENGTH.to_le_bytes());
    bytes[24] = 4;
    bytes[26..30].copy_from_slice(b"base");
    entry(&mut bytes, 0, DATA_AT);
    entry(&mut bytes, 5, DATA_AT + 512);
    bytes[1024..].fill(7);
    seal(&mut bytes);
    bytes
}

fn entry(bytes: &mut [u8], cluster: usize, offset: u64) {
    let at = ENTRY_AT + 8 * cluster;
    bytes[at..at + 8].copy_from_slice(&offset.to_le_bytes());
}

/// Makes the checksum right.
fn seal(bytes: &mut [u8]) {
    let sum = bytes[..504].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    bytes[504..512].copy_from_slice(&sum.to_le_bytes());
}

/// The whole one, changed and with the right checksum.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = whole();
    change(&mut bytes);
    seal(&mut bytes);
    bytes
}

/// Has the file be refused.
fn refused(machine: &mut Machine, path: &Path) -> FormatError {
    machine.open("file", path, Mode::ReadOnly);
    let names = ["`file`", path.to_str().expect("a plain name")];
    let error = machine.refuses(&names, |machine| machine.open_overlay("file"));
    machine.unref("file");
    let IoErrorKind::Format { error, .. } = error.kind else { panic!("{error:?}") };
    error
}

#[test]
fn a_whole_file_opens() {
    let mut machine = Machine::new("whole");
    let path = machine.file("whole", &whole());
    machine.open("file", &path, Mode::ReadOnly);
    assert_eq!(machine.open_overlay("file").unwrap().allocated(), 2);
    machine.close();
}

#[test]
fn broken_files_are_refused_by_what_is_wrong() {
    type Check = fn(&FormatError) -> bool;
    let field: Check = |error| matches!(error, FormatError::Field { .. });
    let torn: Check = |error| matches!(error, FormatError::Torn { .. });
    let foreign: Check = |error| matches!(error, FormatError::Foreign { .. });
    let truncated: Check = |error| matches!(error, FormatError::Truncated { .. });
    let broken: Check = |error| matches!(error, FormatError::Entry { cluster: 5, .. });
    let set = |at: usize, value: &[u8]| {
        changed(|bytes| bytes[at..at + value.len()].copy_from_slice(value))
    };
    let at_five = |offset| changed(|bytes| entry(bytes, 5, offset));
    let cases: Vec<(&str, Vec<u8>, Check)> = vec![
        ("empty", Vec::new(), foreign),
        (
            "noise",
            (0..4096_u64).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 7) as u8).collect(),
            foreign,
        ),
        ("cut in the head", whole()[..300].to_vec(), torn),
        ("cut after the head", whole()[..512].to_vec(), truncated),
        ("cut in the map", whole()[..540].to_vec(), truncated),
        ("cut in the data", whole()[..2047].to_vec(), broken),
        (
            "half a head",
            {
                let mut b = whole();
                b[20..512].fill(0);
                b
            },
            torn,
        ),
        ("newer", set(8, &[2]), |error| *error == FormatError::Version(2)),
        ("no length", set(16, &0_u64.to_le_bytes()), field),
        ("greatest length", set(16, &u64::MAX.to_le_bytes()), field),
        ("absurd length", set(16, &(1_u64 << 50).to_le_bytes()), field),
        ("more than the file", set(16, &(1_u64 << 34).to_le_bytes()), truncated),
        ("small clusters", set(12, &[8]), field),
        ("large clusters", set(12, &[22]), field),
        ("absurd clusters", set(12, &[255; 4]), field),
        ("name too long", set(24, &479_u16.to_le_bytes()), field),
        ("name much too long", set(24, &[255; 2]), field),
        ("name not UTF-8", set(26, &[0xff, 0xfe]), field),
        ("entry past the end", at_five(2048), broken),
        ("entry at the very end", at_five(u64::MAX - 511), broken),
        ("entry in the head", at_five(1), broken),
        ("entry in the map", at_five(512), broken),
        ("entry between clusters", at_five(1025), broken),
        ("one place twice", at_five(DATA_AT), |error| {
            *error == FormatError::Shared { offset: DATA_AT, clusters: [0, 5] }
        }),
    ];
    let mut machine = Machine::new("broken");
    for (name, bytes, check) in cases {
        let path = machine.file("overlay", &bytes);
        let error = refused(&mut machine, &path);
        assert!(check(&error), "{name}: {error:?}");
    }
    machine.close();
}

/// The most memory that this process has had mapped, in KiB.
fn memory_most() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system has /proc");
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).expect("it is there");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

#[test]
fn a_claim_takes_no_memory() {
    let mut machine = Machine::new("claims");
    let before = memory_most();
    // As many clusters as may be, in a file that has not even their map.
    let most = changed(|bytes| bytes[16..24].copy_from_slice(&(1_u64 << 34).to_le_bytes()));
    let path = machine.file("most", &most);
    assert!(matches!(refused(&mut machine, &path), FormatError::Truncated { .. }));
    // A file of holes that has room for the map of 2^49 bytes: 8 TiB.
    let huge = changed(|bytes| bytes[16..24].copy_from_slice(&(1_u64 << 49).to_le_bytes()));
    let path = machine.file("huge", &huge);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    match file.set_len((8 << 40) + 4096) {
        Ok(()) => {
            drop(file);
            assert!(matches!(refused(&mut machine, &path), FormatError::Field { .. }));
        }
        Err(error) => {
            drop(file);
            println!("SKIPPED: a file of holes: {error}");
        }
    }
    let grown = memory_most() - before;
    assert!(grown < 64 << 10, "{grown} KiB");
    machine.close();
}

#[test]
fn an_image_of_another_format_is_foreign() {
    let made = {
        let _alone = alone();
        let folder = Folder::new("qcow2");
        let path = folder.path().join("disk.qcow2");
        let made = Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2"])
            .arg(&path)
            .arg("1M")
            .output();
        match made {
            Ok(output) if output.status.success() => std::fs::read(&path).expect("it was made"),
            made => return println!("SKIPPED: qemu-img: {made:?}: install qemu-utils"),
        }
    };
    let mut machine = Machine::new("foreign");
    let path = machine.file("disk.qcow2", &made);
    let error = refused(&mut machine, &path);
    assert!(matches!(error, FormatError::Foreign { found } if found.starts_with(b"QFI")));
    machine.close();
}

/// Opens the file, and if it is whole reads and writes all of it.
fn open_and_use(bytes: &[u8]) {
    let mut machine = Machine::new("changed");
    let path = machine.file("overlay", bytes);
    machine.open("file", &path, Mode::ReadWrite);
    match machine.open_overlay("file") {
        Ok(overlay) => {
            let length = overlay.header().length.min(LENGTH);
            machine.create("overlay", overlay);
            machine.attach("overlay", "file", "file").expect("nobody else uses it");
            let length = usize::try_from(length).expect("a small one");
            machine.read("overlay", 0, length).expect("it is whole");
            machine.write("overlay", 0, &vec![9; length]).expect("it is whole");
            assert_eq!(machine.read("overlay", 0, length), Ok(vec![9; length]));
            machine.open_overlay("file").expect("it is whole still");
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("`file`"), "{message}");
            assert!(message.contains(path.to_str().expect("a plain name")), "{message}");
        }
    }
    machine.close();
}

#[test]
fn changed_bytes_open_whole_or_give_an_error() {
    let position = prop_oneof![0_usize..32, 504_usize..576, 0_usize..2048];
    let changes = prop::collection::vec((position, any::<u8>()), 1..6);
    let cut = prop_oneof![3 => Just(2048_usize), 1 => 0_usize..2048];
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(256) });
    let result = runner.run(&(changes, any::<bool>(), cut), |(changes, sealed, cut)| {
        let mut bytes = whole();
        for (at, value) in changes {
            bytes[at] = value;
        }
        if sealed {
            seal(&mut bytes);
        }
        bytes.truncate(cut);
        open_and_use(&bytes);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
