//! `gate matrix`: which property notices which planted bug, and which would be missed without it.
//!
//! Each planted bug is looked at with one property of its scenario at a time, all others switched off, and once with none: then only
//! what needs no property is left (who waits for ever, what panics, what races). So each bug has the set of those that notice it; one
//! that is alone in such a set earns its place by that bug.
//!
//! Names for what needs no property: a task that waits or spins for ever breaks what the scenario says comes true in the end; a data
//! race breaks `no-reader-inside-write` where that is stated. Where nothing is stated they are [`WAITS`], [`RACES`] and [`PANICS`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use graphlock_harness::outcome::{Report, ViolationKind};
use graphlock_harness::scenario::{Check, Expect, PlantedBug, PlantedBugEngine, Scenario};

use crate::catalogue::Catalogue;
use crate::document::{self, DocumentOptions};
use crate::engine::Engine;
use crate::expected::{TIME_MAX, execute_all};
use crate::plan::{Job, Purpose};
use crate::replay::Shown;

const WAITS: &str = "nobody-waits-for-ever";
const RACES: &str = "no-data-race";
const PANICS: &str = "nothing-panics";
/// What a data race breaks, where it is stated.
const EXCLUSION: &str = "no-reader-inside-write";

/// The page as it was when the gate was built.
const PAGE: document::Page =
    document::Page { path: "docs/PROPERTIES.md", text: include_str!("../../docs/PROPERTIES.md") };

/// What follows it is made by a run.
const MARK: &str = "## Which property notices which planted bug\n";

type Names = &'static [&'static str];

/// A check of a bug: with one property on, or with none.
struct Look {
    bug: PlantedBug,
    scenario: Scenario,
    on: Option<&'static str>,
}

/// Who notices which bug.
type Matrix = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// Looks at each bug with each property.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn matrix(catalogue: &Catalogue, options: &DocumentOptions) -> Result<Shown, String> {
    let looks: Vec<Look> = catalogue.planted.iter().flat_map(|bug| looks(catalogue, bug)).collect();
    let jobs = looks.iter().map(job).collect();
    let reports = execute_all(jobs, &options.checks)?;
    let mut by_bug = Matrix::new();
    for (look, report) in looks.iter().zip(&reports) {
        by_bug.entry(look.bug.mutation).or_default().extend(noticed(look, report));
    }
    let stated = stated(catalogue);
    let made = made(&by_bug, &stated);
    let before = PAGE.text.split(MARK).next().unwrap_or_default();
    let is_met = by_bug.values().all(|names| !names.is_empty());
    document::conclude(
        made.clone(),
        is_met,
        &PAGE,
        &(before.to_owned() + MARK + &made),
        options.write.as_deref(),
    )
}

/// The properties that a scenario may assert by itself: what comes true in the end may be asserted, too.
fn asserted(scenario: &Scenario) -> Vec<&'static str> {
    let stated = scenario.properties.iter().filter(|each| each.expect != Expect::Sometimes);
    let names: BTreeSet<&str> = stated.map(|each| each.name).collect();
    names.into_iter().collect()
}

fn looks(catalogue: &Catalogue, bug: &PlantedBug) -> Vec<Look> {
    let entry =
        catalogue.find(bug.scenario).expect("the catalogue knows each planted bug's scenario");
    let scenario = *entry.on(Engine::of(bug));
    let on = asserted(&scenario).into_iter().map(Some).chain([None]);
    on.map(|on| Look { bug: *bug, scenario, on }).collect()
}

