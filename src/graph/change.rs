//! Changes of the graph: structure and permissions together, all of it or nothing.
//!
//! A change is made step by step in a write section; each step writes down how to take it back. Then permissions are
//! computed anew from the changed nodes downwards, parents before children: what all parents of a node do and share
//! together decides what the node's driver does with its children, and at the bottom which locks an image needs.
//!
//! # Cases
//! * `change-commits`: nobody is against it: the images keep what is needed now.
//! * `change-rolls-back`: two users of a node do not get along, or an image is locked by somebody else, or there
//!   would be a cycle: every step is taken back, the last first.
//!
//! # Invariants
//! * Whoever sees the graph sees it before or after a change: it is made in one section.
//! * A change that failed has changed nothing: names, edges, accesses, references, counters, image locks.

use std::fmt;

use super::edge::{self, Edge, Place};
use super::{Node, NodeRef};
use crate::driver::DriverError;
use crate::graph_lock::WriteGuard;
use crate::mutation::mutated;
use crate::permission::{Access, Permissions};
use crate::sync::{Arc, reached};

/// Why the graph stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeError {
    /// Two users of a node do not get along.
    Conflict(Box<Conflict>),
    /// A node would be below itself.
    Cycle {
        /// The node that was to get a child.
        parent: String,
        /// The child, which is above it.
        child: String,
    },
    /// The parent has no child of this name, or has one already.
    Child {
        /// The parent.
        parent: String,
        /// The name of the edge.
        name: String,
        /// Whether there is one.
        exists: bool,
    },
    /// The child is drained, and the parent has requests in flight that would go there. It may be over by itself: try
    /// again, or drain the parent first.
    Busy {
        /// The parent.
        parent: String,
        /// The child.
        child: String,
    },
    /// The driver of a node does not take it.
    Driver {
        /// The node.
        node: String,
        /// Why.
        error: DriverError,
    },
}

/// Two users of a node that do not get along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The node.
    pub node: String,
    /// What one does and the other does not share.
    pub permissions: Permissions,
    /// Who does it, and the name of its edge.
    pub needed_by: (String, String),
    /// Who does not share it, and the name of its edge.
    pub denied_by: (String, String),
}

/// A change that was refused, with the reference that was to become part of the graph.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: ChangeError,
    /// The reference: it is the caller's again.
    pub child: NodeRef,
}

/// How to take a step back.
enum Undo {
    Attached { parent: Arc<Node>, name: String },
    Detached { parent: Arc<Node>, place: Place, edge: Edge },
    Replaced { parent: Arc<Node>, name: String, old: NodeRef, place: Place },
    Access { parent: Arc<Node>, name: String, old: Access },
}

/// A change in progress. It must be committed or rolled back.
pub(super) struct Change<'s, 'm> {
    section: &'s mut WriteGuard<'m>,
    undo: Vec<Undo>,
    /// Nodes whose drivers have prepared.
    prepared: Vec<Arc<Node>>,
    /// Parents that stay quiesced until the change is kept or taken back, whatever happens to their edges: a request
    /// that began in between would find a drained child again, and nobody would wait for it.
    held: Vec<Arc<Node>>,
}

impl<'s, 'm> Change<'s, 'm> {
    pub(super) fn new(section: &'s mut WriteGuard<'m>) -> Self {
        Change { section, undo: Vec::new(), prepared: Vec::new(), held: Vec::new() }
    }

    /// Adds an edge. It does nothing with its child until permissions are computed.
    pub(super) fn attach(
        &mut self,
        parent: &Arc<Node>,
        name: &str,
        child: NodeRef,
    ) -> Result<(), Refused> {
        if let Err(error) = self.may_attach(parent, name, &child) {
            return Err(Refused { error, child });
        }
        let edge = Edge { name: name.to_owned(), child, access: Access::NONE };
        edge::link(self.section, parent, Place::LAST, edge);
        self.undo.push(Undo::Attached { parent: Arc::clone(parent), name: name.to_owned() });
        Ok(())
    }

    fn may_attach(
        &mut self,
        parent: &Arc<Node>,
        name: &str,
        child: &NodeRef,
    ) -> Result<(), ChangeError> {
        if parent.child(self.section, name).is_some() {
            return Err(no_child(parent, name, true));
        }
        self.may_use(parent, child)
    }

