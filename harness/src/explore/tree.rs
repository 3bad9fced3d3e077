//! The tree of executions, and what is left of it.
//!
//! Each execution is a node; its children are the executions that it alone leads to (`races.rs`). Which they are
//! depends on the execution and on nothing that was explored before, so any part of the tree can be
//! explored anywhere, in any order, and gives the same executions.
//!
//! # Invariants
//! * A [`Branch`] is all one needs to explore a subtree.
//! * What is kept is proportional to the depth of the tree and the children of the nodes above.

use serde::{Deserialize, Serialize};

use crate::schedule::Choice;

/// A part of a branch's choices that is no longer open to reversal below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    /// Its choices, by position, up to but without `end`.
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) why: Why,
}

/// Why a part is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Why {
    /// Its last step overtakes the step that `task` would have taken at its start.
    Overtakes {
        /// Who is overtaken.
        task: u8,
        /// Whether the pinned steps just before overtake the same step.
        again: bool,
    },
    /// It is another value than the first.
    Value,
}

/// An execution to make: its first choices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Branch {
    pub(crate) choices: Vec<Choice>,
    pub(crate) pins: Vec<Pin>,
}

/// What makes a child of an execution: where it leaves it, and how it goes on from there.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) at: u32,
    pub(crate) tail: Vec<Choice>,
    pub(crate) why: Why,
}

/// An execution that was made, with the children that are left.
struct Node {
    choices: Vec<Choice>,
    pins: Vec<Pin>,
    children: std::vec::IntoIter<Child>,
    /// How many children have been taken.
    taken: u32,
}

/// What is left of a subtree, depth first.
#[derive(Default)]
pub(crate) struct Tree {
    root: Option<Branch>,
    nodes: Vec<Node>,
}

impl Tree {
    /// The subtree of `root`.
    pub(crate) fn new(root: Branch) -> Self {
        Tree { root: Some(root), nodes: Vec::new() }
    }

    /// The next execution to make.
    pub(crate) fn next(&mut self) -> Option<Branch> {
        if let Some(root) = self.root.take() {
            return Some(root);
        }
        while let Some(node) = self.nodes.last_mut() {
            match node.children.next() {
                Some(child) => {
                    node.taken += 1;
                    return Some(branch(&node.choices, &node.pins, child));
                }
                None => self.nodes.pop(),
            };
        }
        None
    }

    /// The execution that [`next`](Self::next) gave was made and has these choices and children.
    pub(crate) fn made(&mut self, choices: &[Choice], pins: &[Pin], children: Vec<Child>) {
        if !children.is_empty() {
            let (choices, pins) = (choices.to_vec(), pins.to_vec());
            self.nodes.push(Node { choices, pins, children: children.into_iter(), taken: 0 });
        }
    }
}

/// The branch of `child`, below an execution with these choices and pins.
fn branch(choices: &[Choice], pins: &[Pin], child: Child) -> Branch {
    let mut own = Branch {
        choices: choices[..child.at as usize].to_vec(),
        pins: pins.iter().copied().filter(|pin| pin.end <= child.at).collect(),
    };
    own.choices.extend(child.tail);
    let end = u32::try_from(own.choices.len()).expect("fewer than 2^32 choices");
    own.pins.push(Pin { start: child.at, end, why: child.why });
    own
}
