//! A run in parts comes to the same as one run, and what is no whole is not taken for one.

use std::path::Path;

use super::{SMALL, expect, expect_mistake, folder, gate, one_run, output, report, tables, text};

/// Runs one part; its checkpoint is `parts/K.checkpoint`.
fn part(folder: &Path, filter: &str, number: u32, count: u32) {
    std::fs::create_dir_all(folder.join("parts")).expect("the folder is writable");
    let (shard, file) = (format!("{number}/{count}"), format!("parts/{number}.checkpoint"));
    let words = ["--filter", filter, "--shard", &shard, "--checkpoint", &file];
    let ended = output(folder, &words);
    expect(&ended, 0);
    let shown = text(&ended.stdout);
    assert!(shown.contains(&format!("nothing failed in shard {number}/{count}")), "{shown}");
    assert!(!folder.join("out/report.json").exists(), "a part has no report");
}

#[test]
fn parts_in_any_order_are_one_run() {
    let (whole, shown) = one_run("parts-whole", SMALL);
    // With thirty parts most have one job, and some have none.
    for count in [4, 30] {
        let folder = folder("parts");
        for number in (1..=count).rev() {
            part(&folder, SMALL, number, count);
        }
        let merged = output(&folder, &["merge", "parts"]);
        expect(&merged, 0);
        assert_eq!(report(&folder), report(&whole));
        assert_eq!(tables(&merged.stdout), tables(&shown.stdout));
        let json = output(&folder, &["merge", "--json", "parts"]);
        expect(&json, 0);
        assert_eq!(super::without_times(&text(&json.stdout)), report(&whole));
    }
}

#[test]
fn what_is_no_whole_is_refused_or_open() {
    let folder = folder("no-whole");
    for number in 1..=3 {
        part(&folder, SMALL, number, 3);
    }
    let merge = |words: &[&str]| output(&folder, &[&["merge"], words].concat());
    let [one, two, three] = [1, 2, 3].map(|number| format!("parts/{number}.checkpoint"));
    let (one, two, three) = (one.as_str(), two.as_str(), three.as_str());
    expect_mistake(
        &merge(&[one, three]),
        "found no 2/3, expected each of the shards 1/3 to 3/3 once",
    );
    expect_mistake(&merge(&[one, two, two, three]), "found 2/3 more than once");
    expect_mistake(&merge(&["out"]), "found no file *.checkpoint in it");
    expect_mistake(
        &merge(&["moon"]),
        "found `moon`, expected a checkpoint of a run, or one of the",
    );
    expect_mistake(&merge(&[one, "moon"]), "checkpoint moon: found no readable file");
    expect_mistake(&merge(&[one, two, three, "--depth", "7"]), "for the parts of a run");
    let both = ["--shard", "1/2", "--json"];
    expect_mistake(&output(&folder, &both), "found --shard <K/N> and --json, expected one of them");

    // A part that was interrupted is a part, and the whole is open.
    let path = folder.join(two);
    let content = std::fs::read_to_string(&path).expect("it was written");
    let mut value: serde_json::Value = serde_json::from_str(&content).expect("it is JSON");
    value["finished"].as_array_mut().expect("there are jobs").pop();
    std::fs::write(&path, value.to_string()).expect("it is writable");
    let merged = merge(&["parts"]);
    expect(&merged, 3);
    let shown = text(&merged.stdout);
    assert!(shown.contains("OPEN: ") && shown.contains("then merge again"), "{shown}");
}

#[test]
fn an_array_says_its_parts_to_explorations_too() {
    let scenario = "reader_meets_writer[readers=1,sections=1,writes=1,overtakes=1]";
    let folder = folder("explore-array");
    let whole = output(&folder, &["explore", scenario, "--quiet"]);
    expect(&whole, 0);
    let mut files = Vec::new();
    for index in 0..4 {
        let file = format!("{index}.checkpoint");
        let words = ["explore", scenario, "--quiet", "--shard", "auto", "--checkpoint", &file];
        let mut command = gate(&folder, &words);
        if index % 2 == 0 {
            command.env("JOB_COMPLETION_INDEX", index.to_string()).env("GATE_SHARDS", "4");
        } else {
            command.env("SLURM_ARRAY_TASK_ID", (index + 1).to_string());
            command.env("SLURM_ARRAY_TASK_COUNT", "4").env("SLURM_ARRAY_TASK_MIN", "1");
        }
        expect(&command.output().expect("the binary was built for this test"), 0);
        files.push(file);
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let merged = output(&folder, &[&["merge", scenario], &files[..]].concat());
    expect(&merged, 0);
    assert_eq!(text(&merged.stdout), text(&whole.stdout));
}

#[test]
fn an_environment_is_asked_only_by_auto_and_must_be_right() {
    let folder = folder("environment");
    let called = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = gate(&folder, words);
        command
            .envs(variables.iter().copied())
            .output()
            .expect("the binary was built for this test")
    };
    let wrong = [("SLURM_ARRAY_TASK_ID", "x"), ("SLURM_ARRAY_TASK_COUNT", "4")];
    let whole = called(&["--filter", "^notify_handshake"], &wrong);
    expect(&whole, 0);
    assert!(text(&whole.stdout).contains("the gate is open"), "{}", text(&whole.stdout));
    let scenario = "reader_meets_writer[readers=1,sections=1,writes=1,overtakes=1]";
    let auto = ["--shard", "auto"];
    let explore = ["explore", scenario, "--shard", "auto", "--checkpoint", "state"];
    for words in [&auto[..], &explore] {
        expect_mistake(&called(words, &wrong), "found SLURM_ARRAY_TASK_ID `x`, expected a number");
        expect_mistake(&called(words, &[("JOB_COMPLETION_INDEX", "2")]), "found no GATE_SHARDS");
        expect_mistake(&called(words, &[]), "found neither SLURM_ARRAY_TASK_ID nor");
    }
}
