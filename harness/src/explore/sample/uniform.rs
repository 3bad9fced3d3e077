//! URW and SURW: each order of the accesses is equally likely, of all accesses or of those to one object that is drawn.
//!
//! Who accesses next is drawn by how many accesses each task has left, with those of the tasks it is still to spawn.
//! That one is *meant*: the others may do what is no access, and wait before theirs until it has done its own. What is
//! no access is ordered by priorities in one half of the runs, step by step in the other: some bugs need a task that
//! goes on for long, some need tasks that take turns.
//!
//! # Cases
//! *Who is meant waits*: if nobody else may act, one of those who can is drawn. *More is done than was
//! known*: a task that is at an access has one left at least.
//!
//! Source: Zhao, Wolff, Mathur, Roychoudhury, Selectively uniform concurrency testing (ASPLOS 2025).

use std::collections::BTreeMap;

use super::profile::{MAIN, Profile, accessed};
use super::{Draw, Offer, Sampler};
use crate::execution::clock::TASKS_MAX;
use crate::execution::{TaskSet, tasks_of};

/// Accesses in uniform order.
pub(super) struct Uniform {
    /// Whether one object is drawn whose accesses alone count.
    selective: bool,
    /// That object.
    object: Option<u64>,
    /// What each task and those that come from it access, by identity.
    accesses: BTreeMap<u64, u64>,
    /// The accesses each task has left, with those of the tasks it has not spawned.
    left: [u64; TASKS_MAX],
    meant: Option<usize>,
    /// Of those who may act, the one with the highest priority does, or any.
    priorities: [u64; TASKS_MAX],
    prioritized: bool,
}

impl Uniform {
    pub(super) fn new(selective: bool) -> Self {
        let accesses = BTreeMap::new();
        let (left, priorities) = ([0; TASKS_MAX], [0; TASKS_MAX]);
        Uniform {
            selective,
            object: None,
            accesses,
            left,
            meant: None,
            priorities,
            prioritized: false,
        }
    }

    fn counts(&self, task: usize, offer: &Offer<'_>) -> bool {
        accessed(task, offer).is_some_and(|each| self.object.is_none_or(|object| object == each))
    }

    /// One of these tasks by the accesses they have left. `None` if they have none.
    fn weighed(&self, tasks: TaskSet, draw: &mut Draw) -> Option<usize> {
        let all: u64 = tasks_of(tasks).map(|task| self.left[task]).sum();
        let mut number = u64::from(draw.below(u32::try_from(all).unwrap_or(u32::MAX).max(1)));
        tasks_of(tasks).find(|task| {
            let found = number < self.left[*task];
            number = number.saturating_sub(self.left[*task]);
            found
        })
    }
}

impl Sampler for Uniform {
    fn begin(&mut self, profile: &Profile, draw: &mut Draw) {
        if self.selective {
            let shared = profile.shared();
            let count = u32::try_from(shared.len()).expect("few objects");
            self.object = (count > 0).then(|| shared[draw.below(count) as usize]);
        }
        self.accesses = profile.accesses(self.object);
        self.left = [0; TASKS_MAX];
        self.left[0] = self.accesses.get(&MAIN).copied().unwrap_or(0);
        self.meant = None;
        self.priorities[0] = draw.any();
        self.prioritized = draw.below(2) == 1;
    }

    fn spawned(&mut self, task: usize, child: usize, identity: u64, draw: &mut Draw) {
        let own = self.accesses.get(&identity).copied().unwrap_or(0);
        self.left[child] = own;
        self.priorities[child] = draw.any();
        self.left[task] = self.left[task].saturating_sub(own);
        if self.meant == Some(task) {
            self.meant = self.weighed(1 << task | 1 << child, draw);
        }
    }

    fn choose(&mut self, offer: &Offer<'_>, draw: &mut Draw) -> usize {
        if let Some(meant) = self.meant.filter(|meant| offer.tasks[*meant].pending.is_none()) {
            self.left[meant] = 0;
            self.meant = None;
        }
        for task in offer.tasks {
            if self.left[task.number] == 0 && self.counts(task.number, offer) {
                self.left[task.number] = 1;
            }
        }
        if self.meant.is_none() {
            let live = offer.tasks.iter().filter(|task| task.pending.is_some());
            self.meant = self.weighed(live.fold(0, |set, task| set | 1 << task.number), draw);
        }
        let may = |task: &usize| self.meant == Some(*task) || !self.counts(*task, offer);
        let free: TaskSet =
            tasks_of(offer.enabled).filter(may).fold(0, |set, task| set | 1 << task);
        let highest = tasks_of(free).max_by_key(|task| self.priorities[*task]);
        let task = match highest {
            Some(highest) if self.prioritized => highest,
            Some(_) => draw.one_of(free),
            None => {
                let drawn = self.weighed(offer.enabled, draw);
                drawn.unwrap_or_else(|| draw.one_of(offer.enabled))
            }
        };
        if self.counts(task, offer) {
            self.left[task] = self.left[task].saturating_sub(1);
            self.meant = None;
        }
        task
    }
}
