//! One scenario explored in pieces: the text on stdout is that of one piece, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Takes a second or so.
const SMALL: &str = "reader_meets_writer[readers=2,sections=1,writes=1,overtakes=0]";

/// Takes long enough to be interrupted after its first checkpoint.
const LARGE: &str = "reader_meets_writer[readers=2,sections=1,writes=1,overtakes=1]";

fn gate(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(words: &[&str]) -> Output {
    gate(words).output().expect("the binary was built for this test")
}

#[track_caller]
fn stdout(words: &[&str]) -> String {
    let output = output(words);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("the result is UTF-8")
}

/// A place for a file that is not there.
fn place(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

#[test]
fn jobs_and_shards_give_the_same_text_as_one_job() {
    let whole = stdout(&["explore", SMALL, "--quiet"]);
    assert!(whole.contains("complete: every interleaving, none twice"), "{whole}");
    assert_eq!(stdout(&["explore", SMALL, "--quiet", "--jobs", "2"]), whole);
    let files = ["1/3", "2/3", "3/3"].map(|shard| {
        let file = place(&format!("shard-{}", &shard[..1]));
        stdout(&["explore", SMALL, "--quiet", "--shard", shard, "--checkpoint", text(&file)]);
        file
    });
    let [one, two, three] = files.each_ref().map(|file| text(file));
    assert_eq!(stdout(&["merge", SMALL, three, one, two]), whole);
    let missing = output(&["merge", SMALL, one, three]);
    let line = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(missing.status.code(), Some(2), "{line}");
    assert!(line.contains("expected each of the shards 1/3 to 3/3 once, found 1/3, 3/3"), "{line}");
}

#[test]
fn a_violation_is_the_same_for_several_jobs() {
    let planted = ["explore", SMALL, "--quiet", "--mutation", "reader-kick-removed"];
    let one = output(&planted);
    let two = output(&[&planted[..], &["--jobs", "2"]].concat());
    assert_eq!((one.status.code(), two.status.code()), (Some(1), Some(1)));
    assert_eq!(String::from_utf8_lossy(&one.stdout), String::from_utf8_lossy(&two.stdout));
    assert!(String::from_utf8_lossy(&one.stdout).contains("to see it again: cargo gate replay"));
}

#[test]
fn what_was_killed_or_interrupted_goes_on_from_its_checkpoint() {
    let whole = stdout(&["explore", LARGE, "--quiet", "--jobs", "2"]);
    for signal in ["KILL", "INT"] {
        let file = place(&format!("checkpoint-{signal}"));
        let words = ["explore", LARGE, "--quiet", "--jobs", "2", "--checkpoint", text(&file)];
        let child = gate(&words).spawn().expect("the binary was built for this test");
        let ended = end_after_checkpoint(child, &file, signal);
        if signal == "INT" {
            let text = String::from_utf8_lossy(&ended.stdout).into_owned();
            assert_eq!(ended.status.code(), Some(3), "{text}");
            assert!(text.contains("interrupted; nothing found so far"), "{text}");
        }
        let again = output(&words);
        let line = String::from_utf8_lossy(&again.stderr).into_owned();
        assert_eq!(again.status.code(), Some(2), "{line}");
        assert!(line.contains("go on from it with `--resume`"), "{line}");
        assert_eq!(stdout(&[&words[..], &["--resume"]].concat()), whole, "{signal}");
    }
}

/// Sends the signal as soon as there is a checkpoint.
fn end_after_checkpoint(child: Child, file: &Path, signal: &str) -> Output {
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint was written");
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = format!("kill -{signal} {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().expect("there is a shell");
    assert!(sent.success(), "{kill} was refused");
    child.wait_with_output().expect("it was spawned here")
}

#[test]
fn what_fits_nothing_is_refused() {
    let cases: [(&[&str], &str); 5] = [
        (&["explore", "moon"], "found scenario `moon`, expected one of"),
        (&["sample", SMALL, "--mutation", "moon"], "found mutation `moon`, expected one of"),
        (&["explore", SMALL, "--shard", "3/2"], "expected a number (K/N with K from 1 to N"),
        (&["explore", SMALL, "--resume"], "found no --checkpoint <FILE>, expected one"),
        (&["sample", SMALL, "--strategy", "luck"], "expected portfolio, walk, pct1 to pct1000"),
    ];
    for (words, expected) in cases {
        let refused = output(words);
        let line = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{words:?}: {line}");
        assert!(line.contains(expected) && line.lines().count() == 1, "{words:?}: {line}");
    }
}

#[test]
fn sampling_says_how_much_it_has_seen() {
    let words = ["sample", SMALL, "--quiet", "--runs", "500", "--seed", "7"];
    let first = output(&words);
    assert_eq!(first.status.code(), Some(3), "a sample is no proof");
    let text = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(text.contains("harness portfolio") && text.contains("the next run is new"), "{text}");
    assert_eq!(output(&words).stdout, first.stdout, "the same seed gives the same bytes");
}
