//! The order of conflicting steps in one execution: for each step, what happens before it.
//!
//! This is the order of *conflicts*, which makes two executions equivalent or not. It is finer than what the
//! declared memory orderings let a task know (`execution/memory.rs`).
//!
//! Each object has the chain of its accesses, newest first, so a step costs what it touches: a read looks at the
//! last write, a write at the reads since. Nothing is proportional to the length of the execution.
//!
//! # Giving way
//! A task that gives way in a loop waits until one of the atomics it has read is written again. It comes after the
//! *first* such write of each atomic that was written by then, and it is a read of the others; what
//! is written a second time has no order with it. So a loop that re-reads one atomic has one trace for
//! each value it can see, however often it was written in between.

use super::Performed;
use crate::execution::TaskSet;
use crate::execution::clock::{Clock, TASKS_MAX};
use crate::execution::object::Availability;
use crate::execution::operation::{Class, ObjectId, Operation};
use crate::execution::tasks_of;

/// No access: the end of a chain.
const NONE: u32 = u32::MAX;

/// A step that was taken in this execution.
#[derive(Clone, Copy)]
pub(crate) struct Event<const WIDTH: usize> {
    pub(crate) task: usize,
    /// Its number among the steps of its task, from 1.
    pub(crate) number: u16,
    /// Who could have taken its lock, or its token, just before it, and what its atomic held.
    pub(crate) availability: Availability,
    value_before: u64,
    /// All that happens before it, itself included.
    pub(crate) clock: Clock<WIDTH>,
    /// Where its accesses begin.
    accesses: u32,
}

/// One step on one object.
#[derive(Clone, Copy)]
struct Access {
    event: u32,
    object: ObjectId,
    class: Class,
    /// How often the object had been changed after it.
    version: u32,
    /// The access before it, and the newest write up to this one.
    before: u32,
    last_write: u32,
}

/// What a task knows before and after a step.
pub(crate) struct Knowledge<const WIDTH: usize> {
    /// What its task knows before it.
    pub(crate) before: Clock<WIDTH>,
    /// All that happens before it.
    pub(crate) past: Clock<WIDTH>,
}

/// The events of one execution and their order, with clocks for so many tasks.
pub(crate) struct HappensBefore<const WIDTH: usize> {
    events: Vec<Event<WIDTH>>,
    accesses: Vec<Access>,
    /// The newest access of each object.
    newest: Vec<u32>,
    /// Tasks that were spawned in this execution.
    tasks: usize,
    clocks: [Clock<WIDTH>; WIDTH],
    /// What a task learns when it goes on after it was woken.
    wake_clocks: [Clock<WIDTH>; WIDTH],
    /// Who was woken and has not gone on.
    woken: TaskSet,
    /// The steps that the last call of [`knows`](Self::knows) found to be ordered before it directly, as indices.
    met: Vec<u32>,
    /// The one of them that alone lets the step go on.
    only_change: Option<u32>,
}

impl<const WIDTH: usize> Default for HappensBefore<WIDTH> {
    fn default() -> Self {
        HappensBefore {
            events: Vec::new(),
            accesses: Vec::new(),
            newest: Vec::new(),
            tasks: 1,
            clocks: [Clock::ZERO; WIDTH],
            wake_clocks: [Clock::ZERO; WIDTH],
            woken: 0,
            met: Vec::new(),
            only_change: None,
        }
    }
}

impl<const WIDTH: usize> HappensBefore<WIDTH> {
    /// The same with place for as many tasks as there may be. Nothing is left here.
    pub(crate) fn widened(&mut self) -> HappensBefore<TASKS_MAX> {
        let HappensBefore { events, clocks, wake_clocks, .. } = &*self;
        let widened = |event: &Event<WIDTH>| Event {
            task: event.task,
            number: event.number,
            availability: event.availability,
            value_before: event.value_before,
            clock: event.clock.widened(),
            accesses: event.accesses,
        };
        let mut wide = HappensBefore {
            events: events.iter().map(widened).collect(),
            ..HappensBefore::default()
        };
        for task in 0..WIDTH {
            wide.clocks[task] = clocks[task].widened();
            wide.wake_clocks[task] = wake_clocks[task].widened();
        }
        HappensBefore {
            accesses: std::mem::take(&mut self.accesses),
            newest: std::mem::take(&mut self.newest),
            tasks: self.tasks,
            woken: self.woken,
            met: std::mem::take(&mut self.met),
            only_change: self.only_change,
            ..wide
        }
    }

