//! What was killed or interrupted goes on, and comes to the same as what nobody has touched.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::{expect, expect_mistake, folder, gate, one_run, output, report, text};

/// Thirty jobs of all kinds: a second or two.
const RUN: &str = r"^(drains_nest|drain_pauses|reader_meets_writer\[readers=1)";

/// About as long, in one job.
const SCENARIO: &str = "holder_waits_for_reader[overtakes=0]";

/// How often something is killed.
const KILLS: u32 = 20;

/// Shares of a duration: one somewhere in each of as many parts of it, the same in every run of the test.
fn shares(mut seed: u64) -> Vec<f64> {
    let drawn = (0..KILLS).map(|number| {
        // The multiplier of Knuth's MMIX: any that is not periodic would do.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let within = (seed >> 11) as f64 / (1u64 << 53) as f64;
        (f64::from(number) + within) / f64::from(KILLS)
    });
    drawn.collect()
}

/// Kills a process after so long. If it has ended before: how long that took.
fn kill_after(mut child: Child, time: Duration) -> Result<(), Duration> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        if child.try_wait().expect("it was spawned here").is_some() {
            return Err(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("it was spawned here");
    let status = child.wait().expect("it was spawned here");
    if status.code().is_none() { Ok(()) } else { Err(begun.elapsed()) }
}

/// Kills it after this share of its duration. How long it takes depends on what else the machine does, so a process that
/// was too quick is begun once more.
fn kill_at(share: f64, duration: &mut Duration, begin: impl Fn() -> Child) {
    for _ in 0..10 {
        match kill_after(begin(), duration.mul_f64(share)) {
            Ok(()) => return,
            Err(shorter) => *duration = shorter.min(*duration),
        }
    }
    panic!("ten times it ended before {share} of {duration:?}");
}

fn spawn(folder: &Path, words: &[&str]) -> Child {
    gate(folder, words).spawn().expect("the binary was built for this test")
}

/// How long it takes here and now.
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let value = act();
    (value, begun.elapsed())
}

#[test]
fn a_run_that_is_killed_at_any_moment_comes_to_the_same() {
    let ((whole, _), mut duration) = timed(|| one_run("kill-whole", RUN));
    let expected = report(&whole);
    let words = ["--filter", RUN, "--checkpoint", "state"];
    for share in shares(1) {
        let begin = || spawn(&folder("kill"), &words);
        kill_at(share, &mut duration, begin);
        let folder = whole.with_file_name("kill");
        // Before the first file nothing is known, and there is nothing to go on from.
        let resume: &[&str] = if folder.join("state").exists() { &["--resume"] } else { &[] };
        expect(&output(&folder, &[&words[..], resume].concat()), 0);
        assert_eq!(report(&folder), expected, "killed at {share} of {duration:?}");
    }
}

#[test]
fn an_exploration_that_is_killed_at_any_moment_comes_to_the_same() {
    let place = folder("kill-explore");
    let words =
        ["explore", SCENARIO, "--quiet", "--checkpoint", "state", "--checkpoint-every", "30"];
    let (whole, mut duration) = timed(|| output(&place, &words));
    expect(&whole, 0);
    for share in shares(2) {
        kill_at(share, &mut duration, || spawn(&folder("kill-explore"), &words));
        let resume: &[&str] = if place.join("state").exists() { &["--resume"] } else { &[] };
        let again = output(&place, &[&words[..], resume].concat());
        expect(&again, 0);
        assert_eq!(text(&again.stdout), text(&whole.stdout), "killed at {share} of {duration:?}");
    }
}

/// How many jobs a checkpoint has.
fn finished(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    value["finished"].as_array().map_or(0, Vec::len)
}

