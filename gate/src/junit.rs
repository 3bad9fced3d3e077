//! `junit.xml`: what a continuous integration shows as tests.
//!
//! One suite for each table: scenarios (one test for each row), determinism, final states, planted bugs, the engine
//! itself. A violation is a `failure`; what makes a check worthless (not deterministic, blind) is an `error`. A row that
//! was cut off by its budget and may be is a pass; its output says how far it went, as that of every other does.

use std::time::Duration;

use graphlock_harness::outcome::{Report, Verdict};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::agreement::Comparison;
use crate::counterexample;
use crate::failure::{Failure, failures};
use crate::judge::Row;
use crate::plan::Job;
use crate::planted::{Fate, Planted};
use crate::results::Results;
use crate::table::{Paint, count};

/// The text of the file.
pub(crate) fn xml(results: &Results) -> String {
    let failures = failures(results);
    let failed = |title: &str| failures.iter().find(|failure| failure.title == title);
    let mut all = quick_junit::Report::new("cargo gate");
    all.set_time(results.elapsed);
    let mut add = |name: &str, cases: Vec<TestCase>| {
        if !cases.is_empty() {
            let mut suite = TestSuite::new(name);
            suite.set_time(cases.iter().filter_map(|case| case.time).sum());
            suite.add_test_cases(cases);
            all.add_test_suite(suite);
        }
    };
    let row = |row: &Row, how: &str| {
        let title = format!("{} on {}{how}", row.job.full_name, row.job.engine.word());
        case(&row.job, &row.report, row.job.full_name.clone(), failed(&title))
    };
    add("scenarios", results.rows.iter().map(|each| row(each, "")).collect());
    let twice = ", executed twice";
    add("executed twice", results.twice.iter().map(|each| row(each, twice)).collect());
    let compared = |each: &Comparison| {
        let failure = if each.accepted() { None } else { failed(&each.scenario) };
        let mut case = TestCase::new(each.scenario.clone(), status(failure, &Verdict::Complete));
        case.set_classname("gate.final_states").set_time(Duration::ZERO);
        case.set_system_out(each.line());
        case
    };
    add("final states", results.comparisons.iter().map(compared).collect());
    let planted = |each: &Planted| {
        let (job, mutation) = (&each.job, each.bug.mutation);
        let title = format!("{} on {} with {mutation} planted", job.full_name, job.engine.word());
        let failure = if each.fate == Fate::Found { None } else { failed(&title) };
        case(job, &each.report, format!("{mutation} in {}", job.full_name), failure)
    };
    add("planted bugs", results.planted.iter().map(planted).collect());
    if let Some(check) = &results.self_check {
        let title = "engine against plain search";
        let mut case = TestCase::new(title, status(failed(title), &Verdict::Complete));
        case.set_classname("gate.engine").set_time(Duration::ZERO);
        case.set_system_out(format!("{} programs", check.compared.programs));
        add("engine", vec![case]);
    }
    let open = |title: &String| {
        let mut case = TestCase::new(title.clone(), status(failed(title), &Verdict::Complete));
        case.set_classname("gate.open").set_time(Duration::ZERO);
        case
    };
    add("open", results.extent.open.iter().map(open).collect());
    let xml = all.to_string().expect("a text has room for any report");
    // Nothing is ever skipped, and the schemas in use do not know that attribute on the root, where it stands first.
    xml.replacen(" skipped=\"0\"", "", 1)
}

fn case(job: &Job, report: &Report, name: String, failure: Option<&Failure<'_>>) -> TestCase {
    let mut case = TestCase::new(name, status(failure, &report.verdict));
    case.set_classname(format!("gate.{}", job.engine.word())).set_time(report.elapsed);
    case.set_system_out(format!(
        "{}; {}; verdict: {}; {} executions, {} redundant, {} steps{}",
        report.engine,
        report.memory_model,
        report.verdict.word(),
        count(report.executions),
        count(report.redundant),
        count(report.steps),
        report.bound.as_ref().map(|bound| format!("; bound: {bound}")).unwrap_or_default(),
    ));
    case
}

fn status(failure: Option<&Failure<'_>>, verdict: &Verdict) -> TestCaseStatus {
    let Some(failure) = failure else { return TestCaseStatus::success() };
    let worthless = matches!(verdict, Verdict::NotDeterministic(_) | Verdict::HarnessBlind(_));
    let kind = if worthless { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(failure.rule.clone());
    status.set_message(failure.message.lines().next().unwrap_or_default());
    let mut description = failure.message.clone() + "\n";
    if let Verdict::Violation(violation) = verdict {
        description += &counterexample::draw(violation, Paint::NONE);
    }
    if let Some(replay) = &failure.replay {
        description += &format!("to see it again: {replay}\n");
    }
    status.set_description(description);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::tests::failed_run;

    #[test]
    fn tests_failures_and_texts_survive_a_reader_of_the_format() {
        let xml = xml(&failed_run());
        let root = xml.lines().nth(1).unwrap_or_default();
        assert!(root.starts_with("<testsuites ") && !root.contains("skipped"), "{root}");
        let read = quick_junit::Report::deserialize_from_str(&xml).expect("it reads its own form");
        let counts = (read.tests, read.failures, read.errors);
        assert_eq!(counts, (3, 2, 0), "{xml}");
        let names: Vec<&str> = read.test_suites.iter().map(|suite| suite.name.as_str()).collect();
        assert_eq!(names, ["scenarios", "planted bugs"]);
        let TestCaseStatus::NonSuccess { ty, message, description, .. } =
            &read.test_suites[0].test_cases[0].status
        else {
            panic!("the first row deadlocks: {xml}");
        };
        assert_eq!(ty.as_ref().map(|ty| ty.as_str()), Some("deadlock"));
        assert_eq!(message.as_ref().map(|text| text.as_str()), Some("deadlock:"));
        let description = description.as_ref().map(|text| text.as_str()).unwrap_or_default();
        assert!(description.contains("100% <sure> & \"well\""), "{description}");
    }
}
