//! Who can act: the conditions under which an announced step can be taken.
//!
//! An operation that cannot proceed makes its task not enabled. Operations that never wait are not asked.

use super::object::{Availability, ObjectState};
use super::operation::{ObjectId, Operation, OperationKind};
use super::task::{Task, TaskState, Wait};
use super::{Execution, TaskSet, tasks_of};

impl Execution {
    /// The tasks that could act now.
    pub(super) fn enabled(&self) -> TaskSet {
        let mut set = self.ready;
        for number in tasks_of(self.waiting) {
            let task = &self.tasks[number];
            if let Some(operation) = &task.pending
                && self.is_enabled(task, operation)
            {
                set |= 1 << number;
            }
        }
        set
    }

    fn is_enabled(&self, task: &Task, operation: &Operation) -> bool {
        let state = |object: Option<ObjectId>| {
            &self.objects[object.expect("[harness internal bug] operation without object")].state
        };
        match operation.kind {
            OperationKind::MutexLock => {
                matches!(state(operation.object), ObjectState::Mutex { owner: None })
            }
            OperationKind::CondvarWake => {
                matches!(task.wait, Wait::Notified | Wait::TimedOut)
                    && matches!(state(operation.object), ObjectState::Mutex { owner: None })
            }
            OperationKind::RwLockRead => {
                matches!(state(operation.object), ObjectState::RwLock { writer: None, .. })
            }
            OperationKind::RwLockWrite => matches!(
                state(operation.object),
                ObjectState::RwLock { writer: None, readers } if readers.is_empty()
            ),
            OperationKind::Park => task.token || task.wait != Wait::No,
            OperationKind::Sleep => task.wait == Wait::TimedOut,
            OperationKind::Join => {
                let joined = self.task_of(operation);
                joined.is_some_and(|joined| self.tasks[joined].state == TaskState::Ended)
            }
            OperationKind::Yield => task.may_go_on_after_yield(&self.objects),
            _ => true,
        }
    }

    /// The task that is an operation's object.
    fn task_of(&self, operation: &Operation) -> Option<usize> {
        match self.objects[operation.object?].state {
            ObjectState::Task(task) => Some(task),
            _ => None,
        }
    }

    /// What an engine wants to know of the state just before a step of `task`: who could have taken its lock or
    /// its token, and who has ended that it joins.
    #[inline]
    pub(super) fn facts_before(
        &self,
        task: usize,
        operation: &Operation,
    ) -> (Availability, Option<usize>) {
        if matches!(
            operation.kind,
            OperationKind::AtomicLoad(_)
                | OperationKind::AtomicStore(_)
                | OperationKind::AtomicReadModifyWrite(_)
                | OperationKind::AtomicCompareExchange(..)
        ) {
            return (Availability::Free, None);
        }
        self.facts_of_lock_before(task, operation)
    }

    fn facts_of_lock_before(
        &self,
        task: usize,
        operation: &Operation,
    ) -> (Availability, Option<usize>) {
        let token = |given: bool| if given { Availability::Free } else { Availability::Taken };
        let availability = match operation.kind {
            OperationKind::Park => token(self.tasks[task].token),
            OperationKind::Unpark => {
                token(self.task_of(operation).is_some_and(|target| self.tasks[target].token))
            }
            OperationKind::Join => return (Availability::Free, self.task_of(operation)),
            // The mutex of a condition variable's wait is its second object.
            _ => {
                let lock =
                    operation.second.filter(|_| operation.kind == OperationKind::CondvarWait);
                let state = |object| self.objects[object].state.availability();
                lock.or(operation.object).map_or(Availability::Free, state)
            }
        };
        (availability, None)
    }
}
