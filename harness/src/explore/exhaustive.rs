//! Every interleaving, one for each Mazurkiewicz trace: depth-first, with source sets and sleep sets.
//!
//! Two executions are equivalent when one becomes the other by swapping neighbours that do not
//! [conflict](Operation::conflicts_with); a property of final states or of deadlocks cannot tell them apart.
//! After each new step its *races* are looked for: earlier conflicting steps of other tasks that nothing in
//! between orders before it. For each race the reversal is scheduled at the point before the earlier step,
//! unless a task that begins it is scheduled there already (source sets), and what has been explored is not
//! entered again by a detour (sleep sets). An execution in which everybody who can act sleeps is given up and
//! counted as redundant: source sets leave a few of them, optimal wakeup trees would leave none.
//!
//! Source: Abdulla, Aronis, Jonsson, Sagonas, "Source Sets: A Foundation for Optimal Dynamic Partial
//! Order Reduction", JACM 64(4), 2017, Algorithm 1; acquisitions race with the acquisition that kept them
//! waiting, not with the release that let them go on.
//!
//! # Invariants
//! * The first steps of an execution repeat the nodes; from the last node on everything is new.
//! * Memory grows with the length of one execution, not with their number.
//!
//! # Not here
//! A preemption bound is not combined with the reduction: [`Exhaustive::without_reduction`] enumerates
//! schedules one by one, and only there can it be asked for.

use super::{Decision, Explorer, Offer};
use crate::execution::TaskSet;
use crate::execution::clock::{Clock, TASKS_MAX};
use crate::execution::operation::{Class, ObjectId, Operation};
use crate::execution::task::Task;
use crate::explore::happens_before::{Event, HappensBefore};

/// A point at which something was chosen.
enum Node {
    /// Who acts.
    Task {
        enabled: TaskSet,
        /// To be explored from here; those in `done` have been.
        scheduled: TaskSet,
        done: TaskSet,
        /// What they would do has been explored from an earlier point.
        sleep: TaskSet,
        chosen: usize,
        /// Preemptions up to and including this choice.
        preemptions: u8,
    },
    /// Which value.
    Value { count: u32, chosen: u32 },
}

/// The exhaustive engine.
pub(crate) struct Exhaustive {
    reduction: bool,
    preemptions_max: Option<u8>,
    begun: bool,
    nodes: Vec<Node>,
    position: usize,
    /// Events from this node on have not been looked at for races.
    new_from: usize,
    /// The node of the step that is being taken.
    acting: usize,
    order: HappensBefore,
}

impl Exhaustive {
    /// One execution for each trace.
    pub(crate) fn new() -> Self {
        Exhaustive {
            reduction: true,
            preemptions_max: None,
            begun: false,
            nodes: Vec::new(),
            position: 0,
            new_from: 0,
            acting: 0,
            order: HappensBefore::default(),
        }
    }

    /// One execution for each schedule, up to a number of preemptions: the plain search that the
    /// reduction is compared with.
    pub(crate) fn without_reduction(preemptions_max: Option<u8>) -> Self {
        Exhaustive { reduction: false, preemptions_max, ..Self::new() }
    }

    /// Goes back to the last point with something left to choose. `false`: there is none.
    fn backtrack(&mut self) -> bool {
        while let Some(node) = self.nodes.last_mut() {
            match node {
                Node::Task { scheduled, done, sleep, chosen, .. } => {
                    *done |= 1 << *chosen;
                    let rest = *scheduled & !*done & !*sleep;
                    if rest != 0 {
                        *chosen = rest.trailing_zeros() as usize;
                        return true;
                    }
                }
                Node::Value { count, chosen } if *chosen + 1 < *count => {
                    *chosen += 1;
                    return true;
                }
                Node::Value { .. } => {}
            }
            self.nodes.pop();
        }
        false
    }

    /// The tasks that sleep at a new node: those that slept or were done at the node before, unless
    /// the step taken there conflicts with what they would do.
    fn inherited_sleep(&self, tasks: &[Task]) -> TaskSet {
        let (Some(last), true) = (self.order.events().last(), self.reduction) else {
            return 0;
        };
        let Some(Node::Task { sleep, done, chosen, .. }) = self.nodes.get(last.node) else {
            return 0;
        };
        let mut inherited = 0;
        for (number, task) in tasks.iter().enumerate() {
            let candidate = (sleep | done) & (1 << number) != 0 && number != *chosen;
            let wakes = task.pending.is_none_or(|pending| pending.conflicts_with(&last.operation));
            if candidate && !wakes {
                inherited |= 1 << number;
            }
        }
        inherited
    }

    /// The preemptions of the choices before this position.
    fn preemptions_before(&self, position: usize) -> u8 {
        let last = self.nodes[..position].iter().rev().find_map(|node| match node {
            Node::Task { preemptions, .. } => Some(*preemptions),
            Node::Value { .. } => None,
        });
        last.unwrap_or(0)
    }

    fn new_node(&mut self, offer: &Offer<'_>) -> Decision {
        let sleep = self.inherited_sleep(offer.tasks);
        let awake = offer.enabled & !sleep;
        if awake == 0 {
            return Decision::Abandon;
        }
        let before = self.preemptions_before(self.nodes.len());
        let bound_reached = self.preemptions_max == Some(before) && offer.offers(offer.current);
        let chosen = offer.without_a_switch(awake);
        let scheduled = match (self.reduction, bound_reached) {
            (true, _) | (false, true) => 1 << chosen,
            (false, false) => awake,
        };
        self.acting = self.nodes.len();
        self.nodes.push(Node::Task {
            enabled: offer.enabled,
            scheduled,
            done: 0,
            sleep,
            chosen,
            preemptions: before,
        });
        Decision::Run(chosen)
    }

