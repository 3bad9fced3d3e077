//! Sampling: a uniform walk. Run `i` draws from stream `i` of the ChaCha8 generator that `seed` seeds, so any
//! run can be made anywhere without the ones before it.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::{Decision, Explorer, Offer};

/// The uniform walk.
pub(crate) struct Random {
    generator: ChaCha8Rng,
    next_run: u64,
    end: u64,
}

impl Random {
    pub(crate) fn new(seed: u64, first: u64, runs: u64) -> Self {
        let generator = ChaCha8Rng::seed_from_u64(seed);
        Random { generator, next_run: first, end: first.saturating_add(runs) }
    }

    /// A number below `count`, each equally likely: draws that would favour the low ones are
    /// thrown away.
    fn below(&mut self, count: u32) -> u32 {
        let limit = u32::MAX - u32::MAX % count;
        loop {
            let drawn = self.generator.next_u32();
            if drawn < limit {
                return drawn % count;
            }
        }
    }
}

impl Explorer for Random {
    fn begin(&mut self) -> bool {
        if self.next_run == self.end {
            return false;
        }
        self.generator.set_stream(self.next_run);
        self.generator.set_word_pos(0);
        self.next_run += 1;
        true
    }

    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        let mut rest = offer.enabled;
        if rest.count_ones() > 1 {
            for _ in 0..self.below(rest.count_ones()) {
                rest &= rest - 1;
            }
        }
        Decision::Run(rest.trailing_zeros() as usize)
    }

    fn choose_value(&mut self, _task: usize, count: u32) -> u32 {
        self.below(count)
    }
}
