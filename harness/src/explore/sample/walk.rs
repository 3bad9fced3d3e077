//! The uniform walk: at each step everybody who can act is equally likely.

use super::{Draw, Offer, Sampler};

/// The uniform walk.
pub(super) struct Walk;

impl Sampler for Walk {
    fn choose(&mut self, offer: &Offer<'_>, draw: &mut Draw) -> usize {
        draw.one_of(offer.enabled)
    }
}