    /// Holds the parent if it stays.
    fn may_use(&mut self, parent: &Arc<Node>, child: &NodeRef) -> Result<(), ChangeError> {
        if self.is_below(parent, child.shared()) {
            let (parent, child) = (parent.name().to_owned(), child.name().to_owned());
            return Err(ChangeError::Cycle { parent, child });
        }
        let main = self.section.main();
        // Where all are idle, what looks as if it were in flight is being turned away.
        if !child.is_in_drained_section(main) || child.graph().registry().is_idle() {
            self.hold_if_quiesced(parent);
            return Ok(());
        }
        // First no request begins, then none is in flight: the other way round one could begin in between. A request
        // that came in further above goes through the parent, too.
        parent.quiesce_begin(main);
        if parent.is_busy_from_above(main) {
            parent.quiesce_end(main);
            return Err(busy(parent, child));
        }
        self.held.push(Arc::clone(parent));
        Ok(())
    }

    fn hold_if_quiesced(&mut self, parent: &Arc<Node>) {
        let main = self.section.main();
        if parent.is_in_drained_section(main) {
            parent.quiesce_begin(main);
            self.held.push(Arc::clone(parent));
        }
    }

    fn let_go(&self) {
        for parent in &self.held {
            parent.quiesce_end(self.section.main());
        }
    }

    /// Whether `node` is `top` or below it.
    pub(super) fn is_below(&self, node: &Arc<Node>, top: &Arc<Node>) -> bool {
        let children = || {
            top.children.read(self.section, |children| {
                children.iter().map(|edge| Arc::clone(edge.child.shared())).collect::<Vec<_>>()
            })
        };
        Arc::ptr_eq(node, top) || children().iter().any(|child| self.is_below(node, child))
    }

    /// Takes an edge away.
    pub(super) fn detach(&mut self, parent: &Arc<Node>, name: &str) -> Result<(), ChangeError> {
        if parent.child(self.section, name).is_some() {
            self.hold_if_quiesced(parent);
        }
        let (place, edge) = edge::unlink(self.section, parent, name)
            .ok_or_else(|| no_child(parent, name, false))?;
        self.undo.push(Undo::Detached { parent: Arc::clone(parent), place, edge });
        Ok(())
    }

    /// Puts another child at the end of an edge.
    pub(super) fn replace(
        &mut self,
        parent: &Arc<Node>,
        name: &str,
        child: NodeRef,
    ) -> Result<(), Refused> {
        if parent.child(self.section, name).is_none() {
            return Err(Refused { error: no_child(parent, name, false), child });
        }
        if let Err(error) = self.may_use(parent, &child) {
            return Err(Refused { error, child });
        }
        match edge::swap(self.section, parent, name, child, Place::LAST) {
            Ok((old, place)) => {
                let (parent, name) = (Arc::clone(parent), name.to_owned());
                self.undo.push(Undo::Replaced { parent, name, old, place });
                Ok(())
            }
            Err(child) => Err(Refused { error: no_child(parent, name, false), child }),
        }
    }

    /// Puts `to` in the place of `from` in all that use it, but not in `to` itself and what is below it: that
    /// would be a cycle. Counterpart: `bdrv_replace_node`, with its `should_update_child`.
    pub(super) fn replace_in_parents(
        &mut self,
        from: &Arc<Node>,
        to: &NodeRef,
    ) -> Result<(), ChangeError> {
        let main = self.section.main();
        for (parent, name) in edge::parents(from, main) {
            if self.is_below(&parent, to.shared()) {
                reached!("replace-leaves-edge");
                continue;
            }
            self.put(&parent, &name, to)?;
        }
        Ok(())
    }

    /// Puts `to` at the end of an edge, with a reference of its own.
    pub(super) fn put(
        &mut self,
        parent: &Arc<Node>,
        name: &str,
        to: &NodeRef,
    ) -> Result<(), ChangeError> {
        let reference = to.another(self.section.main());
        self.replace(parent, name, reference).map_err(|refused| {
            refused.child.forget(self.section.main());
            refused.error
        })
    }

    /// Computes permissions of `nodes` and of all below them, and has drivers prepare for them.
    pub(super) fn refresh(&mut self, nodes: &[Arc<Node>]) -> Result<(), ChangeError> {
        let mut order = Vec::new();
        for node in nodes {
            self.add_with_parents_first(node, &mut order);
        }
        // Children come first in `order`, so that it can be built in one walk.
        for node in order.into_iter().rev() {
            let cumulative = self.cumulative(&node)?;
            let names = node.children.read(self.section, |children| {
                children.iter().map(|edge| edge.name.clone()).collect::<Vec<_>>()
            });
            for name in names {
                let access = node.driver.child_access(&name, cumulative);
                let old = edge::set_access(self.section, &node, &name, access);
                self.undo.push(Undo::Access { parent: Arc::clone(&node), name, old });
            }
            node.driver
                .prepare(self.section, cumulative)
                .map_err(|error| ChangeError::Driver { node: node.name().to_owned(), error })?;
            self.prepared.push(node);
        }
        Ok(())
    }

