//! The writer's side: how it gets in, and in which order it leaves.
//!
//! The writer runs on the main loop and waits by polling it, so callbacks run meanwhile: they may take read
//! locks and whole write sections.
//!
//! # Phases of getting in
//! *Open*: the door stands open while the writer waits, so that whatever its callbacks and the holders depend on
//! gets in. *Shut*: after too many overtakes it waits behind a shut door, so that readers which no drain
//! stops cannot keep it out for ever. A timer opens the door again: a holder may depend on a sleeper.
//!
//! # Cases
//! * `writer-enters-at-once`: nobody is inside when it looks first.
//! * `writer-waits`: somebody is; their leaving kicks.
//! * `writer-backs-off`: it has shut the door and finds somebody who came in between. It opens the door and
//!   wakes whoever it has put to sleep.
//! * `writer-waits-behind-shut-door`: it has been overtaken too often.
//! * `patience-ends`: it opens the door again and wakes the sleepers.
//!
//! # Invariants
//! * It enters only over a door that it has shut, with the fence executed, and a count of 0 read after that.
//! * Who opens the door takes the sleepers in the same critical section, and wakes them.
//! * What a section begins its own guard ends.

use std::task::Waker;

use super::deferred_unref::Batch;
use super::{Fairness, GraphLock, Inner, READER_QUEUE, WriteGuard};
use crate::event_loop::MainLoop;
use crate::mutation::mutated;
use crate::sync::asymmetric::fence_heavy;
use crate::sync::atomic::Ordering;
use crate::sync::time::Duration;
use crate::sync::{lock, reached, says, shows, within};

/// The looks at the readers before the first poll: [`MainLoop::wait_while`] looks before and after it announces
/// the waiter.
const LOOKS_BEFORE_POLL: u32 = 2;

/// What came of an attempt to get in through the open door.
enum Attempt {
    /// It is in.
    In,
    /// Somebody was inside; the door is open.
    BackedOff,
    /// Readers have come in too often; the door is shut.
    Overtaken,
}

impl GraphLock {
    /// Takes the lock exclusively. New requests are kept away while it waits, by a drain that ends before the
    /// section begins. Main loop only; polls. Counterpart: `bdrv_graph_wrlock`.
    pub fn write<'m>(&self, main: &'m mut MainLoop) -> WriteGuard<'m> {
        self.enter(main);
        self.section(main, false, None)
    }

    /// Takes the lock exclusively, with all requests drained until the section ends. Main loop only;
    /// polls. Counterpart: `bdrv_graph_wrlock_drained`.
    pub fn write_drained<'m>(&self, main: &'m mut MainLoop) -> WriteGuard<'m> {
        self.drain_and_enter(main);
        self.section(main, true, None)
    }

    /// The same for a close: what is deferred in the section is added to the batch that the close is part of,
    /// so that closing does not nest.
    pub fn write_drained_into<'m>(&self, main: &'m mut MainLoop, batch: &Batch) -> WriteGuard<'m> {
        self.drain_and_enter(main);
        self.section(main, true, Some(batch.clone()))
    }

    fn drain_and_enter(&self, main: &mut MainLoop) {
        if let Some(sources) = &self.0.sources {
            sources.quiesce_begin(main);
            let _waiting = within!("waits until all requests have ended");
            main.wait_while(|main| sources.busy(main));
        }
        if mutated("drain-ended-by-counter") {
            self.0.drained_sections.fetch_add(1, Ordering::Relaxed);
        }
        self.enter(main);
    }

    fn section<'m>(
        &self,
        main: &'m mut MainLoop,
        drained: bool,
        batch: Option<Batch>,
    ) -> WriteGuard<'m> {
        let works_off = batch.is_none();
        let batch = batch.unwrap_or_else(|| Batch::new(self.0.deferral));
        says!("begins the write section");
        WriteGuard { lock: self.clone(), main, drained, batch, works_off }
    }

    /// Gets in.
    fn enter(&self, main: &mut MainLoop) {
        let _entering = within!("takes the write lock");
        let sources = self.0.sources.as_ref();
        if let Some(sources) = sources {
            sources.quiesce_begin(main);
        }
        let mut overtakes = 0;
        let Fairness { mut overtakes_max, mut patience } = self.0.fairness;
        loop {
            match self.try_through_open_door(main, &mut overtakes, overtakes_max) {
                Attempt::In => break,
                Attempt::BackedOff => {}
                Attempt::Overtaken => {
                    if self.wait_behind_shut_door(main, patience) {
                        break;
                    }
                    patience = patience.saturating_mul(2);
                    overtakes = 0;
                    // Whoever was woken must find the door open: so at least one poll comes before it is
                    // shut again.
                    overtakes_max = overtakes_max.max(1);
                }
            }
        }
        if let Some(sources) = sources {
            sources.quiesce_end(main);
        }
    }

    /// Waits while the door stands open, shuts it, and looks.
    fn try_through_open_door(
        &self,
        main: &mut MainLoop,
        overtakes: &mut u32,
        overtakes_max: u32,
    ) -> Attempt {
        let inner = &self.0;
        let overtakes_max =
            if mutated("writer-never-shuts-the-door") { u32::MAX } else { overtakes_max };
        let mut looks = 0;
        let waiting = within!("waits until no reader is inside");
        main.wait_while(|_| {
            if inner.readers() < 1 {
                return false;
            }
            reached!("writer-waits");
            looks += 1;
            *overtakes += u32::from(looks > LOOKS_BEFORE_POLL);
            *overtakes < overtakes_max
        });
        drop(waiting);
        inner.overtakes_most.fetch_max(*overtakes, Ordering::Relaxed);
        inner.shut_door();
        if inner.readers_behind_shut_door() == 0 {
            if looks == 0 {
                reached!("writer-enters-at-once");
            }
            return Attempt::In;
        }
        if *overtakes >= overtakes_max {
            return Attempt::Overtaken;
        }
        reached!("writer-backs-off");
        // Counted, too: a reader that the writer wakes and meets again could keep them both busy for ever.
        *overtakes += 1;
        inner.back_off();
        Attempt::BackedOff
    }

    /// Waits with the door shut until nobody is inside, at most for `patience`. Says whether it is in;
    /// if not, the door is open.
    fn wait_behind_shut_door(&self, main: &mut MainLoop, patience: Duration) -> bool {
        let inner = &self.0;
        reached!("writer-waits-behind-shut-door");
        let opener = self.clone();
        let timer = main.call_after(patience, move |_| {
            reached!("patience-ends");
            opener.0.patience_ends.fetch_add(1, Ordering::Relaxed);
            opener.0.back_off();
        });
        let _waiting = within!("waits behind the shut door until no reader is inside");
        let shut = || inner.has_writer.load(Ordering::Relaxed);
        main.wait_while(|_| shut() && inner.readers_behind_shut_door() > 0);
        main.cancel_timer(timer);
        // Only this thread shuts and opens: a door that is shut has been since it was shut above.
        shut()
    }
}

