//! An I/O thread whose coroutines are readers on the fast path.

use std::fmt;
use std::ops::Deref;

use super::{GraphLock, ReaderRegistration};
use crate::event_loop::{IoThread, StillRunning};
use crate::sync::Arc;
use crate::sync::time::Duration;

/// An I/O thread with a counter of the lock. Dropping it ends the thread. The counter goes away with the last of
/// the two; what it has left (a guard that went elsewhere) stays counted.
pub struct GraphIoThread {
    thread: IoThread,
    _registration: Arc<ReaderRegistration>,
}

impl GraphLock {
    /// Starts an I/O thread with a counter of this lock.
    #[must_use]
    pub fn io_thread(&self, name: &str) -> GraphIoThread {
        let registration = Arc::new(self.register(name));
        let own = Arc::clone(&registration);
        let thread = IoThread::spawn(name, move || (own.adopt(), own));
        GraphIoThread { thread, _registration: registration }
    }
}

impl GraphIoThread {
    /// Waits until no coroutine lives on the loop, at most for `within`, and ends the thread.
    ///
    /// # Errors
    /// As [`IoThread::stop`].
    pub fn stop(self, within: Duration) -> Result<(), StillRunning> {
        self.thread.stop(within)
    }
}

impl Deref for GraphIoThread {
    type Target = IoThread;
    fn deref(&self) -> &IoThread {
        &self.thread
    }
}

impl fmt::Debug for GraphIoThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GraphIoThread").field(&self.thread).finish()
    }
}
