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
use std::ops::Range;

use super::{Driver, Io, IoError, IoFuture};
use crate::coroutine::{CoroutineMutex, promise};
use crate::event_loop::EventLoop;
use crate::mutation::mutated;
use crate::permission::{Access, Permissions};
use crate::sync::{Arc, Mutex, Named, lock, reached};

/// Copies what is about to be overwritten.
pub struct CopyBeforeWrite {
    copies: Arc<Copies>,
    /// Where copies run.
    event_loop: Arc<EventLoop>,
}

/// What has been copied.
struct Copies {
    cluster: u64,
    copied: Mutex<BTreeSet<u64>>,
    /// One copies at a time: who finds a cluster copied finds all of it copied. Held by the copy and not by the write that
    /// waits for it, which may be given up: what overwrites the cluster next still comes after the copy.
    copying: CoroutineMutex,
}

impl CopyBeforeWrite {
    /// A filter that copies clusters of so many bytes, on `event_loop`.
    ///
    /// # Panics
    /// If a cluster has no bytes.
    #[must_use]
    pub fn new(cluster: u64, event_loop: &Arc<EventLoop>) -> Box<Self> {
        assert!(cluster > 0, "a cluster has at least one byte");
        let copies = Copies {
            cluster,
            copied: Mutex::new(BTreeSet::new()).named(&"copied"),
            copying: CoroutineMutex::new("copying"),
        };
        Box::new(CopyBeforeWrite { copies: Arc::new(copies), event_loop: Arc::clone(event_loop) })
    }

    /// Has those clusters of a range copied that were not copied yet.
    async fn copy_first(&self, io: Io<'_>, offset: u64, length: u64) -> Result<(), IoError> {
        let size = self.copies.cluster;
        let clusters = offset / size..(offset + length).div_ceil(size);
        if self.copies.missing(clusters.clone()).is_empty() {
            return Ok(());
        }
        let (promise, outcome) = promise();
        let (shared, copies) = (io.share(), Arc::clone(&self.copies));
        self.event_loop.spawn("copy", move |_| async move {
            let own = if mutated("copy-takes-its-own-lock") { Some(shared.lock()) } else { None };
            let own = match &own {
                Some(lock) => Some(lock.read().await),
                None => None,
            };
            promise.keep(copies.copy(shared.io(), clusters).await);
            drop(own);
        });
        outcome.await
    }
}

impl Copies {
    fn missing(&self, clusters: Range<u64>) -> Vec<u64> {
        let copied = lock(&self.copied);
        clusters.filter(|cluster| !copied.contains(cluster)).collect()
    }

    async fn copy(&self, io: Io<'_>, clusters: Range<u64>) -> Result<(), IoError> {
        let _alone = self.copying.acquire().await;
        for cluster in self.missing(clusters) {
            reached!("write-copies-first");
            copy(io, cluster * self.cluster, self.cluster).await?;
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
        f.debug_struct("CopyBeforeWrite")
            .field("cluster", &self.copies.cluster)
            .finish_non_exhaustive()
    }
}
