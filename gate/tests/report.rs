//! The files of a small run: they are what their schemas say, and two runs differ in times only.
//!
//! No small run fails, so failures in these forms are looked at where they are made (`gate/src/sarif.rs`, `junit.rs`,
//! `report.rs`), with made-up reports. JUnit's form has no schema that a package brings along, so its elements and sums are looked at one by one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use quick_junit::{NonSuccessKind, TestCaseStatus};
use serde_json::Value;

/// Two small scenarios with a planted bug.
const SMALL: &str = "^(notify_handshake|kick_and_wait)$";

/// A folder of one test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder for test files is writable");
    folder
}

/// Calls the gate with its files below `folder`.
fn gate(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(words).env("CARGO_TARGET_DIR", folder);
    command.output().expect("the binary was built for this test")
}

fn read(folder: &Path, name: &str) -> String {
    let path = folder.join("gate").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

#[track_caller]
fn expect_valid(report: &Value) {
    let schema = json(include_str!("../../docs/report.schema.json"));
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let errors: Vec<String> = validator
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn a_small_run_leaves_valid_files_that_differ_in_times_only() {
    let run = || {
        let folder = folder("report-small");
        let output = gate(&folder, &["--filter", SMALL]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{text}");
        (folder, text)
    };
    let (folder, text) = run();
    assert!(text.contains("explained orderings of the protocol reached "), "{text}");
    let first = json(&read(&folder, "report.json"));
    expect_valid(&first);
    expect_junit(&first, &read(&folder, "junit.xml"));
    let sarif = json(&read(&folder, "results.sarif"));
    assert_eq!(sarif["runs"][0]["results"], Value::Array(Vec::new()));
    let page = read(&folder, "report.html");
    for part in ["the gate is open", "kick_and_wait", "SHOWN", "Orderings", "Planted bugs"] {
        assert!(page.contains(part), "the page says nothing of {part}");
    }

    let mut runs = [first, json(&read(&run().0, "report.json"))];
    for each in &mut runs {
        each.as_object_mut().expect("it is an object").remove("times").expect("it has times");
    }
    assert!(runs[0] == runs[1], "more than the times differs");
}

#[test]
fn what_was_executed_is_in_the_report() {
    let folder = folder("report-reached");
    let words = ["--filter", "^kick_and_wait$", "--engine", "harness"];
    assert_eq!(gate(&folder, &words).status.code(), Some(0));
    let report = json(&read(&folder, "report.json"));
    let row = &report["rows"][0];
    let lengths = row["lengths"].as_array().expect("it is a list");
    let sum: u64 = lengths.iter().filter_map(|each| each["executions"].as_u64()).sum();
    assert_eq!(Some(sum), row["executions"].as_u64());
    assert_eq!(row["orderings"], serde_json::json!(["kick"]));
    let orderings = report["protocol"]["orderings"].as_array().expect("it is a list");
    for each in orderings {
        let reached = each["id"] == "kick";
        assert_eq!(each["reached_by"].as_array().map(|by| !by.is_empty()), Some(reached), "{each}");
    }
    let kick = orderings.iter().find(|each| each["id"] == "kick").expect("it is explained");
    let executed = kick["executed"].as_array().expect("it is a list");
    let starts = |begin: &str| {
        executed.iter().filter_map(Value::as_str).any(|place| place.starts_with(begin))
    };
    assert!(starts("src/event_loop/mod.rs:") && starts("src/event_loop/main_loop.rs:"), "{kick}");
}

#[test]
fn files_go_where_they_are_asked_for_and_a_bad_place_is_one_line() {
    let folder = folder("report-elsewhere");
    let [html, junit, sarif] = ["a.html", "b.xml", "c.sarif"]
        .map(|name| folder.join(name).to_str().expect("the path is UTF-8").to_owned());
    let small = ["--filter", "^notify_handshake$", "--engine", "std"];
    let places = ["--html", &html, "--junit", &junit, "--sarif", &sarif, "--annotate"];
    let output = gate(&folder, &[&small[..], &places].concat());
    assert_eq!(output.status.code(), Some(0));
    for path in [&html, &junit, &sarif] {
        assert!(Path::new(path).is_file(), "{path}");
    }
    assert!(!folder.join("gate/report.html").exists() && folder.join("gate/report.json").exists());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("::error"), "nothing failed: {text}");

    let output = gate(&folder, &[&small[..], &["--junit", "/no/such/folder/x.xml"]].concat());
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = line.lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert!(last.contains("/no/such/folder/x.xml") && last.contains("expected"), "{line}");
}

#[test]
fn a_sampling_leaves_its_curve_as_a_table_and_as_a_page() {
    let folder = folder("report-sampled");
    let page = folder.join("curve.html");
    let page = page.to_str().expect("the path is UTF-8");
    let words = ["sample", "kick_and_wait", "--runs", "300", "--quiet", "--html", page];
    // A sampling is never through.
    assert_eq!(gate(&folder, &words).status.code(), Some(3));
    let sample = json(&read(&folder, "sample.json"));
    let curve = sample["curve"].as_array().expect("it is a list");
    let runs: Vec<u64> = curve.iter().filter_map(|point| point["runs"].as_u64()).collect();
    assert!(runs.is_sorted_by(|one, next| one < next), "{runs:?}");
    assert_eq!(
        (Some(1), sample["executions"].as_u64()),
        (runs.first().copied(), runs.last().copied())
    );
    let last = curve.last().expect("it has points");
    assert_eq!(last["traces"], sample["saturation"]["traces"]);
    let page = fs::read_to_string(page).expect("the page was asked for");
    assert!(page.contains("<polyline") && page.contains("kick_and_wait, sampled"), "{page}");
}

/// The form of JUnit: one root, suites in it, tests in them, each with the attributes that readers ask for; sums are
/// right; what is accepted is a pass.
#[track_caller]
fn expect_junit(report: &Value, xml: &str) {
    let read = quick_junit::Report::deserialize_from_str(xml).expect("it is of the form");
    assert_eq!(read.name.as_ref().map(|name| name.as_str()), Some("cargo gate"));
    let mut suites = BTreeMap::new();
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    for suite in &read.test_suites {
        let of = |wanted: NonSuccessKind| {
            let is = |status: &TestCaseStatus| matches!(status, TestCaseStatus::NonSuccess { kind, .. } if *kind == wanted);
            suite.test_cases.iter().filter(|case| is(&case.status)).count()
        };
        assert_eq!(suite.tests, suite.test_cases.len());
        assert_eq!(suite.failures, of(NonSuccessKind::Failure));
        assert_eq!(suite.errors, of(NonSuccessKind::Error));
        for case in &suite.test_cases {
            assert!(!case.name.as_str().is_empty() && case.time.is_some(), "{case:?}");
            let class = case.classname.as_ref().map(|class| class.as_str()).unwrap_or_default();
            assert!(class.starts_with("gate."), "{case:?}");
        }
        tests += suite.tests;
        failures += suite.failures;
        errors += suite.errors;
        suites.insert(suite.name.as_str(), suite.tests);
    }
    assert_eq!((read.tests, read.failures, read.errors), (tests, failures, errors));
    let number = |list: &str| report[list].as_array().map(Vec::len);
    assert_eq!(suites.get("scenarios").copied(), number("rows"));
    assert_eq!(suites.get("executed twice").copied(), number("determinism"));
    assert_eq!(suites.get("planted bugs").copied(), number("planted_bugs"));
    assert_eq!(suites.get("final states").copied(), number("final_states"));
}
