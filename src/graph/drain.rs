//! Drained sections: no request begins, and none is in flight.
//!
//! A request that enters at a node goes on to its children, so keeping requests away from a node means keeping them
//! away from everything above it: quiescing goes from a child to its parents, edge by edge.
//!
//! # Cases
//! * `drain-waits`: a request is in flight, here or above.
//! * `drain-quiesces-parent`: somebody uses the node; he is quiesced too.
//! * `node-created-in-drained-section`: it is drained like all others.
//! * `drain-from-coroutine`: the main loop drains for it; the coroutine sleeps meanwhile.
//!
//! # Invariants
//! * All are quiesced first; then there is one wait, at the top. Quiescing and ending never poll, and the drivers'
//!   callbacks cannot: they do not get the token.
//! * A node that is created while all nodes are drained is drained; one that is closed meanwhile leaves with its
//!   part of it.
//! * Sections nest: the last end lets requests go on.
//! * A request at a node that is being closed is waited for like any other: it goes on to nodes that are drained.

use super::edge::parents;
use super::request::announce_drain;
use super::{BlockGraph, Node, NodeRef};
use crate::event_loop::MainLoop;
use crate::graph_lock::RequestSources;
use crate::mutation::mutated;
use crate::sync::{Arc, Mutex, Named, lock, reached, says, within};

#[derive(Default)]
struct Nodes {
    all: Vec<Arc<Node>>,
    /// Those that are being closed: no longer found, but a request may be in flight there until the close has waited.
    closing: Vec<Arc<Node>>,
    /// How many sections drain all nodes.
    drain_all_count: u32,
    /// One of them has seen that no request is in flight, and it stays so until the last one ends. What looks as if it
    /// were in flight since is being turned away.
    idle: bool,
}

/// All nodes that are not being closed. Counterpart: `all_bdrv_states`.
pub(super) struct Registry(Mutex<Nodes>);

impl Registry {
    pub(super) fn new() -> Self {
        Registry(Mutex::new(Nodes::default()).named(&"nodes"))
    }

    pub(super) fn add(&self, main: &MainLoop, node: &Arc<Node>) {
        let mut nodes = lock(&self.0);
        let inherited = nodes.drain_all_count;
        nodes.all.push(Arc::clone(node));
        drop(nodes);
        if inherited > 0 {
            reached!("node-created-in-drained-section");
            (0..inherited).for_each(|_| node.quiesce_begin(main));
        }
    }

    /// Takes a node out that is going to be closed: the ends of sections that drain all nodes will not find it.
    pub(super) fn remove(&self, node: &Arc<Node>) {
        let mut nodes = lock(&self.0);
        nodes.all.retain(|each| !Arc::ptr_eq(each, node));
        nodes.closing.push(Arc::clone(node));
    }

    /// Forgets a node that was taken out: it is closed.
    pub(super) fn forget(&self, node: &Arc<Node>) {
        lock(&self.0).closing.retain(|each| !Arc::ptr_eq(each, node));
    }

    pub(super) fn nodes(&self) -> Vec<Arc<Node>> {
        lock(&self.0).all.clone()
    }

    fn all(&self, change: impl FnOnce(&mut Nodes)) -> Vec<Arc<Node>> {
        let mut nodes = lock(&self.0);
        change(&mut nodes);
        nodes.all.clone()
    }

    /// Whether all nodes are drained, and none has a request in flight.
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.0).idle
    }
}

impl RequestSources for Registry {
    fn quiesce_begin(&self, main: &MainLoop) {
        let nodes = self.all(|nodes| nodes.drain_all_count += 1);
        // One announcement for all: it is dear.
        let shut = nodes.iter().filter(|node| node.shut_gates(main)).count();
        if shut > 0 {
            announce_drain();
        }
    }

    fn busy(&self, _main: &MainLoop) -> bool {
        let mut nodes = lock(&self.0);
        let busy = nodes.all.iter().chain(&nodes.closing).any(|node| node.is_busy());
        nodes.idle |= !busy && nodes.drain_all_count > 0;
        busy
    }

    fn quiesce_end(&self, main: &MainLoop) {
        let end = |nodes: &mut Nodes| {
            nodes.drain_all_count -= 1;
            nodes.idle &= nodes.drain_all_count > 0;
        };
        for node in self.all(end) {
            node.quiesce_end(main);
        }
    }
}

impl Node {
    /// One reason more to keep requests away. The first quiesces who uses the node, then its driver.
    pub(super) fn quiesce_begin(&self, main: &MainLoop) {
        if self.shut_gates(main) {
            announce_drain();
        }
    }

    /// The same without the announcement. Says whether there is something to announce.
    fn shut_gates(&self, main: &MainLoop) -> bool {
        let before = self.on_main.with(main, |on_main| {
            on_main.quiesce_counter += 1;
            on_main.quiesce_counter - 1
        });
        if before > 0 {
            return false;
        }
        if !mutated("drain-leaves-parents") {
            for (parent, _) in parents(self, main) {
                reached!("drain-quiesces-parent");
                parent.shut_gates(main);
            }
        }
        says!("begins a drained section of {}", self.name());
        self.gate.shut();
        self.driver.drain_begin();
        true
    }

