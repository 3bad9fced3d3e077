//! Data on its way through overlays and filters, images in other modes, strangers at an image, faults.

use super::super::sketch::{Scene, Sketch, Where};
use super::super::swarm::Group;
use super::Entry;
use crate::program::{Driver, Edge, Fault, FaultKind, ImageId, Mode, NodeId, Place};
use crate::step::Step;

const STRANGERS: &[Group] = &[Group::Strangers, Group::Threads];

pub(super) const SCENES: &[Entry] = &[
    (&[Group::Overlays, Group::Requests], 9, overlay_is_written),
    (&[Group::Overlays, Group::Requests], 6, overlay_commits),
    (&[Group::Overlays, Group::Structure, Group::Unrefs], 2, overlay_comes),
    (&[Group::CopyBeforeWrite, Group::Requests], 6, write_copies),
    (&[Group::Reopen], 3, images_reopen),
    (&[Group::Reopen, Group::Strangers, Group::Threads], 3, stranger_meets_reopen),
    (&[Group::Strangers, Group::Threads, Group::Unrefs], 3, openers_meet),
    (STRANGERS, 1, strangers_meet),
    (&[Group::Faults, Group::Requests], 5, image_fails),
    (&[Group::Workers, Group::Requests, Group::Unrefs], 4, write_is_given_up),
];

impl Sketch {
    /// The overlay that is there, its file's image, and what is on top of it.
    fn overlay_there(&mut self) -> Option<(NodeId, ImageId, NodeId)> {
        let overlay = self.find(|node| node.open && node.driver == Driver::Overlay)?;
        let children = &self.program.node(overlay).children;
        let (_, file) = children.iter().find(|(edge, _)| *edge == Edge::File)?;
        let image = self.driver(*file).image()?;
        Some((overlay, image, self.top_of(overlay)))
    }

    /// The first that nobody is above, from this node upwards.
    fn top_of(&self, node: NodeId) -> NodeId {
        let mut nodes = self.program.nodes.iter();
        let parent = nodes
            .position(|each| each.open && each.children.iter().any(|(_, child)| *child == node));
        parent.map_or(node, |parent| self.top_of(NodeId(parent)))
    }

    fn writes(&mut self, top: NodeId) -> Vec<Step> {
        let mut steps = vec![Step::Write(top)];
        if self.dice.happens(1, 4) {
            steps.push(self.request(top));
        }
        steps
    }

    /// A storage that is there, one with a user if possible.
    fn image_in_use(&mut self) -> Option<(NodeId, ImageId)> {
        let node = match self.find_edge(|_, child| child.driver.image().is_some()) {
            Some((_, _, child)) if self.dice.happens(2, 3) => child,
            _ => self.find(|node| node.open && node.driver.image().is_some())?,
        };
        Some((node, self.driver(node).image()?))
    }

    fn stranger(&mut self, scene: Scene, image: ImageId) -> Scene {
        let mode = if self.dice.happens(1, 4) { Mode::ReadOnly } else { Mode::ReadWrite };
        let steps = vec![Step::OpenElsewhere(image, mode), Step::CloseElsewhere(image)];
        scene.with(Where::At(Place::Thread), steps)
    }
}

/// Several write to one overlay, and somebody sees its file at any moment.
fn overlay_is_written(sketch: &mut Sketch) -> Option<Scene> {
    let (_, image, top) = sketch.overlay_there()?;
    let mut scene = Scene::default();
    for _ in 0..1 + sketch.dice.below(3) {
        let steps = sketch.writes(top);
        scene = scene.with(Where::Anywhere, steps);
    }
    if sketch.has(Group::Threads) && sketch.dice.happens(4, 5) {
        scene = scene.with(Where::At(Place::Thread), vec![Step::Inspect(image)]);
    }
    Some(scene)
}

