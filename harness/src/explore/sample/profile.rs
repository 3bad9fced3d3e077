//! What some runs have shown of a body: how long it is, who spawns whom, who accesses what how often.

use std::collections::{BTreeMap, BTreeSet};

use super::Offer;
use crate::execution::clock::TASKS_MAX;
use crate::execution::operation::{Operation, OperationKind};

/// What is known beforehand. Tasks and objects go by their identities, which are the same in each run.
pub(super) struct Profile {
    /// The most in one run.
    steps: u64,
    parents: BTreeMap<u64, u64>,
    /// How often a task accesses an object, at most.
    accesses: BTreeMap<(u64, u64), u32>,
    /// The same in the run that is watched, with the identities of its tasks.
    steps_now: u64,
    accesses_now: BTreeMap<(u64, u64), u32>,
    identities: [u64; TASKS_MAX],
}

/// The identity of the first task.
pub(super) const MAIN: u64 = 1;

impl Default for Profile {
    fn default() -> Self {
        let mut identities = [0; TASKS_MAX];
        identities[0] = MAIN;
        Profile {
            steps: 0,
            parents: BTreeMap::new(),
            accesses: BTreeMap::new(),
            steps_now: 0,
            accesses_now: BTreeMap::new(),
            identities,
        }
    }
}

impl Profile {
    /// A run begins.
    pub(super) fn begin(&mut self) {
        self.steps_now = 0;
        self.accesses_now.clear();
    }

    /// `task` is about to take its step.
    pub(super) fn note(&mut self, task: usize, offer: &Offer<'_>) {
        self.steps_now += 1;
        self.steps = self.steps.max(self.steps_now);
        if let Some(object) = accessed(task, offer) {
            let key = (offer.tasks[task].identity, object);
            let now = self.accesses_now.entry(key).or_default();
            *now += 1;
            let most = self.accesses.entry(key).or_default();
            *most = (*most).max(*now);
        }
    }

    pub(super) fn spawned(&mut self, task: usize, child: usize, identity: u64) {
        self.identities[child] = identity;
        self.parents.insert(identity, self.identities[task]);
    }

    /// Steps in the run.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// The objects that several tasks access.
    pub(super) fn shared(&self) -> Vec<u64> {
        let objects: BTreeSet<u64> = self.accesses.keys().map(|(_, object)| *object).collect();
        let users = |object: &u64| self.accesses.keys().filter(|(_, each)| each == object).count();
        objects.into_iter().filter(|object| users(object) > 1).collect()
    }

    /// How often a task and all that come from it access an object, or any object: by the identity of the task.
    pub(super) fn accesses(&self, of: Option<u64>) -> BTreeMap<u64, u64> {
        let mut sums = BTreeMap::new();
        for ((task, object), count) in &self.accesses {
            if of.is_none_or(|of| of == *object) {
                let mut next = Some(*task);
                while let Some(task) = next {
                    *sums.entry(task).or_default() += u64::from(*count);
                    next = self.parents.get(&task).copied();
                }
            }
        }
        sums
    }
}

/// The object that a task's announced step accesses. Giving back is no access: it comes after the taking, and nothing is
/// decided by it.
pub(super) fn accessed(task: usize, offer: &Offer<'_>) -> Option<u64> {
    let operation = offer.tasks[task].pending?;
    let object = operation.object.filter(|_| is_access(&operation))?;
    Some(offer.objects[object].identity)
}

fn is_access(operation: &Operation) -> bool {
    !matches!(
        operation.kind,
        OperationKind::MutexUnlock
            | OperationKind::RwLockReadUnlock
            | OperationKind::RwLockWriteUnlock
            | OperationKind::CondvarWait
            | OperationKind::Join
            | OperationKind::Yield
            | OperationKind::Sleep
    )
}
