//! Following a recorded schedule, once.

use super::{Decision, Explorer, Offer};
use crate::schedule::{Choice, Schedule};

/// Makes the recorded choices. Where the record ends, and, unless `strict`, from the first choice that is
/// not offered, it goes on with as few switches as it can.
pub(crate) struct Replay {
    schedule: Schedule,
    position: usize,
    strict: bool,
    diverged: bool,
    done: bool,
}

impl Replay {
    pub(crate) fn new(schedule: Schedule, strict: bool) -> Self {
        Replay { schedule, position: 0, strict, diverged: false, done: false }
    }

    fn recorded(&mut self) -> Option<Choice> {
        if self.diverged {
            return None;
        }
        let choice = self.schedule.choices.get(self.position).copied();
        self.position += 1;
        choice
    }
}

impl Explorer for Replay {
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
            Some(_) => self.diverged = true,
            None => {}
        }
        Decision::Run(offer.without_a_switch(offer.enabled))
    }

    fn choose_value(&mut self, _task: usize, count: u32) -> u32 {
        match self.recorded() {
            Some(Choice::Value(value)) if value < count => value,
            Some(_) => {
                self.diverged = true;
                0
            }
            None => 0,
        }
    }
}
