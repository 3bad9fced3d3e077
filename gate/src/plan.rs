//! Which checks a run consists of, in the order in which they are shown.
//!
//! Three kinds, in this order: *rows* (a scenario on an engine), *twice* (a few executions of each
//! scenario executed again, to see whether the code under test is deterministic), *planted* (a
//! protection turned off, which must be noticed).
//!
//! The plan is a function of the catalogue and the call. It reads no clock and no machine.

use std::collections::BTreeSet;
use std::time::Duration;

use graphlock_harness::expectation::Expectation;
use graphlock_harness::scenario::{Check, PlantedBug, PlantedBugEngine, Scenario};

use crate::arguments::{Profile, Run, Selection};
use crate::catalogue::{Catalogue, Entry};
use crate::engine::Engine;

/// Executions of a scenario that are executed again to compare them.
const TWICE_EXECUTIONS: u64 = 500;

/// Why a check is made, and what is expected of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// A row of the table. Where `must_complete` is unset the row may be cut off by its budget.
    Row {
        /// Whether being cut off fails the gate.
        must_complete: bool,
    },
    /// The choices must be the same when they are executed again.
    Twice,
    /// The planted bug must be found.
    Planted(PlantedBug),
    /// What comes out is known. Not part of a whole run.
    Expected(Expectation),
}

/// One check of one scenario on one engine.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Why.
    pub(crate) purpose: Purpose,
    /// Where.
    pub(crate) engine: Engine,
    /// What, with the body of that engine's build.
    pub(crate) scenario: Scenario,
    /// The scenario's full name.
    pub(crate) full_name: String,
    /// How.
    pub(crate) check: Check,
}

/// The limits of a profile.
#[derive(Clone, Copy, Debug)]
struct Limits {
    complete: Duration,
    cut: Duration,
    loom: Duration,
    planted: Duration,
    preemptions_min: u8,
    /// Whether sizes that need not be complete are run at all.
    large: bool,
}

impl Limits {
    fn of(run: &Run) -> Limits {
        let seconds = |complete, cut, loom, planted, preemptions_min, large| {
            let limit = |own| run.time_max.unwrap_or(Duration::from_secs(own));
            let (complete, cut) = (limit(complete), limit(cut));
            Limits {
                complete,
                cut,
                loom: limit(loom),
                planted: limit(planted),
                preemptions_min,
                large,
            }
        };
        match run.profile {
            Profile::Quick => seconds(60, 2, 10, 30, 0, false),
            Profile::Full => seconds(3600, 60, 60, 300, 3, true),
        }
    }
}

/// The jobs of a run.
///
/// # Errors
/// If nothing is left to do, with the line that says what was asked for and what there is.
pub(crate) fn plan(catalogue: &Catalogue, run: &Run) -> Result<Vec<Job>, String> {
    let limits = Limits::of(run);
    let mut jobs = Vec::new();
    if !run.planted_only {
        rows(catalogue, &run.selection, limits, &mut jobs);
        if jobs.is_empty() {
            return Err(nothing_left(catalogue, &run.selection));
        }
        twice(catalogue, &run.selection, limits, &mut jobs);
    }
    planted(catalogue, &run.selection, limits, &mut jobs);
    if jobs.is_empty() {
        let count = catalogue.planted.len();
        let asked = run.selection.asked();
        return Err(format!(
            "{asked}: found no planted bug, expected some of the {count} of `gate list`; ask for fewer things at once"
        ));
    }
    Ok(jobs)
}

/// Says which part of a selection left nothing to run.
pub(crate) fn nothing_left(catalogue: &Catalogue, selection: &Selection) -> String {
    let asked = selection.asked();
    let named = catalogue.entries.iter().filter(|entry| selection.names(&entry.full_name)).count();
    if named == 0 {
        let count = catalogue.entries.len();
        format!(
            "{asked}: found no scenario, expected to match some of the {count} of `gate list`; shorten it"
        )
    } else {
        format!(
            "{asked}: found {named} by name, expected one that is meant for this engine and profile \
             (large sizes need `--profile full`)"
        )
    }
}

fn rows(catalogue: &Catalogue, selection: &Selection, limits: Limits, jobs: &mut Vec<Job>) {
    let meant = |entry: &&Entry| {
        let is_large = entry.on(Engine::Harness).engines.harness == Some(false);
        selection.names(&entry.full_name) && (limits.large || !is_large)
    };
    for entry in catalogue.entries.iter().filter(meant) {
        for engine in [Engine::Harness, Engine::Loom, Engine::Std] {
            if selection.runs(engine)
                && let Some((must_complete, check)) = row(entry, engine, limits)
            {
                jobs.push(job(entry, engine, Purpose::Row { must_complete }, check));
            }
        }
    }
}

/// How a scenario is run on an engine, if it is meant for it.
fn row(entry: &Entry, engine: Engine, limits: Limits) -> Option<(bool, Check)> {
    let scenario = entry.on(engine);
    let none = Check::default();
    match engine {
        Engine::Harness => {
            let must_complete = scenario.engines.harness?;
            let time_max = Some(if must_complete { limits.complete } else { limits.cut });
            Some((must_complete, Check { time_max, ..none }))
        }
        Engine::Loom => {
            let bound = scenario.engines.loom.ok()?.max(limits.preemptions_min);
            let time_max = Some(limits.loom);
            Some((false, Check { time_max, preemptions_max: Some(bound), ..none }))
        }
        Engine::Std => {
            let runs = u64::from(scenario.engines.std);
            let time_max = Some(limits.complete);
            (runs > 0).then_some((false, Check { time_max, executions_max: Some(runs), ..none }))
        }
    }
}

