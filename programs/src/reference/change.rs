//! What must come of a step that may be refused.

use super::{Contradiction, Life, Reference};
use crate::program::{Driver, Edge, Mode, NodeId};

/// A change of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The child becomes part of the parent.
    Attach(NodeId, Edge, NodeId),
    /// The parent's child becomes the main loop's.
    Detach(NodeId, Edge),
    /// Another child in a child's place; the old one becomes the main loop's.
    Replace(NodeId, Edge, NodeId),
    /// The first comes between the second and all that use it.
    Append(NodeId, Edge, NodeId),
    /// The second takes the first one's place in all that use it.
    ReplaceNode(NodeId, NodeId),
    /// A node is opened.
    Open(NodeId),
    /// Images go on in other modes.
    Reopen(Vec<(NodeId, Mode)>),
    /// What is below an overlay takes its place.
    Commit(NodeId),
}

/// What must come of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// It is made.
    Made,
    /// It is refused, for this reason.
    Refused(Contradiction),
    /// Either: it depends on what is being closed, or on a stranger.
    Either,
}

/// A change that the shape of the graph does not allow.
struct Impossible;

impl Reference {
    /// What must come of `change` now.
    #[must_use]
    pub fn forecast(&self, change: &Change) -> Forecast {
        let mut after = self.clone();
        if after.make(change).is_err() {
            let found = "the graph's shape does not allow it".to_owned();
            return Forecast::Refused(Contradiction { property: "conflicts-are-refused", found });
        }
        let (fewest, most) = (after.accesses(true), after.accesses(false));
        match (fewest.conflict(), most.conflict()) {
            (Some(conflict), _) => Forecast::Refused(conflict.clone()),
            (None, Some(_)) => Forecast::Either,
            (None, None) => Forecast::Made,
        }
    }

    /// The change was made.
    ///
    /// # Errors
    /// If it cannot have been.
    pub fn made(&mut self, change: &Change) -> Result<(), Contradiction> {
        self.changes += 1;
        if !self.keeps_data(change) {
            self.contents += 1;
        }
        self.make(change).map_err(|Impossible| Contradiction {
            property: "graph-is-as-in-the-reference",
            found: format!("{change:?} was made, which the graph's shape does not allow"),
        })
    }

    /// Whether a request finds the same data after it as before. A filter hands on; an overlay is empty as long as
    /// nothing has been above it.
    fn keeps_data(&self, change: &Change) -> bool {
        match change {
            Change::Open(_) | Change::Reopen(_) | Change::Commit(_) => true,
            Change::Append(top, edge, _) => {
                let empty = !self.program.node(*top).open && self.parents(*top).next().is_none();
                match self.program.node(*top).driver {
                    Driver::Raw => true,
                    Driver::CopyBeforeWrite => *edge == Edge::File,
                    Driver::Overlay => *edge == Edge::Backing && empty && self.contents == 0,
                    _ => false,
                }
            }
            Change::Attach(..)
            | Change::Detach(..)
            | Change::Replace(..)
            | Change::ReplaceNode(..) => false,
        }
    }

    fn make(&mut self, change: &Change) -> Result<(), Impossible> {
        match change {
            Change::Attach(parent, edge, child) => self.attach(*parent, *edge, *child),
            Change::Detach(parent, edge) => {
                let child = self.child(*parent, *edge).ok_or(Impossible)?;
                self.nodes[parent.0].children.retain(|(each, _)| each != edge);
                self.nodes[child.0].main += 1;
                Ok(())
            }
            Change::Replace(parent, edge, child) => {
                let old = self.replace(*parent, *edge, *child)?;
                self.nodes[old.0].main += 1;
                Ok(())
            }
            Change::Append(top, edge, below) => {
                self.attach(*top, *edge, *below)?;
                self.replace_in_parents(*below, *top)
            }
            Change::ReplaceNode(from, to) => self.replace_in_parents(*from, *to),
            Change::Open(node) => {
                if self.nodes[node.0].life != Life::Absent {
                    return Err(Impossible);
                }
                self.opened(*node);
                Ok(())
            }
            Change::Reopen(nodes) => {
                self.reopened(nodes);
                Ok(())
            }
            Change::Commit(overlay) => {
                let backing = self.child(*overlay, Edge::Backing).ok_or(Impossible)?;
                self.replace_in_parents(*overlay, backing)?;
                self.nodes[overlay.0].children.retain(|(edge, _)| *edge != Edge::Backing);
                Ok(())
            }
        }
    }

    fn attach(&mut self, parent: NodeId, edge: Edge, child: NodeId) -> Result<(), Impossible> {
        if self.child(parent, edge).is_some() || self.is_below(parent, child) {
            return Err(Impossible);
        }
        self.nodes[parent.0].children.push((edge, child));
        Ok(())
    }

    fn replace(&mut self, parent: NodeId, edge: Edge, child: NodeId) -> Result<NodeId, Impossible> {
        if self.child(parent, edge).is_none() || self.is_below(parent, child) {
            return Err(Impossible);
        }
        let mut children = self.nodes[parent.0].children.iter_mut();
        let place = children.find(|(each, _)| *each == edge).ok_or(Impossible)?;
        Ok(std::mem::replace(&mut place.1, child))
    }

    /// Not in `to` itself and what is below it: that would be a cycle.
    fn replace_in_parents(&mut self, from: NodeId, to: NodeId) -> Result<(), Impossible> {
        let parents: Vec<(NodeId, Edge)> = self.parents(from).collect();
        for (parent, edge) in parents {
            if !self.is_below(parent, to) {
                self.replace(parent, edge, to)?;
            }
        }
        Ok(())
    }

    /// Whether `node` is `top` or below it.
    fn is_below(&self, node: NodeId, top: NodeId) -> bool {
        let mut below = vec![top];
        let mut next = 0;
        while let Some(one) = below.get(next).copied() {
            if one == node {
                return true;
            }
            for (_, child) in &self.nodes[one.0].children {
                if !below.contains(child) {
                    below.push(*child);
                }
            }
            next += 1;
        }
        false
    }
}
