//! Small programs of both polarities: half of them hang or spin, half do not, and the gate must tell which.
//!
//! They come in pairs that differ in the one thing that matters. A pair is one body with the parameter `broken`; each broken one names
//! the words that its report must have: who waits for what, or what is read in the loop.
//!
//! | file | what the pairs are about |
//! | --- | --- |
//! | `mutex`, `rwlock` | who holds what while waiting |
//! | `condvar`, `event` | wake-ups that come too early, or to somebody else |
//! | `spin` | loops that read what nobody changes |
//! | `event_loop` | bottom halves, kicks, nested polls |
//! | `coroutine` | queues of coroutines, and what they block |
//! | `timer` | what comes by time, or does not |
//!
//! For the harness alone: on real threads a broken one would hang, and read/write locks are no part of the door.

mod condvar;
mod coroutine;
mod event;
mod event_loop;
mod mutex;
mod rwlock;
mod spin;
mod timer;

use graphlock_harness::expectation::{Expectation, Symptom};
use graphlock_harness::outcome::ViolationKind;
use graphlock_harness::scenario::{Engines, Parameters, Scenario};

use crate::sync::{Arc, Condvar, Mutex, Named, lock};

/// Two programs that differ in one thing.
struct Pair {
    name: &'static str,
    /// What the broken one does.
    broken: &'static str,
    /// What the other does instead.
    sound: &'static str,
    kind: ViolationKind,
    says: &'static [&'static str],
    body: fn(&Parameters),
}

/// A family of pairs.
#[derive(Clone, Debug)]
pub struct Family {
    /// What they are about.
    pub name: &'static str,
    /// Their programs, the broken one of each pair first.
    pub programs: Vec<Expectation>,
}

/// More executions than any of them has.
const BUDGET: u64 = 200_000;

/// All of them.
#[must_use]
pub fn all() -> Vec<Family> {
    let families: [(&'static str, &'static [Pair]); 8] = [
        ("mutex", mutex::PAIRS),
        ("read/write lock", rwlock::PAIRS),
        ("condition variable", condvar::PAIRS),
        ("event", event::PAIRS),
        ("spinning", spin::PAIRS),
        ("bottom half and nested poll", event_loop::PAIRS),
        ("coroutine", coroutine::PAIRS),
        ("timer", timer::PAIRS),
    ];
    let family = |(name, pairs): (&'static str, &'static [Pair])| Family {
        name,
        programs: pairs.iter().flat_map(programs).collect(),
    };
    families.into_iter().map(family).collect()
}

/// Their scenarios.
pub(super) fn scenarios() -> Vec<Scenario> {
    all().iter().flat_map(|family| &family.programs).map(|program| program.scenario).collect()
}

fn programs(pair: &Pair) -> [Expectation; 2] {
    let program = |parameters, about, symptom| Expectation {
        scenario: Scenario {
            name: pair.name,
            parameters: Parameters(parameters),
            about,
            properties: &[],
            cases: &[],
            engines: Engines {
                harness: Some(true),
                loom: Err("for the exhaustive engine"),
                std: 0,
            },
            body: pair.body,
        },
        mutation: None,
        symptom,
        ends: &[],
        budget: BUDGET,
    };
    let symptom = Symptom { kind: pair.kind, says: pair.says };
    [
        program(&[("broken", 1)], pair.broken, Some(symptom)),
        program(&[("broken", 0)], pair.sound, None),
    ]
}

/// Which of the two.
fn is_broken(parameters: &Parameters) -> bool {
    parameters.get("broken") == 1
}

/// A mutex that protects nothing but the order of who has it.
fn mutex(name: &str) -> Arc<Mutex<()>> {
    Arc::new(Mutex::new(()).named(&name))
}

/// A number that is waited for.
struct Shared {
    value: Mutex<u32>,
    changed: Condvar,
}

impl Shared {
    fn new(name: &str) -> Arc<Self> {
        let changed = Condvar::new().named(&format_args!("{name} changed"));
        Arc::new(Shared { value: Mutex::new(0).named(&name), changed })
    }

    /// Changes it and wakes all.
    fn set(&self, value: u32) {
        *lock(&self.value) = value;
        self.changed.notify_all();
    }

    /// Blocks the thread until it is at least this.
    fn wait_for(&self, least: u32) {
        let mut value = lock(&self.value);
        while *value < least {
            value = self.changed.wait(value).expect("never poisoned");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::all;
    use crate::model_tests::check;
    use graphlock_harness::expectation::Judged;
    use graphlock_harness::scenario::Check;

    #[test]
    fn nothing_is_missed_and_nothing_is_invented() {
        let mut wrong = Vec::new();
        for program in all().iter().flat_map(|family| &family.programs) {
            let how = Check { executions_max: Some(program.budget), ..Check::default() };
            let report = check(&program.scenario, &how);
            let judged = program.judge(&report);
            let name = program.scenario.full_name();
            println!("{name}: {} executions", report.executions);
            if judged != Judged::AsExpected {
                wrong.push(format!("{name}: {judged}, {} executions", report.executions));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn half_of_them_are_broken_and_say_how() {
        let programs: Vec<_> = all().into_iter().flat_map(|family| family.programs).collect();
        let broken: Vec<_> = programs.iter().filter_map(|program| program.symptom).collect();
        assert!(programs.len() >= 60 && broken.len() * 2 == programs.len(), "{}", programs.len());
        assert!(broken.iter().all(|symptom| !symptom.says.is_empty()));
    }
}
