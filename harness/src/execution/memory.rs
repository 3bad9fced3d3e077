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

/// What a task knows and publishes.
#[derive(Clone, Copy)]
struct Knowledge {
    /// What the declared orderings let it know.
    sync: Clock,
    /// What its last release fence publishes by later relaxed stores.
    fence_release: Clock,
    /// What its next acquire fence will learn from earlier relaxed loads.
    fence_acquire: Clock,
}

/// What is known by whom, and published where. Empty while nobody asks.
#[derive(Default)]
pub(crate) struct Memory {
    tasks: Vec<Knowledge>,
    /// For each object, what was published through it. The second clock is that of shared holders for a read/write
    /// lock; for a watched cell the two are its last write and the reads since.
    objects: Vec<[Clock; 2]>,
}

impl Memory {
    /// Forgets the execution before; allocations stay.
    pub(super) fn clear(&mut self) {
        self.tasks.clear();
        self.objects.clear();
    }

    /// What was published through `object`.
    pub(crate) fn published(&mut self, object: ObjectId) -> &mut [Clock; 2] {
        let slot = object.0 as usize;
        if self.objects.len() <= slot {
            self.objects.resize(slot + 1, [Clock::ZERO; 2]);
        }
        &mut self.objects[slot]
    }

    /// What a store of `task` at this place publishes. What the task learns later is not among it.
    #[inline]
    fn publishes(&mut self, task: usize, ordering: Ordering) -> Clock {
        let writer = &mut self.tasks[task];
        if !releases(ordering) {
            return writer.fence_release;
        }
        let published = writer.sync;
        writer.sync.advance(task);
        published
    }

    /// All that `task` knows.
    pub(crate) fn known_to(&self, task: usize) -> Clock {
        self.tasks[task].sync
    }
}

impl Execution {
    /// A task was spawned by `parent`, if not by nobody, and knows what it knows.
    pub(super) fn learns_from_parent(&mut self, parent: Option<usize>) {
        if !self.follows_orderings {
            return;
        }
        let sync = parent.map_or(Clock::ZERO, |parent| {
            let spawner = &mut self.memory.tasks[parent];
            spawner.sync.advance(parent);
            spawner.sync
        });
        let fresh = Knowledge { sync, fence_release: Clock::ZERO, fence_acquire: Clock::ZERO };
        self.memory.tasks.push(fresh);
    }

    /// `task` has read `object`.
    pub(crate) fn atomic_read(&mut self, task: usize, object: ObjectId, ordering: Ordering) {
        if !self.follows_orderings {
            return;
        }
        let [published, _] = *self.memory.published(object);
        let reader = &mut self.memory.tasks[task];
        let learns = if acquires(ordering) { &mut reader.sync } else { &mut reader.fence_acquire };
        learns.join(&published);
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
        if let ObjectState::Atomic { version, .. } = &mut self.objects[object].state {
            *version += 1;
        }
        if !self.follows_orderings {
            return;
        }
        let published = self.memory.publishes(task, ordering);
        let [release, _] = self.memory.published(object);
        if as_part_of_update {
            release.join(&published);
        } else {
            *release = published;
        }
    }

    /// What a store of `task` at this place publishes when it is performed.
    pub(crate) fn publishes(&mut self, task: usize, ordering: Ordering) -> Clock {
        if self.follows_orderings { self.memory.publishes(task, ordering) } else { Clock::ZERO }
    }

    /// A store that was held back is performed: it publishes what its task knew then.
    pub(super) fn delayed_written(&mut self, object: ObjectId, published: &Clock) {
        if let ObjectState::Atomic { version, .. } = &mut self.objects[object].state {
            *version += 1;
        }
        if self.follows_orderings {
            self.memory.published(object)[0] = *published;
        }
    }

    /// The running task has executed a fence.
    pub(crate) fn fence(&mut self, ordering: Ordering, at: &'static Location<'static>) {
        let me = self.current;
        if self.follows_orderings {
            let task = &mut self.memory.tasks[me];
            if acquires(ordering) {
                let learned = task.fence_acquire;
                task.sync.join(&learned);
            }
            if releases(ordering) {
                task.fence_release = task.sync;
                task.sync.advance(me);
            }
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
    pub(crate) fn publish(&mut self, task: usize, release: impl FnOnce(&mut Memory) -> &mut Clock) {
        if self.follows_orderings {
            let known = self.memory.known_to(task);
            release(&mut self.memory).join(&known);
            self.memory.tasks[task].sync.advance(task);
        }
    }

    /// `task` learns what was published for it.
    pub(crate) fn learn(&mut self, task: usize, published: impl FnOnce(&mut Memory) -> Clock) {
        if self.follows_orderings {
            let published = published(&mut self.memory);
            self.memory.tasks[task].sync.join(&published);
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
        self.memory.tasks[me].sync.advance(me);
        let known = self.memory.known_to(me);
        let ObjectState::Cell { written_at, read_at } = &mut self.objects[object].state else {
            return;
        };
        let [written, read] = self.memory.published(object);
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
