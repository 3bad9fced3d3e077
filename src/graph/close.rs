//! Closing a node whose last reference has gone.
//!
//! The order, and why each step is where it is:
//! 1. Out of the registry: nobody finds the node while the steps below poll.
//! 2. Drain: no request is in flight from here on.
//! 3. Flush, in a coroutine that takes the *read* lock: this is what can never end under the write lock.
//! 4. Close the image: its locks are gone.
//! 5. In a write section detach the children and defer their references, to the batch that this close is part
//!    of: so closing a tree does not nest. A node without children needs no section, and stops no reader.
//! 6. End the drains; who still waits to begin a request is told that the node is closed.

use super::{BlockGraph, Node};
use crate::event_loop::MainLoop;
use crate::graph_lock::{Batch, WriteGuard};
use crate::mutation::mutated;
use crate::sync::atomic::Ordering;
use crate::sync::{Arc, lock, reached};

impl BlockGraph {
    /// Closes a node. Main loop only, outside sections: it polls. Counterpart: `bdrv_delete` and
    /// `bdrv_close`.
    pub(super) fn close(&self, main: &mut MainLoop, node: &Arc<Node>, batch: Option<&Batch>) {
        reached!("node-closes");
        let nested = self.0.closing.fetch_add(1, Ordering::Relaxed);
        self.0.closes_nested_most.fetch_max(nested, Ordering::Relaxed);
        let drained_with_all = self.0.registry.remove(node);
        if !mutated("close-skips-drain") {
            BlockGraph::drain(main, node);
        }
        self.flush(main, node);
        let image = lock(&node.image).take();
        drop(image);
        let guard = self.0.lock.read_main(main);
        let is_leaf = node.with_children(&guard, |children| children.next().is_none());
        if is_leaf {
            reached!("leaf-closes-without-section");
        } else {
            let section = match batch {
                Some(batch) if !mutated("close-opens-its-own-batch") => {
                    self.0.lock.write_drained_into(main, batch)
                }
                _ => self.0.lock.write_drained(main),
            };
            Self::detach_children(section, node);
        }
        self.0.closing.fetch_sub(1, Ordering::Relaxed);
        let mut activity = lock(&node.activity);
        let in_flight = activity.in_flight;
        assert!(
            in_flight == 0,
            "node `{}` is closed with {in_flight} requests in flight",
            node.name()
        );
        activity.closed = true;
        activity.quiesce_counter -= drained_with_all + u32::from(!mutated("close-skips-drain"));
        let waiting = activity.queued.take_all();
        drop(activity);
        for request in waiting {
            request.wake();
        }
    }

    /// Waits until what the node has buffered is written: a coroutine reads the graph for it. Counterpart:
    /// `bdrv_flush`.
    fn flush(&self, main: &mut MainLoop, node: &Arc<Node>) {
        let (lock, node) = (self.0.lock.clone(), Arc::clone(node));
        main.run_coroutine("flush", move |_| async move {
            let guard = lock.read().await;
            node.with_children(&guard, |children| children.count());
        });
    }

    /// Ends `section` too.
    fn detach_children(mut section: WriteGuard<'_>, node: &Node) {
        let children = node.children.write(&mut section, std::mem::take);
        for edge in children {
            reached!("child-detached-by-close");
            section.schedule_unref(edge.child);
        }
        section.unlock();
    }
}
