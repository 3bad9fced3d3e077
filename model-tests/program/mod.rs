//! Programs, executed: scenarios as data on the machinery, with the reference beside them.
//!
//! | file | |
//! | --- | --- |
//! | `world` | what all parties of a run share: the graph, images, events, the reference |
//! | `build` | how a run begins |
//! | `main_steps` | the main loop's steps, and those of commands |
//! | `section` | steps in a write section |
//! | `task` | steps of coroutines and threads |
//! | `requests` | reads and writes, and what they must find |
//! | `callbacks` | bottom halves, commands, and the order in which they run |
//! | `faulty` | images that fail as the program says |
//! | `watched` | what nobody may touch at the same time as somebody else |
//!
//! # Phases of a run
//! The program's steps are taken; then faults end and scheduling becomes fair, and everything must finish; then the
//! graph must be as the reference says; then everything is let go, and nothing may be left.
//!
//! # Not here
//! Loom and real threads: what a program shows is a matter of the interleavings it is given, and these belong to the
//! harness.

mod build;
mod callbacks;
mod faulty;
mod main_steps;
mod requests;
mod section;
#[cfg(test)]
mod stories;
mod task;
#[cfg(all(test, not(feature = "on-harness")))]
mod tests;
mod watched;
mod world;

use graphlock_harness::model::{self, Body, CheckpointError, Hooks};
use graphlock_harness::outcome::Report;
use graphlock_harness::scenario::{Check, always};
use graphlock_programs::program::{Deferral, Program};

use crate::event_loop::MainLoop;
use crate::graph_lock::Fairness;
use crate::sync::Arc;
use world::World;

/// A program as the body of a check that surprises its tasks so often.
#[must_use]
pub fn body(program: &Arc<Program>, deferral: Deferral, surprises: u32) -> Body {
    let program = Arc::clone(program);
    Arc::new(move || run(&program, deferral, surprises > 0))
}

/// Executes a program as `check` asks, its unrefs deferred in this way.
///
/// # Errors
/// If the checkpoint cannot be used.
pub fn check(
    program: &Arc<Program>,
    deferral: Deferral,
    check: &Check,
    hooks: &Hooks<'_>,
) -> Result<Report, CheckpointError> {
    model::check_with(check, &body(program, deferral, check.surprises), hooks)
}

fn run(program: &Arc<Program>, deferral: Deferral, surprised: bool) {
    let mut main = MainLoop::new();
    let world = World::build(&mut main, program, deferral);
    world.set_faults(true);
    world.start_tasks(&main);
    // The main loop's thread has coroutines that read, too.
    let registration = world.graph.lock().register("main");
    let counter = (registration.adopt(), registration);
    world.take_main_steps(&mut main, &program.main);
    world.let_everything_finish(&mut main, surprised);
    // Inside the execution: what waits for ever here is found, too, and a pool's threads end with the last node.
    let left = world.let_everything_go(main);
    drop(counter);
    model::finish(|| left);
}

impl World {
    /// The liveness phase: nothing fails any more, and everybody gets his turn.
    fn let_everything_finish(self: &Arc<Self>, main: &mut MainLoop, surprised: bool) {
        model::fair_from_here();
        self.set_faults(false);
        self.wait_for_others(main, || self.is_somebody_left());
        self.stop_loops(main);
        while main.poll_bottom_halves() {}
        self.check_bottom_halves();
        self.reference.with(|reference| reference.settle_all());
        self.compare(main, true);
        let most = Fairness::default().overtakes_max;
        let overtakes = self.graph.lock().overtakes_most();
        always(
            "overtakes-are-bounded",
            overtakes <= most,
            format_args!("a writer was overtaken {overtakes} times, expected at most {most}"),
        );
        let ends = self.graph.lock().patience_ends();
        // A patience that ends early says nothing.
        if !surprised && self.expects_every_kick() {
            always("every-kick-arrives", ends == 0, format_args!("patience ended {ends} times"));
        }
    }
}
