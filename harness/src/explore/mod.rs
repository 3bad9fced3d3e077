//! Engines: who owns the choices of an execution, and in which order executions are made.
//!
//! An [`Explorer`] is asked before each step and told of each step. It knows tasks only by what they have
//! announced. The exhaustive engine is [`exhaustive`], the search without reduction is [`plain`], sampling is
//! [`sample`], following a record is [`replay`]; [`check`](crate::explore::runner::check) runs one of
//! them and reports.

pub(crate) mod checkpoint;
pub(crate) mod estimate;
pub(crate) mod exhaustive;
pub(crate) mod fingerprint;
mod follow;
pub(crate) mod happens_before;
pub(crate) mod ledger;
pub(crate) mod maker;
pub(crate) mod minimise;
pub(crate) mod plain;
mod predict;
mod races;
pub(crate) mod replay;
pub(crate) mod runner;
pub(crate) mod sample;
pub(crate) mod saturation;
pub(crate) mod search;
pub(crate) mod shard;
pub(crate) mod totals;
pub(crate) mod tree;

use crate::execution::object::{Availability, Objects};
use crate::execution::operation::{Class, ObjectId, Operation};
use crate::execution::task::Task;
use crate::execution::{TaskSet, mix};
use crate::outcome::Saturation;
use tree::{Branch, Made};

/// Why the same choices may not lead to the same place.
pub(crate) const DEPENDS_ON_MORE: &str = "the body depends on something other than its choices, such as the order of a \
    HashMap, an address, the time, or which task drops an Arc last, where that takes a step";

/// What is said when they do not.
pub(crate) fn not_deterministic() -> String {
    format!("the same choices led to something else than before: {DEPENDS_ON_MORE}")
}

/// What can be chosen.
pub(crate) struct Offer<'a> {
    /// The tasks that can act. Never empty.
    pub(crate) enabled: TaskSet,
    /// The tasks that a surprise could wake. Choosing one uses it up and is no step.
    pub(crate) surprising: TaskSet,
    /// Who took the last step.
    pub(crate) current: usize,
    /// All tasks with what they have announced.
    pub(crate) tasks: &'a [Task],
    /// The objects they have announced steps on.
    pub(crate) objects: &'a Objects,
}

impl Offer<'_> {
    /// Whether `task` can act.
    pub(crate) fn offers(&self, task: usize) -> bool {
        task < TaskSet::BITS as usize && self.enabled & (1 << task) != 0
    }

    /// Whether `task` can act or be surprised.
    pub(crate) fn offers_or_surprises(&self, task: usize) -> bool {
        task < TaskSet::BITS as usize && (self.enabled | self.surprising) & (1 << task) != 0
    }

    /// The running task if it can go on, else the lowest: the choice with the fewest switches.
    pub(crate) fn without_a_switch(&self, among: TaskSet) -> usize {
        if among & (1 << self.current) != 0 {
            self.current
        } else {
            among.trailing_zeros() as usize
        }
    }

    /// The offer as a number, to compare with the same offer in another execution.
    pub(crate) fn fingerprint(&self) -> u64 {
        let start = mix(self.enabled, self.current as u64);
        self.tasks.iter().fold(start, |sum, task| {
            let announced = task.pending.map_or(0, |operation| {
                let object =
                    operation.object.map_or(u64::MAX, |object| self.objects[object].identity);
                let place = u64::from(operation.location.line()) << 32;
                mix(object, place | u64::from(operation.location.column()))
            });
            mix(sum, mix(task.identity, announced))
        })
    }
}

/// What an explorer decides.
pub(crate) enum Decision {
    /// This task acts.
    Run(usize),
    /// The explorer follows a record, and what it records is not offered.
    Refuse(String),
}

impl Decision {
    /// The same choices have not led to the same place.
    pub(crate) fn refuse() -> Self {
        Decision::Refuse(not_deterministic())
    }
}

/// A step that was taken.
#[derive(Clone, Copy)]
pub(crate) struct Performed<'a> {
    pub(crate) task: usize,
    pub(crate) operation: &'a Operation,
    /// How it has touched its objects: an update that changed nothing has only read.
    pub(crate) class: Class,
    /// For an atomic, what it held before.
    pub(crate) value_before: u64,
    /// Who may go on because of it.
    pub(crate) woken: TaskSet,
    /// Whether it has written its object, so that who re-reads it sees another version.
    pub(crate) changed: bool,
    /// Who could have taken its lock, or its token, just before it.
    pub(crate) availability: Availability,
    /// For a task that gives way until something it has read changes: what it has read, with the versions.
    pub(crate) watched: &'a [(ObjectId, u32)],
    /// For a join: who has ended.
    pub(crate) joined: Option<usize>,
}

/// An explorer that makes the executions of the tree as it is told.
pub(crate) trait OfTree {
    /// The next execution is this one.
    fn set_branch(&mut self, branch: Branch);

    /// The execution that was made last.
    fn take_made(&mut self) -> Made;
}

/// The owner of all choices.
pub(crate) trait Explorer {
    /// Gets ready for the next execution. `false`: there is none.
    fn begin(&mut self) -> bool;

    /// Chooses who acts.
    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision;

    /// Chooses one of `count` values for `task`, 0 first; `count` is at least 2.
    fn choose_value(&mut self, task: usize, count: u32) -> u32;

    /// Chooses how many stores of `task`, fewer than `count`, come later than its next load; 0 is none.
    fn choose_delay(&mut self, task: usize, count: u32) -> u32 {
        self.choose_value(task, count)
    }

    /// From here on in this execution everybody is to get a turn, and nothing unlikely is to happen any more.
    fn fair_from_here(&mut self) {}

    /// A task has acted.
    fn performed(&mut self, _step: &Performed<'_>) {}

    /// `task` has spawned `child`, which has this identity.
    fn spawned(&mut self, _task: usize, _child: usize, _identity: u64) {}

    /// Nobody could act, so time passed until `task` could.
    fn time_passed(&mut self, _task: usize) {}

    /// Nobody can ever act again, and these are the tasks.
    fn stuck(&mut self, _tasks: &[Task]) {}

    /// There are more tasks than narrow clocks have place for: who goes on instead, with all that this one knows.
    fn widen(&mut self) -> Option<Box<dyn Explorer>> {
        None
    }

    /// The engine that makes the executions of the tree, if this is it.
    fn of_tree(&mut self) -> Option<&mut dyn OfTree> {
        None
    }

    /// The choice, from 1, from which on a followed schedule no longer fits.
    fn diverged(&self) -> Option<usize> {
        None
    }

    /// What the traces that were met say of those that were not, if they are counted.
    fn saturation(&mut self) -> Option<Saturation> {
        None
    }

    /// Whether a bound has kept anything from being executed.
    fn cut(&self) -> bool {
        false
    }
}
