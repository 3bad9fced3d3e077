//! References that go: nodes that close, and their images that are opened again.

use super::super::sketch::{Scene, Sketch, Where};
use super::super::swarm::Group;
use super::Entry;
use crate::program::{Driver, NodeId};
use crate::step::Step;

pub(super) const SCENES: &[Entry] = &[
    (&[Group::Unrefs], 4, unref_in_section),
    (&[Group::Unrefs], 3, chain_closes),
    (&[Group::Unrefs, Group::Requests], 2, request_meets_close),
    (&[Group::Unrefs], 1, task_holds),
    (&[Group::Unrefs], 1, one_more_reference),
];

impl Sketch {
    /// A reference of the main loop's goes, one way or another.
    pub(in super::super) fn goes(&mut self, node: NodeId) -> Step {
        if self.dice.happens(1, 4) { Step::Drop(node) } else { Step::Unref(node) }
    }

    /// Somebody who is at work on a node, or reads the graph.
    pub(super) fn somebody_at(&mut self, scene: Scene, node: NodeId) -> Scene {
        let steps = if self.has(Group::Requests) && self.dice.happens(2, 3) {
            let at = if self.dice.happens(2, 3) { node } else { self.target().unwrap_or(node) };
            let mut steps = vec![self.request(at)];
            if self.dice.happens(1, 4) {
                steps.push(self.request(at));
            }
            steps
        } else if self.has(Group::ReadLocks) {
            self.reads()
        } else {
            return scene;
        };
        scene.with(Where::Anywhere, steps)
    }

    /// All that is below `node`, each once.
    fn below(&self, node: NodeId) -> Vec<NodeId> {
        let mut found = vec![node];
        let mut at = 0;
        while at < found.len() {
            for (_, child) in &self.program.node(found[at]).children {
                if !found.contains(child) {
                    found.push(*child);
                }
            }
            at += 1;
        }
        found
    }
}

/// A node goes in a section, and its image is opened again right after.
fn unref_in_section(sketch: &mut Sketch) -> Option<Scene> {
    let drained = sketch.has(Group::Drains) && sketch.dice.happens(1, 4);
    let edge = sketch.find_edge(|_, child| child.driver.image().is_some());
    let lone = sketch.find(|node| node.open && node.driver.image().is_some());
    let mut main = Vec::new();
    let gone = match edge {
        Some((parent, edge, child)) if sketch.has(Group::Structure) || lone.is_none() => {
            // One reference is the main loop's, the other one becomes so.
            main.push(sketch.goes(child));
            main.push(Step::WriteLock { drained });
            let other = sketch.find(|node| node.open && matches!(node.driver, Driver::Null));
            match other {
                Some(other) if sketch.dice.happens(1, 2) => {
                    main.push(Step::Replace(parent, edge, other));
                }
                _ => main.push(Step::Detach(parent, edge)),
            }
            child
        }
        _ => {
            main.push(Step::WriteLock { drained });
            lone?
        }
    };
    main.extend([Step::ScheduleUnref(gone), Step::Unlock]);
    let again = if sketch.dice.happens(3, 4) { sketch.again_for(gone) } else { None };
    main.extend(again.map(Step::Open));
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.somebody_at(scene, gone))
}

/// The top of a chain goes, and all that is below it, for nobody else has a reference.
fn chain_closes(sketch: &mut Sketch) -> Option<Scene> {
    let top = sketch.target()?;
    let below = sketch.below(top);
    if below.len() > 5 {
        return None;
    }
    let mut main: Vec<Step> = below[1..].iter().map(|node| sketch.goes(*node)).collect();
    if sketch.dice.happens(2, 3) {
        let drained = sketch.has(Group::Drains) && sketch.dice.happens(1, 4);
        main.extend([Step::WriteLock { drained }, Step::ScheduleUnref(top), Step::Unlock]);
    } else {
        main.push(Step::Unref(top));
    }
    let last = *below.last()?;
    let again = if sketch.dice.happens(1, 2) { sketch.again_for(last) } else { None };
    main.extend(again.map(Step::Open));
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.somebody_at(scene, top))
}

/// A node that nobody is above closes while a request is at work on it.
fn request_meets_close(sketch: &mut Sketch) -> Option<Scene> {
    let node = sketch.target()?;
    let mut main = Vec::new();
    if sketch.dice.happens(1, 2) {
        main.push(sketch.goes(node));
    } else {
        let drained = sketch.has(Group::Drains) && sketch.dice.happens(1, 4);
        main.extend([Step::WriteLock { drained }, Step::ScheduleUnref(node), Step::Unlock]);
    }
    let mut scene = Scene { main, ..Scene::default() };
    for _ in 0..1 + sketch.dice.below(2) {
        let request = sketch.request(node);
        scene = scene.with(Where::Anywhere, vec![request]);
    }
    Some(scene)
}

/// The main loop's reference goes, and somebody else has one.
fn task_holds(sketch: &mut Sketch) -> Option<Scene> {
    let node = sketch.find(|node| node.open)?;
    let mut steps = Vec::new();
    if sketch.has(Group::ReadLocks) {
        steps.extend(sketch.reads());
    }
    steps.push(Step::Drop(node));
    let mut main = vec![sketch.goes(node)];
    if sketch.dice.happens(1, 2) {
        main.push(Step::Poll);
    }
    Some(Scene { main, ..Scene::default() }.with_holder(Where::Anywhere, node, steps))
}

fn one_more_reference(sketch: &mut Sketch) -> Option<Scene> {
    let node = sketch.find(|node| node.open)?;
    let main = vec![Step::Ref(node), sketch.goes(node), Step::Poll, sketch.goes(node)];
    Some(Scene { main, ..Scene::default() })
}
