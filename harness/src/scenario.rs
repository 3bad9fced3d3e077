//! What is checked: a body with parameters, its properties, and the cases it must reach.
//!
//! A scenario knows no engine. The same value is handed to the deterministic engine, to loom and
//! to real threads by the crates that hold the code under test on that backend.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::outcome::BrokenProperty;
use crate::schedule::Schedule;

/// What a property says about the executions of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Holds at every place where it is looked at, in every execution.
    Always,
    /// Seen in at least one execution. Never seeing it makes the run blind.
    Sometimes,
    /// Comes true in every maximal execution. Waiting for ever breaks it.
    Eventually,
}

/// A named statement about a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Its name, as in `docs/PROPERTIES.md`.
    pub name: &'static str,
    /// In which executions it must hold.
    pub expect: Expect,
}

impl Property {
    /// A property that holds in every execution.
    #[must_use]
    pub const fn always(name: &'static str) -> Self {
        Property { name, expect: Expect::Always }
    }

    /// A property that is seen in some execution. It is reached by `reached!` under its own name.
    #[must_use]
    pub const fn sometimes(name: &'static str) -> Self {
        Property { name, expect: Expect::Sometimes }
    }

    /// A property that comes true in every execution that is not cut off.
    #[must_use]
    pub const fn eventually(name: &'static str) -> Self {
        Property { name, expect: Expect::Eventually }
    }
}

std::thread_local! {
    static SILENCED: Cell<&'static [&'static str]> = const { Cell::new(&[]) };
}

/// From here on these properties are not looked at on this thread: [`Check::silenced`], for the door of another engine.
pub fn silence(properties: &'static [&'static str]) {
    SILENCED.set(properties);
}

/// Breaks the property `name` unless `holds`; `values` says what was seen. Does nothing where the property is silenced.
///
/// # Panics
/// With a [`BrokenProperty`], which every engine reports as a violation of that property.
#[track_caller]
pub fn always(name: &'static str, holds: bool, values: impl fmt::Display) {
    if !holds && !SILENCED.get().contains(&name) {
        std::panic::panic_any(BrokenProperty { property: name, values: values.to_string() });
    }
}

/// The numbers in a scenario's name: `readers=2, sections=1`.
#[derive(Clone, Copy, Debug)]
pub struct Parameters(pub &'static [(&'static str, u64)]);

impl Parameters {
    /// The value of a parameter.
    ///
    /// # Panics
    /// If the scenario has no such parameter: scenario and body were written apart.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.find(name).unwrap_or_else(|| panic!("the scenario has no parameter `{name}`: {self}"))
    }

    /// The value of a parameter, if the scenario has it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u64> {
        let found = self.0.iter().find(|(each, _)| *each == name);
        found.map(|(_, value)| *value)
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// On which engines a scenario runs, and within which bounds there.
#[derive(Clone, Copy, Debug)]
pub struct Engines {
    /// On the deterministic engine: `Some(true)` must be complete in the quick profile,
    /// `Some(false)` may end in `BudgetSpent` and says so.
    pub harness: Option<bool>,
    /// On loom, with this preemption bound in the quick profile; `Err` says why not.
    pub loom: Result<u8, &'static str>,
    /// On real threads, this many times; 0 is not at all.
    pub std: u32,
}

/// A body with parameters, what must hold in it and what it must reach.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name without parameters, named by the meeting: `reader_meets_writer`.
    pub name: &'static str,
    /// Its parameters, part of its full name.
    pub parameters: Parameters,
    /// What it shows, in one sentence.
    pub about: &'static str,
    /// What must hold.
    pub properties: &'static [Property],
    /// The written cases it must reach, if nothing is planted.
    pub cases: &'static [&'static str],
    /// Where it runs.
    pub engines: Engines,
    /// The body. It spawns tasks through the door of its build and names the final state by
    /// the door's `model::finish`.
    pub body: fn(&Parameters),
}

impl Scenario {
    /// The body with its parameters, as it is checked.
    #[must_use]
    pub fn as_body(&self) -> Arc<dyn Fn() + Send + Sync> {
        let (body, parameters) = (self.body, self.parameters);
        Arc::new(move || body(&parameters))
    }

    /// Name and parameters: `reader_meets_writer[readers=1,sections=1,writes=1]`.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.parameters.0.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}[{}]", self.name, self.parameters)
        }
    }
}

/// A protection of the code under test that can be turned off, and who must notice.
#[derive(Clone, Copy, Debug)]
pub struct PlantedBug {
    /// The mutation's id, as at its site.
    pub mutation: &'static str,
    /// What it models: a commit, a claim, a hazard or an ordering.
    pub models: &'static str,
    /// The full name of the scenario that must find it.
    pub scenario: &'static str,
    /// The engine that must find it.
    pub engine: PlantedBugEngine,
    /// Within how many executions.
    pub budget: u64,
    /// As what it must show.
    pub symptom: crate::outcome::ViolationKind,
}

/// The engine that a planted bug is handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBugEngine {
    /// The deterministic engine, exhaustively.
    Harness,
    /// loom, with this preemption bound.
    Loom(u8),
}

