//! A filter that hands everything on as it is. Counterpart: the `raw` driver.

use super::{Driver, Io, IoFuture};
use crate::permission::Access;

/// Hands everything on to the child `file`.
#[derive(Debug)]
pub struct Raw;

impl Raw {
    /// A filter.
    #[must_use]
    pub fn new() -> Box<Self> {
        Box::new(Raw)
    }
}

impl Driver for Raw {
    fn format(&self) -> &'static str {
        "raw"
    }

    fn child_access(&self, _name: &str, cumulative: Access) -> Access {
        cumulative
    }

    fn read<'a>(&'a self, io: Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        io.with_child("file", |file| file.read(offset, buffer))
    }

    fn write<'a>(&'a self, io: Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        io.with_child("file", |file| file.write(offset, data))
    }

    fn flush<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, ()> {
        io.with_child("file", Io::flush)
    }

    fn truncate<'a>(&'a self, io: Io<'a>, length: u64) -> IoFuture<'a, ()> {
        io.with_child("file", |file| file.truncate(length))
    }

    fn length<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, u64> {
        io.with_child("file", Io::length)
    }
}
