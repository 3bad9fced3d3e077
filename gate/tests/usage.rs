//! The binary as it is called: mistakes are one line and exit code 2, and nothing is executed.
//!
//! What the rows show is not looked at here: that is the gate's own work, and takes its time.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use graphlock_harness::schedule::{Schedule, ScheduleFile};

fn gate(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(words).output().expect("the binary was built for this test")
}

/// Asserts exit code 2, nothing on stdout and one line on stderr with all of `parts`.
#[track_caller]
fn expect_mistake(words: &[&str], parts: &[&str]) {
    let output = gate(words);
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words:?}: {line}");
    assert!(output.stdout.is_empty(), "{words:?} wrote to stdout");
    assert_eq!(line.lines().count(), 1, "{words:?}: {line}");
    for part in parts {
        assert!(line.contains(part), "{words:?}: {line:?} does not say {part:?}");
    }
}

/// A file for one test.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("the folder for test files is writable");
    path
}

fn expect_refused_schedule(name: &str, content: &[u8], parts: &[&str]) {
    let path = file(name, content);
    expect_mistake(&["replay", path.to_str().expect("the path is UTF-8")], parts);
}

/// The text of a schedule file that fits no program.
fn schedule(scenario: &str, mutation: Option<&str>) -> String {
    let file = ScheduleFile {
        scenario: scenario.to_owned(),
        mutation: mutation.map(str::to_owned),
        verdict: "deadlock".to_owned(),
        schedule: Schedule::default(),
    };
    file.to_text()
}

/// A scenario that exists: the first full name that `gate list` describes.
fn some_scenario() -> String {
    let output = gate(&["list"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("the list is UTF-8");
    let described = text.split("\n\n").nth(1).expect("a paragraph follows the table");
    described.lines().next().expect("it begins with a name").to_owned()
}

#[test]
fn unknown_words_are_refused_with_what_was_expected() {
    expect_mistake(&["--engine", "spin"], &["`spin`", "harness, loom, std"]);
    expect_mistake(&["--profile", "nightly"], &["`nightly`", "quick, full"]);
    expect_mistake(&["--jobs", "0"], &["`0`", "1..=256"]);
    expect_mistake(&["--max-time", "soon"], &["`soon`", "a number"]);
    expect_mistake(&["--colour"], &["`--colour`", "expected"]);
    expect_mistake(&["chekc"], &["`chekc`", "list, replay, mutants"]);
    expect_mistake(&["replay"], &["<FILE>"]);
}

#[test]
fn filters_that_are_wrong_or_match_nothing_are_refused() {
    expect_mistake(&["--filter", "("], &["`(`", "expected a regular expression"]);
    for words in [&["--filter", "no-such-thing"][..], &["list", "--filter", "no-such-thing"]] {
        expect_mistake(words, &["`no-such-thing`", "found no scenario", "expected"]);
    }
    expect_mistake(
        &["mutants", "--filter", "no-such-thing"],
        &["found no planted bug", "expected"],
    );
    expect_mistake(&["mutants", "--engine", "std"], &["found no planted bug", "expected"]);
}

#[test]
fn files_that_are_no_schedules_are_refused() {
    expect_mistake(&["replay", "/no/such/file"], &["/no/such/file", "expected a .schedule file"]);
    expect_refused_schedule("bytes.schedule", &[0xff, 0xfe, 0], &["expected"]);
    expect_refused_schedule("empty.schedule", b"", &["expected"]);
    expect_refused_schedule("foreign.schedule", b"hello\nworld\n", &["hello", "expected"]);

    let whole = schedule("a[b=1]", None);
    let half = &whole[..whole.len() / 2];
    expect_refused_schedule("truncated.schedule", half.as_bytes(), &["expected"]);
    let changed = whole.replace("a[b=1]", "a[b=2]");
    expect_refused_schedule("corrupt.schedule", changed.as_bytes(), &["expected"]);
    let (head, rest) = whole.split_once('\n').expect("it has lines");
    let version =
        format!("{}99\n{rest}", head.trim_end_matches(|each: char| each.is_ascii_digit()));
    expect_refused_schedule("version.schedule", version.as_bytes(), &["99", "expected"]);
}

#[test]
fn schedules_of_something_else_are_refused() {
    let unknown = schedule("no_such_scenario[readers=1]", None);
    let parts = ["`no_such_scenario[readers=1]`", "expected one of"];
    expect_refused_schedule("scenario.schedule", unknown.as_bytes(), &parts);
    let unknown = schedule(&some_scenario(), Some("no-such-mutation"));
    let parts = ["`no-such-mutation`", "expected one of"];
    expect_refused_schedule("mutation.schedule", unknown.as_bytes(), &parts);
}

#[test]
fn the_list_names_scenarios_engines_bounds_and_planted_bugs() {
    let output = gate(&["list"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("the list is UTF-8");
    for word in ["scenario", "harness", "preemptions <=", "planted bug", "budget", "symptom"] {
        assert!(text.contains(word), "{word} is missing:\n{text}");
    }
    let filter = format!("^{}", some_scenario().split('[').next().expect("it has a name"));
    let filtered = gate(&["list", "--filter", &filter]);
    assert_eq!(filtered.status.code(), Some(0));
    assert!(filtered.stdout.len() <= text.len());
}
