//! What a run of an engine ends in: values, from which text and exit codes are rendered.
//!
//! No text of this module is ever parsed again. Whoever wants to know *what* went wrong reads
//! [`ViolationKind`], whoever wants to show it uses [`std::fmt::Display`].

mod lengths;
mod place;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use lengths::{LengthBucket, Lengths};
pub use place::Place;

use crate::schedule::Schedule;
use crate::trace::Trace;

/// What was shown by one run of one engine over one body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// Every interleaving within the stated bound was executed and none broke a property.
    Complete,
    /// An interleaving broke a property; it is the value inside.
    Violation(Box<Violation>),
    /// The engine stopped at a limit before it was through. Nothing was found so far.
    BudgetSpent(Limit),
    /// The same schedule offered different choices when it was executed again.
    NotDeterministic(String),
    /// The check could not have failed: a declared case was never reached, or there was
    /// only one interleaving, or a planted bug survived.
    HarnessBlind(String),
}

impl Verdict {
    /// The exit code of a program that ends with this verdict. 2 is kept for usage errors.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Verdict::Complete => 0,
            Verdict::Violation(_) => 1,
            Verdict::BudgetSpent(_) => 3,
            Verdict::NotDeterministic(_) => 4,
            Verdict::HarnessBlind(_) => 5,
        }
    }

    /// The violation, if this is one.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Verdict::Violation(violation) => Some(violation),
            _ => None,
        }
    }

    /// One word for a table.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Complete => "complete",
            Verdict::Violation(_) => "violation",
            Verdict::BudgetSpent(_) => "budget spent",
            Verdict::NotDeterministic(_) => "not deterministic",
            Verdict::HarnessBlind(_) => "blind",
        }
    }
}

/// The limit at which an engine stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// The number of executions that was asked for.
    Executions(u64),
    /// The time that was given.
    Time(Duration),
    /// Executions longer than this number of steps were cut.
    Steps(u64),
    /// Schedules with more preemptions than this were left out.
    Preemptions(u8),
    /// Somebody interrupted it.
    Interrupted,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Executions(count) => write!(f, "{count} executions"),
            Limit::Time(time) => write!(f, "{} ms", time.as_millis()),
            Limit::Steps(count) => write!(f, "{count} steps in one execution"),
            Limit::Preemptions(count) => write!(f, "{count} preemptions in one execution"),
            Limit::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// What kind of failure an interleaving showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ViolationKind {
    /// A task panicked.
    Panic,
    /// A named property does not hold.
    Property,
    /// Tasks wait for each other and none can go on.
    Deadlock,
    /// The body has ended and tasks are left that nobody will ever wake.
    LeakedTask,
    /// No task ended within the limit of steps.
    Livelock,
    /// Two accesses to a cell that no declared ordering separates, one of them a write.
    DataRace,
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ViolationKind::Panic => "panic",
            ViolationKind::Property => "property broken",
            ViolationKind::Deadlock => "deadlock",
            ViolationKind::LeakedTask => "leaked task",
            ViolationKind::Livelock => "livelock",
            ViolationKind::DataRace => "data race",
        })
    }
}

/// One interleaving that broke something, with all that is needed to see it again.
///
/// Stored without its trace where it has a schedule: replaying that gives the same trace again, and it is much longer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "StoredViolation", from = "StoredViolation")]
pub struct Violation {
    /// The kind of failure.
    pub kind: ViolationKind,
    /// What happened, in one or more lines: the property and its values, or who waits for whom.
    pub message: String,
    /// The choices that lead there. Empty where the engine cannot give them (loom, real threads).
    pub schedule: Schedule,
    /// The steps of that execution. Empty where the engine cannot give them.
    pub trace: Trace,
    /// How small the schedule is, if it was made small.
    pub least: Option<Least>,
}

/// How few switches a schedule has that was made small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Least {
    /// Switches away from a task that could have gone on.
    pub preemptions: u32,
    /// All switches.
    pub switches: u32,
    /// Executions that were made to find it.
    pub executions: u64,
    /// Whether no schedule has fewer preemptions: all that do were executed. Else the budget was spent before.
    pub minimal: bool,
}