    /// Forgets the execution but for its first `events` steps, which the next one repeats.
    pub(crate) fn restart(&mut self, events: usize) {
        if let Some(first) = self.events.get(events) {
            for access in self.accesses.drain(first.accesses as usize..).rev() {
                self.newest[access.object.0 as usize] = access.before;
            }
            self.events.truncate(events);
        }
        self.clocks[..self.tasks].fill(Clock::ZERO);
        self.woken = 0;
        self.tasks = 1;
    }

    /// All events, oldest first.
    pub(crate) fn events(&self) -> &[Event<WIDTH>] {
        &self.events
    }

    /// What `task` knows before its next step.
    pub(crate) fn waits(&self, task: usize) -> Clock<WIDTH> {
        let mut before = self.clocks[task];
        if self.woken & (1 << task) != 0 {
            before.join(&self.wake_clocks[task]);
        }
        before
    }

    /// The newest access of an object.
    fn newest(&self, object: ObjectId) -> Option<(u32, &Access)> {
        let index = *self.newest.get(object.0 as usize)?;
        self.access(index)
    }

    fn access(&self, index: u32) -> Option<(u32, &Access)> {
        Some((index, self.accesses.get(index as usize)?))
    }

    /// What this step knows. [`met`](Self::met) then gives the steps it comes directly after.
    pub(crate) fn knows(&mut self, step: &Performed<'_>) -> Knowledge<WIDTH> {
        let mut met = std::mem::take(&mut self.met);
        met.clear();
        self.only_change = None;
        let class = step.class;
        for object in step.operation.objects() {
            self.meet(object, class, None, &mut met);
        }
        self.meet_watched(step.watched, &mut met);
        let mut before = self.waits(step.task);
        if let Some(ended) = step.joined {
            before.join(&self.clocks[ended]);
        }
        let mut past = before;
        for event in &met {
            past.join(&self.events[*event as usize].clock);
        }
        self.met = met;
        Knowledge { before, past }
    }

    /// Adds the steps that an access of `class` comes directly after, as if there were no step `without`.
    fn meet(&self, object: ObjectId, class: Class, without: Option<u32>, met: &mut Vec<u32>) {
        let mut next = self.newest(object).map_or(NONE, |(index, _)| index);
        while let Some((_, access)) = self.access(next) {
            let skipped = without == Some(access.event);
            if class == Class::Read && access.class == Class::Read {
                next = access.last_write;
                continue;
            }
            if !skipped {
                met.push(access.event);
                if access.class == Class::Write {
                    break;
                }
            }
            next = access.before;
        }
    }

    /// Adds the steps that giving way comes directly after.
    fn meet_watched(&mut self, watched: &[(ObjectId, u32)], met: &mut Vec<u32>) {
        let mut changes = 0;
        for (object, seen) in watched {
            let newest = self.newest(*object).map_or(NONE, |(_, newest)| newest.last_write);
            let mut first_change = None;
            let mut next = newest;
            while let Some((_, write)) = self.access(next)
                && write.version > *seen
            {
                first_change = Some(write.event);
                next = self.access(write.before).map_or(NONE, |(_, each)| each.last_write);
            }
            changes += u32::from(first_change.is_some());
            self.only_change = first_change.or(self.only_change);
            met.extend(first_change.or_else(|| Some(self.access(newest)?.1.event)));
        }
        if changes > 1 {
            self.only_change = None;
        }
    }

    /// Finds the steps that the step which was asked about last comes directly after, newest first: those it does
    /// not know by another one. A step that alone lets it go on is left out: their order cannot be another.
    pub(crate) fn immediate(&mut self, before: &Clock<WIDTH>, found: &mut Vec<u32>) {
        found.clear();
        self.met.sort_unstable_by(|one, other| other.cmp(one));
        let mut covered = *before;
        for index in &self.met {
            let event = &self.events[*index as usize];
            if covered.get(event.task) >= event.number {
                continue;
            }
            covered.join(&event.clock);
            if self.only_change != Some(*index) {
                found.push(*index);
            }
        }
    }

