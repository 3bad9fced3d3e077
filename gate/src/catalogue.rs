//! What there is to run: each scenario with its body on each build, and the planted bugs.
//!
//! Invariants, looked at when the catalogue is made: the three builds list the same scenarios in the
//! same order; no full name stands twice; each planted bug names a scenario and a mutation that exist.
//! Beside them stand the *others*: scenarios of which is known what they come to (corpus, history, claims). Their names are
//! among the names that must not stand twice.
//! A catalogue that breaks one of them cannot be trusted to run what it says, so the gate is blind.

use std::collections::BTreeSet;

use graphlock_harness::scenario::{Expect, PlantedBug, Scenario};

use crate::engine::{self, Engine};
use crate::like::perhaps;

/// A scenario with its body on each build.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Name and parameters.
    pub(crate) full_name: String,
    harness: Scenario,
    loom: Scenario,
    std: Scenario,
}

impl Entry {
    /// The scenario with the body that belongs to `engine`.
    pub(crate) fn on(&self, engine: Engine) -> &Scenario {
        match engine {
            Engine::Harness => &self.harness,
            Engine::Loom => &self.loom,
            Engine::Std => &self.std,
        }
    }

    /// The cases that the scenario must reach: the declared ones, and its `Sometimes` properties
    /// under their own names. Each once, in the order of declaration.
    pub(crate) fn cases(&self) -> Vec<&'static str> {
        let sometimes = self.harness.properties.iter();
        let sometimes =
            sometimes.filter(|each| each.expect == Expect::Sometimes).map(|each| each.name);
        let mut seen = BTreeSet::new();
        let declared = self.harness.cases.iter().copied();
        declared.chain(sometimes).filter(|case| seen.insert(*case)).collect()
    }
}

/// All that can be run.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    /// In the order of the list, which is the order of every table.
    pub(crate) entries: Vec<Entry>,
    /// Those of expectations: whole runs leave them out, everybody else finds them by name.
    pub(crate) others: Vec<Entry>,
    /// In their order.
    pub(crate) planted: Vec<PlantedBug>,
    /// Id, and what it turns off.
    pub(crate) mutations: &'static [(&'static str, &'static str)],
}

impl Catalogue {
    /// The scenario of this full name.
    ///
    /// # Errors
    /// In one line, if there is none.
    pub(crate) fn scenario(&self, named: &str) -> Result<&Entry, String> {
        let count = self.entries.len();
        self.find(named).ok_or_else(|| {
            let like = perhaps(named, self.entries.iter().map(|entry| entry.full_name.as_str()));
            format!("found scenario `{named}`, expected one of the {count} of `gate list`{like}")
        })
    }

    /// The mutation of this name, or several that are joined by `+`.
    ///
    /// # Errors
    /// In one line, if there is none.
    pub(crate) fn mutation(&self, named: &str) -> Result<&'static str, String> {
        let known = |named: &str| self.mutations.iter().map(|(id, _)| *id).find(|id| *id == named);
        let unknown = named.split('+').find(|each| known(each).is_none());
        if let Some(unknown) = unknown {
            let count = self.mutations.len();
            let like = perhaps(unknown, self.mutations.iter().map(|(id, _)| *id));
            return Err(format!(
                "found mutation `{unknown}`, expected one of the {count} of `gate list`{like}"
            ));
        }
        // Several are asked for a few times in a process, and live as long as it.
        Ok(known(named).unwrap_or_else(|| named.to_owned().leak()))
    }

    /// Reads the lists of the three builds.
    ///
    /// # Errors
    /// If an invariant of this module is broken, with the line that says where.
    pub(crate) fn load() -> Result<Catalogue, String> {
        const ENGINES: [Engine; 3] = [Engine::Harness, Engine::Loom, Engine::Std];
        Catalogue::new(
            ENGINES.map(Engine::scenarios),
            engine::others(),
            engine::planted_bugs(),
            engine::mutations(),
        )
    }

    fn new(
        builds: [Vec<Scenario>; 3],
        others: Vec<Scenario>,
        planted: Vec<PlantedBug>,
        mutations: &'static [(&'static str, &'static str)],
    ) -> Result<Catalogue, String> {
        let entries = zip(builds)?;
        let others: Vec<Entry> = others.into_iter().map(alone).collect();
        let mut seen = BTreeSet::new();
        let names = entries.iter().chain(&others).map(|entry| entry.full_name.as_str());
        if let Some(twice) = names.into_iter().find(|name| !seen.insert(*name)) {
            return Err(format!(
                "the scenario {twice} is listed twice; give one of them other parameters"
            ));
        }
        for bug in &planted {
            if !entries.iter().any(|entry| entry.full_name == bug.scenario) {
                let (id, name) = (bug.mutation, bug.scenario);
                return Err(format!(
                    "planted bug {id} names the scenario {name}, which is not listed; mend model-tests/planted.rs"
                ));
            }
            if !mutations.iter().any(|(id, _)| *id == bug.mutation) {
                return Err(format!(
                    "planted bug {} is not in the table of mutations; add it to src/mutation.rs",
                    bug.mutation
                ));
            }
        }
        Ok(Catalogue { entries, others, planted, mutations })
    }

    /// The scenario of that full name.
    pub(crate) fn find(&self, full_name: &str) -> Option<&Entry> {
        self.entries.iter().chain(&self.others).find(|entry| entry.full_name == full_name)
    }

    /// The mutations that no planted bug turns on.
    pub(crate) fn not_planted(&self) -> Vec<&'static str> {
        let planted: BTreeSet<&str> = self.planted.iter().map(|bug| bug.mutation).collect();
        self.mutations.iter().map(|(id, _)| *id).filter(|id| !planted.contains(id)).collect()
    }
}

