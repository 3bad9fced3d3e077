//! Why something could not be done with an image. Every message names the image.

use std::fmt;
use std::io;

use rustix::io::Errno;

use super::lock::LockError;

/// Why something could not be done with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// It is a directory.
    IsDirectory {
        /// The image.
        path: String,
    },
    /// It is neither a regular file nor a block device.
    NotAnImage {
        /// The image.
        path: String,
    },
    /// There is none of this name.
    Missing {
        /// The image.
        path: String,
    },
    /// The system does not allow it.
    NotPermitted {
        /// The image.
        path: String,
        /// What was tried: `open`.
        operation: &'static str,
        /// What the system said.
        errno: i32,
    },
    /// It is open for reading only.
    ReadOnly {
        /// The image.
        path: String,
        /// What was tried: `write`.
        operation: &'static str,
    },
    /// Its name leads to another file than when it was opened.
    Replaced {
        /// The image.
        path: String,
    },
    /// Another opener is in the way, or the system cannot lock.
    Lock(LockError),
    /// No room is left for it.
    NoSpace {
        /// The image.
        path: String,
        /// What was tried: `write`.
        operation: &'static str,
    },
    /// The system failed in another way.
    Io {
        /// The image.
        path: String,
        /// What was tried: `read`.
        operation: &'static str,
        /// What the system said.
        errno: i32,
    },
}

impl ImageError {
    /// What `errno` means for an `operation` on the image `path`.
    pub(super) fn of(path: &str, operation: &'static str, errno: Errno) -> Self {
        let path = path.to_owned();
        let raw = errno.raw_os_error();
        match errno {
            Errno::ISDIR => ImageError::IsDirectory { path },
            Errno::NOENT => ImageError::Missing { path },
            Errno::ACCESS | Errno::PERM | Errno::ROFS => {
                ImageError::NotPermitted { path, operation, errno: raw }
            }
            Errno::NOSPC | Errno::DQUOT => ImageError::NoSpace { path, operation },
            _ => ImageError::Io { path, operation, errno: raw },
        }
    }

    /// Whether another opener is the reason, so that it may go better later.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, ImageError::Lock(error) if error.is_conflict())
    }
}

impl From<LockError> for ImageError {
    fn from(error: LockError) -> Self {
        ImageError::Lock(error)
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::IsDirectory { path } => {
                write!(f, "Could not open '{path}': it is a directory; an image is a file")
            }
            ImageError::NotAnImage { path } => {
                write!(f, "Could not open '{path}': neither a regular file nor a block device")
            }
            ImageError::Missing { path } => {
                write!(f, "Could not open '{path}': no such image")
            }
            ImageError::NotPermitted { path, operation, errno }
            | ImageError::Io { path, operation, errno } => {
                let said = io::Error::from_raw_os_error(*errno);
                write!(f, "Could not {operation} '{path}': {said}")
            }
            ImageError::ReadOnly { path, operation } => {
                write!(f, "Could not {operation} '{path}': it is open for reading only")
            }
            ImageError::Replaced { path } => {
                write!(f, "Could not reopen '{path}': the name leads to another file now")
            }
            ImageError::Lock(error) if error.is_conflict() => error.fmt(f),
            // The hint names the image only where another opener is the reason.
            ImageError::Lock(error) => write!(f, "Could not lock '{}': {error}", error.image),
            ImageError::NoSpace { path, operation } => {
                write!(f, "Could not {operation} '{path}': no space left")
            }
        }
    }
}

impl std::error::Error for ImageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ImageError::Lock(error) => Some(error),
            _ => None,
        }
    }
}
