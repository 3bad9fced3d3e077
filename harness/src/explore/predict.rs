//! Guesses how large a subtree is, from what is known before its first execution.
//!
//! The guess is a regression for the logarithm of the size on a few numbers; it is learnt from subtrees that were
//! probed, whose sizes are estimates themselves. Guesses decide where to look, never what is counted: a bad one costs precision,
//! not truth.

use super::tree::{Branch, Child, Made};
use crate::execution::clock::TASKS_MAX;
use crate::schedule::{Choice, Schedule};

/// How many numbers describe a subtree.
const COUNT: usize = 10;

/// What describes a subtree.
pub(crate) type Features = [f64; COUNT];

/// What is believed before anything was learnt, and how firmly, in probes.
const PRIOR: Features = [6.0, 0.1, 0.0, 1.0, -0.15, 0.0, 0.0, -0.4, 0.1, 0.0];
const FIRMNESS: Features = [0.1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];

/// Weighted least squares are solved so often for one fit: a size has no logarithm to be averaged, its mean counts.
const ROUNDS: u32 = 4;

/// A size this many times above its guess is as far off as counts, or one probe would decide.
const OFF_MAX: f64 = 10.0;

/// Probes that are remembered: later ones have hit what is large, and learning takes time.
const REMEMBERED: usize = 20_000;

/// The logarithm of the largest guess.
const GUESS_MAX: f64 = 60.0;

/// A subtree that may be drawn.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) branch: Branch,
    pub(crate) depth: usize,
    /// What describes it, but for the whole tree.
    pub(crate) features: Option<Features>,
}

/// The subtrees below an execution at this depth.
pub(crate) fn children(made: &Made, depth: usize) -> impl Iterator<Item = Start> {
    let length = made.schedule.choices.len();
    let count = made.children.len() as f64;
    made.children.iter().map(move |child| {
        let branch = made.branch(child);
        let left = steps_left(&made.schedule, &branch.schedule);
        let later = |is: fn(&Child, &Child) -> bool| {
            let others = made.children.iter();
            others.filter(|other| other.by > child.by && is(other, child)).count() as f64
        };
        let features = [
            1.0,
            length.saturating_sub(branch.schedule.choices.len()) as f64,
            f64::from(child.at) / length as f64,
            count.ln(),
            child.tail.choices.len() as f64,
            later(|other, child| other.at > child.at),
            later(|other, child| other.at < child.at),
            depth as f64 + 1.0,
            interleavings(&left),
            left.iter().filter(|steps| **steps > 0).count() as f64,
        ];
        Start { branch, depth: depth + 1, features: Some(features) }
    })
}

/// What each task would have to do after the branch, if it did what it does in the whole execution.
fn steps_left(whole: &Schedule, branch: &Schedule) -> [u32; TASKS_MAX] {
    let mut left = [0u32; TASKS_MAX];
    let tasks = |schedule: &Schedule, act: &mut dyn FnMut(usize)| {
        for choice in &schedule.choices {
            if let Choice::Task(task) = choice {
                act(*task as usize);
            }
        }
    };
    tasks(whole, &mut |task| left[task] += 1);
    tasks(branch, &mut |task| left[task] = left[task].saturating_sub(1));
    left
}

/// The logarithm of how often steps can be interleaved.
fn interleavings(steps: &[u32; TASKS_MAX]) -> f64 {
    let factorial = |number: u32| (2..=number).map(|each| f64::from(each).ln()).sum::<f64>();
    factorial(steps.iter().sum()) - steps.iter().map(|each| factorial(*each)).sum::<f64>()
}

/// What was learnt.
#[derive(Debug)]
pub(crate) struct Predictor {
    probed: Vec<(Features, f64)>,
    coefficients: Features,
}

impl Predictor {
    pub(crate) fn new() -> Self {
        Predictor { probed: Vec::new(), coefficients: PRIOR }
    }

    /// How many executions a subtree may have.
    pub(crate) fn guess(&self, features: &Features) -> f64 {
        let sum: f64 =
            features.iter().zip(&self.coefficients).map(|(one, other)| one * other).sum();
        sum.clamp(0.0, GUESS_MAX).exp()
    }

    /// A subtree like this may have this size.
    pub(crate) fn probed(&mut self, features: &Features, size: f64) {
        self.probed.push((*features, size));
    }

    /// Learns from what was probed.
    pub(crate) fn learn(&mut self) {
        let forgotten = self.probed.len().saturating_sub(REMEMBERED);
        self.probed.drain(..forgotten);
        for _ in 0..ROUNDS {
            let mut matrix = [[0.0; COUNT]; COUNT];
            let mut right = [0.0; COUNT];
            for each in 0..COUNT {
                matrix[each][each] = FIRMNESS[each];
                right[each] = FIRMNESS[each] * PRIOR[each];
            }
            for (features, size) in &self.probed {
                let guess = self.guess(features);
                let target = guess.ln() + (size / guess - 1.0).min(OFF_MAX);
                for (row, feature) in features.iter().enumerate() {
                    for (cell, other) in matrix[row].iter_mut().zip(features) {
                        *cell += feature * other;
                    }
                    right[row] += feature * target;
                }
            }
            self.coefficients = solved(matrix, right);
        }
    }
}

/// The solution of symmetric equations that have one: each diagonal is positive.
fn solved(mut matrix: [[f64; COUNT]; COUNT], mut right: Features) -> Features {
    for pivot in 0..COUNT {
        let row = matrix[pivot];
        for below in pivot + 1..COUNT {
            let factor = matrix[below][pivot] / row[pivot];
            for (cell, above) in matrix[below].iter_mut().zip(&row) {
                *cell -= factor * above;
            }
            right[below] -= factor * right[pivot];
        }
    }
    let mut solution = [0.0; COUNT];
    for row in (0..COUNT).rev() {
        let known: f64 = (row + 1..COUNT).map(|each| matrix[row][each] * solution[each]).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    solution
}