impl Inner {
    /// The writer announces itself.
    fn shut_door(&self) {
        self.has_writer.store(true, Ordering::Relaxed);
        // ORDERING(reader-announce): store `has_writer`, heavy fence, load the counters.
        // Pairs with the light fence in `Read::poll`: at least one side sees the other's change.
        // Without it both proceed. Witness: mutation `writer-fence-removed`.
        if !mutated("writer-fence-removed") {
            fence_heavy();
        }
    }

    /// How many readers are inside a shut door. 0 means nobody.
    fn readers_behind_shut_door(&self) -> i32 {
        let readers = self.readers();
        assert!(readers >= 0, "the readers behind a shut door sum up to {readers}: one left twice");
        readers
    }

    /// The writer gives way, without having been inside.
    fn back_off(&self) {
        if mutated("back-off-leaves-sleepers") {
            self.has_writer.store(false, Ordering::Relaxed);
        } else {
            self.open_door();
        }
    }

    /// Opens the door and wakes everybody who found it shut.
    pub(super) fn open_door(&self) {
        // ORDERING(writer-publishes): the writer's changes, then clear `has_writer`.
        // Pairs with the acquire in `Inner::sees_writer`: a reader that finds the door open sees them.
        // Without it it reads an older graph. Witness: mutation `writer-flag-release-weakened`.
        let ordering = if mutated("writer-flag-release-weakened") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        let mut list = lock(&self.list);
        if mutated("queue-woken-outside-list-lock") {
            let sleepers = list.sleepers.take_all();
            says!("takes {} readers out of the reader queue", sleepers.len());
            shows!(Queue, READER_QUEUE.to_owned(), "");
            drop(list);
            self.has_writer.store(false, ordering);
            sleepers.into_iter().for_each(Waker::wake);
            return;
        }
        self.has_writer.store(false, ordering);
        let sleepers = list.sleepers.take_all();
        says!("opens the door, wakes the {} in the reader queue", sleepers.len());
        shows!(Queue, READER_QUEUE.to_owned(), "");
        drop(list);
        sleepers.into_iter().for_each(Waker::wake);
    }
}

impl WriteGuard<'_> {
    /// The order in which a section ends. Readers come first: what is deferred may poll until one of them
    /// has gone on. The drain ends next: what is deferred may need requests.
    pub(super) fn end_section(&mut self) {
        let _ending = within!("ends the write section");
        if mutated("deferred-unref-before-wake") {
            self.work_off();
        }
        self.lock.0.open_door();
        if mutated("deferred-unref-inside-drain") {
            self.work_off();
        }
        self.end_drain();
        self.work_off();
    }

    /// Lets readers in and takes the lock again: what a section must never do. For planted bugs.
    pub(super) fn give_way(&mut self) {
        self.lock.0.open_door();
        self.lock.enter(self.main);
    }

    fn end_drain(&self) {
        let inner = &self.lock.0;
        let Some(sources) = &inner.sources else { return };
        let ends = if mutated("drain-ended-by-counter") {
            let any = inner.drained_sections.load(Ordering::Relaxed) > 0;
            any.then(|| inner.drained_sections.fetch_sub(1, Ordering::Relaxed)).is_some()
        } else {
            self.drained
        };
        if ends {
            sources.quiesce_end(self.main);
        }
    }

    fn work_off(&mut self) {
        if self.works_off {
            let _working = within!("works off what was deferred");
            self.batch.work_off(self.main);
        }
    }
}
