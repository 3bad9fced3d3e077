//! References to nodes: who keeps a node, and how the last one lets it go.
//!
//! | way | when the node is closed, if it was the last |
//! | --- | --- |
//! | [`BlockGraph::unref`] | before it returns; polls |
//! | [`WriteGuard::schedule_unref`] | before the section's unlock returns |
//! | dropping it | when the main loop next polls |

use std::fmt;
use std::ops::Deref;

use super::{BlockGraph, Node};
use crate::event_loop::MainLoop;
use crate::graph_lock::{Batch, WriteGuard};
use crate::sync::{Arc, says};

/// An owned reference to a node.
pub struct NodeRef {
    /// Taken out when the reference is let go.
    node: Option<Arc<Node>>,
    graph: BlockGraph,
}

impl NodeRef {
    pub(super) fn first(node: Arc<Node>, graph: BlockGraph) -> Self {
        NodeRef { node: Some(node), graph }
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &Node {
        self.shared()
    }

    pub(crate) fn graph(&self) -> &BlockGraph {
        &self.graph
    }

    /// The node, for those who outlive the reference: requests.
    pub(crate) fn shared(&self) -> &Arc<Node> {
        self.node.as_ref().expect("a reference has its node until it is let go")
    }

    /// Another reference to the same node. Main loop only. Counterpart: `bdrv_ref`.
    #[must_use]
    pub fn another(&self, main: &MainLoop) -> NodeRef {
        self.shared().on_main.with(main, |on_main| on_main.references += 1);
        NodeRef { node: self.node.clone(), graph: self.graph.clone() }
    }

    /// Lets the reference go that is not the last one.
    pub(super) fn forget(self, main: &MainLoop) {
        if let (Some(node), _) = self.let_go() {
            let left = node.count_down(main);
            assert!(
                left > 0,
                "node `{}` has lost its last reference, and nobody closes it",
                node.name()
            );
        }
    }

    /// Takes the reference apart: whoever calls must count it down.
    fn let_go(mut self) -> (Option<Arc<Node>>, BlockGraph) {
        (self.node.take(), self.graph.clone())
    }
}

impl Deref for NodeRef {
    type Target = Node;
    fn deref(&self) -> &Node {
        self.node()
    }
}

impl Drop for NodeRef {
    /// Never blocks and closes nothing here: the reference is counted down by the main loop.
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            let graph = self.graph.clone();
            self.graph.0.main.schedule_oneshot("unref", move |main| {
                graph.count_down(main, node, None);
            });
        }
    }
}

impl Node {
    /// One reference less. Says how many are left.
    fn count_down(&self, main: &MainLoop) -> u32 {
        self.on_main.with(main, |on_main| {
            let before = on_main.references;
            assert!(before > 0, "node `{}` has lost more references than it had", self.name());
            on_main.references -= 1;
            says!("drops a reference of {}: {} left", self.name(), on_main.references);
            on_main.references
        })
    }
}

impl BlockGraph {
    /// Drops a reference now; if it was the last, the node is closed when this returns. Main loop only, outside
    /// sections: it polls. Counterpart: `bdrv_unref`.
    pub fn unref(&self, main: &mut MainLoop, reference: NodeRef) {
        let (node, graph) = reference.let_go();
        if let Some(node) = node {
            graph.count_down(main, node, None);
        }
    }

    /// One reference less. The last one closes the node, as part of `batch` if there is one.
    fn count_down(&self, main: &mut MainLoop, node: Arc<Node>, batch: Option<&Batch>) {
        if node.count_down(main) == 0 {
            self.close(main, &node, batch);
        }
    }
}

impl WriteGuard<'_> {
    /// Drops a reference when the section has ended; if it was the last, the node is closed before the unlock
    /// returns. Counterpart: `bdrv_schedule_unref`.
    pub fn schedule_unref(&mut self, reference: NodeRef) {
        let (node, graph) = reference.let_go();
        if let Some(node) = node {
            says!("schedules the unref of {}", node.name());
            self.defer("unref", move |main, batch| graph.count_down(main, node, Some(batch)));
        }
    }
}

impl fmt::Debug for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NodeRef").field(&self.node).finish()
    }
}
