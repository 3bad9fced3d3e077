//! A request on its way down the graph.

use std::fmt;

use crate::graph::{Node, NodeClosed, NodeRef};
use crate::graph_lock::{GraphLock, Hold, OwnedReadGuard};
use crate::image::ImageError;
use crate::sync::Arc;

use super::FormatError;

/// A request at one node, under a hold of the graph's lock.
#[derive(Debug)]
pub struct Io<'a> {
    node: Arc<Node>,
    hold: Hold<'a>,
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
    Format(FormatError),
}

impl<'a> Io<'a> {
    /// A request at `node`.
    #[must_use]
    pub fn new(node: &NodeRef, hold: Hold<'a>) -> Self {
        Io { node: Arc::clone(node.shared()), hold }
    }

    pub(crate) fn of(node: Arc<Node>, hold: Hold<'a>) -> Self {
        Io { node, hold }
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The hold that the request goes under.
    #[must_use]
    pub fn hold(&self) -> Hold<'a> {
        self.hold
    }

    /// The same request for somebody who works for this one, under a hold of his own.
    #[must_use]
    pub fn share(&self) -> SharedIo {
        SharedIo { node: Arc::clone(&self.node), guard: self.hold.share() }
    }

    /// The request at a child.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn child(&self, name: &'static str) -> Result<Io<'a>, IoError> {
        match self.child_if_any(name) {
            Some(io) => Ok(io),
            None => Err(self.error(IoErrorKind::NoChild(name))),
        }
    }

    /// The request at a child that need not be there.
    #[must_use]
    pub fn child_if_any(&self, name: &str) -> Option<Io<'a>> {
        let node = self.node.child(&self.hold, name)?;
        Some(Io { node, hold: self.hold })
    }

    /// An error of this node.
    #[must_use]
    pub fn error(&self, kind: IoErrorKind) -> IoError {
        IoError { node: self.node.name().to_owned(), kind }
    }

    /// Fills `buffer` with what is at `offset`.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), IoError> {
        self.node.driver().read(self, offset, buffer).await
    }

    /// Writes `data` at `offset`.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn write(&self, offset: u64, data: &[u8]) -> Result<(), IoError> {
        self.node.driver().write(self, offset, data).await
    }

    /// Has what was written reach the disk.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn flush(&self) -> Result<(), IoError> {
        self.node.driver().flush(self).await
    }

    /// Changes the length.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn truncate(&self, length: u64) -> Result<(), IoError> {
        self.node.driver().truncate(self, length).await
    }

    /// The length in bytes.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn length(&self) -> Result<u64, IoError> {
        self.node.driver().length(self).await
    }
}

/// A request that was handed to somebody else.
#[derive(Debug)]
pub struct SharedIo {
    node: Arc<Node>,
    guard: OwnedReadGuard,
}

impl SharedIo {
    /// The lock that is held.
    pub(crate) fn lock(&self) -> GraphLock {
        self.guard.graph_lock().clone()
    }

    /// The request at its node.
    #[must_use]
    pub fn io(&self) -> Io<'_> {
        Io { node: Arc::clone(&self.node), hold: Hold::Owned(&self.guard) }
    }
}

impl NodeRef {
    /// Reads: fills `buffer` with what is at `offset`. Waits while the node is quiesced. Any thread, in a coroutine
    /// without a read lock. Counterpart: `blk_co_pread`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), IoError> {
        let _request = self.begin().await?;
        let guard = self.graph().lock().read().await;
        Io::new(self, Hold::Read(&guard)).read(offset, buffer).await
    }

    /// Writes `data` at `offset`. As [`read`](Self::read). Counterpart: `blk_co_pwrite`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn write(&self, offset: u64, data: &[u8]) -> Result<(), IoError> {
        let _request = self.begin().await?;
        let guard = self.graph().lock().read().await;
        Io::new(self, Hold::Read(&guard)).write(offset, data).await
    }

    /// Has what was written reach the disk. As [`read`](Self::read). Counterpart: `blk_co_flush`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn flush(&self) -> Result<(), IoError> {
        let _request = self.begin().await?;
        let guard = self.graph().lock().read().await;
        Io::new(self, Hold::Read(&guard)).flush().await
    }

    /// Changes the length. As [`read`](Self::read). Counterpart: `blk_co_truncate`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn truncate(&self, length: u64) -> Result<(), IoError> {
        let _request = self.begin().await?;
        let guard = self.graph().lock().read().await;
        Io::new(self, Hold::Read(&guard)).truncate(length).await
    }

    /// The length in bytes. As [`read`](Self::read). Counterpart: `blk_co_getlength`.
    ///
    /// # Errors
    /// If the node is closed meanwhile, and what the drivers say.
    pub async fn length(&self) -> Result<u64, IoError> {
        let _request = self.begin().await?;
        let guard = self.graph().lock().read().await;
        Io::new(self, Hold::Read(&guard)).length().await
    }

    async fn begin(&self) -> Result<crate::graph::InFlight, IoError> {
        let closed =
            |closed| IoError { node: self.name().to_owned(), kind: IoErrorKind::Closed(closed) };
        self.begin_request().await.map_err(closed)
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
            IoErrorKind::Format(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for IoError {}
