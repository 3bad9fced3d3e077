//! What happens before what in a trace, and what ends whose wait.
//!
//! The order is that of conflicts, as in `explore/happens_before.rs`, but from the rows alone, so that it is there for every
//! engine: a task's own rows; a read after the write it sees and a write after all accesses before it; locks in the order
//! in which they were held; a task after its spawn, a join after the end, a resumed task after who woke it.
//!
//! Invariant: the clock of a row is at least the clock of every row that happens before it, entry by entry.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Kind, Trace};

/// Why one row comes after another one of another task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// The first wakes the second one's task, which goes on there.
    Wake,
    /// The first gives back the lock that the second takes.
    HandOver,
    /// The second reads what the first has written.
    ReadsFrom,
    /// The first begins the task, or is the end that the second has waited for.
    Life,
}

/// Two rows of different tasks, the first before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Link {
    /// The number of the first row.
    pub from: usize,
    /// The number of the second row.
    pub to: usize,
    /// Why.
    pub kind: LinkKind,
}

/// The order of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Causality {
    /// For each row, how many rows of each task happen before it, itself included.
    pub clocks: Vec<Vec<u32>>,
    /// What concerns two tasks, by its second row.
    pub links: Vec<Link>,
}

/// What is known of an object while the rows are read.
#[derive(Default)]
struct Object {
    written: Option<usize>,
    read: Vec<usize>,
}

/// Reads the rows in order.
struct Reader<'a> {
    trace: &'a Trace,
    order: Causality,
    /// What each task knows.
    clocks: Vec<Vec<u32>>,
    objects: BTreeMap<&'a str, Object>,
    /// The row that has woken a task which has not gone on.
    woken: Vec<Option<usize>>,
    spawned: Vec<Option<usize>>,
    ended: Vec<Option<usize>>,
}

impl Causality {
    /// The order of `trace`.
    #[must_use]
    pub fn of(trace: &Trace) -> Self {
        let tasks = trace.tasks.len();
        let mut reader = Reader {
            trace,
            order: Causality::default(),
            clocks: vec![vec![0; tasks]; tasks],
            objects: BTreeMap::new(),
            woken: vec![None; tasks],
            spawned: vec![None; tasks],
            ended: vec![None; tasks],
        };
        (0..trace.rows.len()).for_each(|row| reader.read(row));
        reader.order
    }

    /// Whether the first row happens before the second.
    #[must_use]
    pub fn is_before(&self, trace: &Trace, first: usize, second: usize) -> bool {
        let task = trace.rows[first].task;
        self.clocks[first][task] <= self.clocks[second][task]
    }
}

impl<'a> Reader<'a> {
    fn read(&mut self, number: usize) {
        let row = &self.trace.rows[number];
        let task = row.task;
        if let Some(spawn) = self.spawned[task].take() {
            self.link(spawn, number, Some(LinkKind::Life));
        }
        if row.kind == Kind::Resume
            && let Some(by) = self.woken[task].take()
        {
            self.link(by, number, Some(LinkKind::Wake));
        }
        if row.kind == Kind::Join {
            for other in &row.others {
                if let Some(end) = self.ended[*other] {
                    self.link(end, number, Some(LinkKind::Life));
                }
            }
        }
        for name in row.object.iter().chain(&row.mutex) {
            self.touch(name, number, row.kind);
        }
        self.clocks[task][task] += 1;
        self.order.clocks.push(self.clocks[task].clone());
        match row.kind {
            Kind::Notify => row.others.iter().for_each(|other| self.woken[*other] = Some(number)),
            Kind::Spawn => row.others.iter().for_each(|other| self.spawned[*other] = Some(number)),
            Kind::End => self.ended[task] = Some(number),
            _ => {}
        }
    }

    fn touch(&mut self, name: &'a str, number: usize, kind: Kind) {
        let object = self.objects.entry(name).or_default();
        let (written, mut read) = (object.written, Vec::new());
        let why = match kind {
            Kind::Read => {
                object.read.push(number);
                Some(LinkKind::ReadsFrom)
            }
            Kind::Write => {
                read = std::mem::take(&mut object.read);
                object.written = Some(number);
                None
            }
            Kind::Update => {
                read = std::mem::take(&mut object.read);
                object.written = Some(number);
                Some(LinkKind::ReadsFrom)
            }
            Kind::Lock | Kind::Resume => {
                object.written = Some(number);
                Some(LinkKind::HandOver)
            }
            Kind::Unlock | Kind::Sleep | Kind::Refused | Kind::Notify => {
                object.written = Some(number);
                None
            }
            _ => return,
        };
        if let Some(written) = written {
            self.link(written, number, why);
        }
        read.into_iter().for_each(|reader| self.link(reader, number, None));
    }

    /// The first row happens before the second; it is shown if there is a reason to.
    fn link(&mut self, from: usize, to: usize, kind: Option<LinkKind>) {
        if from == to {
            return;
        }
        let task = self.trace.rows[to].task;
        let past = self.order.clocks[from].clone();
        for (known, before) in self.clocks[task].iter_mut().zip(past) {
            *known = (*known).max(before);
        }
        if let Some(kind) = kind.filter(|_| self.trace.rows[from].task != task) {
            self.order.links.push(Link { from, to, kind });
        }
    }
}
