//! What is there when a program begins: shapes of graphs that get along, and spare nodes to be opened later.
//!
//! | shape | |
//! | --- | --- |
//! | bare | a storage, or a null node |
//! | disk | a device over a storage |
//! | filtered | a device over a raw over a storage |
//! | overlay | a device over an overlay over two storages |
//! | copies | a device over a copy-before-write over two storages |
//! | chain | two to four nodes, null or raw, over a storage: what closes one after the other |
//! | tree | a null node with two children |
//! | read | two readers of one storage |
//!
//! Spare nodes are not there when the program begins: another one on the same image, a filter, an overlay, a second user
//! of a disk that will be refused.
//!
//! # Not here
//! Shapes whose parts do not get along: a program with such a beginning is no program.

use crate::program::{Driver, Edge, Mode, Node, NodeId};

use super::sketch::Sketch;
use super::swarm::Group;

/// Draws what is there, and what may come.
pub(super) fn draw(sketch: &mut Sketch) {
    sketch.one_shape(true);
    if sketch.dice.happens(1, 2) {
        sketch.one_shape(false);
    }
    for _ in 0..3 {
        if sketch.room() > 0 && sketch.dice.happens(2, 3) {
            sketch.spare();
        }
    }
}

const OVER_OVERLAY: usize = 4;

impl Sketch {
    fn one_shape(&mut self, first: bool) {
        let whole = self.room() >= OVER_OVERLAY;
        let others = first || self.dice.happens(1, 3);
        if whole && others && self.has(Group::Overlays) && self.dice.happens(1, 2) {
            self.overlay();
        } else if whole && others && self.has(Group::CopyBeforeWrite) && self.dice.happens(1, 2) {
            self.copies();
        } else {
            match (self.dice.below(9), self.room()) {
                (0 | 1, 2..) => drop(self.disk()),
                (2 | 3, 3..) => self.filtered(),
                (4 | 5, 3..) => self.chain(),
                (6, 3..) => self.tree(),
                (7, 3..) => self.read(),
                (_, 2..) if first => drop(self.disk()),
                (8, 1..) => drop(self.node(Driver::Null, true, Vec::new())),
                (_, 1..) => drop(self.storage()),
                _ => {}
            }
        }
    }

    /// A device that does what the disk allows.
    fn device_over(&mut self, node: NodeId, mode: Mode) -> NodeId {
        let writes = mode == Mode::ReadWrite && !self.dice.happens(1, 4);
        self.node(Driver::Device { writes }, true, vec![(Edge::Root, node)])
    }

    fn mode(&self, node: NodeId) -> Mode {
        self.driver(node).mode().unwrap_or(Mode::ReadWrite)
    }

    fn disk(&mut self) -> NodeId {
        let disk = self.storage();
        self.device_over(disk, self.mode(disk))
    }

    fn filtered(&mut self) {
        let disk = self.storage();
        let filter = self.node(Driver::Raw, true, vec![(Edge::File, disk)]);
        if self.dice.happens(1, 2) {
            self.device_over(filter, self.mode(disk));
        } else {
            // A filter beside the device: what its first user wants reaches the disk then.
            self.device_over(disk, self.mode(disk));
        }
    }

    fn overlay(&mut self) {
        let file = self.storage_for(Mode::ReadWrite);
        let backing = self.storage();
        let children = vec![(Edge::File, file), (Edge::Backing, backing)];
        let overlay = self.node(Driver::Overlay, true, children);
        self.device_over(overlay, Mode::ReadWrite);
    }

    fn copies(&mut self) {
        let file = self.storage_for(Mode::ReadWrite);
        let target = self.storage_for(Mode::ReadWrite);
        let children = vec![(Edge::File, file), (Edge::Target, target)];
        let filter = self.node(Driver::CopyBeforeWrite, true, children);
        self.device_over(filter, Mode::ReadWrite);
    }

    fn chain(&mut self) {
        let depth = 2 + self.dice.below(3);
        let mut below = self.storage();
        for _ in 1..depth.min(self.room() + 1) {
            let driver = if self.dice.happens(1, 2) { Driver::Null } else { Driver::Raw };
            below = self.node(driver, true, vec![(Edge::File, below)]);
        }
    }

    fn tree(&mut self) {
        let (one, other) = (self.storage(), self.storage());
        self.node(Driver::Null, true, vec![(Edge::File, one), (Edge::Backing, other)]);
    }

    fn read(&mut self) {
        let disk = self.storage();
        for _ in 0..2 {
            self.node(Driver::Device { writes: false }, true, vec![(Edge::Root, disk)]);
        }
    }

    /// A node that may be opened later.
    fn spare(&mut self) {
        match self.dice.below(8) {
            0..3 => drop(self.again()),
            3 | 4 => drop(self.node(Driver::Raw, false, Vec::new())),
            5 | 6 => drop(self.spare_device()),
            _ if self.has(Group::Overlays) => drop(self.spare_overlay()),
            _ => drop(self.node(Driver::Null, false, Vec::new())),
        }
    }

    fn spare_device(&mut self) -> NodeId {
        let writes = !self.dice.happens(1, 4);
        self.node(Driver::Device { writes }, false, Vec::new())
    }

    /// Another node on an image.
    pub(super) fn again(&mut self) -> Option<NodeId> {
        let old = self.find(|node| node.open && node.driver.image().is_some())?;
        self.again_for(old)
    }

    /// Another node on the image of this one, if there is one or may be.
    pub(super) fn again_for(&mut self, old: NodeId) -> Option<NodeId> {
        let image = self.driver(old).image()?;
        let known = |node: &Node| !node.open && node.driver.image() == Some(image);
        if let Some(known) = self.find(known) {
            return Some(known);
        }
        let mode = if self.dice.happens(1, 4) { Mode::ReadOnly } else { Mode::ReadWrite };
        (self.room() > 0).then(|| self.node(Driver::Storage { image, mode }, false, Vec::new()))
    }

    /// An overlay that may come above a disk: its file is there already.
    pub(super) fn spare_overlay(&mut self) -> Option<NodeId> {
        if self.room() < 2 {
            return None;
        }
        let file = self.storage_for(Mode::ReadWrite);
        Some(self.node(Driver::Overlay, false, vec![(Edge::File, file)]))
    }

    /// A node of such a driver that is not there, if there is one or may be.
    pub(super) fn spare_of(&mut self, driver: Driver) -> Option<NodeId> {
        let known = self.find(|node| !node.open && node.driver == driver);
        known.or_else(|| (self.room() > 0).then(|| self.node(driver, false, Vec::new())))
    }
}
