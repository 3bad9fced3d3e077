//! POS, partial order sampling: each announced step has a random priority, the highest that can act does; steps that conflict
//! with it are drawn anew, so that the order of each race is decided by itself.
//!
//! Source: Yuan, Yang, Gu, Partial order aware concurrency sampling (CAV 2018).

use super::profile::Profile;
use super::{Draw, Offer, Sampler};
use crate::execution::clock::TASKS_MAX;
use crate::execution::operation::Operation;
use crate::execution::tasks_of;

/// Priorities of announced steps.
pub(super) struct Pos {
    priorities: [u64; TASKS_MAX],
    /// The step that was chosen last, with its task.
    last: Option<(usize, Operation)>,
}

impl Default for Pos {
    fn default() -> Self {
        Pos { priorities: [0; TASKS_MAX], last: None }
    }
}

impl Sampler for Pos {
    fn begin(&mut self, _profile: &Profile, draw: &mut Draw) {
        self.priorities = [0; TASKS_MAX];
        self.priorities[0] = draw.any();
        self.last = None;
    }

    fn spawned(&mut self, _task: usize, child: usize, _identity: u64, draw: &mut Draw) {
        self.priorities[child] = draw.any();
    }

    fn choose(&mut self, offer: &Offer<'_>, draw: &mut Draw) -> usize {
        if let Some((last, operation)) = self.last {
            for task in offer.tasks {
                let conflicts = task.pending.is_some_and(|each| each.conflicts_with(&operation));
                if task.number == last || conflicts {
                    self.priorities[task.number] = draw.any();
                }
            }
        }
        let highest = tasks_of(offer.enabled).max_by_key(|task| self.priorities[*task]);
        let highest = highest.expect("[harness internal bug] nobody to choose from");
        self.last = offer.tasks[highest].pending.map(|operation| (highest, operation));
        highest
    }
}
