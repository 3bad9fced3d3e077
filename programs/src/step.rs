//! What a task does at a time.
//!
//! A step is a word and what it is about: `attach device.root disk`. Who may take which is [`Step::takers`]; in which
//! order, `rules`.

use std::fmt;

use crate::program::{
    BottomHalfId, CommandId, Edge, EventId, ImageId, LoopId, Mode, NodeId, Party, Program,
};

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Begins a write section; `drained` keeps requests away until it ends.
    WriteLock {
        /// Whether all nodes are drained as long as the section lasts.
        drained: bool,
    },
    /// Ends the write section; when it returns, what was deferred is closed.
    Unlock,
    /// In a section: the child becomes part of the parent.
    Attach(NodeId, Edge, NodeId),
    /// In a section: the parent's child becomes the main loop's to let go.
    Detach(NodeId, Edge),
    /// In a section: another child in a child's place. The old one is the main loop's to let go.
    Replace(NodeId, Edge, NodeId),
    /// In a section: the first, with the second as its child, comes between the second and all that use it.
    Append(NodeId, Edge, NodeId),
    /// In a section: the second takes the first one's place in all that use it.
    ReplaceNode(NodeId, NodeId),
    /// In a section: a reference of the main loop goes when the section ends.
    ScheduleUnref(NodeId),
    /// In a section: when it ends, a request is made at the node, and waited for.
    DeferRequest(NodeId),
    /// The main loop takes one more reference.
    Ref(NodeId),
    /// A reference of the main loop goes now.
    Unref(NodeId),
    /// A reference is dropped: it goes when the main loop next polls.
    Drop(NodeId),
    /// Opens a node that is not there yet.
    Open(NodeId),
    /// Keeps requests away from a node, and waits for those in flight.
    DrainBegin(NodeId),
    /// Lets them go on.
    DrainEnd(NodeId),
    /// The same for all nodes.
    DrainAllBegin,
    /// Lets them go on.
    DrainAllEnd,
    /// Runs what is pending.
    Poll,
    /// Goes on with images in other modes, all or none.
    Reopen(Vec<(NodeId, Mode)>),
    /// Commits an overlay into what is below it.
    Commit(NodeId),
    /// Ends a loop when nobody lives on it.
    Stop(LoopId),
    /// Posts a command when some time has passed.
    After(CommandId),

    /// Reads, through a request.
    Read(NodeId),
    /// Writes, through a request.
    Write(NodeId),
    /// Flushes, through a request.
    Flush(NodeId),
    /// Begins a write and gives it up while it waits.
    CancelWrite(NodeId),
    /// Takes the read lock.
    ReadLock,
    /// Begins to take the read lock and gives up while it waits.
    CancelReadLock,
    /// Takes a second guard from the one it has, and lets go of the first.
    Share,
    /// Leaves the read lock.
    ReadUnlock,
    /// Looks at a node's children, under a lock.
    Look(NodeId),
    /// Lets others of the loop go on.
    Yield,
    /// Keeps its thread, and so its loop, from doing anything for a while.
    Pause,
    /// Goes on on another loop.
    Move(LoopId),
    /// Has a node drained that it holds; the reference goes with the section.
    Drained(NodeId),
    /// Ends that section.
    EndDrained,
    /// Begins a job on a node that it holds; the reference goes with the job.
    Job(NodeId),
    /// Lets a drain come between.
    PausePoint,
    /// Ends the job.
    EndJob,
    /// Somebody else's process opens an image: with byte locks of its own.
    OpenElsewhere(ImageId, Mode),
    /// It closes it.
    CloseElsewhere(ImageId),
    /// Looks at an overlay's file as after a kill at this moment.
    Inspect(ImageId),

    /// Has a bottom half called once more.
    Schedule(BottomHalfId),
    /// Takes that back.
    Cancel(BottomHalfId),
    /// It is not called any more.
    Delete(BottomHalfId),
    /// Posts a command to the main loop.
    Post(CommandId),
    /// Signals an event.
    Signal(EventId),
    /// Waits for an event.
    Wait(EventId),
}

/// Who may take a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takers {
    /// The main loop and its callbacks, outside coroutines.
    MainLoop,
    /// The main loop alone.
    Main,
    /// Coroutines, on whichever loop.
    Coroutine,
    /// Coroutines and threads without a loop.
    Task,
    /// Threads without a loop.
    Thread,
    /// The main loop and tasks.
    NotCallbacks,
    /// Everybody but threads without a loop.
    NotThreads,
    /// Everybody.
    Anybody,
}

impl Takers {
    /// Whether this party is one of them. `thread`: it is a thread without a loop.
    #[must_use]
    pub fn include(self, party: Party, thread: bool) -> bool {
        let task = matches!(party, Party::Task(_));
        let main_loop = matches!(party, Party::Main | Party::Command(_));
        match self {
            Takers::MainLoop => main_loop,
            Takers::Main => party == Party::Main,
            Takers::Coroutine => task && !thread,
            Takers::Task => task,
            Takers::Thread => task && thread,
            Takers::NotCallbacks => task || party == Party::Main,
            Takers::NotThreads => !thread,
            Takers::Anybody => true,
        }
    }

