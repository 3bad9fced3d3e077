//! The block graph: nodes, their children, and how nodes come and go.
//!
//! Edges are read under any guard of the graph's lock and changed in a write section. A node lives as long as it
//! has references; dropping the last one closes it, which polls and is therefore done outside sections.
//!
//! # Invariants
//! * References are counted on the main loop's thread alone.
//! * A node that is being closed stands in no list.
//! * An image is open as long as its node is not closed, and no longer.
//!
//! # Not here
//! What nodes do with requests: [`crate::driver`].

mod change;
mod close;
mod commit;
mod describe;
mod drain;
mod edge;
mod edit;
mod job;
mod node;
mod reference;
mod reopen;
mod request;

use std::fmt;

pub use change::{ChangeError, Conflict, Refused};
pub use commit::CommitError;
pub use describe::{EdgeDescription, NodeDescription};
pub use drain::Drained;
pub use job::Job;
pub use node::Node;
pub use reference::NodeRef;
pub use reopen::ReopenError;
pub(crate) use request::{Counted, StillInFlight};
pub use request::{InFlight, NodeClosed};

use crate::driver::Driver;
use crate::event_loop::{MainHandle, MainLoop};
use crate::graph_lock::{Deferral, GraphLock};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, Named};
use drain::Registry;

struct Inner {
    lock: GraphLock,
    registry: Arc<Registry>,
    main: MainHandle,
    /// Closes in progress, and how many there were around one at the most. The main loop's thread alone.
    closing: AtomicU32,
    closes_nested_most: AtomicU32,
}

/// A graph. A clone is the same graph.
#[derive(Clone)]
pub struct BlockGraph(Arc<Inner>);

/// Nodes that are still there when everything should be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaked {
    /// Their names.
    pub nodes: Vec<String>,
}

impl BlockGraph {
    /// An empty graph that is changed on `main`.
    #[must_use]
    pub fn new(main: &MainLoop, deferral: Deferral) -> Self {
        let registry = Arc::new(Registry::new());
        let lock = GraphLock::new(main, deferral, Arc::clone(&registry) as _);
        BlockGraph(Arc::new(Inner {
            lock,
            registry,
            main: main.handle(),
            closing: AtomicU32::new(0).named(&"closing"),
            closes_nested_most: AtomicU32::new(0).named(&"closes_nested_most"),
        }))
    }

    /// The lock that protects the edges.
    #[must_use]
    pub fn lock(&self) -> &GraphLock {
        &self.0.lock
    }

    /// Adds a node and gives its first reference. Counterpart: `bdrv_open`.
    pub fn create_node(&self, main: &MainLoop, name: &str, driver: Box<dyn Driver>) -> NodeRef {
        let node = Node::new(main, name, &self.0.lock, driver);
        self.0.registry.add(main, &node);
        NodeRef::first(node, self.clone())
    }

    pub(crate) fn main(&self) -> &MainHandle {
        &self.0.main
    }

    fn registry(&self) -> &Arc<Registry> {
        &self.0.registry
    }

    /// In how many closes another one was begun, at the most: 0 unless somebody closes a node from a callback that
    /// a close has polled for. For observation.
    #[must_use]
    pub fn closes_nested_most(&self) -> u32 {
        self.0.closes_nested_most.load(Ordering::Relaxed)
    }

    /// The nodes that are not closed.
    #[must_use]
    pub fn node_names(&self) -> Vec<String> {
        self.0.registry.nodes().iter().map(|node| node.name().to_owned()).collect()
    }

    /// Polls until nothing is pending, so that references dropped on other threads are counted, and says
    /// which nodes are left. Counterpart: the assertion that ends `bdrv_close_all`.
    ///
    /// # Errors
    /// With the nodes that are left.
    pub fn shutdown(&self, main: &mut MainLoop) -> Result<(), Leaked> {
        while main.poll_bottom_halves() {}
        let nodes = self.node_names();
        if nodes.is_empty() { Ok(()) } else { Err(Leaked { nodes }) }
    }
}

impl fmt::Display for Leaked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "nodes still referenced at shutdown: {}; drop their references first",
            self.nodes.join(", ")
        )
    }
}

impl std::error::Error for Leaked {}

impl fmt::Debug for BlockGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockGraph").finish_non_exhaustive()
    }
}
