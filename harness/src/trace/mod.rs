//! The steps of one execution as a value, from which it is drawn: in lanes for a terminal, as a page for a browser.
//!
//! | file | |
//! | --- | --- |
//! | `causality` | what happens before what, and what ends whose wait |
//! | `fold` | which rows are drawn, and which are folded |
//! | `lanes` | the drawing for a terminal |
//!
//! An engine gives rows and, where something is wrong, the [`Ending`]; all else is derived, so the drawings of all
//! engines are the same. `docs/TRACE.md` explains how to read them.
//!
//! # Invariants
//! * Rows stand in the order of the execution. Tasks, and rows as others refer to them, are numbers from 0.
//! * Names are given by the code or made from what is the same in every interleaving: the same schedule gives the same
//!   value.

mod causality;
mod fold;
mod lanes;

use serde::{Deserialize, Serialize};

pub use causality::{Causality, Link, LinkKind};
pub use fold::{Line, fold};
pub use lanes::{Lanes, Tone};

/// How many rows a drawing should have at most: a person reads them all.
pub const ROWS_MAX: usize = 40;

/// What kind of step a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Reads a shared value.
    Read,
    /// Writes a shared value.
    Write,
    /// Reads and writes a shared value in one step.
    Update,
    /// Takes a lock.
    Lock,
    /// Tries to take a lock, and could not.
    Refused,
    /// Gives a lock back.
    Unlock,
    /// Gives a lock back and begins to wait.
    Sleep,
    /// Wakes whoever waits, or nobody.
    Notify,
    /// Goes on after a wait: woken, unparked, or its time is up.
    Resume,
    /// Orders the task's own steps.
    Fence,
    /// Begins another task.
    Spawn,
    /// The task's body has returned.
    End,
    /// Has waited for the end of another task.
    Join,
    /// A choice of data, or a surprise.
    Choice,
    /// A written case of the protocol was reached.
    Case,
    /// What the code says it does, in the words of the protocol.
    Say,
    /// An activity begins, inside of which other rows stand.
    Begin,
    /// The newest activity of the task ends.
    Finish,
    /// A protection is turned off here: a planted bug.
    Planted,
    /// It broke something: a property, a panic, a race.
    Broken,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Who waits in a queue of the protocol.
    Queue,
    /// A node of the graph: its state.
    Node,
    /// An edge of the graph, `parent.name`: the child.
    Edge,
    /// Who has an image open, and how.
    Image,
    /// Anything else worth to be seen beside.
    Other,
}

/// A state beside the values of objects: it holds from the row on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is about.
    pub topic: Topic,
    /// Its name.
    pub name: String,
    /// What it is now. Empty: it is gone.
    pub value: String,
}

/// One row of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The number of the task whose step it is.
    pub task: usize,
    /// What kind of step.
    pub kind: Kind,
    /// The step in the words of the protocol: `has_writer := 1`.
    pub text: String,
    /// `file:line` of the step; empty where there is none.
    pub location: String,
    /// The name of the object it is about, if there is one.
    pub object: Option<String>,
    /// The mutex that a sleeper gives back.
    pub mutex: Option<String>,
    /// The value that it read, or left there. For a lock: who has it afterwards.
    pub value: Option<String>,
    /// The tasks that it wakes, spawns, or has waited for.
    pub others: Vec<usize>,
    /// What it changes beside.
    pub changes: Vec<Change>,
}

impl Row {
    /// The file's own name and the line: `writer.rs:97`.
    #[must_use]
    pub fn place(&self) -> &str {
        self.location.rsplit('/').next().unwrap_or(&self.location)
    }

    /// A row that is about no object and concerns nobody else.
    #[must_use]
    pub fn new(task: usize, kind: Kind, text: String, location: String) -> Self {
        Row {
            task,
            kind,
            text,
            location,
            object: None,
            mutex: None,
            value: None,
            others: Vec::new(),
            changes: Vec::new(),
        }
    }
}

/// Who cannot go on at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The task.
    pub task: usize,
    /// What it waits for, held by whom: `waits for list_lock, held by main`.
    pub text: String,
    /// Why nothing ends that, if it is known: `nobody will notify it`.
    pub why: String,
    /// `file:line` of the wait.
    pub location: String,
    /// The row from which on it waits: its last one.
    pub since: Option<usize>,
    /// The activities that it is in, outermost first: what, and the row in which it began.
    pub within: Vec<(String, usize)>,
}

impl Waiting {
    /// A task that waits, since whenever and within whatever.
    #[must_use]
    pub fn new(task: usize, text: String, why: &str, location: String) -> Self {
        let why = why.to_owned();
        Waiting { task, text, why, location, since: None, within: Vec::new() }
    }
}

/// How an execution ended that broke something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// What happened, in the words of the violation's message without its lines on waits: kind, property, values.
    pub what: String,
    /// The property that is broken, if it is one.
    pub property: Option<String>,
    /// Who waits for what, if that is what is wrong.
    pub waits: Vec<Waiting>,
    /// Who still waits in a queue of the protocol: its name, and who.
    pub queues: Vec<(String, String)>,
}

/// All steps of one execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The tasks' names, by number.
    pub tasks: Vec<String>,
    /// The steps, in order.
    pub rows: Vec<Row>,
    /// What is wrong at the end.
    pub ending: Ending,
}

impl Trace {
    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Drawn in lanes that fit `width` columns, in [`ROWS_MAX`] rows if that can be, without emphasis.
    #[must_use]
    pub fn lanes(&self, width: usize) -> String {
        Lanes::new(self, width, ROWS_MAX).text()
    }

    /// What was changed beside in the first `rows` rows: by topic and name, without what is gone.
    #[must_use]
    pub fn states_after(&self, rows: usize) -> std::collections::BTreeMap<(Topic, &str), &str> {
        let mut states = std::collections::BTreeMap::new();
        for change in self.rows.iter().take(rows).flat_map(|row| &row.changes) {
            let key = (change.topic, change.name.as_str());
            if change.value.is_empty() {
                states.remove(&key);
            } else {
                states.insert(key, change.value.as_str());
            }
        }
        states
    }
}

/// What an object is called that nobody has named: its kind, and the line that made it.
#[must_use]
pub fn unnamed(kind: &str, made_at: &std::panic::Location<'_>) -> String {
    let file = made_at.file().rsplit('/').next().unwrap_or("?");
    format!("{kind}@{file}:{}", made_at.line())
}

/// A place in the source to read: `file:line`, with `a/../` taken out of the path.
#[must_use]
pub fn place(at: &std::panic::Location<'_>) -> String {
    crate::outcome::Place::of(at).to_string()
}
