//! The lock: the reader's side, the writer's side, and the order in which a section ends.
//!
//! A reader counts itself in the counter of its loop and looks for a writer; behind one it looks again under the list mutex, takes itself
//! back and sleeps. The writer says that it is there, sums the counters, and polls with the door open while somebody is inside.
//!
//! # Invariants that are looked at
//! * `no-reader-inside-write`: nobody is inside when a section begins.
//! * `counts-are-never-negative`: whenever the counters are summed.
//! * `drained-section-stays-drained`: when a drained section begins, all nodes are quiesced.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use graphlock_harness::scenario::always;

use super::node::Node;
use super::protocol::{Drained, Kick, Protocol, Unref};
use crate::coroutine::{SleeperQueue, Ticket};
use crate::event_loop::{MainHandle, MainLoop};
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, fence};
use crate::sync::note::Note;
use crate::sync::{Arc, Mutex, Named, lock, says, within};

/// The counter of the main loop.
pub(super) const MAIN: usize = 0;
const COUNTERS: [&str; 3] = ["main", "iothread0", "iothread1"];

/// Something to do on the main loop.
type Work = Box<dyn FnOnce(&mut MainLoop) + Send>;

/// The lock with the nodes that its sections drain.
pub(super) struct Lock {
    pub(super) protocol: Protocol,
    pub(super) main: MainHandle,
    has_writer: AtomicBool,
    sleepers: Mutex<SleeperQueue>,
    counters: [AtomicI32; COUNTERS.len()],
    /// Taken around each change of a counter and around the walk, where that is one step.
    walk: Mutex<()>,
    /// How many drained sections there are.
    drained_sections: AtomicU32,
    nodes: Mutex<Vec<Arc<Node>>>,
    /// References that sections dropped, for the ways with a list.
    listed: Mutex<Vec<Arc<Node>>>,
    /// The same for the way with a loop of its own: the newest is run first, also by a poll inside a callback.
    apart: Mutex<Vec<Work>>,
    /// Readers inside.
    inside: Note,
    /// How often the waiting writer has polled in vain, at the most.
    pub(super) polls_most: Note,
}

/// A write section: ended by [`Lock::unlock`].
#[must_use = "a section is ended by its unlock"]
pub(super) struct Section {
    drained: bool,
}

/// A reader on its way in.
pub(super) struct Read<'a> {
    of: &'a Lock,
    counter: usize,
    ticket: Option<Ticket>,
}

impl Lock {
    pub(super) fn new(protocol: Protocol, main: &MainLoop) -> Arc<Lock> {
        let counter = |name| AtomicI32::new(0).named(&format_args!("reader_count[{name}]"));
        Arc::new(Lock {
            protocol,
            main: main.handle(),
            has_writer: AtomicBool::new(false).named(&"has_writer"),
            sleepers: Mutex::new(SleeperQueue::default()).named(&"list_lock"),
            counters: COUNTERS.map(counter),
            walk: Mutex::new(()).named(&"all counters"),
            drained_sections: AtomicU32::new(0).named(&"drained sections"),
            nodes: Mutex::new(Vec::new()).named(&"nodes"),
            listed: Mutex::new(Vec::new()).named(&"list of unrefs"),
            apart: Mutex::new(Vec::new()).named(&"loop of unrefs"),
            inside: Note::default(),
            polls_most: Note::default(),
        })
    }

    pub(super) fn add_node(&self, node: &Arc<Node>) {
        lock(&self.nodes).push(Arc::clone(node));
    }

    pub(super) fn remove_node(&self, node: &Arc<Node>) {
        lock(&self.nodes).retain(|each| !Arc::ptr_eq(each, node));
    }

    fn nodes(&self) -> Vec<Arc<Node>> {
        lock(&self.nodes).clone()
    }

    fn count(&self, counter: usize, by: i32) {
        let _walk = self.protocol.walk_is_atomic.then(|| lock(&self.walk));
        self.counters[counter].fetch_add(by, SeqCst);
    }

