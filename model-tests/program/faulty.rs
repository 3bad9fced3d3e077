//! Images that fail as the program says: the n-th operation of a kind, once, as long as faults last.

use graphlock_programs::program::{Fault, FaultKind};

use crate::image::{Image, ImageError, LockError, MemoryImage, Mode};
use crate::permission::Access;
use crate::sync::Arc;
use crate::sync::Named;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The faults of one image, counted over all its openers.
#[derive(Debug)]
pub(super) struct Faults {
    /// Each with the number of its operations so far.
    faults: Vec<(Fault, AtomicU32)>,
    /// They have not begun, or are over.
    off: AtomicBool,
}

impl Faults {
    pub(super) fn new(faults: impl Iterator<Item = Fault>) -> Option<Arc<Self>> {
        let counted = |fault: Fault| {
            let count = AtomicU32::new(0).named(&format_args!("{} faults", fault.kind.word()));
            (fault, count)
        };
        let faults: Vec<_> = faults.map(counted).collect();
        let off = AtomicBool::new(true).named(&"faults are off");
        (!faults.is_empty()).then(|| Arc::new(Faults { faults, off }))
    }

    /// Whether anything fails from here on.
    pub(super) fn set(&self, on: bool) {
        self.off.store(!on, Ordering::Relaxed);
    }

    fn strikes(&self, kind: FaultKind) -> bool {
        let mut of_kind = self.faults.iter().filter(|(fault, _)| fault.kind == kind);
        let Some((fault, count)) = of_kind.next() else { return false };
        !self.off.load(Ordering::Relaxed) && count.fetch_add(1, Ordering::Relaxed) == fault.number
    }
}

/// An image in memory with faults.
#[derive(Debug)]
pub(super) struct FaultyImage {
    image: Box<dyn Image>,
    faults: Arc<Faults>,
}

impl FaultyImage {
    pub(super) fn wrap(image: MemoryImage, faults: Option<&Arc<Faults>>) -> Box<dyn Image> {
        match faults {
            Some(faults) => {
                Box::new(FaultyImage { image: Box::new(image), faults: Arc::clone(faults) })
            }
            None => Box::new(image),
        }
    }

    fn fails(&self, kind: FaultKind, operation: &'static str) -> Result<(), ImageError> {
        if self.faults.strikes(kind) {
            return Err(ImageError::NoSpace { path: self.image.name().to_owned(), operation });
        }
        Ok(())
    }
}

impl Image for FaultyImage {
    fn name(&self) -> &str {
        self.image.name()
    }

    fn mode(&self) -> Mode {
        self.image.mode()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
        self.fails(FaultKind::Read, "read")?;
        self.image.read_at(offset, buffer)
    }

    fn read_at_without_waiting(
        &self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Option<Result<(), ImageError>> {
        if self.faults.strikes(FaultKind::Slow) { None } else { Some(self.read_at(offset, buffer)) }
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), ImageError> {
        self.fails(FaultKind::Write, "write")?;
        self.image.write_at(offset, data)
    }

    fn flush(&self) -> Result<(), ImageError> {
        self.fails(FaultKind::Flush, "flush")?;
        self.image.flush()
    }

    fn truncate(&self, length: u64) -> Result<(), ImageError> {
        self.image.truncate(length)
    }

    fn length(&self) -> Result<u64, ImageError> {
        self.image.length()
    }

    fn prepare(&self, access: Access) -> Result<(), ImageError> {
        self.image.prepare(access)
    }

    fn commit(&self) -> Vec<LockError> {
        self.image.commit()
    }

    fn abort(&self) -> Vec<LockError> {
        self.image.abort()
    }

    fn reopen(&self, mode: Mode, access: Access) -> Result<Box<dyn Image>, ImageError> {
        let image = self.image.reopen(mode, access)?;
        Ok(Box::new(FaultyImage { image, faults: Arc::clone(&self.faults) }))
    }
}
