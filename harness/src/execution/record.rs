//! The log of one execution, cheap enough to be always on: rendered only when somebody looks.

use std::sync::atomic::Ordering;

use super::object::ObjectState;
use super::operation::{ObjectId, Operation, OperationKind};
use super::{Execution, TaskSet};
use crate::trace::{Row, Trace, place};

/// What came of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// What its name says.
    Done,
    /// It read this value, as bits.
    Read(u64),
    /// It wrote the second value over the first.
    Wrote(u64, u64),
    /// It read the first value and wrote the second.
    Changed(u64, u64),
    /// It tried, and this is whether it could.
    Tried(bool),
    /// It woke these tasks.
    Woke(TaskSet),
    /// It ended a wait by time.
    TimedOut,
}

impl Effect {
    /// Whether it has written an atomic.
    pub(crate) fn changed(self) -> bool {
        matches!(self, Effect::Wrote(..) | Effect::Changed(..))
    }

    /// What an atomic held before; 0 for other objects.
    pub(crate) fn value_before(self) -> u64 {
        match self {
            Effect::Read(before) | Effect::Wrote(before, _) | Effect::Changed(before, _) => before,
            _ => 0,
        }
    }

    /// The tasks it woke.
    pub(crate) fn woken(self) -> TaskSet {
        match self {
            Effect::Woke(tasks) => tasks,
            _ => 0,
        }
    }
}

/// What a task did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// A step that others can see.
    Operation(Operation, Effect),
    /// A fence. It orders the task's own steps; under sequential consistency nobody sees it.
    Fence(Ordering, &'static std::panic::Location<'static>),
    /// It spawned this task.
    Spawned(usize, &'static std::panic::Location<'static>),
    /// Its closure returned.
    Ended,
    /// It goes on though nobody has woken it: by time, then that is it, or for no reason.
    Surprised(Option<u64>),
    /// From here on the choice is fair.
    Fair,
    /// The time it waited for came.
    TimeIsUp,
    /// Its next load comes before this many of its stores.
    HeldBack(u32, &'static std::panic::Location<'static>),
    /// A data choice came out as the first of so many.
    Chose(u32, u32),
    /// A written case was reached.
    Reached(&'static str),
}

/// One entry of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) task: usize,
    pub(crate) what: What,
}

impl Execution {
    /// Notes a step of the running task that no other task can see.
    pub(crate) fn note(&mut self, what: What) {
        self.record(self.current, what);
    }

    pub(super) fn record(&mut self, task: usize, what: What) {
        if self.records {
            self.steps.push(Step { task, what });
        }
    }

    /// The log as a trace, with the closing lines given.
    pub(crate) fn trace(&self, closing: Vec<String>) -> Trace {
        Trace {
            tasks: self.tasks.iter().map(|task| task.name().into_owned()).collect(),
            rows: self.steps.iter().map(|step| self.row(step)).collect(),
            closing,
        }
    }

    fn row(&self, step: &Step) -> Row {
        let (text, location) = match step.what {
            What::Operation(operation, effect) => {
                (self.describe(&operation, effect), place(operation.location))
            }
            What::Fence(ordering, at) => (format!("fence {ordering:?}"), place(at)),
            What::HeldBack(count, at) => (format!("holds back {count} of its stores"), place(at)),
            What::Spawned(task, at) => (format!("spawns {}", self.tasks[task].name()), place(at)),
            What::Ended => ("ends".to_owned(), String::new()),
            What::TimeIsUp => {
                let at = self.time as f64 / 1e6;
                (format!("its time is up (nobody else could act; now {at} ms)"), String::new())
            }
            What::Surprised(None) => ("wakes for no reason".to_owned(), String::new()),
            What::Surprised(Some(time)) => {
                let at = time as f64 / 1e6;
                (format!("its time is up (others could act; now {at} ms)"), String::new())
            }
            What::Fair => ("fair from here".to_owned(), String::new()),
            What::Chose(value, count) => (format!("chooses {value} of {count}"), String::new()),
            What::Reached(case) => (format!("[{case}]"), String::new()),
        };
        Row { task: step.task, text, location }
    }

    /// The name of an object to read.
    pub(crate) fn name_of(&self, object: Option<ObjectId>) -> String {
        object.map_or_else(String::new, |object| match self.objects[object].state {
            ObjectState::Task(task) => self.tasks[task].name().into_owned(),
            _ => self.objects[object].display_name(),
        })
    }

    fn names(&self, tasks: TaskSet) -> String {
        let named = self.tasks.iter().enumerate().filter(|(number, _)| tasks & (1 << number) != 0);
        named.map(|(_, task)| task.name()).collect::<Vec<_>>().join(", ")
    }

    fn describe(&self, operation: &Operation, effect: Effect) -> String {
        let own = operation.kind == OperationKind::AtomicLoadOwn;
        let object = if own { operation.second } else { operation.object };
        let name = self.name_of(object);
        let state = object.map(|object| &self.objects[object].state);
        let signed = matches!(state, Some(ObjectState::Atomic { signed: true, .. }));
        let show =
            |bits: u64| if signed { bits.cast_signed().to_string() } else { bits.to_string() };
        let plain = match operation.kind {
            OperationKind::AtomicLoad(_) | OperationKind::AtomicLoadOwn => "reads",
            OperationKind::AtomicStore(_) => "writes",
            OperationKind::AtomicReadModifyWrite(_) | OperationKind::AtomicCompareExchange(..) => {
                "changes"
            }
            OperationKind::MutexLock | OperationKind::RwLockWrite => "locks",
            OperationKind::MutexTryLock | OperationKind::RwLockTryWrite => "tries to lock",
            OperationKind::MutexUnlock | OperationKind::RwLockWriteUnlock => "unlocks",
            OperationKind::RwLockRead => "locks shared",
            OperationKind::RwLockTryRead => "tries to lock shared",
            OperationKind::RwLockReadUnlock => "unlocks shared",
            OperationKind::CondvarWait => "sleeps in",
            OperationKind::CondvarWake => "wakes, locks",
            OperationKind::CondvarNotifyOne => "notifies one of",
            OperationKind::CondvarNotifyAll => "notifies all of",
            OperationKind::Park => "is unparked",
            OperationKind::Unpark => "unparks",
            OperationKind::Join => "has joined",
            OperationKind::Yield => "goes on after giving way",
            OperationKind::Sleep => "has slept",
        };
        match effect {
            Effect::Read(value) if own => format!("{name} = {}, its own", show(value)),
            Effect::Read(value) => format!("{name} = {}", show(value)),
            Effect::Wrote(_, value) => format!("{name} := {}", show(value)),
            Effect::Changed(before, after) => {
                format!("{name} := {} (was {})", show(after), show(before))
            }
            Effect::Tried(true) => format!("{plain} {name}: yes"),
            Effect::Tried(false) => format!("{plain} {name}: no"),
            Effect::Woke(0) => format!("{plain} {name}: nobody there"),
            Effect::Woke(tasks) => format!("{plain} {name}: wakes {}", self.names(tasks)),
            Effect::TimedOut => format!("time over, {plain} {name}"),
            Effect::Done => format!("{plain} {name}").trim_end().to_owned(),
        }
    }
}
