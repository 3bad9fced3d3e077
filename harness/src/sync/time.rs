//! Time. In an execution it is virtual: it stands still while anybody can act, and jumps to the earliest
//! deadline when nobody can. So a time-out fires only when nothing else can happen: the assumption that
//! times are long beside steps (docs/LIMITS.md). Surprises take it back (`execution/surprise.rs`).

use std::ops::{Add, Sub};
use std::sync::OnceLock;

pub use std::time::Duration;

use super::condvar::nanoseconds;
use crate::execution::with;

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        static START: OnceLock<std::time::Instant> = OnceLock::new();
        let inside = with(|execution| Duration::from_nanos(execution.time));
        Instant(inside.unwrap_or_else(|| START.get_or_init(std::time::Instant::now).elapsed()))
    }

    /// The time from `earlier` to this, zero if that is later.
    #[must_use]
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The same.
    #[must_use]
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// The time since.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(*self)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, time: Duration) -> Instant {
        Instant(self.0.saturating_add(time))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

/// The deadline after `time`, in virtual nanoseconds.
pub(super) fn deadline(now: u64, time: Duration) -> u64 {
    now.saturating_add(nanoseconds(time))
}
