//! How long executions were: a histogram of their steps.
//!
//! Buckets grow with the length, four for each doubling: a bucket is never wider than a quarter of where it begins, and
//! a limit of a million steps has fewer than a hundred. Below four steps each length has its own.
//!
//! # Invariants
//! * Sums have no order, so parts of a search add up to the same whoever made them.
//! * Equal contents are equal values: the last bucket that is kept is never empty.

use serde::{Deserialize, Serialize};

/// How many executions had how many steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lengths {
    counts: Vec<u64>,
}

/// A range of lengths, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LengthBucket {
    /// The fewest steps.
    pub from: u64,
    /// The most steps.
    pub to: u64,
    /// How many executions were that long.
    pub executions: u64,
}

impl Lengths {
    /// Counts an execution of so many steps.
    #[inline]
    pub fn note(&mut self, steps: u64) {
        let index = index_of(steps);
        match self.counts.get_mut(index) {
            Some(count) => *count += 1,
            None => self.grow(index),
        }
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        self.counts.resize(index + 1, 0);
        self.counts[index] = 1;
    }

    /// Adds those of another part.
    pub fn add(&mut self, other: &Lengths) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum += count;
        }
    }

    /// The ranges from the shortest execution to the longest; those between that are empty, too.
    #[must_use]
    pub fn buckets(&self) -> Vec<LengthBucket> {
        let counts = self.counts.iter().enumerate();
        let filled = counts.skip_while(|(_, executions)| **executions == 0);
        let bucket = |(index, executions): (usize, &u64)| LengthBucket {
            from: begin_of(index),
            to: begin_of(index + 1) - 1,
            executions: *executions,
        };
        filled.map(bucket).collect()
    }
}

/// The number of the bucket of a length.
#[inline]
fn index_of(steps: u64) -> usize {
    if steps < 4 {
        return steps as usize;
    }
    let doubling = steps.ilog2();
    let quarter = (steps >> (doubling - 2)) & 3;
    4 * (doubling as usize - 1) + quarter as usize
}

/// The shortest length of a bucket. The one after the last of all would begin beyond what there is.
fn begin_of(index: usize) -> u64 {
    if index < 4 {
        return index as u64;
    }
    let quarter = (4 + index as u64 % 4).checked_shl(index as u32 / 4 - 1);
    quarter.filter(|begin| *begin >= 4 && index < 4 * 63).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_lies_in_its_bucket_and_buckets_leave_no_gap() {
        let around = (0..63).flat_map(|power| {
            let power = 1_u64 << power;
            [power - 1, power, power + 1, power + power / 2, power + power / 4]
        });
        for steps in around.chain(0..5_000) {
            let index = index_of(steps);
            assert!(begin_of(index) <= steps && steps < begin_of(index + 1), "{steps} in {index}");
        }
        assert!((1..250).all(|index| begin_of(index - 1) < begin_of(index)));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let of = |lengths: &[u64]| {
            let mut all = Lengths::default();
            lengths.iter().for_each(|steps| all.note(*steps));
            all
        };
        let (mut short, long) = (of(&[9, 2]), of(&[90, 9]));
        short.add(&long);
        assert_eq!(short, of(&[2, 9, 9, 90]));
        let mut other = long.clone();
        other.add(&of(&[9, 2]));
        assert_eq!(other, short);
    }

    #[test]
    fn ranges_go_from_the_shortest_to_the_longest() {
        let mut lengths = Lengths::default();
        [8, 9, 9, 13].into_iter().for_each(|steps| lengths.note(steps));
        let shown: Vec<_> =
            lengths.buckets().iter().map(|each| (each.from, each.to, each.executions)).collect();
        assert_eq!(shown, [(8, 9, 3), (10, 11, 0), (12, 13, 1)]);
        assert_eq!(Lengths::default().buckets(), []);
    }
}
