//! Drained sections: no request begins, and none is in flight.
//!
//! # Invariants
//! * All are quiesced first; then there is one wait, at the top. Ending never polls.
//! * A node that is created while all nodes are drained is drained; one that is closed meanwhile leaves with its
//!   part of it.
//! * Sections nest: the last end lets requests go on.
//!
//! # Not here
//! Drain from a coroutine.

use super::{BlockGraph, Node, NodeRef};
use crate::event_loop::MainLoop;
use crate::graph_lock::RequestSources;
use crate::sync::{Arc, Mutex, Named, lock, reached};

#[derive(Default)]
struct Nodes {
    all: Vec<Arc<Node>>,
    /// How many sections drain all nodes.
    drain_all_count: u32,
}

/// All nodes that are not being closed. Counterpart: `all_bdrv_states`.
pub(super) struct Registry(Mutex<Nodes>);

impl Registry {
    pub(super) fn new() -> Self {
        Registry(Mutex::new(Nodes::default()).named(&"nodes"))
    }

    pub(super) fn add(&self, node: &Arc<Node>) {
        let mut nodes = lock(&self.0);
        let inherited = nodes.drain_all_count;
        nodes.all.push(Arc::clone(node));
        drop(nodes);
        if inherited > 0 {
            reached!("node-created-in-drained-section");
            lock(&node.activity).quiesce_counter += inherited;
        }
    }

    /// Takes a node out that is going to be closed, and says of how many sections that drain all nodes it
    /// was part: their ends will not find it.
    pub(super) fn remove(&self, node: &Arc<Node>) -> u32 {
        let mut nodes = lock(&self.0);
        nodes.all.retain(|each| !Arc::ptr_eq(each, node));
        nodes.drain_all_count
    }

    pub(super) fn node_names(&self) -> Vec<String> {
        lock(&self.0).all.iter().map(|node| node.name().to_owned()).collect()
    }

    fn all(&self, change: impl FnOnce(&mut u32)) -> Vec<Arc<Node>> {
        let mut nodes = lock(&self.0);
        change(&mut nodes.drain_all_count);
        nodes.all.clone()
    }
}

impl RequestSources for Registry {
    fn quiesce_begin(&self) {
        for node in self.all(|count| *count += 1) {
            node.quiesce_begin();
        }
    }

    fn busy(&self) -> bool {
        self.all(|_| ()).iter().any(|node| node.is_busy())
    }

    fn quiesce_end(&self) {
        for node in self.all(|count| *count -= 1) {
            node.quiesce_end();
        }
    }
}

impl Node {
    pub(super) fn quiesce_begin(&self) {
        lock(&self.activity).quiesce_counter += 1;
    }

    pub(super) fn quiesce_end(&self) {
        let mut activity = lock(&self.activity);
        assert!(
            activity.quiesce_counter > 0,
            "a drained section of node `{}` is ended that was not begun",
            self.name()
        );
        activity.quiesce_counter -= 1;
        let queued =
            if activity.quiesce_counter == 0 { activity.queued.take_all() } else { Vec::new() };
        drop(activity);
        for request in queued {
            request.wake();
        }
    }

    /// Whether it is in a drained section.
    #[must_use]
    pub fn is_quiesced(&self) -> bool {
        lock(&self.activity).quiesce_counter > 0
    }

    pub(super) fn is_busy(&self) -> bool {
        lock(&self.activity).in_flight > 0
    }
}

impl BlockGraph {
    /// Keeps new requests away from a node and waits until none is in flight. Main loop only, outside
    /// sections: it polls. Counterpart: `bdrv_drained_begin`.
    pub fn drained_begin(&self, main: &mut MainLoop, node: &NodeRef) {
        Self::drain(main, node.shared());
    }

    pub(super) fn drain(main: &mut MainLoop, node: &Arc<Node>) {
        node.quiesce_begin();
        main.wait_while(|| {
            let busy = node.is_busy();
            if busy {
                reached!("drain-waits");
            }
            busy
        });
    }

    /// Ends a drained section of a node. Never polls. Counterpart: `bdrv_drained_end`.
    pub fn drained_end(&self, _main: &MainLoop, node: &NodeRef) {
        node.quiesce_end();
    }
}
