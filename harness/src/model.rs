//! What a body tells the engine beside its steps, and how it is checked.

use crate::execution::record::What;
use crate::execution::{self, with};
pub use crate::explore::checkpoint::CheckpointError;
pub use crate::explore::estimate::estimate;
pub use crate::explore::minimise::{Minimised, minimise};
pub use crate::explore::runner::{Body, Hooks, check, check_with, merge};

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

/// Marks the written case `case` as reached in this execution.
pub fn reached(case: &'static str) {
    with(|execution| {
        if !execution.cases.contains(&case) {
            execution.cases.push(case);
        }
        execution.note(What::Reached(case));
    });
}

/// Marks a written case of the protocol as reached: `reached!("reader-sleeps")`.
#[macro_export]
macro_rules! reached {
    ($case:literal) => {
        $crate::model::reached($case)
    };
}

/// Whether the bug `id` is planted in this execution.
#[must_use]
pub fn mutated(id: &'static str) -> bool {
    execution::mutation() == Some(id)
}

/// Registers what is run when every task has ended, outside the execution: it names the final state.
pub fn finish(finisher: impl FnOnce() -> String + 'static) {
    with(|execution| execution.finishers.push(Box::new(finisher)));
}