/// A scenario of the harness alone: on the others nobody runs it.
fn alone(scenario: Scenario) -> Entry {
    Entry { full_name: scenario.full_name(), harness: scenario, loom: scenario, std: scenario }
}

/// Makes one list of those of the three builds.
fn zip([harness, loom, std]: [Vec<Scenario>; 3]) -> Result<Vec<Entry>, String> {
    let names = |build: &[Scenario]| build.iter().map(Scenario::full_name).collect::<Vec<_>>();
    let full_names = names(&harness);
    if full_names != names(&loom) || full_names != names(&std) {
        return Err(
            "the three builds do not list the same scenarios in the same order; list them in model-tests/ without `cfg`".to_owned()
        );
    }
    let bodies = full_names.into_iter().zip(harness).zip(loom).zip(std);
    let entry = |(((full_name, harness), loom), std)| Entry { full_name, harness, loom, std };
    Ok(bodies.map(entry).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use graphlock_harness::outcome::ViolationKind;
    use graphlock_harness::scenario::{Engines, Parameters, PlantedBugEngine, Property};

    const MUTATIONS: &[(&str, &str)] =
        &[("kick-removed", "the kick"), ("fence-removed", "the fence")];

    const PROPERTIES: &[Property] =
        &[Property::always("exclusion"), Property::sometimes("overtaken")];

    /// A scenario for tests.
    pub(crate) fn scenario(name: &'static str) -> Scenario {
        Scenario {
            name,
            parameters: Parameters(&[("readers", 1)]),
            about: "",
            properties: PROPERTIES,
            cases: &["reader-sleeps"],
            engines: Engines { harness: Some(true), loom: Ok(2), std: 5 },
            body: |_| {},
        }
    }

    /// A planted bug for tests.
    pub(crate) fn planted(mutation: &'static str, scenario: &'static str) -> PlantedBug {
        PlantedBug {
            mutation,
            models: "",
            scenario,
            engine: PlantedBugEngine::Harness,
            budget: 100,
            symptom: ViolationKind::Deadlock,
        }
    }

    /// A catalogue of the named scenarios, the same on each build, with one planted bug in the first.
    pub(crate) fn catalogue(names: &[&'static str]) -> Catalogue {
        let build = || names.iter().map(|name| scenario(name)).collect::<Vec<_>>();
        let bug = PlantedBug { scenario: "a[readers=1]", ..planted("kick-removed", "") };
        Catalogue::new([build(), build(), build()], Vec::new(), vec![bug], MUTATIONS)
            .expect("it is consistent")
    }

    #[test]
    fn builds_that_list_different_scenarios_are_refused() {
        let builds = [vec![scenario("a")], vec![scenario("b")], vec![scenario("a")]];
        let refused =
            Catalogue::new(builds, Vec::new(), Vec::new(), MUTATIONS).expect_err("loom differs");
        assert!(refused.contains("do not list the same"), "{refused}");
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let build = || vec![scenario("a"), scenario("a")];
        let refused =
            Catalogue::new([build(), build(), build()], Vec::new(), Vec::new(), MUTATIONS);
        assert_eq!(
            refused.expect_err("twice"),
            "the scenario a[readers=1] is listed twice; give one of them other parameters"
        );
    }

    #[test]
    fn a_planted_bug_without_scenario_or_mutation_is_refused() {
        let build = || vec![scenario("a")];
        for (bug, part) in [
            (planted("kick-removed", "b"), "names the scenario b"),
            (planted("nothing", "a[readers=1]"), "not in the table of mutations"),
        ] {
            let refused =
                Catalogue::new([build(), build(), build()], Vec::new(), vec![bug], MUTATIONS);
            let refused = refused.expect_err("it is inconsistent");
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn sometimes_properties_are_cases_and_unplanted_mutations_are_named() {
        let catalogue = catalogue(&["a"]);
        assert_eq!(catalogue.entries[0].cases(), ["reader-sleeps", "overtaken"]);
        assert_eq!(catalogue.not_planted(), ["fence-removed"]);
    }
}
