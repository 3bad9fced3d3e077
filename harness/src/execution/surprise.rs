//! Surprises: a wait that ends although nobody ended it.
//!
//! While some are left, tasks that wait for a notification, a token or a time are offered beside those that can
//! act. Choosing one of them is a choice of its own in the schedule and no step: afterwards that task can act, as if it had
//! been woken, and somebody is chosen again.
//!
//! # Cases
//! *A wait without a deadline*: it ends for no reason. *A sleep, or a timed park*: its time comes while others can
//! act; the clock is set to it. *A timed wait on a condition variable*: either of the two, as a data choice (0 is the time).
//! *Nobody can act*: there is no surprise, so that none hides a deadlock.
//!
//! # Invariants
//! * Who can act is never surprised, so a task in a schedule is a step or a surprise, never both.
//! * The clock never runs backwards. Others whose deadlines it has passed wait on: they are slow to wake.

use super::object::ObjectState;
use super::operation::OperationKind;
use super::record::What;
use super::task::Wait;
use super::{Execution, TaskSet, tasks_of};

impl Execution {
    /// The tasks that a surprise could wake, if any are left.
    #[cold]
    pub(super) fn surprising(&self) -> TaskSet {
        let waits = |number: &usize| {
            let task = &self.tasks[*number];
            task.pending.is_some_and(|operation| match operation.kind {
                OperationKind::CondvarWake => task.wait == Wait::Waiting,
                OperationKind::Park => !task.token && task.wait == Wait::No,
                OperationKind::Sleep => task.wait == Wait::No,
                _ => false,
            })
        };
        tasks_of(self.waiting).filter(waits).fold(0, |set, number| set | 1 << number)
    }

    /// Wakes `number`, which nobody has woken.
    #[cold]
    pub(super) fn surprise(&mut self, number: usize) {
        self.surprises_left -= 1;
        let operation = self.tasks[number].pending;
        let condvar = operation
            .filter(|operation| operation.kind == OperationKind::CondvarWake)
            .and_then(|operation| operation.second);
        let deadline = self.tasks[number].deadline;
        let by_time = match (deadline, condvar) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(_), Some(_)) => self.choose_for(number, 2) == 0,
        };
        if let Some(condvar) = condvar
            && let ObjectState::Condvar { waiters } = &mut self.objects[condvar].state
        {
            waiters.retain(|waiter| *waiter != number);
        }
        let task = &mut self.tasks[number];
        task.deadline = None;
        task.wait = if by_time { Wait::TimedOut } else { Wait::Notified };
        if by_time {
            self.time = self.time.max(deadline.unwrap_or(0));
        }
        self.explorer.time_passed(number);
        self.record(number, What::Surprised(by_time.then_some(self.time)));
    }
}
