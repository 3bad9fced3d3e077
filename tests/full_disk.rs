//! A disk that is full: an overlay that cannot grow refuses the write, says where, and keeps what it has; when there is
//! room again the same write is done.
//!
//! Both parts run in a process of their own: one with a limit for the length of its files, one in a small file system
//! that only it has mounted.

mod support;

#[path = "support/machine.rs"]
mod machine;

use std::path::{Path, PathBuf};
use std::process::Command;

use graphlock::driver::{Device, Header, IoErrorKind};
use graphlock::image::{ImageError, Mode};
use machine::{Machine, alone};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::Folder;

const CLUSTER: u64 = 4096;
const LENGTH: u64 = 64 * CLUSTER;
const CHILD_FOLDER: &str = "GRAPHLOCK_FULL_DISK_FOLDER";

/// Runs one test of this program again below `program`, whose script ends with `exec "$@"`. Exit code 77: the script
/// could not do what the test needs.
fn again_below(program: &[&str], test: &str) {
    let _alone = alone();
    let folder = Folder::new(test);
    let own = std::env::current_exe().expect("a test knows its program");
    let output = Command::new(program[0])
        .args(&program[1..])
        .arg("sh")
        .arg(own)
        .args(["--exact", test, "--nocapture"])
        .env(CHILD_FOLDER, folder.path())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return println!("SKIPPED {test}: {}: {error}", program[0]),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {
            let ran = String::from_utf8_lossy(&output.stdout).contains("1 passed");
            assert!(ran, "there is no test `{test}`");
        }
        Some(1 | 77) => println!("SKIPPED {test}: {said}"),
        code => panic!("{test}: {code:?}: {said}{}", String::from_utf8_lossy(&output.stdout)),
    }
}

/// A guest's disk: an empty overlay in `path`, over nothing.
fn disk(machine: &mut Machine, path: &Path) {
    std::fs::write(path, []).expect("the folder has room for a name");
    machine.open("file", path, Mode::ReadWrite);
    let header = Header { cluster_bits: 12, length: LENGTH, backing: String::new() };
    machine.create_overlay("file", header).expect("there is room for the head");
    let overlay = machine.open_overlay("file").expect("it was just created");
    machine.create("overlay", overlay);
    machine.create("guest", Device::read_write());
    machine.attach("overlay", "file", "file").expect("it is new");
    machine.attach("guest", "root", "overlay").expect("it is new");
}

fn allocated(machine: &Machine) -> usize {
    machine.node("overlay").driver().as_overlay().expect("it is one").allocated()
}

fn byte_of(cluster: u64) -> u8 {
    u8::try_from(cluster).expect("few clusters") + 1
}

/// Writes clusters until one is refused, makes room, and goes on.
fn fill_and_go_on(machine: &mut Machine, path: &Path, make_room: impl FnOnce()) -> IoErrorKind {
    let clusters = || 0..LENGTH / CLUSTER;
    let block = |cluster| vec![byte_of(cluster); CLUSTER as usize];
    let refused = clusters().find_map(|cluster| {
        let error = machine.write("guest", cluster * CLUSTER, &block(cluster)).err()?;
        Some((cluster, error))
    });
    let (full_at, error) = refused.expect("the disk is smaller than that");
    let message = error.to_string();
    assert!(message.contains("`file`"), "{message}");
    assert!(message.contains(path.to_str().expect("a plain name")), "{message}");
    assert!(full_at > 0, "something was written");
    assert_eq!(allocated(machine) as u64, full_at, "the refused one is not in the map");
    for cluster in 0..full_at {
        let found = machine.read("guest", cluster * CLUSTER, CLUSTER as usize);
        assert_eq!(found, Ok(block(cluster)), "cluster {cluster}");
        machine.write("guest", cluster * CLUSTER, &block(cluster)).expect("it has its place");
    }
    let nothing = machine.read("guest", full_at * CLUSTER, CLUSTER as usize);
    assert_eq!(nothing, Ok(vec![0; CLUSTER as usize]), "nothing of the refused write is seen");
    // Whoever opens the file now finds it whole, and the refused cluster not there.
    let again = machine.open_overlay("file").expect("it is whole");
    assert_eq!(again.allocated() as u64, full_at);
    make_room();
    for cluster in full_at..clusters().end {
        machine.write("guest", cluster * CLUSTER, &block(cluster)).expect("there is room again");
    }
    for cluster in clusters() {
        let found = machine.read("guest", cluster * CLUSTER, CLUSTER as usize);
        assert_eq!(found, Ok(block(cluster)), "cluster {cluster}");
    }
    error.kind
}

fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD_FOLDER).map(PathBuf::from)
}

/// The part whose files may not be longer than ten and a half clusters.
#[test]
fn child_with_a_limit() {
    let Some(folder) = child_folder() else { return };
    let path = folder.join("disk.overlay");
    let mut machine = Machine::new("limit");
    disk(&mut machine, &path);
    let before = getrlimit(Resource::Fsize);
    let limit = |current| {
        let limits = Rlimit { current, maximum: before.maximum };
        setrlimit(Resource::Fsize, limits).expect("a soft limit can be changed");
    };
    limit(Some(10 * CLUSTER + CLUSTER / 2));
    let kind = fill_and_go_on(&mut machine, &path, || limit(before.current));
    assert!(
        matches!(kind, IoErrorKind::Image(ImageError::Io { operation: "write", .. })),
        "{kind:?}"
    );
    machine.close();
}

#[test]
fn an_overlay_that_may_not_grow_keeps_what_it_has() {
    // Without the trap the first write past the limit would end the process.
    again_below(&["sh", "-c", r#"trap '' XFSZ; exec "$@""#], "child_with_a_limit");
}

/// The part on a file system of 512 KiB, most of which is taken by another file.
#[test]
fn child_on_a_small_file_system() {
    let Some(folder) = child_folder() else { return };
    let path = folder.join("disk.overlay");
    let mut machine = Machine::new("small");
    disk(&mut machine, &path);
    let ballast = folder.join("ballast");
    let kind = fill_and_go_on(&mut machine, &path, || {
        std::fs::remove_file(ballast).expect("the script has made it");
    });
    let no_space = ImageError::NoSpace { path: path.display().to_string(), operation: "write" };
    assert_eq!(kind, IoErrorKind::Image(no_space));
    machine.close();
}

#[test]
fn an_overlay_on_a_full_disk_keeps_what_it_has() {
    let script = r#"d=$GRAPHLOCK_FULL_DISK_FOLDER
        mount -t tmpfs -o size=512k none "$d" &&
        head -c 400K /dev/zero >"$d/ballast" || exit 77
        exec "$@""#;
    again_below(&["unshare", "--mount", "sh", "-c", script], "child_on_a_small_file_system");
}
