//! What must come of a run: the graph again, plain and sequential.
//!
//! The reference follows the order in which a run took its steps on the main loop, and says of each what must come of
//! it. A reference that goes is not gone at once: a close takes time, and what another thread drops goes when the main
//! loop comes to it. So a node is in one of four states:
//!
//! | state | |
//! | --- | --- |
//! | absent | not opened yet |
//! | certain | somebody has a reference that nobody has begun to let go |
//! | possible | every reference is on its way out: it is there, or being closed, or closed |
//! | gone | closed, whoever looks |
//!
//! What lets a reference go gives it a [`Token`]; when that has returned, the token is settled, and whatever has no
//! reference left must be closed: that is the whole claim of deferred unref.
//!
//! # Not here
//! Drained sections and requests: who executes a program watches them himself.

mod access;
mod change;

use std::fmt;
use std::sync::Arc;

pub use access::{Access, implied};
pub use change::{Change, Forecast};

use crate::program::{Edge, ImageId, Mode, NodeId, Program, TaskId};

/// What lets references go; when it has returned they are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u32);

/// References that go by themselves: they are gone at the end of the run.
const AT_THE_END: Token = Token(0);

/// Whether a node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Absent,
    Open,
    Gone,
}

#[derive(Clone, Debug)]
struct State {
    life: Life,
    children: Vec<(Edge, NodeId)>,
    mode: Option<Mode>,
    /// References of the main loop, and of drained sections.
    main: u32,
    /// References of tasks.
    tasks: u32,
    /// References on their way out.
    leaving: Vec<Token>,
}

/// Somebody else's process at an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stranger {
    task: TaskId,
    image: ImageId,
    mode: Mode,
    /// It has the image open; if not, it is about to, or has begun to close it.
    certain: bool,
}

/// The state that a run must be in.
#[derive(Clone, Debug)]
pub struct Reference {
    program: Arc<Program>,
    nodes: Vec<State>,
    strangers: Vec<Stranger>,
    tokens: u32,
    /// How often it has changed.
    changes: u32,
    /// How often something has changed that may make a request find other data than before.
    contents: u32,
    /// How many attempts are in progress that may let go of images.
    suspended: u32,
}

/// What must be true of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is not there.
    Never,
    /// It is there.
    Certain,
    /// It may be closed already.
    Possible,
}

/// A contradiction between what is and what must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The property that is broken.
    pub property: &'static str,
    /// What was found, and what was expected.
    pub found: String,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)
    }
}

/// A node as it was found, to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The node.
    pub node: NodeId,
    /// How many references there are.
    pub references: u32,
    /// Its children, with what the node does with them; by edge.
    pub children: Vec<(Edge, NodeId, Access)>,
    /// What its image is open for.
    pub mode: Option<Mode>,
}

impl Reference {
    /// The state that a program begins in: each open node has one reference of the main loop, and those of tasks.
    #[must_use]
    pub fn new(program: Arc<Program>) -> Self {
        let nodes = program.nodes.iter().map(|node| State {
            life: if node.open { Life::Open } else { Life::Absent },
            children: if node.open { node.children.clone() } else { Vec::new() },
            mode: node.driver.image().filter(|_| node.open).and_then(|_| node.driver.mode()),
            main: u32::from(node.open),
            tasks: 0,
            leaving: Vec::new(),
        });
        let nodes = nodes.collect();
        let mut reference = Reference {
            program,
            nodes,
            strangers: Vec::new(),
            tokens: 0,
            changes: 0,
            contents: 0,
            suspended: 0,
        };
        let holds: Vec<NodeId> =
            reference.program.tasks.iter().flat_map(|task| task.holds.clone()).collect();
        for node in holds {
            reference.nodes[node.0].tasks += 1;
        }
        reference
    }

    /// Something that lets references go begins.
    pub fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    /// How often anything has changed.
    #[must_use]
    pub fn changes(&self) -> u32 {
        self.changes
    }

    /// How often something has changed that may make a request find other data than before.
    #[must_use]
    pub fn contents(&self) -> u32 {
        self.contents
    }

    /// Something begins in which images may be let go before it is known: until it is, nobody is accused of having one.
    pub fn suspend(&mut self) {
        self.suspended += 1;
    }

