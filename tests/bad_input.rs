//! What cannot be done is refused with an error that says which node and which image, and nothing is changed: images
//! that are none, changes that do not go together, modes that cannot be, commits of what is no overlay.

mod support;

#[path = "support/machine.rs"]
mod machine;

use std::path::Path;
use std::process::Command;

use graphlock::driver::{Device, DriverError, Header, IoErrorKind, Overlay, Raw, Storage};
use graphlock::graph::{ChangeError, CommitError, ReopenError};
use graphlock::image::{Image, ImageError, ImageFile, Locking, Mode};
use graphlock::permission::Permissions;
use machine::{Machine, alone};
use nix::sys::stat;
use support::{Folder, READ, UNCHANGED, access};

const LENGTH: usize = 64 << 10;

/// What a user does to get a node: an image, opened and locked.
fn open(machine: &Machine, path: &Path, mode: Mode) -> Result<Box<Storage>, DriverError> {
    let image = ImageFile::open(path, mode, Locking::On)?;
    Storage::new(machine.graph.lock(), Box::new(image), None)
}

fn name_of(path: &Path) -> &str {
    path.to_str().expect("a plain name")
}

#[test]
fn what_is_no_image_makes_no_node() {
    let mut machine = Machine::new("no-image");
    let folder = machine.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let pipe = machine.path("pipe");
    nix::unistd::mkfifo(&pipe, stat::Mode::S_IRWXU).unwrap();
    let missing = machine.path("missing");
    for mode in [Mode::ReadOnly, Mode::ReadWrite] {
        let error = machine.refuses(&[name_of(&folder)], |machine| open(machine, &folder, mode));
        assert!(matches!(error, DriverError::Image(ImageError::IsDirectory { .. })), "{error:?}");
        let error = machine.refuses(&[name_of(&pipe)], |machine| open(machine, &pipe, mode));
        assert!(matches!(error, DriverError::Image(ImageError::NotAnImage { .. })), "{error:?}");
        let error = machine.refuses(&[name_of(&missing)], |machine| open(machine, &missing, mode));
        assert!(matches!(error, DriverError::Image(ImageError::Missing { .. })), "{error:?}");
    }
    machine.close();
}

#[test]
fn an_image_that_another_node_writes_makes_no_second_node() {
    let mut machine = Machine::new("taken");
    let path = machine.file("disk", &[1; LENGTH]);
    machine.open("disk", &path, Mode::ReadWrite);
    let error = machine.refuses(&[name_of(&path)], |machine| open(machine, &path, Mode::ReadWrite));
    assert!(matches!(&error, DriverError::Image(image) if image.is_conflict()), "{error:?}");
    machine.close();
}

const CHILD_FOLDER: &str = "GRAPHLOCK_BAD_INPUT_FOLDER";

/// Runs one test of this program again below `script`, which ends with `exec "$@"`, in `folder`. Exit code 77: the
/// script could not do what the test needs.
fn again_below(script: &str, test: &str, folder: &Path) {
    let own = std::env::current_exe().expect("a test knows its program");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(own)
        .args(["--exact", test, "--nocapture"])
        .env(CHILD_FOLDER, folder)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return println!("SKIPPED {test}: unshare: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    // `unshare` itself says 1 where it is not permitted; a failed test says 101.
    match output.status.code() {
        Some(0) => {
            let ran = String::from_utf8_lossy(&output.stdout).contains("1 passed");
            assert!(ran, "there is no test `{test}`");
        }
        Some(1 | 77) => println!("SKIPPED {test}: {said}"),
        code => panic!("{test}: {code:?}: {said}{}", String::from_utf8_lossy(&output.stdout)),
    }
}

/// The part that runs where `disk` is on a read-only file system.
#[test]
fn child_on_a_read_only_file_system() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let mut machine = Machine::new("read-only-file-system");
    let path = Path::new(&folder).join("disk");
    let error = machine.refuses(&[name_of(&path)], |machine| open(machine, &path, Mode::ReadWrite));
    assert!(
        matches!(error, DriverError::Image(ImageError::NotPermitted { operation: "open", .. })),
        "{error:?}"
    );
    let new = Path::new(&folder).join("new");
    machine.refuses(&[name_of(&new)], |_| ImageFile::create(&new, 512, Locking::On));
    // To be read it is as good as any.
    machine.open("disk", &path, Mode::ReadOnly);
    let error = machine
        .refuses(&["`disk`", name_of(&path)], |machine| reopen(machine, "disk", Mode::ReadWrite));
    assert!(matches!(error.error, DriverError::Image(ImageError::NotPermitted { .. })));
    assert_eq!(machine.read("disk", 0, 4).unwrap(), [0; 4]);
    machine.close();
}