/// Of each scenario name the first parameters: determinism is a question of the code, not of sizes.
fn twice(catalogue: &Catalogue, selection: &Selection, limits: Limits, jobs: &mut Vec<Job>) {
    if !selection.runs(Engine::Harness) {
        return;
    }
    let mut names = BTreeSet::new();
    for entry in catalogue.entries.iter().filter(|entry| selection.names(&entry.full_name)) {
        let scenario = entry.on(Engine::Harness);
        if scenario.engines.harness.is_some() && names.insert(scenario.name) {
            let check = Check {
                executions_max: Some(TWICE_EXECUTIONS),
                time_max: Some(limits.complete),
                twice: true,
                ..Check::default()
            };
            jobs.push(job(entry, Engine::Harness, Purpose::Twice, check));
        }
    }
}

/// Whether a planted bug belongs to a selection.
pub(crate) fn selects(selection: &Selection, bug: &PlantedBug) -> bool {
    let named = selection.names(bug.scenario) || selection.names(bug.mutation);
    named && selection.runs(Engine::of(bug))
}

fn planted(catalogue: &Catalogue, selection: &Selection, limits: Limits, jobs: &mut Vec<Job>) {
    for bug in catalogue.planted.iter().filter(|bug| selects(selection, bug)) {
        let entry =
            catalogue.find(bug.scenario).expect("the catalogue knows each planted bug's scenario");
        let preemptions_max = match bug.engine {
            PlantedBugEngine::Harness => None,
            PlantedBugEngine::Loom(bound) => Some(bound),
        };
        let check = Check {
            executions_max: Some(bug.budget),
            time_max: Some(limits.planted),
            preemptions_max,
            mutation: Some(bug.mutation),
            ..Check::default()
        };
        jobs.push(job(entry, Engine::of(bug), Purpose::Planted(*bug), check));
    }
}

fn job(entry: &Entry, engine: Engine, purpose: Purpose, check: Check) -> Job {
    let scenario = *entry.on(engine);
    Job { purpose, engine, scenario, full_name: entry.full_name.clone(), check }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Command, parse};
    use crate::catalogue::tests::catalogue;

    fn planned(words: &[&str]) -> Result<Vec<String>, String> {
        let Ok(Command::Run(run)) = parse(std::iter::once(&"gate").chain(words)) else {
            panic!("{words:?} is not a run")
        };
        let describe = |job: &Job| {
            let purpose = match job.purpose {
                Purpose::Row { must_complete } => format!("row {must_complete}"),
                Purpose::Twice => "twice".to_owned(),
                Purpose::Planted(bug) => bug.mutation.to_owned(),
                Purpose::Expected(_) => unreachable!("a run plans none"),
            };
            let seconds = job.check.time_max.map_or(0, |time| time.as_secs());
            format!("{} {} {purpose} {seconds} s", job.full_name, job.engine.word())
        };
        plan(&catalogue(&["a", "b"]), &run).map(|jobs| jobs.iter().map(describe).collect())
    }

    #[test]
    fn each_scenario_has_a_row_on_each_engine_in_a_fixed_order() {
        let expected = [
            "a[readers=1] harness row true 60 s",
            "a[readers=1] loom row false 10 s",
            "a[readers=1] std row false 60 s",
            "b[readers=1] harness row true 60 s",
            "b[readers=1] loom row false 10 s",
            "b[readers=1] std row false 60 s",
            "a[readers=1] harness twice 60 s",
            "b[readers=1] harness twice 60 s",
            "a[readers=1] harness kick-removed 30 s",
        ];
        assert_eq!(planned(&[]).expect("there is work"), expected);
    }

    #[test]
    fn filter_engine_and_time_are_obeyed() {
        let expected = ["b[readers=1] loom row false 3 s"];
        let words = ["--filter", "^b", "--engine", "loom", "--max-time", "3"];
        assert_eq!(planned(&words).expect("there is work"), expected);
    }

    #[test]
    fn mutants_are_selected_by_id_or_scenario() {
        for filter in ["kick", "^a"] {
            let jobs = planned(&["mutants", "--filter", filter]).expect("there is work");
            assert_eq!(jobs, ["a[readers=1] harness kick-removed 30 s"]);
        }
    }

    #[test]
    fn a_selection_that_leaves_nothing_is_refused() {
        let refused = planned(&["--filter", "zebra"]).expect_err("no zebra");
        let expected = "--filter `zebra`: found no scenario, expected to match some of the 2 of `gate list`; shorten it";
        assert_eq!(refused, expected);
        let refused = planned(&["mutants", "--engine", "std"]).expect_err("none on std");
        assert_eq!(
            refused,
            "--engine std: found no planted bug, expected some of the 1 of `gate list`; ask for fewer things at once"
        );
    }
}