    /// Takes the lock shared, counted in this counter.
    pub(super) fn read(&self, counter: usize) -> Read<'_> {
        Read { of: self, counter, ticket: None }
    }

    /// Whether a writer is inside or about to be.
    pub(super) fn has_writer(&self) -> bool {
        self.has_writer.load(SeqCst)
    }

    fn is_skipped(&self, counter: usize) -> bool {
        counter == MAIN && self.protocol.main_coroutines_skip
    }

    /// Gives it back, counted in this counter.
    pub(super) fn leave(&self, counter: usize) {
        self.inside.set(self.inside.get() - 1);
        if self.is_skipped(counter) {
            return;
        }
        self.count(counter, -1);
        fence(SeqCst);
        if self.protocol.kick == Kick::Always || self.has_writer() {
            self.main.kick();
        }
    }

    /// How many are inside or on their way in or out.
    fn readers(&self) -> i32 {
        let _list = lock(&self.sleepers);
        let _walk = self.protocol.walk_is_atomic.then(|| lock(&self.walk));
        let sum = self.counters.iter().map(|counter| counter.load(SeqCst)).sum();
        always("counts-are-never-negative", sum >= 0, format_args!("{sum} readers"));
        sum
    }

    /// Takes the lock exclusively.
    pub(super) fn write(&self, main: &mut MainLoop) -> Section {
        self.enter(main, false)
    }

    /// Takes the lock exclusively with all nodes drained, where there is such a thing.
    pub(super) fn write_drained(&self, main: &mut MainLoop) -> Section {
        let drained = self.protocol.drained != Drained::None;
        if drained {
            let _draining = within!("drains all nodes");
            self.drain_all_begin(main);
            self.drained_sections.fetch_add(1, SeqCst);
        }
        self.enter(main, drained)
    }

    fn enter(&self, main: &mut MainLoop, drained: bool) -> Section {
        let _entering = within!("takes the write lock");
        assert!(!self.has_writer(), "the writer takes the lock that it has");
        let remembers = self.protocol.sections_remember();
        let is_drained = if remembers { drained } else { self.drained_sections.load(SeqCst) > 0 };
        if !is_drained {
            self.quiesce_all();
        }
        let mut polls = 0;
        loop {
            self.has_writer.store(false, SeqCst);
            let mut looks = 0;
            main.wait_while(|_| {
                let waits = self.readers() >= 1;
                looks += u32::from(waits);
                waits
            });
            // The first two looks are before the first poll.
            polls += looks.saturating_sub(2);
            self.has_writer.store(true, SeqCst);
            fence(SeqCst);
            if self.readers() < 1 {
                break;
            }
        }
        self.polls_most.set(self.polls_most.get().max(polls));
        if !is_drained {
            self.go_on_all();
        }
        let inside = self.inside.get();
        always("no-reader-inside-write", inside == 0, format_args!("{inside} inside"));
        let quiesced = self.nodes().iter().all(|node| node.is_quiesced());
        always("drained-section-stays-drained", !drained || quiesced, "somebody ended the drain");
        says!("begins the write section");
        Section { drained }
    }

    /// Ends the section, in the order of the protocol.
    pub(super) fn unlock(self: &Arc<Self>, main: &mut MainLoop, section: &Section) {
        let _ending = within!("ends the write section");
        match self.protocol.unref {
            Unref::PolledBeforeWake => drop(main.poll_bottom_halves()),
            Unref::ListBeforeWake => self.work_off_list(main),
            _ => {}
        }
        let mut sleepers = lock(&self.sleepers);
        self.has_writer.store(false, SeqCst);
        let woken = sleepers.take_all();
        says!("opens the door, wakes the {} in the reader queue", woken.len());
        drop(sleepers);
        woken.into_iter().for_each(Waker::wake);
        if self.protocol.drain_ends_first() {
            self.end_drain(section);
        }
        match self.protocol.unref {
            Unref::PolledAfterWake => drop(main.poll_bottom_halves()),
            Unref::ListAfterWake => self.work_off_list(main),
            Unref::OwnLoop => self.poll_apart(main),
            _ => {}
        }
        if !self.protocol.drain_ends_first() {
            self.end_drain(section);
        }
    }

    fn end_drain(&self, section: &Section) {
        let ends = if self.protocol.sections_remember() {
            section.drained
        } else {
            self.drained_sections.load(SeqCst) > 0
        };
        if ends {
            says!("ends a drain of all nodes");
            self.drained_sections.fetch_sub(1, SeqCst);
            self.go_on_all();
        }
    }

    fn work_off_list(self: &Arc<Self>, main: &mut MainLoop) {
        while let Some(node) = { lock(&self.listed).pop() } {
            self.unref(main, &node);
        }
    }

    fn poll_apart(&self, main: &mut MainLoop) {
        while let Some(work) = { lock(&self.apart).pop() } {
            work(main);
        }
    }

    /// Drops a reference in a section, in the way of the protocol.
    pub(super) fn schedule_unref(self: &Arc<Self>, main: &mut MainLoop, node: Arc<Node>) {
        match self.protocol.unref {
            Unref::UnderLock | Unref::AssumesLock => self.unref(main, &node),
            Unref::ListBeforeWake | Unref::ListAfterWake => lock(&self.listed).push(node),
            Unref::OwnLoop => {
                let own = Arc::clone(self);
                self.schedule_apart(move |main| own.unref(main, &node));
            }
            Unref::BottomHalf | Unref::PolledBeforeWake | Unref::PolledAfterWake => {
                let own = Arc::clone(self);
                self.main.schedule_oneshot("unref", move |main| own.unref(main, &node));
            }
        }
    }

    /// Schedules something where unrefs are scheduled.
    pub(super) fn schedule_beside(&self, work: impl FnOnce(&mut MainLoop) + Send + 'static) {
        match self.protocol.unref {
            Unref::OwnLoop => self.schedule_apart(work),
            _ => self.main.schedule_oneshot("beside", work),
        }
    }

    fn schedule_apart(&self, work: impl FnOnce(&mut MainLoop) + Send + 'static) {
        lock(&self.apart).push(Box::new(work));
    }

    /// Keeps new requests away from all nodes and waits until none is in flight.
    pub(super) fn drain_all_begin(&self, main: &mut MainLoop) {
        self.drain_all_begin_noting(main, &Note::default());
    }

    /// The same; notes 1 while it waits.
    pub(super) fn drain_all_begin_noting(&self, main: &mut MainLoop, waits: &Note) {
        if self.protocol.quiesces_all_first {
            self.quiesce_all();
            waits.set(1);
            main.wait_while(|_| self.is_busy());
        } else {
            // What a reviewer feared: a wait before all sources are quiet.
            waits.set(1);
            for node in self.nodes() {
                main.wait_while(|_| self.is_busy());
                node.quiesce();
            }
            main.wait_while(|_| self.is_busy());
        }
        waits.set(0);
    }

    fn is_busy(&self) -> bool {
        self.nodes().iter().any(|node| node.is_busy())
    }

    pub(super) fn drain_all_end(&self) {
        self.go_on_all();
    }

    fn quiesce_all(&self) {
        self.nodes().iter().for_each(|node| node.quiesce());
    }

    fn go_on_all(&self) {
        self.nodes().iter().for_each(|node| node.go_on());
    }
}

impl Future for Read<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (of, counter) = (self.of, self.counter);
        if let Some(ticket) = &self.ticket {
            if !ticket.is_taken() && lock(&of.sleepers).update(ticket, context.waker()) {
                return Poll::Pending;
            }
            self.ticket = None;
        }
        let enters = || {
            of.inside.add(1);
            Poll::Ready(())
        };
        if of.is_skipped(counter) {
            return enters();
        }
        of.count(counter, 1);
        fence(SeqCst);
        if !of.has_writer() {
            return enters();
        }
        let mut sleepers = lock(&of.sleepers);
        if !of.has_writer() {
            return enters();
        }
        of.count(counter, -1);
        of.main.kick();
        says!("sleeps in the reader queue");
        self.ticket = Some(sleepers.push(context.waker().clone()));
        Poll::Pending
    }
}
