//! What the declared orderings let a task know: the happens-before of C11, followed along a sequentially
//! consistent execution.
//!
//! A load returns the latest value; what it lets its task *know* is decided by the orderings. So a missing
//! release or acquire shows as a data race on the cell it should protect, in any interleaving of the
//! same trace. Stale values are not explored: a missing full fence is invisible here (docs/LIMITS.md).
//!
//! Sequentially consistent accesses and fences are treated as acquire-release, as C11's happens-before
//! does.

use std::panic::Location;
use std::sync::atomic::Ordering;

use super::Execution;
use super::clock::Clock;
use super::ending::Ending;
use super::object::ObjectState;
use super::operation::ObjectId;
use super::record::What;
use crate::outcome::ViolationKind;
use crate::trace::place;

fn acquires(ordering: Ordering) -> bool {
    matches!(ordering, Ordering::Acquire | Ordering::AcqRel | Ordering::SeqCst)
}

fn releases(ordering: Ordering) -> bool {
    matches!(ordering, Ordering::Release | Ordering::AcqRel | Ordering::SeqCst)
}

impl Execution {
    /// `task` has read `object`.
    pub(crate) fn atomic_read(&mut self, task: usize, object: ObjectId, ordering: Ordering) {
        let ObjectState::Atomic { release, .. } = &self.objects[object].state else {
            return;
        };
        if !self.follows_orderings {
            return;
        }
        let reader = &mut self.tasks[task];
        let learns = if acquires(ordering) { &mut reader.sync } else { &mut reader.fence_acquire };
        learns.join(release);
    }

    /// `task` has written `object`; `as_part_of_update` if it read it in the same step, which
    /// continues the release sequence.
    pub(crate) fn atomic_written(
        &mut self,
        task: usize,
        object: ObjectId,
        ordering: Ordering,
        as_part_of_update: bool,
    ) {
        let ObjectState::Atomic { release, version, .. } = &mut self.objects[object].state else {
            return;
        };
        *version += 1;
        if !self.follows_orderings {
            return;
        }
        let writer = &mut self.tasks[task];
        let published = if releases(ordering) { writer.sync } else { writer.fence_release };
        if releases(ordering) {
            writer.sync.advance(task);
        }
        if as_part_of_update {
            release.join(&published);
        } else {
            *release = published;
        }
    }

    /// The running task has executed a fence.
    pub(crate) fn fence(&mut self, ordering: Ordering, at: &'static Location<'static>) {
        let me = self.current;
        let task = &mut self.tasks[me];
        if acquires(ordering) {
            let learned = task.fence_acquire;
            task.sync.join(&learned);
        }
        if releases(ordering) {
            task.fence_release = task.sync;
            task.sync.advance(me);
        }
        self.note(What::Fence(ordering, at));
    }

    /// `task` remembers which value of the atomic it has seen, for the next time it gives way.
    pub(crate) fn watch(&mut self, task: usize, object: Option<ObjectId>) {
        let Some(object) = object else { return };
        if let ObjectState::Atomic { version, .. } = self.objects[object].state {
            let watched = &mut self.tasks[task].watched;
            match watched.iter_mut().find(|(each, _)| *each == object) {
                Some((_, seen)) => *seen = version,
                None => watched.push((object, version)),
            }
        }
    }

    /// `task` publishes all it knows through `release`, as an unlock does.
    pub(crate) fn publish(
        &mut self,
        task: usize,
        release: impl FnOnce(&mut Execution) -> &mut Clock,
    ) {
        let follows = self.follows_orderings;
        let known = self.tasks[task].sync;
        let release = release(self);
        if follows {
            release.join(&known);
            self.tasks[task].sync.advance(task);
        }
    }

    /// `task` learns what was published for it.
    pub(crate) fn learn(&mut self, task: usize, published: impl FnOnce(&Execution) -> Clock) {
        if self.follows_orderings {
            let published = published(self);
            self.tasks[task].sync.join(&published);
        }
    }

    /// The running task accesses a watched cell. Ends the execution if another access is not
    /// ordered before it.
    pub(crate) fn access_cell(
        &mut self,
        object: ObjectId,
        write: bool,
        at: &'static Location<'static>,
    ) {
        if !self.follows_orderings {
            self.next = self.end(Ending::NeedsOrderings);
            return;
        }
        let me = self.current;
        self.tasks[me].sync.advance(me);
        let known = self.tasks[me].sync;
        let ObjectState::Cell { written, written_at, read, read_at } =
            &mut self.objects[object].state
        else {
            return;
        };
        let unordered_write =
            known.first_behind(written).map(|other| (other, "write", *written_at));
        let race = unordered_write.or_else(|| {
            let other = known.first_behind(read).filter(|_| write)?;
            Some((other, "read", *read_at))
        });
        // One component is enough: later accesses must know of this one, and with it of all
        // that it knew.
        let mine = Clock::only(me, known.get(me));
        if write {
            *written = mine;
            *written_at = Some(at);
            *read = Clock::ZERO;
            *read_at = None;
        } else {
            read.join(&mine);
            *read_at = Some(at);
        }
        let Some((other, kind, other_at)) = race else {
            return;
        };
        let text = format!(
            "data race on {}: {} by {} at {} and {kind} by {} at {}, and no declared ordering separates them",
            self.objects[object].display_name(),
            if write { "write" } else { "read" },
            self.tasks[me].name(),
            place(at),
            self.tasks[other].name(),
            other_at.map_or_else(|| "?".to_owned(), place),
        );
        self.next = self.end(Ending::Violation(ViolationKind::DataRace, text));
    }
}
