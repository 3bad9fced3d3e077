//! The tree of executions, and what is left of it.
//!
//! Each execution is a node; its children are the executions that it alone leads to (`races.rs`). Which they are
//! depends on the execution and on nothing that was explored before, so any part of the tree can be
//! explored anywhere, in any order, and gives the same executions.
//!
//! The order of the tree is a node before its children, and they one after the other. A node's *key* is the way to it: which
//! child of the root, which child of that, and so on. Keys compare like the order of the tree.
//!
//! # Invariants
//! * A [`Branch`] is all one needs to explore a subtree.
//! * What is kept is proportional to the depth of the tree and the children of the nodes above.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::predict::{self, Start};
use crate::schedule::{Choice, Schedule};

/// The way from the root to a node.
pub(crate) type Key = Vec<u32>;

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
    pub(crate) schedule: Schedule,
    pub(crate) pins: Vec<Pin>,
}

impl Branch {
    /// The branch of `child`, below an execution with these choices and pins.
    fn of(child: &Child, choices: &[Choice], pins: &[Pin]) -> Self {
        let at = child.at as usize;
        let mut schedule = Schedule { choices: Vec::with_capacity(at + child.tail.choices.len()) };
        schedule.choices.extend_from_slice(&choices[..at]);
        schedule.choices.extend_from_slice(&child.tail.choices);
        let end = u32::try_from(schedule.choices.len()).expect("fewer than 2^32 choices");
        let before = pins.partition_point(|pin| pin.end <= child.at);
        let mut own = Vec::with_capacity(before + 1);
        own.extend_from_slice(&pins[..before]);
        own.push(Pin { start: child.at, end, why: child.why });
        Branch { schedule, pins: own }
    }
}

/// What makes a child of an execution: where it leaves it, and how it goes on from there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Child {
    pub(crate) at: u32,
    pub(crate) tail: Schedule,
    pub(crate) why: Why,
    /// The step that comes before another one here; its number in the execution that leads here.
    pub(crate) by: u32,
}

/// An execution that was made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) schedule: Schedule,
    pub(crate) pins: Vec<Pin>,
    pub(crate) children: VecDeque<Child>,
}

impl Made {
    /// The branch of one of its children.
    pub(crate) fn branch(&self, child: &Child) -> Branch {
        Branch::of(child, &self.schedule.choices, &self.pins)
    }
}

/// An execution that was made, with the children that are left.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Node {
    made: Made,
    /// How many children have been taken.
    taken: u32,
}

/// What is left of a subtree, depth first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tree {
    /// The key of its root.
    key: Key,
    root: Option<Branch>,
    nodes: Vec<Node>,
}

impl Tree {
    /// The whole tree.
    pub(crate) fn whole() -> Self {
        Tree::new(Key::new(), Branch::default())
    }

    /// The subtree below the node with this key.
    pub(crate) fn new(key: Key, root: Branch) -> Self {
        Tree { key, root: Some(root), nodes: Vec::new() }
    }

    /// The key of its root.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// The next execution to make.
    pub(crate) fn next(&mut self) -> Option<Branch> {
        if let Some(root) = self.root.take() {
            return Some(root);
        }
        while let Some(node) = self.nodes.last_mut() {
            match node.made.children.pop_front() {
                Some(child) => {
                    node.taken += 1;
                    return Some(node.made.branch(&child));
                }
                None => self.nodes.pop(),
            };
        }
        None
    }

    /// The key of the execution that [`next`](Self::next) gave last.
    pub(crate) fn current(&self) -> Key {
        let mut key = self.key.clone();
        key.extend(self.nodes.iter().map(|node| node.taken - 1));
        key
    }

    /// The execution that [`next`](Self::next) gave was made.
    pub(crate) fn made(&mut self, made: Made) {
        if !made.children.is_empty() {
            self.nodes.push(Node { made, taken: 0 });
        }
    }

    /// The subtrees that are left, to be drawn from.
    pub(crate) fn starts(&self) -> Vec<Start> {
        let depth = self.key.len();
        let root =
            self.root.iter().map(|branch| Start { branch: branch.clone(), depth, features: None });
        let nodes = self.nodes.iter().zip(depth..);
        let below = nodes.flat_map(|(node, depth)| predict::children(&node.made, depth));
        root.chain(below).collect()
    }

    /// The subtree below the node with this key, with nothing left in it.
    pub(crate) fn finished(key: Key) -> Self {
        Tree { key, root: None, nodes: Vec::new() }
    }

    /// Forgets what is left.
    pub(crate) fn clear(&mut self) {
        self.root = None;
        self.nodes.clear();
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_none() && self.nodes.iter().all(|node| node.made.children.is_empty())
    }

    /// Gives the later half of the largest part of what is left away, as trees of their own. What stays comes before it in
    /// the order of the tree.
    pub(crate) fn split(&mut self) -> Vec<Tree> {
        let mut key = self.key.clone();
        for node in &mut self.nodes {
            let count = node.made.children.len();
            if count > 0 {
                let stays = count / 2;
                let given = node.made.children.split_off(stays);
                let first = node.taken + u32::try_from(stays).expect("fewer than 2^32 children");
                let trees = given.into_iter().zip(first..).map(|(child, number)| {
                    let mut own = key.clone();
                    own.push(number);
                    Tree::new(own, node.made.branch(&child))
                });
                return trees.collect();
            }
            key.push(node.taken - 1);
        }
        Vec::new()
    }
}
