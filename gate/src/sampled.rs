//! What `gate sample` leaves beside its text: `sample.json` in the gate's folder, and a page where one was asked for.
//!
//! Both hold the saturation curve: how many different traces were known after how many runs, and how likely the next
//! run was to meet a new one. Neither holds a time, so the same call gives the same files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use graphlock_harness::outcome::{CurvePoint, LengthBucket, Report, Saturation};
use serde::Serialize;

use crate::outputs::{not_writable, write_one};
use crate::page::{self, Known, Sampled};
use crate::place;
use crate::planted::with_planted;
use crate::table::count;

/// The version of the form of the file.
const VERSION: u32 = 1;

/// What `target/gate/sample.json` holds.
#[derive(Debug, Serialize)]
struct SampleReport<'a> {
    version: u32,
    scenario: &'a str,
    mutation: Option<&'a str>,
    engine: &'a str,
    memory_model: &'a str,
    bound: Option<&'a str>,
    verdict: &'a str,
    executions: u64,
    steps: u64,
    saturation: Option<Saturation>,
    cases: &'a BTreeMap<String, u64>,
    final_states: &'a BTreeMap<String, u64>,
    lengths: Vec<LengthBucket>,
    /// What was known after how many runs: where it becomes flat, nothing more is learned.
    curve: &'a [CurvePoint],
}

/// Writes what a sampling of a scenario came to; `text` is what the terminal is told.
///
/// # Errors
/// In one line, if a file cannot be written.
pub(crate) fn save(
    scenario: &str,
    mutation: Option<&str>,
    report: &Report,
    text: &str,
    html: Option<&Path>,
) -> Result<(), String> {
    let file = SampleReport {
        version: VERSION,
        scenario,
        mutation,
        engine: &report.engine,
        memory_model: &report.memory_model,
        bound: report.bound.as_deref(),
        verdict: report.verdict.word(),
        executions: report.executions,
        steps: report.steps,
        saturation: report.saturation,
        cases: &report.cases,
        final_states: &report.final_states,
        lengths: report.lengths.buckets(),
        curve: &report.curve,
    };
    let json = serde_json::to_string_pretty(&file).expect("numbers and words") + "\n";
    let folder = place::folder();
    fs::create_dir_all(&folder).map_err(|error| not_writable(&folder, &error))?;
    write_one(&folder.join("sample.json"), &json)?;
    let Some(path) = html else { return Ok(()) };
    let curve: Vec<Known> = report.curve.iter().map(Known::from).collect();
    let mut facts = vec![
        ("how", report.engine.clone()),
        ("memory", report.memory_model.to_string()),
        ("extent", report.bound.clone().unwrap_or_default()),
        ("runs", count(report.executions)),
        ("steps", count(report.steps)),
    ];
    if let Some(seen) = &report.saturation {
        let about = if seen.exact { "" } else { "about " };
        facts.push(("traces", format!("{about}{}", count(seen.traces))));
        facts.push(("next is new", format!("{:.2} %", 100.0 * seen.next_is_new)));
    }
    let planted = with_planted(mutation);
    let sampled = Sampled {
        title: format!("{scenario}{planted}, sampled"),
        facts,
        unit: "runs",
        curve: &curve,
        lengths: report.lengths.buckets(),
        text: text.to_owned(),
    };
    write_one(path, &page::sampled(&sampled))
}
