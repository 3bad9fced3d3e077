//! Who does what with which node, computed from nothing each time: small graphs, no state to go stale.

use std::fmt;

use super::{Contradiction, Life, Reference};
use crate::program::{Driver, Edge, ImageId, Mode, NodeId};

/// Consistent read.
const READ: u8 = 1;
/// Write.
const WRITE: u8 = 2;
/// Write unchanged.
const UNCHANGED: u8 = 4;
/// Resize.
const RESIZE: u8 = 8;
const ALL: u8 = 15;

/// What a user does, and what it lets others do: bits as in `BLK_PERM_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// What it does.
    pub used: u8,
    /// What others may do.
    pub shared: u8,
}

impl Access {
    /// Does nothing, and lets others do everything.
    pub const NONE: Access = Access { used: 0, shared: ALL };

    fn and(self, other: Access) -> Access {
        Access { used: self.used | other.used, shared: self.shared & other.shared }
    }

    fn gets_along_with(self, other: Access) -> bool {
        self.used & !other.shared == 0 && other.used & !self.shared == 0
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uses {:#06b}, shares {:#06b}", self.used, self.shared)
    }
}

impl Driver {
    /// What the image is opened for, if it has one.
    #[must_use]
    pub fn mode(self) -> Option<Mode> {
        match self {
            Driver::Storage { mode, .. } => Some(mode),
            _ => None,
        }
    }

    fn access(self, edge: Edge, cumulative: Access) -> Access {
        let others_read = READ | UNCHANGED;
        match (self, edge) {
            (Driver::Null | Driver::Storage { .. }, _) => Access::NONE,
            (Driver::Device { writes: true }, _) => {
                Access { used: READ | WRITE, shared: others_read }
            }
            (Driver::Device { writes: false }, _) => Access { used: READ, shared: others_read },
            (Driver::Raw, _) => cumulative,
            (Driver::CopyBeforeWrite, Edge::Target) => Access { used: WRITE, shared: others_read },
            (Driver::CopyBeforeWrite, _) => cumulative.and(Access { used: READ, shared: ALL }),
            (Driver::Overlay, Edge::File) if cumulative.used & WRITE != 0 => {
                Access { used: READ | WRITE | RESIZE, shared: others_read }
            }
            (Driver::Overlay, _) => Access { used: READ, shared: others_read },
        }
    }
}

/// What a mode implies, whoever opens the image.
#[must_use]
pub fn implied(mode: Mode) -> Access {
    match mode {
        Mode::ReadOnly => Access { used: READ, shared: ALL },
        Mode::ReadWrite => Access { used: READ | WRITE, shared: READ | UNCHANGED },
    }
}

/// The accesses of all edges, and what all users of a node do and share together.
pub(super) struct Accesses {
    edges: Vec<(NodeId, Edge, Access)>,
    cumulative: Vec<Access>,
    /// The first node whose users do not get along, or whose image is in the way.
    conflict: Option<Contradiction>,
}

impl Accesses {
    pub(super) fn of(&self, parent: NodeId, edge: Edge) -> Option<Access> {
        let mut edges = self.edges.iter();
        edges.find(|(from, name, _)| (*from, *name) == (parent, edge)).map(|(_, _, access)| *access)
    }

    pub(super) fn conflict(&self) -> Option<&Contradiction> {
        self.conflict.as_ref()
    }

    fn refuse(&mut self, property: &'static str, found: String) {
        self.conflict.get_or_insert(Contradiction { property, found });
    }
}

impl Reference {
    /// The accesses, as they are if everything that may be closed is (`certain`), or none of it.
    pub(super) fn accesses(&self, certain: bool) -> Accesses {
        let mut accesses = Accesses {
            edges: Vec::new(),
            cumulative: vec![Access::NONE; self.nodes.len()],
            conflict: None,
        };
        for node in self.parents_first() {
            if !self.counts(node, certain) {
                continue;
            }
            let users: Vec<Access> = self
                .parents(node)
                .filter(|(parent, _)| self.counts(*parent, certain))
                .filter_map(|(parent, edge)| accesses.of(parent, edge))
                .collect();
            for (at, one) in users.iter().enumerate() {
                if users[at + 1..].iter().any(|other| !one.gets_along_with(*other)) {
                    let name = self.program.node(node).name;
                    accesses.refuse("conflicts-are-refused", format!("users of `{name}`"));
                }
            }
            let cumulative = users.into_iter().fold(Access::NONE, Access::and);
            accesses.cumulative[node.0] = cumulative;
            let driver = self.program.node(node).driver;
            for (edge, _) in &self.nodes[node.0].children {
                accesses.edges.push((node, *edge, driver.access(*edge, cumulative)));
            }
            if self.nodes[node.0].mode == Some(Mode::ReadOnly)
                && cumulative.used & (WRITE | RESIZE) != 0
            {
                let name = self.program.node(node).name;
                accesses.refuse("conflicts-are-refused", format!("`{name}` is read-only"));
            }
        }
        self.check_images(&mut accesses, certain);
        accesses
    }

    fn counts(&self, node: NodeId, certain: bool) -> bool {
        if certain { self.is_certain(node) } else { self.nodes[node.0].life == Life::Open }
    }

    fn parents_first(&self) -> Vec<NodeId> {
        fn visit(reference: &Reference, node: NodeId, order: &mut Vec<NodeId>) {
            if !order.contains(&node) {
                for (_, child) in &reference.nodes[node.0].children {
                    visit(reference, *child, order);
                }
                order.push(node);
            }
        }
        let mut order = Vec::new();
        (0..self.nodes.len()).for_each(|node| visit(self, NodeId(node), &mut order));
        order.reverse();
        order
    }

    /// What the locks of an image say: who has it open, and what that one does and shares.
    fn openers(&self, accesses: &Accesses, certain: bool) -> Vec<(ImageId, Access, String)> {
        let nodes = (0..self.nodes.len()).map(NodeId).filter(|node| self.counts(*node, certain));
        let nodes = nodes.filter_map(|node| {
            let image = self.program.node(node).driver.image()?;
            let access = implied(self.nodes[node.0].mode?).and(accesses.cumulative[node.0]);
            Some((image, access, format!("node `{}`", self.program.node(node).name)))
        });
        let strangers = self.strangers.iter().filter(|each| each.certain || !certain);
        let strangers = strangers.map(|each| {
            let name = self.program.tasks[each.task.0].name;
            (each.image, implied(each.mode), format!("stranger `{name}`"))
        });
        nodes.chain(strangers).collect()
    }

    fn check_images(&self, accesses: &mut Accesses, certain: bool) {
        let openers = self.openers(accesses, certain);
        for (at, (image, one, who)) in openers.iter().enumerate() {
            for (other_image, other, other_who) in &openers[at + 1..] {
                if image == other_image && !one.gets_along_with(*other) {
                    let name = self.program.images[image.0].name;
                    let found = format!("{who} and {other_who} have `{name}` open");
                    accesses.refuse("image-locks-exclude", found);
                }
            }
        }
    }

    /// Whether all that certainly are there get along: nothing else can be.
    ///
    /// # Errors
    /// With who does not.
    pub fn check(&self) -> Result<(), Contradiction> {
        match self.accesses(true).conflict {
            Some(conflict) if self.suspended == 0 => Err(conflict),
            _ => Ok(()),
        }
    }
}
