//! Shrinking: pieces are taken away from a program as long as it still shows what it shows.
//!
//! From the coarse to the fine: whole tasks and callbacks, runs of steps from half of a list down to one, nodes, and what
//! is simpler in its place. Each attempt is repaired and pruned; it counts if it keeps the rules and weighs less than what
//! it was made of, so that this ends. When nothing more can be taken away, the attempts begin anew until none succeeds.
//!
//! # Not here
//! Attempts that have been refused before: most programs are too small for that to pay.

use proptest::strategy::ValueTree;

use crate::program::{BottomHalfId, CommandId, NodeId, Party, Place, Program, TaskId};
use crate::rules;
use crate::step::Step;

use super::finish;
use super::prune::each_step;
use super::visit::{Named, visit};
use super::wait::list_of;

/// Something to be tried.
#[derive(Clone, Copy, Debug)]
enum Edit {
    /// This party takes no steps.
    Silence(Party),
    /// So many steps less, from this one on.
    Cut(Party, usize, usize),
    /// A node goes, and all steps that name it.
    Without(NodeId),
    /// A node goes, and what is below it takes its place.
    Splice(NodeId),
    /// A task goes on where another one has ended.
    Join(TaskId, TaskId),
    /// One fault less.
    NoFault(usize),
    /// One reference less.
    NoHold(TaskId, usize),
    /// A pool of one thread less.
    FewerWorkers,
    /// A task runs somewhere simpler.
    Simpler(TaskId, Place),
    /// A step does less.
    Plain(Party, usize),
}

/// A program and what is tried with it.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The smallest so far that shows it.
    kept: Program,
    /// What is being tried.
    current: Program,
    /// What may be tried with what is kept, and how much of it has been.
    edits: Option<Vec<Edit>>,
    tried: usize,
    /// Whether an attempt has succeeded in this round.
    progress: bool,
}

impl Tree {
    pub(super) fn new(program: Program) -> Self {
        Tree { kept: program.clone(), current: program, edits: None, tried: 0, progress: false }
    }

    /// The next attempt, from what is kept.
    fn next(&mut self) -> bool {
        loop {
            let edits = self.edits.get_or_insert_with(|| edits(&self.kept));
            let Some(edit) = edits.get(self.tried) else {
                if !std::mem::take(&mut self.progress) {
                    return false;
                }
                self.tried = 0;
                continue;
            };
            self.tried += 1;
            if let Some(attempt) = attempt(&self.kept, *edit) {
                self.current = attempt;
                return true;
            }
        }
    }

    /// What was tried is kept; what comes after it in the list goes on with that, as far as it can be found again.
    fn keep(&mut self) {
        self.kept.clone_from(&self.current);
        self.progress = true;
        let Some(old) = self.edits.replace(edits(&self.kept)) else { return };
        let stage = old[self.tried - 1].stage();
        let before = |list: &[Edit]| list.iter().filter(|edit| edit.stage() < stage).count();
        let within = self.tried - 1 - before(&old);
        let new = self.edits.get_or_insert_default();
        self.tried = new.len().min(before(new) + within);
    }
}

impl Edit {
    /// Those of one stage come one after the other, the coarse ones first.
    fn stage(self) -> u8 {
        match self {
            Edit::Silence(_) => 0,
            Edit::Cut(_, _, length) => 1 + u8::from(length == 1),
            Edit::Without(_) | Edit::Splice(_) => 3,
            _ => 4,
        }
    }
}

impl ValueTree for Tree {
    type Value = Program;

    fn current(&self) -> Program {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.current != self.kept {
            self.keep();
        }
        self.next()
    }

    fn complicate(&mut self) -> bool {
        self.current.clone_from(&self.kept);
        self.next()
    }
}

/// The edit, made; nothing if it makes nothing smaller, or nothing valid.
fn attempt(program: &Program, edit: Edit) -> Option<Program> {
    let mut smaller = program.clone();
    make(&mut smaller, edit);
    finish(&mut smaller);
    (weight(&smaller) < weight(program) && rules::check(&smaller).is_ok()).then_some(smaller)
}

/// What there is to read, and to execute.
fn weight(program: &Program) -> usize {
    let places = program.tasks.iter().map(|task| match task.place {
        Place::Thread => 0,
        Place::Main => 1,
        Place::Loop(place) => 2 + place.0,
    });
    let holds: usize = program.tasks.iter().map(|task| task.holds.len()).sum();
    let heavy = |step: &Step| match step {
        Step::WriteLock { drained: true } => 1,
        Step::Reopen(nodes) => nodes.len(),
        _ => 0,
    };
    let heavy: usize = program.parties().flat_map(|(_, _, steps)| steps).map(heavy).sum();
    100 * program.steps()
        + 150 * program.tasks()
        + 50 * (program.nodes.len() + program.bottom_halves.len() + program.faults.len())
        + 20 * (holds + program.workers + program.loops.len() + program.events.len())
        + places.sum::<usize>()
        + heavy
}

