//! Sets of tasks, and how numbers are mixed to one.

use super::clock::TASKS_MAX;

/// A set of tasks, one bit each.
pub(crate) type TaskSet = u64;
const _: () = assert!(TASKS_MAX <= TaskSet::BITS as usize);

/// The tasks of a set, lowest first.
pub(crate) fn tasks_of(set: TaskSet) -> impl Iterator<Item = usize> {
    let mut rest = set;
    std::iter::from_fn(move || {
        let task = rest.trailing_zeros() as usize;
        (rest != 0).then(|| {
            rest &= rest - 1;
            task
        })
    })
}

/// Scrambles two numbers into one.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut x = a ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
