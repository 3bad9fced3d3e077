//! How programs are drawn and shrunk.
//!
//! A program is drawn in four moves: which kinds of operations there are at all (`swarm`), what is there at the
//! beginning (`shape`), which meetings take place (`scenes`) and what comes between (`noise`). What comes of it may break
//! a rule here or there; `repair` makes it valid, and `prune` takes out what nobody mentions. Every program that is drawn
//! keeps all [`rules`](crate::rules).
//!
//! Shrinking (`shrink`) takes steps, tasks and nodes away from the program itself and repairs it again: what fails in a
//! long program is shown by a short one.
//!
//! # Not here
//! Expectations beyond what every program must show, and what a program is about: a drawn one is about nothing.

mod dice;
mod noise;
mod prune;
mod repair;
mod scenes;
mod schedule;
mod shape;
mod shrink;
mod sketch;
mod swarm;
mod visit;
mod wait;

use proptest::prelude::Rng as _;
use proptest::strategy::{NewTree, Strategy};
use proptest::test_runner::TestRunner;

use crate::program::{Deferral, Program};
use dice::Dice;
pub use schedule::{Schedule, schedules};
pub use shrink::Tree;
use sketch::Sketch;
pub use swarm::Group;
use swarm::Swarm;

/// How large a program may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Tasks and commands, and the main loop.
    pub tasks: usize,
    /// Steps in all.
    pub steps: usize,
    /// Nodes, those that are opened later included.
    pub nodes: usize,
}

impl Default for Size {
    fn default() -> Self {
        Size { tasks: 5, steps: 20, nodes: 8 }
    }
}

impl Size {
    /// Small enough for all interleavings.
    #[must_use]
    pub fn small() -> Self {
        Size { tasks: 2, steps: 6, nodes: 5 }
    }
}

/// The most loops a program has.
const LOOPS: [&str; 3] = ["loop0", "loop1", "loop2"];

/// Programs of at most this size.
#[must_use]
pub fn programs(size: Size) -> Programs {
    Programs { size }
}

/// The strategy of [`programs`].
#[derive(Clone, Copy, Debug)]
pub struct Programs {
    size: Size,
}

impl Strategy for Programs {
    type Tree = Tree;
    type Value = Program;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Tree::new(draw(runner.rng().next_u64(), self.size)))
    }
}

/// The program of this seed.
#[must_use]
pub fn draw(seed: u64, size: Size) -> Program {
    let mut dice = Dice::new(seed);
    let swarm = Swarm::draw(&mut dice);
    let deferral = Deferral::ALL[dice.below(2)];
    let workers = if swarm.has(Group::Workers) { 1 + dice.below(2) } else { 0 };
    let loops = dice.below(LOOPS.len() + 1);
    let program = Program {
        deferral: Some(deferral),
        workers,
        loops: LOOPS[..loops].to_vec(),
        ..Program::default()
    };
    let mut sketch = Sketch { dice, swarm, size, program };
    shape::draw(&mut sketch);
    scenes::play(&mut sketch);
    noise::add(&mut sketch);
    let mut program = sketch.program;
    finish(&mut program);
    while program.steps() > size.steps || program.tasks() > size.tasks {
        shorten(&mut program);
        finish(&mut program);
    }
    program
}

/// Makes a program whole again.
fn finish(program: &mut Program) {
    repair::repair(program);
    prune::prune(program);
}

/// Takes a little away: what was closed at the end of a list may be one step too many.
fn shorten(program: &mut Program) {
    if let Some(longest) = program.tasks.iter_mut().max_by_key(|task| task.steps.len()) {
        longest.steps.remove(0);
    } else if !program.main.is_empty() {
        program.main.remove(0);
    }
}
