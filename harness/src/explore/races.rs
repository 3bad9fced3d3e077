//! Which branches an execution leads to: its races, filtered and turned into schedules (`exhaustive.rs` says why).

use super::Performed;
use super::exhaustive::Exhaustive;
use super::happens_before::{Event, Knowledge};
use super::tree::{Child, Why};
use crate::execution::clock::{Clock, TASKS_MAX};
use crate::execution::operation::Operation;
use crate::schedule::{Choice, Schedule};

/// The later step of a race.
struct Later<'a, const WIDTH: usize> {
    task: usize,
    operation: &'a Operation,
    /// What its task knows before it.
    before: &'a Clock<WIDTH>,
    /// All that must come before it.
    past: &'a Clock<WIDTH>,
    /// Whether it takes a lock: then it overtakes the one who took it first, and nobody else is at it.
    acquires: bool,
}

impl<const WIDTH: usize> Exhaustive<WIDTH> {
    /// Finds the branches in which this step, which is about to be added to the order, overtakes another one.
    pub(super) fn find_branches(&mut self, step: &Performed<'_>, knowledge: &Knowledge<WIDTH>) {
        if step.operation.acquires() {
            self.find_branches_of_acquisition(step.task, step.operation, &knowledge.before);
            return;
        }
        let mut found = std::mem::take(&mut self.found);
        self.order.immediate(&knowledge.before, &mut found);
        let later = Later {
            task: step.task,
            operation: step.operation,
            before: &knowledge.before,
            past: &knowledge.past,
            acquires: false,
        };
        self.branch_off(&found, &later);
        self.found = found;
    }

    /// The same for a step that takes a lock, whether it was taken or waits for ever. It races with every step on
    /// the lock before which it could have been taken: the one that made it wait, not the one that let it go on.
    pub(super) fn find_branches_of_acquisition(
        &mut self,
        task: usize,
        operation: &Operation,
        before: &Clock<WIDTH>,
    ) {
        let Some(object) = operation.object else { return };
        let mut found = std::mem::take(&mut self.found);
        self.order.unknown_on(object, before, &mut found);
        let later = Later { task, operation, before, past: before, acquires: true };
        self.branch_off(&found, &later);
        self.found = found;
    }

    /// Adds a branch for each of the `earlier` steps that `later` overtakes here for the first time.
    fn branch_off(&mut self, earlier: &[u32], later: &Later<'_, WIDTH>) {
        if earlier.is_empty() {
            return;
        }
        let from = self.open_from(later);
        for index in earlier {
            let step = self.steps[*index as usize];
            let event = &self.order.events()[*index as usize];
            let open = step.position >= from && !step.pinned && !self.chose_here(*index);
            if open
                && later.operation.can_act_when(event.availability)
                && (later.acquires || self.is_lowest(*index, later))
            {
                let child = self.child(*index as usize, event, later);
                self.children.push_back(child);
            }
        }
    }

    /// The first position from which on everything pinned happens before `later`, or is it.
    fn open_from(&self, later: &Later<'_, WIDTH>) -> u32 {
        let events = self.order.events();
        let pins = self.pins().iter().zip(&self.pin_steps).rev();
        for (pin, step) in pins {
            let Some(step) = step else { continue };
            // Who waits for a lock waits whether it comes to take it or not: the taking is not needed.
            let needed = match events.get(*step as usize) {
                Some(event) => knows(later.past, event),
                None => !later.acquires,
            };
            if !needed {
                return pin.end;
            }
        }
        0
    }

    /// Whether a value other than the first was chosen at this step: it would be chosen anew.
    fn chose_here(&self, index: u32) -> bool {
        let mut pins = self.pins().iter().zip(&self.pin_steps);
        pins.any(|(pin, step)| pin.why == Why::Value && *step == Some(index))
    }

    /// Whether `later` is the one to overtake this step, which was overtaken by others just before: not if it could have come
    /// before one of them and has the lower identity.
    fn is_lowest(&self, index: u32, later: &Later<'_, WIDTH>) -> bool {
        let mut next = self.steps[index as usize].overtaken_by;
        if next.is_none() {
            return true;
        }
        let past = self.order.known_without(index, later.operation, later.before);
        while let Some(pin) = next {
            let step = self.pin_steps[pin].expect("[harness internal bug] a pin without a step");
            let event = &self.order.events()[step as usize];
            if knows(&past, event) {
                // It could not have come before that one, and so not before those that came before that one.
                return true;
            }
            if self.identities[event.task] >= self.identities[later.task] {
                return false;
            }
            let pins = &self.pins()[..pin];
            next = match self.pins()[pin].why {
                Why::Overtakes { again: true, .. } => {
                    pins.iter().rposition(|each| each.why != Why::Value)
                }
                _ => None,
            };
        }
        true
    }

    /// The branch in which `later`, with all it needs, comes instead of the step at `index`.
    fn child(&self, index: usize, event: &Event<WIDTH>, later: &Later<'_, WIDTH>) -> Child {
        let mut tail = Vec::new();
        let numbers = self.numbers_without(index, later.past);
        let own = |task: usize| Choice::Task(u32::from(numbers[task]));
        let events = &self.order.events()[index + 1..];
        for (each, number) in events.iter().zip(index + 1..) {
            if knows(later.past, each) {
                tail.push(own(each.task));
                let first = self.steps[number].position as usize + 1;
                let values = &self.choices[first.min(self.choices.len())..];
                let is_value = |choice: &&Choice| matches!(choice, Choice::Value(_));
                tail.extend(values.iter().take_while(is_value));
            }
        }
        tail.push(own(later.task));
        let task = u8::try_from(event.task).expect("few tasks");
        let again = self.steps[index].overtaken_by.is_some();
        Child {
            at: self.steps[index].position,
            tail: Schedule { choices: tail },
            why: Why::Overtakes { task, again },
            by: self.next_step(),
        }
    }

    /// The numbers that tasks have in an execution without the step at `index` and all that is not in
    /// `past`: tasks are numbered as they are spawned.
    fn numbers_without(&self, index: usize, past: &Clock<WIDTH>) -> [u8; TASKS_MAX] {
        let events = self.order.events();
        let mut numbers = [0; TASKS_MAX];
        let mut next = 0;
        for (task, number) in numbers.iter_mut().enumerate().take(self.tasks) {
            // It was spawned after that many steps, by the last of them.
            let spawner = (self.born[task] as usize).checked_sub(1).filter(|_| task > 0);
            let kept = spawner.is_none_or(|spawner| {
                spawner < index || (spawner > index && knows(past, &events[spawner]))
            });
            if kept {
                *number = next;
                next += 1;
            }
        }
        numbers
    }
}

/// Whether a step with this past comes after `event`, or is it.
fn knows<const WIDTH: usize>(past: &Clock<WIDTH>, event: &Event<WIDTH>) -> bool {
    past.get(event.task) >= event.number
}
