//! A minimal format: what was written since a snapshot, cluster by cluster, over a backing node.
//!
//! # A write to a cluster that is not there
//! 1. The whole cluster is composed: what the backing node holds, and the new data over it.
//! 2. It is written at the end of the file.
//! 3. The map's entry is written.
//!
//! Whoever stops in between leaves a cluster that nobody points to, never an entry that points past the file: a
//! killed process leaves a disk as it was before the write. (After a power failure the order holds only across a
//! flush; an entry that points past the file is then named when the overlay is opened.)
//!
//! # Cases
//! * `overlay-allocates`: a cluster is written for the first time.
//! * `overlay-reads-backing`: a cluster that is not there is read.
//!
//! # The length of the backing node
//! It is remembered, for asking is a system call. It may become wrong: the backing node grows; it is truncated; it, or
//! something below it, is replaced. A read that ends beyond it asks again, so growing is seen. Reading past the end of
//! what was truncated gives zeros, which is right here. What is replaced may have another fixed length, and changes an
//! edge: a length is known only until the next edge of the graph changes.
//!
//! # Invariants
//! * One allocates at a time; who reads meanwhile sees the cluster before or after, never a part of it.
//!
//! # Not here
//! Snapshots inside a file, compression, discarding: what is allocated stays so.

mod header;

use std::fmt;

pub use header::{FormatError, Header};

use super::{Driver, Io, IoError, IoErrorKind, IoFuture};
use crate::coroutine::CoroutineMutex;
use crate::graph::NodeRef;
use crate::mutation::mutated;
use crate::permission::{Access, Permissions};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, Named, lock, reached};

struct Map {
    /// Where in the file each cluster is, 0 for not.
    entries: Vec<u64>,
    /// Where the next cluster goes.
    end: u64,
    known: Known,
}

/// What the backing node's length was.
#[derive(Clone, Copy, Default)]
struct Known {
    /// When: [`Hold::edges_changed`](crate::graph_lock::Hold::edges_changed).
    edges_changed: u32,
    length: u64,
}

impl Known {
    /// Whether the backing node is known to reach up to `end`.
    fn covers(self, io: Io<'_>, end: u64) -> bool {
        end <= self.length && self.edges_changed == io.hold().edges_changed()
    }
}

/// What was written since, over a backing node.
pub struct Overlay {
    header: Header,
    map: Mutex<Map>,
    allocating: CoroutineMutex,
    /// A commit may write to the backing node.
    committing: AtomicBool,
}

/// A part of a request that lies in one cluster.
struct Piece {
    cluster: u64,
    /// Where in the cluster it begins.
    within: u64,
    /// Where in the request it is.
    buffer: std::ops::Range<usize>,
}

fn small(number: u64) -> usize {
    usize::try_from(number).expect("a cluster, and a request, fit memory")
}

fn format_error(file: &NodeRef, error: FormatError) -> IoError {
    let path = file.driver().image_name();
    IoError { node: file.name().to_owned(), kind: IoErrorKind::Format { path, error } }
}

/// Looks for a place in the file that the map gives to two clusters: a write to one would change the other.
fn check_places(entries: &[u64]) -> Result<(), FormatError> {
    // Sorted, and not marked in a set of all places: a file with holes has more of them than fit memory.
    let mut places: Vec<(u64, u64)> =
        entries.iter().copied().zip(0..).filter(|(offset, _)| *offset != 0).collect();
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => {
            Err(FormatError::Shared { offset: pair[0].0, clusters: [pair[0].1, pair[1].1] })
        }
        None => Ok(()),
    }
}

/// An entry on its way to the file. Where the write is given up meanwhile, the entry gets there all the same: it is that
/// of the cluster from then on.
struct Entering<'a> {
    overlay: &'a Overlay,
    cluster: u64,
    offset: u64,
    /// It has not failed.
    maps: bool,
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        let mut map = lock(&self.overlay.map);
        if self.maps {
            map.entries[small(self.cluster)] = self.offset;
        }
    }
}

impl Overlay {
    /// Writes an empty overlay into the node `file`, over what it held. The node's user may write.
    ///
    /// # Errors
    /// If the head cannot be, or the file cannot be written.
    pub async fn create(file: &NodeRef, header: &Header) -> Result<(), IoError> {
        let format = |error| format_error(file, error);
        header.check().map_err(format)?;
        file.truncate(0).await?;
        // The map is a hole: zeros. The head comes last, so that what is cut in between is no overlay.
        file.truncate(header.data_at()).await?;
        file.write(0, &header.encode()).await
    }

