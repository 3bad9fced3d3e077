//! What all parties of a run share.

use std::task::Waker;

use graphlock_harness::scenario::always;
use graphlock_programs::program::{Edge, EventId, ImageId, NodeId, Program};
use graphlock_programs::reference::{Access, Contradiction, Found, Reference};
use graphlock_programs::step::Step;

use super::callbacks::{Callbacks, Order};
use super::faulty::Faults;
use super::watched::Watched;
use crate::event_loop::{EventLoop, MainCell, MainHandle, MainLoop, WorkerPool};
use crate::graph::{BlockGraph, Node, NodeDescription, NodeRef};
use crate::graph_lock::{GraphCell, GraphIoThread};
use crate::image::{MemoryImages, Mode};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::model::Beside;
use crate::sync::note::Note;
use crate::sync::time::Duration;
use crate::sync::{Arc, Mutex, Named, lock};

/// What an event has come to.
#[derive(Default)]
pub(super) struct Event {
    pub(super) signalled: bool,
    pub(super) waiting: Vec<Waker>,
}

/// What the main loop's thread alone has in its hands.
#[derive(Default)]
pub(super) struct Hands {
    /// References to each node.
    pub(super) references: Vec<Vec<Arc<NodeRef>>>,
    /// The nodes that have been opened, to look into: this keeps no node open.
    pub(super) opened: Vec<Option<Arc<Node>>>,
    /// Drained sections; a step that found no node has begun none.
    pub(super) drained: Vec<(NodeId, Option<NodeRef>)>,
    pub(super) loops: Vec<Option<GraphIoThread>>,
    /// The main loop's operations that are going on around each other.
    pub(super) nested: u32,
    /// Those of them in which the graph is not what the reference says: reopening, committing.
    pub(super) rebuilding: u32,
    /// In which order bottom halves were posted.
    pub(super) order: Order,
}

/// A run.
pub(super) struct World {
    pub(super) program: Arc<Program>,
    pub(super) graph: BlockGraph,
    pub(super) main: MainHandle,
    pub(super) images: Arc<MemoryImages>,
    pub(super) pool: Option<Arc<WorkerPool>>,
    pub(super) reference: Beside<Reference>,
    pub(super) hands: MainCell<Hands>,
    /// The loops, for who posts to them.
    pub(super) loops: Vec<Arc<EventLoop>>,
    /// The nodes that are there at the beginning: what tasks name.
    pub(super) nodes: Vec<Option<Arc<Node>>>,
    /// For each node: where its requests are together, and drained sections alone.
    pub(super) quiet: Vec<Watched>,
    /// For each node: how many requests are inside, as far as the order of steps says.
    pub(super) inside: Vec<Note>,
    /// Changed by each section, twice.
    pub(super) sections: GraphCell<(u32, u32)>,
    pub(super) events: Vec<Mutex<Event>>,
    pub(super) callbacks: Callbacks,
    pub(super) faults: Vec<Option<Arc<Faults>>>,
    /// Tasks that have not finished, and commands that have not run.
    pub(super) left: AtomicU32,
    /// The main loop waits for others to finish.
    pub(super) is_awaited: AtomicBool,
    /// For each loop: the tasks on it that have not finished.
    pub(super) residents: Vec<AtomicU32>,
    /// Images that hold an overlay, as it is written by the overlay alone.
    pub(super) formatted: Vec<bool>,
}