    fn repeat_node(&mut self, offer: &Offer<'_>) -> Decision {
        let before = self.preemptions_before(self.position);
        self.acting = self.position;
        match &mut self.nodes[self.position] {
            Node::Task { enabled, chosen, preemptions, .. } if *enabled == offer.enabled => {
                let preempts = *chosen != offer.current && offer.offers(offer.current);
                *preemptions = before + u8::from(preempts && self.preemptions_max.is_some());
                Decision::Run(*chosen)
            }
            _ => Decision::Refuse(
                "the same choices led to other tasks being able to act: the body depends on something \
                 other than its choices, such as the order of a HashMap, an address or the time"
                    .to_owned(),
            ),
        }
    }

    /// Looks for races of a step of `task` that knew `before` and now knows `after`.
    fn find_races(&mut self, task: usize, operation: &Operation, before: &Clock, after: &Clock) {
        for object in operation.objects() {
            let mut covered = *before;
            for position in (0..self.order.events_on(object).len()).rev() {
                let event = self.order.event_on(object, position);
                let total = event.operation.class() == Class::Write;
                if event.task == task {
                    if total {
                        break;
                    }
                    continue;
                }
                if !total && operation.class() == Class::Read {
                    continue;
                }
                if covered.get(event.task) >= event.number {
                    if total {
                        break;
                    }
                    continue;
                }
                if operation.acquires() && event.operation.releases(object) {
                    continue;
                }
                if self.schedule_reversal(&event, task, after) {
                    covered.join(&event.clock);
                    if total {
                        break;
                    }
                }
            }
        }
    }

    /// Schedules an execution in which the step of `task` comes before `event`. `false`: it could not
    /// act there, so an earlier step is what it races with.
    fn schedule_reversal(&mut self, event: &Event, task: usize, after: &Clock) -> bool {
        let events = self.order.events();
        let first = events.partition_point(|each| each.node <= event.node);
        let mut firsts: [u32; TASKS_MAX] = [0; TASKS_MAX];
        let mut seen: TaskSet = 0;
        let mut initials: TaskSet = 0;
        let begins = |clock: &Clock, own: usize, seen: TaskSet, firsts: &[u32; TASKS_MAX]| {
            let mut rest = seen & !(1 << own);
            while rest != 0 {
                let other = rest.trailing_zeros() as usize;
                if clock.get(other) >= firsts[other] {
                    return false;
                }
                rest &= rest - 1;
            }
            true
        };
        for each in &events[first..] {
            let independent = each.clock.get(event.task) < event.number;
            if independent && seen & (1 << each.task) == 0 {
                if begins(&each.clock, each.task, seen, &firsts) {
                    initials |= 1 << each.task;
                }
                seen |= 1 << each.task;
                firsts[each.task] = each.number;
            }
        }
        if seen & (1 << task) == 0 && begins(after, task, seen, &firsts) {
            initials |= 1 << task;
        }
        let Node::Task { enabled, scheduled, sleep, .. } = &mut self.nodes[event.node] else {
            unreachable!("[harness internal bug] a step was taken at a data choice")
        };
        if initials & (*scheduled | *sleep) != 0 {
            return true;
        }
        let possible = initials & *enabled;
        if possible == 0 {
            return false;
        }
        let chosen = if possible & (1 << task) != 0 {
            1 << task
        } else {
            possible & possible.wrapping_neg()
        };
        *scheduled |= chosen;
        true
    }
}

impl Explorer for Exhaustive {
    fn begin(&mut self) -> bool {
        if self.begun && !self.backtrack() {
            return false;
        }
        self.begun = true;
        self.position = 0;
        self.new_from = self.nodes.len().saturating_sub(1);
        self.order.clear();
        true
    }

    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        let decision = if self.position < self.nodes.len() {
            self.repeat_node(offer)
        } else {
            self.new_node(offer)
        };
        self.position += 1;
        decision
    }

    fn choose_value(&mut self, _task: usize, count: u32) -> u32 {
        if self.position == self.nodes.len() {
            self.nodes.push(Node::Value { count, chosen: 0 });
        }
        let Node::Value { chosen, .. } = self.nodes[self.position] else {
            panic!(
                "the same choices led to a data choice where there was none: the body is not deterministic"
            )
        };
        self.position += 1;
        chosen
    }

    fn performed(
        &mut self,
        task: usize,
        operation: &Operation,
        woken: TaskSet,
        learned: &[(ObjectId, u32)],
    ) {
        if !self.reduction {
            return;
        }
        let (before, after) = self.order.knows(task, operation, learned);
        if self.acting >= self.new_from {
            self.find_races(task, operation, &before, &after);
        }
        self.order.add(task, operation, self.acting, after, woken);
    }

    fn spawned(&mut self, task: usize, child: usize) {
        self.order.spawned(task, child);
    }

    fn task_ended(&mut self, task: usize, object: ObjectId) {
        self.order.task_ended(task, object);
    }

    fn time_passed(&mut self, task: usize) {
        self.order.time_passed(task);
    }

    fn stuck(&mut self, tasks: &[Task]) {
        if !self.reduction {
            return;
        }
        for (number, task) in tasks.iter().enumerate() {
            let Some(operation) = task.pending else {
                continue;
            };
            let (before, after) = self.order.waits(number);
            self.find_races(number, &operation, &before, &after);
        }
    }
}
