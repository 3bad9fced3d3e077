//! The engine checked by itself: drawn programs, explored with the reduction and without any.
//!
//! For each program the set of traces (in canonical form: what happens before each step), with final states and
//! deadlocks, must be the same, and the reduced search must meet each trace exactly once. The number that
//! stands for a trace in sampling must tell the same traces apart.

mod program;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};
use serde::{Deserialize, Serialize};

use crate::execution::clock::TASKS_MAX;
use crate::execution::ending::Ending;
use crate::execution::task::Task;
use crate::execution::{Execution, mix, stack};
use crate::explore::exhaustive::Exhaustive;
use crate::explore::fingerprint::Fingerprint;
use crate::explore::happens_before::{Event, HappensBefore};
use crate::explore::plain::Plain;
use crate::explore::tree::Tree;
use crate::explore::{Decision, Explorer, OfTree, Offer, Performed};
use crate::scenario::Check;
use program::{Program, body, programs};

/// Programs with more schedules than this are not compared: the search without reduction takes them all.
const SCHEDULES_MAX: usize = 10_000;

/// Steps after which an execution of a drawn program is called endless.
const STEPS_MAX: u64 = 10_000;

/// What was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Programs whose traces were compared.
    pub programs: u64,
    /// Programs that were drawn and have too many schedules to enumerate them.
    pub too_large: u64,
    /// Schedules that the search without reduction took.
    pub schedules: u64,
    /// Traces, each met exactly once by the engine.
    pub traces: u64,
    /// How many of them do not end: deadlocks, leaked tasks, livelocks.
    pub stuck: u64,
}

impl Compared {
    /// Adds another comparison.
    pub fn add(&mut self, other: &Compared) {
        self.programs += other.programs;
        self.too_large += other.too_large;
        self.schedules += other.schedules;
        self.traces += other.traces;
        self.stuck += other.stuck;
    }
}

/// Compares the engine with a search without reduction on `programs` drawn programs.
///
/// # Errors
/// With the smallest program found on which they differ, and how.
pub fn against_plain_search(programs: u32, seed: u64) -> Result<Compared, String> {
    let config = ProptestConfig {
        cases: programs,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_global_rejects: u32::MAX,
        ..ProptestConfig::default()
    };
    let compared = RefCell::new(Compared::default());
    let outcome = TestRunner::new(config)
        .run(&self::programs(), |program| compare(&program, &mut compared.borrow_mut()));
    match outcome {
        Ok(()) => Ok(compared.into_inner()),
        Err(TestError::Fail(why, program)) => Err(format!("{why}\nin {program:#?}")),
        Err(TestError::Abort(why)) => Err(format!("the comparison was given up: {why}")),
    }
}

fn compare(program: &Program, compared: &mut Compared) -> Result<(), TestCaseError> {
    let Some(plain) = traces(program, Search::Plain, SCHEDULES_MAX) else {
        compared.too_large += 1;
        return Err(TestCaseError::reject("too many schedules"));
    };
    let reduced = traces(program, Search::Reduced, usize::MAX).expect("no limit");
    let missed: Vec<&Canonical> =
        plain.keys().filter(|trace| !reduced.contains_key(trace)).collect();
    prop_assert!(missed.is_empty(), "missed {} of {}: {:?}", missed.len(), plain.len(), missed[0]);
    let invented = reduced.keys().find(|trace| !plain.contains_key(trace));
    prop_assert!(invented.is_none(), "met, but there is no such trace: {invented:?}");
    let twice = reduced.iter().find(|(_, count)| **count != 1);
    prop_assert!(twice.is_none(), "met more than once: {twice:?}");
    let numbers: BTreeSet<u64> = plain.keys().map(|trace| trace.number).collect();
    prop_assert_eq!(numbers.len(), plain.len(), "fingerprints and canonical forms differ");
    compared.programs += 1;
    compared.schedules += plain.values().sum::<u64>();
    compared.traces += plain.len() as u64;
    compared.stuck += plain.keys().filter(|trace| trace.stuck).count() as u64;
    Ok(())
}

/// What distinguishes one trace from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Canonical {
    end: String,
    stuck: bool,
    values: Vec<(u64, u32)>,
    /// One number for each step and all that happens before it, sorted.
    steps: Vec<u64>,
    /// The fingerprint.
    number: u64,
}

/// What is noted of an execution.
struct Notes {
    order: HappensBefore<TASKS_MAX>,
    fingerprint: Fingerprint,
    /// The values chosen, with the identity of the task that asked.
    values: Vec<(u64, u32)>,
    identities: [u64; TASKS_MAX],
}

impl Default for Notes {
    fn default() -> Self {
        Notes {
            order: HappensBefore::default(),
            fingerprint: Fingerprint::default(),
            values: Vec::new(),
            identities: [0; TASKS_MAX],
        }
    }
}

