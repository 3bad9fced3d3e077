//! The graph as values: to look at, to compare before and after.

use super::{BlockGraph, edge};
use crate::event_loop::MainLoop;
use crate::permission::Access;
use crate::sync::Arc;

/// An edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeDescription {
    /// Its name.
    pub name: String,
    /// The child's name.
    pub child: String,
    /// What the parent does with the child, and what it lets others do.
    pub access: Access,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDescription {
    /// Its name.
    pub name: String,
    /// Its driver's name.
    pub format: &'static str,
    /// How many references there are.
    pub references: u32,
    /// In how many drained sections it is, with one for each quiesced child.
    pub quiesce_counter: u32,
    /// Its children, in the order in which they were attached.
    pub children: Vec<EdgeDescription>,
    /// Who uses it, with the names of the edges.
    pub parents: Vec<(String, String)>,
}

impl BlockGraph {
    /// All nodes that are not closed, in the order in which they were made. Main loop only.
    #[must_use]
    pub fn describe(&self, main: &MainLoop) -> Vec<NodeDescription> {
        let guard = self.lock().read_main(main);
        let nodes = self.registry().nodes();
        let describe = |node: &Arc<super::Node>| {
            let children = node.children.read(&guard, |children| {
                let edges = children.iter().map(|edge| EdgeDescription {
                    name: edge.name.clone(),
                    child: edge.child.name().to_owned(),
                    access: edge.access,
                });
                edges.collect()
            });
            let parents = edge::parents(node, main).into_iter();
            let (references, quiesce_counter) =
                node.on_main.with(main, |on_main| (on_main.references, on_main.quiesce_counter));
            NodeDescription {
                name: node.name().to_owned(),
                format: node.driver.format(),
                references,
                quiesce_counter,
                children,
                parents: parents.map(|(parent, name)| (parent.name().to_owned(), name)).collect(),
            }
        };
        nodes.iter().map(describe).collect()
    }
}
