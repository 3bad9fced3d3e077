//! Runs that are killed, interrupted, divided, put together, and that have nowhere to write to.
//!
//! | file | |
//! | --- | --- |
//! | `kill` | what was killed or interrupted goes on, and comes to the same |
//! | `parts` | shards, and what is no whole |
//! | `clusters` | the files for GitHub Actions, Slurm and Kubernetes, executed here |
//! | `places` | folders, disks, pipes and terminals that are not as one wishes |
//!
//! All of it is about small scenarios: what they show is the gate's own work.

mod clusters;
mod kill;
mod parts;
mod places;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Jobs of all kinds, none longer than a moment, none that the clock ends.
const SMALL: &str = r"^(reader_meets_writer\[readers=1)";

/// The variables by which a cluster could speak to a gate that was not meant.
const CLUSTER: [&str; 8] = [
    "GATE_OUT",
    "GATE_SHARDS",
    "JOB_COMPLETION_INDEX",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_COUNT",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_STEP",
];

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("steering").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("the folder for test files is writable");
    path
}

/// The gate, called in a folder; its files are left in `out` there.
fn gate(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(words).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in CLUSTER {
        command.env_remove(name);
    }
    // A path is the same in the reports of different folders.
    command.env("GATE_OUT", "out");
    command
}

/// Calls it and waits.
fn output(folder: &Path, words: &[&str]) -> Output {
    gate(folder, words).output().expect("the binary was built for this test")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts an exit code.
#[track_caller]
fn expect(output: &Output, code: i32) {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// Asserts exit code 2, nothing on stdout and one line on stderr.
#[track_caller]
fn expect_mistake(output: &Output, part: &str) {
    expect(output, 2);
    let line = text(&output.stderr);
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    assert!(line.contains(part) && line.lines().count() == 1, "{part}: {line}");
}

/// The report that was left, without what differs from run to run.
#[track_caller]
fn report(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("out/report.json")).expect("there is a report");
    without_times(&text)
}

fn without_times(text: &str) -> Value {
    let mut report: Value = serde_json::from_str(text).expect("it is JSON");
    report.as_object_mut().expect("it is an object").remove("times").expect("it has times");
    report
}

/// The tables without times: every word that is no number with a unit.
fn tables(stdout: &[u8]) -> String {
    let lines = text(stdout);
    let timeless = lines.lines().map(|line| {
        let words = line.split_whitespace().collect::<Vec<_>>();
        let is_time = |at: usize| {
            let unit = |word: &str| word.trim_end_matches([';', ',']) == "s";
            unit(words[at]) || words.get(at + 1).is_some_and(|next| unit(next))
        };
        let kept = (0..words.len()).filter(|at| !is_time(*at)).map(|at| words[at]);
        kept.collect::<Vec<_>>().join(" ")
    });
    timeless.collect::<Vec<_>>().join("\n")
}

/// One run in one process, and its folder.
fn one_run(name: &str, filter: &str) -> (PathBuf, Output) {
    let folder = folder(name);
    let output = output(&folder, &["--filter", filter]);
    expect(&output, 0);
    (folder, output)
}