#[test]
fn an_interrupted_run_says_what_it_knows_and_goes_on() {
    let (whole, _) = one_run("interrupt-whole", RUN);
    for signal in ["INT", "TERM"] {
        let folder = folder("interrupt");
        let state = folder.join("out/run.checkpoint");
        let child = spawn(&folder, &["--filter", RUN, "--jobs", "1"]);
        while finished(&state) < 3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
        let ended = child.wait_with_output().expect("it was spawned here");
        expect(&ended, 3);
        let shown = text(&ended.stdout);
        assert!(shown.contains("OPEN: ") && shown.contains("scenario"), "{shown}");
        assert!(shown.contains("`--checkpoint out/run.checkpoint --resume`"), "{shown}");
        assert!(shown.contains("the gate is shut: exit code 3"), "{shown}");
        assert!(!report(&folder)["open"].as_array().expect("jobs are open").is_empty());

        let before = finished(&state);
        let again = output(&folder, &["--filter", RUN, "--resume"]);
        expect(&again, 0);
        let progress = text(&again.stderr);
        assert!(progress.contains(&format!("{before} jobs have ended before")), "{progress}");
        let run_now = progress.lines().filter(|line| line.starts_with('[')).count();
        assert_eq!(before + run_now, finished(&state), "finished jobs were run again: {progress}");
        assert_eq!(report(&folder), report(&whole));
    }
}

#[test]
fn planted_bugs_go_on_as_well() {
    let folder = folder("mutants");
    let words = ["mutants", "--filter", "kick", "--checkpoint", "state"];
    expect(&output(&folder, &words), 0);
    let expected = report(&folder);
    // Half of the jobs are taken away, as if they had never ended.
    let path = folder.join("state");
    let text = fs::read_to_string(&path).expect("it was written");
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let jobs = value["finished"].as_array_mut().expect("there are jobs");
    jobs.truncate(jobs.len() / 2);
    fs::write(&path, value.to_string()).expect("it is writable");
    expect(&output(&folder, &[&words[..], &["--resume"]].concat()), 0);
    assert_eq!(report(&folder), expected);
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let folder = folder("refused");
    let filter = r"^notify_handshake";
    let words = ["--filter", filter, "--checkpoint", "state"];
    expect(&output(&folder, &words), 0);
    expect_mistake(&output(&folder, &words), "found the file state, expected none");
    let resumed =
        |more: &[&str]| output(&folder, &[more, &["--checkpoint", "state", "--resume"]].concat());
    expect(&resumed(&["--filter", filter]), 0);
    expect_mistake(&resumed(&[]), "found --filter `^notify_handshake`, expected `none`");
    expect_mistake(
        &resumed(&["mutants", "--filter", "kick"]),
        "found command `gate`, expected `gate mutants`",
    );
    let full = ["--filter", filter, "--profile", "full"];
    expect_mistake(&resumed(&full), "found --profile `quick`, expected `full`");
    let engine = ["--filter", filter, "--engine", "loom"];
    expect_mistake(&resumed(&engine), "found --engine `none`, expected `loom`");
    let shard = ["--filter", filter, "--shard", "1/2"];
    expect_mistake(&resumed(&shard), "found part `the whole run`, expected `shard 1/2`");
    let absent = ["--filter", filter, "--resume", "--checkpoint", "absent"];
    expect_mistake(&output(&folder, &absent), "checkpoint absent: found no readable file");

    let whole = fs::read_to_string(folder.join("state")).expect("it was written");
    let build = |text: &str| text.find("\"build\":\"").expect("it names the build") + 9;
    let mut other = whole.clone();
    other.replace_range(build(&whole)..build(&whole) + 4, "zzzz");
    let wrong = whole.replace("notify_handshake", "notify_handshade");
    let damaged = [
        (other.as_str(), "found build `zzzz"),
        (&whole[..whole.len() / 2], "EOF while parsing"),
        ("", "EOF while parsing"),
        ("{\"format\":\"graphlock-checkpoint\"}", "missing field"),
        (wrong.as_str(), "notify_handshade"),
    ];
    for (content, part) in damaged {
        fs::write(folder.join("state"), content).expect("it is writable");
        expect_mistake(&resumed(&["--filter", filter]), part);
    }
}