#[test]
fn an_image_on_a_read_only_file_system_is_not_opened_to_be_written() {
    let _alone = alone();
    let folder = Folder::new("mount");
    let script = r#"d=$GRAPHLOCK_BAD_INPUT_FOLDER
        mount -t tmpfs -o size=1m none "$d" && truncate -s 64K "$d/disk" &&
        mount -o remount,ro "$d" || exit 77
        exec "$@""#;
    again_below(script, "child_on_a_read_only_file_system", folder.path());
}

/// The part that runs as a user to whom `disk` says nothing.
#[test]
fn child_without_rights() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let mut machine = Machine::new("without-rights");
    let path = Path::new(&folder).join("disk");
    for mode in [Mode::ReadOnly, Mode::ReadWrite] {
        let error = machine.refuses(&[name_of(&path)], |machine| open(machine, &path, mode));
        assert!(
            matches!(error, DriverError::Image(ImageError::NotPermitted { operation: "open", .. })),
            "{error:?}"
        );
    }
    machine.close();
}

#[test]
fn an_image_that_is_not_ours_is_refused() {
    let _alone = alone();
    let folder = Folder::new("rights");
    // The superuser may do everything, so the test is done by somebody else.
    let script = r#"touch "$GRAPHLOCK_BAD_INPUT_FOLDER/disk" &&
        chmod 000 "$GRAPHLOCK_BAD_INPUT_FOLDER/disk" &&
        setpriv --reuid 65534 --clear-groups test -x "$1" || exit 77
        exec setpriv --reuid 65534 --clear-groups "$@""#;
    again_below(script, "child_without_rights", folder.path());
}

#[test]
fn changes_that_cannot_be_leave_the_graph_as_it_was() {
    let mut machine = Machine::new("changes");
    for name in ["upper", "middle", "lower"] {
        machine.create(name, Raw::new());
    }
    machine.attach("upper", "file", "middle").unwrap();
    machine.attach("middle", "file", "lower").unwrap();
    let error = machine
        .refuses(&["`lower`", "`upper`"], |machine| machine.attach("lower", "file", "upper"));
    assert!(matches!(error, ChangeError::Cycle { .. }), "{error:?}");
    let error = machine.refuses(&["`lower`"], |machine| machine.attach("lower", "file", "lower"));
    assert!(matches!(error, ChangeError::Cycle { .. }), "{error:?}");
    let error =
        machine.refuses(&["`upper`", "`file`"], |machine| machine.attach("upper", "file", "lower"));
    assert!(matches!(error, ChangeError::Child { exists: true, .. }), "{error:?}");
    let error = machine.refuses(&["`lower`", "`backing`"], |machine| {
        let Machine { main, graph, nodes, .. } = machine;
        let mut section = graph.lock().write(main);
        let detached = graph.detach_child(&mut section, &nodes["lower"], "backing");
        section.unlock();
        detached
    });
    assert!(matches!(error, ChangeError::Child { exists: false, .. }), "{error:?}");
    // A driver that needs the child says which.
    let error = machine.refuses(&["`lower`", "`file`"], |machine| machine.read("upper", 0, 1));
    assert_eq!(error.kind, IoErrorKind::NoChild("file"));
    machine.close();
}

