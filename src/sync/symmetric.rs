//! The two fences of `asymmetric.rs` in checked builds: full fences both. No engine can stop another thread between two
//! of its instructions from outside its search, and both sides' planted bugs need a fence that can be left out.

use super::atomic::{Ordering, fence};

/// Asks nobody.
pub(crate) fn choose_fences() {}

/// The fence of the side that runs often.
#[track_caller]
pub(crate) fn fence_light() {
    fence(Ordering::SeqCst);
}

/// The fence of the side that runs seldom.
#[track_caller]
pub(crate) fn fence_heavy() {
    fence(Ordering::SeqCst);
}