    /// Adds what is below `node` and then `node` itself, each once.
    fn add_with_parents_first(&self, node: &Arc<Node>, order: &mut Vec<Arc<Node>>) {
        if order.iter().any(|each| Arc::ptr_eq(each, node)) {
            return;
        }
        let children = node.children.read(self.section, |children| {
            children.iter().map(|edge| Arc::clone(edge.child.shared())).collect::<Vec<_>>()
        });
        for child in &children {
            self.add_with_parents_first(child, order);
        }
        order.push(Arc::clone(node));
    }

    /// What all parents of a node do and share together.
    fn cumulative(&self, node: &Arc<Node>) -> Result<Access, ChangeError> {
        let users: Vec<(String, String, Access)> = edge::parents(node, self.section.main())
            .into_iter()
            .map(|(parent, name)| {
                let access = edge::access(self.section, &parent, &name);
                (parent.name().to_owned(), name, access)
            })
            .collect();
        for (at, (needs, needs_name, needed)) in users.iter().enumerate() {
            for (other, (denies, denies_name, shared)) in users.iter().enumerate() {
                let permissions = shared.denies(*needed);
                if at != other && !permissions.is_empty() && !mutated("permission-conflict-ignored")
                {
                    return Err(ChangeError::Conflict(Box::new(Conflict {
                        node: node.name().to_owned(),
                        permissions,
                        needed_by: (needs.clone(), needs_name.clone()),
                        denied_by: (denies.clone(), denies_name.clone()),
                    })));
                }
            }
        }
        Ok(users.iter().fold(Access::NONE, |sum, (_, _, access)| sum.and(*access)))
    }

    /// Keeps the change, and gives the references that are no longer part of the graph.
    pub(super) fn commit(self) -> Vec<NodeRef> {
        reached!("change-commits");
        for node in &self.prepared {
            node.driver.commit(self.section);
        }
        self.let_go();
        let freed = self.undo.into_iter().filter_map(|undo| match undo {
            Undo::Detached { edge, .. } => Some(edge.child),
            Undo::Replaced { old, .. } => Some(old),
            Undo::Attached { .. } | Undo::Access { .. } => None,
        });
        freed.collect()
    }

    /// Takes everything back, and gives the references that were to become part of the graph.
    pub(super) fn roll_back(mut self) -> Vec<NodeRef> {
        reached!("change-rolls-back");
        for node in self.prepared.iter().rev() {
            node.driver.abort(self.section);
        }
        let mut given_back = Vec::new();
        for undo in std::mem::take(&mut self.undo).into_iter().rev() {
            match undo {
                Undo::Attached { parent, name } => {
                    let edge = edge::unlink(self.section, &parent, &name);
                    given_back.extend(edge.map(|(_, edge)| edge.child));
                }
                Undo::Detached { parent, place, edge } => {
                    edge::link(self.section, &parent, place, edge)
                }
                Undo::Replaced { parent, name, old, place } => {
                    let swapped = edge::swap(self.section, &parent, &name, old, place);
                    given_back.extend(swapped.ok().map(|(child, _)| child));
                }
                Undo::Access { parent, name, old } => {
                    if !mutated("failed-change-keeps-access") {
                        edge::set_access(self.section, &parent, &name, old);
                    }
                }
            }
        }
        self.let_go();
        given_back.reverse();
        given_back
    }
}

fn busy(parent: &Node, child: &Node) -> ChangeError {
    ChangeError::Busy { parent: parent.name().to_owned(), child: child.name().to_owned() }
}

pub(super) fn no_child(parent: &Node, name: &str, exists: bool) -> ChangeError {
    ChangeError::Child { parent: parent.name().to_owned(), name: name.to_owned(), exists }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conflict { node, permissions, needed_by, denied_by } = self;
        write!(
            f,
            "Permission conflict on node `{node}`: `{permissions}` is needed by `{}` (which has it as `{}`) and not \
             shared by `{}` (which has it as `{}`)",
            needed_by.0, needed_by.1, denied_by.0, denied_by.1
        )
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeError::Conflict(conflict) => conflict.fmt(f),
            ChangeError::Cycle { parent, child } => {
                write!(f, "node `{child}` cannot be below `{parent}`: it is above it already")
            }
            ChangeError::Child { parent, name, exists: true } => {
                write!(f, "node `{parent}` has a child `{name}` already: detach or replace it")
            }
            ChangeError::Child { parent, name, exists: false } => {
                write!(f, "node `{parent}` has no child `{name}`")
            }
            ChangeError::Busy { parent, child } => write!(
                f,
                "node `{child}` is drained and `{parent}` has requests in flight: drain it, too, or change the graph \
                 in a drained section"
            ),
            ChangeError::Driver { node, error } => write!(f, "node `{node}`: {error}"),
        }
    }
}

impl std::error::Error for ChangeError {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refused {}