/// How the traces are looked for.
#[derive(Clone, Copy)]
enum Search {
    Plain,
    Reduced,
}

/// Watches what another explorer makes, so that the trace can be read.
struct Watched {
    inner: Box<dyn Explorer>,
    notes: Rc<RefCell<Notes>>,
}

impl Explorer for Watched {
    fn begin(&mut self) -> bool {
        let mut notes = self.notes.borrow_mut();
        notes.order.restart(0);
        notes.fingerprint.clear();
        notes.values.clear();
        self.inner.begin()
    }
    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        self.inner.choose_task(offer)
    }
    fn choose_value(&mut self, task: usize, count: u32) -> u32 {
        let value = self.inner.choose_value(task, count);
        let mut notes = self.notes.borrow_mut();
        let identity = notes.identities[task];
        notes.values.push((identity, value));
        notes.fingerprint.chose(task, value);
        value
    }
    fn performed(&mut self, step: &Performed<'_>) {
        self.inner.performed(step);
        let mut notes = self.notes.borrow_mut();
        let past = notes.order.knows(step).past;
        notes.order.add(step, &past);
        notes.fingerprint.performed(step);
    }
    fn spawned(&mut self, task: usize, child: usize, identity: u64) {
        self.inner.spawned(task, child, identity);
        let mut notes = self.notes.borrow_mut();
        notes.order.spawned(task, child);
        notes.fingerprint.spawned(child, identity);
        notes.identities[child] = identity;
    }
    fn time_passed(&mut self, task: usize) {
        self.inner.time_passed(task);
        let mut notes = self.notes.borrow_mut();
        notes.order.time_passed(task);
        notes.fingerprint.time_passed(task);
    }
    fn stuck(&mut self, tasks: &[Task]) {
        self.inner.stuck(tasks);
    }
    fn widen(&mut self) -> Option<Box<dyn Explorer>> {
        if let Some(wide) = self.inner.widen() {
            self.inner = wide;
        }
        None
    }
    fn of_tree(&mut self) -> Option<&mut dyn OfTree> {
        self.inner.of_tree()
    }
}

/// The traces of a program with how often each was met; `None` if there are more executions than `most`.
fn traces(program: &Program, search: Search, most: usize) -> Option<BTreeMap<Canonical, u64>> {
    let notes = Rc::new(RefCell::new(Notes::default()));
    let inner: Box<dyn Explorer> = match search {
        Search::Plain => Box::new(Plain::new(None)),
        Search::Reduced => Box::new(Exhaustive::new()),
    };
    let mut tree = Tree::whole();
    let explorer = Box::new(Watched { inner, notes: Rc::clone(&notes) });
    let mut execution = Execution::new(explorer, STEPS_MAX, None);
    let body = body(program);
    let mut found = BTreeMap::new();
    let mut begun = 0;
    loop {
        if let Some(engine) = execution.explorer.of_tree() {
            let Some(branch) = tree.next() else { break };
            engine.set_branch(branch);
        }
        if !execution.explorer.begin() {
            break;
        }
        begun += 1;
        if begun > most {
            return None;
        }
        execution = stack::run(execution, &Check::default(), &body);
        let ending = execution.ending.take().expect("an execution has an ending");
        let stuck = !matches!(ending, Ending::Completed);
        let end = match ending {
            Ending::Completed => {
                std::mem::take(&mut execution.finishers).into_iter().map(|each| each()).collect()
            }
            // Numbers of tasks depend on the schedule, and with them the order of the lines.
            Ending::Violation(kind, text) => {
                let mut lines: Vec<&str> = text.lines().collect();
                lines.sort_unstable();
                format!(
                    "{kind}: {}",
                    if program.spawns() { String::new() } else { lines.join("; ") }
                )
            }
            Ending::DoesNotFit(why) => why,
            Ending::Cut | Ending::NeedsOrderings => unreachable!("there is no bound"),
        };
        if let Some(engine) = execution.explorer.of_tree() {
            tree.made(engine.take_made());
        }
        *found.entry(canonical(&notes.borrow(), end, stuck)).or_default() += 1;
    }
    Some(found)
}

fn canonical(notes: &Notes, end: String, stuck: bool) -> Canonical {
    // Values of one task stay in order; those of different tasks have none.
    let mut values = notes.values.clone();
    values.sort_by_key(|(identity, _)| *identity);
    let name = |event: &Event<TASKS_MAX>| {
        let known = (0..TASKS_MAX).filter(|task| event.clock.get(*task) > 0);
        let past = known.fold(0u64, |sum, task| {
            sum.wrapping_add(mix(notes.identities[task], u64::from(event.clock.get(task))))
        });
        mix(mix(notes.identities[event.task], u64::from(event.number)), past)
    };
    let mut steps: Vec<u64> = notes.order.events().iter().map(name).collect();
    steps.sort_unstable();
    Canonical { end, stuck, values, steps, number: notes.fingerprint.value() }
}
