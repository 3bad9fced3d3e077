//! The protocol of image locks: which bytes of a file say who does what, and in which order they are locked.
//!
//! Every opener of an image locks bytes of the file, and only ever *shared*: byte 100 + n says "I use permission n",
//! byte 200 + n says "I do not share permission n". Nobody is kept out by a lock; a lock is a sign that others find.
//! Who wants more than it has does two things, in this order:
//!
//! 1. *take*: lock the bytes of what it has and of what it wants;
//! 2. *test*: look whether anybody else does what it will not share, or does not share what it will use.
//!
//! Of two that want what does not go together the later one to take finds the bytes of the other. Both may find each
//! other and both fail; never do both succeed.
//!
//! States of an [`ImageLock`]: *at rest* (the target is what is held) and *prepared* (the bytes of both are locked).
//! `prepare` leads from the first to the second, `commit` and `abort` back. Invariant: the bytes of what is held are
//! locked in both. Bytes that are locked already are not locked again: after a change of owner or of security label
//! the system may refuse what it granted before.
//!
//! # Not here
//! Exclusive locks, and waiting: a conflict is an error at once. Byte 104 of old versions of QEMU is not read.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use crate::mutation::mutated;
use crate::permission::{Access, Permissions};
use crate::sync::{reached, says};

/// The byte that says "I use the first permission". Counterpart: `RAW_LOCK_PERM_BASE`.
pub const USED_BYTES: u64 = 100;

/// The byte that says "I do not share the first permission". Counterpart: `RAW_LOCK_SHARED_BASE`.
pub const UNSHARED_BYTES: u64 = 200;

/// One opener's shared locks on single bytes of an image. Dropping it unlocks all.
///
/// A lock belongs to the opener that took it: two openers never share one, also not within a process.
pub trait ByteLocks: Send {
    /// Locks a byte, shared. Does not wait. Counterpart: `qemu_lock_fd`.
    ///
    /// # Errors
    /// `EAGAIN` or `EACCES` if somebody has locked it exclusively; anything else if the system cannot.
    fn lock_shared(&self, byte: u64) -> io::Result<()>;

    /// Unlocks a byte. Counterpart: `qemu_unlock_fd`.
    ///
    /// # Errors
    /// If the system cannot: on some network file systems even that can fail.
    fn unlock(&self, byte: u64) -> io::Result<()>;

    /// Whether another opener has locked a byte. Counterpart: `qemu_lock_fd_test`.
    ///
    /// # Errors
    /// If the system cannot say.
    fn is_locked_by_other(&self, byte: u64) -> io::Result<bool>;
}

/// What one opener holds of an image. Counterpart: `raw_handle_perm_lock`.
pub struct ImageLock<B: ByteLocks> {
    bytes: B,
    image: String,
    /// What was committed last.
    held: Access,
    /// What `commit` leads to. As `held` when at rest.
    target: Access,
    /// The bytes that are locked.
    locked: BTreeSet<u64>,
}

/// What could not be done about an image's locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockFailure {
    /// A byte could not be locked.
    Lock(u64),
    /// A byte could not be unlocked.
    Unlock(u64),
    /// Another opener does not share this permission, which was to be used.
    Use(&'static str),
    /// Another opener uses this permission, which was not to be shared.
    Unshare(&'static str),
}

/// Why an image's locks could not be changed, in the words of QEMU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockError {
    /// The image.
    pub image: String,
    /// What failed.
    pub failure: LockFailure,
    /// What the system said, if it was not about another opener.
    pub cause: Option<String>,
}

impl LockError {
    /// Whether another opener is the reason, so that it may go better later.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.cause.is_none()
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failure {
            LockFailure::Lock(byte) => write!(f, "Failed to lock byte {byte}"),
            LockFailure::Unlock(byte) => write!(f, "Failed to unlock byte {byte}"),
            LockFailure::Use(permission) => write!(f, "Failed to get \"{permission}\" lock"),
            LockFailure::Unshare(permission) => {
                write!(f, "Failed to get shared \"{permission}\" lock")
            }
        }?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => write!(f, "\nIs another process using the image [{}]?", self.image),
        }
    }
}

impl std::error::Error for LockError {}

/// The permissions of a set, each with the number of its bit and its name.
fn each(set: Permissions) -> impl Iterator<Item = (u64, &'static str)> {
    let numbered = (0_u64..).zip(Permissions::NAMES);
    let within = numbered.filter(move |(_, (permission, _))| set.contains(*permission));
    within.map(|(bit, (_, name))| (bit, name))
}

/// The bytes that say `access`, lowest first.
pub fn bytes_of(access: Access) -> impl Iterator<Item = u64> {
    let used = each(access.used).map(|(bit, _)| USED_BYTES + bit);
    used.chain(each(!access.shared).map(|(bit, _)| UNSHARED_BYTES + bit))
}

/// Repeats what a signal has interrupted. An interruption says nothing about other openers.
fn uninterrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// What to say of an error: nothing if it means that another opener is in the way.
fn cause(error: &io::Error) -> Option<String> {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    let is_conflict = matches!(errno, Some(Errno::AGAIN | Errno::ACCESS))
        || (errno.is_none() && error.kind() == io::ErrorKind::WouldBlock);
    (!is_conflict).then(|| error.to_string())
}

