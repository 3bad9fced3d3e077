//! Makes one execution after the other, and says what came of each.

use std::sync::Arc;

use super::exhaustive::Exhaustive;
use super::replay::Replay;
use super::runner::Body;
use super::totals::{Found, Totals};
use super::tree::{Branch, Made};
use super::{DEPENDS_ON_MORE, Explorer, OfTree};
use crate::execution::buffer::Buffers;
use crate::execution::ending::Ending;
use crate::execution::{Execution, stack};
use crate::outcome::{Place, ViolationKind, broken_property, describe_panic};
use crate::scenario::Check;
use crate::schedule::Schedule;
use crate::trace::Trace;

/// What came of an execution.
pub(crate) enum Outcome {
    /// It is counted, and there is nothing wrong.
    Fine,
    /// It is counted, and it broke something.
    Found(Found),
    /// The body is not deterministic, and this shows it.
    NotDeterministic(String),
}

/// Executes a body, again and again.
pub(crate) struct Maker<'a> {
    check: &'a Check,
    /// Its own, so that workers do not share a reference count.
    body: Body,
    /// Not there only while it runs.
    execution: Option<Box<Execution>>,
}

impl<'a> Maker<'a> {
    /// A maker whose choices are this explorer's.
    pub(crate) fn new(check: &'a Check, body: &'a Body, explorer: Box<dyn Explorer>) -> Self {
        let mut execution = Execution::new(explorer, check.steps_max, check.depth_max);
        execution.offers = check.twice.then(Vec::new);
        execution.surprises = check.surprises;
        if check.store_buffers {
            execution.buffers = Buffers::new();
        }
        let shared = Arc::clone(body);
        let own: Body = Arc::new(move || shared());
        Maker { check, body: own, execution: Some(execution) }
    }

    /// A maker of executions of the tree.
    pub(crate) fn of_tree(check: &'a Check, body: &'a Body) -> Self {
        let mut maker = Maker::new(check, body, Box::new(Exhaustive::new()));
        if let Some(execution) = &mut maker.execution {
            execution.follows_orderings = check.twice;
        }
        maker
    }

    /// From here on executions are counted in other totals: what those lack is noted again.
    pub(crate) fn begin_part(&mut self) {
        self.execution.as_mut().expect("[harness internal bug] no execution").places.forget();
    }

    /// The explorer.
    pub(crate) fn explorer(&mut self) -> &mut dyn Explorer {
        &mut *self.execution.as_mut().expect("[harness internal bug] no execution").explorer
    }

    /// Makes the next execution of the explorer, which has begun it, and counts it.
    pub(crate) fn make(&mut self, totals: &mut Totals) -> Outcome {
        let execution = self.execution.take().expect("[harness internal bug] no execution");
        let mut execution = stack::run(execution, self.check, &self.body);
        if matches!(execution.ending, Some(Ending::NeedsOrderings)) {
            execution.follows_orderings = true;
            execution.explorer.begin();
            execution = stack::run(execution, self.check, &self.body);
        }
        let outcome = account(&mut execution, totals);
        let different = match outcome {
            Outcome::Fine if self.check.twice => execute_again(&execution, self.check, &self.body),
            _ => None,
        };
        self.execution = Some(execution);
        different.map_or(outcome, Outcome::NotDeterministic)
    }

    /// Makes the execution at the root of a branch, counts it, and gives its children.
    pub(crate) fn make_branch(&mut self, branch: Branch, totals: &mut Totals) -> (Outcome, Made) {
        self.engine().set_branch(branch);
        self.explorer().begin();
        let outcome = self.make(totals);
        (outcome, self.engine().take_made())
    }

    fn engine(&mut self) -> &mut dyn OfTree {
        self.explorer().of_tree().expect("[harness internal bug] this explorer has no tree")
    }

    /// The property that the execution that was made last has broken.
    pub(crate) fn broken(&self) -> Option<&'static str> {
        self.execution.as_ref()?.broken
    }
}

/// The steps of a violation that was found, by executing it again.
pub(crate) fn trace_of(found: &Found, check: &Check, body: &Body) -> Trace {
    let replay = Box::new(Replay::new(found.schedule.clone(), false));
    let mut maker = Maker::new(check, body, replay);
    maker.explorer().begin();
    let mut execution = maker.execution.take().expect("[harness internal bug] no execution");
    execution.records = true;
    execution = stack::run(execution, check, body);
    // What finishers say is known; they let go of what the body has left them.
    let _ = final_state(&mut execution);
    execution.trace(&found.message)
}

/// Adds a finished execution to the totals.
fn account(execution: &mut Execution, totals: &mut Totals) -> Outcome {
    let steps = execution.choices.len() as u64;
    totals.steps += steps;
    totals.places.extend(execution.places.take().map(Place::of));
    let ending =
        execution.ending.take().expect("[harness internal bug] an execution without ending");
    let (kind, message) = match ending {
        Ending::DoesNotFit(why) => return Outcome::NotDeterministic(why),
        Ending::NeedsOrderings => unreachable!("[harness internal bug] it follows the orderings"),
        Ending::Cut => {
            totals.cut += 1;
            return Outcome::Fine;
        }
        Ending::Violation(kind, message) => {
            totals.ended(steps);
            (kind, message)
        }
        Ending::Completed => {
            totals.ended(steps);
            for case in execution.cases.drain(..) {
                totals.reached(case);
            }
            match final_state(execution) {
                Ok(state) => {
                    if let Some(state) = state {
                        totals.ended_in(&state);
                    }
                    return Outcome::Fine;
                }
                Err(found) => found,
            }
        }
    };
    *totals.violations.entry(kind).or_default() += 1;
    let schedule = Schedule { choices: execution.choices.clone() };
    Outcome::Found(Found { kind, message, schedule })
}

/// What the finishers say, joined, if there are any. They run outside: nothing in them is scheduled.
fn final_state(execution: &mut Execution) -> Result<Option<String>, (ViolationKind, String)> {
    let finishers = std::mem::take(&mut execution.finishers);
    if finishers.is_empty() {
        return Ok(None);
    }
    let finished = stack::finishing(|| {
        let states: Vec<String> = finishers.into_iter().map(|finisher| finisher()).collect();
        Some(states.join("; "))
    });
    finished.map_err(|payload| {
        execution.broken = broken_property(&*payload);
        describe_panic(&*payload)
    })
}

/// Executes the same schedule once more and says where it offered something else.
fn execute_again(first: &Execution, check: &Check, body: &Body) -> Option<String> {
    let schedule = Schedule { choices: first.choices.clone() };
    let mut second = Maker::new(check, body, Box::new(Replay::new(schedule, true)));
    second.explorer().begin();
    let mut execution = second.execution.take().expect("[harness internal bug] no execution");
    execution = stack::run(execution, check, body);
    if let Some(Ending::Completed) = execution.ending
        && let Err((_, text)) = final_state(&mut execution)
    {
        return Some(text);
    }
    let (Some(once), Some(again)) = (&first.offers, &execution.offers) else {
        return None;
    };
    let shorter = once.len().min(again.len());
    let differs = (0..shorter).find(|index| once[*index] != again[*index]);
    match (differs, once.len() == again.len()) {
        (None, true) => None,
        (None, false) => {
            Some(format!("the same schedule had {} choices, then {}", once.len(), again.len()))
        }
        (Some(index), _) => Some(format!(
            "choice {index} of the same schedule offered other steps when it was executed again: {DEPENDS_ON_MORE}"
        )),
    }
}