    /// What would come before the step that was asked about last, if the step at `index` did not.
    pub(crate) fn known_without(
        &self,
        index: u32,
        operation: &Operation,
        before: &Clock<WIDTH>,
    ) -> Clock<WIDTH> {
        let class = operation.class_if(self.events[index as usize].value_before);
        let mut met: Vec<u32> = self.met.iter().copied().filter(|event| *event != index).collect();
        for object in operation.objects() {
            self.meet(object, class, Some(index), &mut met);
        }
        let mut known = *before;
        for event in &met {
            known.join(&self.events[*event as usize].clock);
        }
        known
    }

    /// Finds the steps on a lock that a task which knows `before` does not know, newest first.
    pub(crate) fn unknown_on(&self, object: ObjectId, before: &Clock<WIDTH>, found: &mut Vec<u32>) {
        found.clear();
        let mut next = self.newest(object).map_or(NONE, |(index, _)| index);
        while let Some((_, access)) = self.access(next) {
            let event = &self.events[access.event as usize];
            if before.get(event.task) >= event.number {
                break;
            }
            found.push(access.event);
            next = access.before;
        }
    }

    /// The step was taken, after all that is in `past`.
    pub(crate) fn add(&mut self, step: &Performed<'_>, past: &Clock<WIDTH>) {
        let event = u32::try_from(self.events.len()).expect("fewer than 2^32 steps");
        let accesses = u32::try_from(self.accesses.len()).expect("fewer than 2^32 accesses");
        self.events.push(Event {
            task: step.task,
            number: 0,
            availability: step.availability,
            value_before: step.value_before,
            clock: *past,
            accesses,
        });
        // Each copy is advanced in its place: a clock that was just written by halves is slow to copy.
        let known = &mut self.clocks[step.task];
        *known = *past;
        known.advance(step.task);
        if let Some(event) = self.events.last_mut() {
            event.number = event.clock.advance(step.task);
        }
        let class = step.class;
        for object in step.operation.objects() {
            self.add_access(event, object, class, step.changed);
        }
        for (object, seen) in step.watched {
            let version = self.newest(*object).map_or(0, |(_, newest)| newest.version);
            if version == *seen {
                self.add_access(event, *object, Class::Read, false);
            }
        }
        self.tell(step.task, step.woken);
    }

    /// The step repeats the one at `index`, which is known already.
    pub(crate) fn repeat(&mut self, index: usize, woken: TaskSet) {
        let event = &self.events[index];
        self.clocks[event.task] = event.clock;
        self.tell(event.task, woken);
    }

    /// Who was woken by the last step of `task` knows what it knows.
    fn tell(&mut self, task: usize, woken: TaskSet) {
        self.woken = self.woken & !(1 << task) | woken;
        for woken in tasks_of(woken) {
            self.wake_clocks[woken] = self.clocks[task];
        }
    }

    fn add_access(&mut self, event: u32, object: ObjectId, class: Class, changed: bool) {
        let slot = object.0 as usize;
        if self.newest.len() <= slot {
            self.newest.resize(slot + 1, NONE);
        }
        let before = self.newest[slot];
        let own = u32::try_from(self.accesses.len()).expect("fewer than 2^32 accesses");
        let (version, last_write) =
            self.access(before).map_or((0, NONE), |(_, each)| (each.version, each.last_write));
        let last_write = if class == Class::Write { own } else { last_write };
        let version = version + u32::from(changed);
        self.accesses.push(Access { event, object, class, version, before, last_write });
        self.newest[slot] = own;
    }

    /// A child knows what its parent knows.
    pub(crate) fn spawned(&mut self, task: usize, child: usize) {
        self.clocks[child] = self.clocks[task];
        self.tasks = self.tasks.max(child + 1);
    }

    /// Time passes when nobody can act: whoever goes on then does so after all that was done.
    pub(crate) fn time_passed(&mut self, task: usize) {
        for other in 0..self.tasks {
            let known = self.clocks[other];
            self.clocks[task].join(&known);
        }
    }
}
