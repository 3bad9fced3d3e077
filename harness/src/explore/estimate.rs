//! How many executions a search has: probes at random, before it or while it goes on.
//!
//! A *pass* goes down what is left of the tree, level by level, with a bounded number of nodes on each. Where there are more
//! children, some are drawn, those with large subtrees (as far as one can guess, `predict.rs`) rather, and each stands for as many as
//! its chance was small. So the expected sum is the number of executions, whatever the guesses are; good guesses
//! make it precise. What was explored already is counted, not drawn.
//!
//! The estimate is the mean of the passes so far, and its interval comes from how much passes differ, in themselves and
//! from each other.
//!
//! Sources: Knuth, Estimating the efficiency of backtrack programs (1975); Chen, Heterogeneous sampling (1992);
//! priority sampling by Duffield, Lund, Thorup (2007) for the draw.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::maker::Maker;
use super::predict::{self, Predictor, Start};
use super::runner::Body;
use super::totals::Totals;
use super::tree::Tree;
use crate::outcome::Estimate;
use crate::scenario::Check;

/// Nodes on a level: in the first pass, which mostly learns, and in the others.
const FIRST_PROBES: usize = 100;
pub(super) const PROBES: usize = 300;

/// Passes before a run.
pub(crate) const PASSES: usize = 5;

/// The passes that count: the last ones, since later guesses are better.
const PASSES_COUNTED: usize = 8;

/// What the probes of a search draw from. They decide nothing but what is estimated and how work is dealt out.
pub(crate) const SEED: u64 = 0;

/// Standard errors on either side of an estimate.
const WIDTH: f64 = 3.2;

/// A node of a pass.
struct Node {
    start: Start,
    /// How many nodes it stands for.
    weight: f64,
    /// What it was multiplied with at the last draw.
    factor: f64,
    parent: Option<usize>,
    /// Executions in its subtree, as far as it was drawn.
    size: f64,
}

/// All nodes of a pass, level by level.
struct Descent {
    made: Vec<Node>,
    levels: Vec<Range<usize>>,
}

/// What one pass found.
#[derive(Clone, Copy)]
struct Pass {
    traces: f64,
    variance: f64,
    probes: usize,
}

/// Estimates one search.
pub(crate) struct Estimator<'a> {
    maker: Maker<'a>,
    generator: ChaCha8Rng,
    predictor: Predictor,
    passes: Vec<Pass>,
}

impl<'a> Estimator<'a> {
    /// An estimator that draws from stream 0 of this seed.
    pub(crate) fn new(check: &'a Check, body: &'a Body, seed: u64) -> Self {
        let generator = ChaCha8Rng::seed_from_u64(seed);
        let predictor = Predictor::new();
        Estimator { maker: Maker::of_tree(check, body), generator, predictor, passes: Vec::new() }
    }

    /// How many executions there may be in each of these subtrees, by one pass that begins with all of them.
    pub(crate) fn sizes(&mut self, starts: Vec<Start>) -> Vec<f64> {
        let count = starts.len();
        let descent = self.descend(starts, PROBES.max(count));
        descent.made[..count].iter().map(|node| node.size).collect()
    }

    /// Makes one more pass over what is left; `done` executions were made.
    pub(crate) fn pass(&mut self, left: Vec<Start>, done: u64) {
        let probes = if self.passes.is_empty() { FIRST_PROBES } else { PROBES };
        let descent = self.descend(left, probes);
        let sum: f64 = descent.made.iter().map(|node| node.weight).sum();
        let levels = descent.levels.into_iter();
        let variance = levels.map(|level| variance(&descent.made[level])).sum();
        self.passes.push(Pass { traces: done as f64 + sum, variance, probes });
    }

    /// What the passes say, if there were any; at least `done` executions.
    pub(crate) fn estimate(&self, done: u64) -> Option<Estimate> {
        let last = self.passes.last()?;
        // Where more was explored than a pass expected, it has been refuted.
        let holds = |pass: &&Pass| pass.traces >= done as f64;
        let mut counted: Vec<&Pass> = self.passes.iter().rev().filter(holds).collect();
        counted.truncate(PASSES_COUNTED);
        if counted.is_empty() {
            counted.push(last);
        }
        let all: f64 = counted.iter().map(|pass| weight(pass)).sum();
        let mean = counted.iter().map(|pass| weight(pass) * pass.traces).sum::<f64>() / all;
        let shares = || counted.iter().map(|pass| (weight(pass) / all, *pass));
        let within: f64 = shares().map(|(share, pass)| share * share * pass.variance).sum();
        let apart = |(share, pass): (f64, &Pass)| (share * (pass.traces - mean)).powi(2);
        let between = shares().map(apart).sum::<f64>() * counted.len() as f64
            / (counted.len() - 1).max(1) as f64;
        let error = within.max(between).sqrt() / mean;
        let least = done.max(1) as f64;
        let probes = self.passes.iter().map(|pass| pass.probes).sum::<usize>();
        Some(Estimate {
            traces: finite(mean.round().max(least)),
            low: finite((mean / (1.0 + WIDTH * error)).round().max(least)),
            high: finite((mean * (1.0 + WIDTH * error)).round().max(least)),
            probes: u32::try_from(probes).unwrap_or(u32::MAX),
        })
    }

