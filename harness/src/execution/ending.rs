//! How an execution ends, and the words for it: who waits for what, held by whom.

use super::Execution;
use super::object::ObjectState;
use super::operation::OperationKind;
use super::task::{Task, TaskState};
use crate::outcome::ViolationKind;
use crate::trace::{Waiting, place};

/// How an execution ended.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// Every task ran to its end.
    Completed,
    /// It reached the bound on its length.
    Cut,
    /// It has come to a watched cell without having followed the declared orderings: it must be made again with them.
    NeedsOrderings,
    /// A schedule that was to be followed offers something that is not there.
    DoesNotFit(String),
    /// Something is wrong; the text says what.
    Violation(ViolationKind, String),
}

impl Execution {
    /// Nobody can act and no time will come: a deadlock, a livelock or leaked tasks.
    pub(crate) fn describe_stuck(&mut self) -> Ending {
        let stuck: Vec<&Task> =
            self.tasks.iter().filter(|task| task.state != TaskState::Ended).collect();
        let spins = stuck.iter().any(|task| {
            task.pending.is_some_and(|operation| operation.kind == OperationKind::Yield)
        });
        let main_ended = self.tasks.first().is_some_and(|main| main.state == TaskState::Ended);
        let (kind, head) = if spins {
            (ViolationKind::Livelock, "livelock: a task re-reads what nobody will change any more")
        } else if main_ended {
            (ViolationKind::LeakedTask, "leaked task: main has ended and nobody will wake the rest")
        } else {
            (ViolationKind::Deadlock, "deadlock: nobody can go on")
        };
        let stuck = stuck.into_iter().map(|task| self.describe_wait(task)).collect();
        self.ending_with(kind, head, stuck)
    }

    /// The execution has more steps than it may.
    pub(crate) fn describe_livelock(&mut self) -> Ending {
        let head = format!(
            "livelock: no end within {} steps; raise the limit if the body is that long",
            self.steps_max
        );
        let live = self.tasks.iter().filter(|task| task.state != TaskState::Ended);
        let stuck = live.map(|task| self.describe_wait(task)).collect();
        self.ending_with(ViolationKind::Livelock, &head, stuck)
    }

    fn ending_with(&mut self, kind: ViolationKind, head: &str, stuck: Vec<Waiting>) -> Ending {
        let mut text = head.to_owned();
        for each in &stuck {
            text += &format!("\n  {} {}", self.tasks[each.task].name(), each.text);
            if !each.why.is_empty() {
                text += &format!("; {}", each.why);
            }
            if !each.location.is_empty() {
                text += &format!(" ({})", each.location);
            }
        }
        self.stuck = stuck;
        Ending::Violation(kind, text)
    }

    /// What one task waits for, held by whom, since where.
    fn describe_wait(&self, task: &Task) -> Waiting {
        let Some(operation) = task.pending else {
            return Waiting::new(task.number, "runs".to_owned(), "", String::new());
        };
        let name = self.name_of(operation.object);
        let held_by = |object| match &self.objects[object].state {
            ObjectState::Mutex { owner: Some(owner), .. } => {
                format!(", held by {}", self.tasks[*owner].name())
            }
            ObjectState::RwLock { writer: Some(writer), .. } => {
                format!(", held by {}", self.tasks[*writer].name())
            }
            ObjectState::RwLock { readers, .. } if !readers.is_empty() => {
                let names: Vec<_> =
                    readers.iter().map(|reader| self.tasks[*reader].name()).collect();
                format!(", held shared by {}", names.join(", "))
            }
            _ => String::new(),
        };
        let holder = operation.object.map_or_else(String::new, held_by);
        let mut why = "";
        let wait = match operation.kind {
            OperationKind::CondvarWake => {
                let condvar = self.name_of(operation.second);
                if holder.is_empty() {
                    why = "nobody will notify it";
                    format!("sleeps in {condvar}")
                } else {
                    format!("woken from {condvar}, waits for {name}{holder}")
                }
            }
            OperationKind::MutexLock | OperationKind::RwLockRead | OperationKind::RwLockWrite => {
                format!("waits for {name}{holder}")
            }
            OperationKind::Join => format!("waits for the end of {name}"),
            OperationKind::Park => {
                why = "nobody will unpark it";
                "is parked".to_owned()
            }
            OperationKind::Yield => match self.read_in_loop(task).as_str() {
                "" => "re-reads in a loop what nobody will change".to_owned(),
                names => format!("re-reads {names} in a loop, and nobody will change it"),
            },
            _ if operation.object.is_some() => format!("goes round, now at {name}"),
            _ => "goes round".to_owned(),
        };
        Waiting::new(task.number, wait, why, place(operation.location))
    }

    /// The atomics that a task has read since it last gave way, by name, each once.
    fn read_in_loop(&self, task: &Task) -> String {
        let mut names: Vec<String> =
            task.watched.iter().map(|(object, _)| self.name_of(Some(*object))).collect();
        names.dedup();
        names.join(", ")
    }
}
