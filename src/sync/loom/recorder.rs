//! The steps of one execution on loom, as a trace: loom itself tells nothing of an execution that failed.
//!
//! A search records nothing. When it has found something, the same search is made again and its last execution recorded:
//! loom is deterministic, so that is the one that fails. The primitives of this door say what they did, the machinery what it
//! means; the rows are those of the harness, and so is the drawing.
//!
//! # Invariants
//! * A row is added after its operation and before the next one: loom switches threads in between only.
//! * The number of a task is that of its spawn. All threads of a model run on one OS thread, which has the log.
//!
//! # Not here
//! Accesses of cells: loom says in its message where two of them met.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::panic::Location;

use graphlock_harness::outcome::ViolationKind;
use graphlock_harness::trace::{Change, Ending, Kind, Row, Topic, Trace, Waiting, place, unnamed};

/// A place in the source.
type At = &'static Location<'static>;

/// What an object is called where it is drawn: the given name, or kind and place of creation.
#[derive(Debug)]
pub(super) struct Name {
    given: Option<Box<str>>,
    kind: &'static str,
    made_at: At,
    /// The number of the object in an execution that is recorded.
    number: u32,
}

impl Name {
    /// No name yet.
    #[track_caller]
    pub(super) fn none(kind: &'static str) -> Self {
        let made = || {
            LOG.with_borrow_mut(|log| {
                log.objects += 1;
                log.objects
            })
        };
        let number = if is_recorded() { made() } else { 0 };
        Name { given: None, kind, made_at: Location::caller(), number }
    }

    /// Gives it one, if anybody is going to read it.
    pub(super) fn give(&mut self, name: &dyn Display) {
        if is_recorded() {
            self.given = Some(name.to_string().into_boxed_str());
        }
    }

    /// The name to read. The second object of a name that was met gets a `#2`.
    fn shown(&self) -> String {
        let name = match &self.given {
            Some(name) => name.to_string(),
            None => unnamed(self.kind, self.made_at),
        };
        let before = LOG.with_borrow_mut(|log| {
            let met = log.names.entry((self.kind, name.clone())).or_default();
            met.iter().position(|each| *each == self.number).unwrap_or_else(|| {
                met.push(self.number);
                met.len() - 1
            })
        });
        if before == 0 { name } else { format!("{name}#{}", before + 1) }
    }
}

/// What is known of a thread.
struct Task {
    name: String,
    ended: bool,
    /// The lock that it waits for, and where.
    waits_for: Option<(String, At)>,
    within: Vec<(String, usize)>,
}

