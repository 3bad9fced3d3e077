//! What a node opens: an image, with the locks that keep openers apart.
//!
//! | file | |
//! | --- | --- |
//! | `lock` | the protocol: which bytes say who does what |
//! | `ofd` | byte locks of the Linux kernel, for files |
//! | `memory` | images and byte locks in memory, for models |
//! | `file` | images that are files |
//! | `table` | images as names that one node opens |
//!
//! An image that has been opened is not locked yet: its user says by [`Image::prepare`] and [`Image::commit`] what it
//! does and what it lets others do.
//!
//! # Not here
//! Formats: an image is bytes.

mod error;
mod file;
pub mod lock;
mod memory;
mod ofd;
mod table;

use std::fmt;

pub use error::ImageError;
pub use file::ImageFile;
pub use lock::{ByteLocks, ImageLock, LockError, LockFailure};
pub use memory::{MemoryImage, MemoryImages, MemoryLocks};
pub use ofd::{FileLocks, Locking, kernel_has_ofd_locks};
pub use table::{Conflict, ImageTable, OpenImage};

use crate::permission::{Access, Permissions};

/// What an image is open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reading alone.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// What is held while an image is created or emptied: nobody else may change its length.
const CREATING: Access = Access {
    used: Permissions::WRITE.union(Permissions::RESIZE),
    shared: Permissions::all().difference(Permissions::RESIZE),
};

/// An open image: bytes that can be read and written from any thread, and locks that the main loop's thread changes.
/// Dropping it closes it, and unlocks what it holds. Counterpart: a protocol driver such as `bdrv_file`.
pub trait Image: Send + Sync + fmt::Debug {
    /// Its name, as it was opened by.
    fn name(&self) -> &str;

    /// What it is open for.
    fn mode(&self) -> Mode;

    /// Reads all of `buffer`. Bytes past the end are 0.
    ///
    /// # Errors
    /// If the system cannot read.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError>;

    /// As [`read_at`](Self::read_at), if it needs no waiting. `None`: it would have to wait, or whether it would cannot
    /// be known; `buffer` then holds anything.
    fn read_at_without_waiting(
        &self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Option<Result<(), ImageError>>;

    /// Writes all of `data`. Past the end the image grows; what was skipped is 0.
    ///
    /// # Errors
    /// If it is open for reading only, or the system cannot write.
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), ImageError>;

    /// Returns when what was written is kept.
    ///
    /// # Errors
    /// If the system cannot.
    fn flush(&self) -> Result<(), ImageError>;

    /// Sets the length. What is new is 0.
    ///
    /// # Errors
    /// If it is open for reading only, or the system cannot.
    fn truncate(&self, length: u64) -> Result<(), ImageError>;

    /// The length in bytes.
    ///
    /// # Errors
    /// If the system cannot say.
    fn length(&self) -> Result<u64, ImageError>;

    /// Locks what `access` needs, beside what is held, as [`ImageLock::prepare`] does. On the main loop's thread
    /// alone, as everything about locks. Counterpart: `raw_check_perm`.
    ///
    /// # Errors
    /// If another opener is in the way, or the system cannot lock. Nothing has changed then.
    fn prepare(&self, access: Access) -> Result<(), ImageError>;

    /// Ends a `prepare`: what it prepared is held. Returns the bytes that could not be unlocked; they keep others out
    /// longer than needed, and nothing else. Counterpart: `raw_set_perm`.
    fn commit(&self) -> Vec<LockError>;

    /// Takes a `prepare` back. Returns what [`commit`](Self::commit) does. Counterpart: `raw_abort_perm_update`.
    fn abort(&self) -> Vec<LockError>;

    /// Opens the image a second time, in `mode` and with the locks of `access`, without an unlocked moment between.
    ///
    /// This one is prepared for `access`, and goes on holding that. To keep the new image, drop this one: its locks go
    /// with it, and the new one has all of `access`. To go back, drop the new one and call [`abort`](Self::abort) here.
    /// As long as both are there, neither can be prepared for more: each is in the other's way.
    ///
    /// # Errors
    /// If another opener is in the way, or the image cannot be opened in `mode`. Nothing has changed then.
    fn reopen(&self, mode: Mode, access: Access) -> Result<Box<dyn Image>, ImageError>;
}