    /// Goes down from these nodes with so many on each level, and learns from what is there.
    fn descend(&mut self, left: Vec<Start>, probes: usize) -> Descent {
        let whole = |start| Node { start, weight: 1.0, factor: 1.0, parent: None, size: 1.0 };
        let mut made: Vec<Node> = Vec::new();
        let mut levels = Vec::new();
        let mut level: Vec<Node> = self.draw(left.into_iter().map(whole).collect(), probes);
        while !level.is_empty() {
            let first = made.len();
            let mut next = Vec::new();
            for mut node in level {
                let branch = std::mem::take(&mut node.start.branch);
                let (_, execution) = self.maker.make_branch(branch, &mut Totals::default());
                for start in predict::children(&execution, node.start.depth) {
                    let (weight, parent) = (node.weight, Some(made.len()));
                    next.push(Node { start, weight, factor: 1.0, parent, size: 1.0 });
                }
                made.push(node);
            }
            levels.push(first..made.len());
            level = self.draw(next, probes);
        }
        for index in (0..made.len()).rev() {
            let node = &made[index];
            let (parent, size) = (node.parent, node.size * node.factor);
            if let Some(features) = &node.start.features {
                self.predictor.probed(features, node.size);
            }
            if let Some(parent) = parent {
                made[parent].size += size;
            }
        }
        self.predictor.learn();
        Descent { made, levels }
    }

    /// Draws `most` of the nodes, if there are more, by systematic sampling in the order of what they may stand for.
    fn draw(&mut self, nodes: Vec<Node>, most: usize) -> Vec<Node> {
        if nodes.len() <= most {
            return nodes;
        }
        let guess = |node: &Node| {
            let size = node.start.features.as_ref().map_or(1.0, |each| self.predictor.guess(each));
            node.weight * size
        };
        let mut guessed: Vec<(f64, Node)> =
            nodes.into_iter().map(|node| (guess(&node), node)).collect();
        guessed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let certain_from = certain_from(&guessed, most);
        let mut drawn = Vec::with_capacity(most);
        let mut position = (self.generator.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        for (guess, mut node) in guessed {
            let chance = (guess / certain_from).min(1.0);
            position -= chance;
            if position < 0.0 {
                position += 1.0;
                node.factor = 1.0 / chance;
                node.weight /= chance;
                drawn.push(node);
            }
        }
        drawn
    }
}

/// The guess from which on a node is drawn for certain, so that `most` are drawn on average; nodes are in order.
fn certain_from(guessed: &[(f64, Node)], most: usize) -> f64 {
    let mut rest: f64 = guessed.iter().map(|(guess, _)| guess).sum();
    let mut left = most;
    for (guess, _) in guessed.iter().rev() {
        if left <= 1 || *guess <= rest / left as f64 {
            break;
        }
        rest -= guess;
        left -= 1;
    }
    rest / left as f64
}

/// JSON has no infinity, and what is stored must be read again.
fn finite(number: f64) -> f64 {
    number.min(f64::MAX)
}

/// How much a pass counts: the first one has drawn blindly.
fn weight(pass: &Pass) -> f64 {
    if pass.probes == FIRST_PROBES { 0.1 } else { 1.0 }
}

/// The variance that the draw of a level has added.
fn variance(level: &[Node]) -> f64 {
    let uncertain = |node: &Node| 1.0 - 1.0 / node.factor;
    let stands_for = |node: &Node| node.weight * node.size;
    let count: f64 = level.iter().map(uncertain).sum();
    if count < 2.0 {
        return 0.0;
    }
    let mean = level.iter().map(|node| uncertain(node) * stands_for(node)).sum::<f64>() / count;
    let apart = |node: &Node| uncertain(node) * (stands_for(node) - mean).powi(2);
    level.iter().map(apart).sum::<f64>() * count / (count - 1.0)
}

/// Estimates how many executions a body has, before it is explored; `seed` is for the probes.
///
/// # Panics
/// If it is called from inside an execution.
#[must_use]
pub fn estimate(check: &Check, body: &Body, seed: u64) -> Estimate {
    let mut estimator = Estimator::new(check, body, seed);
    for _ in 0..PASSES {
        estimator.pass(Tree::whole().starts(), 0);
    }
    estimator.estimate(0).expect("there were passes")
}
