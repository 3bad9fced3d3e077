//! Every schedule, one by one, depth-first, without any reduction: what the reduced search is compared with, and the
//! only search that takes a preemption bound.
//!
//! A preemption is a switch away from a task that could have gone on. Two schedules of one trace may differ
//! in their preemptions, so a bound and the reduction do not go together.

use super::saturation::Traces;
use super::{Decision, Explorer, Offer, Performed};
use crate::execution::TaskSet;
use crate::outcome::Saturation;

/// A point at which something was chosen.
enum Node {
    /// Who acts: the one chosen, and who is left.
    Task { enabled: TaskSet, chosen: usize, left: TaskSet, preemptions: u8 },
    /// Which value.
    Value { count: u32, chosen: u32 },
}

/// The plain search.
pub(crate) struct Plain {
    preemptions_max: Option<u8>,
    begun: bool,
    nodes: Vec<Node>,
    position: usize,
    /// Preemptions so far in this execution.
    preemptions: u8,
    /// Whether the bound has kept anything from being executed.
    cut: bool,
    traces: Traces,
}

impl Plain {
    pub(crate) fn new(preemptions_max: Option<u8>) -> Self {
        let nodes = Vec::new();
        Plain {
            preemptions_max,
            begun: false,
            nodes,
            position: 0,
            preemptions: 0,
            cut: false,
            traces: Traces::default(),
        }
    }

    /// Goes on to the next choice at the last point that has one. `false`: there is none.
    fn backtrack(&mut self) -> bool {
        while let Some(node) = self.nodes.last_mut() {
            match node {
                Node::Task { chosen, left, .. } if *left != 0 => {
                    *chosen = left.trailing_zeros() as usize;
                    *left &= *left - 1;
                    return true;
                }
                Node::Value { count, chosen } if *chosen + 1 < *count => {
                    *chosen += 1;
                    return true;
                }
                _ => self.nodes.pop(),
            };
        }
        false
    }
}

impl Explorer for Plain {
    fn begin(&mut self) -> bool {
        if self.begun && !self.backtrack() {
            return false;
        }
        self.begun = true;
        self.traces.begin();
        self.position = 0;
        self.preemptions = 0;
        true
    }

    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        if self.position == self.nodes.len() {
            let chosen = offer.without_a_switch(offer.enabled);
            let mut left = offer.enabled & !(1 << chosen);
            if self.preemptions_max == Some(self.preemptions) && offer.offers(offer.current) {
                self.cut |= left != 0;
                left = 0;
            }
            let preemptions = self.preemptions;
            self.nodes.push(Node::Task { enabled: offer.enabled, chosen, left, preemptions });
        }
        let Node::Task { enabled, chosen, preemptions, .. } = self.nodes[self.position] else {
            return Decision::refuse();
        };
        if enabled != offer.enabled || preemptions != self.preemptions {
            return Decision::refuse();
        }
        self.position += 1;
        if self.preemptions_max.is_some() && chosen != offer.current && offer.offers(offer.current)
        {
            self.preemptions += 1;
        }
        Decision::Run(chosen)
    }

    fn choose_value(&mut self, task: usize, count: u32) -> u32 {
        if self.position == self.nodes.len() {
            self.nodes.push(Node::Value { count, chosen: 0 });
        }
        let Node::Value { chosen, .. } = self.nodes[self.position] else {
            panic!("{}", super::not_deterministic())
        };
        self.position += 1;
        self.traces.chose(task, chosen);
        chosen
    }

    fn performed(&mut self, step: &Performed<'_>) {
        self.traces.performed(step);
    }

    fn spawned(&mut self, _task: usize, child: usize, identity: u64) {
        self.traces.spawned(child, identity);
    }

    fn time_passed(&mut self, task: usize) {
        self.traces.time_passed(task);
    }

    fn saturation(&mut self) -> Option<Saturation> {
        Some(self.traces.saturation())
    }

    fn cut(&self) -> bool {
        self.cut
    }
}
