//! What the catalogue has: scenarios, properties, cases and planted bugs. What they mean stands beside them, in the code
//! or in a document.

use std::collections::{BTreeMap, BTreeSet};

use graphlock_harness::scenario::{Expect, PlantedBug, PlantedBugEngine};

use super::document::quoted;
use super::topic::{Kind, Topic};
use super::{places, written};
use crate::catalogue::{Catalogue, Entry};
use crate::engine::Engine;
use crate::table::count;

/// A topic for each name without parameters, and one for each full name that has some.
pub(super) fn scenarios(catalogue: &Catalogue) -> Vec<Topic> {
    let mut by_name: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    let mut topics = Vec::new();
    for entry in catalogue.entries.iter().chain(&catalogue.others) {
        let scenario = entry.on(Engine::Harness);
        by_name.entry(scenario.name).or_default().push(entry);
        if entry.full_name != scenario.name {
            topics.push(scenario_topic(catalogue, &entry.full_name, &[entry]));
        }
    }
    let of_name = |(name, entries): (&&str, &Vec<&Entry>)| scenario_topic(catalogue, name, entries);
    topics.extend(by_name.iter().map(of_name));
    topics
}

fn scenario_topic(catalogue: &Catalogue, name: &str, entries: &[&Entry]) -> Topic {
    let scenario = entries[0].on(Engine::Harness);
    let abouts: BTreeSet<&str> =
        entries.iter().map(|each| each.on(Engine::Harness).about).collect();
    let is = abouts.into_iter().collect::<Vec<_>>().join(" ");
    let properties: BTreeSet<&str> = entries
        .iter()
        .flat_map(|each| each.on(Engine::Harness).properties)
        .map(|each| each.name)
        .collect();
    let cases: BTreeSet<&str> = entries.iter().flat_map(|each| each.cases()).collect();
    let planted: Vec<&str> = catalogue
        .planted
        .iter()
        .filter(|bug| entries.iter().any(|entry| entry.full_name == bug.scenario))
        .map(|bug| bug.mutation)
        .collect();
    let sizes = if entries.len() > 1 {
        entries.iter().map(|each| each.full_name.as_str()).collect::<Vec<_>>().join("\n")
    } else {
        String::new()
    };
    Topic::new(Kind::Scenario, name, &is)
        .with("sizes", sizes)
        .with("must hold", joined(properties))
        .with("must reach", joined(cases))
        .with("engines", engines(entries))
        .with("can fail", planted_in(&planted))
        .with("stands in", places::of_scenario(scenario.name).unwrap_or_default())
        .with("next", format!("cargo gate explore \"{}\" --jobs 2", entries[0].full_name))
}

fn planted_in(planted: &[&str]) -> String {
    match planted.len() {
        0 => "no bug is planted here; those of the same code are planted in a smaller scenario"
            .to_owned(),
        _ => format!("with the planted bugs {}", joined(planted.iter().copied())),
    }
}

fn engines(entries: &[&Entry]) -> String {
    let one = |entry: &Entry| {
        let engines = entry.on(Engine::Harness).engines;
        let harness = match engines.harness {
            Some(true) => "harness, complete",
            Some(false) => "harness, may be cut off by its budget",
            None => "not on the harness",
        };
        let loom = match engines.loom {
            Ok(bound) => format!("loom, up to {bound} preemptions"),
            Err(reason) => format!("not on loom ({reason})"),
        };
        format!("{harness}; {loom}; {} runs on real threads", engines.std)
    };
    let all: BTreeSet<String> = entries.iter().map(|entry| one(entry)).collect();
    all.into_iter().collect::<Vec<_>>().join("\n")
}

fn joined<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Each property of a scenario or of programs.
pub(super) fn properties(catalogue: &Catalogue) -> Vec<Topic> {
    let [of_scenarios, of_programs] = written::properties();
    let mut topics = Vec::new();
    for row in &of_scenarios.rows {
        for name in row.names() {
            let place = format!("{}:{}", of_scenarios.path, row.line);
            let topic = Topic::new(Kind::Property, name, row.cell(2))
                .with("kind", kind(catalogue, name))
                .with("scenarios", scenarios_of(catalogue, name))
                .with("can fail", format!("with {}", row.cell(4)))
                .with("written in", place);
            let witness = quoted(row.cell(4)).find(|id| catalogue.mutation(id).is_ok());
            topics.push(topic.with("next", witness.map_or("cargo gate".to_owned(), next_mutant)));
        }
    }
    for row in &of_programs.rows {
        for name in row.names() {
            let topic = Topic::new(Kind::Property, name, row.cell(1))
                .with("kind", "Always: at every place where it is looked at, in every execution")
                .with("scenarios", "every program of `gate check` and `gate fuzz`")
                .with("written in", format!("{}:{}", of_programs.path, row.line))
                .with("next", "cargo gate fuzz --planted 1");
            topics.push(topic);
        }
    }
    topics
}

