//! Makes a sketch of a program valid: what breaks a rule is left out, what is left open is closed.
//!
//! The same sketch becomes the same program. So drawing and shrinking need not know the rules: they put steps together,
//! or take some away, and what remains is made whole here.
//!
//! | what | becomes of it |
//! | --- | --- |
//! | a step that its taker may not take, here or at all | left out |
//! | a section, drain, lock, activity, image that is left open | closed at the end of the list |
//! | a post that would close a circle of callbacks | left out |
//! | a stop of a loop that somebody comes to | left out |
//! | a wait for what is never signalled, or only later; a signal for nobody | left out |
//!
//! # Not here
//! Nodes and edges: the shapes that are drawn are whole, and shrinking asks the rules about those that it makes.

use crate::program::{BottomHalfId, Driver, ImageId, NodeId, Party, Place, Program, TaskId};
use crate::step::Step;

use super::wait;

/// Makes the steps of `program` keep the rules.
pub(super) fn repair(program: &mut Program) {
    let mut scratch = std::mem::take(&mut program.main);
    repair_list(program, Party::Main, &mut scratch);
    program.main = scratch;
    for at in 0..program.tasks.len() {
        let holds = std::mem::take(&mut program.tasks[at].holds);
        let holds = holds.into_iter().filter(|node| program.node(*node).open).collect();
        program.tasks[at].holds = holds;
        let mut steps = std::mem::take(&mut program.tasks[at].steps);
        repair_list(program, Party::Task(TaskId(at)), &mut steps);
        program.tasks[at].steps = steps;
    }
    for at in 0..program.bottom_halves.len() {
        let mut steps = std::mem::take(&mut program.bottom_halves[at].steps);
        repair_list(program, Party::BottomHalf(BottomHalfId(at)), &mut steps);
        program.bottom_halves[at].steps = steps;
    }
    for at in 0..program.commands.len() {
        let mut steps = std::mem::take(&mut program.commands[at].steps);
        repair_list(program, Party::Command(crate::program::CommandId(at)), &mut steps);
        program.commands[at].steps = steps;
    }
    end_circles(program);
    repair_stops(program);
    wait::repair(program);
}

fn repair_list(program: &Program, party: Party, steps: &mut Vec<Step>) {
    let mut walk = Walk::new(program, party);
    steps.retain(|step| walk.takes(step));
    walk.close(steps);
}

/// What somebody is in the middle of.
struct Walk<'a> {
    program: &'a Program,
    party: Party,
    thread: bool,
    section: bool,
    drained: Vec<NodeId>,
    drained_all: u32,
    read_lock: bool,
    activity: Activity,
    holds: Vec<NodeId>,
    elsewhere: Vec<ImageId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Activity {
    None,
    Drained,
    Job,
}

impl<'a> Walk<'a> {
    fn new(program: &'a Program, party: Party) -> Self {
        let task = if let Party::Task(task) = party { Some(&program.tasks[task.0]) } else { None };
        Walk {
            program,
            party,
            thread: task.is_some_and(|task| task.place == Place::Thread),
            section: false,
            drained: Vec::new(),
            drained_all: 0,
            read_lock: false,
            activity: Activity::None,
            holds: task.map_or_else(Vec::new, |task| task.holds.clone()),
            elsewhere: Vec::new(),
        }
    }

    /// Whether the step may be taken here; if so, it is.
    fn takes(&mut self, step: &Step) -> bool {
        let callback_signals =
            matches!(step, Step::Signal(_)) && !matches!(self.party, Party::Main | Party::Task(_));
        !callback_signals
            && step.takers().include(self.party, self.thread)
            && !(self.section && polls(step))
            && self.names(step)
            && self.goes_on(step)
    }

    fn names(&self, step: &Step) -> bool {
        let driver = |node: &NodeId| self.program.node(*node).driver;
        match step {
            Step::Attach(parent, edge, _)
            | Step::Detach(parent, edge)
            | Step::Replace(parent, edge, _)
            | Step::Append(parent, edge, _) => driver(parent).edges().contains(edge),
            Step::Reopen(nodes) => {
                !nodes.is_empty() && nodes.iter().all(|(node, _)| driver(node).image().is_some())
            }
            Step::Commit(node) => driver(node) == Driver::Overlay,
            Step::Open(node) => {
                let allowed = driver(node) != Driver::Overlay
                    || self.party == Party::Main && !self.is_draining();
                allowed && !self.program.node(*node).open
            }
            Step::Read(node)
            | Step::Write(node)
            | Step::Flush(node)
            | Step::CancelWrite(node)
            | Step::Look(node) => {
                !matches!(self.party, Party::Task(_)) || self.program.node(*node).open
            }
            _ => true,
        }
    }

    fn is_draining(&self) -> bool {
        !self.drained.is_empty() || self.drained_all > 0
    }

    fn goes_on(&mut self, step: &Step) -> bool {
        match step {
            Step::WriteLock { .. } => !std::mem::replace(&mut self.section, true),
            Step::Unlock => std::mem::take(&mut self.section),
            Step::Attach(..)
            | Step::Detach(..)
            | Step::Replace(..)
            | Step::Append(..)
            | Step::ReplaceNode(..)
            | Step::ScheduleUnref(_) => self.section,
            Step::DrainBegin(node) => {
                self.drained.push(*node);
                true
            }
            Step::DrainEnd(node) => take_last(&mut self.drained, node),
            Step::DrainAllBegin => {
                self.drained_all += 1;
                true
            }
            Step::DrainAllEnd => {
                let begun = self.drained_all > 0;
                self.drained_all -= u32::from(begun);
                begun
            }
            Step::Wait(_) | Step::Stop(_) => !self.is_draining() && self.activity == Activity::None,
            Step::OpenElsewhere(image, _) => {
                let first = !self.elsewhere.contains(image);
                if first {
                    self.elsewhere.push(*image);
                }
                first
            }
            Step::CloseElsewhere(image) => take_last(&mut self.elsewhere, image),
            _ => self.goes_on_as_task(step),
        }
    }

