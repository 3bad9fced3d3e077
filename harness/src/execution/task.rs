//! The tasks of one execution: what each has announced, and what it knows.

use std::any::Any;
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;

use super::object::Objects;
use super::operation::{ObjectId, Operation};

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// It runs, or has announced what it does next.
    Live,
    /// Its closure has returned.
    Ended,
}

/// What a waiter of a condition variable has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It does not wait.
    No,
    /// Nobody has notified it.
    Waiting,
    /// It may take its mutex again.
    Notified,
    /// Its time is over.
    TimedOut,
}

/// The atomics a task has read, with the versions it has seen.
pub(crate) type Watched = SmallVec<[(ObjectId, u32); 4]>;

/// One task.
pub(crate) struct Task {
    /// The name somebody gave it.
    pub(crate) given_name: Option<Arc<str>>,
    pub(crate) number: usize,
    /// Its place in the tree of creation, the same in every interleaving: the parent's
    /// identity, hashed with the number of children the parent had before.
    pub(crate) identity: u64,
    pub(crate) children: u32,
    pub(crate) objects_made: u32,
    pub(crate) state: TaskState,
    /// The step it takes when it is chosen next.
    pub(crate) pending: Option<Operation>,
    /// While it runs up to its first announcement: the task that goes on then.
    pub(crate) prepare_return: Option<usize>,
    /// What a join is a step on.
    pub(crate) object: ObjectId,
    /// What parking and unparking are steps on.
    pub(crate) parker: ObjectId,
    pub(crate) wait: Wait,
    /// The token of park and unpark.
    pub(crate) token: bool,
    /// When a sleep or a timed wait ends.
    pub(crate) deadline: Option<u64>,
    /// The atomics it has read since it last gave way, with their versions.
    pub(crate) watched: Watched,
    /// Whether it has written something since it last gave way.
    pub(crate) wrote: bool,
    /// Its thread-local values with their keys, in the order in which they were made.
    pub(crate) locals: Vec<(usize, Rc<dyn Any>)>,
}

impl Task {
    pub(crate) fn new(
        number: usize,
        given_name: Option<Arc<str>>,
        identity: u64,
        object: ObjectId,
        parker: ObjectId,
    ) -> Self {
        Task {
            given_name,
            number,
            identity,
            children: 0,
            objects_made: 0,
            state: TaskState::Live,
            pending: None,
            prepare_return: None,
            object,
            parker,
            wait: Wait::No,
            token: false,
            deadline: None,
            watched: Watched::new(),
            wrote: false,
            locals: Vec::new(),
        }
    }

    /// Its name to read.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        match (&self.given_name, self.number) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, 0) => Cow::Borrowed("main"),
            (None, number) => Cow::Owned(format!("task{number}")),
        }
    }

    /// Its thread-local value under `key`.
    pub(crate) fn local(&self, key: usize) -> Option<Rc<dyn Any>> {
        self.locals.iter().find(|(each, _)| *each == key).map(|(_, value)| Rc::clone(value))
    }

    /// Whether it waits for a lock only: not for a notification as well.
    pub(crate) fn is_told_to_go_on(&self) -> bool {
        self.wait != Wait::Waiting
    }

    /// Whether something it has read since it last gave way has changed, or whether it has done
    /// more than read, so that its loop may end by its own doing.
    pub(crate) fn may_go_on_after_yield(&self, objects: &Objects) -> bool {
        self.wrote
            || self.watched.is_empty()
            || self.watched.iter().any(|(object, seen)| match objects[*object].state {
                super::object::ObjectState::Atomic { version, .. } => version != *seen,
                _ => true,
            })
    }
}
