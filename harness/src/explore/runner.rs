//! Runs an engine over a body and says what was shown.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use super::Explorer;
use super::exhaustive::Exhaustive;
use super::plain::Plain;
use super::random::Random;
use super::replay::Replay;
use super::tree::{Branch, Tree};
use crate::execution::ending::Ending;
use crate::execution::{Execution, stack};
use crate::outcome::{Limit, Report, Verdict, Violation, ViolationKind, describe_panic};
use crate::scenario::{Check, Strategy};
use crate::schedule::Schedule;

/// What the deterministic engine assumes of memory.
const MEMORY_MODEL: &str = "sequential consistency, data races by declared orderings (C11)";

/// The body of a check: it is called once for each execution.
pub type Body = Arc<dyn Fn() + Send + Sync>;

fn explorer(check: &Check) -> (Box<dyn Explorer>, String, Option<String>) {
    match (&check.strategy, check.preemptions_max) {
        (Strategy::Exhaustive, None) => {
            (Box::new(Exhaustive::new(Tree::new(Branch::default()))), "harness exhaustive".to_owned(), None)
        }
        (Strategy::Exhaustive, Some(most)) => (
            Box::new(Plain::new(Some(most))),
            "harness exhaustive".to_owned(),
            Some(format!("preemptions <= {most}")),
        ),
        (Strategy::Random { seed, first, runs }, _) => (
            Box::new(Random::new(*seed, *first, *runs)),
            "harness random walk".to_owned(),
            Some(format!("runs {first}..{} of seed {seed}", first.saturating_add(*runs))),
        ),
        (Strategy::Replay { schedule, strict }, _) => (
            Box::new(Replay::new(schedule.clone(), *strict)),
            "harness replay".to_owned(),
            Some("one recorded schedule".to_owned()),
        ),
    }
}

/// What the executions added up to so far.
#[derive(Default)]
struct Totals {
    executions: u64,
    redundant: u64,
    steps: u64,
    cases: BTreeMap<&'static str, u64>,
    final_states: BTreeMap<String, u64>,
}

/// Executes `body` as `check` asks and reports.
///
/// # Panics
/// If it is called from inside an execution.
#[must_use]
pub fn check(check: &Check, body: &Body) -> Report {
    let begun = Instant::now();
    let (explorer, engine, bound) = explorer(check);
    let mut execution = Execution::new(explorer, check.steps_max);
    execution.offers = check.twice.then(Vec::new);
    let mut totals = Totals::default();
    let verdict = loop {
        if let Some(limit) = limit_reached(check, &totals, begun) {
            break Verdict::BudgetSpent(limit);
        }
        if !execution.explorer.begin() {
            break match check.strategy {
                Strategy::Random { runs, .. } => Verdict::BudgetSpent(Limit::Executions(runs)),
                Strategy::Replay { .. } => Verdict::BudgetSpent(Limit::Executions(1)),
                Strategy::Exhaustive => Verdict::Complete,
            };
        }
        execution = stack::run(execution, check.mutation, body);
        let completed = totals.executions;
        if let Some(verdict) = account(&mut execution, &mut totals) {
            break verdict;
        }
        if check.twice
            && totals.executions > completed
            && let Some(difference) = execute_again(&execution, check, body)
        {
            break Verdict::NotDeterministic(difference);
        }
    };
    Report {
        engine,
        memory_model: MEMORY_MODEL,
        verdict,
        executions: totals.executions,
        redundant: totals.redundant,
        steps: totals.steps,
        bound,
        passes: Vec::new(),
        cases: totals.cases.into_iter().map(|(case, count)| (case.to_owned(), count)).collect(),
        final_states: totals.final_states,
        elapsed: begun.elapsed(),
    }
}

fn limit_reached(check: &Check, totals: &Totals, begun: Instant) -> Option<Limit> {
    let begun_executions = totals.executions + totals.redundant;
    if let Some(most) = check.executions_max
        && begun_executions >= most
    {
        return Some(Limit::Executions(most));
    }
    // The clock is dear beside an execution, so it is not read before each one.
    if let Some(most) = check.time_max
        && begun_executions.is_multiple_of(64)
        && begun.elapsed() >= most
    {
        return Some(Limit::Time(most));
    }
    None
}

/// Adds a finished execution to the totals. Some verdict: the search is over.
fn account(execution: &mut Execution, totals: &mut Totals) -> Option<Verdict> {
    totals.steps += execution.choices.len() as u64;
    let ending =
        execution.ending.take().expect("[harness internal bug] an execution without ending");
    let (kind, message) = match ending {
        Ending::DoesNotFit(why) => return Some(Verdict::NotDeterministic(why)),
        Ending::Violation(kind, message) => {
            totals.executions += 1;
            (kind, message)
        }
        Ending::Completed => {
            totals.executions += 1;
            for case in execution.cases.drain(..) {
                *totals.cases.entry(case).or_default() += 1;
            }
            match final_state(execution) {
                Ok(state) => {
                    *totals.final_states.entry(state).or_default() += 1;
                    return None;
                }
                Err(found) => found,
            }
        }
    };
    let closing = message.lines().map(str::to_owned).collect();
    Some(Verdict::Violation(Box::new(Violation {
        kind,
        message,
        schedule: Schedule { choices: execution.choices.clone() },
        trace: execution.trace(closing),
    })))
}

/// What the finishers say, joined. They run outside: nothing in them is scheduled.
fn final_state(execution: &mut Execution) -> Result<String, (ViolationKind, String)> {
    let finishers = std::mem::take(&mut execution.finishers);
    let run = AssertUnwindSafe(|| {
        let states: Vec<String> = finishers.into_iter().map(|finisher| finisher()).collect();
        states.join("; ")
    });
    panic::catch_unwind(run).map_err(|payload| describe_panic(&*payload))
}

/// Executes the same schedule once more and says where it offered something else.
fn execute_again(first: &Execution, check: &Check, body: &Body) -> Option<String> {
    let schedule = Schedule { choices: first.choices.clone() };
    let mut replay: Box<dyn Explorer> = Box::new(Replay::new(schedule, true));
    replay.begin();
    let mut second = Execution::new(replay, check.steps_max);
    second.offers = Some(Vec::new());
    let mut second = stack::run(second, check.mutation, body);
    if let Some(Ending::Completed) = second.ending
        && let Err((_, text)) = final_state(&mut second)
    {
        return Some(text);
    }
    let (Some(once), Some(again)) = (&first.offers, &second.offers) else {
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
            "choice {index} of the same schedule offered other steps when it was executed again: the body \
             depends on something other than its choices, such as the order of a HashMap, an address \
             or the time"
        )),
    }
}
