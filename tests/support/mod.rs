//! What the tests of image locks share: accesses in short form, and a look at the kernel's locks from outside.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use graphlock::permission::{Access, Permissions};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

pub(crate) const NONE: Permissions = Permissions::empty();
pub(crate) const READ: Permissions = Permissions::CONSISTENT_READ;
pub(crate) const WRITE: Permissions = Permissions::WRITE;
pub(crate) const UNCHANGED: Permissions = Permissions::WRITE_UNCHANGED;
pub(crate) const RESIZE: Permissions = Permissions::RESIZE;
pub(crate) const ALL: Permissions = Permissions::all();

/// Every byte that any version of the protocol uses, and one on either side.
const LOOKED_AT: [std::ops::RangeInclusive<u64>; 3] = [0..=0, 99..=105, 199..=205];

pub(crate) fn access(used: Permissions, shared: Permissions) -> Access {
    Access { used, shared }
}

/// All 256.
pub(crate) fn every_access() -> Vec<Access> {
    let sets = || (0..16).map(Permissions::from_bits_retain);
    sets().flat_map(|used| sets().map(move |shared| access(used, shared))).collect()
}

pub(crate) fn looked_at() -> impl Iterator<Item = u64> {
    LOOKED_AT.into_iter().flatten()
}

/// The bytes that an access should have locked, by the numbers of the protocol and not by the code under test.
pub(crate) fn expected_bytes(access: Access) -> BTreeSet<u64> {
    let bits = |set: Permissions| (0..4_u64).filter(move |bit| set.bits() & (1 << bit) != 0);
    bits(access.used)
        .map(|bit| 100 + bit)
        .chain(bits(ALL - access.shared).map(|bit| 200 + bit))
        .collect()
}

/// Whether anybody but this descriptor has locked a byte.
pub(crate) fn is_locked(descriptor: impl AsFd, byte: u64) -> bool {
    let mut question = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte as libc::off_t,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(descriptor, FcntlArg::F_OFD_GETLK(&mut question)).expect("the kernel has OFD locks");
    libc::c_int::from(question.l_type) != libc::F_UNLCK
}

/// The bytes of a file that anybody has locked, seen from a descriptor of its own.
pub(crate) fn locked_bytes(path: &Path) -> BTreeSet<u64> {
    let file = File::open(path).expect("the image is there");
    looked_at().filter(|byte| is_locked(&file, *byte)).collect()
}

/// A new directory for one test, removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("graphlock-{test}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file of so many zeros.
    pub(crate) fn file(&self, name: &str, length: u64) -> PathBuf {
        let path = self.0.join(name);
        let file = File::create(&path).expect("the folder can be written");
        file.set_len(length).expect("there is space");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}
