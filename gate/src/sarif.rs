//! `results.sarif`: what fails the gate in the form that code hosts and editors read (SARIF 2.1.0).
//!
//! A failure is a result. Where its engine gave the steps, they are a code flow: one flow for each task, in each the
//! steps that have a line in this tree, numbered in the order of the execution, so that a viewer can go through the
//! interleaving. A failure without a line is a result without a location.

use graphlock_harness::trace::{Row, Trace};
use serde_sarif::sarif::{
    ArtifactLocation, CodeFlow, Invocation, Location, Message, MultiformatMessageString,
    PhysicalLocation, Region, ReportingDescriptor, Result as Finding, ResultLevel, Run, Sarif,
    ThreadFlow, ThreadFlowLocation, Tool, ToolComponent,
};

use crate::failure::{Failure, failures, source_line};
use crate::results::Results;

/// The root that lines are relative to, by the name that readers of the format know.
const ROOT: &str = "%SRCROOT%";

/// The rules: every kind of failure, and what it means.
const RULES: [(&str, &str); 14] = [
    ("panic", "A task panicked."),
    ("property-broken", "A named property does not hold."),
    ("deadlock", "Tasks wait for each other and none can go on."),
    ("leaked-task", "The body has ended and tasks are left that nobody will ever wake."),
    ("livelock", "No task ended within the limit of steps."),
    ("data-race", "Two accesses to a cell that no declared ordering separates."),
    ("budget-spent", "A row that must be complete was cut off."),
    ("not-deterministic", "The same choices did not lead to the same steps."),
    ("blind", "The check could not have failed."),
    ("planted-bug-survived", "A protection was turned off, and nobody noticed."),
    ("planted-bug-wrong-symptom", "A planted bug was noticed as something else."),
    ("final-states-differ", "Two engines end in different final states."),
    ("engine-differs", "The engine and a search without reduction differ."),
    ("open", "The run was interrupted before this check had ended."),
];

/// The text of the file, with a line end.
pub(crate) fn json(results: &Results) -> String {
    let failures = failures(results);
    let rules = RULES.iter().map(|(id, meaning)| {
        let meaning = MultiformatMessageString::builder().text(*meaning).build();
        ReportingDescriptor::builder().id(*id).short_description(meaning).build()
    });
    let driver = ToolComponent::builder()
        .name("graphlock gate")
        .version(env!("CARGO_PKG_VERSION"))
        .rules(rules.collect::<Vec<_>>())
        .build();
    let invocation = Invocation::builder()
        .execution_successful(true)
        .exit_code(i64::from(results.exit_code()))
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .invocations(vec![invocation])
        .results(failures.iter().map(finding).collect::<Vec<_>>())
        .build();
    let log = Sarif::builder().version("2.1.0").runs(vec![run]).build();
    serde_json::to_string_pretty(&log).expect("these values have a JSON form") + "\n"
}

fn finding(failure: &Failure<'_>) -> Finding {
    let mut text = format!("{}\n{}", failure.title, failure.message);
    if let Some(replay) = &failure.replay {
        text += &format!("\nto see it again: {replay}");
    }
    let places = failure.at.iter().map(|(file, line)| location(file, *line, None));
    let mut finding = Finding::builder()
        .rule_id(failure.rule.clone())
        .level(ResultLevel::Error)
        .message(message(&text))
        .locations(places.collect::<Vec<_>>())
        .build();
    let rule = RULES.iter().position(|(id, _)| *id == failure.rule);
    finding.rule_index = rule.and_then(|index| i64::try_from(index).ok());
    finding.code_flows =
        failure.drawn.and_then(|violation| code_flow(&violation.trace)).map(|flow| vec![flow]);
    finding
}

