//! Images that are files or block devices.
//!
//! Reading and writing is done by the calling thread. What is read can be tried without waiting first, so that only
//! what is not in the page cache has to go to another thread.
//!
//! Locks belong to what one `open` returned, so a change of mode opens the file a second time, locks the same bytes
//! there, and closes the first one after that.
//!
//! # Not here
//! Direct I/O, holes, character devices; a second try at another path if a file has been renamed.

use std::fmt;
use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, FileType, OFlags, SeekFrom};
use rustix::io::{self, Errno, ReadWriteFlags};

use super::lock::{ImageLock, LockError};
use super::ofd::{FileLocks, Kind, Locking};
use super::{CREATING, Image, ImageError, Mode};
use crate::permission::Access;
use crate::sync::{Arc, Mutex, Named, lock};

/// An open image that is a file. Counterpart: `BDRVRawState`.
pub struct ImageFile {
    path: PathBuf,
    /// The path for people.
    name: String,
    mode: Mode,
    file: Arc<OwnedFd>,
    /// What tells the file from others, whatever its name: device and inode.
    identity: (u64, u64),
    lock: Option<Locks>,
}

/// The locks, if images are locked.
struct Locks {
    kind: Kind,
    lock: Mutex<ImageLock<FileLocks>>,
}

/// A file that has been opened, before anything is known of locks.
struct Opened {
    file: Arc<OwnedFd>,
    identity: (u64, u64),
}

impl ImageFile {
    /// Opens an image. It is not locked yet. Counterpart: `raw_open_common`.
    ///
    /// # Errors
    /// If it is missing, a directory or another thing that is no image, or the system does not let us.
    pub fn open(path: impl AsRef<Path>, mode: Mode, locking: Locking) -> Result<Self, ImageError> {
        let path = path.as_ref();
        let opened = open(path, flags(mode))?;
        let locks =
            locking.kind().map(|kind| (kind, new_lock(path, Arc::clone(&opened.file), kind)));
        Ok(Self::new(path, mode, opened, locks))
    }

    /// Creates an image of `length` zeros, or empties the one that is there. Counterpart: `raw_co_create`.
    ///
    /// A file that is there is opened as it is and emptied only when the locks say that nobody uses it.
    ///
    /// # Errors
    /// If another opener is in the way, or the system cannot. Where an opener is in the way the file is left as it
    /// was.
    pub fn create(path: impl AsRef<Path>, length: u64, locking: Locking) -> Result<(), ImageError> {
        let path = path.as_ref();
        // Without `TRUNC`: that would empty it before it is locked.
        let opened = open(path, flags(Mode::ReadWrite) | OFlags::CREATE)?;
        let mut lock = locking.kind().map(|kind| new_lock(path, Arc::clone(&opened.file), kind));
        if let Some(lock) = &mut lock {
            lock.prepare(CREATING)?;
        }
        let emptied = fs::ftruncate(&opened.file, 0)
            .and_then(|()| fs::ftruncate(&opened.file, length))
            .map_err(|errno| ImageError::of(&name_of(path), "create", errno));
        if let Some(lock) = &mut lock {
            // Before the close, for a child that was forked meanwhile may still have the descriptor. What stays locked
            // goes with the descriptor anyway.
            let _still_locked = lock.abort();
        }
        emptied
    }

    fn new(
        path: &Path,
        mode: Mode,
        opened: Opened,
        locks: Option<(Kind, ImageLock<FileLocks>)>,
    ) -> Self {
        let Opened { file, identity } = opened;
        let name = name_of(path);
        let lock = locks.map(|(kind, lock)| Locks {
            kind,
            lock: Mutex::new(lock).named(&format_args!("image lock[{name}]")),
        });
        ImageFile { path: path.to_owned(), name, mode, file, identity, lock }
    }

    fn error(&self, operation: &'static str, errno: Errno) -> ImageError {
        ImageError::of(&self.name, operation, errno)
    }

    fn check_writable(&self, operation: &'static str) -> Result<(), ImageError> {
        match self.mode {
            Mode::ReadWrite => Ok(()),
            Mode::ReadOnly => Err(ImageError::ReadOnly { path: self.name.clone(), operation }),
        }
    }

    /// The file of the same name, which must be this one.
    fn open_again(&self, mode: Mode) -> Result<Opened, ImageError> {
        let opened = open(&self.path, flags(mode))?;
        if opened.identity != self.identity {
            return Err(ImageError::Replaced { path: self.name.clone() });
        }
        Ok(opened)
    }
}

fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn new_lock(path: &Path, file: Arc<OwnedFd>, kind: Kind) -> ImageLock<FileLocks> {
    ImageLock::new(FileLocks::of_kind(file, kind), &name_of(path))
}

fn flags(mode: Mode) -> OFlags {
    let access = match mode {
        Mode::ReadOnly => OFlags::RDONLY,
        Mode::ReadWrite => OFlags::RDWR,
    };
    // `NONBLOCK` means nothing for files, and keeps the open of a pipe from waiting for its other end.
    access | OFlags::CLOEXEC | OFlags::NONBLOCK
}

fn open(path: &Path, flags: OFlags) -> Result<Opened, ImageError> {
    let failed = |errno| ImageError::of(&name_of(path), "open", errno);
    let file = fs::open(path, flags, fs::Mode::from_raw_mode(0o644)).map_err(failed)?;
    let status = fs::fstat(&file).map_err(failed)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile | FileType::BlockDevice => {}
        FileType::Directory => return Err(ImageError::IsDirectory { path: name_of(path) }),
        _ => return Err(ImageError::NotAnImage { path: name_of(path) }),
    }
    Ok(Opened { file: Arc::new(file), identity: (status.st_dev, status.st_ino) })
}

impl Image for ImageFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
        let mut done = 0;
        while done < buffer.len() {
            match io::pread(&self.file, &mut buffer[done..], offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.error("read", errno)),
            }
        }
        buffer[done..].fill(0);
        Ok(())
    }

    fn read_at_without_waiting(
        &self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Option<Result<(), ImageError>> {
        let mut done = 0;
        while done < buffer.len() {
            // Beyond the system's range an offset has another meaning here; an ordinary read says what is wrong.
            let at = i64::try_from(offset.saturating_add(done as u64)).ok()?;
            let mut rest = [IoSliceMut::new(&mut buffer[done..])];
            match io::preadv2(&self.file, &mut rest, at as u64, ReadWriteFlags::NOWAIT) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                // Not in memory, or the file system or the kernel cannot say.
                Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return None,
                Err(errno) => return Some(Err(self.error("read", errno))),
            }
        }
        buffer[done..].fill(0);
        Some(Ok(()))
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), ImageError> {
        self.check_writable("write")?;
        let mut done = 0;
        while done < data.len() {
            match io::pwrite(&self.file, &data[done..], offset.saturating_add(done as u64)) {
                // The end of a device: nothing more will ever be written there.
                Ok(0) => return Err(self.error("write", Errno::NOSPC)),
                Ok(written) => done += written,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.error("write", errno)),
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), ImageError> {
        fs::fdatasync(&self.file).map_err(|errno| self.error("flush", errno))
    }

    fn truncate(&self, length: u64) -> Result<(), ImageError> {
        self.check_writable("truncate")?;
        fs::ftruncate(&self.file, length).map_err(|errno| self.error("truncate", errno))
    }

    fn length(&self) -> Result<u64, ImageError> {
        // The status of a block device has no length; its end can be sought. Nothing uses the position.
        fs::seek(&self.file, SeekFrom::End(0)).map_err(|errno| self.error("measure", errno))
    }

    fn prepare(&self, access: Access) -> Result<(), ImageError> {
        match &self.lock {
            Some(locks) => Ok(lock(&locks.lock).prepare(access)?),
            None => Ok(()),
        }
    }

    fn commit(&self) -> Vec<LockError> {
        self.lock.as_ref().map_or_else(Vec::new, |locks| lock(&locks.lock).commit())
    }

    fn abort(&self) -> Vec<LockError> {
        self.lock.as_ref().map_or_else(Vec::new, |locks| lock(&locks.lock).abort())
    }

    fn reopen(&self, mode: Mode, access: Access) -> Result<Box<dyn Image>, ImageError> {
        let Some(locks) = &self.lock else {
            return Ok(Box::new(Self::new(&self.path, mode, self.open_again(mode)?, None)));
        };
        let mut old = lock(&locks.lock);
        old.prepare(access)?;
        let again = self.open_again(mode).and_then(|opened| {
            let fresh = FileLocks::of_kind(Arc::clone(&opened.file), locks.kind);
            Ok((opened, old.take_over(fresh)?))
        });
        match again {
            Ok((opened, new)) => {
                Ok(Box::new(Self::new(&self.path, mode, opened, Some((locks.kind, new)))))
            }
            Err(error) => {
                // What cannot be unlocked now is tried again with the next change.
                let _still_locked = old.abort();
                Err(error)
            }
        }
    }
}

impl fmt::Debug for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageFile")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
