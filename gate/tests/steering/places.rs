//! Folders, disks, pipes and terminals that are not as one wishes: no panic, and the right exit code.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{SMALL, expect, expect_mistake, folder, gate, output, text};

/// Takes no time.
const TINY: &str = "^notify_handshake";

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_is_run() {
    let folder = folder("places");
    fs::write(folder.join("file"), "").expect("the folder is writable");
    // Root may write to any folder, but not to one that is a file, nor below what the kernel keeps.
    for out in ["file", "file/below", "/proc/gate"] {
        expect_mistake(
            &output(&folder, &["--filter", TINY, "--out", out]),
            "expected a writable folder",
        );
    }
    let lost = ["--filter", TINY, "--checkpoint", "nowhere/state"];
    expect_mistake(&output(&folder, &lost), "checkpoint nowhere/state: No such file or directory");
    let is_folder = ["--filter", TINY, "--checkpoint", "out", "--resume"];
    fs::create_dir_all(folder.join("out")).expect("the folder is writable");
    expect_mistake(&output(&folder, &is_folder), "checkpoint out: found no readable file");
}

#[test]
fn the_output_folder_can_be_said_in_two_ways() {
    let folder = folder("out");
    expect(&output(&folder, &["--filter", TINY]), 0);
    expect(&output(&folder, &["--filter", TINY, "--out", "other"]), 0);
    for out in ["out", "other"] {
        for file in ["report.json", "run.checkpoint"] {
            assert!(folder.join(out).join(file).is_file(), "{out}/{file}");
        }
    }
}

#[test]
fn a_full_disk_is_no_place_for_a_result() {
    let folder = folder("full");
    let full = || File::options().write(true).open("/dev/full").expect("Linux has it");
    let to_full = |words: &[&str]| {
        let child = gate(&folder, words).stdout(full()).spawn();
        child
            .and_then(|child| child.wait_with_output())
            .expect("the binary was built for this test")
    };
    for words in [&["list"][..], &["--help"], &["--filter", TINY], &["--filter", TINY, "--json"]] {
        let ended = to_full(words);
        expect(&ended, 2);
        assert!(text(&ended.stderr).contains("stdout: No space left on device"), "{words:?}");
    }
    // Progress that nobody can read is no reason to fail.
    let child = gate(&folder, &["--filter", TINY]).stderr(full()).output();
    let ended = child.expect("the binary was built for this test");
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stdout));
    // The files of a run: what cannot be brought to the disk is refused.
    // A program has the number of the shell that becomes it.
    let binary = env!("CARGO_BIN_EXE_gate");
    let line = format!(
        "ln -s /dev/full state.$$.new && exec '{binary}' --filter '{TINY}' --checkpoint state"
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).env("GATE_OUT", "out").current_dir(&folder);
    let ended = shell.output().expect("there is a shell");
    expect_mistake(&ended, "checkpoint state: No space left on device");
    fs::remove_file(folder.join("out/report.json")).expect("the last run has left it");
    std::os::unix::fs::symlink("/dev/full", folder.join("out/report.json")).expect("a link");
    let ended = output(&folder, &["--filter", TINY]);
    expect(&ended, 2);
    assert!(text(&ended.stdout).contains("notify_handshake"), "the tables are shown all the same");
    assert!(text(&ended.stderr).contains("No space left on device"), "{}", text(&ended.stderr));
}

#[test]
fn a_checkpoint_that_is_lost_on_the_way_does_not_end_the_run() {
    let folder = folder("lost");
    let place = folder.join("place");
    fs::create_dir_all(&place).expect("the folder is writable");
    let words = ["--filter", SMALL, "--jobs", "1", "--checkpoint", "place/state"];
    let child = gate(&folder, &words).spawn().expect("the binary was built for this test");
    while !place.join("state").exists() {
        std::thread::yield_now();
    }
    fs::rename(&place, folder.join("elsewhere")).expect("it is ours");
    let ended = child.wait_with_output().expect("it was spawned here");
    expect(&ended, 2);
    let said = text(&ended.stderr);
    assert_eq!(said.matches("checkpoint place/state: No such file").count(), 2, "{said}");
    assert!(text(&ended.stdout).contains("the gate is open"), "{}", text(&ended.stdout));
    assert!(folder.join("out/report.json").is_file(), "what is known is left all the same");
}

/// Reads one line of stdout, or of stderr, and closes the pipe.
fn head(words: &[&str], of_stderr: bool) -> (String, Output) {
    let mut child =
        gate(&folder("pipe"), words).spawn().expect("the binary was built for this test");
    let pipe: Box<dyn Read> = if of_stderr {
        Box::new(child.stderr.take().expect("it is a pipe"))
    } else {
        Box::new(child.stdout.take().expect("it is a pipe"))
    };
    let mut line = String::new();
    BufReader::with_capacity(1, pipe).read_line(&mut line).expect("there is a line");
    (line, child.wait_with_output().expect("it was spawned here"))
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    for (words, code) in [
        (&["list"][..], 0),
        (&["--help"], 0),
        (&["--filter", SMALL], 0),
        (&["--filter", SMALL, "--json"], 0),
        (&["sample", "notify_handshake", "--runs", "50"], 3),
    ] {
        let (line, ended) = head(words, false);
        assert!(!line.trim().is_empty(), "{words:?}");
        expect(&ended, code);
    }
    let (line, ended) = head(&["--filter", SMALL], true);
    assert!(line.starts_with("[1/"), "{line}");
    expect(&ended, 0);
    assert!(text(&ended.stdout).contains("the gate is open"));
}

/// A terminal of this width: its program's end, and ours.
fn terminal(columns: u16) -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("it is ours");
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let program = ioctl_tiocgptpeer(&ours, flags).expect("it is unlocked");
    let size = Winsize { ws_row: 10, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).expect("it has a size");
    (program, ours)
}

#[test]
fn a_terminal_may_be_narrow() {
    for columns in [40, 1, 0] {
        let (program, ours) = terminal(columns);
        let again = || Stdio::from(program.try_clone().expect("it can be shared"));
        let mut command = gate(&folder("terminal"), &["--filter", SMALL]);
        command.stdin(again()).stdout(again()).stderr(again());
        let mut child = command.spawn().expect("the binary was built for this test");
        // Both have a copy of the program's end: nothing ends while we have one.
        drop((command, program));
        let mut shown = Vec::new();
        // A terminal whose programs have gone away gives an error, and not an end.
        let _ = File::from(ours).read_to_end(&mut shown);
        let shown = text(&shown);
        assert_eq!(child.wait().expect("it was spawned here").code(), Some(0), "{shown}");
        assert!(shown.contains("the gate is open") && !shown.contains("panicked"), "{shown}");
    }
}

#[test]
fn there_may_be_no_terminal_and_nothing_open_at_all() {
    let folder = folder("closed");
    let mut command = gate(&folder, &["--filter", TINY]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert_eq!(command.status().expect("the binary was built for this test").code(), Some(0));
    // A shell can close them, which is another thing.
    let closed = format!("exec '{}' --filter '{TINY}' <&- >&- 2>&-", env!("CARGO_BIN_EXE_gate"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &closed]).env("GATE_OUT", "out").current_dir(&folder);
    let ended = shell.status().expect("there is a shell");
    assert_eq!(ended.code(), Some(0));
}
