//! The models: what is checked of the machinery, on whichever backend this build has.
//!
//! Scenarios ([`scenarios()`]) are whole meetings of readers, writers and closes; components are the parts by
//! themselves; litmus programs say what the backend itself can show. The machinery never refers to any of it.

pub mod claims;
pub mod components;
#[cfg(any(
    feature = "on-harness",
    all(test, not(loom), not(feature = "on-loom"), not(feature = "on-std"))
))]
pub mod corpus;
#[cfg(all(test, not(feature = "on-harness"), not(feature = "on-loom"), not(feature = "on-std")))]
mod golden;
pub mod history;
pub mod litmus;
mod planted;
#[cfg(any(
    feature = "on-harness",
    all(test, not(loom), not(feature = "on-loom"), not(feature = "on-std"))
))]
pub mod program;
mod scenarios;
#[cfg(test)]
mod tests;

use graphlock_harness::model::Hooks;
use graphlock_harness::outcome::Report;
use graphlock_harness::scenario::{Check, PlantedBug, Scenario};

use crate::sync::model;

/// All scenarios and components, in the order of the table. The same on every backend but for the bodies.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut all = components::all();
    all.extend(scenarios::all());
    all
}

/// The scenarios of which is known what they come to. Beside the table: some of them fail, which is why they are there. For the
/// harness alone.
#[cfg(any(
    feature = "on-harness",
    all(test, not(loom), not(feature = "on-loom"), not(feature = "on-std"))
))]
#[must_use]
pub fn others() -> Vec<Scenario> {
    [corpus::scenarios(), history::scenarios(), claims::scenarios()].concat()
}

/// All planted bugs with who must find them.
#[must_use]
pub fn planted_bugs() -> Vec<PlantedBug> {
    planted::all()
}

/// Each protection that can be turned off, and what that does.
#[must_use]
pub fn mutations() -> &'static [(&'static str, &'static str)] {
    crate::mutation::MUTATIONS
}

/// Executes a scenario as `check` asks, on this build's backend.
#[must_use]
pub fn check(scenario: &Scenario, check: &Check) -> Report {
    check_with(scenario, check, &Hooks::default())
}

/// The same for who wants to see it go on. The deterministic engine alone can be interrupted.
///
/// # Panics
/// If a checkpoint is asked for and cannot be used.
#[must_use]
pub fn check_with(scenario: &Scenario, check: &Check, hooks: &Hooks<'_>) -> Report {
    model::check(check, scenario.as_body(), hooks)
}
