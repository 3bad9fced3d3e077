//! What the machinery says it does, for the drawings of counterexamples: rows in the words of the protocol beside those of
//! the primitives.
//!
//! `says!` is one row; `within!` an activity with others inside, which ends with the value that it returns; `shows!` a
//! state to be seen beside the steps. Nothing of it is a step, so no search depends on it, and nothing is formatted unless
//! the execution is going to be drawn. In production all of it is nothing.

use super::model;

/// What a state is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Who waits in a queue.
    Queue,
    /// A node's state.
    Node,
    /// The child of an edge.
    Edge,
    /// Who has an image open.
    Image,
}

#[cfg(any(test, feature = "on-harness", feature = "on-loom"))]
impl From<Topic> for graphlock_harness::trace::Topic {
    fn from(topic: Topic) -> Self {
        match topic {
            Topic::Queue => Self::Queue,
            Topic::Node => Self::Node,
            Topic::Edge => Self::Edge,
            Topic::Image => Self::Image,
        }
    }
}

/// An activity: lasts as long as this lives.
#[derive(Debug)]
#[must_use = "the activity ends when this is dropped"]
pub(crate) struct Activity {
    is_said: bool,
}

impl Activity {
    /// Begins one. The text is made only if somebody is going to read it.
    #[inline]
    #[track_caller]
    pub(crate) fn begin(text: impl FnOnce() -> String) -> Self {
        let is_said = model::is_recorded();
        if is_said {
            model::begin_activity(text());
        }
        Activity { is_said }
    }
}

impl Drop for Activity {
    #[inline]
    fn drop(&mut self) {
        if self.is_said {
            model::finish_activity();
        }
    }
}

/// Says what the running thread does.
macro_rules! says {
    ($($text:tt)*) => {
        if $crate::sync::model::is_recorded() {
            $crate::sync::model::say(format!($($text)*));
        }
    };
}

/// Says what the running thread does as long as the value lives.
macro_rules! within {
    ($($text:tt)*) => {
        $crate::sync::Activity::begin(|| format!($($text)*))
    };
}

/// Says that a state beside has changed: topic, name, value. An empty value: it is gone.
macro_rules! shows {
    ($topic:ident, $name:expr, $($value:tt)*) => {
        if $crate::sync::model::is_recorded() {
            $crate::sync::model::show_state($crate::sync::Topic::$topic, $name, format!($($value)*));
        }
    };
}
pub(crate) use {says, shows, within};
