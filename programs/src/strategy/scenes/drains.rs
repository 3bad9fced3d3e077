//! Requests and drained sections, of the main loop and of coroutines.

use super::super::sketch::{Scene, Sketch, Where};
use super::super::swarm::Group;
use super::Entry;
use crate::program::NodeId;
use crate::step::Step;

pub(super) const SCENES: &[Entry] = &[
    (&[Group::Drains, Group::Requests], 3, drain_meets_request),
    (&[Group::Drains, Group::Requests], 2, drained_section),
    (&[Group::Drains, Group::Requests], 2, drains_nest),
    (&[Group::Drains, Group::Commands], 4, sections_nest),
    (&[Group::Drains, Group::Unrefs, Group::Requests], 2, deferred_in_drained_section),
    (&[Group::Drains, Group::Requests], 2, request_is_deferred),
    (&[Group::CoroutineDrains], 3, coroutine_drains),
    (&[Group::CoroutineDrains], 3, job_meets_drain),
];

impl Sketch {
    /// Those who send requests to the top of what is there.
    fn requests(&mut self, mut scene: Scene, top: NodeId) -> Scene {
        for _ in 0..1 + self.dice.below(2) {
            let mut steps = vec![self.request(top)];
            if self.dice.happens(1, 3) {
                steps.push(self.request(top));
            }
            scene = scene.with(Where::Anywhere, steps);
        }
        scene
    }

    /// A node with somebody above it, and the one above; or one and the same.
    fn pair(&mut self) -> Option<(NodeId, NodeId)> {
        match self.find_edge(|_, _| true) {
            Some((parent, _, child)) if self.dice.happens(4, 5) => Some((parent, child)),
            _ => self.target().map(|node| (node, node)),
        }
    }

    /// What may come within a drained section.
    fn inside_drain(&mut self, node: NodeId) -> Vec<Step> {
        match self.dice.below(5) {
            0 => vec![Step::Poll],
            1 if self.has(Group::Unrefs) => vec![self.goes(node)],
            2 => self.section(),
            _ => Vec::new(),
        }
    }
}

/// A node is drained while a request comes down from above.
fn drain_meets_request(sketch: &mut Sketch) -> Option<Scene> {
    let (top, node) = sketch.pair()?;
    let mut main = vec![Step::DrainBegin(node)];
    main.extend(sketch.inside_drain(top));
    main.push(Step::DrainEnd(node));
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.requests(scene, top))
}

/// A section that keeps all nodes drained.
fn drained_section(sketch: &mut Sketch) -> Option<Scene> {
    let (top, _) = sketch.pair()?;
    let main = vec![Step::WriteLock { drained: true }, Step::Unlock];
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.requests(scene, top))
}

/// A drained section of all nodes in one of a node, or the other way round; perhaps a node goes inside.
fn drains_nest(sketch: &mut Sketch) -> Option<Scene> {
    let (top, node) = sketch.pair()?;
    let inside = sketch.inside_drain(top);
    let mut pairs =
        [(Step::DrainBegin(node), Step::DrainEnd(node)), (Step::DrainAllBegin, Step::DrainAllEnd)];
    if sketch.dice.happens(1, 2) {
        pairs.reverse();
    }
    let [outer, inner] = pairs;
    let mut main = vec![outer.0, inner.0];
    main.extend(inside);
    main.extend([inner.1, outer.1]);
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.requests(scene, top))
}

/// While a drained section waits to begin, a command runs another one.
fn sections_nest(sketch: &mut Sketch) -> Option<Scene> {
    let section = sketch.section();
    let command = sketch.command(section);
    let main = vec![Step::WriteLock { drained: true }, Step::Unlock];
    let mut scene = Scene { main, ..Scene::default() };
    if sketch.has(Group::Requests)
        && let Some(top) = sketch.target()
    {
        let request = sketch.request(top);
        scene = scene.with(Where::Anywhere, vec![request]);
    }
    let steps = if sketch.has(Group::ReadLocks) {
        vec![Step::ReadLock, Step::Post(command), Step::ReadUnlock]
    } else {
        vec![Step::Post(command)]
    };
    Some(scene.with(Where::Anywhere, steps))
}

/// What a drained section defers closes when requests may go on: a command that is polled then needs them to.
fn deferred_in_drained_section(sketch: &mut Sketch) -> Option<Scene> {
    let (top, node) = sketch.pair()?;
    let mut main = vec![Step::WriteLock { drained: true }, Step::ScheduleUnref(top), Step::Unlock];
    let mut scene = Scene::default();
    if sketch.has(Group::Commands) {
        let inner = vec![Step::DrainBegin(node), Step::DrainEnd(node)];
        let command = sketch.command(inner);
        scene = scene.with(Where::Anywhere, vec![Step::Post(command)]);
    }
    if sketch.has(Group::CoroutineDrains) {
        let steps = vec![Step::Job(top), Step::PausePoint, Step::EndJob];
        scene = scene.with_holder(Where::Coroutine, top, steps);
        main.insert(1, Step::ScheduleUnref(node));
    }
    let request = sketch.request(top);
    scene = scene.with(Where::Anywhere, vec![request]);
    Some(Scene { main, ..scene })
}

/// What a section defers needs a request.
fn request_is_deferred(sketch: &mut Sketch) -> Option<Scene> {
    let (top, node) = sketch.pair()?;
    let drained = sketch.dice.happens(3, 4);
    let mut main = vec![Step::WriteLock { drained }, Step::DeferRequest(node), Step::Unlock];
    if sketch.has(Group::Unrefs) && sketch.dice.happens(1, 4) {
        let at = 1 + sketch.dice.below(2);
        main.insert(at, Step::ScheduleUnref(node));
    }
    let scene = Scene { main, ..Scene::default() };
    Some(if sketch.dice.happens(1, 2) { sketch.requests(scene, top) } else { scene })
}

/// A coroutine has a node drained.
fn coroutine_drains(sketch: &mut Sketch) -> Option<Scene> {
    let (top, node) = sketch.pair()?;
    let mut steps = vec![Step::Drained(node), Step::EndDrained];
    if sketch.dice.happens(1, 3) {
        steps.insert(1, Step::Yield);
    }
    let main = match sketch.dice.below(4) {
        0 => sketch.section(),
        1 if sketch.has(Group::Unrefs) => vec![sketch.goes(node)],
        2 if sketch.has(Group::Drains) => vec![Step::DrainBegin(node), Step::DrainEnd(node)],
        _ => vec![Step::Poll],
    };
    let scene = Scene { main, ..Scene::default() }.with_holder(Where::Coroutine, node, steps);
    Some(if sketch.has(Group::Requests) { sketch.requests(scene, top) } else { scene })
}

/// A node is drained while a job works on it from above.
fn job_meets_drain(sketch: &mut Sketch) -> Option<Scene> {
    let (top, node) = sketch.pair()?;
    let mut steps = vec![Step::Job(top), Step::EndJob];
    if sketch.dice.happens(3, 4) {
        steps.insert(1, Step::PausePoint);
    }
    let main = if sketch.has(Group::Drains) {
        let mut main = vec![Step::DrainBegin(node)];
        main.extend(sketch.inside_drain(top));
        main.push(Step::DrainEnd(node));
        main
    } else if sketch.has(Group::Unrefs) {
        vec![sketch.goes(top)]
    } else {
        sketch.section()
    };
    Some(Scene { main, ..Scene::default() }.with_holder(Where::Coroutine, top, steps))
}