fn edits(program: &Program) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (party, _, steps) in program.parties() {
        if party != Party::Main && !steps.is_empty() {
            edits.push(Edit::Silence(party));
        }
    }
    for (party, _, steps) in program.parties() {
        let mut length = steps.len();
        while length > 1 {
            let starts = (0..steps.len()).step_by(length.div_ceil(2)).rev();
            edits.extend(starts.map(|at| Edit::Cut(party, at, length)));
            length = length.div_ceil(2);
        }
    }
    for (party, _, steps) in program.parties() {
        edits.extend((0..steps.len()).rev().map(|at| Edit::Cut(party, at, 1)));
    }
    for node in (0..program.nodes.len()).map(NodeId) {
        edits.extend([Edit::Splice(node), Edit::Without(node)]);
    }
    for one in (0..program.tasks.len()).map(TaskId) {
        edits.extend((0..one.0).map(|other| Edit::Join(TaskId(other), one)));
        edits.extend((0..program.tasks[one.0].holds.len()).map(|at| Edit::NoHold(one, at)));
        edits.push(Edit::Simpler(one, Place::Thread));
        edits.push(Edit::Simpler(one, Place::Main));
        let loops =
            (0..program.loops.len()).map(|place| Place::Loop(crate::program::LoopId(place)));
        edits.extend(loops.map(|place| Edit::Simpler(one, place)));
    }
    edits.extend((0..program.faults.len()).map(Edit::NoFault));
    edits.push(Edit::FewerWorkers);
    for (party, _, steps) in program.parties() {
        edits.extend((0..steps.len()).map(|at| Edit::Plain(party, at)));
    }
    edits
}

fn make(program: &mut Program, edit: Edit) {
    match edit {
        Edit::Silence(party) => silence(program, party),
        Edit::Cut(party, at, length) => {
            let steps = list_of(program, party);
            let end = steps.len().min(at + length);
            steps.drain(at..end);
        }
        Edit::Without(node) => {
            remove_steps(program, |named| matches!(named, Named::Node(it) if *it == node));
            take_node(program, node, None);
        }
        Edit::Splice(node) => {
            let below = program.node(node).children.first().map(|(_, child)| *child);
            each_step(program, |step| {
                visit(step, |named| match (named, below) {
                    (Named::Node(it), Some(below)) if *it == node => *it = below,
                    _ => {}
                });
            });
            take_node(program, node, below);
        }
        Edit::Join(one, other) => {
            let steps = std::mem::take(&mut program.tasks[other.0].steps);
            let holds = std::mem::take(&mut program.tasks[other.0].holds);
            program.tasks[one.0].steps.extend(steps);
            program.tasks[one.0].holds.extend(holds);
        }
        Edit::NoFault(at) => drop(program.faults.remove(at)),
        Edit::NoHold(task, at) => drop(program.tasks[task.0].holds.remove(at)),
        Edit::FewerWorkers => program.workers = program.workers.saturating_sub(1),
        Edit::Simpler(task, place) => program.tasks[task.0].place = place,
        Edit::Plain(party, at) => match &mut list_of(program, party)[at] {
            Step::WriteLock { drained } => *drained = false,
            Step::Reopen(nodes) => nodes.truncate(1),
            _ => {}
        },
    }
}

/// Nobody comes to post a callback that does nothing.
fn silence(program: &mut Program, party: Party) {
    list_of(program, party).clear();
    let is_it = |named: &Named<'_>| match (named, party) {
        (Named::BottomHalf(it), Party::BottomHalf(one)) => **it == one,
        (Named::Command(it), Party::Command(one)) => **it == one,
        _ => false,
    };
    remove_steps(program, |named| is_it(&named));
}

fn remove_steps(program: &mut Program, mut names: impl FnMut(Named<'_>) -> bool) {
    let mut retain = |steps: &mut Vec<Step>| {
        steps.retain_mut(|step| {
            let mut named = false;
            visit(step, |each| named |= names(each));
            !named
        });
    };
    retain(&mut program.main);
    program.tasks.iter_mut().for_each(|each| retain(&mut each.steps));
    for at in 0..program.bottom_halves.len() {
        retain(list_of(program, Party::BottomHalf(BottomHalfId(at))));
    }
    for at in 0..program.commands.len() {
        retain(list_of(program, Party::Command(CommandId(at))));
    }
}

/// Cuts a node off; as nobody mentions it then, it goes.
fn take_node(program: &mut Program, node: NodeId, instead: Option<NodeId>) {
    program.nodes[node.0].children.clear();
    for parent in &mut program.nodes {
        match instead {
            Some(below) => {
                let edges = parent.children.iter_mut();
                edges.filter(|(_, it)| *it == node).for_each(|(_, it)| *it = below);
            }
            None => parent.children.retain(|(_, child)| *child != node),
        }
    }
    for task in &mut program.tasks {
        task.holds.retain(|it| *it != node);
    }
}
