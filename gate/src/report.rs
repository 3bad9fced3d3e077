//! `report.json`: every number of the tables, for programs.
//!
//! Invariants: two runs of the same build and call differ in `times` only, and in the counts of rows
//! with `repeatable: false`, which the clock ended, and in the sentences about those rows. Lists stand in the order of the tables, maps are
//! sorted. `docs/report.schema.json` describes every field; [`SCHEMA`] grows with each change that a reader could stumble over.

use std::collections::BTreeMap;
use std::time::Duration;

use graphlock_harness::outcome::{Estimate, LengthBucket, Limit, Pass, Report, Verdict};
use serde::Serialize;

use crate::agreement::Comparison;
use crate::arguments::Profile;
use crate::cases::Coverage;
use crate::engine::Engine;
use crate::judge::Row;
use crate::place;
use crate::plan::Job;
use crate::planted::{Fate, Planted};
use crate::protocol::{self, Protocol};
use crate::results::Results;
use crate::self_check::SelfCheck;
use crate::statement::statement;

/// The version of the form of the file.
pub(crate) const SCHEMA: u32 = 3;

#[derive(Debug, Serialize)]
struct File<'a> {
    schema: u32,
    version: &'static str,
    command: &'static str,
    profile: Profile,
    filter: Option<&'a str>,
    engine: Option<Engine>,
    exit_code: u8,
    /// The jobs that have not ended: only where the run was interrupted.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    open: &'a [String],
    rows: Vec<RowEntry<'a>>,
    determinism: Vec<RowEntry<'a>>,
    final_states: Vec<ComparisonEntry<'a>>,
    cases: &'a Coverage,
    protocol: Protocol,
    engine_against_plain_search: Option<&'a SelfCheck>,
    planted_bugs: Vec<PlantedEntry<'a>>,
    planted_bugs_found: usize,
    not_planted: &'a [&'static str],
    totals: Totals,
    statement: Vec<String>,
    times: Times<'a>,
}

#[derive(Debug, Serialize)]
struct RowEntry<'a> {
    scenario: &'a str,
    accepted: bool,
    repeatable: bool,
    #[serde(flatten)]
    seen: Seen<'a>,
}

#[derive(Debug, Serialize)]
struct PlantedEntry<'a> {
    mutation: &'static str,
    models: &'static str,
    scenario: &'static str,
    budget: u64,
    symptom: String,
    fate: &'static str,
    #[serde(flatten)]
    seen: Seen<'a>,
}

#[derive(Debug, Serialize)]
struct ComparisonEntry<'a> {
    accepted: bool,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

/// What an engine reported.
#[derive(Debug, Serialize)]
struct Seen<'a> {
    engine: Engine,
    engine_name: &'a str,
    memory_model: &'a str,
    verdict: &'static str,
    limit: Option<Limit>,
    violation: Option<String>,
    message: Option<&'a str>,
    schedule: Option<String>,
    executions: u64,
    redundant: u64,
    steps: u64,
    bound: Option<&'a str>,
    estimate: Option<Estimate>,
    passes: &'a [Pass],
    cases: &'a BTreeMap<String, u64>,
    final_states: &'a BTreeMap<String, u64>,
    lengths: Vec<LengthBucket>,
    orderings: Vec<&'static str>,
}

/// Sums over the rows that the clock did not end: the same in every run.
#[derive(Debug, Default, Serialize)]
struct Totals {
    rows: usize,
    rows_accepted: usize,
    rows_repeatable: usize,
    executions: u64,
    redundant: u64,
    steps: u64,
}

/// All that differs from run to run.
#[derive(Debug, Serialize)]
struct Times<'a> {
    jobs: usize,
    wall_ms: u64,
    rows: Vec<TimeEntry<'a>>,
    determinism: Vec<TimeEntry<'a>>,
    planted_bugs: Vec<TimeEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct TimeEntry<'a> {
    scenario: &'a str,
    engine: Engine,
    mutation: Option<&'static str>,
    ms: u64,
    executions_per_second: u64,
}

