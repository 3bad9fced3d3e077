//! Changes of the graph: nodes that come between others and go again, users that are refused.

use super::super::sketch::{Scene, Sketch};
use super::super::swarm::Group;
use super::Entry;
use crate::program::{Driver, Edge};
use crate::step::Step;

pub(super) const SCENES: &[Entry] = &[
    (&[Group::Structure, Group::Unrefs], 8, second_user),
    (&[Group::Structure, Group::Unrefs], 3, filter_comes),
    (&[Group::Structure], 2, child_is_replaced),
    (&[Group::Structure, Group::Unrefs], 1, filter_goes),
];

fn section(sketch: &mut Sketch, steps: Vec<Step>) -> Vec<Step> {
    let drained = sketch.has(Group::Drains) && sketch.dice.happens(1, 4);
    let mut main = vec![Step::WriteLock { drained }];
    main.extend(steps);
    main.push(Step::Unlock);
    main
}

/// Another device wants the disk of the first one, or comes to it through a filter.
fn second_user(sketch: &mut Sketch) -> Option<Scene> {
    let used = |parent: &crate::program::Node, _: &crate::program::Node| {
        matches!(parent.driver, Driver::Device { .. })
    };
    let (device, _, disk) = sketch.find_edge(used)?;
    let writes = !sketch.dice.happens(1, 8);
    let second = sketch.spare_of(Driver::Device { writes })?;
    let filter = sketch.find(|node| node.open && node.driver == Driver::Raw);
    let filter = filter.filter(|node| !sketch.has_parent(*node));
    let mut main = vec![Step::Open(second)];
    let mut inside = Vec::new();
    match filter {
        Some(filter) => inside.push(Step::Attach(second, Edge::Root, filter)),
        None if sketch.dice.happens(1, 2) => {
            let filter = sketch.spare_of(Driver::Raw)?;
            main.push(Step::Open(filter));
            inside.push(Step::Attach(filter, Edge::File, disk));
            inside.push(Step::Attach(second, Edge::Root, filter));
        }
        None => inside.push(Step::Attach(second, Edge::Root, disk)),
    }
    main.extend(section(sketch, inside));
    if sketch.dice.happens(1, 4) {
        main.push(sketch.goes(second));
    }
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.somebody_at(scene, device))
}

/// A filter or an overlay comes above a disk, and perhaps goes again.
fn filter_comes(sketch: &mut Sketch) -> Option<Scene> {
    let (parent, edge, disk) = sketch.find_edge(|_, _| true)?;
    let (driver, below) = match sketch.dice.below(3) {
        0 => (Driver::Null, Edge::Backing),
        _ => (Driver::Raw, Edge::File),
    };
    let filter = sketch.spare_of(driver)?;
    let mut main = vec![Step::Open(filter)];
    main.extend(section(sketch, vec![Step::Append(filter, below, disk)]));
    match sketch.dice.below(4) {
        0 => {}
        1 => main.extend(section(sketch, vec![Step::Replace(parent, edge, disk)])),
        _ => {
            let back = vec![Step::ReplaceNode(filter, disk), Step::ScheduleUnref(filter)];
            main.extend(section(sketch, back));
        }
    }
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.somebody_at(scene, parent))
}

/// A filter that is there goes.
fn filter_goes(sketch: &mut Sketch) -> Option<Scene> {
    let (filter, _, below) = sketch.find_edge(|parent, _| {
        matches!(parent.driver, Driver::Raw | Driver::CopyBeforeWrite | Driver::Null)
    })?;
    let back = vec![Step::ReplaceNode(filter, below), Step::ScheduleUnref(filter)];
    let main = section(sketch, back);
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.somebody_at(scene, below))
}

/// Another child in a child's place; what it was becomes the main loop's.
fn child_is_replaced(sketch: &mut Sketch) -> Option<Scene> {
    let (parent, edge, child) = sketch.find_edge(|_, _| true)?;
    let other = sketch.any_part().filter(|node| sketch.program.node(*node).open)?;
    let mut inside = match sketch.dice.below(3) {
        0 => vec![Step::Detach(parent, edge), Step::Attach(parent, edge, other)],
        _ => vec![Step::Replace(parent, edge, other)],
    };
    if sketch.has(Group::Unrefs) {
        inside.push(Step::ScheduleUnref(child));
    }
    let main = section(sketch, inside);
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.somebody_at(scene, parent))
}
