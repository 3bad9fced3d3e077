//! A node over an image: the bottom of every chain. Counterpart: the `file` driver.
//!
//! The locks of the image follow what the node's users do and share; what the mode alone implies is kept from the
//! opening to the close, so that an image that has still to be flushed is not open to others (QEMU lets go of it with
//! the last user; docs/DIFFERENCES.md).
//!
//! A read that the image can answer at once is answered on the loop's thread. What may block goes to a pool of
//! threads, if there is one.

use super::{Driver, DriverError, Io, IoErrorKind, IoFuture};
use crate::event_loop::{MainLoop, WorkerPool};
use crate::image::{Image, ImageError, Mode};
use crate::mutation::mutated;
use crate::permission::{Access, Permissions};
use crate::sync::{Arc, Mutex, Named, lock};

struct State {
    /// Gone when the node is closed.
    image: Option<Arc<dyn Image>>,
    /// What the node's users do and share.
    cumulative: Access,
    /// What they will, if the change in progress is kept.
    prepared: Access,
    /// The image in its other mode, if the reopen in progress is kept.
    reopened: Option<Arc<dyn Image>>,
}

/// Hands requests on to an image.
pub struct Storage {
    state: Mutex<State>,
    pool: Option<Arc<WorkerPool>>,
}

/// What a mode implies, whoever uses the node.
fn implied(mode: Mode) -> Access {
    match mode {
        Mode::ReadOnly => Access { used: Permissions::CONSISTENT_READ, shared: Permissions::all() },
        Mode::ReadWrite => Access {
            used: Permissions::CONSISTENT_READ | Permissions::WRITE,
            shared: Permissions::CONSISTENT_READ | Permissions::WRITE_UNCHANGED,
        },
    }
}

/// Whether users may do this in that mode.
fn check_mode(mode: Mode, cumulative: Access) -> Result<(), DriverError> {
    let writes = cumulative.used & (Permissions::WRITE | Permissions::RESIZE);
    if mode == Mode::ReadOnly && !writes.is_empty() {
        return Err(DriverError::ReadOnly(writes));
    }
    Ok(())
}

impl Storage {
    /// A driver for `image`, with the locks that its mode implies. What may block runs in `pool`; without one it runs
    /// where it is called.
    ///
    /// # Errors
    /// If somebody else has the image locked.
    pub fn new(
        image: Box<dyn Image>,
        pool: Option<Arc<WorkerPool>>,
    ) -> Result<Box<Self>, DriverError> {
        image.prepare(implied(image.mode()))?;
        image.commit();
        let state = State {
            image: Some(Arc::from(image)),
            cumulative: Access::NONE,
            prepared: Access::NONE,
            reopened: None,
        };
        Ok(Box::new(Storage { state: Mutex::new(state).named(&"storage"), pool }))
    }

    fn image(&self) -> Arc<dyn Image> {
        let image = lock(&self.state).image.clone();
        image.expect("no request comes to a node that was closed")
    }

    /// Calls `work` with the image, in the pool if it may block.
    async fn run<T: Send + 'static>(
        &self,
        io: &Io<'_>,
        work: impl FnOnce(&dyn Image) -> Result<T, ImageError> + Send + 'static,
    ) -> Result<T, super::IoError> {
        let image = self.image();
        let result = match &self.pool {
            Some(pool) => pool.run(move || work(&*image)).await,
            None => work(&*image),
        };
        result.map_err(|error| io.error(IoErrorKind::Image(error)))
    }
}

impl Driver for Storage {
    fn format(&self) -> &'static str {
        "storage"
    }

    fn child_access(&self, _name: &str, _cumulative: Access) -> Access {
        Access::NONE
    }

    fn prepare(&self, _main: &MainLoop, cumulative: Access) -> Result<(), DriverError> {
        let image = self.image();
        check_mode(image.mode(), cumulative)?;
        image.prepare(implied(image.mode()).and(cumulative))?;
        lock(&self.state).prepared = cumulative;
        Ok(())
    }

    fn commit(&self, _main: &MainLoop) {
        let mut state = lock(&self.state);
        state.cumulative = state.prepared;
        drop(state);
        // A byte that stays locked keeps others out for longer than needed, and nothing else.
        self.image().commit();
    }

    fn abort(&self, _main: &MainLoop) {
        self.image().abort();
    }

    fn mode(&self) -> Option<Mode> {
        lock(&self.state).image.as_ref().map(|image| image.mode())
    }

    fn reopen_prepare(&self, _main: &MainLoop, mode: Mode) -> Result<(), DriverError> {
        let cumulative = lock(&self.state).cumulative;
        check_mode(mode, cumulative)?;
        if mutated("reopen-closes-first") {
            self.image().prepare(Access::NONE)?;
            self.image().commit();
        }
        let reopened = self.image().reopen(mode, implied(mode).and(cumulative))?;
        lock(&self.state).reopened = Some(Arc::from(reopened));
        Ok(())
    }

    fn reopen_commit(&self, _main: &MainLoop) {
        let mut state = lock(&self.state);
        let reopened = state.reopened.take();
        let old = reopened.and_then(|image| state.image.replace(image));
        drop(state);
        // The new image has its locks: here the old one's go, with its descriptor.
        drop(old);
    }

    fn reopen_abort(&self, _main: &MainLoop) {
        let reopened = lock(&self.state).reopened.take();
        if reopened.is_some() {
            drop(reopened);
            self.image().abort();
        }
    }

    fn read<'a>(&'a self, io: &'a Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        if let Some(result) = self.image().read_at_without_waiting(offset, buffer) {
            let result = result.map_err(|error| io.error(IoErrorKind::Image(error)));
            return Box::pin(std::future::ready(result));
        }
        Box::pin(async move {
            let mut read = vec![0; buffer.len()];
            let work = move |image: &dyn Image| image.read_at(offset, &mut read).map(|()| read);
            buffer.copy_from_slice(&self.run(io, work).await?);
            Ok(())
        })
    }

    fn write<'a>(&'a self, io: &'a Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        Box::pin(async move {
            let data = data.to_vec();
            self.run(io, move |image| image.write_at(offset, &data)).await
        })
    }

    fn flush<'a>(&'a self, io: &'a Io<'a>) -> IoFuture<'a, ()> {
        Box::pin(async move {
            if self.image().mode() == Mode::ReadOnly {
                return Ok(());
            }
            self.run(io, |image| image.flush()).await
        })
    }

    fn truncate<'a>(&'a self, io: &'a Io<'a>, length: u64) -> IoFuture<'a, ()> {
        Box::pin(self.run(io, move |image| image.truncate(length)))
    }

    fn length<'a>(&'a self, io: &'a Io<'a>) -> IoFuture<'a, u64> {
        Box::pin(self.run(io, |image| image.length()))
    }

    fn close(&self) {
        let image = lock(&self.state).image.take();
        drop(image);
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}
