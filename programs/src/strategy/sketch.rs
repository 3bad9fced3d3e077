//! A program while it is put together: scenes are played one after the other until it is full.
//!
//! A scene is what one has to know to meet a protection: a few steps of the main loop, and those who are about at that
//! time. Where its actors run is drawn here, and so is whether the main loop's part is played by the main loop, in a
//! drained section around it, or by a command.

use crate::program::{
    BottomHalf, BottomHalfId, Command, CommandId, Driver, Edge, EventId, Image, ImageId, LoopId,
    Mode, Node, NodeId, Place, Program, Task, intern,
};
use crate::step::Step;

use super::Size;
use super::dice::Dice;
use super::swarm::{Group, Swarm};

/// Where an actor may run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Anywhere,
    Coroutine,
    At(Place),
}

/// Somebody in a scene, beside the main loop.
pub(super) struct Actor {
    pub(super) place: Where,
    pub(super) holds: Vec<NodeId>,
    pub(super) steps: Vec<Step>,
}

/// Steps of the main loop, and of those who are about.
#[derive(Default)]
pub(super) struct Scene {
    pub(super) main: Vec<Step>,
    pub(super) actors: Vec<Actor>,
}

impl Scene {
    pub(super) fn with(mut self, place: Where, steps: Vec<Step>) -> Self {
        self.actors.push(Actor { place, holds: Vec::new(), steps });
        self
    }

    pub(super) fn with_holder(mut self, place: Where, node: NodeId, steps: Vec<Step>) -> Self {
        self.actors.push(Actor { place, holds: vec![node], steps });
        self
    }
}

/// A program while it is put together.
pub(super) struct Sketch {
    pub(super) dice: Dice,
    pub(super) swarm: Swarm,
    pub(super) size: Size,
    pub(super) program: Program,
}

