//! Every Mazurkiewicz trace exactly once: optimal partial-order reduction on a static tree.
//!
//! Two executions are equivalent when one becomes the other by swapping neighbours that do not
//! [conflict](crate::execution::operation); a property of final states or of deadlocks cannot tell them apart.
//!
//! # How the traces are divided
//! An execution goes on by default with the task that acts already. Let `e` be a step it takes by default, after the
//! steps `E`. The traces that begin with `E` are of two kinds. In some, `e` can be moved to the front. In each of the
//! others some step `f` that conflicts with `e` comes before it; there is a first such `f` (of several that
//! have no order, the one whose task has the lowest identity), with the steps `u` that happen
//! before it. So every trace that is not of the first kind belongs to exactly one pair `(e, u f)`: *`f` overtakes `e`*.
//! The first kind is explored by taking `e`; each pair is explored by the branch `E u f`, in
//! which `u f` is *pinned*: another order within it would be another pair. Then `e` comes next, if it can.
//!
//! # Who leads to a branch
//! A pair is found where `e` and `f` race in an execution that has taken `e`. Many have the same race. The branch is
//! made from the one execution in which everything pinned after `e` happens before `f`: there nothing
//! was overtaken but what had to be, so it is the first of them. This is decided by looking at
//! that execution alone, without a memory of others: no sleep sets, no wakeup trees, nothing to share
//! between workers; the tree of executions is the same in whatever order it is explored.
//!
//! Source: the parsimonious race reversal of Abdulla, Atig, Das, Jonsson, Sagonas, "Parsimonious Optimal
//! Dynamic Partial Order Reduction", CAV 2024, and the maximality condition of Kokologiannakis, Marmanis,
//! Gladstein, Vafeiadis, "Truly Stateless, Optimal Dynamic Partial Order Reduction", POPL 2022. The division above is
//! ours; `self_check` compares it with a search that has no reduction.
//!
//! # Invariants
//! * No execution is begun in vain: each is another trace.
//! * A step costs its conflicts, a branch the length of its execution.
//!
//! # Not here
//! A preemption bound: see [`super::plain`].

use std::collections::VecDeque;

use super::happens_before::HappensBefore;
use super::tree::{Branch, Child, Made, Pin, Why};
use super::{Decision, Explorer, OfTree, Offer, Performed, not_deterministic};
use crate::execution::clock::{NARROW, TASKS_MAX};
use crate::execution::task::Task;
use crate::schedule::{Choice, Schedule};

/// What is known of a step beside its place in the order.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Its position among the choices.
    pub(super) position: u32,
    pub(super) pinned: bool,
    /// The pin whose last step has just overtaken it.
    pub(super) overtaken_by: Option<usize>,
}

/// Makes the executions of the tree, one at a time, with clocks for so many tasks.
pub(crate) struct Exhaustive<const WIDTH: usize> {
    /// The choices of this execution so far, and at first those of the last one.
    pub(super) choices: Vec<Choice>,
    /// The execution that is being made.
    branch: Branch,
    pub(super) order: HappensBefore<WIDTH>,
    /// How many steps are the last execution's, whose order is known.
    known: usize,
    /// For each step.
    pub(super) steps: Vec<Step>,
    /// For each pin, the index of its last step.
    pub(super) pin_steps: Vec<Option<u32>>,
    /// The pin whose last step was the last one.
    overtaken_by: Option<usize>,
    /// For each task, the number of steps at its birth, and its identity.
    pub(super) born: [u32; TASKS_MAX],
    pub(super) identities: [u64; TASKS_MAX],
    pub(super) tasks: usize,
    pub(super) children: VecDeque<Child>,
    /// Kept for its allocation.
    pub(super) found: Vec<u32>,
}

impl Exhaustive<NARROW> {
    /// One that has not begun. It is widened when there are more tasks.
    pub(crate) fn new() -> Self {
        Exhaustive {
            choices: Vec::new(),
            branch: Branch::default(),
            order: HappensBefore::default(),
            known: 0,
            steps: Vec::new(),
            pin_steps: Vec::new(),
            overtaken_by: None,
            born: [0; TASKS_MAX],
            identities: [0; TASKS_MAX],
            tasks: 1,
            children: VecDeque::new(),
            found: Vec::new(),
        }
    }
}

impl<const WIDTH: usize> OfTree for Exhaustive<WIDTH> {
    fn set_branch(&mut self, branch: Branch) {
        self.branch = branch;
    }

    fn take_made(&mut self) -> Made {
        if self.children.is_empty() {
            return Made::default();
        }
        Made {
            schedule: Schedule { choices: self.choices.clone() },
            pins: self.branch.pins.clone(),
            children: std::mem::take(&mut self.children),
        }
    }
}

impl<const WIDTH: usize> Exhaustive<WIDTH> {
    /// The same with place for as many tasks as there may be. Nothing is left here.
    fn widened(&mut self) -> Exhaustive<TASKS_MAX> {
        Exhaustive {
            choices: std::mem::take(&mut self.choices),
            branch: std::mem::take(&mut self.branch),
            order: self.order.widened(),
            known: self.known,
            steps: std::mem::take(&mut self.steps),
            pin_steps: std::mem::take(&mut self.pin_steps),
            overtaken_by: self.overtaken_by,
            born: self.born,
            identities: self.identities,
            tasks: self.tasks,
            children: std::mem::take(&mut self.children),
            found: std::mem::take(&mut self.found),
        }
    }

    /// The number of the step that is being taken, or comes next.
    pub(super) fn next_step(&self) -> u32 {
        u32::try_from(self.order.events().len()).expect("fewer than 2^32 steps")
    }

