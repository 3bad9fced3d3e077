//! How the execution of a program is drawn: by which way of sampling, from which seed, with what besides.

use graphlock_harness::scenario::Sampling;
use proptest::prelude::{Just, any};
use proptest::prop_oneof;
use proptest::strategy::Strategy;

/// How a program is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How its interleavings are drawn.
    pub sampling: Sampling,
    /// From what.
    pub seed: u64,
    /// Whether stores may be seen late.
    pub store_buffers: bool,
    /// How many surprises there may be.
    pub surprises: u32,
}

/// Schedules; they shrink towards a plain walk without anything besides. A seed is as good as another: it stays.
pub fn schedules() -> impl Strategy<Value = Schedule> {
    let sampling = prop_oneof![
        Just(Sampling::Walk),
        (1..=5_u32).prop_map(Sampling::Pct),
        Just(Sampling::PartialOrder),
        Just(Sampling::Uniform),
        Just(Sampling::SelectivelyUniform),
        Just(Sampling::Portfolio),
    ];
    let drawn = (sampling, any::<u64>().no_shrink(), any::<bool>(), 0..=3_u32);
    drawn.prop_map(|(sampling, seed, store_buffers, surprises)| Schedule {
        sampling,
        seed,
        store_buffers,
        surprises,
    })
}
