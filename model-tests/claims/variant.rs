//! The checks of claims: one function for each meeting, with the proposals that it tells apart.
//!
//! | proposal | parameters |
//! | --- | --- |
//! | a reference is dropped under the lock, or by a function that assumes it | `unref=0`, `unref=1` |
//! | a bottom half drops it, and nobody waits | `unref=2` |
//! | the unlock polls before, after it wakes the readers | `unref=3`, `unref=4` |
//! | the unlock works off a list before, after that | `unref=5`, `unref=6` |
//! | the unlock polls a loop that is there for this alone | `unref=7` |
//! | drained sections counted together, the drain ending last, first | `drained=1`, `drained=2` |
//! | each for itself, the drain ending last, first | `drained=3`, `drained=4` |

use graphlock_harness::expectation::{Expectation, Symptom};
use graphlock_harness::outcome::ViolationKind::{self, Deadlock, Property};
use graphlock_harness::scenario::{Parameters, Scenario};

use crate::model_tests::history::proposals as proposed;
use crate::model_tests::history::{self, ENGINES};

/// Executions in which each check is through.
const BUDGET: u64 = 1_000_000;

type Numbers = &'static [(&'static str, u64)];

/// A check of a small model that passes.
fn passes(
    name: &'static str,
    about: &'static str,
    body: fn(&Parameters),
    numbers: Numbers,
) -> Expectation {
    let scenario = Scenario {
        name,
        parameters: Parameters(numbers),
        about,
        properties: &[],
        cases: &[],
        engines: ENGINES,
        body,
    };
    Expectation { scenario, mutation: None, symptom: None, ends: &[], budget: BUDGET }
}

impl Of {
    /// It passes.
    pub(super) fn passes(self, numbers: Numbers) -> Expectation {
        passes(self.name, self.about, self.body, numbers)
    }

    /// It passes and ends in these states, in order.
    pub(super) fn ends(self, numbers: Numbers, ends: &'static [&'static str]) -> Expectation {
        Expectation { ends, ..self.passes(numbers) }
    }

    /// It hangs; these words say who waits.
    pub(super) fn hangs(self, numbers: Numbers, says: &'static [&'static str]) -> Expectation {
        self.fails(numbers, Deadlock, says)
    }

    /// It breaks a property; these words say which.
    pub(super) fn breaks(self, numbers: Numbers, says: &'static [&'static str]) -> Expectation {
        self.fails(numbers, Property, says)
    }

    fn fails(
        self,
        numbers: Numbers,
        kind: ViolationKind,
        says: &'static [&'static str],
    ) -> Expectation {
        Expectation { symptom: Some(Symptom { kind, says }), ..self.passes(numbers) }
    }
}

/// A meeting of the small models.
#[derive(Clone, Copy)]
pub(super) struct Of {
    name: &'static str,
    about: &'static str,
    body: fn(&Parameters),
}

pub(super) const LAST_REFERENCE: Of = Of {
    name: "last_reference_goes",
    about: "a section drops the last reference of a node",
    body: history::last_reference_goes,
};
pub(super) const DRAINS_INSIDE: Of = Of {
    name: "drains_in_section",
    about: "a section drains a node whose request waits for the read lock",
    body: history::drains_in_section,
};
pub(super) const NESTED: Of = Of {
    name: "section_from_bottom_half",
    about: "while a drained section waits to begin, a bottom half runs a plain one",
    body: history::section_from_bottom_half,
};
pub(super) const NEEDS_REQUESTS: Of = Of {
    name: "deferred_work_needs_requests_of_qemu",
    about: "what a drained section defers needs a request, which the drain keeps away",
    body: history::deferred_work_needs_requests,
};
pub(super) const GUARD_CHANGES_LOOP: Of = Of {
    name: "guard_changes_loop",
    about: "a guard is given back on another loop while the writer sums the counters",
    body: history::guard_changes_loop,
};
pub(super) const LAST_READER: Of = Of {
    name: "last_reader_leaves",
    about: "the last reader leaves while the writer goes to sleep",
    body: history::last_reader_leaves,
};
pub(super) const REQUESTS_ARRIVE: Of = Of {
    name: "requests_arrive",
    about: "requests arrive one after the other while all nodes are drained",
    body: history::requests_arrive,
};
pub(super) const OPENS: Of = Of {
    name: "opens_after_unlock",
    about: "the image of a node is opened right after the section that let it go",
    body: proposed::opens_after_unlock,
};
pub(super) const WITHOUT_SECTION: Of = Of {
    name: "unref_without_section",
    about: "a reference is deferred where there is no section",
    body: proposed::unref_without_section,
};
pub(super) const CHAIN: Of = Of {
    name: "chain_is_let_go",
    about: "a chain of nodes is let go of by its head",
    body: proposed::chain_closes,
};
pub(super) const MONITOR: Of = Of {
    name: "monitor_prints",
    about: "a command lets a node go and prints, and so does something that is pending",
    body: proposed::monitor_prints,
};
pub(super) const CALLERS: Of = Of {
    name: "callers_go_on",
    about: "whether other work runs before the caller that drops a reference goes on",
    body: proposed::callers_go_on,
};
pub(super) const THREAD_OPENS: Of = Of {
    name: "thread_opens",
    about: "another thread opens the image when the node is detached and the lock is free",
    body: proposed::thread_opens,
};
pub(super) const BOTTOM_HALF_OPENS: Of = Of {
    name: "bottom_half_opens",
    about: "a bottom half opens the image again",
    body: proposed::bottom_half_opens,
};
pub(super) const WAITED_FOR: Of = Of {
    name: "close_is_waited_for",
    about: "beside the deferred references something waits for one of the closes",
    body: proposed::close_is_waited_for,
};
pub(super) const SECTION_IN_UNLOCK: Of = Of {
    name: "unlock_runs_section",
    about: "what the unlock runs takes a whole section again",
    body: proposed::unlock_runs_section,
};

/// A check of our own machinery, by its scenario: with a planted bug that fails like that, or without one.
pub(super) fn ours(full_name: &str, planted: Option<(&'static str, ViolationKind)>) -> Expectation {
    let listed = crate::model_tests::scenarios();
    let scenario = listed.into_iter().find(|each| each.full_name() == full_name);
    let scenario = scenario.unwrap_or_else(|| panic!("there is no scenario {full_name}"));
    Expectation {
        scenario,
        mutation: planted.map(|(id, _)| id),
        symptom: planted.map(|(_, kind)| Symptom { kind, says: &[] }),
        ends: &[],
        budget: BUDGET,
    }
}
