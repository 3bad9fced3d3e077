//! Images in memory, with byte locks between their openers: what models use in place of files.
//!
//! An opener in another process is just another opener, so one table stands for a whole machine. Each operation on the
//! locks of an image is one step, under that image's mutex, as each is one call of the kernel for a file.
//!
//! # Not here
//! Waiting: every read can be done at once. Removing images: a table lives as long as a model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use super::lock::{ByteLocks, ImageLock, LockError};
use super::{CREATING, Image, ImageError, Mode};
use crate::permission::Access;
use crate::sync::{Arc, Mutex, Named, lock, says, shows};

/// An image cannot grow beyond this many bytes: it is for models.
const LENGTH_MAX: u64 = 1 << 28;

/// The images of one machine, by name.
pub struct MemoryImages {
    images: Mutex<BTreeMap<String, Arc<Content>>>,
}

/// What all openers of an image share.
struct Content {
    data: Mutex<Vec<u8>>,
    locks: Mutex<Openers>,
}

/// Which bytes each opener has locked.
struct Openers {
    /// The image's.
    name: String,
    next: u64,
    locked: BTreeMap<u64, BTreeSet<u64>>,
}

/// One opener's byte locks on an image in memory. Dropping it unlocks all.
pub struct MemoryLocks {
    content: Arc<Content>,
    opener: u64,
}

/// An open image in memory.
pub struct MemoryImage {
    name: String,
    mode: Mode,
    content: Arc<Content>,
    lock: Mutex<ImageLock<MemoryLocks>>,
}

impl MemoryImages {
    /// A machine without images.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(MemoryImages { images: Mutex::new(BTreeMap::new()).named(&"images in memory") })
    }

    /// Creates an image of `length` zeros, or empties the one that is there. See `ImageFile::create`.
    ///
    /// # Errors
    /// If an opener is in the way, or it is too long. Then an image that is there is left as it was.
    pub fn create(&self, name: &str, length: u64) -> Result<(), ImageError> {
        check_length(name, "create", length)?;
        let content = {
            let mut images = lock(&self.images);
            let new = || Arc::new(Content::new(name));
            Arc::clone(images.entry(name.to_owned()).or_insert_with(new))
        };
        let mut creating = ImageLock::new(MemoryLocks::new(Arc::clone(&content)), name);
        creating.prepare(CREATING)?;
        let mut data = lock(&content.data);
        data.clear();
        data.resize(length as usize, 0);
        Ok(())
    }

    /// Opens an image. It is not locked yet.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn open(&self, name: &str, mode: Mode) -> Result<MemoryImage, ImageError> {
        Ok(MemoryImage::open(name, mode, self.content(name)?))
    }

    /// One more opener's locks on an image, without the image.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn locks(&self, name: &str) -> Result<MemoryLocks, ImageError> {
        Ok(MemoryLocks::new(self.content(name)?))
    }

    fn content(&self, name: &str) -> Result<Arc<Content>, ImageError> {
        let found = lock(&self.images).get(name).cloned();
        found.ok_or_else(|| ImageError::Missing { path: name.to_owned() })
    }
}

impl Content {
    fn new(name: &str) -> Self {
        let openers = Openers { name: name.to_owned(), next: 0, locked: BTreeMap::new() };
        Content {
            data: Mutex::new(Vec::new()).named(&format_args!("data[{name}]")),
            locks: Mutex::new(openers).named(&format_args!("byte locks[{name}]")),
        }
    }
}

impl Openers {
    /// Says who has locked what.
    fn show(&self) {
        let bytes =
            |bytes: &BTreeSet<u64>| bytes.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        let held = self.locked.iter().filter(|(_, locked)| !locked.is_empty());
        let openers =
            || held.clone().map(|(opener, locked)| format!("opener {opener}: {}", bytes(locked)));
        shows!(Image, self.name.clone(), "{}", openers().collect::<Vec<_>>().join("; "));
    }
}

impl MemoryLocks {
    fn new(content: Arc<Content>) -> Self {
        let opener = {
            let mut openers = lock(&content.locks);
            openers.next += 1;
            openers.next
        };
        MemoryLocks { content, opener }
    }
}

impl ByteLocks for MemoryLocks {
    fn lock_shared(&self, byte: u64) -> io::Result<()> {
        let mut openers = lock(&self.content.locks);
        openers.locked.entry(self.opener).or_default().insert(byte);
        openers.show();
        Ok(())
    }

