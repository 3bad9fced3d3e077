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
use super::clock::{Clock, TASKS_MAX};
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

/// One of the two clocks that are published through an object. The second is that of shared holders for a read/write
/// lock; for a watched cell the two are its last write and the reads since.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Through {
    First = 0,
    Second = 1,
}

/// What is known by whom, and published where. Empty while nobody asks.
pub(crate) trait Memory {
    /// Forgets the execution before; allocations stay.
    fn clear(&mut self);

    /// The same with place for as many tasks as there may be, if there was less.
    fn widen(&mut self) -> Option<Box<dyn Memory>>;

    /// A task was spawned by `parent`, if not by nobody, and knows what it knows.
    fn spawned(&mut self, parent: Option<usize>);

    /// `task` has read `object`.
    fn read(&mut self, task: usize, object: ObjectId, ordering: Ordering);

    /// `task` has written `object`, perhaps as part of an update.
    fn written(&mut self, task: usize, object: ObjectId, ordering: Ordering, update: bool);

    /// What a store of `task` at this place publishes. What the task learns later is not among it.
    fn publishes(&mut self, task: usize, ordering: Ordering) -> Clock<TASKS_MAX>;

    /// A store that was held back is performed: it publishes what its task knew then.
    fn delayed(&mut self, object: ObjectId, published: &Clock<TASKS_MAX>);

    /// `task` has executed a fence.
    fn fence(&mut self, task: usize, ordering: Ordering);

    /// `task` publishes all it knows, as an unlock does.
    fn publish(&mut self, task: usize, object: ObjectId, through: Through);

    /// `task` learns what was published for it.
    fn learn(&mut self, task: usize, object: ObjectId, through: Through);

    /// `task` learns what `other` knows.
    fn learn_from(&mut self, task: usize, other: usize);

    /// `task` accesses a watched cell. Gives who has accessed it without an order between the two, and with which of its clocks.
    fn access(&mut self, task: usize, cell: ObjectId, write: bool) -> Option<(usize, Through)>;
}

/// What a task knows and publishes.
#[derive(Clone, Copy)]
struct Knowledge<const WIDTH: usize> {
    /// What the declared orderings let it know.
    sync: Clock<WIDTH>,
    /// What its last release fence publishes by later relaxed stores.
    fence_release: Clock<WIDTH>,
    /// What its next acquire fence will learn from earlier relaxed loads.
    fence_acquire: Clock<WIDTH>,
}

/// The memory, with clocks for so many tasks.
#[derive(Default)]
pub(crate) struct Known<const WIDTH: usize> {
    tasks: Vec<Knowledge<WIDTH>>,
    /// For each object, what was published through it.
    objects: Vec<[Clock<WIDTH>; 2]>,
}

impl<const WIDTH: usize> Known<WIDTH> {
    /// What was published through `object`.
    fn published(&mut self, object: ObjectId) -> &mut [Clock<WIDTH>; 2] {
        let slot = object.0 as usize;
        if self.objects.len() <= slot {
            self.objects.resize(slot + 1, [Clock::ZERO; 2]);
        }
        &mut self.objects[slot]
    }

    #[inline]
    fn leaves(&mut self, task: usize, ordering: Ordering) -> Clock<WIDTH> {
        let writer = &mut self.tasks[task];
        if !releases(ordering) {
            return writer.fence_release;
        }
        let published = writer.sync;
        writer.sync.advance(task);
        published
    }
}

impl<const WIDTH: usize> Memory for Known<WIDTH> {
    fn clear(&mut self) {
        self.tasks.clear();
        self.objects.clear();
    }

    fn widen(&mut self) -> Option<Box<dyn Memory>> {
        if WIDTH == TASKS_MAX {
            return None;
        }
        let tasks = self.tasks.iter().map(|task| Knowledge {
            sync: task.sync.widened(),
            fence_release: task.fence_release.widened(),
            fence_acquire: task.fence_acquire.widened(),
        });
        let objects = self.objects.iter().map(|clocks| clocks.map(|clock| clock.widened()));
        let wide: Known<TASKS_MAX> = Known { tasks: tasks.collect(), objects: objects.collect() };
        Some(Box::new(wide))
    }

    fn spawned(&mut self, parent: Option<usize>) {
        let sync = parent.map_or(Clock::ZERO, |parent| {
            let spawner = &mut self.tasks[parent];
            spawner.sync.advance(parent);
            spawner.sync
        });
        let fresh = Knowledge { sync, fence_release: Clock::ZERO, fence_acquire: Clock::ZERO };
        self.tasks.push(fresh);
    }

    fn read(&mut self, task: usize, object: ObjectId, ordering: Ordering) {
        let [published, _] = *self.published(object);
        let reader = &mut self.tasks[task];
        let learns = if acquires(ordering) { &mut reader.sync } else { &mut reader.fence_acquire };
        learns.join(&published);
    }

