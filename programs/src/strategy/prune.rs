//! Takes out of a program what nobody mentions, so that what is left is what matters.
//!
//! What counts: steps of the main loop and of tasks, and those of callbacks that they come to. A node stays with all
//! that is connected with it, for its users and children decide what comes of a step. What says nothing of a node that
//! nobody mentions goes with it: references of tasks, faults of its image.
//!
//! # Not here
//! Nodes of which only shrinking can say that they do not matter.

use crate::program::{
    BottomHalfId, CommandId, Driver, EventId, ImageId, LoopId, NodeId, Place, Program,
};
use crate::step::Step;

use super::visit::{Named, visit};

/// For each list, which of its members stay.
struct Marks {
    images: Vec<bool>,
    nodes: Vec<bool>,
    loops: Vec<bool>,
    bottom_halves: Vec<bool>,
    commands: Vec<bool>,
    events: Vec<bool>,
}

/// Takes out what nobody mentions.
pub(super) fn prune(program: &mut Program) {
    program.tasks.retain(|task| !task.steps.is_empty());
    let mut marks = Marks::none(program);
    marks.steps(&mut program.main);
    for task in &mut program.tasks {
        marks.steps(&mut task.steps);
        if let Place::Loop(place) = task.place {
            marks.loops[place.0] = true;
        }
    }
    marks.callbacks(program);
    marks.nodes(program);
    remove(program, &marks);
    renumber(program, &marks);
}

impl Marks {
    fn none(program: &Program) -> Self {
        Marks {
            images: vec![false; program.images.len()],
            nodes: vec![false; program.nodes.len()],
            loops: vec![false; program.loops.len()],
            bottom_halves: vec![false; program.bottom_halves.len()],
            commands: vec![false; program.commands.len()],
            events: vec![false; program.events.len()],
        }
    }

    fn steps(&mut self, steps: &mut [Step]) {
        for step in steps {
            visit(step, |named| match named {
                Named::Image(image) => self.images[image.0] = true,
                Named::Node(node) => self.nodes[node.0] = true,
                Named::Loop(place) => self.loops[place.0] = true,
                Named::BottomHalf(one) => self.bottom_halves[one.0] = true,
                Named::Command(one) => self.commands[one.0] = true,
                Named::Event(event) => self.events[event.0] = true,
            });
        }
    }

    /// Callbacks that are come to, and what they mention, until there are no more.
    fn callbacks(&mut self, program: &mut Program) {
        let mut seen = 0;
        loop {
            for (at, each) in program.bottom_halves.iter_mut().enumerate() {
                if self.bottom_halves[at] {
                    self.steps(&mut each.steps);
                    if let Some(place) = each.place {
                        self.loops[place.0] = true;
                    }
                }
            }
            for (at, each) in program.commands.iter_mut().enumerate() {
                if self.commands[at] {
                    self.steps(&mut each.steps);
                }
            }
            let all = self.bottom_halves.iter().chain(&self.commands);
            let now = all.filter(|mark| **mark).count();
            if now == seen {
                return;
            }
            seen = now;
        }
    }

    /// What is connected with nodes, with their images, and the loop on which copies are made.
    fn nodes(&mut self, program: &Program) {
        loop {
            let mut grown = false;
            for (at, node) in program.nodes.iter().enumerate() {
                for (_, child) in &node.children {
                    if self.nodes[at] != self.nodes[child.0] {
                        self.nodes[at] = true;
                        self.nodes[child.0] = true;
                        grown = true;
                    }
                }
            }
            if !grown {
                break;
            }
        }
        let mut copies = false;
        for (at, node) in program.nodes.iter().enumerate() {
            if self.nodes[at] {
                copies |= node.driver == Driver::CopyBeforeWrite;
                if let Some(image) = node.driver.image() {
                    self.images[image.0] = true;
                }
            }
        }
        if let Some(first) = self.loops.first_mut() {
            *first |= copies;
        }
    }
}

fn remove(program: &mut Program, marks: &Marks) {
    fn keep<T>(list: &mut Vec<T>, marks: &[bool]) {
        let mut marks = marks.iter();
        list.retain(|_| *marks.next().expect("one for each"));
    }
    keep(&mut program.images, &marks.images);
    keep(&mut program.nodes, &marks.nodes);
    keep(&mut program.loops, &marks.loops);
    keep(&mut program.bottom_halves, &marks.bottom_halves);
    keep(&mut program.commands, &marks.commands);
    keep(&mut program.events, &marks.events);
    for task in &mut program.tasks {
        task.holds.retain(|node| marks.nodes[node.0]);
    }
    program.faults.retain(|fault| marks.images[fault.image.0]);
}

fn renumber(program: &mut Program, marks: &Marks) {
    fn places(marks: &[bool]) -> Vec<usize> {
        let mut next = 0;
        let place = |mark: &bool| {
            next += usize::from(*mark);
            next - usize::from(*mark)
        };
        marks.iter().map(place).collect()
    }
    let (images, nodes, loops) =
        (places(&marks.images), places(&marks.nodes), places(&marks.loops));
    let (bottom_halves, commands) = (places(&marks.bottom_halves), places(&marks.commands));
    let events = places(&marks.events);
    for node in &mut program.nodes {
        node.children.iter_mut().for_each(|(_, child)| *child = NodeId(nodes[child.0]));
        if let Driver::Storage { image, .. } = &mut node.driver {
            *image = ImageId(images[image.0]);
        }
    }
    for fault in &mut program.faults {
        fault.image = ImageId(images[fault.image.0]);
    }
    for task in &mut program.tasks {
        task.holds.iter_mut().for_each(|node| *node = NodeId(nodes[node.0]));
        if let Place::Loop(place) = &mut task.place {
            *place = LoopId(loops[place.0]);
        }
    }
    for each in &mut program.bottom_halves {
        each.place = each.place.map(|place| LoopId(loops[place.0]));
    }
    each_step(program, |step| {
        visit(step, |named| match named {
            Named::Image(image) => *image = ImageId(images[image.0]),
            Named::Node(node) => *node = NodeId(nodes[node.0]),
            Named::Loop(place) => *place = LoopId(loops[place.0]),
            Named::BottomHalf(one) => *one = BottomHalfId(bottom_halves[one.0]),
            Named::Command(one) => *one = CommandId(commands[one.0]),
            Named::Event(event) => *event = EventId(events[event.0]),
        });
    });
}

/// All steps of a program, one after the other.
pub(super) fn each_step(program: &mut Program, mut show: impl FnMut(&mut Step)) {
    let lists = std::iter::once(&mut program.main)
        .chain(program.tasks.iter_mut().map(|each| &mut each.steps))
        .chain(program.bottom_halves.iter_mut().map(|each| &mut each.steps))
        .chain(program.commands.iter_mut().map(|each| &mut each.steps));
    lists.flatten().for_each(&mut show);
}
