//! What a body tells the engine beside its steps, and how it is checked.

use std::panic::Location;

use crate::execution::record::What;
use crate::execution::{self, with};
pub use crate::explore::checkpoint::CheckpointError;
pub use crate::explore::estimate::estimate;
pub use crate::explore::minimise::minimise;
pub use crate::explore::runner::{Body, Hooks, check, check_with, merge};
use crate::trace::{Change, Topic};

/// One of `count` values. The exhaustive engine tries all of them, others draw, a replay reads.
/// Outside an execution it is 0.
///
/// # Panics
/// If `count` is 0: there is nothing to choose.
#[must_use]
pub fn choose(count: usize) -> usize {
    assert!(count > 0, "choose(0): there is nothing to choose from; give at least 1");
    let count = u32::try_from(count).expect("fewer than 2^32 values");
    let chosen = with(|execution| {
        let value = execution.choose_value(count);
        execution.note(What::Chose(value, count));
        value
    });
    chosen.unwrap_or(0) as usize
}

/// From here on in this execution sampling is fair: everybody who can act is equally likely, no surprise happens and no
/// store is held back. So a phase at the end may demand that everything finishes. For the exhaustive engine and a replay
/// nothing changes, and outside an execution it does nothing.
pub fn fair_from_here() {
    with(|execution| {
        execution.explorer.fair_from_here();
        execution.note(What::Fair);
    });
}

/// Whether this execution is going to be drawn: then what [`say`] and its like are given is worth making.
#[inline]
#[must_use]
pub fn is_recorded() -> bool {
    execution::is_recorded()
}

/// Says what the running task does, in the words of the protocol: a row of the drawing, and no step.
#[track_caller]
pub fn say(text: String) {
    let at = Location::caller();
    with(|execution| execution.note(What::Said(text, at)));
}

/// Says what the running task does until [`finish_activity`]: rows in between stand within it, and a task that is
/// stuck there says so. Activities of a task nest.
#[track_caller]
pub fn begin_activity(text: String) {
    let at = Location::caller();
    with(|execution| execution.note(What::Begun(text, at)));
}

/// Ends the newest activity of the running task.
pub fn finish_activity() {
    with(|execution| execution.note(What::Finished));
}

/// Says that a state beside the values of objects has changed: it is shown beside the row before.
pub fn show_state(topic: Topic, name: String, value: String) {
    with(|execution| execution.note(What::Changed(Change { topic, name, value })));
}

/// Marks the written case `case` as reached in this execution.
#[track_caller]
pub fn reached(case: &'static str) {
    let at = Location::caller();
    with(|execution| {
        if !execution.cases.contains(&case) {
            execution.cases.push(case);
        }
        execution.note(What::Reached(case, at));
    });
}

/// Marks a written case of the protocol as reached: `reached!("reader-sleeps")`.
#[macro_export]
macro_rules! reached {
    ($case:literal) => {
        $crate::model::reached($case)
    };
}

/// Whether the bug `id` is planted in this execution: it alone, or as one of several that are joined by `+`.
#[must_use]
#[track_caller]
pub fn mutated(id: &'static str) -> bool {
    let is_planted = execution::mutation().is_some_and(|planted| is_among(planted, id));
    if is_planted && is_recorded() {
        let at = Location::caller();
        with(|execution| execution.note(What::Planted(id, at)));
    }
    is_planted
}

/// Whether `id` is one of those that are joined by `+`.
#[must_use]
pub fn is_among(planted: &str, id: &str) -> bool {
    planted == id || (planted.len() > id.len() && planted.split('+').any(|each| each == id))
}

/// Registers what is run when every task has ended, outside the execution: it names the final state.
pub fn finish(finisher: impl FnOnce() -> String + 'static) {
    with(|execution| execution.finishers.push(Box::new(finisher)));
}
