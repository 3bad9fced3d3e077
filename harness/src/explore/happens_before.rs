//! The order of conflicting steps in one execution: for each step, what happens before it.
//!
//! This is the order of *conflicts*, which makes two executions equivalent or not. It is finer than what the
//! declared memory orderings let a task know (`execution/memory.rs`).

use crate::execution::TaskSet;
use crate::execution::clock::{Clock, TASKS_MAX};
use crate::execution::operation::{Class, ObjectId, Operation};

/// A step that was taken in this execution.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) task: usize,
    /// Its number among the steps of its task, from 1.
    pub(crate) number: u32,
    pub(crate) operation: Operation,
    /// The point at which it was chosen.
    pub(crate) node: usize,
    /// All that happens before it, itself included.
    pub(crate) clock: Clock,
}

/// What is known of an object in this execution.
#[derive(Default)]
struct History {
    /// Its events, oldest first.
    events: Vec<usize>,
    /// What happens before a read of it, and before a write of it.
    written: Option<Clock>,
    touched: Option<Clock>,
}

/// The events of one execution and their order.
pub(crate) struct HappensBefore {
    events: Vec<Event>,
    histories: Vec<History>,
    clocks: [Clock; TASKS_MAX],
    /// What a task learns when it goes on after it was woken.
    wake_clocks: [Clock; TASKS_MAX],
}

impl Default for HappensBefore {
    fn default() -> Self {
        HappensBefore {
            events: Vec::new(),
            histories: Vec::new(),
            clocks: [Clock::ZERO; TASKS_MAX],
            wake_clocks: [Clock::ZERO; TASKS_MAX],
        }
    }
}

impl HappensBefore {
    /// Forgets the execution.
    pub(crate) fn clear(&mut self) {
        self.events.clear();
        for history in &mut self.histories {
            history.events.clear();
            history.written = None;
            history.touched = None;
        }
        self.clocks = [Clock::ZERO; TASKS_MAX];
        self.wake_clocks = [Clock::ZERO; TASKS_MAX];
    }

    /// All events, oldest first.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The indices of the events on an object, oldest first.
    pub(crate) fn events_on(&self, object: ObjectId) -> &[usize] {
        self.histories.get(object.0 as usize).map_or(&[], |history| &history.events)
    }

    /// The event at this position among those on an object.
    pub(crate) fn event_on(&self, object: ObjectId, position: usize) -> Event {
        self.events[self.events_on(object)[position]]
    }

    fn history(&mut self, object: ObjectId) -> &mut History {
        let index = object.0 as usize;
        if self.histories.len() <= index {
            self.histories.resize_with(index + 1, History::default);
        }
        &mut self.histories[index]
    }

    /// What `task` knows before it takes this step, and what it knows then, the step included.
    pub(crate) fn knows(
        &mut self,
        task: usize,
        operation: &Operation,
        learned: &[(ObjectId, u32)],
    ) -> (Clock, Clock) {
        let mut before = self.clocks[task];
        before.join(&self.wake_clocks[task]);
        for (object, _) in learned {
            if let Some(written) = &self.history(*object).written {
                before.join(written);
            }
        }
        let mut after = before;
        for object in operation.objects() {
            let history = self.history(object);
            let known = match operation.class() {
                Class::Read => &history.written,
                Class::Write => &history.touched,
            };
            if let Some(known) = known {
                after.join(known);
            }
        }
        after.advance(task);
        (before, after)
    }

    /// What a task that waits for ever knows, without and with the step it waits to take.
    pub(crate) fn waits(&self, task: usize) -> (Clock, Clock) {
        let mut before = self.clocks[task];
        before.join(&self.wake_clocks[task]);
        let mut after = before;
        after.advance(task);
        (before, after)
    }

    /// `task` has taken the step that lets it know `after`.
    pub(crate) fn add(
        &mut self,
        task: usize,
        operation: &Operation,
        node: usize,
        after: Clock,
        woken: TaskSet,
    ) {
        let index = self.events.len();
        let number = after.get(task);
        self.events.push(Event { task, number, operation: *operation, node, clock: after });
        for object in operation.objects() {
            let history = self.history(object);
            history.events.push(index);
            history.touched.get_or_insert(Clock::ZERO).join(&after);
            if operation.class() == Class::Write {
                history.written = Some(after);
            }
        }
        self.clocks[task] = after;
        self.wake_clocks[task] = Clock::ZERO;
        let mut rest = woken;
        while rest != 0 {
            self.wake_clocks[rest.trailing_zeros() as usize] = after;
            rest &= rest - 1;
        }
    }

    /// A child knows what its parent knows.
    pub(crate) fn spawned(&mut self, task: usize, child: usize) {
        self.clocks[child] = self.clocks[task];
    }

    /// Who joins `task` by this object learns all it knows.
    pub(crate) fn task_ended(&mut self, task: usize, object: ObjectId) {
        let clock = self.clocks[task];
        let history = self.history(object);
        history.written.get_or_insert(Clock::ZERO).join(&clock);
        history.touched.get_or_insert(Clock::ZERO).join(&clock);
    }

    /// Time passes when nobody can act: whoever goes on then does so after all that was done.
    pub(crate) fn time_passed(&mut self, task: usize) {
        let all = self.clocks;
        for clock in &all {
            self.clocks[task].join(clock);
        }
    }
}