    /// One reason less. The last lets the driver go on, then requests, then who uses the node.
    pub(super) fn quiesce_end(&self, main: &MainLoop) {
        let left = self.on_main.with(main, |on_main| {
            assert!(
                on_main.quiesce_counter > 0,
                "a drained section of node `{}` is ended that was not begun",
                self.name()
            );
            on_main.quiesce_counter -= 1;
            on_main.quiesce_counter
        });
        if left > 0 {
            return;
        }
        says!("ends the drained section of {}", self.name());
        self.driver.drain_end();
        let mut activity = lock(&self.activity);
        self.gate.open();
        let queued = activity.queued.take_all();
        drop(activity);
        for request in queued {
            request.wake();
        }
        if !mutated("drain-leaves-parents") {
            for (parent, _) in parents(self, main) {
                parent.quiesce_end(main);
            }
        }
    }

    /// Ends the drain of a node that is closed, as far as its driver can see. No request begins here any more; who waits is
    /// told.
    pub(super) fn refuse_requests(&self) {
        self.driver.drain_end();
        self.gate.shut();
        let mut activity = lock(&self.activity);
        activity.closed = true;
        let waiting = activity.queued.take_all();
        drop(activity);
        waiting.into_iter().for_each(std::task::Waker::wake);
    }

    /// Whether it is in a drained section.
    #[must_use]
    pub fn is_quiesced(&self) -> bool {
        self.gate.is_shut()
    }

    /// The same, as the main loop's thread knows it.
    pub(super) fn is_in_drained_section(&self, main: &MainLoop) -> bool {
        self.on_main.with(main, |on_main| on_main.quiesce_counter > 0)
    }

    /// Whether a request is in flight here.
    pub(super) fn is_busy(&self) -> bool {
        self.gate.is_busy()
    }

    /// Whether a request is in flight here or at somebody who may send one here.
    pub(super) fn is_busy_from_above(&self, main: &MainLoop) -> bool {
        self.is_busy()
            || parents(self, main).iter().any(|(parent, _)| parent.is_busy_from_above(main))
    }
}

/// A node that a coroutine has drained. Dropping it ends the section. Counterpart: what `bdrv_drained_begin` does in a
/// coroutine.
#[must_use = "the section lasts as long as this lives"]
#[derive(Debug)]
pub struct Drained {
    graph: BlockGraph,
    /// Taken out when the section ends.
    node: Option<NodeRef>,
}

impl Drop for Drained {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            let graph = self.graph.clone();
            self.graph.main().schedule_oneshot("drained end", move |main| {
                graph.drained_end(main, &node);
                graph.unref(main, node);
            });
        }
    }
}

impl BlockGraph {
    /// Keeps new requests away from a node and waits until none is in flight. Main loop only, outside
    /// sections: it polls. Counterpart: `bdrv_drained_begin`.
    pub fn drained_begin(&self, main: &mut MainLoop, node: &NodeRef) {
        Self::drain(main, node.shared());
    }

    pub(super) fn drain(main: &mut MainLoop, node: &Arc<Node>) {
        let _draining = within!("drains {}", node.name());
        node.quiesce_begin(main);
        main.wait_while(|main| {
            let busy = node.is_busy_from_above(main);
            if busy {
                reached!("drain-waits");
            }
            busy
        });
    }

    /// Ends a drained section of a node. Never polls. Counterpart: `bdrv_drained_end`.
    pub fn drained_end(&self, main: &MainLoop, node: &NodeRef) {
        node.quiesce_end(main);
    }

    /// Keeps new requests away from all nodes, also from those that are created meanwhile, and waits until none is in
    /// flight. Main loop only, outside sections: it polls. Counterpart: `bdrv_drain_all_begin`.
    pub fn drain_all_begin(&self, main: &mut MainLoop) {
        let _draining = within!("drains all nodes");
        self.registry().quiesce_begin(main);
        let registry = Arc::clone(self.registry());
        main.wait_while(|main| registry.busy(main));
    }

    /// Ends a section that drains all nodes. Never polls. Counterpart: `bdrv_drain_all_end`.
    pub fn drain_all_end(&self, main: &MainLoop) {
        self.registry().quiesce_end(main);
    }

    /// Drains a node for a coroutine, which sleeps until no request is in flight. The coroutine holds no read lock and
    /// is no request of that node itself: the drain would wait for it. Any thread.
    pub fn drained(&self, node: NodeRef) -> impl Future<Output = Drained> + Send + use<> {
        let graph = self.clone();
        let work = move |main: &mut MainLoop| {
            reached!("drain-from-coroutine");
            graph.drained_begin(main, &node);
            Drained { graph, node: Some(node) }
        };
        self.main().call(work)
    }
}
