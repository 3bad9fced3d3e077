//! The calling rules: which programs make sense.
//!
//! A program that breaks one is refused before it runs, with the step and the rule: what it did would be its own
//! mistake and not the machinery's. Rules look at the order of steps alone. What depends on how a run goes, as whether a
//! node is still there, is no rule: such a step then does nothing.

mod events;
mod shape;
mod walk;

use std::fmt;

pub(crate) use events::{holds_read_lock, only_reads};
pub(crate) use walk::Walk;

use crate::program::{NodeId, Party, Program};

/// A calling rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Each step has those who may take it.
    Taker,
    /// A write section is begun outside of one, and ended by who began it.
    SectionsAreWhole,
    /// The graph is changed, and unrefs are scheduled, in a write section.
    ChangesInSections,
    /// Nobody polls or waits in a write section: the main loop would wait for readers that wait for it.
    NoPollInSection,
    /// A drained section is ended by who began it, once.
    DrainsAreWhole,
    /// In a drained section nobody waits for something that may need a request.
    NoWaitWhileDrained,
    /// A request is deferred to a list.
    RequestsAreDeferredToAList,
    /// A read lock is taken once and left by who took it.
    ReadLocksAreWhole,
    /// No request, drain, job or pause point under the read lock: a writer may be waiting for it, and they for the
    /// writer.
    NoRequestUnderReadLock,
    /// A coroutine's drained section, or its job, is ended by it, and does not contain another or a request.
    OneActivityAtATime,
    /// A task drops, drains or works on what it has a reference to.
    HoldsWhatItUses,
    /// A task names nodes that are there when the program begins: what comes later it reaches through their children.
    TasksNameWhatIsThere,
    /// Nobody moves from or to a loop that is stopped, or waits there: the stop waits for who lives on it.
    NobodyComesToAStoppedLoop,
    /// Bottom halves and commands do not post each other for ever.
    CallbacksEnd,
    /// An event is signalled by one step of the main loop or a task.
    EventsAreSignalledOnce,
    /// No two tasks wait for each other's events.
    EventsComeInOrder,
    /// Who holds the read lock waits for readers alone: for a task that does nothing else before it signals.
    HoldersWaitForReadersOnly,
    /// An image is opened elsewhere once at a time, and closed by who opened it.
    StrangersCloseWhatTheyOpened,
    /// A node has the edges of its driver, each once, and nobody is below himself.
    Shape,
    /// What is there at the beginning gets along.
    BeginningGetsAlong,
    /// A node that is opened later is opened by the main loop, and an overlay not in a drained section.
    Opening,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 21] = [
        Rule::Taker,
        Rule::SectionsAreWhole,
        Rule::ChangesInSections,
        Rule::NoPollInSection,
        Rule::DrainsAreWhole,
        Rule::NoWaitWhileDrained,
        Rule::RequestsAreDeferredToAList,
        Rule::ReadLocksAreWhole,
        Rule::NoRequestUnderReadLock,
        Rule::OneActivityAtATime,
        Rule::HoldsWhatItUses,
        Rule::TasksNameWhatIsThere,
        Rule::NobodyComesToAStoppedLoop,
        Rule::CallbacksEnd,
        Rule::EventsAreSignalledOnce,
        Rule::EventsComeInOrder,
        Rule::HoldersWaitForReadersOnly,
        Rule::StrangersCloseWhatTheyOpened,
        Rule::Shape,
        Rule::BeginningGetsAlong,
        Rule::Opening,
    ];

    /// The rule in words, for who broke it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Rule::Taker => "who takes a step may take it",
            Rule::SectionsAreWhole => {
                "a write section is begun outside of one, and `unlock`ed by who began it"
            }
            Rule::ChangesInSections => {
                "the graph is changed, and unrefs are scheduled, between `write-lock` and `unlock`"
            }
            Rule::NoPollInSection => {
                "nobody polls or waits between `write-lock` and `unlock`: readers would wait for it"
            }
            Rule::DrainsAreWhole => "a drained section is ended by who began it, once",
            Rule::NoWaitWhileDrained => {
                "in a drained section nobody waits: what it waits for may need a request"
            }
            Rule::RequestsAreDeferredToAList => {
                "a request is deferred where `deferral` is `\"list\"`: a bottom half is run by any poll, also by one in a \
                 drained section, which keeps the request away"
            }
            Rule::ReadLocksAreWhole => "a read lock is taken once, and left by who took it",
            Rule::NoRequestUnderReadLock => {
                "no request, drain, job or pause point under the read lock: a writer waits for the lock, and they for \
                 the writer"
            }
            Rule::OneActivityAtATime => {
                "a coroutine's drained section or job is ended by it, and contains no other, no request and no wait"
            }
            Rule::HoldsWhatItUses => {
                "a task drops, drains and works on what it `holds`, each reference once"
            }
            Rule::TasksNameWhatIsThere => {
                "a task names nodes that are there when the program begins; what comes later it reaches through their \
                 children"
            }
            Rule::NobodyComesToAStoppedLoop => {
                "nobody moves from or to a loop that is stopped, or waits there, and it is stopped once"
            }
            Rule::CallbacksEnd => {
                "bottom halves and commands do not post each other, or themselves, for ever"
            }
            Rule::EventsAreSignalledOnce => {
                "an event is signalled by exactly one step, of the main loop or a task: callbacks may never run"
            }
            Rule::EventsComeInOrder => "no two wait for each other's events",
            Rule::HoldersWaitForReadersOnly => {
                "who holds the read lock waits for readers alone: for a task that does nothing but take the read lock, \
                 look and post before it signals"
            }
            Rule::StrangersCloseWhatTheyOpened => {
                "an image is opened elsewhere once at a time, and closed by who opened it"
            }
            Rule::Shape => "a node has the edges of its driver, each once, and is not below itself",
            Rule::BeginningGetsAlong => "what is there at the beginning gets along",
            Rule::Opening => {
                "a node is opened that is not there, and an overlay by the main loop outside drained sections"
            }
        }
    }
}

/// A part of a program that a rule is about, if it is not about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A node.
    Node(NodeId),
    /// Who takes steps.
    Party(Party),
}

/// A rule that a program breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// Whose step, from 0; `None` if it is not about a step.
    pub step: Option<(Party, usize)>,
    /// What it is about, if not about a step; `None` if it is about all of the program.
    pub part: Option<Part>,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.found, self.rule.text())
    }
}

/// Checks all rules.
///
/// # Errors
/// With the first that is broken.
pub fn check(program: &Program) -> Result<(), Broken> {
    shape::check(program)?;
    for (party, _, steps) in program.parties() {
        walk::check(program, party, steps)?;
    }
    events::check(program)
}

/// What a task holds, and whether it is a thread without a loop.
fn is_thread(program: &Program, party: Party) -> bool {
    match party {
        Party::Task(task) => program.tasks[task.0].place == crate::program::Place::Thread,
        _ => false,
    }
}
