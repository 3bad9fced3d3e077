//! What a program consists of.
//!
//! Everything has a name in files and messages, and a number here: the place in its list.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::step::Step;

macro_rules! numbers {
    ($($(#[$about:meta])* $name:ident),* $(,)?) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub usize);
    )*};
}
numbers! {
    /// An image of a program.
    ImageId,
    /// A node of a program.
    NodeId,
    /// An I/O thread with its loop.
    LoopId,
    /// A task that is not the main loop's.
    TaskId,
    /// A kept bottom half.
    BottomHalfId,
    /// A command: steps that run on the main loop when somebody posts them.
    CommandId,
    /// Something that is signalled once.
    EventId,
}

/// What an image is open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reading alone.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// An image in memory, all zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name.
    pub name: &'static str,
}

/// What a node does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Nothing.
    Null,
    /// Hands on to an image.
    Storage {
        /// The image.
        image: ImageId,
        /// What it is opened for.
        mode: Mode,
    },
    /// What a guest does with the disk `root`.
    Device {
        /// Whether it writes.
        writes: bool,
    },
    /// Hands on to `file`.
    Raw,
    /// Copies to `target` what is overwritten in `file`.
    CopyBeforeWrite,
    /// Keeps in `file` what was written since, the rest is in `backing`.
    Overlay,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub driver: Driver,
    /// Whether it is there when the program begins; if not, a step may open it.
    pub open: bool,
    /// Its children when the program begins, with the names of the edges.
    pub children: Vec<(Edge, NodeId)>,
}

/// The name of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    /// A device's disk.
    Root,
    /// What a filter or a format stores in.
    File,
    /// What is below an overlay.
    Backing,
    /// Where a filter copies to.
    Target,
}

/// Where a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A coroutine of the main loop.
    Main,
    /// A coroutine of an I/O thread.
    Loop(LoopId),
    /// A thread without a loop.
    Thread,
}

/// A task beside the main loop's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub name: &'static str,
    /// Where it begins.
    pub place: Place,
    /// The nodes it has a reference to from the beginning. What it has not dropped at its end goes then.
    pub holds: Vec<NodeId>,
    /// What it does.
    pub steps: Vec<Step>,
}

/// A kept bottom half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BottomHalf {
    /// Its name.
    pub name: &'static str,
    /// The loop it runs on; `None` is the main loop.
    pub place: Option<LoopId>,
    /// What it does each time.
    pub steps: Vec<Step>,
}

/// Steps that run on the main loop when somebody posts them: what a monitor sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub steps: Vec<Step>,
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A read fails.
    Read,
    /// A write fails.
    Write,
    /// A flush fails, also that of a close.
    Flush,
    /// Not a failure: a read cannot be answered at once, and goes to a thread of the pool.
    Slow,
}

/// A fault of an image. Faults end when all steps have been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose.
    pub image: ImageId,
    /// Which operation.
    pub kind: FaultKind,
    /// The one of its kind that fails, from 0 when the program begins; the others succeed.
    pub number: u32,
}

/// When what a section defers is worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deferral {
    /// By bottom halves that the unlock polls.
    BottomHalf,
    /// From a list of its own.
    List,
}

/// What a program is expected to show, beside what every program must.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Nothing more.
    #[default]
    Nothing,
    /// Every image that a step opens can be opened.
    NoConflict,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// What it shows, in a sentence.
    pub about: String,
    /// How unrefs are deferred; both ways, if it does not say.
    pub deferral: Option<Deferral>,
    /// What it is expected to show.
    pub expect: Expect,
    /// How many threads answer what an image cannot answer at once; 0 is no pool.
    pub workers: usize,
    /// The images.
    pub images: Vec<Image>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The loops, by name.
    pub loops: Vec<&'static str>,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// The kept bottom halves.
    pub bottom_halves: Vec<BottomHalf>,
    /// The commands.
    pub commands: Vec<Command>,
    /// The events, by name.
    pub events: Vec<&'static str>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// What the main loop does.
    pub main: Vec<Step>,
}

