//! Following a changed record as far as it goes, and noting what was done instead.
//!
//! Each entry belongs to a task. The next step is the first entry whose task can take it; entries that cannot be
//! followed yet wait for their turn. A value is the task's next recorded one, 0 if there is none. Where nothing is left the
//! running task goes on.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Decision, Explorer, Offer};
use crate::schedule::Choice;

/// What a record asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    /// The task takes a step.
    Step(usize),
    /// It is surprised.
    Surprise(usize),
    /// One of the two, as a schedule says it.
    Chosen(usize),
    /// The task goes on as long as it can.
    Stay(usize),
    /// A value for the task, or for whoever asks.
    Value(Option<usize>, u32),
}

impl Entry {
    /// An entry of a schedule that was not executed yet.
    pub(super) fn of(choice: Choice) -> Self {
        match choice {
            Choice::Task(task) => Entry::Chosen(task as usize),
            Choice::Value(value) => Entry::Value(None, value),
        }
    }

    /// Whose it is.
    pub(super) fn task(self) -> Option<usize> {
        match self {
            Entry::Step(task) | Entry::Surprise(task) | Entry::Chosen(task) | Entry::Stay(task) => {
                Some(task)
            }
            Entry::Value(task, _) => task,
        }
    }

    fn is_a_step_of(self, task: usize) -> bool {
        matches!(self, Entry::Step(own) | Entry::Chosen(own) if own == task)
    }
}

/// A choice that was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub(super) entry: Entry,
    /// Who would have gone on without a switch, if this is one.
    pub(super) instead_of: Option<usize>,
    /// Whether that task could have.
    pub(super) preemptive: bool,
}

/// What is followed, and what was done.
#[derive(Default)]
pub(super) struct Plan {
    /// Entries that are used up are taken out.
    pub(super) record: Vec<Option<Entry>>,
    /// All before this are used up.
    next: usize,
    /// Who goes on as long as it can.
    staying: Option<usize>,
    pub(super) made: Vec<Made>,
}

impl Plan {
    /// Follows this from its beginning.
    pub(super) fn set(&mut self, record: Vec<Entry>) {
        self.record = record.into_iter().map(Some).collect();
        self.next = 0;
        self.staying = None;
        self.made.clear();
    }

    /// Takes the first entry for which `wanted` is true.
    fn take(&mut self, wanted: impl Fn(Entry) -> bool) -> Option<Entry> {
        while self.record.get(self.next).is_some_and(Option::is_none) {
            self.next += 1;
        }
        let rest = self.record.get_mut(self.next..)?;
        rest.iter_mut().find(|entry| entry.is_some_and(&wanted))?.take()
    }

    fn task(&mut self, offer: &Offer<'_>) -> Entry {
        let fits = |entry: Entry| match entry {
            Entry::Step(task) | Entry::Stay(task) => offer.offers(task),
            Entry::Surprise(task) => !offer.offers(task) && offer.offers_or_surprises(task),
            Entry::Chosen(task) => offer.offers_or_surprises(task),
            Entry::Value(..) => false,
        };
        self.staying = self.staying.filter(|task| offer.offers(*task));
        let entry = match self.staying {
            Some(task) => Some(Entry::Stay(task)),
            None => self.take(fits),
        };
        match entry {
            Some(Entry::Stay(task)) => {
                self.staying = Some(task);
                self.take(|entry| entry.is_a_step_of(task));
                Entry::Step(task)
            }
            Some(Entry::Chosen(task)) if !offer.offers(task) => Entry::Surprise(task),
            Some(Entry::Surprise(task)) => Entry::Surprise(task),
            Some(entry) => Entry::Step(entry.task().unwrap_or(offer.current)),
            None => Entry::Step(offer.without_a_switch(offer.enabled)),
        }
    }
}

/// The explorer that follows a plan.
pub(super) struct Follow(pub(super) Rc<RefCell<Plan>>);

impl Explorer for Follow {
    fn begin(&mut self) -> bool {
        true
    }

    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        let mut plan = self.0.borrow_mut();
        let entry = plan.task(offer);
        let task = entry.task().unwrap_or(offer.current);
        let switches = matches!(entry, Entry::Step(_)) && task != offer.current;
        let instead_of = switches.then_some(offer.current);
        let preemptive = switches && offer.offers(offer.current);
        plan.made.push(Made { entry, instead_of, preemptive });
        Decision::Run(task)
    }

    fn choose_value(&mut self, task: usize, count: u32) -> u32 {
        let mut plan = self.0.borrow_mut();
        let own = |entry| matches!(entry, Entry::Value(whose, _) if whose.is_none_or(|whose| whose == task));
        let value = match plan.take(own) {
            Some(Entry::Value(_, value)) if value < count => value,
            _ => 0,
        };
        let entry = Entry::Value(Some(task), value);
        plan.made.push(Made { entry, instead_of: None, preemptive: false });
        value
    }
}
