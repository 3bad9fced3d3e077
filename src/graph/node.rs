//! A node: children, activity, image.

use std::fmt;

use super::NodeRef;
use crate::coroutine::SleeperQueue;
use crate::graph_lock::{GraphCell, GraphLock, Readable};
use crate::image::OpenImage;
use crate::sync::atomic::AtomicU32;
use crate::sync::{Arc, Mutex, Named};

/// A named edge to a child, with the reference that keeps the child.
pub(super) struct Edge {
    pub(super) name: String,
    pub(super) child: NodeRef,
}

/// Requests and what keeps them away.
#[derive(Default)]
pub(super) struct Activity {
    /// How many drained sections the node is in.
    pub(super) quiesce_counter: u32,
    /// Requests that have begun and not ended.
    pub(super) in_flight: u32,
    /// Requests that found the node quiesced.
    pub(super) queued: SleeperQueue,
    /// No request will ever begin again.
    pub(super) closed: bool,
}

/// A node of the graph. Counterpart: `BlockDriverState`.
pub struct Node {
    name: String,
    /// Changed on the main loop's thread alone; atomic only because references travel.
    pub(super) references: AtomicU32,
    pub(super) children: GraphCell<Vec<Edge>>,
    pub(super) activity: Mutex<Activity>,
    pub(super) image: Mutex<Option<OpenImage>>,
}

impl Node {
    pub(super) fn new(name: &str, lock: &GraphLock, image: Option<OpenImage>) -> Arc<Self> {
        Arc::new(Node {
            name: name.to_owned(),
            references: AtomicU32::new(1).named(&format_args!("references[{name}]")),
            children: GraphCell::new(lock, Vec::new()),
            activity: Mutex::new(Activity::default()).named(&format_args!("activity[{name}]")),
            image: Mutex::new(image).named(&format_args!("image[{name}]")),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Calls `f` with the names of the edges and the children, in the order in which they were attached.
    pub fn with_children<R>(
        &self,
        guard: &impl Readable,
        f: impl FnOnce(&mut dyn Iterator<Item = (&str, &Node)>) -> R,
    ) -> R {
        self.children.read(guard, |children| {
            f(&mut children.iter().map(|edge| (edge.name.as_str(), edge.child.node())))
        })
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.name).finish_non_exhaustive()
    }
}
