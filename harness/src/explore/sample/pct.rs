//! PCT: tasks have random priorities, the highest that can act does; at `depth - 1` random steps the one that would act
//! falls below all others. It finds any bug that needs `depth` ordered steps with a probability that has a bound.
//!
//! Source: Burckhardt, Kothari, Musuvathi, Nagarakatte, A randomized scheduler with probabilistic guarantees of finding
//! bugs (ASPLOS 2010).

use super::profile::Profile;
use super::{Draw, Offer, Sampler};
use crate::execution::clock::TASKS_MAX;
use crate::execution::tasks_of;

/// Priorities that were drawn are at least this; those that a task falls to are below.
const DRAWN: u64 = 1 << 32;

/// Priorities with change points.
pub(super) struct Pct {
    depth: u32,
    priorities: [u64; TASKS_MAX],
    /// The steps at which a task falls, in order, next one last.
    changes: Vec<u64>,
    step: u64,
    /// What the next task falls to.
    lowest: u64,
}

impl Pct {
    pub(super) fn new(depth: u32) -> Self {
        Pct { depth, priorities: [0; TASKS_MAX], changes: Vec::new(), step: 0, lowest: 0 }
    }
}

impl Sampler for Pct {
    fn begin(&mut self, profile: &Profile, draw: &mut Draw) {
        self.priorities = [0; TASKS_MAX];
        self.priorities[0] = draw.any() | DRAWN;
        self.step = 0;
        self.lowest = DRAWN;
        let steps = u32::try_from(profile.steps()).unwrap_or(u32::MAX).max(1);
        let changes = (1..self.depth).map(|_| u64::from(draw.below(steps)) + 1);
        self.changes = changes.collect();
        self.changes.sort_unstable_by(|one, other| other.cmp(one));
    }

    fn spawned(&mut self, _task: usize, child: usize, _identity: u64, draw: &mut Draw) {
        self.priorities[child] = draw.any() | DRAWN;
    }

    fn choose(&mut self, offer: &Offer<'_>, _draw: &mut Draw) -> usize {
        self.step += 1;
        loop {
            let highest = tasks_of(offer.enabled).max_by_key(|task| self.priorities[*task]);
            let highest = highest.expect("[harness internal bug] nobody to choose from");
            if self.changes.last() != Some(&self.step) {
                return highest;
            }
            self.changes.pop();
            self.lowest -= 1;
            self.priorities[highest] = self.lowest;
        }
    }
}