#[test]
fn users_that_do_not_get_along_are_both_named() {
    let mut machine = Machine::new("conflict");
    let path = machine.file("disk", &[1; LENGTH]);
    machine.open("disk", &path, Mode::ReadWrite);
    machine.create("guest", Device::read_write());
    machine.create("backup", Device::read_write());
    machine.attach("guest", "root", "disk").unwrap();
    let error = machine.refuses(&["`disk`", "`guest`", "`backup`", "`write`"], |machine| {
        machine.attach("backup", "root", "disk")
    });
    let ChangeError::Conflict(conflict) = error else { panic!("{error:?}") };
    assert_eq!(conflict.permissions, Permissions::WRITE);
    machine.write("guest", 0, &[2; 8]).unwrap();
    machine.close();
}

fn reopen(machine: &mut Machine, name: &str, mode: Mode) -> Result<(), ReopenError> {
    let Machine { main, graph, nodes, .. } = machine;
    graph.reopen(main, &[(&nodes[name], mode)])
}

#[test]
fn a_mode_that_cannot_be_is_refused() {
    let mut machine = Machine::new("modes");
    let path = machine.file("disk", &[1; LENGTH]);
    machine.open("disk", &path, Mode::ReadWrite);
    machine.create("guest", Device::read_write());
    machine.create("filter", Raw::new());
    machine.attach("guest", "root", "disk").unwrap();
    let error = machine.refuses(&["`disk`", name_of(&path), "write"], |machine| {
        reopen(machine, "disk", Mode::ReadOnly)
    });
    assert!(matches!(error.error, DriverError::ReadOnly { .. }), "{error:?}");
    let error = machine
        .refuses(&["`filter`", "image"], |machine| reopen(machine, "filter", Mode::ReadOnly));
    assert_eq!(error.error, DriverError::NoImage);
    // All or nothing: the second is refused, the first stays as it was.
    let other = machine.file("other", &[2; LENGTH]);
    machine.open("other", &other, Mode::ReadWrite);
    machine.refuses(&["`disk`", name_of(&path)], |machine| {
        let Machine { main, graph, nodes, .. } = machine;
        let both = [(&nodes["other"], Mode::ReadOnly), (&nodes["disk"], Mode::ReadOnly)];
        graph.reopen(main, &both)
    });
    machine.write("guest", 0, &[2; 8]).unwrap();
    machine.close();
}

#[test]
fn a_writer_above_an_image_that_is_open_to_be_read_is_refused() {
    let mut machine = Machine::new("read-only");
    let path = machine.file("disk", &[1; LENGTH]);
    machine.open("disk", &path, Mode::ReadOnly);
    machine.create("guest", Device::read_write());
    let names = ["`disk`", name_of(&path), "read-only", "write"];
    let error = machine.refuses(&names, |machine| machine.attach("guest", "root", "disk"));
    assert!(matches!(error, ChangeError::Driver { error: DriverError::ReadOnly { .. }, .. }));
    let error =
        machine.refuses(&["`disk`", name_of(&path)], |machine| machine.write("disk", 0, &[1]));
    assert!(matches!(error.kind, IoErrorKind::Image(ImageError::ReadOnly { .. })));
    machine.close();
}

/// A guest's disk: an overlay with one written cluster over a base that is open to be read.
fn with_overlay(test: &str) -> Machine {
    let mut machine = Machine::new(test);
    let base = machine.file("base.img", &[1; LENGTH]);
    let path = machine.file("top.overlay", &[]);
    machine.open("base", &base, Mode::ReadOnly);
    machine.open("file", &path, Mode::ReadWrite);
    let header = Header { cluster_bits: 12, length: LENGTH as u64, backing: "base".to_owned() };
    machine.create_overlay("file", header).unwrap();
    let driver = machine.open_overlay("file").unwrap();
    machine.create("overlay", driver);
    machine.create("guest", Device::read_write());
    machine.attach("overlay", "file", "file").unwrap();
    machine.attach("overlay", "backing", "base").unwrap();
    machine.attach("guest", "root", "overlay").unwrap();
    machine.write("guest", 5000, &[7; 100]).unwrap();
    machine
}

/// What was written is there, and more can be.
fn is_usable(machine: &mut Machine) {
    assert_eq!(machine.read("guest", 4990, 10).unwrap(), [1; 10]);
    assert_eq!(machine.read("guest", 5000, 100).unwrap(), [7; 100]);
    machine.write("guest", 20_000, &[8; 100]).unwrap();
    assert_eq!(machine.read("guest", 20_000, 100).unwrap(), [8; 100]);
}