/// Who takes steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The main loop.
    Main,
    /// A task.
    Task(TaskId),
    /// A bottom half.
    BottomHalf(BottomHalfId),
    /// A command.
    Command(CommandId),
}

impl Program {
    /// Everybody who takes steps, with what he is called and his steps.
    pub fn parties(&self) -> impl Iterator<Item = (Party, &'static str, &[Step])> {
        let main = std::iter::once((Party::Main, "main", &self.main[..]));
        let tasks = self.tasks.iter().enumerate();
        let tasks = tasks.map(|(at, task)| (Party::Task(TaskId(at)), task.name, &task.steps[..]));
        let bottom_halves = self.bottom_halves.iter().enumerate();
        let bottom_halves = bottom_halves
            .map(|(at, each)| (Party::BottomHalf(BottomHalfId(at)), each.name, &each.steps[..]));
        let commands = self.commands.iter().enumerate();
        let commands =
            commands.map(|(at, each)| (Party::Command(CommandId(at)), each.name, &each.steps[..]));
        main.chain(tasks).chain(bottom_halves).chain(commands)
    }

    /// How many steps there are.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.parties().map(|(_, _, steps)| steps.len()).sum()
    }

    /// How many tasks there are, the main loop's included: of bottom halves and commands there may be many more.
    #[must_use]
    pub fn tasks(&self) -> usize {
        let others = self.parties().filter(|(party, _, steps)| {
            *party != Party::Main && !steps.is_empty() && !matches!(party, Party::BottomHalf(_))
        });
        others.count() + 1
    }

    /// A node of the program.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0]
    }
}

impl Driver {
    /// The word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Driver::Null => "null",
            Driver::Storage { .. } => "storage",
            Driver::Device { writes: true } => "device",
            Driver::Device { writes: false } => "reader",
            Driver::Raw => "raw",
            Driver::CopyBeforeWrite => "copy-before-write",
            Driver::Overlay => "overlay",
        }
    }

    /// The edges that such a node may have.
    #[must_use]
    pub fn edges(self) -> &'static [Edge] {
        match self {
            Driver::Null => &[Edge::File, Edge::Backing],
            Driver::Storage { .. } => &[],
            Driver::Device { .. } => &[Edge::Root],
            Driver::Raw => &[Edge::File],
            Driver::CopyBeforeWrite => &[Edge::File, Edge::Target],
            Driver::Overlay => &[Edge::File, Edge::Backing],
        }
    }

    /// The image, if it has one.
    #[must_use]
    pub fn image(self) -> Option<ImageId> {
        match self {
            Driver::Storage { image, .. } => Some(image),
            _ => None,
        }
    }
}

impl Edge {
    /// All of them.
    pub const ALL: [Edge; 4] = [Edge::Root, Edge::File, Edge::Backing, Edge::Target];

    /// The word in files, and the edge's name in the graph.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Edge::Root => "root",
            Edge::File => "file",
            Edge::Backing => "backing",
            Edge::Target => "target",
        }
    }
}

impl Mode {
    /// The word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mode::ReadOnly => "read-only",
            Mode::ReadWrite => "read-write",
        }
    }
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 4] =
        [FaultKind::Read, FaultKind::Write, FaultKind::Flush, FaultKind::Slow];

    /// The word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FaultKind::Read => "read",
            FaultKind::Write => "write",
            FaultKind::Flush => "flush",
            FaultKind::Slow => "slow",
        }
    }
}

impl Deferral {
    /// Both.
    pub const ALL: [Deferral; 2] = [Deferral::BottomHalf, Deferral::List];

    /// The word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Deferral::BottomHalf => "bottom-half",
            Deferral::List => "list",
        }
    }
}

impl fmt::Display for Deferral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A name that lives as long as the process: tasks and bottom halves are named for ever. Names repeat, so that what is
/// kept does not grow with the programs that are drawn.
#[must_use]
pub fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}