/// The steps, if any has a line in this tree.
fn code_flow(trace: &Trace) -> Option<CodeFlow> {
    let step = |(order, row): (i64, &Row)| {
        let (file, line) = source_line(&row.location)?;
        let location = location(&file, line, Some(&row.text));
        Some(ThreadFlowLocation::builder().execution_order(order).location(location).build())
    };
    let flow = |(number, name): (usize, &String)| {
        let own = (0..).zip(&trace.rows).filter(|(_, row)| row.task == number);
        let steps: Vec<ThreadFlowLocation> = own.filter_map(step).collect();
        // The format wants a step in each flow.
        (!steps.is_empty()).then(|| ThreadFlow::builder().id(name.clone()).locations(steps).build())
    };
    let flows: Vec<ThreadFlow> = trace.tasks.iter().enumerate().filter_map(flow).collect();
    (!flows.is_empty()).then(|| CodeFlow::builder().thread_flows(flows).build())
}

fn location(file: &str, line: u32, text: Option<&str>) -> Location {
    let file = ArtifactLocation::builder().uri(file).uri_base_id(ROOT).build();
    let region = Region::builder().start_line(i64::from(line)).build();
    let place = PhysicalLocation::builder().artifact_location(file).region(region).build();
    let mut location = Location::builder().physical_location(place).build();
    location.message = text.map(message);
    location
}

fn message(text: &str) -> Message {
    Message::builder().text(text).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::tests::failed_run;
    use crate::results::tests::results;
    use serde_json::Value;
    use std::path::PathBuf;
    use std::process::Command;

    /// What cargo says.
    fn cargo(words: &[&str]) -> String {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        let output = command.args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        String::from_utf8(output.expect("cargo runs this test").stdout).expect("it is UTF-8")
    }

    /// The format's own schema. It is not kept here: the crate that makes the values brings it along.
    fn schema() -> Value {
        let version = cargo(&["-vV"]);
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.expect("cargo says what it runs on");
        // What other platforms need is not there on every machine.
        let asks = ["metadata", "--format-version", "1", "--offline", "--locked"];
        let metadata = cargo(&[&asks[..], &["--filter-platform", host]].concat());
        let metadata: Value = serde_json::from_str(&metadata).expect("cargo speaks JSON");
        let packages = metadata["packages"].as_array().expect("there are packages");
        let package = packages.iter().find(|package| package["name"] == "serde-sarif");
        let manifest = package.and_then(|package| package["manifest_path"].as_str());
        let manifest = PathBuf::from(manifest.expect("it is a dependency"));
        let path = manifest.with_file_name("src").join("schema.json");
        let text = std::fs::read_to_string(path).expect("the crate ships the schema");
        // A pattern for languages has a bracket too many, which the validator does not take for one.
        let text = text.replace("{2}]?$", "{2}\\\\]?$");
        serde_json::from_str(&text).expect("it is JSON")
    }

    #[test]
    fn the_file_is_valid_by_the_schema_of_the_format() {
        let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
        for results in [failed_run(), results(Vec::new())] {
            let value: Value = serde_json::from_str(&json(&results)).expect("it is JSON");
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{value:#}");
        }
        assert!(!validator.is_valid(&serde_json::json!({ "version": "2.0", "runs": [] })));
    }

    #[test]
    fn a_failure_has_its_line_its_rule_and_its_steps() {
        let value: Value = serde_json::from_str(&json(&failed_run())).expect("it is JSON");
        let run = &value["runs"][0];
        let [deadlock, survived] = [0, 1].map(|index| &run["results"][index]);
        let place = &deadlock["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "src/a.rs");
        assert_eq!(place["region"]["startLine"], 7);
        let flow = &deadlock["codeFlows"][0]["threadFlows"][0];
        assert_eq!(flow["id"], "main");
        assert_eq!(flow["locations"].as_array().map(Vec::len), Some(2));
        for result in [deadlock, survived] {
            let index = result["ruleIndex"].as_u64().expect("the rule is known") as usize;
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        assert_eq!(survived["ruleId"], "planted-bug-survived");
    }
}
