//! Steps that belong to no meeting: what comes between.
//!
//! They are drawn one by one and put anywhere. Most are harmless, and some are what nobody thought of.

use crate::program::{Edge, LoopId, NodeId, Party, Place, TaskId};
use crate::step::Step;

use super::sketch::Sketch;
use super::swarm::Group;
use super::wait::list_of;

/// Puts some steps in between, as far as there is room.
pub(super) fn add(sketch: &mut Sketch) {
    let spare = sketch.size.steps.saturating_sub(sketch.program.steps());
    let steps = sketch.dice.below(spare.min(5) + 1);
    for _ in 0..steps {
        let who = sketch.dice.below(sketch.program.tasks.len() + 2);
        let step = match who {
            0 | 1 => sketch.step_of_main(),
            task => sketch.step_of_task(task - 2),
        };
        let Some(step) = step else { continue };
        let party = if who < 2 { Party::Main } else { Party::Task(TaskId(who - 2)) };
        let end = list_of(&mut sketch.program, party).len() + 1;
        let at = sketch.dice.below(end);
        list_of(&mut sketch.program, party).insert(at, step);
    }
    if sketch.has(Group::Pause) && !sketch.program.bottom_halves.is_empty() {
        sketch.step_of_bottom_half();
    }
}

impl Sketch {
    fn any_node(&mut self) -> NodeId {
        let all = self.program.nodes.len();
        NodeId(self.dice.below(all))
    }

    fn step_of_main(&mut self) -> Option<Step> {
        let node = self.any_node();
        let other = self.any_part()?;
        let open = self.program.node(node).open;
        let step = match self.dice.below(16) {
            0 | 1 => (None, Step::Poll),
            2 => (Some(Group::Pause), Step::Pause),
            3 => (Some(Group::ReadLocks), Step::Look(node)),
            4 if !open => (Some(Group::Unrefs), Step::Open(node)),
            4 | 5 => (Some(Group::Unrefs), self.goes(node)),
            6 => (Some(Group::Unrefs), Step::Ref(node)),
            7 => (Some(Group::Drains), Step::DrainBegin(node)),
            8 => (Some(Group::Drains), Step::DrainAllBegin),
            9 => (Some(Group::Structure), Step::ReplaceNode(node, other)),
            10 => {
                let edge = self.edge_of(node)?;
                (Some(Group::Structure), Step::Attach(node, edge, other))
            }
            11 => {
                let edge = self.edge_of(node)?;
                (Some(Group::Structure), Step::Append(node, edge, other))
            }
            12 => (Some(Group::Overlays), Step::Commit(node)),
            13 => {
                let mode = self.driver(node).mode()?;
                (Some(Group::Reopen), Step::Reopen(vec![(node, mode)]))
            }
            14 => (Some(Group::Unrefs), Step::ScheduleUnref(node)),
            _ => (None, Step::WriteLock { drained: false }),
        };
        step.0.is_none_or(|group| self.has(group)).then_some(step.1)
    }

    fn edge_of(&mut self, node: NodeId) -> Option<Edge> {
        let edges = self.driver(node).edges();
        (!edges.is_empty()).then(|| self.dice.one_of(edges))
    }

    fn step_of_task(&mut self, task: usize) -> Option<Step> {
        let node = self.any_node();
        let (group, step) = match self.dice.below(9) {
            0 | 1 => return Some(Step::Yield),
            2 => (Group::Pause, Step::Pause),
            3 => (Group::ReadLocks, Step::CancelReadLock),
            4 => (Group::ReadLocks, Step::Look(node)),
            5 => {
                let target = self.target()?;
                (Group::Requests, self.request(target))
            }
            6 if self.program.tasks[task].place != Place::Thread => {
                if self.program.loops.is_empty() {
                    return None;
                }
                let to: LoopId = self.loops();
                (Group::Moves, Step::Move(to))
            }
            7 => (Group::Requests, Step::Flush(self.target()?)),
            _ => {
                self.program.tasks[task].holds.push(node);
                (Group::Unrefs, Step::Drop(node))
            }
        };
        self.has(group).then_some(step)
    }

    /// A callback that keeps its loop.
    fn step_of_bottom_half(&mut self) {
        let at = self.dice.below(2 * self.program.bottom_halves.len());
        if let Some(one) = self.program.bottom_halves.get_mut(at) {
            one.steps.push(Step::Pause);
        }
    }
}
