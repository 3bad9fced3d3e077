//! A stream of small numbers from one seed.
//!
//! A program is made of many small choices. They come from a stream of their own, so that one draw of proptest's is all
//! that a program costs there, and a seed is all that is needed to draw it again.
//!
//! # Not here
//! Unbiased numbers: ranges are tiny, and a bias of one in billions is nobody's.

/// Where choices come from.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// SplitMix64: each seed is a good one.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let high = u128::from(self.next()) * end as u128;
        usize::try_from(high >> 64).expect("below a usize")
    }

    /// Whether something happens that happens `part` times in `whole`.
    pub(super) fn happens(&mut self, part: usize, whole: usize) -> bool {
        self.below(whole) < part
    }

    /// One of these.
    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// One of those that `fits`, if there are any.
    pub(super) fn find(&mut self, end: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let found = (0..end).filter(|at| fits(*at)).count();
        if found == 0 {
            return None;
        }
        let chosen = self.below(found);
        (0..end).filter(|at| fits(*at)).nth(chosen)
    }
}