    fn unlock(&self, byte: u64) -> io::Result<()> {
        let mut openers = lock(&self.content.locks);
        openers.locked.entry(self.opener).or_default().remove(&byte);
        openers.show();
        Ok(())
    }

    fn is_locked_by_other(&self, byte: u64) -> io::Result<bool> {
        let openers = lock(&self.content.locks);
        let mut others = openers.locked.iter().filter(|(opener, _)| **opener != self.opener);
        Ok(others.any(|(_, bytes)| bytes.contains(&byte)))
    }
}

impl Drop for MemoryLocks {
    fn drop(&mut self) {
        let mut openers = lock(&self.content.locks);
        says!("lets go of all locks of {}", openers.name);
        openers.locked.remove(&self.opener);
        openers.show();
    }
}

impl MemoryImage {
    fn open(name: &str, mode: Mode, content: Arc<Content>) -> Self {
        let lock = ImageLock::new(MemoryLocks::new(Arc::clone(&content)), name);
        Self::locked(name, mode, content, lock)
    }

    fn locked(name: &str, mode: Mode, content: Arc<Content>, lock: ImageLock<MemoryLocks>) -> Self {
        let lock = Mutex::new(lock).named(&format_args!("image lock[{name}]"));
        MemoryImage { name: name.to_owned(), mode, content, lock }
    }

    fn check_writable(&self, operation: &'static str) -> Result<(), ImageError> {
        match self.mode {
            Mode::ReadWrite => Ok(()),
            Mode::ReadOnly => Err(ImageError::ReadOnly { path: self.name.clone(), operation }),
        }
    }
}

/// The end of an image after an operation.
fn check_length(name: &str, operation: &'static str, length: u64) -> Result<usize, ImageError> {
    let fits = length <= LENGTH_MAX;
    let no_space = ImageError::NoSpace { path: name.to_owned(), operation };
    if fits { usize::try_from(length).map_err(|_| no_space) } else { Err(no_space) }
}

impl Image for MemoryImage {
    fn name(&self) -> &str {
        &self.name
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
        let data = lock(&self.content.data);
        let begin = usize::try_from(offset).map_or(data.len(), |offset| offset.min(data.len()));
        let there = (data.len() - begin).min(buffer.len());
        buffer[..there].copy_from_slice(&data[begin..begin + there]);
        buffer[there..].fill(0);
        Ok(())
    }

    fn read_at_without_waiting(
        &self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Option<Result<(), ImageError>> {
        Some(self.read_at(offset, buffer))
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), ImageError> {
        self.check_writable("write")?;
        let end = check_length(&self.name, "write", offset.saturating_add(data.len() as u64))?;
        let mut content = lock(&self.content.data);
        if content.len() < end && !data.is_empty() {
            content.resize(end, 0);
        }
        if !data.is_empty() {
            content[end - data.len()..end].copy_from_slice(data);
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), ImageError> {
        Ok(())
    }

    fn truncate(&self, length: u64) -> Result<(), ImageError> {
        self.check_writable("truncate")?;
        let length = check_length(&self.name, "truncate", length)?;
        lock(&self.content.data).resize(length, 0);
        Ok(())
    }

    fn length(&self) -> Result<u64, ImageError> {
        Ok(lock(&self.content.data).len() as u64)
    }

    fn prepare(&self, access: Access) -> Result<(), ImageError> {
        Ok(lock(&self.lock).prepare(access)?)
    }

    fn commit(&self) -> Vec<LockError> {
        lock(&self.lock).commit()
    }

    fn abort(&self) -> Vec<LockError> {
        lock(&self.lock).abort()
    }

    fn reopen(&self, mode: Mode, access: Access) -> Result<Box<dyn Image>, ImageError> {
        let mut old = lock(&self.lock);
        old.prepare(access)?;
        let fresh = MemoryLocks::new(Arc::clone(&self.content));
        let new = match old.take_over(fresh) {
            Ok(new) => new,
            Err(error) => {
                // What cannot be unlocked now is tried again with the next change.
                let _still_locked = old.abort();
                return Err(error.into());
            }
        };
        Ok(Box::new(Self::locked(&self.name, mode, Arc::clone(&self.content), new)))
    }
}

impl fmt::Debug for MemoryImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryImages").finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLocks").field("opener", &self.opener).finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryImage")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