    /// Whether something is going on of which it is not known yet what has come of it.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended > 0
    }

    /// It is known.
    pub fn resume(&mut self) {
        self.suspended -= 1;
    }

    /// What a node's image is open for.
    #[must_use]
    pub fn mode(&self, node: NodeId) -> Option<Mode> {
        self.nodes[node.0].mode
    }

    /// A node's image was found to be open for this.
    pub fn adopt_mode(&mut self, node: NodeId, mode: Option<Mode>) {
        self.nodes[node.0].mode = mode;
    }

    /// Whether a node is there.
    #[must_use]
    pub fn presence(&self, node: NodeId) -> Presence {
        match self.nodes[node.0].life {
            Life::Open if self.is_certain(node) => Presence::Certain,
            Life::Open => Presence::Possible,
            Life::Absent | Life::Gone => Presence::Never,
        }
    }

    /// Whether a node has not been opened in this run.
    #[must_use]
    pub fn is_absent(&self, node: NodeId) -> bool {
        self.nodes[node.0].life == Life::Absent
    }

    /// Whether it or something above it has a reference that stays.
    fn is_certain(&self, node: NodeId) -> bool {
        let mut above = vec![node];
        let mut next = 0;
        while let Some(one) = above.get(next).copied() {
            let state = &self.nodes[one.0];
            if state.life == Life::Open && state.main + state.tasks > 0 {
                return self.nodes[node.0].life == Life::Open;
            }
            for (parent, _) in self.parents(one) {
                if !above.contains(&parent) {
                    above.push(parent);
                }
            }
            next += 1;
        }
        false
    }

    fn parents(&self, node: NodeId) -> impl Iterator<Item = (NodeId, Edge)> {
        let open = self.nodes.iter().enumerate().filter(|(_, state)| state.life == Life::Open);
        open.flat_map(move |(parent, state)| {
            let edges = state.children.iter().filter(move |(_, child)| *child == node);
            edges.map(move |(edge, _)| (NodeId(parent), *edge))
        })
    }

    fn child(&self, node: NodeId, edge: Edge) -> Option<NodeId> {
        let mut children = self.nodes[node.0].children.iter();
        children.find(|(each, _)| *each == edge).map(|(_, child)| *child)
    }

    /// How many references there are: all that are not on their way out, and those with them.
    fn references(&self, node: NodeId) -> (u32, u32) {
        let state = &self.nodes[node.0];
        let edges = |certain: bool| {
            let parents =
                self.parents(node).filter(|(parent, _)| !certain || self.is_certain(*parent));
            u32::try_from(parents.count()).expect("few parents")
        };
        let leaving = u32::try_from(state.leaving.len()).expect("few references");
        let held = state.main + state.tasks;
        (held + edges(true), held + edges(false) + leaving)
    }

    /// The main loop has one reference more.
    pub fn add(&mut self, node: NodeId) {
        self.nodes[node.0].main += 1;
    }

    /// The main loop lets a reference go; it is gone when the token is settled.
    pub fn let_go(&mut self, node: NodeId, token: Token) {
        self.nodes[node.0].main -= 1;
        self.nodes[node.0].leaving.push(token);
        self.changes += 1;
    }

    /// The main loop drops a reference.
    pub fn drop_of_main(&mut self, node: NodeId) {
        self.let_go(node, AT_THE_END);
    }

    /// A task drops one of its references.
    pub fn drop_of_task(&mut self, node: NodeId) {
        self.nodes[node.0].tasks -= 1;
        self.nodes[node.0].leaving.push(AT_THE_END);
        self.changes += 1;
    }

    /// What has this token has returned: its references are gone, and what they were the last ones of is closed.
    pub fn settle(&mut self, token: Token) {
        for state in &mut self.nodes {
            state.leaving.retain(|each| *each != token);
        }
        self.close_what_has_no_reference();
    }

    /// Nothing is pending any more.
    pub fn settle_all(&mut self) {
        for state in &mut self.nodes {
            state.leaving.clear();
        }
        self.close_what_has_no_reference();
    }

    fn close_what_has_no_reference(&mut self) {
        self.changes += 1;
        loop {
            let closed = (0..self.nodes.len()).map(NodeId).find(|node| {
                self.nodes[node.0].life == Life::Open && self.references(*node).1 == 0
            });
            let Some(closed) = closed else { return };
            self.nodes[closed.0].life = Life::Gone;
            self.nodes[closed.0].children.clear();
        }
    }

    /// A node has been opened, without children.
    pub fn opened(&mut self, node: NodeId) {
        let driver = self.program.node(node).driver;
        self.nodes[node.0] = State {
            life: Life::Open,
            children: Vec::new(),
            mode: driver.mode(),
            main: 1,
            tasks: 0,
            leaving: Vec::new(),
        };
        self.changes += 1;
    }

    /// Images go on in other modes.
    pub fn reopened(&mut self, nodes: &[(NodeId, Mode)]) {
        for (node, mode) in nodes {
            self.nodes[node.0].mode = Some(*mode);
        }
        self.changes += 1;
    }

    /// A stranger is about to open an image, or begins to close it.
    pub fn stranger_comes_or_goes(&mut self, task: TaskId, image: ImageId, mode: Mode) {
        self.changes += 1;
        self.strangers.retain(|each| (each.task, each.image) != (task, image));
        self.strangers.push(Stranger { task, image, mode, certain: false });
    }

    /// A stranger has an image open.
    pub fn stranger_is_in(&mut self, task: TaskId, image: ImageId) {
        self.changes += 1;
        for stranger in &mut self.strangers {
            stranger.certain |= (stranger.task, stranger.image) == (task, image);
        }
    }

    /// A stranger has gone.
    pub fn stranger_is_gone(&mut self, task: TaskId, image: ImageId) {
        self.changes += 1;
        self.strangers.retain(|each| (each.task, each.image) != (task, image));
    }

    /// Where a request at `node` ends, if it is certain: in an image.
    #[must_use]
    pub fn end_of_request(&self, node: NodeId) -> Option<ImageId> {
        let driver = self.program.node(node).driver;
        if !self.is_certain(node) {
            return None;
        }
        match driver {
            crate::program::Driver::Storage { image, .. } => Some(image),
            crate::program::Driver::Null => None,
            crate::program::Driver::Overlay => {
                self.end_of_request(self.child(node, Edge::Backing)?)?;
                self.end_of_request(self.child(node, Edge::File)?)
            }
            crate::program::Driver::CopyBeforeWrite => {
                self.end_of_request(self.child(node, Edge::Target)?)?;
                self.end_of_request(self.child(node, Edge::File)?)
            }
            crate::program::Driver::Device { .. } => {
                self.end_of_request(self.child(node, Edge::Root)?)
            }
            crate::program::Driver::Raw => self.end_of_request(self.child(node, Edge::File)?),
        }
    }

    /// Whether everything is closed that must be; `found` has every node that is not closed.
    ///
    /// # Errors
    /// With what is not.
    pub fn compare_closed(&self, found: &[Found]) -> Result<(), Contradiction> {
        let mut left = found.iter().filter(|each| self.presence(each.node) == Presence::Never);
        let Some(left) = left.next() else { return Ok(()) };
        let name = self.program.node(left.node).name;
        Err(Contradiction {
            property: "closed-when-unlock-returns",
            found: format!("node `{name}` has no reference left and is not closed"),
        })
    }

    /// Compares what was found with what must be; `found` has every node that is not closed.
    ///
    /// # Errors
    /// With what does not fit.
    pub fn compare(&self, found: &[Found]) -> Result<(), Contradiction> {
        self.compare_closed(found)?;
        for node in (0..self.nodes.len()).map(NodeId) {
            if self.presence(node) != Presence::Certain {
                continue;
            }
            match found.iter().find(|each| each.node == node) {
                Some(there) => self.compare_node(node, there)?,
                None => {
                    let name = self.program.node(node).name;
                    return Err(Contradiction {
                        property: "graph-is-as-in-the-reference",
                        found: format!("node `{name}` has references and is closed"),
                    });
                }
            }
        }
        Ok(())
    }

    fn compare_node(&self, node: NodeId, there: &Found) -> Result<(), Contradiction> {
        let name = self.program.node(node).name;
        let wrong = |found: String| {
            let property = "graph-is-as-in-the-reference";
            Err(Contradiction { property, found: format!("node `{name}`: {found}") })
        };
        let (least, most) = self.references(node);
        if !(least..=most).contains(&there.references) {
            let references = there.references;
            return wrong(format!("{references} references, expected {least} to {most}"));
        }
        let mut children: Vec<_> =
            there.children.iter().map(|(edge, child, _)| (*edge, *child)).collect();
        let mut expected = self.nodes[node.0].children.clone();
        children.sort_unstable();
        expected.sort_unstable();
        if children != expected {
            return wrong(format!("children {children:?}, expected {expected:?}"));
        }
        if there.mode != self.nodes[node.0].mode {
            return Err(Contradiction {
                property: "all-are-reopened-or-none",
                found: format!(
                    "node `{name}`: mode {:?}, expected {:?}",
                    there.mode, self.nodes[node.0].mode
                ),
            });
        }
        let (fewest, most) = (self.accesses(true), self.accesses(false));
        for (edge, _, access) in &there.children {
            let of = |accesses: &access::Accesses| accesses.of(node, *edge);
            let (fewest, most) = (of(&fewest), of(&most));
            if fewest == most && fewest != Some(*access) {
                return Err(Contradiction {
                    property: "failed-change-leaves-graph",
                    found: format!(
                        "edge `{name}.{}`: {access}, expected {}",
                        edge.word(),
                        fewest.unwrap_or(Access::NONE)
                    ),
                });
            }
        }
        Ok(())
    }
}
