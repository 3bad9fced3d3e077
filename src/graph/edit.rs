//! Changes of the graph as a user makes them. Each is one [`Change`]: all of it or nothing.

use super::change::{Change, ChangeError, Refused, no_child};
use super::{BlockGraph, Node, NodeRef, edge};
use crate::graph_lock::WriteGuard;
use crate::sync::Arc;

impl BlockGraph {
    /// Makes `child` a child of `parent` and keeps its reference. Counterpart: `bdrv_attach_child`.
    ///
    /// # Errors
    /// If two users of a node would not get along, an image is locked, the name is taken, or there would be a cycle;
    /// then nothing has changed, and the reference comes back.
    pub fn attach_child(
        &self,
        section: &mut WriteGuard<'_>,
        parent: &NodeRef,
        name: &str,
        child: NodeRef,
    ) -> Result<(), Box<Refused>> {
        let mut change = Change::new(section);
        change.attach(parent.shared(), name, child)?;
        match change.refresh(&[Arc::clone(parent.shared())]) {
            Ok(()) => {
                change.commit();
                Ok(())
            }
            Err(error) => Err(refused(change, error)),
        }
    }

    /// Takes a child away and gives its reference back: [schedule its
    /// unref](WriteGuard::schedule_unref), or keep it. Counterpart: `bdrv_unref_child`.
    ///
    /// # Errors
    /// If there is no child of this name.
    pub fn detach_child(
        &self,
        section: &mut WriteGuard<'_>,
        parent: &NodeRef,
        name: &str,
    ) -> Result<NodeRef, ChangeError> {
        let child = parent.child(section, name);
        let mut change = Change::new(section);
        change.detach(parent.shared(), name)?;
        let nodes: Vec<Arc<Node>> = child.into_iter().collect();
        match change.refresh(&nodes) {
            Ok(()) => Ok(change.commit().remove(0)),
            Err(error) => {
                change.roll_back();
                Err(error)
            }
        }
    }

    /// Puts another child in a child's place and gives the old one's reference back. Counterpart:
    /// `bdrv_replace_child`.
    ///
    /// # Errors
    /// As [`attach_child`](Self::attach_child), and if there is no child of this name.
    pub fn replace_child(
        &self,
        section: &mut WriteGuard<'_>,
        parent: &NodeRef,
        name: &str,
        child: NodeRef,
    ) -> Result<NodeRef, Box<Refused>> {
        let old = parent.child(section, name);
        let mut change = Change::new(section);
        change.replace(parent.shared(), name, child)?;
        let nodes: Vec<Arc<Node>> = [Arc::clone(parent.shared())].into_iter().chain(old).collect();
        match change.refresh(&nodes) {
            Ok(()) => Ok(change.commit().remove(0)),
            Err(error) => Err(refused(change, error)),
        }
    }

    /// Puts `top` between `below` and all that use it: `below` becomes `top`'s child `name`, and they use `top`.
    /// Counterpart: `bdrv_append`, and `bdrv_insert_node` with a node that was made before.
    ///
    /// # Errors
    /// As [`attach_child`](Self::attach_child); then nothing has changed.
    pub fn append(
        &self,
        section: &mut WriteGuard<'_>,
        top: &NodeRef,
        name: &str,
        below: &NodeRef,
    ) -> Result<(), ChangeError> {
        let reference = below.another(section.main());
        let mut change = Change::new(section);
        let done = match change.attach(top.shared(), name, reference) {
            Ok(()) => change.replace_in_parents(below.shared(), top),
            Err(refused) => {
                change.roll_back();
                refused.child.forget(section.main());
                return Err(refused.error);
            }
        };
        let nodes = [Arc::clone(top.shared()), Arc::clone(below.shared())];
        let (result, references) = finish(change, done, &nodes);
        references.into_iter().for_each(|reference| reference.forget(section.main()));
        result
    }

    /// Puts `node` into one edge: the child `edge` of `parent` becomes the child `name` of `node`, which takes its place
    /// there. Other users of the child are left as they are, unlike with [`append`](Self::append).
    ///
    /// # Errors
    /// As [`attach_child`](Self::attach_child), and if `parent` has no child `edge`; then nothing has changed.
    pub fn insert(
        &self,
        section: &mut WriteGuard<'_>,
        parent: &NodeRef,
        edge: &str,
        node: &NodeRef,
        name: &str,
    ) -> Result<(), ChangeError> {
        let Some(child) = parent.child_reference(section.main(), section, edge) else {
            return Err(no_child(parent, edge, false));
        };
        let mut change = Change::new(section);
        let done = match change.attach(node.shared(), name, child) {
            Ok(()) => change.put(parent.shared(), edge, node),
            Err(refused) => {
                change.roll_back();
                refused.child.forget(section.main());
                return Err(refused.error);
            }
        };
        let (result, references) = finish(change, done, &[Arc::clone(parent.shared())]);
        references.into_iter().for_each(|reference| reference.forget(section.main()));
        result
    }

    /// Puts `to` in the place of `from` in all that use it, but not in `to` itself and what is below it. The references
    /// that they had to `from` are let go; the caller has his own. Counterpart: `bdrv_replace_node`.
    ///
    /// # Errors
    /// As [`attach_child`](Self::attach_child); then nothing has changed.
    pub fn replace_node(
        &self,
        section: &mut WriteGuard<'_>,
        from: &NodeRef,
        to: &NodeRef,
    ) -> Result<(), ChangeError> {
        let mut change = Change::new(section);
        let done = change.replace_in_parents(from.shared(), to);
        let nodes = [Arc::clone(to.shared()), Arc::clone(from.shared())];
        let (result, references) = finish(change, done, &nodes);
        references.into_iter().for_each(|reference| reference.forget(section.main()));
        result
    }

    /// Computes the permissions of `node` and of all below it anew, since its driver asks for something else now.
    ///
    /// # Errors
    /// As [`attach_child`](Self::attach_child); then nothing has changed.
    pub(super) fn refresh(
        &self,
        section: &mut WriteGuard<'_>,
        node: &NodeRef,
    ) -> Result<(), ChangeError> {
        let change = Change::new(section);
        finish(change, Ok(()), &[Arc::clone(node.shared())]).0
    }

    /// The parents of a node, with the names of their edges, in the order in which they were attached.
    #[must_use]
    pub fn parents_of(
        &self,
        main: &crate::event_loop::MainLoop,
        node: &Node,
    ) -> Vec<(String, String)> {
        let parents = edge::parents(node, main);
        parents.into_iter().map(|(parent, name)| (parent.name().to_owned(), name)).collect()
    }
}

/// Takes the change back, and gives the one reference back that came with it.
fn refused(change: Change<'_, '_>, error: ChangeError) -> Box<Refused> {
    let child = change.roll_back().pop();
    let child = child.expect("the change has made an edge, so there is a reference to give back");
    Box::new(Refused { error, child })
}

/// Computes permissions and keeps the change, or takes it back. Gives the references that are no part of the graph.
pub(super) fn finish(
    mut change: Change<'_, '_>,
    done: Result<(), ChangeError>,
    nodes: &[Arc<Node>],
) -> (Result<(), ChangeError>, Vec<NodeRef>) {
    match done.and_then(|()| change.refresh(nodes)) {
        Ok(()) => (Ok(()), change.commit()),
        Err(error) => (Err(error), change.roll_back()),
    }
}
