//! The log of one execution. It is kept only of an execution that is going to be drawn: whoever wants a drawing
//! executes the schedule again.
//!
//! A step becomes a row of the [trace](crate::trace); what the code says of states beside is added to the row before it.

use std::panic::Location;
use std::sync::atomic::Ordering;

use super::object::ObjectState;
use super::operation::{ObjectId, Operation, OperationKind};
use super::{Execution, TaskSet, tasks_of};
use crate::trace::{Change, Ending, Kind, Row, Topic, Trace, Waiting, place};

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

/// A place in the source.
type At = &'static Location<'static>;

/// What a task did.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A step that others can see.
    Operation(Operation, Effect),
    /// A fence. It orders the task's own steps; under sequential consistency nobody sees it.
    Fence(Ordering, At),
    /// It spawned this task.
    Spawned(usize, At),
    /// Its closure returned.
    Ended,
    /// It goes on though nobody has woken it: by time, then that is it, or for no reason.
    Surprised(Option<u64>),
    /// From here on the choice is fair.
    Fair,
    /// The time it waited for came.
    TimeIsUp,
    /// Its next load comes before this many of its stores.
    HeldBack(u32, At),
    /// A data choice came out as the first of so many.
    Chose(u32, u32),
    /// A written case was reached.
    Reached(&'static str, At),
    /// It says what it does.
    Said(String, At),
    /// It says what it does from here on.
    Begun(String, At),
    /// It has done what it said last.
    Finished,
    /// A state beside has changed.
    Changed(Change),
    /// A protection is turned off here.
    Planted(&'static str, At),
    /// It broke something: what, and where.
    Broke(String, String),
}

/// One entry of the log.
#[derive(Clone, Debug)]
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

    /// The log as a trace that ends with this message.
    pub(crate) fn trace(&mut self, message: &str) -> Trace {
        self.objects.make_names_unique();
        let mut rows: Vec<Row> = Vec::with_capacity(self.steps.len());
        let mut within: Vec<Vec<(String, usize)>> = vec![Vec::new(); self.tasks.len()];
        let mut early = Vec::new();
        for step in &self.steps {
            match &step.what {
                What::Changed(change) => match rows.last_mut() {
                    Some(row) => row.changes.push(change.clone()),
                    None => early.push(change.clone()),
                },
                what => {
                    match what {
                        What::Begun(text, _) => within[step.task].push((text.clone(), rows.len())),
                        What::Finished => drop(within[step.task].pop()),
                        _ => {}
                    }
                    rows.push(self.row(step.task, what));
                    rows.last_mut().expect("just pushed").changes.append(&mut early);
                }
            }
        }
        let tasks = self.tasks.iter().map(|task| task.name().into_owned()).collect();
        let mut trace = Trace { tasks, rows, ending: Ending::default() };
        trace.ending = self.ending_of(&trace, within, message);
        trace
    }

    fn ending_of(
        &self,
        trace: &Trace,
        mut within: Vec<Vec<(String, usize)>>,
        message: &str,
    ) -> Ending {
        let waits = self.stuck.iter().map(|stuck| {
            let since = trace.rows.iter().rposition(|row| row.task == stuck.task);
            Waiting { since, within: std::mem::take(&mut within[stuck.task]), ..stuck.clone() }
        });
        let waits: Vec<Waiting> = waits.collect();
        let lines = if waits.is_empty() { usize::MAX } else { 1 };
        let what: Vec<&str> = message.lines().take(lines).collect();
        let queues = trace.states_after(trace.rows.len()).into_iter();
        let queues = queues
            .filter(|((topic, _), _)| *topic == Topic::Queue && !waits.is_empty())
            .map(|((_, name), who)| (name.to_owned(), who.to_owned()));
        Ending {
            what: what.join("\n"),
            property: self.broken.map(str::to_owned),
            queues: queues.collect(),
            waits,
        }
    }

    fn row(&self, task: usize, what: &What) -> Row {
        let row = |kind, text: String, at: Option<At>| {
            Row::new(task, kind, text, at.map_or_else(String::new, place))
        };
        match what {
            What::Operation(operation, effect) => self.row_of(task, operation, *effect),
            What::Fence(ordering, at) => row(Kind::Fence, format!("fence {ordering:?}"), Some(at)),
            What::HeldBack(count, at) => {
                row(Kind::Choice, format!("holds back {count} of its stores"), Some(at))
            }
            What::Spawned(other, at) => Row {
                others: vec![*other],
                ..row(Kind::Spawn, format!("spawns {}", self.tasks[*other].name()), Some(at))
            },
            What::Ended => row(Kind::End, "ends".to_owned(), None),
            What::TimeIsUp => {
                let at = self.time as f64 / 1e6;
                let text = format!("its time is up (nobody else could act; now {at} ms)");
                row(Kind::Choice, text, None)
            }
            What::Surprised(None) => row(Kind::Choice, "wakes for no reason".to_owned(), None),
            What::Surprised(Some(time)) => {
                let at = *time as f64 / 1e6;
                let text = format!("its time is up (others could act; now {at} ms)");
                row(Kind::Choice, text, None)
            }
            What::Fair => row(Kind::Choice, "fair from here".to_owned(), None),
            What::Chose(value, count) => {
                row(Kind::Choice, format!("chooses {value} of {count}"), None)
            }
            What::Reached(case, at) => row(Kind::Case, format!("[{case}]"), Some(at)),
            What::Said(text, at) => row(Kind::Say, text.clone(), Some(at)),
            What::Begun(text, at) => row(Kind::Begin, text.clone(), Some(at)),
            What::Finished => row(Kind::Finish, "done".to_owned(), None),
            What::Planted(id, at) => row(Kind::Planted, format!("! planted: {id}"), Some(at)),
            What::Broke(text, at) => Row::new(task, Kind::Broken, format!("! {text}"), at.clone()),
            What::Changed(_) => unreachable!("the caller has added it to the row before"),
        }
    }

    fn row_of(&self, task: usize, operation: &Operation, effect: Effect) -> Row {
        let own = operation.kind == OperationKind::AtomicLoadOwn;
        let object = if own { operation.second } else { operation.object };
        let (kind, others) = self.kind_of(operation, effect);
        let mutex = (operation.kind == OperationKind::CondvarWait).then_some(operation.second);
        let named = |object: ObjectId| match self.objects[object].state {
            // It often has the name of its mutex.
            ObjectState::Condvar { .. } => format!("{} (condvar)", self.name_of(Some(object))),
            _ => self.name_of(Some(object)),
        };
        Row {
            object: object.map(named),
            mutex: mutex.flatten().map(named),
            value: self.value_left(object, effect),
            others,
            ..Row::new(task, kind, self.describe(operation, effect), place(operation.location))
        }
    }

    fn kind_of(&self, operation: &Operation, effect: Effect) -> (Kind, Vec<usize>) {
        let kind = match operation.kind {
            OperationKind::AtomicLoad(_) | OperationKind::AtomicLoadOwn => Kind::Read,
            OperationKind::AtomicStore(_) => Kind::Write,
            OperationKind::AtomicReadModifyWrite(_) | OperationKind::AtomicCompareExchange(..) => {
                if matches!(effect, Effect::Read(_)) {
                    Kind::Read
                } else {
                    Kind::Update
                }
            }
            OperationKind::MutexLock | OperationKind::RwLockRead | OperationKind::RwLockWrite => {
                Kind::Lock
            }
            OperationKind::MutexTryLock
            | OperationKind::RwLockTryRead
            | OperationKind::RwLockTryWrite => {
                if matches!(effect, Effect::Tried(true)) {
                    Kind::Lock
                } else {
                    Kind::Refused
                }
            }
            OperationKind::MutexUnlock
            | OperationKind::RwLockReadUnlock
            | OperationKind::RwLockWriteUnlock => Kind::Unlock,
            OperationKind::CondvarWait => Kind::Sleep,
            OperationKind::CondvarWake | OperationKind::Park | OperationKind::Sleep => Kind::Resume,
            OperationKind::CondvarNotifyOne
            | OperationKind::CondvarNotifyAll
            | OperationKind::Unpark => Kind::Notify,
            OperationKind::Join => Kind::Join,
            OperationKind::Yield => Kind::Choice,
        };
        let others = match (operation.kind, operation.object.map(|it| &self.objects[it].state)) {
            (OperationKind::Join | OperationKind::Unpark, Some(ObjectState::Task(other))) => {
                vec![*other]
            }
            _ => tasks_of(effect.woken()).collect(),
        };
        (kind, others)
    }

    /// What an atomic holds after a step on it.
    fn value_left(&self, object: Option<ObjectId>, effect: Effect) -> Option<String> {
        let signed =
            matches!(self.objects[object?].state, ObjectState::Atomic { signed: true, .. });
        match effect {
            Effect::Read(bits) | Effect::Wrote(_, bits) | Effect::Changed(_, bits) => {
                Some(shown(bits, signed))
            }
            _ => None,
        }
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
        let show = |bits| shown(bits, signed);
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

/// A value to read.
fn shown(bits: u64, signed: bool) -> String {
    if signed { bits.cast_signed().to_string() } else { bits.to_string() }
}
