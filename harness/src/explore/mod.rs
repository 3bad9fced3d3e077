//! Engines: who owns the choices of an execution, and in which order executions are made.
//!
//! An [`Explorer`] is asked before each step and told of each step. It knows tasks only by what they have
//! announced. The exhaustive engine is [`exhaustive`], sampling is [`random`], following a record is
//! [`replay`]; [`check`](crate::explore::runner::check) runs one of them and reports.

#[cfg(test)]
mod against_brute_force;
pub(crate) mod exhaustive;
pub(crate) mod happens_before;
pub(crate) mod random;
pub(crate) mod replay;
pub(crate) mod runner;

use crate::execution::object::Objects;
use crate::execution::operation::{ObjectId, Operation};
use crate::execution::task::Task;
use crate::execution::{TaskSet, mix};

/// What can be chosen.
pub(crate) struct Offer<'a> {
    /// The tasks that can act. Never empty.
    pub(crate) enabled: TaskSet,
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
        let start = mix(u64::from(self.enabled), self.current as u64);
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
    /// Nothing new can come of this execution.
    Abandon,
    /// The explorer follows a record, and what it records is not offered.
    Refuse(String),
}

/// The owner of all choices.
pub(crate) trait Explorer {
    /// Gets ready for the next execution. `false`: there is none.
    fn begin(&mut self) -> bool;

    /// Chooses who acts.
    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision;

    /// Chooses one of `count` values for `task`, 0 first; `count` is at least 2.
    fn choose_value(&mut self, task: usize, count: u32) -> u32;

    /// `task` has acted. `woken` may go on because of it; `learned` are objects whose change let it
    /// go on after it gave way.
    fn performed(
        &mut self,
        _task: usize,
        _operation: &Operation,
        _woken: TaskSet,
        _learned: &[(ObjectId, u32)],
    ) {
    }

    /// `task` has spawned `child`.
    fn spawned(&mut self, _task: usize, _child: usize) {}

    /// `task`, whose object for joins this is, has ended.
    fn task_ended(&mut self, _task: usize, _object: ObjectId) {}

    /// Nobody could act, so time passed until `task` could.
    fn time_passed(&mut self, _task: usize) {}

    /// Nobody can ever act again, and these are the tasks.
    fn stuck(&mut self, _tasks: &[Task]) {}
}
