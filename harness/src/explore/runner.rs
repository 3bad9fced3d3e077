//! Runs an engine over a body and says what was shown.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::Explorer;
use super::checkpoint::{CheckpointError, read_shard};
use super::maker::{Maker, Outcome, trace_of};
use super::plain::Plain;
use super::replay::Replay;
use super::sample::Sample;
use super::search::{EXECUTIONS_BETWEEN_LOOKS, ROUND, is_open, limit_reached, search};
use super::shard;
use super::totals::{Found, Totals};
use crate::execution;
use crate::outcome::{CurvePoint, Limit, Progress, Report, Verdict, Violation};
use crate::scenario::{Check, Strategy};
use crate::trace::Trace;

/// What the deterministic engine assumes of memory.
const MEMORY_MODEL: &str = "sequential consistency, data races by declared orderings (C11)";

const MEMORY_MODEL_TSO: &str = "x86 (TSO), data races by declared orderings (C11)";

/// The body of a check: it is called once for each execution.
pub type Body = Arc<dyn Fn() + Send + Sync>;

/// Who wants to be told, and who may interrupt.
#[derive(Clone, Copy, Default)]
pub struct Hooks<'a> {
    /// Set from elsewhere to end the search soon; what is left stays in the checkpoint.
    pub cancel: Option<&'a AtomicBool>,
    /// Called now and then by the thread that called [`check_with`]. Whether anybody watches changes neither what is
    /// executed nor what is found.
    pub progress: Option<&'a dyn Fn(&Progress)>,
    /// Whether an exhaustive search is estimated before it begins, and not only if it takes long.
    pub estimates_first: bool,
}

impl std::fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks { .. }")
    }
}

impl Hooks<'_> {
    /// Whether somebody wants the search to end.
    pub(crate) fn cancelled(&self) -> bool {
        self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }
}

