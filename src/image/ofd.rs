//! Byte-range locks of the Linux kernel.
//!
//! *Open file description locks* belong to what one `open` returns: another `open` of the same file is another opener,
//! also in the same process, and a duplicated descriptor is the same one. They go when the last descriptor of that
//! `open` is closed, and so not with ours while a process that was just forked has one, too: they are unlocked before. Whether the running kernel has them is found out by asking it, on `/dev/null`, for a library that
//! knows them proves nothing about the kernel.
//!
//! Where they are missing there are *POSIX locks*. They belong to the process and the file: two openers in one process
//! do not see each other, and all of them are **lost when any descriptor of that file in the process is closed**, by
//! whatever part of the program. So [`Locking::Auto`] does without rather than to rely on them.
//!
//! # Not here
//! Exclusive locks and waiting.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::lock::{ByteLocks, UNSHARED_BYTES, USED_BYTES};
use crate::sync::Arc;

/// Whether images are locked. Counterpart: the option `locking` of `file`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locking {
    /// Where the kernel has open file description locks.
    #[default]
    Auto,
    /// Always; with POSIX locks where there is nothing better. They can be lost unexpectedly.
    On,
    /// Never.
    Off,
}

/// The kind of the kernel's locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of the open file description.
    OpenFileDescription,
    /// Of the process.
    Posix,
}

/// The kernel's locks of one open file. Counterpart: `qemu_lock_fd`, `qemu_unlock_fd` and `qemu_lock_fd_test`.
///
/// It keeps the file open. The locks go when the last descriptor of this `open` goes.
pub struct FileLocks {
    file: Arc<OwnedFd>,
    kind: Kind,
}

impl Locking {
    /// The kind of locks to use; `None` if none are to be taken.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Locking::Off => None,
            _ if kernel_has_ofd_locks() => Some(Kind::OpenFileDescription),
            Locking::Auto => None,
            Locking::On => Some(Kind::Posix),
        }
    }
}

/// Whether the running kernel has open file description locks. Counterpart: `qemu_probe_lock_ops`.
#[must_use]
pub fn kernel_has_ofd_locks() -> bool {
    let Ok(file) = File::open("/dev/null") else { return false };
    let mut question = range(libc::F_WRLCK, 0);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut question)).is_ok()
}

impl FileLocks {
    /// Open file description locks on what `file` is a descriptor of.
    #[must_use]
    pub fn new(file: Arc<OwnedFd>) -> Self {
        Self::of_kind(file, Kind::OpenFileDescription)
    }

    pub(super) fn of_kind(file: Arc<OwnedFd>, kind: Kind) -> Self {
        FileLocks { file, kind }
    }

    fn set(&self, lock_type: libc::c_int, byte: u64) -> io::Result<()> {
        let wanted = range(lock_type, byte);
        let operation = match self.kind {
            Kind::OpenFileDescription => FcntlArg::F_OFD_SETLK(&wanted),
            Kind::Posix => FcntlArg::F_SETLK(&wanted),
        };
        result(fcntl(&self.file, operation)).map(|_| ())
    }
}

impl ByteLocks for FileLocks {
    fn lock_shared(&self, byte: u64) -> io::Result<()> {
        self.set(libc::F_RDLCK, byte)
    }

    fn unlock(&self, byte: u64) -> io::Result<()> {
        self.set(libc::F_UNLCK, byte)
    }

    fn is_locked_by_other(&self, byte: u64) -> io::Result<bool> {
        // Whoever has a shared lock is in the way of an exclusive one, so that is what the kernel is asked about.
        let mut question = range(libc::F_WRLCK, byte);
        let operation = match self.kind {
            Kind::OpenFileDescription => FcntlArg::F_OFD_GETLK(&mut question),
            Kind::Posix => FcntlArg::F_GETLK(&mut question),
        };
        result(fcntl(&self.file, operation))?;
        Ok(libc::c_int::from(question.l_type) != libc::F_UNLCK)
    }
}

impl Drop for FileLocks {
    /// Unlocks, and does not leave that to the close: a process that another thread has just forked has the open file,
    /// too, until it executes its program, and with it the locks.
    fn drop(&mut self) {
        let mut all = range(libc::F_UNLCK, USED_BYTES);
        all.l_len = (UNSHARED_BYTES - USED_BYTES + u64::from(u8::BITS)) as libc::off_t;
        let operation = match self.kind {
            Kind::OpenFileDescription => FcntlArg::F_OFD_SETLK(&all),
            Kind::Posix => FcntlArg::F_SETLK(&all),
        };
        // If it cannot be done here the close does it.
        let _ = fcntl(&self.file, operation);
    }
}

fn result<T>(result: Result<T, Errno>) -> io::Result<T> {
    result.map_err(io::Error::from)
}

/// One byte, counted from the beginning of the file.
fn range(lock_type: libc::c_int, byte: u64) -> libc::flock {
    libc::flock {
        l_type: lock_type as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte as libc::off_t,
        l_len: 1,
        // The kernel wants 0 here for locks of the open file description.
        l_pid: 0,
    }
}

impl fmt::Debug for FileLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLocks").field("file", &self.file).field("kind", &self.kind).finish()
    }
}
