//! A node without data: reads are zero, writes go nowhere.
//!
//! It may keep an entry of an image table, as the smallest thing that a close must let go of.

use std::fmt;

use super::{Driver, Io, IoFuture};
use crate::image::OpenImage;
use crate::permission::Access;
use crate::sync::{Mutex, Named, lock};

/// A node without data. Counterpart: the `null-co` driver.
pub struct Null {
    image: Mutex<Option<OpenImage>>,
}

impl Null {
    /// Without data; `image` is let go when the node is closed.
    #[must_use]
    pub fn new(image: Option<OpenImage>) -> Box<Self> {
        Box::new(Null { image: Mutex::new(image).named(&"image") })
    }
}

impl Driver for Null {
    fn format(&self) -> &'static str {
        "null"
    }

    fn child_access(&self, _name: &str, _cumulative: Access) -> Access {
        Access::NONE
    }

    fn read<'a>(&'a self, _: Io<'a>, _: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        buffer.fill(0);
        IoFuture::ready(Ok(()))
    }

    fn write<'a>(&'a self, _: Io<'a>, _: u64, _: &'a [u8]) -> IoFuture<'a, ()> {
        IoFuture::ready(Ok(()))
    }

    fn flush<'a>(&'a self, _: Io<'a>) -> IoFuture<'a, ()> {
        IoFuture::ready(Ok(()))
    }

    fn truncate<'a>(&'a self, _: Io<'a>, _: u64) -> IoFuture<'a, ()> {
        IoFuture::ready(Ok(()))
    }

    fn length<'a>(&'a self, _: Io<'a>) -> IoFuture<'a, u64> {
        IoFuture::ready(Ok(0))
    }

    fn close(&self) {
        let image = lock(&self.image).take();
        drop(image);
    }
}

impl fmt::Debug for Null {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Null")
    }
}
