//! Which traces were met, and how likely the next run is to meet another one.
//!
//! Good and Turing: the chance that the next run is new is about the share of runs whose trace was met once. Memory is bounded: when there
//! are too many traces, only every second one is kept (by its number), then every fourth, and counts are
//! multiplied.

use std::collections::BTreeMap;

use super::Performed;
use super::fingerprint::Fingerprint;
use crate::outcome::Saturation;

/// Tells the traces of executions apart, one after the other.
#[derive(Default)]
pub(crate) struct Traces {
    fingerprint: Fingerprint,
    /// Whether there is an execution that was not noted.
    made: bool,
    seen: Seen,
}

impl Traces {
    /// An execution begins.
    pub(crate) fn begin(&mut self) {
        self.note();
        self.made = true;
    }

    /// Notes the execution that was made last.
    fn note(&mut self) {
        if std::mem::take(&mut self.made) {
            self.seen.note(self.fingerprint.value());
        }
        self.fingerprint.clear();
    }

    pub(crate) fn chose(&mut self, task: usize, value: u32) {
        self.fingerprint.chose(task, value);
    }

    pub(crate) fn performed(&mut self, step: &Performed<'_>) {
        self.fingerprint.performed(step);
    }

    pub(crate) fn spawned(&mut self, child: usize, identity: u64) {
        self.fingerprint.spawned(child, identity);
    }

    pub(crate) fn time_passed(&mut self, task: usize) {
        self.fingerprint.time_passed(task);
    }

    /// What is known by now. The execution that was made last has ended.
    pub(crate) fn saturation(&mut self) -> Saturation {
        self.note();
        self.seen.saturation()
    }
}

/// The most traces that are kept.
const KEPT_MAX: usize = 1 << 18;

/// The traces that were met.
#[derive(Default)]
struct Seen {
    runs: u64,
    /// One of 2 to this power is kept.
    halved: u32,
    /// How often each was met.
    counts: BTreeMap<u64, u32>,
}

impl Seen {
    /// A run has met this trace.
    fn note(&mut self, trace: u64) {
        self.runs += 1;
        if !self.keeps(trace) {
            return;
        }
        *self.counts.entry(trace).or_default() += 1;
        while self.counts.len() > KEPT_MAX {
            self.halved += 1;
            let mask = (1 << self.halved) - 1;
            self.counts.retain(|trace, _| trace & mask == 0);
        }
    }

    fn keeps(&self, trace: u64) -> bool {
        trace & ((1 << self.halved) - 1) == 0
    }

    fn saturation(&self) -> Saturation {
        let factor = 1_u64 << self.halved;
        let once = self.counts.values().filter(|count| **count == 1).count() as u64 * factor;
        Saturation {
            traces: self.counts.len() as u64 * factor,
            exact: self.halved == 0,
            next_is_new: if self.runs == 0 {
                1.0
            } else {
                (once as f64 / self.runs as f64).min(1.0)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::mix;

    #[test]
    fn what_was_met_once_says_how_much_is_left() {
        let mut seen = Seen::default();
        for trace in [1, 2, 3, 1, 1, 2, 4, 1] {
            seen.note(trace);
        }
        let expected = Saturation { traces: 4, exact: true, next_is_new: 0.25 };
        assert_eq!(seen.saturation(), expected);
    }

    #[test]
    fn many_traces_are_counted_nearly_in_bounded_memory() {
        let mut seen = Seen::default();
        let traces = 4 * KEPT_MAX as u64;
        for trace in 0..traces {
            seen.note(mix(trace, 7));
        }
        let saturation = seen.saturation();
        assert!(!saturation.exact && seen.counts.len() <= KEPT_MAX);
        assert!(saturation.traces.abs_diff(traces) < traces / 50, "{saturation:?}");
        assert!(saturation.next_is_new > 0.98, "{saturation:?}");
    }
}