/// An overlay is committed and dropped while requests write to it.
fn overlay_commits(sketch: &mut Sketch) -> Option<Scene> {
    let (overlay, _, top) = sketch.overlay_there()?;
    let mut main = vec![Step::Commit(overlay)];
    if sketch.has(Group::Unrefs) && sketch.dice.happens(1, 2) {
        main.push(sketch.goes(overlay));
    }
    let steps = sketch.writes(top);
    let scene = Scene { main, ..Scene::default() }.with(Where::Anywhere, steps);
    Some(if sketch.dice.happens(1, 3) { sketch.somebody_at(scene, top) } else { scene })
}

/// An overlay is opened, comes above a disk, and is perhaps committed: a snapshot and its end.
fn overlay_comes(sketch: &mut Sketch) -> Option<Scene> {
    let known = sketch.find(|node| !node.open && node.driver == Driver::Overlay);
    let overlay = known.or_else(|| sketch.spare_overlay())?;
    let (_, file) = *sketch.program.node(overlay).children.first()?;
    let disk = sketch.find(|node| node.open && node.driver.image().is_some())?;
    if sketch.is_file_of_overlay(disk) {
        return None;
    }
    let mut main = vec![Step::Open(overlay), Step::WriteLock { drained: false }];
    main.extend([
        Step::Attach(overlay, Edge::File, file),
        Step::Append(overlay, Edge::Backing, disk),
        Step::Unlock,
    ]);
    if sketch.dice.happens(1, 2) {
        main.push(Step::Commit(overlay));
    }
    let top = sketch.top_of(disk);
    let mut scene = Scene { main, ..Scene::default() };
    if sketch.has(Group::Requests) {
        let steps = vec![sketch.request(top)];
        scene = scene.with(Where::Anywhere, steps);
    }
    Some(scene)
}

/// A write waits for a copy that somebody else makes, and a writer comes in between.
fn write_copies(sketch: &mut Sketch) -> Option<Scene> {
    let filter = sketch.find(|node| node.open && node.driver == Driver::CopyBeforeWrite)?;
    let top = sketch.top_of(filter);
    let mut scene = Scene { main: sketch.section(), ..Scene::default() };
    if sketch.dice.happens(1, 3) {
        scene.main.extend(sketch.section());
    }
    for _ in 0..1 + sketch.dice.below(2) {
        let steps = sketch.writes(top);
        scene = scene.with(Where::Anywhere, steps);
    }
    if sketch.has(Group::Commands) && sketch.dice.happens(1, 4) {
        // Whoever wakes the writer has it look again.
        let nothing = sketch.command(Vec::new());
        scene = scene.with(Where::Anywhere, vec![Step::Post(nothing)]);
    }
    Some(scene)
}

/// Images go on in other modes, one or two at once.
fn images_reopen(sketch: &mut Sketch) -> Option<Scene> {
    let mut nodes: Vec<(NodeId, Mode)> = Vec::new();
    for _ in 0..1 + sketch.dice.below(2) {
        let (node, _) = sketch.image_in_use()?;
        let mode = if sketch.dice.happens(1, 2) { Mode::ReadOnly } else { Mode::ReadWrite };
        if nodes.iter().all(|(each, _)| *each != node) {
            nodes.push((node, mode));
        }
    }
    let (first, _) = nodes[0];
    let mut main = vec![Step::Reopen(nodes.clone())];
    if sketch.dice.happens(1, 3) {
        nodes.truncate(1);
        nodes[0].1 = Mode::ReadWrite;
        main.push(Step::Reopen(nodes));
    }
    let top = sketch.top_of(first);
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.somebody_at(scene, top))
}

