//! A request and a drain, each of which announces itself and looks for the other.

use graphlock_harness::scenario::{Parameters, Property, Scenario, always};

use super::component;
use crate::driver::Null;
use crate::event_loop::MainLoop;
use crate::graph::BlockGraph;
use crate::graph_lock::Deferral;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, Named, model};

/// What a drained section does with what requests have left: nobody may see it half done.
const HALF: u32 = 100;

const PROPERTIES: &[Property] =
    &[Property::always("no-request-in-drained-section"), Property::eventually("everybody-gets-in")];

pub(super) fn all() -> Vec<Scenario> {
    vec![component(
        "drain_meets_request",
        "a request and a drain meet without a mutex; what each does is seen whole by the other",
        PROPERTIES,
        &["request-begins", "request-finds-drain-ended", "drain-waits"],
        drain_meets_request,
    )]
}

fn drain_meets_request(_: &Parameters) {
    let mut main = MainLoop::new();
    let graph = BlockGraph::new(&main, Deferral::List);
    let node = graph.create_node(&main, "disk", Null::new(None));
    let data = Arc::new(AtomicU32::new(0).named(&"data"));
    let (request, seen) = (node.begin_request(), Arc::clone(&data));
    model::spawn("request", move || {
        let request = crate::coroutine::block_on(request);
        let before = seen.load(Ordering::Relaxed);
        always("no-request-in-drained-section", before < HALF, before);
        seen.store(before + 1, Ordering::Relaxed);
        drop(request);
    });
    graph.drained_begin(&mut main, &node);
    let left = data.load(Ordering::Relaxed);
    data.store(left + HALF, Ordering::Relaxed);
    // Nobody has come in between, and nobody was there.
    let still = data.load(Ordering::Relaxed);
    always("no-request-in-drained-section", still == left + HALF, still);
    data.store(left, Ordering::Relaxed);
    graph.drained_end(&main, &node);
    model::finish(move || {
        let all = data.load(Ordering::Relaxed);
        always("no-request-in-drained-section", all == 1, all);
        drop((node, graph, main));
        String::new()
    });
}
