//! The models as tests, on the backend of this build: `cargo test` runs them on the harness,
//! `RUSTFLAGS="--cfg loom" cargo test --release -p graphlock` on loom.

use graphlock_harness::outcome::{Report, Verdict};
use graphlock_harness::scenario::{Check, PlantedBugEngine, Sampling, Scenario, Strategy};

use super::{check, planted_bugs, scenarios};
use crate::sync::model::BACKEND;

/// How a scenario is checked here; `None` if not at all.
fn bound(scenario: &Scenario) -> Option<Check> {
    match BACKEND {
        "loom" => {
            let preemptions_max = Some(scenario.engines.loom.ok()?);
            Some(Check { preemptions_max, ..Check::default() })
        }
        // Those that need not be complete are the gate's business.
        _ => scenario.engines.harness.filter(|complete| *complete).map(|_| Check::default()),
    }
}

/// Whether the first scenario that is not as it should be ends the test: for who asks of hundreds of changes only whether
/// anything notices them (`.cargo/mutants.toml`).
fn ends_at_the_first() -> bool {
    std::env::var_os("GRAPHLOCK_ENDS_AT_THE_FIRST").is_some()
}

fn describe(scenario: &Scenario, report: &Report) -> String {
    let violation = report.verdict.violation();
    let lanes = violation.map_or_else(String::new, |found| found.trace.lanes(100));
    let name = scenario.full_name();
    format!(
        "{name} on {BACKEND}: {}, {} executions\n{lanes}",
        report.verdict.word(),
        report.executions
    )
}

#[test]
fn every_scenario_is_complete_and_reaches_its_cases() {
    let mut wrong = Vec::new();
    for scenario in scenarios() {
        let Some(how) = bound(&scenario) else { continue };
        let report = check(&scenario, &how);
        println!("{}", describe(&scenario, &report));
        let unreached: Vec<&&str> =
            scenario.cases.iter().filter(|case| !report.cases.contains_key(**case)).collect();
        if !matches!(report.verdict, Verdict::Complete) || report.executions < 2 {
            wrong.push(describe(&scenario, &report));
        } else if !unreached.is_empty() && BACKEND == "harness" {
            wrong.push(format!("{}: never reached {unreached:?}", scenario.full_name()));
        }
        if ends_at_the_first() && !wrong.is_empty() {
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_planted_bug_of_this_backend_is_found() {
    let mut survived = Vec::new();
    let mut planted = 0;
    for bug in planted_bugs() {
        let preemptions_max = match (bug.engine, BACKEND) {
            (PlantedBugEngine::Harness, "harness") => None,
            (PlantedBugEngine::Loom(bound), "loom") => Some(bound),
            _ => continue,
        };
        planted += 1;
        let named = scenarios().into_iter().find(|each| each.full_name() == bug.scenario);
        let scenario =
            named.unwrap_or_else(|| panic!("{}: no scenario {}", bug.mutation, bug.scenario));
        let how = Check {
            preemptions_max,
            mutation: Some(bug.mutation),
            executions_max: Some(bug.budget),
            ..Check::default()
        };
        let report = check(&scenario, &how);
        if report.verdict.violation().map(|found| found.kind) != Some(bug.symptom) {
            survived.push(format!(
                "{}: expected {}, {}",
                bug.mutation,
                bug.symptom,
                describe(&scenario, &report)
            ));
        }
    }
    assert!(planted > 0, "no bug is planted on {BACKEND}");
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}

/// How soon the kick is missed that a reader leaves out when it sees no writer: at first by each way of sampling, for the worst of
/// several seeds.
#[test]
fn the_kick_that_was_missed_for_years_is_found_within_a_hundred_executions() {
    const EXECUTIONS_MAX: u64 = 100;
    if BACKEND != "harness" {
        return;
    }
    let bug = planted_bugs().into_iter().find(|bug| bug.mutation == "reader-kick-conditional");
    let bug = bug.expect("it is planted");
    let scenario = scenarios().into_iter().find(|each| each.full_name() == bug.scenario);
    let scenario = scenario.expect("it is listed");
    let executions = |strategy| {
        let how = Check {
            strategy,
            mutation: Some(bug.mutation),
            executions_max: Some(EXECUTIONS_MAX),
            ..Check::default()
        };
        let report = check(&scenario, &how);
        let found = report.verdict.violation().map(|found| found.kind);
        (found == Some(bug.symptom)).then_some(report.executions)
    };
    let exhaustive = executions(Strategy::Exhaustive);
    println!("exhaustive: {exhaustive:?}");
    assert!(exhaustive.is_some(), "the exhaustive search does not find it soon");
    let ways = [
        Sampling::Portfolio,
        Sampling::Walk,
        Sampling::Pct(3),
        Sampling::PartialOrder,
        Sampling::Uniform,
        Sampling::SelectivelyUniform,
    ];
    for sampling in ways {
        let of_seed = |seed| {
            let sample = Strategy::Sample { sampling, seed, first: 0, runs: EXECUTIONS_MAX };
            executions(sample)
        };
        let found: Option<Vec<u64>> = (0..20).map(of_seed).collect();
        println!("{sampling}: {found:?}");
        assert!(found.is_some(), "{sampling} does not find it soon for one of 20 seeds");
    }
}
