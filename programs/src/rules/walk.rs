//! Rules about the order of one party's steps.

use super::{Broken, Part, Rule, is_thread};
use crate::program::{Deferral, Driver, ImageId, NodeId, Party, Program};
use crate::step::Step;

/// What a party is in the middle of.
#[derive(Clone, Default)]
pub(crate) struct Walk {
    section: bool,
    drained: Vec<NodeId>,
    drained_all: u32,
    read_lock: bool,
    /// A coroutine's drained section or job.
    activity: Option<Activity>,
    holds: Vec<NodeId>,
    elsewhere: Vec<ImageId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Activity {
    Drained,
    Job,
}

pub(super) fn check(program: &Program, party: Party, steps: &[Step]) -> Result<(), Broken> {
    let mut walk = Walk::begin(program, party);
    for (at, step) in steps.iter().enumerate() {
        walk.take(program, party, step).map_err(|(rule, more)| {
            let more = more.map_or_else(String::new, |more| format!(" ({more})"));
            let found = format!("`{}`{more}", step.shown(program));
            Broken { rule, step: Some((party, at)), part: None, found }
        })?;
    }
    walk.end().map_err(|(rule, found)| {
        let step = steps.len().checked_sub(1).map(|last| (party, last));
        Broken { rule, step, part: Some(Part::Party(party)), found: found.to_owned() }
    })
}

/// `Err`: the rule that a step breaks, and more about it.
pub(crate) type Taken = Result<(), (Rule, Option<String>)>;

/// `Ok` if it holds, else the rule.
fn rule(holds: bool, rule: Rule) -> Taken {
    if holds { Ok(()) } else { Err((rule, None)) }
}

impl Walk {
    /// Before the first step of `party`.
    pub(crate) fn begin(program: &Program, party: Party) -> Self {
        let holds = match party {
            Party::Task(task) => program.tasks[task.0].holds.clone(),
            _ => Vec::new(),
        };
        Walk { holds, ..Walk::default() }
    }

    /// Takes a step, if the party may take it here. Whether it may not is known when it is half taken: who goes on all the
    /// same keeps a walk from before it.
    pub(crate) fn take(&mut self, program: &Program, party: Party, step: &Step) -> Taken {
        let takers = step.takers();
        let signals = matches!(step, Step::Signal(_));
        let may_never_run = !matches!(party, Party::Main | Party::Task(_));
        if signals && may_never_run || !takers.include(party, is_thread(program, party)) {
            return Err((Rule::Taker, Some(format!("it is for {}", takers.described()))));
        }
        self.go_on(program, party, step)
    }

    /// Closes what is open, the innermost first as far as that is known.
    pub(crate) fn close(self, steps: &mut Vec<Step>) {
        if self.section {
            steps.push(Step::Unlock);
        }
        if self.read_lock {
            steps.push(Step::ReadUnlock);
        }
        match self.activity {
            None => {}
            Some(Activity::Drained) => steps.push(Step::EndDrained),
            Some(Activity::Job) => steps.push(Step::EndJob),
        }
        steps.extend((0..self.drained_all).map(|_| Step::DrainAllEnd));
        steps.extend(self.drained.into_iter().rev().map(Step::DrainEnd));
        steps.extend(self.elsewhere.into_iter().rev().map(Step::CloseElsewhere));
    }

    fn go_on(&mut self, program: &Program, party: Party, step: &Step) -> Taken {
        rule(!self.section || !polls(step), Rule::NoPollInSection)?;
        self.names(program, party, step)?;
        match step {
            Step::WriteLock { .. } => {
                self.section = true;
                Ok(())
            }
            Step::Unlock => rule(std::mem::take(&mut self.section), Rule::SectionsAreWhole),
            Step::Attach(..)
            | Step::Detach(..)
            | Step::Replace(..)
            | Step::Append(..)
            | Step::ReplaceNode(..)
            | Step::ScheduleUnref(_) => rule(self.section, Rule::ChangesInSections),
            Step::DeferRequest(_) => {
                let drained = !self.drained.is_empty() || self.drained_all > 0;
                rule(self.section, Rule::ChangesInSections)?;
                rule(!drained, Rule::NoWaitWhileDrained)?;
                let in_list = program.deferral == Some(Deferral::List);
                rule(in_list, Rule::RequestsAreDeferredToAList)
            }
            Step::DrainBegin(node) => {
                self.drained.push(*node);
                Ok(())
            }
            Step::DrainEnd(node) => {
                let at = self.drained.iter().rposition(|each| each == node);
                at.map(|at| self.drained.remove(at));
                rule(at.is_some(), Rule::DrainsAreWhole)
            }
            Step::DrainAllBegin => {
                self.drained_all += 1;
                Ok(())
            }
            Step::DrainAllEnd => {
                let begun = self.drained_all > 0;
                self.drained_all = self.drained_all.saturating_sub(1);
                rule(begun, Rule::DrainsAreWhole)
            }
            Step::Open(node) => {
                let overlay = program.node(*node).driver == Driver::Overlay;
                let drained = !self.drained.is_empty() || self.drained_all > 0;
                let allowed = !overlay || party == Party::Main && !drained;
                rule(allowed && !program.node(*node).open, Rule::Opening)
            }
            Step::Wait(_) | Step::Stop(_) => {
                let drained = !self.drained.is_empty() || self.drained_all > 0;
                rule(!drained, Rule::NoWaitWhileDrained)?;
                rule(self.activity.is_none(), Rule::OneActivityAtATime)
            }
            Step::OpenElsewhere(image, _) => {
                let first = !self.elsewhere.contains(image);
                self.elsewhere.push(*image);
                rule(first, Rule::StrangersCloseWhatTheyOpened)
            }
            Step::CloseElsewhere(image) => {
                let at = self.elsewhere.iter().position(|each| each == image);
                at.map(|at| self.elsewhere.remove(at));
                rule(at.is_some(), Rule::StrangersCloseWhatTheyOpened)
            }
            _ => self.take_as_task(party, step),
        }
    }