    fn goes_on_as_task(&mut self, step: &Step) -> bool {
        let free = !self.read_lock && self.activity == Activity::None;
        match step {
            Step::Read(_) | Step::Write(_) | Step::Flush(_) | Step::CancelWrite(_) => free,
            Step::ReadLock => !std::mem::replace(&mut self.read_lock, true),
            Step::CancelReadLock => !self.read_lock,
            Step::ReadUnlock => std::mem::take(&mut self.read_lock),
            Step::Look(_) => self.read_lock || !matches!(self.party, Party::Task(_)),
            Step::Drained(node) => free && self.begins(Activity::Drained, node),
            Step::Job(node) => free && self.begins(Activity::Job, node),
            Step::EndDrained => self.ends(Activity::Drained),
            Step::PausePoint => !self.read_lock && self.activity == Activity::Job,
            Step::EndJob => self.ends(Activity::Job),
            Step::Drop(node) => {
                !matches!(self.party, Party::Task(_)) || take_last(&mut self.holds, node)
            }
            _ => true,
        }
    }

    fn begins(&mut self, activity: Activity, node: &NodeId) -> bool {
        let held = take_last(&mut self.holds, node);
        if held {
            self.activity = activity;
        }
        held
    }

    fn ends(&mut self, activity: Activity) -> bool {
        let going_on = self.activity == activity;
        if going_on {
            self.activity = Activity::None;
        }
        going_on
    }

    /// Closes what is open, the innermost first as far as that is known.
    fn close(self, steps: &mut Vec<Step>) {
        if self.section {
            steps.push(Step::Unlock);
        }
        if self.read_lock {
            steps.push(Step::ReadUnlock);
        }
        match self.activity {
            Activity::None => {}
            Activity::Drained => steps.push(Step::EndDrained),
            Activity::Job => steps.push(Step::EndJob),
        }
        steps.extend((0..self.drained_all).map(|_| Step::DrainAllEnd));
        steps.extend(self.drained.into_iter().rev().map(Step::DrainEnd));
        steps.extend(self.elsewhere.into_iter().rev().map(Step::CloseElsewhere));
    }
}

fn take_last<T: PartialEq>(list: &mut Vec<T>, one: &T) -> bool {
    let at = list.iter().rposition(|each| each == one);
    at.map(|at| list.remove(at)).is_some()
}

/// Whether callbacks may run in this step, or it waits.
fn polls(step: &Step) -> bool {
    matches!(
        step,
        Step::WriteLock { .. }
            | Step::Unref(_)
            | Step::Open(_)
            | Step::DrainBegin(_)
            | Step::DrainEnd(_)
            | Step::DrainAllBegin
            | Step::DrainAllEnd
            | Step::Poll
            | Step::After(_)
            | Step::Reopen(_)
            | Step::Commit(_)
            | Step::Stop(_)
            | Step::Wait(_)
            | Step::Pause
    )
}

/// Leaves out each post that would let a callback come to post itself.
fn end_circles(program: &mut Program) {
    let count = program.bottom_halves.len();
    let all = count + program.commands.len();
    // For each callback, those that it comes to post.
    let mut reached: Vec<Vec<usize>> = vec![Vec::new(); all];
    for from in 0..all {
        let mut steps = if from < count {
            std::mem::take(&mut program.bottom_halves[from].steps)
        } else {
            std::mem::take(&mut program.commands[from - count].steps)
        };
        steps.retain(|step| {
            let to = match step {
                Step::Schedule(one) => one.0,
                Step::Post(one) | Step::After(one) => count + one.0,
                _ => return true,
            };
            let closes_circle = to == from || comes_to(&reached, to, from);
            if !closes_circle {
                reached[from].push(to);
            }
            !closes_circle
        });
        if from < count {
            program.bottom_halves[from].steps = steps;
        } else {
            program.commands[from - count].steps = steps;
        }
    }
}

/// What is posted forms no circle, so that this ends.
fn comes_to(reached: &[Vec<usize>], from: usize, to: usize) -> bool {
    reached[from].iter().any(|next| *next == to || comes_to(reached, *next, to))
}

/// Leaves out stops of loops that somebody comes to, and of those on which somebody waits: the main loop would wait for
/// him, perhaps before it has signalled what he waits for.
fn repair_stops(program: &mut Program) {
    let mut main = std::mem::take(&mut program.main);
    let mut stopped = Vec::new();
    main.retain(|step| {
        let Step::Stop(place) = step else { return true };
        let copies = || program.nodes.iter().any(|node| node.driver == Driver::CopyBeforeWrite);
        let called = || program.bottom_halves.iter().any(|each| each.place == Some(*place));
        let moved = || {
            program.tasks.iter().any(|task| {
                task.steps.contains(&Step::Move(*place))
                    || task.place == Place::Loop(*place)
                        && task
                            .steps
                            .iter()
                            .any(|step| matches!(step, Step::Move(_) | Step::Wait(_)))
            })
        };
        let refused = stopped.contains(place) || place.0 == 0 && copies() || called() || moved();
        if !refused {
            stopped.push(*place);
        }
        !refused
    });
    program.main = main;
}