/// The name of the `number`th of its kind.
fn name(word: &'static str, number: usize) -> &'static str {
    if number == 0 { word } else { intern(&format!("{word}{number}")) }
}

impl Sketch {
    pub(super) fn has(&self, group: Group) -> bool {
        self.swarm.has(group)
    }

    /// How many nodes there may be more.
    pub(super) fn room(&self) -> usize {
        self.size.nodes.saturating_sub(self.program.nodes.len())
    }

    pub(super) fn node(
        &mut self,
        driver: Driver,
        open: bool,
        children: Vec<(Edge, NodeId)>,
    ) -> NodeId {
        let word = driver.word();
        let nodes = self.program.nodes.iter();
        let number = nodes.filter(|node| node.driver.word() == word).count();
        self.program.nodes.push(Node { name: name(word, number), driver, open, children });
        NodeId(self.program.nodes.len() - 1)
    }

    pub(super) fn image(&mut self) -> ImageId {
        let name = name("image", self.program.images.len());
        self.program.images.push(Image { name });
        ImageId(self.program.images.len() - 1)
    }

    /// A node over an image of its own; mostly for writing.
    pub(super) fn storage(&mut self) -> NodeId {
        let mode = if self.dice.happens(1, 6) { Mode::ReadOnly } else { Mode::ReadWrite };
        self.storage_for(mode)
    }

    pub(super) fn storage_for(&mut self, mode: Mode) -> NodeId {
        let image = self.image();
        self.node(Driver::Storage { image, mode }, true, Vec::new())
    }

    pub(super) fn event(&mut self) -> EventId {
        let name = name("event", self.program.events.len());
        self.program.events.push(name);
        EventId(self.program.events.len() - 1)
    }

    pub(super) fn command(&mut self, steps: Vec<Step>) -> CommandId {
        let name = name("command", self.program.commands.len());
        self.program.commands.push(Command { name, steps });
        CommandId(self.program.commands.len() - 1)
    }

    pub(super) fn bottom_half(&mut self, place: Option<LoopId>, steps: Vec<Step>) -> BottomHalfId {
        let name = name("bottom-half", self.program.bottom_halves.len());
        self.program.bottom_halves.push(BottomHalf { name, place, steps });
        BottomHalfId(self.program.bottom_halves.len() - 1)
    }

    pub(super) fn loops(&mut self) -> LoopId {
        LoopId(self.dice.below(self.program.loops.len()))
    }

    /// A node of which this is true.
    pub(super) fn find(&mut self, fits: impl Fn(&Node) -> bool) -> Option<NodeId> {
        let nodes = &self.program.nodes;
        self.dice.find(nodes.len(), |at| fits(&nodes[at])).map(NodeId)
    }

    pub(super) fn driver(&self, node: NodeId) -> Driver {
        self.program.node(node).driver
    }

    /// An edge of which this is true: parent, name, child.
    pub(super) fn find_edge(
        &mut self,
        fits: impl Fn(&Node, &Node) -> bool,
    ) -> Option<(NodeId, Edge, NodeId)> {
        let program = &self.program;
        let child = |parent: usize, number: usize| program.nodes[parent].children.get(number);
        // A node has two children at most.
        let at = self.dice.find(2 * program.nodes.len(), |at| {
            let parent = &program.nodes[at / 2];
            parent.open
                && child(at / 2, at % 2)
                    .is_some_and(|(_, child)| fits(parent, program.node(*child)))
        })?;
        child(at / 2, at % 2).map(|(edge, child)| (NodeId(at / 2), *edge, *child))
    }

    pub(super) fn has_parent(&self, node: NodeId) -> bool {
        let nodes = self.program.nodes.iter();
        nodes.filter(|each| each.open).any(|each| each.children.iter().any(|(_, it)| *it == node))
    }

    /// Whether an overlay keeps its clusters in this node's image. Nobody else writes there: what an overlay makes of a
    /// file that somebody has written over is no question of the graph's.
    pub(super) fn is_file_of_overlay(&self, node: NodeId) -> bool {
        let Some(image) = self.driver(node).image() else { return false };
        let overlays = self.program.nodes.iter().filter(|each| each.driver == Driver::Overlay);
        let mut files =
            overlays.flat_map(|each| &each.children).filter(|(it, _)| *it == Edge::File);
        files.any(|(_, file)| self.driver(*file).image() == Some(image))
    }

    /// A node that may come above or below others.
    pub(super) fn any_part(&mut self) -> Option<NodeId> {
        let all = self.program.nodes.len();
        let node = NodeId(self.dice.below(all));
        (!self.is_file_of_overlay(node)).then_some(node)
    }

    /// Where requests go: to the top of what is there, or to its disk.
    pub(super) fn target(&mut self) -> Option<NodeId> {
        let tops: Vec<NodeId> = (0..self.program.nodes.len())
            .map(NodeId)
            .filter(|node| self.program.node(*node).open && !self.has_parent(*node))
            .filter(|node| !self.is_file_of_overlay(*node))
            .collect();
        if tops.is_empty() { None } else { Some(self.dice.one_of(&tops)) }
    }

    /// A request at a node: mostly a write, where it may.
    pub(super) fn request(&mut self, node: NodeId) -> Step {
        let writes = match self.driver(node) {
            Driver::Device { writes } => writes,
            Driver::Storage { mode, .. } => {
                let alone = !self.has_parent(node) && !self.is_file_of_overlay(node);
                mode == Mode::ReadWrite && alone
            }
            _ => !self.has_parent(node),
        };
        match self.dice.below(8) {
            0 => Step::Flush(node),
            1 if writes => Step::CancelWrite(node),
            2..6 if writes => Step::Write(node),
            _ => Step::Read(node),
        }
    }

    /// Plays a scene if it fits.
    pub(super) fn play(&mut self, mut scene: Scene) {
        let cost =
            scene.main.len() + scene.actors.iter().map(|each| each.steps.len()).sum::<usize>();
        if self.program.steps() + cost > self.size.steps {
            return;
        }
        let waits = scene.main.iter().any(|step| {
            matches!(step, Step::Wait(_) | Step::Stop(_) | Step::Drop(_) | Step::Signal(_))
        });
        let spare = self.size.steps - self.program.steps() - cost;
        if !waits && self.has(Group::Commands) && spare > 0 && self.dice.happens(1, 8) {
            let command = self.command(std::mem::take(&mut scene.main));
            scene.main.push(Step::Post(command));
            if spare > 1 && self.dice.happens(1, 2) {
                scene.main.push(Step::Poll);
            }
        } else if !waits && self.has(Group::Drains) && spare > 1 && self.dice.happens(1, 10) {
            let all = self.program.nodes.len();
            let drained = NodeId(self.dice.below(all));
            scene.main.insert(0, Step::DrainBegin(drained));
            scene.main.push(Step::DrainEnd(drained));
        }
        self.program.main.append(&mut scene.main);
        scene.actors.into_iter().for_each(|actor| self.enter(actor));
    }

    /// An actor is a task of its own, or goes on where another one has ended.
    fn enter(&mut self, actor: Actor) {
        let place = match actor.place {
            Where::At(place) => place,
            Where::Anywhere if self.has(Group::Threads) && self.dice.happens(3, 8) => Place::Thread,
            Where::Anywhere | Where::Coroutine => {
                if self.program.loops.is_empty() || self.dice.happens(1, 6) {
                    Place::Main
                } else {
                    Place::Loop(self.loops())
                }
            }
        };
        if self.program.tasks() < self.size.tasks {
            let name = name("task", self.program.tasks.len());
            self.program.tasks.push(Task { name, place, holds: actor.holds, steps: actor.steps });
            return;
        }
        let tasks = &self.program.tasks;
        let other = self.dice.find(tasks.len(), |at| match actor.place {
            Where::Anywhere => true,
            Where::Coroutine => tasks[at].place != Place::Thread,
            Where::At(place) => tasks[at].place == place,
        });
        if let Some(other) = other {
            self.program.tasks[other].holds.extend(actor.holds);
            self.program.tasks[other].steps.extend(actor.steps);
        }
    }
}
