//! How a waiting writer and readers share the door.

use crate::sync::model::CHECKED;
use crate::sync::time::Duration;

/// When a waiting writer shuts the door, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fairness {
    /// How often the writer lets readers come in before it: polls that did not help, and back-offs.
    pub overtakes_max: u32,
    /// How long the door stays shut at first. It doubles each time it was not enough, so that it exceeds
    /// the longest section in the end.
    pub patience: Duration,
}

impl Default for Fairness {
    /// 16 overtakes (1 in checked builds, where every interleaving is looked at) and 1 ms.
    fn default() -> Self {
        let overtakes_max = if CHECKED { 1 } else { 16 };
        Fairness { overtakes_max, patience: Duration::from_millis(1) }
    }
}