    fn written(&mut self, task: usize, object: ObjectId, ordering: Ordering, update: bool) {
        let published = self.leaves(task, ordering);
        let [release, _] = self.published(object);
        if update {
            release.join(&published);
        } else {
            *release = published;
        }
    }

    fn publishes(&mut self, task: usize, ordering: Ordering) -> Clock<TASKS_MAX> {
        self.leaves(task, ordering).widened()
    }

    fn delayed(&mut self, object: ObjectId, published: &Clock<TASKS_MAX>) {
        self.published(object)[0] = published.narrowed();
    }

    fn fence(&mut self, task: usize, ordering: Ordering) {
        let known = &mut self.tasks[task];
        if acquires(ordering) {
            known.sync.join(&known.fence_acquire);
        }
        if releases(ordering) {
            known.fence_release = known.sync;
            known.sync.advance(task);
        }
    }

    fn publish(&mut self, task: usize, object: ObjectId, through: Through) {
        let known = self.tasks[task].sync;
        self.published(object)[through as usize].join(&known);
        self.tasks[task].sync.advance(task);
    }

    fn learn(&mut self, task: usize, object: ObjectId, through: Through) {
        let published = self.published(object)[through as usize];
        self.tasks[task].sync.join(&published);
    }

    fn learn_from(&mut self, task: usize, other: usize) {
        let known = self.tasks[other].sync;
        self.tasks[task].sync.join(&known);
    }

    fn access(&mut self, task: usize, cell: ObjectId, write: bool) -> Option<(usize, Through)> {
        self.tasks[task].sync.advance(task);
        let known = self.tasks[task].sync;
        let [written, read] = self.published(cell);
        let unordered_write = known.first_behind(written).map(|other| (other, Through::First));
        let race = unordered_write.or_else(|| {
            let other = known.first_behind(read).filter(|_| write)?;
            Some((other, Through::Second))
        });
        // One component is enough: later accesses must know of this one, and with it of all
        // that it knew.
        let mine = Clock::only(task, known.get(task));
        if write {
            *written = mine;
            *read = Clock::ZERO;
        } else {
            read.join(&mine);
        }
        race
    }
}

impl Execution {
    /// A task was spawned by `parent`, if not by nobody, and knows what it knows.
    pub(super) fn learns_from_parent(&mut self, parent: Option<usize>) {
        if self.follows_orderings {
            self.memory.spawned(parent);
        }
    }

    /// `task` has read `object`.
    pub(crate) fn atomic_read(&mut self, task: usize, object: ObjectId, ordering: Ordering) {
        if self.follows_orderings {
            self.memory.read(task, object, ordering);
        }
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
        if self.follows_orderings {
            self.memory.written(task, object, ordering, as_part_of_update);
        }
    }

    /// What a store of `task` at this place publishes when it is performed.
    pub(crate) fn publishes(&mut self, task: usize, ordering: Ordering) -> Clock<TASKS_MAX> {
        if self.follows_orderings { self.memory.publishes(task, ordering) } else { Clock::ZERO }
    }

    /// A store that was held back is performed: it publishes what its task knew then.
    pub(super) fn delayed_written(&mut self, object: ObjectId, published: &Clock<TASKS_MAX>) {
        if let ObjectState::Atomic { version, .. } = &mut self.objects[object].state {
            *version += 1;
        }
        if self.follows_orderings {
            self.memory.delayed(object, published);
        }
    }

    /// The running task has executed a fence.
    pub(crate) fn fence(&mut self, ordering: Ordering, at: &'static Location<'static>) {
        if self.follows_orderings {
            self.memory.fence(self.current, ordering);
        }
        self.places.note(at);
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

    /// `task` publishes all it knows through `object`, as an unlock does.
    pub(crate) fn publish(&mut self, task: usize, object: ObjectId, through: Through) {
        if self.follows_orderings {
            self.memory.publish(task, object, through);
        }
    }

    /// `task` learns what was published for it.
    pub(crate) fn learn(&mut self, task: usize, object: ObjectId, through: Through) {
        if self.follows_orderings {
            self.memory.learn(task, object, through);
        }
    }

    /// `task` learns what `other`, which has ended, knew.
    pub(crate) fn learn_from(&mut self, task: usize, other: usize) {
        if self.follows_orderings {
            self.memory.learn_from(task, other);
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
        let ObjectState::Cell { written_at, read_at } = &mut self.objects[object].state else {
            return;
        };
        let race = self.memory.access(me, object, write).map(|(other, through)| match through {
            Through::First => (other, "write", *written_at),
            Through::Second => (other, "read", *read_at),
        });
        if write {
            *written_at = Some(at);
            *read_at = None;
        } else {
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
        let name = self.objects[object].display_name();
        self.note(What::Broke(format!("races on {name}"), place(at)));
        self.next = self.end(Ending::Violation(ViolationKind::DataRace, text));
    }
}