impl fmt::Display for Least {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Least { preemptions, switches, executions, minimal } = *self;
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        write!(
            f,
            "{preemptions} preemption{}, {switches} switch{}; ",
            plural(preemptions),
            if switches == 1 { "" } else { "es" }
        )?;
        if preemptions == 0 {
            f.write_str("fewer preemptions there are not")
        } else if minimal {
            write!(f, "with fewer preemptions nothing is broken (all such schedules were executed)")
        } else {
            write!(
                f,
                "perhaps fewer would do: the search for one ended after {executions} executions"
            )
        }
    }
}

/// A violation as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredViolation {
    kind: ViolationKind,
    message: String,
    schedule: Schedule,
    trace: Option<Trace>,
    least: Option<Least>,
}

impl From<Violation> for StoredViolation {
    fn from(violation: Violation) -> Self {
        let Violation { kind, message, schedule, trace, least } = violation;
        let trace = (schedule.choices.is_empty() && !trace.is_empty()).then_some(trace);
        StoredViolation { kind, message, schedule, trace, least }
    }
}

impl From<StoredViolation> for Violation {
    fn from(stored: StoredViolation) -> Self {
        let StoredViolation { kind, message, schedule, trace, least } = stored;
        Violation { kind, message, schedule, trace: trace.unwrap_or_default(), least }
    }
}

/// One pass of an engine that looks at a body more than once (loom: plain, load-as-RMW).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pass {
    /// What distinguishes this pass.
    pub name: String,
    /// Executions begun in it.
    pub executions: u64,
    /// Whether it went through all that its bound allows.
    pub complete: bool,
}

/// What one engine did with one body, and what it saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Which engine, in the words of the table: `harness exhaustive`, `loom`, `real threads`.
    pub engine: String,
    /// Under which memory model the statement holds.
    pub memory_model: Cow<'static, str>,
    /// What was shown.
    pub verdict: Verdict,
    /// Executions that ran to their end.
    pub executions: u64,
    /// Executions that were given up because all they could do had been done before. They show nothing and are
    /// counted apart. The deterministic engine begins none.
    pub redundant: u64,
    /// Steps in all executions together.
    pub steps: u64,
    /// The bound under which `Complete` is meant, if there is one: `preemptions <= 3`.
    pub bound: Option<String>,
    /// The passes, where there are several.
    pub passes: Vec<Pass>,
    /// How many executions reached each written case.
    pub cases: BTreeMap<String, u64>,
    /// How many executions ended in each final state.
    pub final_states: BTreeMap<String, u64>,
    /// How many executions broke something, by kind: more than one only where the search goes on.
    pub violations: BTreeMap<ViolationKind, u64>,
    /// How long the executions were. Empty where the engine does not count steps.
    pub lengths: Lengths,
    /// Where atomic operations and fences were executed, also by executions that are not counted. Empty where the engine
    /// does not see them.
    pub places: BTreeSet<Place>,
    /// How many executions there may be in all, where something is left or somebody wanted to see progress.
    pub estimate: Option<Estimate>,
    /// How many traces were met and how likely the next run meets another one, where some may be met more than once.
    pub saturation: Option<Saturation>,
    /// Of a replay that is not strict: the first choice, from 1, at which the schedule no longer fits the code.
    pub diverged: Option<usize>,
    /// How that came about, run by run with ever larger steps: where it becomes flat, nothing more is learned.
    pub curve: Vec<CurvePoint>,
    /// Wall time. Never part of a comparison.
    pub elapsed: Duration,
}

