//! Closing a node whose last reference has gone.
//!
//! The order, and why each step is where it is:
//! 1. Out of the registry: nobody finds the node while the steps below poll.
//! 2. Drain: no request is in flight from here on.
//! 3. Flush, in a coroutine that takes the *read* lock: this is what can never end under the write lock.
//! 4. Have the driver let go of what it holds: an image is closed, its locks are gone.
//! 5. In a write section detach the children and defer their references, to the batch that this close is part
//!    of: so closing a tree does not nest. A node without children needs no section, and stops no reader.
//! 6. Who still waits to begin a request is told that the node is closed. It stays drained.

use super::change::Change;
use super::{BlockGraph, Node, edge};
use crate::driver::Io;
use crate::event_loop::MainLoop;
use crate::graph_lock::{Batch, Hold, WriteGuard};
use crate::mutation::mutated;
use crate::sync::atomic::Ordering;
use crate::sync::{Arc, reached, shows, within};

impl BlockGraph {
    /// Closes a node. Main loop only, outside sections: it polls. Counterpart: `bdrv_delete` and
    /// `bdrv_close`.
    pub(super) fn close(&self, main: &mut MainLoop, node: &Arc<Node>, batch: Option<&Batch>) {
        reached!("node-closes");
        let _closing = within!("closes {}", node.name());
        let nested = self.0.closing.fetch_add(1, Ordering::Relaxed);
        self.0.closes_nested_most.fetch_max(nested, Ordering::Relaxed);
        self.0.registry.remove(node);
        if !mutated("close-skips-drain") {
            BlockGraph::drain(main, node);
        }
        self.flush(main, node);
        node.driver.close();
        let guard = self.0.lock.read_main(main);
        let is_leaf = node.with_children(&guard, |children| children.next().is_none());
        if is_leaf && !node.driver.closes_in_section() {
            reached!("leaf-closes-without-section");
        } else {
            let section = match batch {
                Some(batch) if !mutated("close-opens-its-own-batch") => {
                    self.0.lock.write_drained_into(main, batch)
                }
                _ => self.0.lock.write_drained(main),
            };
            Self::close_in_section(section, node);
        }
        self.0.closing.fetch_sub(1, Ordering::Relaxed);
        // What looks as if it were in flight now is being turned away.
        assert!(node.is_quiesced(), "node `{}` is closed and was not drained", node.name());
        node.refuse_requests();
        self.0.registry.forget(node);
        shows!(Node, node.name().to_owned(), "");
    }

    /// Waits until what the node has buffered is written: a coroutine reads the graph for it. Counterpart:
    /// `bdrv_flush`.
    pub(super) fn flush(&self, main: &mut MainLoop, node: &Arc<Node>) {
        let _flushing = within!("flushes {}", node.name());
        let (lock, node) = (self.0.lock.clone(), Arc::clone(node));
        main.run_coroutine("flush", move |_| async move {
            let guard = lock.read().await;
            // A node that cannot be flushed is closed all the same: nobody is left who could be told.
            let _ = Io::of(&node, Hold::Read(&guard)).flush().await;
        });
    }

    /// Ends `section` too.
    fn close_in_section(mut section: WriteGuard<'_>, node: &Arc<Node>) {
        let held = node.driver.close_in_section(&mut section);
        let names = node.with_children(&section, |children| {
            children.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        });
        for name in names {
            let Some((_, edge)) = edge::unlink(&mut section, node, &name) else { continue };
            reached!("child-detached-by-close");
            let mut change = Change::new(&mut section);
            // The child has one user less: what it is asked for becomes less, which nobody can refuse.
            match change.refresh(&[Arc::clone(edge.child.shared())]) {
                Ok(()) => drop(change.commit()),
                Err(_) => drop(change.roll_back()),
            }
            section.schedule_unref(edge.child);
        }
        if let Some(held) = held {
            section.defer("close", move |_, _| drop(held));
        }
        section.unlock();
    }
}