fn job(look: &Look) -> Job {
    let Look { bug, scenario, on } = look;
    let off: Vec<&'static str> =
        asserted(scenario).into_iter().filter(|name| Some(*name) != *on).collect();
    // A few hundred in a process, and they live as long as it.
    let silenced: Names = off.leak();
    let preemptions_max = match bug.engine {
        PlantedBugEngine::Harness => None,
        PlantedBugEngine::Loom(bound) => Some(bound),
    };
    let check = Check {
        executions_max: Some(bug.budget),
        time_max: Some(TIME_MAX),
        preemptions_max,
        mutation: Some(bug.mutation),
        keep_going: bug.engine == PlantedBugEngine::Harness,
        silenced,
        ..Check::default()
    };
    Job {
        purpose: Purpose::Planted(*bug),
        engine: Engine::of(bug),
        scenario: *scenario,
        full_name: scenario.full_name(),
        check,
    }
}

/// Who has noticed the bug in this look.
fn noticed(look: &Look, report: &Report) -> Vec<&'static str> {
    let mut kinds: BTreeSet<ViolationKind> = report.violations.keys().copied().collect();
    kinds.extend(report.verdict.violation().map(|found| found.kind));
    if let Some(property) = look.on {
        return if kinds.contains(&ViolationKind::Property) { vec![property] } else { Vec::new() };
    }
    kinds.into_iter().flat_map(|kind| without_property(&look.scenario, kind)).collect()
}

/// What a failure breaks that needs no assertion.
fn without_property(scenario: &Scenario, kind: ViolationKind) -> Vec<&'static str> {
    let states = |name: &str| scenario.properties.iter().any(|each| each.name == name);
    match kind {
        ViolationKind::Panic => vec![PANICS],
        ViolationKind::DataRace if states(EXCLUSION) => vec![EXCLUSION],
        ViolationKind::DataRace => vec![RACES],
        // Asserted, and stated nowhere: it cannot be switched off.
        ViolationKind::Property => vec!["(not stated by the scenario)"],
        ViolationKind::Deadlock | ViolationKind::LeakedTask | ViolationKind::Livelock => {
            let ends = scenario.properties.iter().filter(|each| each.expect == Expect::Eventually);
            let names: Vec<&str> = ends.map(|each| each.name).collect();
            if names.is_empty() { vec![WAITS] } else { names }
        }
    }
}

/// All properties that a scenario states.
fn stated(catalogue: &Catalogue) -> BTreeSet<&'static str> {
    let scenarios = catalogue.entries.iter().map(|entry| entry.on(Engine::Harness));
    let properties = scenarios.flat_map(|scenario| scenario.properties);
    properties.filter(|each| each.expect != Expect::Sometimes).map(|each| each.name).collect()
}

/// The part of the page that the run makes.
fn made(by_bug: &Matrix, stated: &BTreeSet<&'static str>) -> String {
    let mut text = "
`cargo gate matrix` looks at each planted bug with one property at a time, all others switched off, and once with none: then what is left is who waits or spins for ever, what panics and what races.
*alone* are the bugs that nobody else would notice: without that property they would survive.

| property | alone | with others |
| --- | --- | --- |
"
    .to_owned();
    let mut names = stated.clone();
    names.extend(by_bug.values().flatten());
    let list =
        |bugs: &[&str]| bugs.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let mut idle = Vec::new();
    for name in &names {
        let notices = by_bug.iter().filter(|(_, who)| who.contains(name));
        let (alone, shared): (Vec<_>, Vec<_>) = notices.partition(|(_, who)| who.len() == 1);
        let ids = |bugs: Vec<(&&'static str, &BTreeSet<&'static str>)>| {
            bugs.into_iter().map(|(id, _)| *id).collect::<Vec<_>>()
        };
        let (alone, shared) = (ids(alone), ids(shared));
        if alone.is_empty() {
            idle.push(*name);
        }
        let _ = writeln!(text, "| `{name}` | {} | {} |", list(&alone), list(&shared));
    }
    let earns = names.len() - idle.len();
    let _ = writeln!(
        text,
        "\n{earns} of {} are the only ones to notice some planted bug.",
        names.len()
    );
    if !idle.is_empty() {
        let _ = writeln!(text, "Not so far: {}.", list(&idle));
    }
    text
}