impl Report {
    /// A report of nothing yet, to be filled in: no executions, no bound, nothing seen.
    #[must_use]
    pub fn new(engine: &str, memory_model: &'static str, verdict: Verdict) -> Self {
        Report {
            engine: engine.to_owned(),
            memory_model: Cow::Borrowed(memory_model),
            verdict,
            executions: 0,
            redundant: 0,
            steps: 0,
            bound: None,
            passes: Vec::new(),
            cases: BTreeMap::new(),
            final_states: BTreeMap::new(),
            violations: BTreeMap::new(),
            lengths: Lengths::default(),
            places: BTreeSet::new(),
            estimate: None,
            saturation: None,
            diverged: None,
            curve: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }
}

/// How far a search has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Executions so far, with those before it was resumed.
    pub executions: u64,
    /// Executions in a second, since it was begun or resumed.
    pub rate: f64,
    /// How much of the whole is explored, below 1, as far as the estimate is right. It never runs backwards.
    pub explored: f64,
    /// How many executions there may be in all.
    pub estimate: Option<Estimate>,
    /// Time since it was begun or resumed.
    pub elapsed: Duration,
}

/// What the traces that were met say of those that were not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// Different traces.
    pub traces: u64,
    /// Whether that is their exact number; else it is a close estimate.
    pub exact: bool,
    /// How likely the next run is to meet a trace that was not met, from 0 to 1 (Good and Turing).
    pub next_is_new: f64,
}

/// What was known after so many runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Runs so far.
    pub runs: u64,
    /// Different cases of the protocol that they reached.
    pub cases: usize,
    /// The traces they met.
    #[serde(flatten)]
    pub saturation: Saturation,
}

impl Progress {
    /// That of an engine that makes one execution after the other: `most` of them, if that is known.
    #[must_use]
    pub fn counted(executions: u64, most: Option<u64>, elapsed: Duration) -> Self {
        let rate = executions as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let exactly = |most: u64| Estimate {
            traces: most as f64,
            low: most as f64,
            high: most as f64,
            probes: 0,
        };
        let estimate = most.map(exactly);
        let explored = estimate.map_or(0.0, |estimate| estimate.share(executions).min(1.0));
        Progress { executions, rate, explored, estimate, elapsed }
    }

    /// The time that is left at the rate so far, if there is an estimate.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let left = (self.estimate?.traces - self.executions as f64).max(0.0);
        Duration::try_from_secs_f64(left / self.rate).ok()
    }
}

/// How many executions a search may have, with an interval that is meant to hold the truth 95 times of 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The most likely number.
    pub traces: f64,
    /// The interval.
    pub low: f64,
    /// Its other end.
    pub high: f64,
    /// Nodes that were drawn at random on each level of the tree, over all passes.
    pub probes: u32,
}

impl Estimate {
    /// Which share of the whole so many executions are.
    #[must_use]
    pub fn share(&self, executions: u64) -> f64 {
        executions as f64 / self.traces
    }
}

impl Violation {
    /// A violation seen by an engine that can give neither schedule nor steps.
    #[must_use]
    pub fn without_trace(kind: ViolationKind, message: String) -> Self {
        let (schedule, trace) = (Schedule::default(), Trace::default());
        Violation { kind, message, schedule, trace, least: None }
    }
}

/// A named property that does not hold, thrown as a panic payload by
/// [`always`](crate::scenario::always) and recognised by every engine.
#[derive(Clone, Debug)]
pub struct BrokenProperty {
    /// The name of the property.
    pub property: &'static str,
    /// The values that show it.
    pub values: String,
}

impl fmt::Display for BrokenProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "property `{}` does not hold: {}", self.property, self.values)
    }
}

/// The name of the property that a panic payload says is broken.
pub(crate) fn broken_property(payload: &(dyn std::any::Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<BrokenProperty>().map(|broken| broken.property)
}

/// Turns a panic payload into the kind and message of a violation.
#[must_use]
pub fn describe_panic(payload: &(dyn std::any::Any + Send)) -> (ViolationKind, String) {
    if let Some(broken) = payload.downcast_ref::<BrokenProperty>() {
        (ViolationKind::Property, broken.to_string())
    } else if let Some(text) = payload.downcast_ref::<&str>() {
        (ViolationKind::Panic, (*text).to_owned())
    } else if let Some(text) = payload.downcast_ref::<String>() {
        (ViolationKind::Panic, text.clone())
    } else {
        (ViolationKind::Panic, "panic with a payload that is not text".to_owned())
    }
}
