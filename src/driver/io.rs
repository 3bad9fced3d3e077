//! A request on its way down the graph.

use std::fmt;

use crate::graph::{Counted, InFlight, Node, NodeClosed, NodeRef, StillInFlight};
use crate::graph_lock::{GraphLock, Hold, OwnedReadGuard, ReadGuard};
use crate::image::ImageError;
use crate::sync::Arc;

use super::{FormatError, IoFuture};

/// A request at one node, under a hold of the graph's lock.
#[derive(Clone, Copy, Debug)]
pub struct Io<'a> {
    node: &'a Arc<Node>,
    hold: Hold<'a>,
    /// Where the request is counted, if drains wait for it.
    counted: Option<Counted<'a>>,
}

/// A request that failed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoError {
    /// The node.
    pub node: String,
    /// What is wrong.
    pub kind: IoErrorKind,
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoErrorKind {
    /// The node was closed while the request waited.
    Closed(NodeClosed),
    /// The node needs a child that it does not have.
    NoChild(&'static str),
    /// The node's user may only read.
    ReadOnly,
    /// The request goes past the end.
    OutOfRange {
        /// Where it ends.
        end: u64,
        /// Where the node ends.
        length: u64,
    },
    /// The image.
    Image(ImageError),
    /// What is in the image.
    Format {
        /// The image, if the node has one of its own.
        path: Option<String>,
        /// What is wrong with it.
        error: FormatError,
    },
}

impl<'a> Io<'a> {
    /// A request at `node`.
    #[must_use]
    pub fn new(node: &'a NodeRef, hold: Hold<'a>) -> Self {
        Io { node: node.shared(), hold, counted: None }
    }

    pub(crate) fn of(node: &'a Arc<Node>, hold: Hold<'a>) -> Self {
        Io { node, hold, counted: None }
    }

    /// The same as part of a request that is in flight.
    pub(crate) fn counted(self, counted: Counted<'a>) -> Self {
        Io { counted: Some(counted), ..self }
    }

    /// Keeps the request in flight as long as this lives, whatever becomes of its future: for whoever works for it
    /// elsewhere. A drain waits for him, too.
    pub(crate) fn stay_in_flight(self) -> Option<StillInFlight> {
        self.counted.map(|counted| counted.stay(self.hold.main_loop()))
    }

    /// The node.
    #[must_use]
    pub fn node(self) -> &'a Node {
        self.node
    }

    /// The hold that the request goes under.
    #[must_use]
    pub fn hold(self) -> Hold<'a> {
        self.hold
    }

    /// The same request for somebody who works for this one, under a hold of his own.
    #[must_use]
    pub fn share(self) -> SharedIo {
        SharedIo {
            node: Arc::clone(self.node),
            guard: self.hold.share(),
            in_flight: self.stay_in_flight(),
        }
    }

    /// The request at a child.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn child(self, name: &'static str) -> Result<Io<'a>, IoError> {
        self.child_if_any(name).ok_or_else(|| self.error(IoErrorKind::NoChild(name)))
    }

    /// The request at a child that need not be there.
    #[must_use]
    pub fn child_if_any(self, name: &str) -> Option<Io<'a>> {
        let node = self.node.child_under(self.hold, name)?;
        Some(Io { node, ..self })
    }

    /// What `go_on` makes of the request at a child.
    pub fn with_child<T: Send + 'a>(
        self,
        name: &'static str,
        go_on: impl FnOnce(Io<'a>) -> IoFuture<'a, T>,
    ) -> IoFuture<'a, T> {
        match self.child(name) {
            Ok(child) => go_on(child),
            Err(error) => IoFuture::ready(Err(error)),
        }
    }

    /// An error of this node.
    #[must_use]
    pub fn error(self, kind: IoErrorKind) -> IoError {
        IoError { node: self.node.name().to_owned(), kind }
    }

    /// Fills `buffer` with what is at `offset`. Fails as the driver says, as the other requests do.
    pub fn read(self, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        self.node.driver.read(self, offset, buffer)
    }

    /// Writes `data` at `offset`.
    pub fn write(self, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        self.node.driver.write(self, offset, data)
    }

    /// Has what was written reach the disk.
    pub fn flush(self) -> IoFuture<'a, ()> {
        self.node.driver.flush(self)
    }

    /// Changes the length.
    pub fn truncate(self, length: u64) -> IoFuture<'a, ()> {
        self.node.driver.truncate(self, length)
    }

    /// The length in bytes.
    pub fn length(self) -> IoFuture<'a, u64> {
        self.node.driver.length(self)
    }
}