fn next_mutant(id: &str) -> String {
    format!("cargo gate mutants --filter {id}")
}

fn kind(catalogue: &Catalogue, property: &str) -> String {
    let properties = catalogue.entries.iter().flat_map(|each| each.on(Engine::Harness).properties);
    let mut found = properties.filter(|each| each.name == property);
    let text = match found.next().map(|each| each.expect) {
        Some(Expect::Always) => "Always: at every place where it is looked at, in every execution",
        Some(Expect::Sometimes) => "Sometimes: in at least one execution, or the check is blind",
        Some(Expect::Eventually) => {
            "Eventually: in every execution that is not cut off; waiting for ever breaks it"
        }
        None => "",
    };
    text.to_owned()
}

fn scenarios_of(catalogue: &Catalogue, property: &str) -> String {
    let has = |entry: &&Entry| {
        entry.on(Engine::Harness).properties.iter().any(|each| each.name == property)
    };
    names(catalogue.entries.iter().filter(has))
}

/// The names without parameters, each once.
fn names<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let names: BTreeSet<&str> = entries.map(|entry| entry.on(Engine::Harness).name).collect();
    joined(names)
}

/// Each case of the protocol.
pub(super) fn cases(catalogue: &Catalogue) -> Vec<Topic> {
    let table = written::cases();
    let mut topics = Vec::new();
    for row in &table.rows {
        for name in row.names() {
            let reaching = catalogue.entries.iter().filter(|each| each.cases().contains(&name));
            let first = reaching.clone().next().map(|entry| entry.full_name.clone());
            let sites = places::of(&format!("reached!(\"{name}\")")).join(", ");
            let topic = Topic::new(Kind::Case, name, row.cell(2))
                .with(
                    "matters",
                    "A branch that no execution has taken is a branch that nothing was shown of.",
                )
                .with("in", row.cell(1))
                .with("stands in", sites)
                .with("reached by", names(reaching))
                .with("written in", format!("{}:{}", table.path, row.line))
                .with(
                    "next",
                    first.map_or("cargo gate list".to_owned(), |full| {
                        format!("cargo gate explore \"{full}\"")
                    }),
                );
            topics.push(topic);
        }
    }
    topics
}

/// Each protection that can be turned off.
pub(super) fn planted(catalogue: &Catalogue) -> Vec<Topic> {
    let topic = |(id, turned_off): &(&'static str, &'static str)| {
        let sites = places::of(&format!("mutated(\"{id}\")")).join(", ");
        let topic = Topic::new(Kind::PlantedBug, id, &format!("With it {turned_off}."))
            .with("stands in", sites)
            .with("breaks", broken_by(id));
        match catalogue.planted.iter().find(|bug| bug.mutation == *id) {
            Some(bug) => found_by(topic, bug),
            None => topic
                .with("found by", "nobody yet: it is not planted")
                .with("next", format!("cargo gate fuzz --mutation {id}")),
        }
    };
    catalogue.mutations.iter().map(topic).collect()
}

fn found_by(topic: Topic, bug: &PlantedBug) -> Topic {
    let engine = match bug.engine {
        PlantedBugEngine::Harness => "the harness".to_owned(),
        PlantedBugEngine::Loom(bound) => format!("loom with at most {bound} preemptions"),
    };
    let (id, scenario) = (bug.mutation, bug.scenario);
    let budget = count(bug.budget);
    topic
        .with("models", bug.models)
        .with(
            "found by",
            format!("{engine} in {scenario}, within {budget} executions, as: {}", bug.symptom),
        )
        .with("next", next_mutant(id) + ", then cargo gate replay with the file that it names")
}

/// The properties that the document says fail with it.
fn broken_by(id: &str) -> String {
    let [table, _] = written::properties();
    let rows = table.rows.iter().filter(|row| quoted(row.cell(4)).any(|each| each == id));
    rows.flat_map(|row| row.names().map(str::to_owned).collect::<Vec<_>>())
        .collect::<Vec<_>>()
        .join(", ")
}