    fn take_as_task(&mut self, party: Party, step: &Step) -> Taken {
        match step {
            Step::Read(_) | Step::Write(_) | Step::Flush(_) | Step::CancelWrite(_) => {
                rule(!self.read_lock, Rule::NoRequestUnderReadLock)?;
                rule(self.activity.is_none(), Rule::OneActivityAtATime)
            }
            Step::ReadLock | Step::CancelReadLock => {
                rule(!self.read_lock, Rule::ReadLocksAreWhole)?;
                self.read_lock = *step == Step::ReadLock;
                Ok(())
            }
            Step::Share => rule(self.read_lock, Rule::ReadLocksAreWhole),
            Step::ReadUnlock => rule(std::mem::take(&mut self.read_lock), Rule::ReadLocksAreWhole),
            Step::Look(_) => {
                let may = self.read_lock || !matches!(party, Party::Task(_));
                if may {
                    Ok(())
                } else {
                    Err((Rule::ReadLocksAreWhole, Some("take it first".to_owned())))
                }
            }
            Step::Drained(node) | Step::Job(node) => {
                rule(!self.read_lock, Rule::NoRequestUnderReadLock)?;
                rule(self.activity.is_none(), Rule::OneActivityAtATime)?;
                let drained = matches!(step, Step::Drained(_));
                self.activity = Some(if drained { Activity::Drained } else { Activity::Job });
                self.let_go(*node)
            }
            Step::EndDrained => {
                rule(self.activity.take() == Some(Activity::Drained), Rule::OneActivityAtATime)
            }
            Step::PausePoint => {
                rule(!self.read_lock, Rule::NoRequestUnderReadLock)?;
                rule(self.activity == Some(Activity::Job), Rule::OneActivityAtATime)
            }
            Step::EndJob => {
                rule(self.activity.take() == Some(Activity::Job), Rule::OneActivityAtATime)
            }
            Step::Drop(node) if matches!(party, Party::Task(_)) => self.let_go(*node),
            _ => Ok(()),
        }
    }

    /// Which nodes a task names.
    fn names(&self, program: &Program, party: Party, step: &Step) -> Taken {
        let named = match step {
            Step::Read(node)
            | Step::Write(node)
            | Step::Flush(node)
            | Step::CancelWrite(node)
            | Step::Look(node) => Some(*node),
            _ => None,
        };
        let there = named.is_none_or(|node| program.node(node).open);
        rule(there || !matches!(party, Party::Task(_)), Rule::TasksNameWhatIsThere)?;
        match step {
            Step::Attach(parent, edge, _)
            | Step::Detach(parent, edge)
            | Step::Replace(parent, edge, _)
            | Step::Append(parent, edge, _)
                if !program.node(*parent).driver.edges().contains(edge) =>
            {
                Err((Rule::Shape, Some(format!("a `{}`", program.node(*parent).driver.word()))))
            }
            Step::Reopen(nodes)
                if nodes.iter().any(|(node, _)| program.node(*node).driver.image().is_none()) =>
            {
                Err((Rule::Shape, Some("only a `storage` has an image to reopen".to_owned())))
            }
            Step::Reopen(nodes) if nodes.is_empty() => {
                Err((Rule::Shape, Some("no node".to_owned())))
            }
            Step::Commit(node) if program.node(*node).driver != Driver::Overlay => {
                Err((Rule::Shape, Some("only an `overlay` is committed".to_owned())))
            }
            _ => Ok(()),
        }
    }

    fn let_go(&mut self, node: NodeId) -> Taken {
        let at = self.holds.iter().position(|each| *each == node);
        at.map(|at| self.holds.remove(at));
        rule(at.is_some(), Rule::HoldsWhatItUses)
    }

    fn end(&self) -> Result<(), (Rule, &'static str)> {
        let open = [
            (self.section, Rule::SectionsAreWhole, "a write section is left open"),
            (
                !self.drained.is_empty() || self.drained_all > 0,
                Rule::DrainsAreWhole,
                "a drained section is left open",
            ),
            (self.read_lock, Rule::ReadLocksAreWhole, "a read lock is kept"),
            (
                self.activity.is_some(),
                Rule::OneActivityAtATime,
                "a drained section or a job is left open",
            ),
            (
                !self.elsewhere.is_empty(),
                Rule::StrangersCloseWhatTheyOpened,
                "an image is left open",
            ),
        ];
        match open.into_iter().find(|(open, _, _)| *open) {
            Some((_, rule, found)) => Err((rule, found)),
            None => Ok(()),
        }
    }
}

/// Whether the main loop may run callbacks in this step, or waits, or needs the token that a section has.
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
            | Step::Reopen(_)
            | Step::Commit(_)
            | Step::Stop(_)
            | Step::After(_)
            | Step::Wait(_)
            | Step::Pause
    )
}
