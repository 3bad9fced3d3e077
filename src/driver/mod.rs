//! What nodes do with requests: drivers, and the way of a request through the graph.
//!
//! A request enters at one node, takes the read lock once, and goes down: a driver hands it on to the node's children
//! under the same hold. A driver that lets somebody else work for it (`copy_before_write`) shares its hold with him,
//! and does not let him wait for one of his own: a writer between the two would stop all three.
//!
//! | driver | children | does |
//! | --- | --- | --- |
//! | [`Null`] | any | nothing: reads are zero |
//! | [`Storage`] | none | hands on to an image: a file or memory |
//! | [`Device`] | `root` | what a guest, a job or an export does with the disk |
//! | [`Raw`] | `file` | hands on as it is |
//! | [`CopyBeforeWrite`] | `file`, `target` | keeps what is overwritten |
//! | [`Overlay`] | `file`, `backing` | keeps what was written since, the rest is in the backing node |

mod copy_before_write;
mod device;
mod future;
mod io;
mod null;
mod overlay;
mod raw;
mod storage;

use std::fmt;

pub use copy_before_write::CopyBeforeWrite;
pub use device::Device;
pub use future::IoFuture;
pub use io::{Io, IoError, IoErrorKind, SharedIo};
pub use null::Null;
pub use overlay::{FormatError, Header, Overlay};
pub use raw::Raw;
pub use storage::Storage;

use crate::graph_lock::{MainReadGuard, WriteGuard};
use crate::image::{ImageError, Mode};
use crate::permission::{Access, Permissions};

/// Why a driver does not take a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriverError {
    /// The image is in the way: locked by somebody else, or gone.
    Image(ImageError),
    /// It has no image to be opened in another mode.
    NoImage,
    /// Its image is open to be read only, and its users do more.
    ReadOnly {
        /// The image.
        path: String,
        /// What they do.
        permissions: Permissions,
    },
}

/// What a node does. Counterpart: `BlockDriver`.
pub trait Driver: Send + Sync + fmt::Debug {
    /// The name of the driver.
    fn format(&self) -> &'static str;

    /// What it does with the child `name`, if the node's users do and share `cumulative` together. Counterpart:
    /// `bdrv_child_perm`.
    fn child_access(&self, name: &str, cumulative: Access) -> Access;

    /// Gets ready for users that do and share `cumulative`. One `commit` or `abort` follows. In a write section.
    ///
    /// # Errors
    /// If it cannot; then nothing has changed.
    fn prepare(
        &self,
        _section: &mut WriteGuard<'_>,
        _cumulative: Access,
    ) -> Result<(), DriverError> {
        Ok(())
    }

    /// Keeps what was prepared.
    fn commit(&self, _section: &mut WriteGuard<'_>) {}

    /// Forgets what was prepared.
    fn abort(&self, _section: &mut WriteGuard<'_>) {}

    /// Gets ready to go on in another mode. One `reopen_commit` or `reopen_abort` follows. Main loop, drained.
    ///
    /// # Errors
    /// If it cannot; then nothing has changed.
    fn reopen_prepare(&self, _guard: &MainReadGuard<'_>, _mode: Mode) -> Result<(), DriverError> {
        Err(DriverError::NoImage)
    }

    /// Goes on in the other mode. In a write section.
    fn reopen_commit(&self, _section: &mut WriteGuard<'_>) {}

    /// Stays as it is.
    fn reopen_abort(&self, _guard: &MainReadGuard<'_>) {}

    /// Fills `buffer` with what is at `offset`. What lies past the end is zero where the length can change while the node
    /// has users: an overlay above does not ask for it each time. A driver with a fixed length may refuse it.
    fn read<'a>(&'a self, io: Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()>;

    /// Writes `data` at `offset`.
    fn write<'a>(&'a self, io: Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()>;

    /// Has what was written reach the disk.
    fn flush<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, ()>;

    /// Changes the length.
    fn truncate<'a>(&'a self, io: Io<'a>, length: u64) -> IoFuture<'a, ()>;

    /// The length in bytes.
    fn length<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, u64>;

    /// No request comes from now on. Must not wait: it does not get the token. Counterpart: `bdrv_drain_begin`.
    fn drain_begin(&self) {}

    /// Requests come again. Counterpart: `bdrv_drain_end`.
    fn drain_end(&self) {}

    /// What its image is open for, if it has one.
    fn mode(&self, _guard: &MainReadGuard<'_>) -> Option<Mode> {
        None
    }

    /// The name of its image, if it has one.
    fn image_name(&self) -> Option<String> {
        None
    }

    /// The overlay that it is, for whoever commits it.
    fn as_overlay(&self) -> Option<&Overlay> {
        None
    }

    /// Lets go of what it holds outside sections. Nothing comes after it. Main loop, no request in flight.
    fn close(&self) {}

    /// Whether it holds something that only a section can take away.
    fn closes_in_section(&self) -> bool {
        false
    }

    /// Takes that away. It is let go when the section has ended.
    fn close_in_section(&self, _section: &mut WriteGuard<'_>) -> Option<Box<dyn Send>> {
        None
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DriverError::Image(error) => error.fmt(f),
            DriverError::ReadOnly { path, permissions } => write!(
                f,
                "users need `{permissions}` of its image '{path}', which is open read-only or would be: open it \
                 read-write, or take them away first"
            ),
            DriverError::NoImage => f.write_str("it has no image of its own to reopen"),
        }
    }
}

impl std::error::Error for DriverError {}

impl From<ImageError> for DriverError {
    fn from(error: ImageError) -> Self {
        DriverError::Image(error)
    }
}
