//! Chains and trees of nodes close when their top is let go.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::{Machine, start_reader_thread, way};
use crate::graph::NodeRef;
use crate::sync::model;

const PROPERTIES: &[Property] = &[
    Property::always("closed-when-unlock-returns"),
    Property::always("closing-does-not-nest"),
    Property::eventually("unlock-returns"),
];

pub(super) fn all() -> Vec<Scenario> {
    let closes = |name, about, parameters, harness, loom| Scenario {
        name,
        parameters: Parameters(parameters),
        about,
        properties: PROPERTIES,
        cases: &["node-closes", "child-detached-by-close", "leaf-closes-without-section"],
        engines: Engines { harness: Some(harness), loom, std: 50 },
        body: tree_closes,
    };
    let chain =
        "the top of a chain is let go in a section; all of it is closed when the unlock returns";
    let tree =
        "the top of a tree is let go in a section; all of it is closed when the unlock returns";
    let large = Err("too large");
    vec![
        closes("chain_closes", chain, &[("depth", 1), ("width", 1), ("way", 0)], true, Ok(3)),
        closes("chain_closes", chain, &[("depth", 1), ("width", 1), ("way", 1)], true, Ok(3)),
        closes("chain_closes", chain, &[("depth", 2), ("width", 1), ("way", 0)], false, large),
        closes("chain_closes", chain, &[("depth", 2), ("width", 1), ("way", 1)], false, large),
        closes("tree_closes", tree, &[("depth", 1), ("width", 2), ("way", 0)], true, Ok(3)),
        closes("tree_closes", tree, &[("depth", 1), ("width", 2), ("way", 1)], true, Ok(3)),
    ]
}

/// A node with `width` children on each of `depth` levels below it, each with an image.
fn grow(machine: &mut Machine, name: &str, depth: u64, width: u64) -> NodeRef {
    let node = machine.node(name, Some(name));
    for child in 0..width.min(depth * width) {
        let child_name = format!("{name}.{child}");
        let child = grow(machine, &child_name, depth - 1, width);
        let mut section = machine.graph.lock().write(&mut machine.main);
        machine
            .graph
            .attach_child(&mut section, &node, &child_name, child)
            .expect("nobody is against it");
        section.unlock();
    }
    node
}

fn tree_closes(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let top = grow(&mut machine, "top", parameters.get("depth"), parameters.get("width"));
    start_reader_thread(&machine, "reader");
    let mut section = machine.graph.lock().write(&mut machine.main);
    section.schedule_unref(top);
    section.unlock();
    let open = machine.images.open_images();
    always("closed-when-unlock-returns", open.is_empty(), format_args!("still open: {open:?}"));
    let nested = machine.graph.closes_nested_most();
    always("closing-does-not-nest", nested == 0, format_args!("{nested} closes around one"));
    model::finish(move || machine.leftovers());
}
