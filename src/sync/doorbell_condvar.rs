//! What a home thread sleeps on in checked builds: a condition variable, step by step what it was without this
//! file.
//!
//! # Not here
//! Descriptors. A search cannot ask a kernel, so adding one is an error here, and no model adds one.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use super::time::Instant;
use super::{Condvar, Mutex, MutexGuard, Named};
use crate::sync::{Arc, PoisonError, Readiness, Wake};

/// What a home thread sleeps on.
pub(crate) struct Doorbell(Condvar);

/// A descriptor that rings: there is none.
pub(crate) enum Watch {}

/// The descriptors that a sleep has found ready: there are none.
#[derive(Default)]
pub(crate) struct ReadyList;

impl Doorbell {
    /// A doorbell that nobody has rung, with a name for people to read in traces.
    #[track_caller]
    pub(crate) fn new(name: &dyn fmt::Display) -> Self {
        Doorbell(Condvar::new().named(name))
    }

    /// Wakes the thread that sleeps.
    #[track_caller]
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }

    /// Gives the mutex up, sleeps until somebody rings or the deadline comes, and takes the mutex again.
    #[track_caller]
    pub(crate) fn wait<'a, T>(
        &self,
        _mutex: &'a Mutex<T>,
        held: MutexGuard<'a, T>,
        deadline: Option<Instant>,
        _found: &mut ReadyList,
    ) -> (MutexGuard<'a, T>, Wake) {
        let Some(deadline) = deadline else {
            return (self.0.wait(held).unwrap_or_else(PoisonError::into_inner), Wake::Rung);
        };
        let time = deadline.saturating_duration_since(Instant::now());
        let result = self.0.wait_timeout(held, time);
        let (held, result) = result.unwrap_or_else(PoisonError::into_inner);
        (held, if result.timed_out() { Wake::DeadlineCame } else { Wake::Rung })
    }

    /// Looks which descriptors are ready: nothing.
    pub(crate) fn look(&self, _found: &mut ReadyList) {}

    /// Lets a descriptor ring: an error.
    pub(crate) fn watch(
        &self,
        _descriptor: Arc<OwnedFd>,
        _key: usize,
        _interest: Readiness,
    ) -> io::Result<Watch> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a checked build has no descriptors"))
    }
}

impl Watch {
    /// Lets it ring once more.
    pub(crate) fn arm(&self, _interest: Readiness) -> io::Result<()> {
        match *self {}
    }
}

impl ReadyList {
    /// What was found, with the keys.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (usize, Readiness)> {
        std::iter::empty()
    }
}