/// A request that was handed to somebody else.
#[derive(Debug)]
pub struct SharedIo {
    node: Arc<Node>,
    guard: OwnedReadGuard,
    /// Dropped last: it ends, and kicks.
    in_flight: Option<StillInFlight>,
}

impl SharedIo {
    /// The lock that is held.
    pub(crate) fn lock(&self) -> GraphLock {
        self.guard.graph_lock().clone()
    }

    /// The request at its node.
    #[must_use]
    pub fn io(&self) -> Io<'_> {
        let io = Io { node: &self.node, hold: Hold::Owned(&self.guard), counted: None };
        match &self.in_flight {
            Some(in_flight) => io.counted(in_flight.counted()),
            None => io,
        }
    }
}

impl NodeRef {
    /// Reads: fills `buffer` with what is at `offset`. Waits while the node is quiesced. Any thread, in a coroutine
    /// without a read lock. Counterpart: `blk_co_pread`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), IoError> {
        let entered = self.begin().await?;
        entered.io().read(offset, buffer).await
    }

    /// Writes `data` at `offset`. As [`read`](Self::read). Counterpart: `blk_co_pwrite`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn write(&self, offset: u64, data: &[u8]) -> Result<(), IoError> {
        let entered = self.begin().await?;
        entered.io().write(offset, data).await
    }

    /// Has what was written reach the disk. As [`read`](Self::read). Counterpart: `blk_co_flush`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn flush(&self) -> Result<(), IoError> {
        let entered = self.begin().await?;
        entered.io().flush().await
    }

    /// Changes the length. As [`read`](Self::read). Counterpart: `blk_co_truncate`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn truncate(&self, length: u64) -> Result<(), IoError> {
        let entered = self.begin().await?;
        entered.io().truncate(length).await
    }

    /// The length in bytes. As [`read`](Self::read). Counterpart: `blk_co_getlength`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn length(&self) -> Result<u64, IoError> {
        let entered = self.begin().await?;
        entered.io().length().await
    }

    /// Begins a request and takes the read lock.
    async fn begin(&self) -> Result<Entered<'_>, IoError> {
        let closed =
            |closed| IoError { node: self.name().to_owned(), kind: IoErrorKind::Closed(closed) };
        let request = self.enter().await.map_err(closed)?;
        let guard = Some(self.graph().lock().read().await);
        Ok(Entered { guard, node: self, request })
    }
}

/// A request in flight, with its hold of the lock. One kick, at its end, is for both.
struct Entered<'a> {
    /// Taken out at the end.
    guard: Option<ReadGuard<'a>>,
    node: &'a NodeRef,
    /// Dropped after `drop`: it ends, and kicks.
    request: InFlight<&'a NodeRef>,
}

impl Entered<'_> {
    fn io(&self) -> Io<'_> {
        let guard = self.guard.as_ref().expect("it is taken out at the end alone");
        Io::new(self.node, Hold::Read(guard)).counted(self.request.counted())
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.leave_before_kick();
        }
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node `{}`: {}", self.node, self.kind)
    }
}

impl fmt::Display for IoErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IoErrorKind::Closed(closed) => closed.fmt(f),
            IoErrorKind::NoChild(name) => write!(f, "it has no child `{name}`: attach one first"),
            IoErrorKind::ReadOnly => f.write_str("its user may only read it"),
            IoErrorKind::OutOfRange { end, length } => {
                write!(f, "the request ends at byte {end}, and the node at byte {length}")
            }
            IoErrorKind::Image(error) => error.fmt(f),
            IoErrorKind::Format { path: Some(path), error } => write!(f, "image '{path}': {error}"),
            IoErrorKind::Format { path: None, error } => error.fmt(f),
        }
    }
}

impl std::error::Error for IoError {}