    /// Reads an overlay from the node `file`: the driver of a node that has it as its child `file`.
    ///
    /// # Errors
    /// If it is none, or is torn, cut or broken.
    pub async fn open(file: &NodeRef) -> Result<Box<Self>, IoError> {
        let format = |error| format_error(file, error);
        let mut bytes = [0; Header::BYTES];
        file.read(0, &mut bytes).await?;
        let header = Header::decode(&bytes).map_err(format)?;
        let file_length = file.length().await?;
        if file_length < header.data_at() {
            let error = FormatError::Truncated { expected: header.data_at(), found: file_length };
            return Err(format(error));
        }
        let mut bytes = vec![0; small(8 * header.clusters())];
        file.read(header.map_at(), &mut bytes).await?;
        let mut entries = Vec::with_capacity(small(header.clusters()));
        for (bytes, cluster) in bytes.chunks_exact(8).zip(0..) {
            let offset = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            let fits = offset >= header.data_at()
                && offset % header.cluster() == 0
                && offset.checked_add(header.cluster()).is_some_and(|end| end <= file_length);
            if offset != 0 && !fits {
                return Err(format(FormatError::Entry { cluster, offset, file_length }));
            }
            entries.push(offset);
        }
        check_places(&entries).map_err(format)?;
        let end = file_length.next_multiple_of(header.cluster());
        Ok(Box::new(Overlay {
            header,
            map: Mutex::new(Map { entries, end, known: Known::default() }).named(&"map"),
            allocating: CoroutineMutex::new("allocating"),
            committing: AtomicBool::new(false).named(&"committing"),
        }))
    }

    /// Its head.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many clusters are there.
    #[must_use]
    pub fn allocated(&self) -> usize {
        lock(&self.map).entries.iter().filter(|entry| **entry != 0).count()
    }

    fn entry(&self, cluster: u64) -> u64 {
        lock(&self.map).entries[small(cluster)]
    }

    fn pieces(&self, offset: u64, length: usize) -> impl Iterator<Item = Piece> + use<> {
        let size = self.header.cluster();
        let mut begin = 0;
        std::iter::from_fn(move || {
            if begin == length {
                return None;
            }
            let at = offset + begin as u64;
            let within = at % size;
            let end = length.min(begin + small(size - within));
            let buffer = begin..end;
            begin = end;
            Some(Piece { cluster: at / size, within, buffer })
        })
    }

    fn check_range(&self, io: Io<'_>, offset: u64, length: usize) -> Result<(), IoError> {
        let end = offset.saturating_add(length as u64);
        let length = self.header.length;
        if end <= length { Ok(()) } else { Err(io.error(IoErrorKind::OutOfRange { end, length })) }
    }

    /// The node and the offset there that answer a read by themselves: it lies in one cluster, which is here or which the
    /// backing node is known to have.
    fn read_directly<'a>(&self, io: Io<'a>, offset: u64, length: usize) -> Option<(Io<'a>, u64)> {
        let size = self.header.cluster();
        let (cluster, within) = (offset / size, offset % size);
        let end = offset.checked_add(length as u64)?;
        if length == 0 || within + length as u64 > size || end > self.header.length {
            return None;
        }
        let (entry, known) = {
            let map = lock(&self.map);
            (map.entries[small(cluster)], map.known)
        };
        if entry != 0 {
            return Some((io.child_if_any("file")?, entry + within));
        }
        if !known.covers(io, end) {
            return None;
        }
        let backing = io.child_if_any("backing")?;
        reached!("overlay-reads-backing");
        Some((backing, offset))
    }

    /// Reads from the backing node; what is past its end is zero.
    async fn read_backing(
        &self,
        io: Io<'_>,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), IoError> {
        reached!("overlay-reads-backing");
        let Some(backing) = io.child_if_any("backing") else {
            buffer.fill(0);
            return Ok(());
        };
        let length = self.backing_length(io, backing, offset + buffer.len() as u64).await?;
        let there = length.saturating_sub(offset).min(buffer.len() as u64);
        let (read, past) = buffer.split_at_mut(small(there));
        past.fill(0);
        if read.is_empty() { Ok(()) } else { backing.read(offset, read).await }
    }

    /// The length of the backing node, as a read needs it that ends there.
    async fn backing_length(&self, io: Io<'_>, backing: Io<'_>, end: u64) -> Result<u64, IoError> {
        let known = lock(&self.map).known;
        if known.covers(io, end) {
            return Ok(known.length);
        }
        let edges_changed = io.hold().edges_changed();
        let length = backing.length().await?;
        lock(&self.map).known = Known { edges_changed, length };
        Ok(length)
    }

    async fn allocate(&self, io: Io<'_>, piece: &Piece, data: &[u8]) -> Result<(), IoError> {
        let together = mutated("overlay-allocates-together");
        let _alone = if together { None } else { Some(self.allocating.acquire().await) };
        let file = io.child("file")?;
        let found = self.entry(piece.cluster);
        if found != 0 && !together {
            return file.write(found + piece.within, &data[piece.buffer.clone()]).await;
        }
        reached!("overlay-allocates");
        let size = self.header.cluster();
        let mut cluster = vec![0; small(size)];
        if piece.buffer.len() < cluster.len() {
            self.read_backing(io, piece.cluster * size, &mut cluster).await?;
        }
        let within = small(piece.within);
        cluster[within..within + piece.buffer.len()].copy_from_slice(&data[piece.buffer.clone()]);
        let offset = self.take_place();
        let entry_at = self.header.map_at() + 8 * piece.cluster;
        if mutated("overlay-maps-before-data") {
            file.write(entry_at, &offset.to_le_bytes()).await?;
        }
        file.write(offset, &cluster).await?;
        let mut entering = Entering { overlay: self, cluster: piece.cluster, offset, maps: true };
        let entered = file.write(entry_at, &offset.to_le_bytes()).await;
        entering.maps = entered.is_ok();
        entered
    }

    /// Takes the next place of the file. Also for good if the write fails or is given up: somebody may still be writing
    /// there.
    fn take_place(&self) -> u64 {
        let mut map = lock(&self.map);
        let offset = map.end;
        map.end = offset + self.header.cluster();
        offset
    }

    /// Whether a commit may write to the backing node, from the next change of the graph on.
    pub(crate) fn set_committing(&self, committing: bool) {
        self.committing.store(committing, Ordering::Relaxed);
    }

    /// Copies all that is here to the backing node. Nobody writes meanwhile.
    pub(crate) async fn copy_to_backing(&self, io: Io<'_>) -> Result<u64, IoError> {
        let (file, backing) = (io.child("file")?, io.child("backing")?);
        let size = self.header.cluster();
        let mut copied = 0;
        for cluster in 0..self.header.clusters() {
            let entry = self.entry(cluster);
            if entry == 0 {
                continue;
            }
            let at = cluster * size;
            let mut data = vec![0; small(size.min(self.header.length - at))];
            file.read(entry, &mut data).await?;
            backing.write(at, &data).await?;
            copied += 1;
        }
        backing.flush().await?;
        Ok(copied)
    }
}

