//! Permissions: what a user of a node, or of an image, does with it, and what it lets others do.
//!
//! Two users get along when neither does what the other does not share. The same rule holds between the parents of a
//! node, which the graph checks, and between processes, which the byte-range locks of the image check.

use std::fmt;

bitflags::bitflags! {
    /// What can be done with a node or an image. Counterpart: `BLK_PERM_*`, with the same bits.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Permissions: u8 {
        /// Reads data that makes sense: what one state of a disk holds.
        const CONSISTENT_READ = 0x01;
        /// Changes what is read.
        const WRITE = 0x02;
        /// Writes without changing what is read.
        const WRITE_UNCHANGED = 0x04;
        /// Changes the length.
        const RESIZE = 0x08;
    }
}

/// What a user does, and what it lets others do at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// What it does itself.
    pub used: Permissions,
    /// What others may do.
    pub shared: Permissions,
}

impl Permissions {
    /// Each permission with its name, in the order of the bits.
    pub const NAMES: [(Permissions, &'static str); 4] = [
        (Permissions::CONSISTENT_READ, "consistent read"),
        (Permissions::WRITE, "write"),
        (Permissions::WRITE_UNCHANGED, "write unchanged"),
        (Permissions::RESIZE, "resize"),
    ];
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names =
            Self::NAMES.iter().filter(|(each, _)| self.contains(*each)).map(|(_, name)| *name);
        f.write_str(names.next().unwrap_or("none"))?;
        names.try_for_each(|name| write!(f, ", {name}"))
    }
}

impl Access {
    /// Does nothing, and lets others do everything.
    pub const NONE: Access = Access { used: Permissions::empty(), shared: Permissions::all() };

    /// What both need: all that either does, shared only where both share.
    #[must_use]
    pub fn and(self, other: Access) -> Access {
        Access { used: self.used | other.used, shared: self.shared & other.shared }
    }

    /// What `other` does and this does not share.
    #[must_use]
    pub fn denies(self, other: Access) -> Permissions {
        other.used - self.shared
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uses {}, shares {}", self.used, self.shared)
    }
}