/// What was recorded.
#[derive(Default)]
struct Log {
    tasks: Vec<Task>,
    rows: Vec<Row>,
    /// Loom's name for each task.
    threads: Vec<(loom::thread::ThreadId, usize)>,
    sleepers: BTreeMap<String, Vec<usize>>,
    /// How many objects were made, and those that were met, by name.
    objects: u32,
    /// What was written last, by the name of the object.
    newest: BTreeMap<String, String>,
    names: BTreeMap<(&'static str, String), Vec<u32>>,
    /// Changes before the first row.
    early: Vec<Change>,
}

std::thread_local! {
    static RECORDS: Cell<bool> = const { Cell::new(false) };
    static LOG: RefCell<Log> = RefCell::default();
}

/// Whether this execution is going to be drawn.
#[inline]
pub(crate) fn is_recorded() -> bool {
    RECORDS.get()
}

/// Records what follows on this OS thread, from an empty log.
pub(super) fn start() {
    LOG.take();
    RECORDS.set(true);
}

/// A task was spawned by the running one, if there is one: its number.
#[track_caller]
pub(super) fn spawned(name: &str) -> usize {
    if !is_recorded() {
        return 0;
    }
    let task = Task { name: name.to_owned(), ended: false, waits_for: None, within: Vec::new() };
    let number = LOG.with_borrow_mut(|log| {
        log.tasks.push(task);
        log.tasks.len() - 1
    });
    if number > 0 {
        let at = place(Location::caller());
        add(|task| Row {
            others: vec![number],
            ..Row::new(task, Kind::Spawn, format!("spawns {name}"), at)
        });
    }
    number
}

/// The running thread is the one with this number.
pub(super) fn begins(number: usize) {
    if is_recorded() {
        let id = loom::thread::current().id();
        LOG.with_borrow_mut(|log| log.threads.push((id, number)));
    }
}

/// The running thread has ended.
pub(super) fn ends() {
    if is_recorded() && !std::thread::panicking() {
        add(|task| Row::new(task, Kind::End, "ends".to_owned(), String::new()));
        on_task(|task, _| task.ended = true);
    }
}

fn current(log: &Log) -> usize {
    let id = loom::thread::current().id();
    log.threads.iter().find(|(each, _)| *each == id).map_or(0, |(_, number)| *number)
}

fn add(row: impl FnOnce(usize) -> Row) {
    LOG.with_borrow_mut(|log| {
        let mut row = row(current(log));
        row.changes.append(&mut log.early);
        log.rows.push(row);
    });
}

fn on_task<R>(f: impl FnOnce(&mut Task, usize) -> R) -> Option<R> {
    LOG.with_borrow_mut(|log| {
        let (number, rows) = (current(log), log.rows.len());
        log.tasks.get_mut(number).map(|task| f(task, rows))
    })
}

/// The running thread did this to an object.
#[track_caller]
pub(super) fn did(kind: Kind, name: &Name, words: &str, value: Option<String>) {
    if !is_recorded() || std::thread::panicking() {
        return;
    }
    let (at, name) = (place(Location::caller()), name.shown());
    let text = match (kind, &value) {
        (Kind::Read, Some(value)) => {
            let newest = LOG.with_borrow(|log| log.newest.get(&name).cloned());
            match newest.filter(|newest| newest != value) {
                Some(newest) => format!("{name} = {value} (stale: the newest is {newest})"),
                None => format!("{name} = {value}"),
            }
        }
        (Kind::Write | Kind::Update, Some(value)) => format!("{name} := {value}{words}"),
        _ => format!("{words} {name}"),
    };
    if let (Kind::Write | Kind::Update, Some(value)) = (kind, &value) {
        LOG.with_borrow_mut(|log| log.newest.insert(name.clone(), value.clone()));
    }
    add(|task| Row { object: Some(name), value, ..Row::new(task, kind, text, at) });
}

/// The running thread gives back a lock that it has taken there.
pub(super) fn unlocks(name: &Name, taken_at: At) {
    if is_recorded() && !std::thread::panicking() {
        let (at, name) = (place(taken_at), name.shown());
        let text = format!("unlocks {name}");
        add(|task| Row { object: Some(name), ..Row::new(task, Kind::Unlock, text, at) });
    }
}

/// It is about to wait for a lock.
#[track_caller]
pub(super) fn waits_for(name: &Name) {
    if is_recorded() && !std::thread::panicking() {
        let (at, name) = (Location::caller(), name.shown());
        on_task(|task, _| task.waits_for = Some((name, at)));
    }
}

/// It has the lock.
#[track_caller]
pub(super) fn has(kind: Kind, name: &Name, words: &str) {
    if is_recorded() && !std::thread::panicking() {
        on_task(|task, _| task.waits_for = None);
        did(kind, name, words, None);
    }
}

/// It sleeps in this queue.
#[track_caller]
pub(super) fn sleeps_in(condvar: &Name, mutex: &Name) {
    if !is_recorded() || std::thread::panicking() {
        return;
    }
    let (at, name) = (place(Location::caller()), condvar.shown());
    let mutex = Some(mutex.shown());
    LOG.with_borrow_mut(|log| {
        let task = current(log);
        log.sleepers.entry(name.clone()).or_default().push(task);
        let text = format!("sleeps in {name}");
        let object = Some(format!("{name} (condvar)"));
        log.rows.push(Row { object, mutex, ..Row::new(task, Kind::Sleep, text, at) });
    });
}

/// It wakes who sleeps in this queue: one or all.
#[track_caller]
pub(super) fn notifies(condvar: &Name, all: bool) {
    if !is_recorded() || std::thread::panicking() {
        return;
    }
    let (at, name) = (place(Location::caller()), condvar.shown());
    LOG.with_borrow_mut(|log| {
        let asleep = log.sleepers.entry(name.clone()).or_default();
        let woken: Vec<usize> =
            asleep.drain(..if all { asleep.len() } else { asleep.len().min(1) }).collect();
        let names: Vec<&str> = woken.iter().map(|task| log.tasks[*task].name.as_str()).collect();
        let whom = if names.is_empty() {
            "nobody there".to_owned()
        } else {
            format!("wakes {}", names.join(", "))
        };
        let text = format!("notifies {} of {name}: {whom}", if all { "all" } else { "one" });
        let task = current(log);
        log.rows.push(Row {
            object: Some(format!("{name} (condvar)")),
            others: woken,
            ..Row::new(task, Kind::Notify, text, at)
        });
    });
}

/// Says what the running thread does.
#[track_caller]
pub(crate) fn say(text: String) {
    note(Kind::Say, text);
}

/// Says what it does until [`finish_activity`].
#[track_caller]
pub(crate) fn begin_activity(text: String) {
    on_task(|task, rows| task.within.push((text.clone(), rows)));
    note(Kind::Begin, text);
}

/// Ends the newest activity.
pub(crate) fn finish_activity() {
    if !is_recorded() || std::thread::panicking() {
        return;
    }
    on_task(|task, _| task.within.pop());
    add(|task| Row::new(task, Kind::Finish, "done".to_owned(), String::new()));
}

/// A row that is about no object.
#[track_caller]
pub(super) fn note(kind: Kind, text: String) {
    if is_recorded() && !std::thread::panicking() {
        let at = place(Location::caller());
        add(|task| Row::new(task, kind, text, at));
    }
}

/// Says that a state beside has changed.
pub(crate) fn show_state(topic: super::super::Topic, name: String, value: String) {
    let topic: Topic = topic.into();
    LOG.with_borrow_mut(|log| {
        let change = Change { topic, name, value };
        match log.rows.last_mut() {
            Some(row) => row.changes.push(change),
            None => log.early.push(change),
        }
    });
}

/// What was recorded, ending in this violation. Nothing of loom's is touched.
pub(super) fn trace(kind: ViolationKind, message: &str) -> Trace {
    let Log { tasks, mut rows, .. } = LOG.take();
    RECORDS.set(false);
    let stuck = matches!(kind, ViolationKind::Deadlock | ViolationKind::LeakedTask);
    if !stuck && let Some(last) = rows.last() {
        let task = last.task;
        rows.push(Row::new(task, Kind::Broken, format!("! {kind}"), String::new()));
    }
    let mut waits = Vec::new();
    for (number, task) in tasks.iter().enumerate().filter(|(_, task)| stuck && !task.ended) {
        let since = rows.iter().rposition(|row| row.task == number);
        let last = since.map(|row| &rows[row]);
        let (text, why, location) = match (&task.waits_for, last) {
            (Some((lock, at)), _) => (format!("waits for {lock}"), "", place(at)),
            (None, Some(row)) if row.kind == Kind::Sleep => {
                (row.text.clone(), "nobody will notify it", row.location.clone())
            }
            _ => continue,
        };
        let waiting = Waiting::new(number, text, why, location);
        waits.push(Waiting { since, within: task.within.clone(), ..waiting });
    }
    // In place of loom's list of its own thread numbers.
    let what = if stuck { "deadlock: nobody can go on" } else { message };
    let names = tasks.into_iter().map(|task| task.name).collect();
    let property = message.split('`').nth(1).filter(|_| kind == ViolationKind::Property);
    let property = property.map(str::to_owned);
    let ending = Ending { what: what.to_owned(), property, waits, queues: Vec::new() };
    Trace { tasks: names, rows, ending }
}