fn commit(machine: &mut Machine, name: &str) -> Result<u64, CommitError> {
    let Machine { main, graph, nodes, .. } = machine;
    graph.commit(main, &nodes[name])
}

#[test]
fn what_is_no_overlay_with_a_backing_node_is_not_committed() {
    let mut machine = with_overlay("no-overlay");
    for name in ["file", "guest", "base"] {
        let error =
            machine.refuses(&[&format!("`{name}`"), "backing"], |machine| commit(machine, name));
        assert_eq!(error, CommitError::NoOverlay(name.to_owned()));
    }
    let mut section = machine.graph.lock().write(&mut machine.main);
    let base = machine.graph.detach_child(&mut section, &machine.nodes["overlay"], "backing");
    section.schedule_unref(base.unwrap());
    section.unlock();
    let error = machine.refuses(&["`overlay`", "backing"], |machine| commit(machine, "overlay"));
    assert_eq!(error, CommitError::NoOverlay("overlay".to_owned()));
    assert_eq!(machine.read("guest", 5000, 100).unwrap(), [7; 100]);
    machine.close();
}

#[test]
fn a_commit_into_an_image_that_another_opener_reads_changes_nothing() {
    let mut machine = with_overlay("locked");
    let path = machine.path("base.img");
    let other = ImageFile::open(&path, Mode::ReadOnly, Locking::On).unwrap();
    other.prepare(access(READ, READ | UNCHANGED)).unwrap();
    other.commit();
    let error = machine.refuses(&["`base`", name_of(&path)], |machine| commit(machine, "overlay"));
    assert!(
        matches!(&error, CommitError::Reopen(ReopenError { error: DriverError::Image(image), .. })
            if image.is_conflict()),
        "{error:?}"
    );
    is_usable(&mut machine);
    // Later it is done.
    drop(other);
    assert_eq!(commit(&mut machine, "overlay"), Ok(2));
    is_usable(&mut machine);
    machine.close();
}

#[test]
fn a_commit_that_a_user_of_the_backing_node_refuses_changes_nothing() {
    let mut machine = with_overlay("backing-used");
    machine.create("backup", Device::read_only());
    machine.attach("backup", "root", "base").unwrap();
    let names = ["`base`", "`overlay`", "`backup`", "write"];
    let error = machine.refuses(&names, |machine| commit(machine, "overlay"));
    assert!(matches!(error, CommitError::Change(ChangeError::Conflict(_))), "{error:?}");
    is_usable(&mut machine);
    machine.unref("backup");
    assert_eq!(commit(&mut machine, "overlay"), Ok(2));
    is_usable(&mut machine);
    machine.close();
}

#[test]
fn a_head_that_cannot_be_leaves_the_file_as_it_was() {
    let mut machine = Machine::new("head");
    let path = machine.file("file", &[1; LENGTH]);
    machine.open("file", &path, Mode::ReadWrite);
    let header = |cluster_bits, length, backing: &str| Header {
        cluster_bits,
        length,
        backing: backing.to_owned(),
    };
    let heads = [
        header(8, 4096, ""),
        header(22, 4096, ""),
        header(u32::MAX, 4096, ""),
        header(9, 0, ""),
        header(9, u64::MAX, ""),
        header(21, 1 << 60, ""),
        header(9, 4096, &"x".repeat(479)),
    ];
    for header in heads {
        machine
            .refuses(&["`file`", name_of(&path)], |machine| machine.create_overlay("file", header));
    }
    machine.close();
}

/// A driver of its own may say what it likes: an overlay without its file says so.
#[test]
fn an_overlay_without_its_file_says_so() {
    let mut machine = with_overlay("no-file");
    let driver: Box<Overlay> = machine.open_overlay("file").unwrap();
    machine.create("bare", driver);
    let error = machine.refuses(&["`bare`", "`file`"], |machine| machine.write("bare", 0, &[1]));
    assert_eq!(error.kind, IoErrorKind::NoChild("file"));
    machine.close();
}