impl Driver for Overlay {
    fn format(&self) -> &'static str {
        "overlay"
    }

    fn as_overlay(&self) -> Option<&Overlay> {
        Some(self)
    }

    fn child_access(&self, name: &str, cumulative: Access) -> Access {
        let writes = cumulative.used.contains(Permissions::WRITE);
        let read_only = Permissions::CONSISTENT_READ | Permissions::WRITE_UNCHANGED;
        if name == "file" {
            let used = if writes {
                Permissions::CONSISTENT_READ | Permissions::WRITE | Permissions::RESIZE
            } else {
                Permissions::CONSISTENT_READ
            };
            return Access { used, shared: read_only };
        }
        let used = if self.committing.load(Ordering::Relaxed) {
            Permissions::CONSISTENT_READ | Permissions::WRITE
        } else {
            Permissions::CONSISTENT_READ
        };
        Access { used, shared: read_only }
    }

    fn read<'a>(&'a self, io: Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        if let Some((node, at)) = self.read_directly(io, offset, buffer.len()) {
            return node.read(at, buffer);
        }
        IoFuture::new(async move {
            self.check_range(io, offset, buffer.len())?;
            let file = io.child("file")?;
            for piece in self.pieces(offset, buffer.len()) {
                let entry = self.entry(piece.cluster);
                let at = piece.cluster * self.header.cluster() + piece.within;
                let buffer = &mut buffer[piece.buffer];
                if entry == 0 {
                    self.read_backing(io, at, buffer).await?;
                } else {
                    file.read(entry + piece.within, buffer).await?;
                }
            }
            Ok(())
        })
    }

    fn write<'a>(&'a self, io: Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        IoFuture::new(async move {
            self.check_range(io, offset, data.len())?;
            let file = io.child("file")?;
            for piece in self.pieces(offset, data.len()) {
                match self.entry(piece.cluster) {
                    0 => self.allocate(io, &piece, data).await?,
                    entry => file.write(entry + piece.within, &data[piece.buffer]).await?,
                }
            }
            Ok(())
        })
    }

    fn flush<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, ()> {
        IoFuture::new(async move { io.child("file")?.flush().await })
    }

    fn truncate<'a>(&'a self, io: Io<'a>, _length: u64) -> IoFuture<'a, ()> {
        let error = io.error(IoErrorKind::Format { path: None, error: FormatError::FixedLength });
        IoFuture::ready(Err(error))
    }

    fn length<'a>(&'a self, _io: Io<'a>) -> IoFuture<'a, u64> {
        IoFuture::ready(Ok(self.header.length))
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("header", &self.header).finish_non_exhaustive()
    }
}
