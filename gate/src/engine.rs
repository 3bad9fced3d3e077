//! The three engines as one value: who runs a body on which build of the code under test.
//!
//! This is the only file that names the three packages.

use std::sync::Arc;

use clap::ValueEnum;
use graphlock_harness::model::{Body, CheckpointError, Hooks};
use graphlock_harness::outcome::Report;
use graphlock_harness::scenario::{Check, PlantedBug, PlantedBugEngine, Scenario};
use graphlock_programs::program::{Deferral, Program};
use serde::{Deserialize, Serialize};

/// Who executes a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    /// The deterministic engine: every interleaving
    Harness,
    /// loom, within a preemption bound
    Loom,
    /// Real threads, some hundred times
    Std,
}

impl Engine {
    /// The word on the command line and in the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Engine::Harness => "harness",
            Engine::Loom => "loom",
            Engine::Std => "std",
        }
    }

    /// The engine that a planted bug is handed to.
    pub(crate) fn of(planted: &PlantedBug) -> Engine {
        match planted.engine {
            PlantedBugEngine::Harness => Engine::Harness,
            PlantedBugEngine::Loom(_) => Engine::Loom,
        }
    }

    /// The scenarios of this engine's build.
    pub(crate) fn scenarios(self) -> Vec<Scenario> {
        match self {
            Engine::Harness => graphlock_on_harness::model_tests::scenarios(),
            Engine::Loom => graphlock_on_loom::model_tests::scenarios(),
            Engine::Std => graphlock_on_std::model_tests::scenarios(),
        }
    }

    /// Runs one check. The scenario must come from [`scenarios`](Engine::scenarios) of the same
    /// engine: its body is compiled against that engine's door.
    pub(crate) fn check(self, scenario: &Scenario, check: &Check, hooks: &Hooks<'_>) -> Report {
        match self {
            Engine::Harness => {
                graphlock_on_harness::model_tests::check_with(scenario, check, hooks)
            }
            Engine::Loom => graphlock_on_loom::model_tests::check_with(scenario, check, hooks),
            Engine::Std => graphlock_on_std::model_tests::check_with(scenario, check, hooks),
        }
    }
}

/// Executes a program on the deterministic engine.
///
/// # Errors
/// If the checkpoint cannot be used.
pub(crate) fn check_program(
    program: &Arc<Program>,
    deferral: Deferral,
    check: &Check,
    hooks: &Hooks<'_>,
) -> Result<Report, CheckpointError> {
    graphlock_on_harness::model_tests::program::check(program, deferral, check, hooks)
}

/// A program as the body of a check.
pub(crate) fn program_body(program: &Arc<Program>, deferral: Deferral, check: &Check) -> Body {
    graphlock_on_harness::model_tests::program::body(program, deferral, check.surprises)
}

/// The scenarios of expectations, for the harness alone; whole runs leave them out.
pub(crate) fn others() -> Vec<Scenario> {
    graphlock_on_harness::model_tests::others()
}

/// The planted bugs; the list is the same in every build.
pub(crate) fn planted_bugs() -> Vec<PlantedBug> {
    graphlock_on_harness::model_tests::planted_bugs()
}

/// The protections that can be turned off: id, and what it turns off.
pub(crate) fn mutations() -> &'static [(&'static str, &'static str)] {
    graphlock_on_harness::model_tests::mutations()
}
