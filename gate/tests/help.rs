//! What the gate says of itself: exit codes that are reached, explanations, completions and the man page.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use graphlock_harness::schedule::ScheduleFile;

/// Takes a second or so.
const SMALL: &str = "reader_meets_writer[readers=1,sections=1,writes=1,overtakes=1]";

fn gate(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(words).env("CARGO_TARGET_DIR", target());
    command.output().expect("the binary was built for this test")
}

/// Where this test's files are left.
fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("help")
}

#[track_caller]
fn stdout(words: &[&str]) -> String {
    let output = gate(words);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("the result is UTF-8")
}

#[track_caller]
fn expect_code(code: i32, words: &[&str]) -> Output {
    let output = gate(words);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {text}");
    output
}

#[test]
fn each_exit_code_is_reached() {
    expect_code(0, &["explore", SMALL, "--quiet"]);
    let planted = ["explore", SMALL, "--quiet", "--mutation", "reader-kick-removed"];
    expect_code(1, &planted);
    expect_code(2, &["explore", "moon"]);
    expect_code(3, &["explore", SMALL, "--quiet", "--max-executions", "3"]);

    // The schedule of a bug, replayed without the bug.
    let saved = target().join("gate");
    let name = "reader_meets_writer-readers=1-sections=1-writes=1-overtakes=1.reader-kick-removed.schedule";
    let text = fs::read_to_string(saved.join(name)).expect("the violation was saved");
    let file = ScheduleFile::parse(&text).expect("it was just written");
    let sound = saved.join("sound.schedule");
    fs::write(&sound, ScheduleFile { mutation: None, ..file }.to_text()).expect("it is writable");
    expect_code(4, &["replay", sound.to_str().expect("the path is UTF-8")]);

    // This bug is found after tens of thousands of executions, which take longer than a second.
    let survives =
        ["mutants", "--filter", "^copy-takes-its-own-lock$", "--max-time", "1", "--quiet"];
    expect_code(5, &survives);
}

#[test]
fn quiet_leaves_stderr_empty() {
    for words in [
        &["mutants", "--filter", "^reader-kick-removed$", "--quiet"][..],
        &["--engine", "std", "--filter", "^worker_pool$", "--quiet"],
        &["explore", SMALL, "--quiet"],
        &["sample", SMALL, "--runs", "10", "--quiet"],
        &[
            "check",
            "../model-tests/programs/seed.toml",
            "--max-time",
            "1",
            "--runs",
            "10",
            "--quiet",
        ],
        &["fuzz", "--programs", "2", "--schedules", "2", "--quiet"],
    ] {
        let output = gate(words);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.is_empty(), "{words:?}: {text}");
        assert!(!output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn without_a_terminal_progress_is_lines_without_control_characters() {
    let output = gate(&["mutants", "--filter", "^reader-kick"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("[2/2] ") && text.contains("violation"), "{text}");
    assert!(text.chars().all(|each| each == '\n' || !each.is_control()), "{text:?}");
}

#[test]
fn a_name_is_explained_without_colours_where_there_is_no_terminal() {
    let text = stdout(&["explain", "reader-kick-removed"]);
    for part in ["a planted bug", "src/graph_lock/reader.rs:", "cargo gate mutants --filter"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    assert!(!text.contains('\x1b'), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(stdout(&["explain"]).contains("planted-bugs"));
    let refused = expect_code(2, &["explain", "reader-kik-removed"]);
    let line = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(line.contains("`reader-kick-removed`") && line.lines().count() == 1, "{line}");
}

/// Gives `text` to a program on stdin, if there is such a program.
fn read_by(program: &str, words: &[&str], text: &str) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // A program that is silent until it has read all fills no pipe.
    stdin.write_all(text.as_bytes()).expect("the program reads its input");
    drop(stdin);
    Some(child.wait_with_output().expect("it was spawned here"))
}

#[test]
fn shells_and_roff_take_what_is_written_for_them() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(stdout(&["completions", shell]).contains("mutants"), "{shell}");
    }
    if let Some(read) = read_by("bash", &["-n"], &stdout(&["completions", "bash"])) {
        let errors = String::from_utf8_lossy(&read.stderr).into_owned();
        assert!(read.status.success() && errors.is_empty(), "{errors}");
    }
    let page = stdout(&["man"]);
    if let Some(read) = read_by("groff", &["-man", "-ww", "-z"], &page) {
        let errors = String::from_utf8_lossy(&read.stderr).into_owned();
        assert!(read.status.success() && errors.is_empty(), "{errors}");
    }
}
