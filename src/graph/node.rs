//! A node: children, parents, activity, driver.

use std::fmt;

use super::NodeRef;
use super::edge::{Edge, ParentEdge};
use super::request::Gate;
use crate::coroutine::SleeperQueue;
use crate::driver::Driver;
use crate::event_loop::{MainCell, MainLoop};
use crate::graph_lock::{GraphCell, GraphLock, Hold, Readable};
use crate::permission::Access;
use crate::sync::{Arc, Mutex, Named, shows};

/// Requests that wait.
#[derive(Default)]
pub(super) struct Activity {
    /// Requests that found the node quiesced.
    pub(super) queued: SleeperQueue,
    /// No request will ever begin again.
    pub(super) closed: bool,
}

/// What only the main loop's thread touches.
#[derive(Default)]
pub(super) struct OnMain {
    pub(super) references: u32,
    /// How many drained sections the node is in, with one for each quiesced child.
    pub(super) quiesce_counter: u32,
    /// Who uses it. Changed in write sections.
    pub(super) parents: Vec<ParentEdge>,
}

/// A node of the graph. Counterpart: `BlockDriverState`.
pub struct Node {
    name: String,
    pub(super) on_main: MainCell<OnMain>,
    pub(super) children: GraphCell<Vec<Edge>>,
    /// Requests in flight, and whether new ones are kept away. Shared with
    /// those who work for a request: they do not keep the node.
    pub(super) gate: Arc<Gate>,
    pub(super) activity: Mutex<Activity>,
    pub(crate) driver: Box<dyn Driver>,
}

impl Node {
    /// A node with its first reference.
    pub(super) fn new(
        main: &MainLoop,
        name: &str,
        lock: &GraphLock,
        driver: Box<dyn Driver>,
    ) -> Arc<Self> {
        let on_main = OnMain { references: 1, ..OnMain::default() };
        shows!(Node, name.to_owned(), "open");
        Arc::new(Node {
            name: name.to_owned(),
            on_main: MainCell::new(main, on_main),
            children: GraphCell::new(lock, Vec::new()),
            gate: Arc::new(Gate::new(name)),
            activity: Mutex::new(Activity::default()).named(&format_args!("activity[{name}]")),
            driver,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does with requests.
    #[must_use]
    pub fn driver(&self) -> &dyn Driver {
        &*self.driver
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

    /// What the edge of this name does with its child, and what it lets others do.
    pub fn child_access(&self, guard: &impl Readable, name: &str) -> Option<Access> {
        self.children.read(guard, |children| {
            children.iter().find(|edge| edge.name == name).map(|edge| edge.access)
        })
    }

    /// The child under this name.
    pub(crate) fn child(&self, guard: &impl Readable, name: &str) -> Option<Arc<Node>> {
        self.children.read(guard, |children| {
            let edge = children.iter().find(|edge| edge.name == name)?;
            Some(Arc::clone(edge.child.shared()))
        })
    }

    /// The child under this name, as long as the hold lasts.
    pub(crate) fn child_under<'a>(&'a self, hold: Hold<'a>, name: &str) -> Option<&'a Arc<Node>> {
        let children = hold.get(&self.children);
        Some(children.iter().find(|edge| edge.name == name)?.child.shared())
    }

    /// Another reference to the child under this name. Main loop only.
    #[must_use]
    pub fn child_reference(
        &self,
        main: &MainLoop,
        guard: &impl Readable,
        name: &str,
    ) -> Option<NodeRef> {
        self.children.read(guard, |children| {
            let edge = children.iter().find(|edge| edge.name == name)?;
            Some(edge.child.another(main))
        })
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.name).finish_non_exhaustive()
    }
}