/// The text of the file, with a line end.
pub(crate) fn json(results: &Results) -> String {
    let run = &results.run;
    let entry = |row| row_entry(results, row);
    let file = File {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        command: if run.planted_only { "mutants" } else { "run" },
        profile: run.profile,
        filter: run.selection.filter.as_ref().map(|filter| filter.as_str()),
        engine: run.selection.engine,
        exit_code: results.exit_code(),
        open: &results.extent.open,
        rows: results.rows.iter().map(entry).collect(),
        determinism: results.twice.iter().map(entry).collect(),
        final_states: results
            .comparisons
            .iter()
            .map(|comparison| ComparisonEntry { accepted: comparison.accepted(), comparison })
            .collect(),
        cases: &results.coverage,
        protocol: Protocol::of(&results.rows),
        engine_against_plain_search: results.self_check.as_ref(),
        planted_bugs: results.planted.iter().map(|each| planted_entry(results, each)).collect(),
        planted_bugs_found: results.planted.iter().filter(|each| each.fate == Fate::Found).count(),
        not_planted: &results.not_planted,
        totals: totals(&results.rows),
        statement: statement(results),
        times: times(results),
    };
    let text = serde_json::to_string_pretty(&file).expect("these values have a JSON form");
    text + "\n"
}

fn row_entry<'a>(results: &'a Results, row: &'a Row) -> RowEntry<'a> {
    RowEntry {
        scenario: &row.job.full_name,
        accepted: row.accepted,
        repeatable: row.repeatable(),
        seen: seen(results, &row.job, &row.report),
    }
}

fn planted_entry<'a>(results: &'a Results, planted: &'a Planted) -> PlantedEntry<'a> {
    PlantedEntry {
        mutation: planted.bug.mutation,
        models: planted.bug.models,
        scenario: planted.bug.scenario,
        budget: planted.bug.budget,
        symptom: planted.bug.symptom.to_string(),
        fate: planted.word(),
        seen: seen(results, &planted.job, &planted.report),
    }
}

fn seen<'a>(results: &Results, job: &Job, report: &'a Report) -> Seen<'a> {
    let (limit, message) = match &report.verdict {
        Verdict::Complete => (None, None),
        Verdict::BudgetSpent(limit) => (Some(*limit), None),
        Verdict::Violation(violation) => (None, Some(violation.message.as_str())),
        Verdict::NotDeterministic(message) | Verdict::HarnessBlind(message) => {
            (None, Some(message.as_str()))
        }
    };
    Seen {
        engine: job.engine,
        engine_name: &report.engine,
        memory_model: &report.memory_model,
        verdict: report.verdict.word(),
        limit,
        violation: report.verdict.violation().map(|violation| violation.kind.to_string()),
        message,
        schedule: results.file_of(job, report).map(place::shown),
        executions: report.executions,
        redundant: report.redundant,
        steps: report.steps,
        bound: report.bound.as_deref(),
        estimate: report.estimate,
        passes: &report.passes,
        cases: &report.cases,
        final_states: &report.final_states,
        lengths: report.lengths.buckets(),
        orderings: protocol::orderings_of(report),
    }
}

fn totals(rows: &[Row]) -> Totals {
    let mut totals = Totals { rows: rows.len(), ..Totals::default() };
    totals.rows_accepted = rows.iter().filter(|row| row.accepted).count();
    for row in rows.iter().filter(|row| row.repeatable()) {
        totals.rows_repeatable += 1;
        totals.executions += row.report.executions;
        totals.redundant += row.report.redundant;
        totals.steps += row.report.steps;
    }
    totals
}

fn times(results: &Results) -> Times<'_> {
    Times {
        jobs: results.run.jobs,
        wall_ms: milliseconds(results.elapsed),
        rows: results.rows.iter().map(row_time).collect(),
        determinism: results.twice.iter().map(row_time).collect(),
        planted_bugs: results.planted.iter().map(|each| time(&each.job, &each.report)).collect(),
    }
}

