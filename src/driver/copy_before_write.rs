//! A filter that keeps what is overwritten: before a cluster is written for the first time, what it held is copied to
//! `target`. Counterpart: the `copy-before-write` driver.
//!
//! The copy is made by a coroutine of its own, and the write waits for it. If that coroutine took a read lock of its
//! own, a writer that came in between would stop it, and it would stop the write, which stops the writer (hazard X5).
//! So it works under a share of the write's hold.
//!
//! # Cases
//! * `write-copies-first`: a cluster is written for the first time.

use std::collections::BTreeSet;
use std::fmt;

use super::{Driver, Io, IoError, IoFuture};
use crate::coroutine::{CoroutineMutex, promise};
use crate::event_loop::EventLoop;
use crate::mutation::mutated;
use crate::permission::{Access, Permissions};
use crate::sync::{Arc, Mutex, Named, lock, reached};

/// Copies what is about to be overwritten.
pub struct CopyBeforeWrite {
    cluster: u64,
    copied: Mutex<BTreeSet<u64>>,
    /// One copies at a time: who finds a cluster copied finds all of it copied.
    copying: CoroutineMutex,
    /// Where copies run.
    event_loop: Arc<EventLoop>,
}

impl CopyBeforeWrite {
    /// A filter that copies clusters of so many bytes, on `event_loop`.
    ///
    /// # Panics
    /// If a cluster has no bytes.
    #[must_use]
    pub fn new(cluster: u64, event_loop: &Arc<EventLoop>) -> Box<Self> {
        assert!(cluster > 0, "a cluster has at least one byte");
        Box::new(CopyBeforeWrite {
            cluster,
            copied: Mutex::new(BTreeSet::new()).named(&"copied"),
            copying: CoroutineMutex::new("copying"),
            event_loop: Arc::clone(event_loop),
        })
    }

    /// Copies those clusters of a range that were not copied yet.
    async fn copy_first(&self, io: Io<'_>, offset: u64, length: u64) -> Result<(), IoError> {
        let clusters = offset / self.cluster..(offset + length).div_ceil(self.cluster);
        let missing = |copied: &BTreeSet<u64>| {
            clusters.clone().filter(|cluster| !copied.contains(cluster)).collect::<Vec<_>>()
        };
        if missing(&lock(&self.copied)).is_empty() {
            return Ok(());
        }
        let _alone = self.copying.acquire().await;
        let clusters = missing(&lock(&self.copied));
        for cluster in clusters {
            reached!("write-copies-first");
            let (promise, outcome) = promise();
            let (size, at) = (self.cluster, cluster * self.cluster);
            let shared = io.share();
            self.event_loop.spawn("copy", move |_| async move {
                let own =
                    if mutated("copy-takes-its-own-lock") { Some(shared.lock()) } else { None };
                let own = match &own {
                    Some(lock) => Some(lock.read().await),
                    None => None,
                };
                promise.keep(copy(shared.io(), at, size).await);
                drop(own);
            });
            outcome.await?;
            lock(&self.copied).insert(cluster);
        }
        Ok(())
    }
}

async fn copy(io: Io<'_>, at: u64, size: u64) -> Result<(), IoError> {
    let mut data = vec![0; usize::try_from(size).expect("a cluster fits memory")];
    io.child("file")?.read(at, &mut data).await?;
    io.child("target")?.write(at, &data).await
}

impl Driver for CopyBeforeWrite {
    fn format(&self) -> &'static str {
        "copy-before-write"
    }

    fn child_access(&self, name: &str, cumulative: Access) -> Access {
        if name == "target" {
            let shared = Permissions::CONSISTENT_READ | Permissions::WRITE_UNCHANGED;
            return Access { used: Permissions::WRITE, shared };
        }
        let reads = Access { used: Permissions::CONSISTENT_READ, shared: Permissions::all() };
        cumulative.and(reads)
    }

    fn read<'a>(&'a self, io: Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        io.with_child("file", |file| file.read(offset, buffer))
    }

    fn write<'a>(&'a self, io: Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        IoFuture::new(async move {
            self.copy_first(io, offset, data.len() as u64).await?;
            io.child("file")?.write(offset, data).await
        })
    }

    fn flush<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, ()> {
        IoFuture::new(async move {
            io.child("target")?.flush().await?;
            io.child("file")?.flush().await
        })
    }

    fn truncate<'a>(&'a self, io: Io<'a>, length: u64) -> IoFuture<'a, ()> {
        io.with_child("file", |file| file.truncate(length))
    }

    fn length<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, u64> {
        io.with_child("file", Io::length)
    }
}

impl fmt::Debug for CopyBeforeWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyBeforeWrite").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
