//! One drawn program with its schedules.

use std::sync::Arc;

use graphlock_harness::model::Hooks;
use graphlock_harness::outcome::{Report, Violation};
use graphlock_harness::scenario::{Check, Strategy};
use graphlock_programs::program::{Deferral, Program};
use graphlock_programs::strategy::{Schedule, Size, programs, schedules};
use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::engine;

/// A program of at most so many steps is explored exhaustively, as far as its schedules go.
const SMALL: usize = 2;

/// A program as it was drawn, to be shrunk with how it is scheduled.
pub(super) type Tree = Box<dyn ValueTree<Value = (Program, Schedule)>>;

/// Draws trial `number` of `seed`.
pub(super) fn draw(seed: u64, number: u64) -> Tree {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let both = (programs(Size::default()), schedules());
    let tree = both.new_tree(&mut runner);
    Box::new(tree.expect("nothing that is drawn is thrown away"))
}

/// How a program is checked under `runs` schedules.
pub(super) fn how(
    program: &Program,
    schedule: &Schedule,
    runs: u64,
    mutation: Option<&'static str>,
) -> Check {
    let strategy = if program.steps() <= SMALL {
        Strategy::Exhaustive
    } else {
        Strategy::Sample { sampling: schedule.sampling, seed: schedule.seed, first: 0, runs }
    };
    let sampled = !matches!(strategy, Strategy::Exhaustive);
    Check {
        executions_max: Some(runs).filter(|_| !sampled),
        store_buffers: schedule.store_buffers && sampled,
        surprises: if sampled { schedule.surprises } else { 0 },
        strategy,
        mutation,
        ..Check::default()
    }
}

/// Which way its unrefs are deferred.
pub(super) fn deferral(program: &Program) -> Deferral {
    program.deferral.unwrap_or(Deferral::List)
}

/// Executes a program.
pub(super) fn execute(program: &Arc<Program>, check: &Check) -> Report {
    engine::check_program(program, deferral(program), check, &Hooks::default())
        .expect("no checkpoint is asked for")
}

/// What is the same about two failures: the kind and, if it is one, the property.
pub(super) fn signature(violation: &Violation) -> (String, String) {
    let property = violation.message.split('`').nth(1).unwrap_or_default();
    let is_property = violation.kind == graphlock_harness::outcome::ViolationKind::Property;
    (violation.kind.to_string(), if is_property { property.to_owned() } else { String::new() })
}
