//! Following a recorded schedule, once.

use super::{Decision, Explorer, Offer};
use crate::schedule::{Choice, Schedule};

/// Makes the recorded choices. Where the record ends, and, unless `strict`, from the first choice that is
/// not offered, it goes on with as few switches as it can.
pub(crate) struct Replay {
    schedule: Schedule,
    position: usize,
    strict: bool,
    /// The first choice, from 1, that was not offered.
    diverged: Option<usize>,
    done: bool,
}

impl Replay {
    pub(crate) fn new(schedule: Schedule, strict: bool) -> Self {
        Replay { schedule, position: 0, strict, diverged: None, done: false }
    }

    fn recorded(&mut self) -> Option<Choice> {
        if self.diverged.is_some() {
            return None;
        }
        let choice = self.schedule.choices.get(self.position).copied();
        self.position += 1;
        choice
    }
}

impl Explorer for Replay {
    fn diverged(&self) -> Option<usize> {
        self.diverged
    }

    fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.done, true)
    }

    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        match self.recorded() {
            Some(Choice::Task(task)) if offer.offers_or_surprises(task as usize) => {
                return Decision::Run(task as usize);
            }
            Some(found) if self.strict => {
                return Decision::Refuse(format!(
                    "choice {} is recorded as {found:?}, but the tasks offered are {:#b}",
                    self.position, offer.enabled
                ));
            }
            Some(_) => self.diverged = Some(self.position),
            None => {}
        }
        Decision::Run(offer.without_a_switch(offer.enabled))
    }

    fn choose_value(&mut self, _task: usize, count: u32) -> u32 {
        match self.recorded() {
            Some(Choice::Value(value)) if value < count => value,
            Some(_) => {
                self.diverged = Some(self.position);
                0
            }
            None => 0,
        }
    }
}