    pub(super) fn pins(&self) -> &[Pin] {
        &self.branch.pins
    }

    /// Where this execution begins to be another one than that which led to it: the last pinned choice.
    fn new_from(&self) -> usize {
        self.branch.schedule.choices.len().saturating_sub(1)
    }

    /// The choice at this position, if it is not open.
    fn recorded(&self) -> Option<Choice> {
        self.branch.schedule.choices.get(self.choices.len()).copied()
    }

    /// The pin that the choice at `position` is in, or the next one.
    fn pin_at(&self, position: u32) -> Option<(usize, Pin)> {
        let next = self.pin_steps.len();
        self.branch.pins.get(next).map(|pin| (next, *pin)).filter(|(_, pin)| position < pin.end)
    }

    fn note_step(&mut self, task: usize) {
        let position = u32::try_from(self.choices.len()).expect("fewer than 2^32 choices");
        let next_pin = self.branch.pins.get(self.pin_steps.len());
        if self.overtaken_by.is_none() && next_pin.is_none_or(|pin| position < pin.start) {
            self.steps.push(Step { position, pinned: false, overtaken_by: None });
            return;
        }
        let pin = self.pin_at(position);
        let pinned = pin.is_some_and(|(_, pin)| pin.start <= position);
        let by = self.overtaken_by.take().filter(|_| !pinned).filter(|by| {
            matches!(self.branch.pins[*by].why, Why::Overtakes { task: own, .. } if usize::from(own) == task)
        });
        let index = u32::try_from(self.steps.len()).expect("fewer than 2^32 steps");
        self.steps.push(Step { position, pinned, overtaken_by: by });
        if let Some((number, pin)) = pin
            && pin.end == position + 1
        {
            self.pin_steps.push(Some(index));
            self.overtaken_by = Some(number);
        }
    }

    /// The task that was overtaken by the step before.
    fn overtaken(&self) -> Option<usize> {
        match self.branch.pins[self.overtaken_by?].why {
            Why::Overtakes { task, .. } => Some(usize::from(task)),
            Why::Value => None,
        }
    }
}

impl<const WIDTH: usize> Explorer for Exhaustive<WIDTH> {
    fn begin(&mut self) -> bool {
        // The last pinned choice is looked at anew, also where the same execution is made again.
        let old = &self.branch.schedule.choices[..self.new_from()];
        let pairs = self.choices.iter().zip(old);
        let same = pairs.take_while(|(last, next)| last == next).map(|(last, _)| last);
        self.known = same.filter(|choice| matches!(choice, Choice::Task(_))).count();
        self.order.restart(self.known);
        self.choices.clear();
        self.children.clear();
        self.steps.clear();
        self.pin_steps.clear();
        self.overtaken_by = None;
        self.tasks = 1;
        true
    }

    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        let task = match self.recorded() {
            Some(Choice::Task(task)) if offer.offers(task as usize) => task as usize,
            Some(_) => return Decision::refuse(),
            None => match self.overtaken().filter(|task| offer.offers(*task)) {
                Some(task) => task,
                None => offer.without_a_switch(offer.enabled),
            },
        };
        self.note_step(task);
        self.choices.push(Choice::Task(u32::try_from(task).expect("few tasks")));
        Decision::Run(task)
    }

    fn choose_value(&mut self, _task: usize, count: u32) -> u32 {
        let position = u32::try_from(self.choices.len()).expect("fewer than 2^32 choices");
        let value = match self.recorded() {
            Some(Choice::Value(value)) if value < count => value,
            Some(_) => panic!("{}", not_deterministic()),
            None => {
                let by = self.next_step();
                self.children.extend((1..count).map(|value| Child {
                    at: position,
                    tail: Schedule { choices: vec![Choice::Value(value)] },
                    why: Why::Value,
                    by,
                }));
                0
            }
        };
        if let Some((_, pin)) = self.pin_at(position)
            && pin.end == position + 1
        {
            // The step that is being taken, or else the one before, made the choice.
            let step = self.steps.len().checked_sub(1);
            self.pin_steps
                .push(step.map(|step| u32::try_from(step).expect("fewer than 2^32 steps")));
        }
        self.choices.push(Choice::Value(value));
        value
    }

    fn performed(&mut self, step: &Performed<'_>) {
        let index = self.steps.len() - 1;
        if index < self.known {
            self.order.repeat(index, step.woken);
            return;
        }
        let knowledge = self.order.knows(step);
        if self.steps[index].position as usize >= self.new_from() {
            self.find_branches(step, &knowledge);
        }
        self.order.add(step, &knowledge.past);
    }

    fn spawned(&mut self, task: usize, child: usize, identity: u64) {
        self.born[child] = u32::try_from(self.steps.len()).expect("fewer than 2^32 steps");
        self.identities[child] = identity;
        self.tasks = child + 1;
        self.order.spawned(task, child);
    }

    fn time_passed(&mut self, task: usize) {
        self.order.time_passed(task);
    }

    fn stuck(&mut self, tasks: &[Task]) {
        for (number, task) in tasks.iter().enumerate() {
            if let Some(operation) = &task.pending
                && operation.acquires()
                && task.is_told_to_go_on()
            {
                let before = self.order.waits(number);
                self.find_branches_of_acquisition(number, operation, &before);
            }
        }
    }

    fn widen(&mut self) -> Option<Box<dyn Explorer>> {
        if WIDTH < TASKS_MAX { Some(Box::new(self.widened())) } else { None }
    }

    fn of_tree(&mut self) -> Option<&mut dyn OfTree> {
        Some(self)
    }
}