impl<B: ByteLocks> ImageLock<B> {
    /// Nothing is held and everything is shared, so nothing is locked. `image` is its name in messages.
    pub fn new(bytes: B, image: &str) -> Self {
        let (held, target) = (Access::NONE, Access::NONE);
        ImageLock { bytes, image: image.to_owned(), held, target, locked: BTreeSet::new() }
    }

    /// What was committed last.
    pub fn held(&self) -> Access {
        self.held
    }

    /// Takes what `new` needs beyond what is held, and tests it. Until `commit` or `abort` both are held. If nothing
    /// is tightened, nothing is done, and this cannot fail: what loosens waits for `commit`.
    ///
    /// # Errors
    /// If another opener is in the way, or the system cannot lock. Then it is as after `abort`.
    pub fn prepare(&mut self, new: Access) -> Result<(), LockError> {
        let both = self.held.and(new);
        says!("wants the locks of {}", self.image);
        if both != self.held {
            let result = if mutated("image-lock-tested-before-taken") {
                self.test(new).and_then(|()| self.take(both))
            } else {
                // Taken before tested, by everybody: whoever takes later finds the other.
                self.take(both).and_then(|()| self.test(new))
            };
            if let Err(error) = result {
                // What stays locked only keeps others out, and the next change tries again.
                let _still_locked = self.abort();
                return Err(error);
            }
            reached!("image-lock-taken");
        }
        self.target = new;
        Ok(())
    }

    /// Ends a `prepare`: what it prepared is held, and what goes beyond it is unlocked. At rest nothing happens.
    ///
    /// It cannot fail: returned is what could not be unlocked. Such a byte keeps others out longer than needed, and
    /// the next `commit` or `abort` tries again.
    pub fn commit(&mut self) -> Vec<LockError> {
        self.held = self.target;
        self.unlock_beyond(self.held)
    }

    /// Takes a `prepare` back: what was held before is held, and what goes beyond it is unlocked. Returns what
    /// [`commit`](Self::commit) does.
    pub fn abort(&mut self) -> Vec<LockError> {
        self.target = self.held;
        self.unlock_beyond(self.held)
    }

    /// Locks the bytes of what is prepared, or else held, for a second opener of the same image too. They are not
    /// tested: the first opener's own would be found. The first goes on holding them, so that when it is dropped
    /// there was no moment without.
    ///
    /// # Errors
    /// If the system cannot lock. The first opener is as it was.
    pub fn take_over(&self, fresh: B) -> Result<Self, LockError> {
        let mut lock = ImageLock::new(fresh, &self.image);
        if !mutated("image-lock-not-taken-over") {
            lock.take(self.target)?;
        }
        (lock.held, lock.target) = (self.target, self.target);
        reached!("image-lock-taken-over");
        Ok(lock)
    }

    fn error(&self, failure: LockFailure, cause: Option<String>) -> LockError {
        LockError { image: self.image.clone(), failure, cause }
    }

    fn take(&mut self, access: Access) -> Result<(), LockError> {
        for byte in bytes_of(access).filter(|byte| !self.locked.contains(byte)).collect::<Vec<_>>()
        {
            let result = uninterrupted(|| self.bytes.lock_shared(byte));
            result.map_err(|error| self.error(LockFailure::Lock(byte), cause(&error)))?;
            self.locked.insert(byte);
        }
        Ok(())
    }

    fn test(&self, access: Access) -> Result<(), LockError> {
        let used = each(access.used)
            .map(|(bit, permission)| (UNSHARED_BYTES + bit, LockFailure::Use(permission)));
        let unshared = each(!access.shared)
            .map(|(bit, permission)| (USED_BYTES + bit, LockFailure::Unshare(permission)));
        for (byte, failure) in used.chain(unshared) {
            let result = uninterrupted(|| self.bytes.is_locked_by_other(byte));
            if result.map_err(|error| self.error(failure, cause(&error)))? {
                reached!("image-lock-conflict");
                return Err(self.error(failure, None));
            }
        }
        Ok(())
    }

    fn unlock_beyond(&mut self, access: Access) -> Vec<LockError> {
        let wanted: BTreeSet<u64> = bytes_of(access).collect();
        let mut still_locked = Vec::new();
        for byte in self.locked.difference(&wanted).copied().collect::<Vec<_>>() {
            match uninterrupted(|| self.bytes.unlock(byte)) {
                Ok(()) => {
                    self.locked.remove(&byte);
                }
                // Nobody else can be the reason here, so the system's words are always given.
                Err(error) => still_locked
                    .push(self.error(LockFailure::Unlock(byte), Some(error.to_string()))),
            }
        }
        still_locked
    }
}

impl<B: ByteLocks> fmt::Debug for ImageLock<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageLock")
            .field("image", &self.image)
            .field("held", &self.held)
            .field("target", &self.target)
            .field("locked", &self.locked)
            .finish_non_exhaustive()
    }
}