/// A stranger wants an image that is reopened: it may come before, and then all stays as it was, or not at all.
fn stranger_meets_reopen(sketch: &mut Sketch) -> Option<Scene> {
    let (node, image) = sketch.image_in_use()?;
    let other = sketch.find(|each| each.open && each.driver.image().is_some_and(|it| it != image));
    let mode = if sketch.dice.happens(1, 2) { Mode::ReadOnly } else { Mode::ReadWrite };
    let mut nodes = vec![(node, mode)];
    if let Some(other) = other.filter(|_| sketch.dice.happens(2, 3)) {
        let place = sketch.dice.below(2);
        let mode = if sketch.dice.happens(1, 3) { Mode::ReadOnly } else { Mode::ReadWrite };
        nodes.insert(place, (other, mode));
    }
    let mut main = vec![Step::Reopen(nodes.clone())];
    if sketch.dice.happens(1, 3) {
        main.push(Step::Reopen(nodes));
    }
    let scene = Scene { main, ..Scene::default() };
    let scene = sketch.stranger(scene, image);
    Some(if sketch.dice.happens(1, 4) { sketch.stranger(scene, image) } else { scene })
}

/// The main loop opens an image again that a stranger wants, too.
fn openers_meet(sketch: &mut Sketch) -> Option<Scene> {
    let lone = |node: &crate::program::Node| node.open && node.driver.image().is_some();
    let node = sketch.find(lone).filter(|node| !sketch.has_parent(*node));
    let node = match node {
        Some(node) => node,
        None => sketch.image_in_use()?.0,
    };
    let image = sketch.driver(node).image()?;
    let again = sketch.again_for(node)?;
    let mut main = vec![sketch.goes(node), Step::Open(again)];
    if sketch.has(Group::Reopen) && sketch.dice.happens(1, 4) {
        main.push(Step::Reopen(vec![(again, Mode::ReadWrite)]));
    }
    let scene = Scene { main, ..Scene::default() };
    Some(sketch.stranger(scene, image))
}

/// Two strangers want an image that nobody has, or somebody has.
fn strangers_meet(sketch: &mut Sketch) -> Option<Scene> {
    let image = match sketch.image_in_use() {
        Some((_, image)) if sketch.dice.happens(1, 2) => image,
        _ => sketch.image(),
    };
    let scene = sketch.stranger(Scene::default(), image);
    Some(sketch.stranger(scene, image))
}

/// A write is given up while somebody works for it, and its node goes and comes again.
fn write_is_given_up(sketch: &mut Sketch) -> Option<Scene> {
    let writable = |node: &crate::program::Node| {
        node.open && matches!(node.driver, Driver::Storage { mode: Mode::ReadWrite, .. })
    };
    let alone = sketch.find(writable);
    let alone = alone.filter(|node| !sketch.has_parent(*node) && !sketch.is_file_of_overlay(*node));
    let node = match alone {
        Some(node) => node,
        None if sketch.room() > 0 => sketch.storage_for(Mode::ReadWrite),
        None => return None,
    };
    let mut main = vec![sketch.goes(node)];
    if let Some(again) = sketch.again_for(node) {
        main.push(Step::Open(again));
    }
    let steps = vec![Step::CancelWrite(node)];
    Some(Scene { main, ..Scene::default() }.with(Where::Anywhere, steps))
}

/// An image fails, or answers late, while requests and closes come to it.
fn image_fails(sketch: &mut Sketch) -> Option<Scene> {
    let (node, image) = sketch.image_in_use()?;
    let slow = sketch.has(Group::Workers) && sketch.dice.happens(1, 2);
    let kind = if slow { FaultKind::Slow } else { sketch.dice.one_of(&FaultKind::ALL) };
    let number = u32::from(sketch.dice.happens(1, 3));
    sketch.program.faults.push(Fault { image, kind, number });
    let top = sketch.top_of(node);
    let request = match (kind, sketch.driver(top)) {
        (FaultKind::Flush, _) => Step::Flush(top),
        (FaultKind::Write, Driver::Device { writes: true }) => Step::Write(top),
        (FaultKind::Write, _) => sketch.request(top),
        _ => Step::Read(top),
    };
    let main = match sketch.dice.below(4) {
        0 => sketch.section(),
        1 if sketch.has(Group::Unrefs) => vec![sketch.goes(top)],
        _ => Vec::new(),
    };
    let steps = vec![request; 1 + sketch.dice.below(2)];
    Some(Scene { main, ..Scene::default() }.with(Where::Anywhere, steps))
}
