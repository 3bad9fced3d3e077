//! Requests on two event loops while the main loop snapshots, commits, reopens and replaces nodes: every byte that is
//! read is one that was written. And the same killed at any moment: what is left is a disk.
//!
//! `GRAPHLOCK_ROUNDS` and `GRAPHLOCK_KILLS` say how much; the numbers of the ordinary run are small.

#[path = "load/disk.rs"]
mod disk;
#[path = "load/guest.rs"]
mod guest;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use disk::Disk;
use graphlock::graph_lock::Deferral;
use graphlock::image::{Image, ImageFile, Locking, Mode};
use guest::{Guests, block_of};

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a number"))
}

/// What the main loop does in a round.
fn change(disk: &mut Disk, round: u64) {
    match round % 5 {
        0 => disk.snapshot(),
        1 => disk.filter_comes(),
        2 => disk.reopen(),
        3 => disk.filter_goes(),
        _ => disk.commit(),
    }
}

fn run(folder: &Path, deferral: Deferral, rounds: u64) -> (u64, Vec<u64>) {
    let mut disk = Disk::new(folder, deferral);
    let guests = Guests::start(&disk);
    for round in 0..rounds {
        change(&mut disk, round);
    }
    let (requests, written) = guests.stop(&mut disk);
    disk.commit_all();
    disk.close();
    (requests, written)
}

/// What the disk must hold.
fn expected(written: &[u64]) -> Vec<u8> {
    let blocks =
        written.iter().zip(0..).flat_map(|(generation, block)| block_of(block, *generation));
    blocks.collect()
}

fn every_byte_is_one_that_was_written(deferral: Deferral) {
    let folder = tempfile::tempdir().expect("a folder for images");
    let rounds = number("GRAPHLOCK_ROUNDS", 200);
    let begun = Instant::now();
    let (requests, written) = run(folder.path(), deferral, rounds);
    println!("{deferral:?}: {rounds} rounds, {requests} requests, {:?}", begun.elapsed());
    let base = std::fs::read(folder.path().join("base.img")).expect("the base is there");
    let expected = expected(&written);
    let differs = base.iter().zip(&expected).position(|(found, expected)| found != expected);
    assert_eq!((differs, base.len()), (None, expected.len()), "the base after the last commit");
    std::fs::write(folder.path().join("expected.img"), expected).expect("room");
    let images = ["base.img", "expected.img"].map(|name| folder.path().join(name));
    let compared =
        Command::new("qemu-img").args(["compare", "-f", "raw", "-F", "raw"]).args(images).output();
    match compared {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout))
        }
        Err(error) => {
            println!("SKIPPED: qemu-img: {error}: install qemu-utils");
            assert!(std::env::var_os("CI").is_none(), "CI has qemu-img");
        }
    }
}

#[test]
fn every_byte_read_is_one_that_was_written_with_bottom_halves() {
    every_byte_is_one_that_was_written(Deferral::BottomHalf);
}

#[test]
fn every_byte_read_is_one_that_was_written_with_a_list() {
    every_byte_is_one_that_was_written(Deferral::List);
}

const CHILD: &str = "GRAPHLOCK_LOAD_FOLDER";

/// The process that is killed: without a folder it has nothing to do.
#[test]
fn child_under_load() {
    if let Some(folder) = std::env::var_os(CHILD) {
        run(Path::new(&folder), Deferral::List, u64::MAX);
    }
}

/// Kills the load after `time`, and looks at what is left.
#[expect(clippy::disallowed_methods, reason = "it is killed at a moment that nobody has chosen")]
fn kill_and_look(time: Duration) -> usize {
    let folder = tempfile::tempdir().expect("a folder for images");
    let own = std::env::current_exe().expect("a test knows its program");
    let mut child = Command::new(own)
        .args(["--exact", "child_under_load", "--nocapture"])
        .env(CHILD, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("a test can be run again");
    std::thread::sleep(time);
    child.kill().expect("it runs for ever");
    child.wait().expect("it was killed");
    let mut images = 0;
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    names.sort();
    for path in names {
        let name = path.to_str().expect("a plain name");
        // It opens at once, and nobody holds a lock.
        let image = ImageFile::open(name, Mode::ReadWrite, Locking::On).expect("no lock is left");
        let access = disk::alone();
        image.prepare(access).expect("no lock is left");
        drop(image);
        if name.ends_with(".overlay") {
            images += usize::from(disk::overlay_is_whole(name));
        }
    }
    images
}

#[test]
fn a_killed_process_leaves_a_disk() {
    let kills = number("GRAPHLOCK_KILLS", 20);
    let mut overlays = 0;
    for kill in 0..kills {
        // Spread over the first part of the load, in steps that share no factor with its rounds.
        overlays += kill_and_look(Duration::from_millis(30 + (kill * 37) % 400));
    }
    println!("{kills} kills, {overlays} whole overlays");
    assert!(overlays > 0, "no kill has left an overlay: nothing was looked at");
}
