//! A number for the trace of an execution: equal for equivalent executions, different for others (but for
//! collisions of 64 bits).
//!
//! A step's number is made of the number of the step before it in its task and of the numbers of the steps it
//! conflicts with directly; the trace's is their sum, which has no order.

use super::Performed;
use crate::execution::clock::TASKS_MAX;
use crate::execution::mix;
use crate::execution::operation::{Class, ObjectId};

/// What is known of one object.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The last write, and the sum of the reads since.
    written: u64,
    read: u64,
    /// How often it was changed.
    version: u32,
}

/// The number of the execution so far.
#[derive(Clone)]
pub(crate) struct Fingerprint {
    sum: u64,
    tasks: [u64; TASKS_MAX],
    objects: Vec<Seen>,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint { sum: 0, tasks: [0; TASKS_MAX], objects: Vec::new() }
    }
}

impl Fingerprint {
    /// Forgets the execution.
    pub(crate) fn clear(&mut self) {
        self.sum = 0;
        self.tasks = [0; TASKS_MAX];
        self.objects.clear();
    }

    /// The number.
    pub(crate) fn value(&self) -> u64 {
        self.sum
    }

    fn object(&mut self, object: ObjectId) -> &mut Seen {
        let index = object.0 as usize;
        if self.objects.len() <= index {
            self.objects.resize(index + 1, Seen::default());
        }
        &mut self.objects[index]
    }

    fn advance(&mut self, task: usize, number: u64) {
        self.tasks[task] = mix(self.tasks[task], number);
        self.sum = self.sum.wrapping_add(self.tasks[task]);
    }

    /// A step was taken.
    pub(crate) fn performed(&mut self, step: &Performed<'_>) {
        let class = step.class;
        let mut number = 1;
        for object in step.operation.objects() {
            let seen = *self.object(object);
            number =
                mix(number, mix(seen.written, if class == Class::Read { 0 } else { seen.read }));
        }
        for (object, version) in step.watched {
            let seen = *self.object(*object);
            // What was changed lets the task go on, whoever changed it further.
            number = mix(number, if seen.version == *version { seen.written } else { 2 });
        }
        self.advance(step.task, number);
        let own = self.tasks[step.task];
        for object in step.operation.objects() {
            let seen = self.object(object);
            match class {
                Class::Read => seen.read = seen.read.wrapping_add(own),
                Class::Write => *seen = Seen { written: own, read: 0, ..*seen },
            }
            seen.version += u32::from(step.changed);
        }
        for (object, version) in step.watched {
            let seen = self.object(*object);
            if seen.version == *version {
                seen.read = seen.read.wrapping_add(own);
            }
        }
    }

    /// `task` has spawned `child`.
    pub(crate) fn spawned(&mut self, child: usize, identity: u64) {
        self.tasks[child] = identity;
    }

    /// `task` was given a value.
    pub(crate) fn chose(&mut self, task: usize, value: u32) {
        self.advance(task, mix(3, u64::from(value)));
    }

    /// `task` goes on because its time has come.
    pub(crate) fn time_passed(&mut self, task: usize) {
        self.advance(task, 4);
    }
}