    /// Who they are, for messages.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Takers::MainLoop => "the main loop and commands",
            Takers::Main => "the main loop, not commands",
            Takers::Coroutine => "coroutines of a loop",
            Takers::Task => "tasks",
            Takers::Thread => "tasks on \"thread\"",
            Takers::NotCallbacks => "the main loop and tasks",
            Takers::NotThreads => "the main loop, commands, bottom halves and coroutines of a loop",
            Takers::Anybody => "everybody",
        }
    }
}

/// What follows a step's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A node's name.
    Node,
    /// A node and an edge: `disk.file`.
    Edge,
    /// A loop's name.
    Loop,
    /// A bottom half's name.
    BottomHalf,
    /// A command's name.
    Command,
    /// An event's name.
    Event,
    /// An image's name.
    Image,
    /// `read-only` or `read-write`.
    Mode,
    /// Nodes with modes, with commas between: `disk read-only, other read-write`.
    NodesWithModes,
}

/// The words, with what follows them, as `file` reads them.
pub const WORDS: &[(&str, &[Operand])] = &[
    ("write-lock", &[]),
    ("write-lock-drained", &[]),
    ("unlock", &[]),
    ("attach", &[Operand::Edge, Operand::Node]),
    ("detach", &[Operand::Edge]),
    ("replace", &[Operand::Edge, Operand::Node]),
    ("append", &[Operand::Edge, Operand::Node]),
    ("replace-node", &[Operand::Node, Operand::Node]),
    ("schedule-unref", &[Operand::Node]),
    ("defer-request", &[Operand::Node]),
    ("ref", &[Operand::Node]),
    ("unref", &[Operand::Node]),
    ("drop", &[Operand::Node]),
    ("open", &[Operand::Node]),
    ("drain-begin", &[Operand::Node]),
    ("drain-end", &[Operand::Node]),
    ("drain-all-begin", &[]),
    ("drain-all-end", &[]),
    ("poll", &[]),
    ("reopen", &[Operand::NodesWithModes]),
    ("commit", &[Operand::Node]),
    ("stop", &[Operand::Loop]),
    ("after", &[Operand::Command]),
    ("read", &[Operand::Node]),
    ("write", &[Operand::Node]),
    ("flush", &[Operand::Node]),
    ("cancel-write", &[Operand::Node]),
    ("read-lock", &[]),
    ("cancel-read-lock", &[]),
    ("share", &[]),
    ("read-unlock", &[]),
    ("look", &[Operand::Node]),
    ("yield", &[]),
    ("pause", &[]),
    ("move", &[Operand::Loop]),
    ("drained", &[Operand::Node]),
    ("end-drained", &[]),
    ("job", &[Operand::Node]),
    ("pause-point", &[]),
    ("end-job", &[]),
    ("open-elsewhere", &[Operand::Image, Operand::Mode]),
    ("close-elsewhere", &[Operand::Image]),
    ("inspect", &[Operand::Image]),
    ("schedule", &[Operand::BottomHalf]),
    ("cancel", &[Operand::BottomHalf]),
    ("delete", &[Operand::BottomHalf]),
    ("post", &[Operand::Command]),
    ("signal", &[Operand::Event]),
    ("wait", &[Operand::Event]),
];

