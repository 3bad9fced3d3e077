//! The shared objects of one execution: what the engine must know of each to say who can go on, and
//! where a watched cell was accessed.
//!
//! Values stay in the primitives, what was published through an object in [`super::memory`]; here is only the
//! state that decides enabledness.

use std::collections::BTreeMap;
use std::panic::Location;

use smallvec::SmallVec;

use super::operation::ObjectId;
use crate::trace::unnamed;

/// Tasks that wait, in order of arrival.
pub(crate) type Waiters = SmallVec<[usize; 4]>;

/// The state of an object, by kind.
#[derive(Debug)]
pub(crate) enum ObjectState {
    /// An atomic: how often it was written, and whether its values are shown with a sign.
    Atomic { version: u32, signed: bool },
    /// A mutex: who holds it.
    Mutex { owner: Option<usize> },
    /// A read/write lock: who holds it.
    RwLock { writer: Option<usize>, readers: SmallVec<[usize; 4]> },
    /// A condition variable: who waits, in order of arrival.
    Condvar { waiters: Waiters },
    /// A watched cell: where its last write was, and the last read since.
    Cell {
        written_at: Option<&'static Location<'static>>,
        read_at: Option<&'static Location<'static>>,
    },
    /// A task, as the object of joins or of unparks.
    Task(usize),
}

/// Who could take a lock at once. For a task's token: `Free` if it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// Everybody.
    Free,
    /// Only who shares it.
    Shared,
    /// Nobody.
    Taken,
}

impl ObjectState {
    /// Who could take it. An object that is no lock is free.
    pub(crate) fn availability(&self) -> Availability {
        match self {
            ObjectState::Mutex { owner: Some(_) } | ObjectState::RwLock { writer: Some(_), .. } => {
                Availability::Taken
            }
            ObjectState::RwLock { readers, .. } if !readers.is_empty() => Availability::Shared,
            _ => Availability::Free,
        }
    }

    /// The word for a name that nobody gave.
    fn word(&self) -> &'static str {
        match self {
            ObjectState::Atomic { .. } => "atomic",
            ObjectState::Mutex { .. } => "mutex",
            ObjectState::RwLock { .. } => "rwlock",
            ObjectState::Condvar { .. } => "condvar",
            ObjectState::Cell { .. } => "cell",
            ObjectState::Task(_) => "task",
        }
    }
}

/// One object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) state: ObjectState,
    /// The creating task's identity and how many objects it had created before, as one number. The
    /// same object has the same identity in every interleaving.
    pub(crate) identity: u64,
    /// The name somebody gave it.
    pub(crate) name: Option<String>,
    /// Where it was made.
    pub(crate) made_at: &'static Location<'static>,
}

impl Object {
    /// A name to read: the given one, or kind and place of creation.
    pub(crate) fn display_name(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => unnamed(self.state.word(), self.made_at),
        }
    }
}

/// All objects of one execution, by number.
#[derive(Debug, Default)]
pub(crate) struct Objects(Vec<Object>);

impl Objects {
    /// Adds an object.
    pub(crate) fn add(&mut self, object: Object) -> ObjectId {
        let id = ObjectId(u32::try_from(self.0.len()).expect("fewer than 2^32 objects"));
        self.0.push(object);
        id
    }

    /// Gives those of a kind that are called the same different names: the second one gets a `#2`.
    pub(crate) fn make_names_unique(&mut self) {
        let mut seen: BTreeMap<(&str, String), u32> = BTreeMap::new();
        for object in &mut self.0 {
            if matches!(object.state, ObjectState::Task(_)) {
                continue;
            }
            let name = object.display_name();
            let count = seen.entry((object.state.word(), name.clone())).or_default();
            *count += 1;
            if *count > 1 {
                object.name = Some(format!("{name}#{count}"));
            }
        }
    }

    /// Forgets all objects of the execution before.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl std::ops::Index<ObjectId> for Objects {
    type Output = Object;
    fn index(&self, id: ObjectId) -> &Object {
        &self.0[id.0 as usize]
    }
}

impl std::ops::IndexMut<ObjectId> for Objects {
    fn index_mut(&mut self, id: ObjectId) -> &mut Object {
        &mut self.0[id.0 as usize]
    }
}
