//! What executions add up to. Sums have no order, so it does not matter who made which execution.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::outcome::{Lengths, Place, ViolationKind};
use crate::schedule::Schedule;

/// The sums over a set of executions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) executions: u64,
    pub(crate) steps: u64,
    /// Executions that were cut at the bound on their length.
    pub(crate) cut: u64,
    pub(crate) cases: BTreeMap<String, u64>,
    pub(crate) final_states: BTreeMap<String, u64>,
    pub(crate) violations: BTreeMap<ViolationKind, u64>,
    pub(crate) lengths: Lengths,
    /// Where atomics and fences were executed.
    pub(crate) places: BTreeSet<Place>,
}

impl Totals {
    /// Adds another set.
    pub(crate) fn add(&mut self, other: &Totals) {
        self.executions += other.executions;
        self.steps += other.steps;
        self.cut += other.cut;
        for (case, count) in &other.cases {
            add_to(&mut self.cases, case, *count);
        }
        for (state, count) in &other.final_states {
            add_to(&mut self.final_states, state, *count);
        }
        for (kind, count) in &other.violations {
            *self.violations.entry(*kind).or_default() += count;
        }
        self.lengths.add(&other.lengths);
        self.places.extend(other.places.iter().cloned());
    }

    /// Counts an execution that came to its end after so many steps.
    pub(crate) fn ended(&mut self, steps: u64) {
        self.executions += 1;
        self.lengths.note(steps);
    }

    /// Counts an execution that reached this case.
    pub(crate) fn reached(&mut self, case: &str) {
        add_to(&mut self.cases, case, 1);
    }

    /// Counts an execution that ended in this state.
    pub(crate) fn ended_in(&mut self, state: &str) {
        add_to(&mut self.final_states, state, 1);
    }
}

fn add_to(counts: &mut BTreeMap<String, u64>, name: &str, count: u64) {
    match counts.get_mut(name) {
        Some(sum) => *sum += count,
        None => drop(counts.insert(name.to_owned(), count)),
    }
}

/// A violation that was found, without its drawing: the schedule gives it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) kind: ViolationKind,
    pub(crate) message: String,
    pub(crate) schedule: Schedule,
}