/// Executes `body` as `check` asks and reports.
///
/// # Panics
/// If it is called from inside an execution, or a checkpoint cannot be used: [`check_with`] returns that.
#[must_use]
pub fn check(check: &Check, body: &Body) -> Report {
    check_with(check, body, &Hooks::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The same for who wants to see it go on, or to interrupt it.
///
/// # Errors
/// If the checkpoint cannot be read or written, or is of another search.
///
/// # Panics
/// If it is called from inside an execution, or asks for surprises in an exhaustive search.
pub fn check_with(
    check: &Check,
    body: &Body,
    hooks: &Hooks<'_>,
) -> Result<Report, CheckpointError> {
    assert!(!execution::is_inside(), "an execution cannot be started inside another one");
    assert!(
        check.surprises == 0 || !matches!(check.strategy, Strategy::Exhaustive),
        "the exhaustive search has no surprises: set `surprises` to 0, or sample"
    );
    let begun = Instant::now();
    let mut report = match (&check.strategy, check.preemptions_max) {
        (Strategy::Exhaustive, None) => exhaustive(check, body, hooks)?,
        (Strategy::Exhaustive, Some(most)) => {
            let mut report = one_by_one(check, body, hooks, Box::new(Plain::new(Some(most))));
            report.engine = "harness exhaustive".to_owned();
            report.bound = Some(format!("preemptions <= {most}"));
            report
        }
        (Strategy::Sample { sampling, seed, first, runs }, _) => {
            let sample = Sample::new(*sampling, *seed, *first, *runs);
            let sample = Box::new(sample.with_surprises(check.surprises));
            let mut report = one_by_one(check, body, hooks, sample);
            report.engine = format!("harness {sampling}");
            report.bound =
                Some(format!("runs {first}..{} of seed {seed}", first.saturating_add(*runs)));
            report
        }
        (Strategy::Replay { schedule, strict }, _) => {
            let replay = Box::new(Replay::new(schedule.clone(), *strict));
            let mut report = one_by_one(check, body, hooks, replay);
            report.engine = "harness replay".to_owned();
            report.bound = Some("one recorded schedule".to_owned());
            report
        }
    };
    if check.store_buffers {
        report.memory_model = MEMORY_MODEL_TSO.into();
    }
    report.elapsed = begun.elapsed();
    Ok(report)
}

/// Puts the checkpoints of all shards of the search `label` together, as if it had been one.
///
/// # Errors
/// If a file cannot be read or is of another search, or a shard is missing or there twice.
pub fn merge(
    files: &[PathBuf],
    label: &str,
    check: &Check,
    body: &Body,
) -> Result<Report, CheckpointError> {
    let begun = Instant::now();
    let shards: Result<Vec<_>, _> =
        files.iter().map(|path| read_shard(path, label, check)).collect();
    let ledger = shard::merge(shards?)?;
    let (totals, found) = ledger.sum(!check.keep_going);
    let limit = is_open(&ledger, check).then_some(Limit::Interrupted);
    let verdict = verdict(found, limit, &totals, check, body);
    let mut report = report(totals, verdict);
    report.elapsed = begun.elapsed();
    Ok(report)
}

fn exhaustive(check: &Check, body: &Body, hooks: &Hooks<'_>) -> Result<Report, CheckpointError> {
    let searched = search(check, body, hooks)?;
    let verdict = match searched.not_deterministic {
        Some(why) => Verdict::NotDeterministic(why),
        None => verdict(searched.found, searched.limit, &searched.totals, check, body),
    };
    let mut report = report(searched.totals, verdict);
    report.bound = check.shard.map(|shard| format!("shard {shard}"));
    report.estimate = searched.estimate;
    Ok(report)
}

/// What a search of the tree shows. Executions that were cut are a limit, too.
fn verdict(
    found: Option<Found>,
    limit: Option<Limit>,
    totals: &Totals,
    check: &Check,
    body: &Body,
) -> Verdict {
    let cut = check.depth_max.filter(|_| totals.cut > 0).map(Limit::Steps);
    match (found, limit.or(cut)) {
        (Some(found), _) => {
            let trace = trace_of(&found, check, body);
            violation(found, trace)
        }
        (None, Some(limit)) => Verdict::BudgetSpent(limit),
        (None, None) => Verdict::Complete,
    }
}

fn violation(found: Found, trace: Trace) -> Verdict {
    let Found { kind, message, schedule } = found;
    Verdict::Violation(Box::new(Violation { kind, message, schedule, trace, least: None }))
}

fn report(totals: Totals, verdict: Verdict) -> Report {
    Report {
        executions: totals.executions,
        steps: totals.steps,
        cases: totals.cases,
        final_states: totals.final_states,
        violations: totals.violations,
        lengths: totals.lengths,
        places: totals.places,
        ..Report::new("harness exhaustive", MEMORY_MODEL, verdict)
    }
}

/// How many executions an explorer that has no tree makes, if nothing ends it before.
fn most(check: &Check) -> Option<u64> {
    let drawn = match check.strategy {
        Strategy::Sample { runs, .. } => Some(runs),
        Strategy::Replay { .. } => Some(1),
        Strategy::Exhaustive => None,
    };
    drawn.into_iter().chain(check.executions_max).min()
}

/// Makes the executions of an explorer that has no tree, one after the other.
fn one_by_one(
    check: &Check,
    body: &Body,
    hooks: &Hooks<'_>,
    explorer: Box<dyn Explorer>,
) -> Report {
    let begun = Instant::now();
    let mut maker = Maker::new(check, body, explorer);
    let mut totals = Totals::default();
    let (mut first, mut curve) = (None, Vec::new());
    let mut told = begun;
    let verdict = loop {
        let executed = totals.executions + totals.cut;
        let through = check.executions_max.is_some_and(|most| executed >= most);
        if (through || executed.is_multiple_of(EXECUTIONS_BETWEEN_LOOKS))
            && let Some(limit) = limit_reached(check, hooks, executed, begun)
        {
            break Verdict::BudgetSpent(limit);
        }
        if executed.is_multiple_of(EXECUTIONS_BETWEEN_LOOKS)
            && told.elapsed() >= ROUND
            && let Some(progress) = hooks.progress
        {
            told = Instant::now();
            progress(&Progress::counted(executed, most(check), begun.elapsed()));
        }
        if !maker.explorer().begin() {
            break match check.strategy {
                Strategy::Sample { runs, .. } => Verdict::BudgetSpent(Limit::Executions(runs)),
                Strategy::Replay { .. } => Verdict::BudgetSpent(Limit::Executions(1)),
                Strategy::Exhaustive => match check.preemptions_max {
                    Some(most) if maker.explorer().cut() => {
                        Verdict::BudgetSpent(Limit::Preemptions(most))
                    }
                    _ => Verdict::Complete,
                },
            };
        }
        match maker.make(&mut totals) {
            Outcome::Fine => {}
            Outcome::Found(found) => {
                let trace = trace_of(&found, check, body);
                let found = violation(found, trace);
                if !check.keep_going {
                    break found;
                }
                first.get_or_insert(found);
            }
            Outcome::NotDeterministic(why) => break Verdict::NotDeterministic(why),
        }
        if is_on_curve(totals.executions + totals.cut) {
            mark(&mut curve, &mut maker, &totals);
        }
    };
    mark(&mut curve, &mut maker, &totals);
    let saturation = maker.explorer().saturation();
    let diverged = maker.explorer().diverged();
    Report { saturation, curve, diverged, ..report(totals, first.unwrap_or(verdict)) }
}

/// Points of a curve for each doubling of the runs: it stays short however long the sampling is.
const POINTS_PER_DOUBLING: u64 = 8;

fn is_on_curve(runs: u64) -> bool {
    runs.is_multiple_of((runs.next_power_of_two() / (2 * POINTS_PER_DOUBLING)).max(1))
}

/// Adds what is known by now to the curve, of an explorer that may meet a trace twice.
fn mark(curve: &mut Vec<CurvePoint>, maker: &mut Maker<'_>, totals: &Totals) {
    let runs = totals.executions + totals.cut;
    if let Some(saturation) = maker.explorer().saturation()
        && curve.last().is_none_or(|last| last.runs != runs)
    {
        curve.push(CurvePoint { runs, cases: totals.cases.len(), saturation });
    }
}
