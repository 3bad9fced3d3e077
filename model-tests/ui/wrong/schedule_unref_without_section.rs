//! A reference is deferred by a section; a read guard cannot defer anything.

use graphlock::graph::NodeRef;
use graphlock::graph_lock::ReadGuard;

fn wrong(guard: &mut ReadGuard<'_>, node: NodeRef) {
    guard.schedule_unref(node);
}

fn main() {}
