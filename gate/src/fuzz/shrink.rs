//! A failing trial made small: fewer tasks, steps and nodes first, then fewer context switches.
//!
//! The program is drawn again and simplified as long as it fails in the same way under its schedules; then the schedule that
//! fails is minimised. What is left is written as a file that says how to see it again.

use std::sync::Arc;

use graphlock_harness::model;
use graphlock_harness::outcome::Violation;
use graphlock_harness::scenario::Check;
use graphlock_programs::file;
use graphlock_programs::program::Program;
use graphlock_programs::strategy::Schedule;

use super::hunt::{Failed, Hunt};
use super::trial;
use crate::counterexample::draw;
use crate::engine;
use crate::outputs::not_saved;
use crate::program;
use crate::table::Paint;

/// So many simpler programs are tried.
const PROGRAMS_MAX: u32 = 300;
/// So many executions are spent on a schedule.
const EXECUTIONS_MAX: u64 = 2_000;

/// A failure made small.
pub(super) struct Shrunk {
    pub(super) program: Arc<Program>,
    check: Check,
    pub(super) violation: Violation,
}

impl Shrunk {
    /// Makes a failure small that was found in this hunt.
    pub(super) fn of(failed: &Failed, hunt: &Hunt) -> Shrunk {
        let wanted = trial::signature(&failed.violation);
        let mut tree = trial::draw(hunt.seed, failed.number);
        let mut best = (Arc::clone(&failed.program), failed.schedule, failed.violation.clone());
        let runs = hunt.schedules;
        let mut simpler = tree.simplify();
        for _ in 0..PROGRAMS_MAX {
            if !simpler {
                break;
            }
            let (program, schedule) = tree.current();
            let program = Arc::new(program);
            let check = trial::how(&program, &schedule, runs, hunt.mutation);
            let report = trial::execute(&program, &check);
            let same = report.verdict.violation().filter(|each| trial::signature(each) == wanted);
            if let Some(violation) = same {
                best = (program, schedule, Box::new(violation.clone()));
                simpler = tree.simplify();
            } else {
                simpler = tree.complicate();
            }
        }
        let (program, schedule, violation) = best;
        Self::minimise(program, &schedule, &violation, hunt)
    }

    fn minimise(
        program: Arc<Program>,
        schedule: &Schedule,
        violation: &Violation,
        hunt: &Hunt,
    ) -> Shrunk {
        let check = trial::how(&program, schedule, hunt.schedules, hunt.mutation);
        let body = engine::program_body(&program, trial::deferral(&program), &check);
        let least = model::minimise(&check, &body, violation, EXECUTIONS_MAX);
        // One that is not shown again when it is followed stays as it was found.
        let violation = least.unwrap_or_else(|| violation.clone());
        Shrunk { program, check, violation }
    }

    /// Writes both files and says what was found.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn described(&self, hunt: &Hunt, number: u64) -> Result<String, String> {
        let name = format!("fuzz-{}-{number}", hunt.seed);
        let saved = program::save(
            &name,
            &self.program,
            trial::deferral(&self.program),
            &self.check,
            &self.violation,
        );
        let saved = saved.map_err(|error| not_saved(&error))?;
        let planted = hunt.mutation.map(|id| format!(" --mutation {id}")).unwrap_or_default();
        Ok(format!(
            "\nprogram {number} fails; shrunk to {} tasks, {} steps, {} nodes\n\n{}\n{}\n{}\
             to see it found again: cargo gate fuzz --seed {} --first {number} --programs 1{planted}\n",
            self.program.tasks(),
            self.program.steps(),
            self.program.nodes.len(),
            file::print(&self.program),
            draw(&self.violation, Paint::for_stdout()),
            saved.how_to_replay(),
            hunt.seed,
        ))
    }
}