/// How a body is to be checked. One value for all backends; each ignores what it has not.
#[derive(Clone, Debug)]
pub struct Check {
    /// Which interleavings.
    pub strategy: Strategy,
    /// Stop after so many executions, in `BudgetSpent`.
    pub executions_max: Option<u64>,
    /// Stop after so much time, in `BudgetSpent`.
    pub time_max: Option<Duration>,
    /// An execution of more steps is a livelock.
    pub steps_max: u64,
    /// Only interleavings with at most so many preemptions, one schedule after the other, without the reduction; if
    /// that leaves anything out, the verdict is `BudgetSpent`.
    pub preemptions_max: Option<u8>,
    /// Executions are cut after so many steps; if any was, the verdict is `BudgetSpent`.
    pub depth_max: Option<u64>,
    /// Go on after a violation, and count them.
    pub keep_going: bool,
    /// Threads that search at a time. The report does not depend on it. The body must share nothing between
    /// executions.
    pub jobs: NonZeroUsize,
    /// Explore only this part of the tree of executions.
    pub shard: Option<Shard>,
    /// Where the state of the search is kept, to go on from it.
    pub checkpoint: Option<Checkpoint>,
    /// Execute each schedule twice and compare the choices offered.
    pub twice: bool,
    /// Let stores weaker than `SeqCst` come later than their task's next loads, as on x86 (TSO). A schedule fits only with
    /// the same value.
    pub store_buffers: bool,
    /// At most so many times in an execution a wait ends although nobody ended it: spuriously, or by time while others can
    /// act. Sampling draws when; a schedule fits only with the same value. The exhaustive search has none.
    pub surprises: u32,
    /// The planted bug that is on, or several, joined by `+`.
    pub mutation: Option<&'static str>,
    /// Properties that are not looked at: to see which others notice a planted bug.
    pub silenced: &'static [&'static str],
}

impl Default for Check {
    fn default() -> Self {
        Check {
            strategy: Strategy::Exhaustive,
            executions_max: None,
            time_max: None,
            steps_max: 20_000,
            preemptions_max: None,
            depth_max: None,
            keep_going: false,
            jobs: NonZeroUsize::MIN,
            shard: None,
            checkpoint: None,
            twice: false,
            store_buffers: false,
            surprises: 0,
            mutation: None,
            silenced: &[],
        }
    }
}

/// One of several parts of a search that share nothing; together they are the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which one, from 1.
    pub number: u32,
    /// How many there are.
    pub count: u32,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

/// A file that holds the state of a search.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// What is searched: a file of something else is refused.
    pub label: String,
    /// How often it is written. It is written at the end, too.
    pub every: Duration,
    /// Go on from it. If it does not exist, that is an error.
    pub resume: bool,
}

/// Which interleavings are executed.
#[derive(Clone, Debug)]
pub enum Strategy {
    /// All of them.
    Exhaustive,
    /// `runs` sampled ones, after one that shows how much each task does; run `i` draws from stream `i` of the ChaCha8
    /// generator `seed`.
    Sample {
        /// How each run is drawn.
        sampling: Sampling,
        /// Seeds the generator.
        seed: u64,
        /// The first run's index.
        first: u64,
        /// How many runs.
        runs: u64,
    },
    /// The recorded one. After its last choice the lowest task goes on, and so it does from
    /// the first choice that is not offered, unless `strict`: then that is an error.
    Replay {
        /// The recorded choices.
        schedule: Schedule,
        /// Whether the schedule must fit exactly.
        strict: bool,
    },
}

/// How a run is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// Several of the others in turn: what one of them finds late or never, another finds soon.
    #[default]
    Portfolio,
    /// At each step everybody who can act is equally likely.
    Walk,
    /// Random priorities that change at one step fewer than this number.
    Pct(u32),
    /// Random priorities of steps, drawn anew for steps that conflict with the one taken (POS).
    PartialOrder,
    /// Each order of all accesses is equally likely, if tasks do not decide by what they see (URW).
    Uniform,
    /// The same for the accesses to one object, which is drawn for each run (SURW).
    SelectivelyUniform,
}

impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sampling::Portfolio => f.write_str("portfolio"),
            Sampling::Walk => f.write_str("walk"),
            Sampling::Pct(depth) => write!(f, "pct{depth}"),
            Sampling::PartialOrder => f.write_str("pos"),
            Sampling::Uniform => f.write_str("urw"),
            Sampling::SelectivelyUniform => f.write_str("surw"),
        }
    }
}

impl FromStr for Sampling {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let depth = word.strip_prefix("pct").and_then(|depth| depth.parse().ok());
        match (word, depth) {
            ("portfolio", _) => Ok(Sampling::Portfolio),
            ("walk", _) => Ok(Sampling::Walk),
            (_, Some(depth @ 1..=1_000)) => Ok(Sampling::Pct(depth)),
            ("pos", _) => Ok(Sampling::PartialOrder),
            ("urw", _) => Ok(Sampling::Uniform),
            ("surw", _) => Ok(Sampling::SelectivelyUniform),
            _ => Err("expected portfolio, walk, pct1 to pct1000, pos, urw or surw".to_owned()),
        }
    }
}
