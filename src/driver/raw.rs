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

    fn read<'a>(&'a self, io: &'a Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        Box::pin(async move { io.child("file")?.read(offset, buffer).await })
    }

    fn write<'a>(&'a self, io: &'a Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        Box::pin(async move { io.child("file")?.write(offset, data).await })
    }

    fn flush<'a>(&'a self, io: &'a Io<'a>) -> IoFuture<'a, ()> {
        Box::pin(async move { io.child("file")?.flush().await })
    }

    fn truncate<'a>(&'a self, io: &'a Io<'a>, length: u64) -> IoFuture<'a, ()> {
        Box::pin(async move { io.child("file")?.truncate(length).await })
    }

    fn length<'a>(&'a self, io: &'a Io<'a>) -> IoFuture<'a, u64> {
        Box::pin(async move { io.child("file")?.length().await })
    }
}
