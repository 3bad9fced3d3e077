//! The top of a disk: who uses it, for what. Counterpart: `BlockBackend`, which QEMU keeps outside its graph.
//!
//! A device, a job or an export is a node like any other: it says what it does with its child `root` and what it lets
//! others do, requests enter there and wait there while it is drained, and what is put above or in the place of its
//! child reaches it like every other parent.

use super::{Driver, Io, IoErrorKind, IoFuture};
use crate::permission::{Access, Permissions};

/// Uses its child `root` as it was told to.
#[derive(Debug)]
pub struct Device {
    access: Access,
}

impl Device {
    /// A device with this access to its disk.
    #[must_use]
    pub fn new(access: Access) -> Box<Self> {
        Box::new(Device { access })
    }

    /// A guest's disk: reads and writes, and lets others only read.
    #[must_use]
    pub fn read_write() -> Box<Self> {
        let used = Permissions::CONSISTENT_READ | Permissions::WRITE;
        let shared = Permissions::CONSISTENT_READ | Permissions::WRITE_UNCHANGED;
        Self::new(Access { used, shared })
    }

    /// A reader's disk: nobody may change what it reads.
    #[must_use]
    pub fn read_only() -> Box<Self> {
        let shared = Permissions::CONSISTENT_READ | Permissions::WRITE_UNCHANGED;
        Self::new(Access { used: Permissions::CONSISTENT_READ, shared })
    }

    fn denies(&self, permission: Permissions) -> bool {
        !self.access.used.contains(permission)
    }
}

impl Driver for Device {
    fn format(&self) -> &'static str {
        "device"
    }

    fn child_access(&self, _name: &str, _cumulative: Access) -> Access {
        self.access
    }

    fn read<'a>(&'a self, io: Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        io.with_child("root", |root| root.read(offset, buffer))
    }

    fn write<'a>(&'a self, io: Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        if self.denies(Permissions::WRITE) {
            return IoFuture::ready(Err(io.error(IoErrorKind::ReadOnly)));
        }
        io.with_child("root", |root| root.write(offset, data))
    }

    fn flush<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, ()> {
        io.child_if_any("root").map_or_else(|| IoFuture::ready(Ok(())), Io::flush)
    }

    fn truncate<'a>(&'a self, io: Io<'a>, length: u64) -> IoFuture<'a, ()> {
        if self.denies(Permissions::RESIZE) {
            return IoFuture::ready(Err(io.error(IoErrorKind::ReadOnly)));
        }
        io.with_child("root", |root| root.truncate(length))
    }

    fn length<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, u64> {
        io.with_child("root", Io::length)
    }
}
