//! Edges: a parent's child under a name, seen from both ends, and the bare operations on them.
//!
//! The operations here change the structure and nothing else: no permission is looked at ([`super::change`] does).
//!
//! # Invariants
//! * An edge stands in its parent's children and in its child's parents, or in neither.
//! * A quiesced child counts once in the quiesce counter of its parent, for each edge. So attaching one quiesces the
//!   parent, and detaching one ends that; a replacement begins the new before it ends the old, so that no request
//!   slips through in between.

use super::{Node, NodeRef};
use crate::graph_lock::WriteGuard;
use crate::permission::Access;
use crate::sync::{Arc, Weak, says, shows};

/// A named edge to a child, with the reference that keeps the child.
pub(super) struct Edge {
    pub(super) name: String,
    pub(super) child: NodeRef,
    /// What the parent does with the child, and what it lets others do.
    pub(super) access: Access,
}

/// The same edge seen from the child.
#[derive(Clone)]
pub(super) struct ParentEdge {
    pub(super) parent: Weak<Node>,
    pub(super) name: String,
}

impl ParentEdge {
    fn is(&self, parent: &Arc<Node>, name: &str) -> bool {
        self.name == name && std::ptr::eq(self.parent.as_ptr(), Arc::as_ptr(parent))
    }
}

/// The parents of `node` that are alive, with the names of their edges.
pub(super) fn parents(node: &Node, main: &crate::event_loop::MainLoop) -> Vec<(Arc<Node>, String)> {
    let edges = node.on_main.with(main, |on_main| on_main.parents.clone());
    edges.into_iter().filter_map(|edge| Some((edge.parent.upgrade()?, edge.name))).collect()
}

/// The access of the edge `name` of `parent`.
pub(super) fn access(section: &WriteGuard<'_>, parent: &Node, name: &str) -> Access {
    parent.child_access(section, name).unwrap_or(Access::NONE)
}

/// Where an edge stands on its two sides.
#[derive(Clone, Copy)]
pub(super) struct Place {
    among_children: usize,
    among_parents: usize,
}

impl Place {
    /// Behind all others.
    pub(super) const LAST: Place = Place { among_children: usize::MAX, among_parents: usize::MAX };
}

/// Puts an edge at its place.
pub(super) fn link(section: &mut WriteGuard<'_>, parent: &Arc<Node>, place: Place, edge: Edge) {
    add_parent(section, parent, &edge.name, edge.child.shared(), place.among_parents);
    show(parent, &edge.name, edge.child.name());
    parent.children.write(section, |children| {
        children.insert(place.among_children.min(children.len()), edge);
    });
}

/// Takes the edge of this name away, and says where it stood.
pub(super) fn unlink(
    section: &mut WriteGuard<'_>,
    parent: &Arc<Node>,
    name: &str,
) -> Option<(Place, Edge)> {
    let (among_children, edge) = parent.children.write(section, |children| {
        let at = children.iter().position(|edge| edge.name == name)?;
        Some((at, children.remove(at)))
    })?;
    let among_parents = remove_parent(section, parent, name, edge.child.shared());
    show(parent, name, "");
    Some((Place { among_children, among_parents }, edge))
}

/// Puts another child at the end of the edge of this name, `place` among its parents. Gives the reference to the old
/// one back, and where the edge stood there.
pub(super) fn swap(
    section: &mut WriteGuard<'_>,
    parent: &Arc<Node>,
    name: &str,
    child: NodeRef,
    place: Place,
) -> Result<(NodeRef, Place), NodeRef> {
    if parent.child(section, name).is_none() {
        return Err(child);
    }
    add_parent(section, parent, name, child.shared(), place.among_parents);
    let old = parent.children.write(section, |children| {
        match children.iter_mut().find(|edge| edge.name == name) {
            Some(edge) => std::mem::replace(&mut edge.child, child),
            None => child,
        }
    });
    let among_parents = remove_parent(section, parent, name, old.shared());
    if let Some(child) = parent.child(section, name) {
        show(parent, name, child.name());
    }
    Ok((old, Place { among_parents, ..Place::LAST }))
}

/// Changes what an edge does with its child, and gives what it did before.
pub(super) fn set_access(
    section: &mut WriteGuard<'_>,
    parent: &Node,
    name: &str,
    access: Access,
) -> Access {
    parent.children.write(section, |children| {
        match children.iter_mut().find(|edge| edge.name == name) {
            Some(edge) => std::mem::replace(&mut edge.access, access),
            None => access,
        }
    })
}

/// Says who is the child at that edge now; an empty name: nobody.
fn show(parent: &Node, name: &str, child: &str) {
    says!("{}.{name} := {}", parent.name(), if child.is_empty() { "nobody" } else { child });
    shows!(Edge, format!("{}.{name}", parent.name()), "{child}");
}

fn add_parent(
    section: &WriteGuard<'_>,
    parent: &Arc<Node>,
    name: &str,
    child: &Arc<Node>,
    at: usize,
) {
    section.note_changed_edge();
    let main = section.main();
    let edge = ParentEdge { parent: Arc::downgrade(parent), name: name.to_owned() };
    let quiesced = child.on_main.with(main, |on_main| {
        on_main.parents.insert(at.min(on_main.parents.len()), edge);
        on_main.quiesce_counter > 0
    });
    if quiesced {
        parent.quiesce_begin(main);
    }
}

/// Says where it stood.
fn remove_parent(
    section: &WriteGuard<'_>,
    parent: &Arc<Node>,
    name: &str,
    child: &Arc<Node>,
) -> usize {
    section.note_changed_edge();
    let main = section.main();
    let (quiesced, at) = child.on_main.with(main, |on_main| {
        let at = on_main.parents.iter().position(|edge| edge.is(parent, name));
        if let Some(at) = at {
            on_main.parents.remove(at);
        }
        (on_main.quiesce_counter > 0, at)
    });
    if quiesced {
        parent.quiesce_end(main);
    }
    at.unwrap_or(usize::MAX)
}