fn row_time(row: &Row) -> TimeEntry<'_> {
    time(&row.job, &row.report)
}

fn time<'a>(job: &'a Job, report: &Report) -> TimeEntry<'a> {
    TimeEntry {
        scenario: &job.full_name,
        engine: job.engine,
        mutation: job.check.mutation,
        ms: milliseconds(report.elapsed),
        executions_per_second: per_second(report.executions, report.elapsed),
    }
}

/// A rate in whole numbers; 0 where nothing was done or no time went by.
pub(crate) fn per_second(number: u64, elapsed: Duration) -> u64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { (number as f64 / seconds).round() as u64 } else { 0 }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::Relation;
    use crate::failure::tests::failed_run;
    use crate::judge;
    use crate::judge::tests::{job, report};
    use crate::plan::Purpose;
    use crate::results::tests::{complete, results};

    fn without_times(text: &str) -> serde_json::Value {
        let mut value: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
        value.as_object_mut().expect("it is an object").remove("times").expect("it has times");
        value
    }

    #[test]
    fn times_are_the_only_difference_between_two_runs() {
        let made = |milliseconds| {
            let mut report = complete(&["open"]);
            report.elapsed = Duration::from_millis(milliseconds);
            json(&results(vec![(
                job(Purpose::Row { must_complete: true }, Engine::Harness),
                report,
            )]))
        };
        assert_ne!(made(3), made(5));
        assert_eq!(without_times(&made(3)), without_times(&made(5)));
    }

    #[test]
    fn a_run_in_which_everything_fails_is_described_by_the_schema() {
        let mut failed = failed_run();
        let mut spent = report(Verdict::BudgetSpent(Limit::Time(Duration::from_secs(2))), 7);
        spent.estimate = Some(Estimate { traces: 9.5, low: 8.0, high: 12.0, probes: 3 });
        spent.passes = vec![Pass { name: "plain".to_owned(), executions: 7, complete: false }];
        [8, 9, 30].into_iter().for_each(|steps| spent.lengths.note(steps));
        let purpose = Purpose::Row { must_complete: true };
        failed.rows.push(judge::judge(job(purpose, Engine::Harness), spent));
        for relation in [Relation::Extra(vec!["open".to_owned()]), Relation::Lost(Vec::new())] {
            let scenario = "a".to_owned();
            failed.comparisons.push(Comparison { scenario, harness: 1, loom: 1, relation });
        }
        failed.self_check =
            Some(SelfCheck { difference: Some("one".to_owned()), ..SelfCheck::default() });
        let schema = include_str!("../../docs/report.schema.json");
        let schema = serde_json::from_str(schema).expect("it is JSON");
        let validator = jsonschema::validator_for(&schema).expect("the schema is one");
        let mut value: serde_json::Value =
            serde_json::from_str(&json(&failed)).expect("it is JSON");
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        value["rows"][0]["another"] = 1.into();
        assert!(!validator.is_valid(&value), "a field that is not described");
    }

    #[test]
    fn totals_leave_out_what_the_clock_ended() {
        let purpose = Purpose::Row { must_complete: false };
        let cut = report(Verdict::BudgetSpent(Limit::Time(Duration::from_secs(2))), 1_000);
        let finished = vec![
            (job(purpose, Engine::Harness), complete(&["open"])),
            (job(purpose, Engine::Harness), cut),
        ];
        let value = without_times(&json(&results(finished)));
        assert_eq!(value["schema"], 3);
        assert_eq!(value["totals"]["rows"], 2);
        assert_eq!(value["totals"]["rows_repeatable"], 1);
        assert_eq!(value["totals"]["executions"], 9);
        assert_eq!(value["rows"][1]["limit"]["Time"]["secs"], 2);
    }
}