impl Step {
    /// Its word in files.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Step::WriteLock { drained: false } => "write-lock",
            Step::WriteLock { drained: true } => "write-lock-drained",
            Step::Unlock => "unlock",
            Step::Attach(..) => "attach",
            Step::Detach(..) => "detach",
            Step::Replace(..) => "replace",
            Step::Append(..) => "append",
            Step::ReplaceNode(..) => "replace-node",
            Step::ScheduleUnref(_) => "schedule-unref",
            Step::DeferRequest(_) => "defer-request",
            Step::Ref(_) => "ref",
            Step::Unref(_) => "unref",
            Step::Drop(_) => "drop",
            Step::Open(_) => "open",
            Step::DrainBegin(_) => "drain-begin",
            Step::DrainEnd(_) => "drain-end",
            Step::DrainAllBegin => "drain-all-begin",
            Step::DrainAllEnd => "drain-all-end",
            Step::Poll => "poll",
            Step::Reopen(_) => "reopen",
            Step::Commit(_) => "commit",
            Step::Stop(_) => "stop",
            Step::After(_) => "after",
            Step::Read(_) => "read",
            Step::Write(_) => "write",
            Step::Flush(_) => "flush",
            Step::CancelWrite(_) => "cancel-write",
            Step::ReadLock => "read-lock",
            Step::CancelReadLock => "cancel-read-lock",
            Step::Share => "share",
            Step::ReadUnlock => "read-unlock",
            Step::Look(_) => "look",
            Step::Yield => "yield",
            Step::Pause => "pause",
            Step::Move(_) => "move",
            Step::Drained(_) => "drained",
            Step::EndDrained => "end-drained",
            Step::Job(_) => "job",
            Step::PausePoint => "pause-point",
            Step::EndJob => "end-job",
            Step::OpenElsewhere(..) => "open-elsewhere",
            Step::CloseElsewhere(_) => "close-elsewhere",
            Step::Inspect(_) => "inspect",
            Step::Schedule(_) => "schedule",
            Step::Cancel(_) => "cancel",
            Step::Delete(_) => "delete",
            Step::Post(_) => "post",
            Step::Signal(_) => "signal",
            Step::Wait(_) => "wait",
        }
    }

    /// Who may take it.
    #[must_use]
    pub fn takers(&self) -> Takers {
        match self {
            Step::WriteLock { .. }
            | Step::Unlock
            | Step::Attach(..)
            | Step::Detach(..)
            | Step::Replace(..)
            | Step::Append(..)
            | Step::ReplaceNode(..)
            | Step::ScheduleUnref(_)
            | Step::Ref(_)
            | Step::Unref(_)
            | Step::Open(_)
            | Step::DrainBegin(_)
            | Step::DrainEnd(_)
            | Step::DrainAllBegin
            | Step::DrainAllEnd
            | Step::Poll
            | Step::Reopen(_)
            | Step::Commit(_)
            | Step::After(_) => Takers::MainLoop,
            Step::Stop(_) | Step::DeferRequest(_) => Takers::Main,
            Step::Read(_)
            | Step::Write(_)
            | Step::Flush(_)
            | Step::CancelWrite(_)
            | Step::ReadLock
            | Step::CancelReadLock
            | Step::Share
            | Step::ReadUnlock
            | Step::Drained(_)
            | Step::EndDrained
            | Step::Job(_)
            | Step::PausePoint
            | Step::EndJob => Takers::Task,
            Step::Yield | Step::Move(_) => Takers::Coroutine,
            Step::OpenElsewhere(..) | Step::CloseElsewhere(_) | Step::Inspect(_) => Takers::Thread,
            Step::Pause => Takers::NotThreads,
            Step::Drop(_) | Step::Look(_) | Step::Wait(_) => Takers::NotCallbacks,
            Step::Schedule(_)
            | Step::Cancel(_)
            | Step::Delete(_)
            | Step::Post(_)
            | Step::Signal(_) => Takers::Anybody,
        }
    }

    /// The step as it stands in a file.
    #[must_use]
    pub fn shown<'a>(&'a self, program: &'a Program) -> Shown<'a> {
        Shown { step: self, program }
    }
}

/// A step with the names of its program.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    step: &'a Step,
    program: &'a Program,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.program;
        let node = |node: &NodeId| program.nodes[node.0].name;
        f.write_str(self.step.word())?;
        match self.step {
            Step::Attach(parent, edge, child)
            | Step::Replace(parent, edge, child)
            | Step::Append(parent, edge, child) => {
                write!(f, " {}.{} {}", node(parent), edge.word(), node(child))
            }
            Step::Detach(parent, edge) => write!(f, " {}.{}", node(parent), edge.word()),
            Step::ReplaceNode(from, to) => write!(f, " {} {}", node(from), node(to)),
            Step::ScheduleUnref(one)
            | Step::DeferRequest(one)
            | Step::Ref(one)
            | Step::Unref(one)
            | Step::Drop(one)
            | Step::Open(one)
            | Step::DrainBegin(one)
            | Step::DrainEnd(one)
            | Step::Commit(one)
            | Step::Read(one)
            | Step::Write(one)
            | Step::Flush(one)
            | Step::CancelWrite(one)
            | Step::Look(one)
            | Step::Drained(one)
            | Step::Job(one) => write!(f, " {}", node(one)),
            Step::Reopen(nodes) => nodes.iter().enumerate().try_for_each(|(at, (one, mode))| {
                write!(f, "{} {} {}", if at == 0 { "" } else { "," }, node(one), mode.word())
            }),
            Step::Stop(to) | Step::Move(to) => write!(f, " {}", program.loops[to.0]),
            Step::After(one) | Step::Post(one) => write!(f, " {}", program.commands[one.0].name),
            Step::OpenElsewhere(image, mode) => {
                write!(f, " {} {}", program.images[image.0].name, mode.word())
            }
            Step::CloseElsewhere(image) | Step::Inspect(image) => {
                write!(f, " {}", program.images[image.0].name)
            }
            Step::Schedule(one) | Step::Cancel(one) | Step::Delete(one) => {
                write!(f, " {}", program.bottom_halves[one.0].name)
            }
            Step::Signal(event) | Step::Wait(event) => write!(f, " {}", program.events[event.0]),
            Step::WriteLock { .. }
            | Step::Unlock
            | Step::DrainAllBegin
            | Step::DrainAllEnd
            | Step::Poll
            | Step::ReadLock
            | Step::CancelReadLock
            | Step::Share
            | Step::ReadUnlock
            | Step::Yield
            | Step::Pause
            | Step::EndDrained
            | Step::PausePoint
            | Step::EndJob => Ok(()),
        }
    }
}
