//! Closing polls: it cannot be asked for while a write section borrows the main loop's token.

use graphlock::event_loop::MainLoop;
use graphlock::graph::{BlockGraph, NodeRef};

fn wrong(graph: &BlockGraph, main: &mut MainLoop, node: NodeRef) {
    let section = graph.lock().write(main);
    graph.unref(main, node);
    section.unlock();
}

fn main() {}