impl World {
    pub(super) fn name(&self, node: NodeId) -> &'static str {
        self.program.node(node).name
    }

    pub(super) fn node_of(&self, name: &str) -> NodeId {
        let at = self.program.nodes.iter().position(|node| node.name == name);
        NodeId(at.expect("every node of the graph is one of the program's"))
    }

    /// Somebody has finished. He kicks only who waits for that: a kick more could hide that another one is missing.
    pub(super) fn one_less(&self) {
        self.left.fetch_sub(1, Ordering::Release);
        if self.is_awaited.load(Ordering::Acquire) {
            self.main.kick();
        }
    }

    /// Polls while this holds of those who have not finished.
    pub(super) fn wait_for_others(&self, main: &mut MainLoop, holds: impl Fn() -> bool) {
        self.is_awaited.store(true, Ordering::SeqCst);
        main.wait_while(|_| holds());
        self.is_awaited.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_somebody_left(&self) -> bool {
        self.left.load(Ordering::Acquire) > 0
    }

    /// Whether anything fails from here on.
    pub(super) fn set_faults(&self, on: bool) {
        self.faults.iter().flatten().for_each(|faults| faults.set(on));
    }

    /// Lets loops end when nobody lives on them.
    pub(super) fn stop_loops(&self, main: &MainLoop) {
        let loops = self.hands.with(main, |hands| std::mem::take(&mut hands.loops));
        for thread in loops.into_iter().flatten() {
            // In checked builds nobody waits here: the execution does.
            drop(thread.stop(Duration::from_secs(1)));
        }
    }

    pub(super) fn signal(&self, event: EventId) {
        let waiting = {
            let mut event = lock(&self.events[event.0]);
            event.signalled = true;
            std::mem::take(&mut event.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        self.main.kick();
    }

    /// Compares the graph with the reference; `whole`: not only what must be closed.
    pub(super) fn compare(&self, main: &MainLoop, whole: bool) {
        let described = self.graph.describe(main);
        let guard = self.graph.lock().read_main(main);
        let found: Vec<Found> = described
            .iter()
            .map(|node| self.found(node, |name| self.mode_of(main, name, &guard)))
            .collect();
        let compared = self.reference.with(|reference| {
            if whole { reference.compare(&found) } else { reference.compare_closed(&found) }
        });
        fail_on(compared);
    }

    /// What a node's image is open for.
    pub(super) fn mode_of(
        &self,
        main: &MainLoop,
        name: &str,
        guard: &crate::graph_lock::MainReadGuard<'_>,
    ) -> Option<graphlock_programs::program::Mode> {
        let node = self.node_of(name);
        let opened = self.hands.with(main, |hands| hands.opened[node.0].clone());
        opened?.driver.mode(guard).map(mode_of_program)
    }

    fn found(
        &self,
        node: &NodeDescription,
        mode: impl Fn(&str) -> Option<graphlock_programs::program::Mode>,
    ) -> Found {
        let children = node.children.iter().map(|edge| {
            let named = Edge::ALL.into_iter().find(|each| each.word() == edge.name);
            let access =
                Access { used: edge.access.used.bits(), shared: edge.access.shared.bits() };
            let named = named.expect("every edge of the graph is one of the program's");
            (named, self.node_of(&edge.child), access)
        });
        Found {
            node: self.node_of(&node.name),
            references: node.references,
            children: children.collect(),
            mode: mode(&node.name),
        }
    }

    /// Whether a writer that runs out of patience has missed a kick: nobody depends on a reader it keeps out.
    pub(super) fn expects_every_kick(&self) -> bool {
        let program = &self.program;
        // Whatever closes a node inside a wait of the writer takes a read lock there.
        let depends = |step: &Step| {
            matches!(step, Step::Wait(_) | Step::Move(_) | Step::Drop(_) | Step::Pause)
        };
        program.commands.is_empty()
            && program.tasks.iter().all(|task| task.holds.is_empty())
            && !program.parties().any(|(_, _, steps)| steps.iter().any(depends))
    }

    /// Whether an overlay in this image is written by overlays alone, so that it can be looked at at any time.
    pub(super) fn is_inspectable(&self, image: ImageId) -> bool {
        self.formatted[image.0]
    }
}

pub(super) fn mode_of_program(mode: Mode) -> graphlock_programs::program::Mode {
    match mode {
        Mode::ReadOnly => graphlock_programs::program::Mode::ReadOnly,
        Mode::ReadWrite => graphlock_programs::program::Mode::ReadWrite,
    }
}

/// Breaks the property that the contradiction is about.
#[track_caller]
pub(super) fn fail_on(checked: Result<(), Contradiction>) {
    if let Err(contradiction) = checked {
        always(contradiction.property, false, contradiction);
    }
}

impl Event {
    pub(super) fn new(name: &str) -> Mutex<Self> {
        Mutex::new(Event::default()).named(&format_args!("event[{name}]"))
    }
}
