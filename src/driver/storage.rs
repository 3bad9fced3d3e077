//! A node over an image: the bottom of every chain. Counterpart: the `file` driver.
//!
//! The locks of the image follow what the node's users do and share; what the mode alone implies is kept from the
//! opening to the close, so that an image that has still to be flushed is not open to others (QEMU lets go of it with
//! the last user; docs/DIFFERENCES.md).
//!
//! A read that the image can answer at once is answered on the loop's thread. What may block goes to a pool of
//! threads, if there is one.

use std::fmt;

use super::{Driver, DriverError, Io, IoError, IoErrorKind, IoFuture};
use crate::event_loop::WorkerPool;
use crate::graph_lock::{GraphCell, GraphLock, Hold, MainReadGuard, Readable, WriteGuard};
use crate::image::{Image, ImageError, Mode};
use crate::mutation::mutated;
use crate::permission::{Access, Permissions};
use crate::sync::{Arc, Mutex, Named, lock};

struct State {
    /// What the node's users do and share.
    cumulative: Access,
    /// What they will, if the change in progress is kept.
    prepared: Access,
    /// The image in its other mode, if the reopen in progress is kept.
    reopened: Option<Arc<dyn Image>>,
}

/// Hands requests on to an image.
pub struct Storage {
    /// The image's.
    name: String,
    /// Gone when the node is closed.
    image: GraphCell<Option<Arc<dyn Image>>>,
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

/// Whether users may do this with an image in that mode.
fn check_mode(image: &dyn Image, mode: Mode, cumulative: Access) -> Result<(), DriverError> {
    let permissions = cumulative.used & (Permissions::WRITE | Permissions::RESIZE);
    if mode == Mode::ReadOnly && !permissions.is_empty() {
        return Err(DriverError::ReadOnly { path: image.name().to_owned(), permissions });
    }
    Ok(())
}

impl Storage {
    /// A driver for `image`, with the locks that its mode implies. What may block runs in `pool`; without one it runs
    /// where it is called. `lock` is that of the graph the node is for.
    ///
    /// # Errors
    /// If somebody else has the image locked.
    pub fn new(
        lock: &GraphLock,
        image: Box<dyn Image>,
        pool: Option<Arc<WorkerPool>>,
    ) -> Result<Box<Self>, DriverError> {
        image.prepare(implied(image.mode()))?;
        image.commit();
        let name = image.name().to_owned();
        let image = GraphCell::new(lock, Some(Arc::from(image)));
        let (cumulative, prepared) = (Access::NONE, Access::NONE);
        let state = Mutex::new(State { cumulative, prepared, reopened: None }).named(&"storage");
        Ok(Box::new(Storage { name, image, state, pool }))
    }

    fn image<'a>(&'a self, hold: Hold<'a>) -> &'a Arc<dyn Image> {
        hold.get(&self.image).as_ref().expect("no request comes to a node that was closed")
    }

    fn image_here<'a>(&'a self, guard: &'a impl Readable) -> &'a Arc<dyn Image> {
        self.image.get(guard).as_ref().expect("a closed node is not changed")
    }

    /// Calls `work` with the image, in the pool if it may block.
    async fn run<T: Send + 'static>(
        &self,
        io: Io<'_>,
        work: impl FnOnce(&dyn Image) -> Result<T, ImageError> + Send + 'static,
    ) -> Result<T, IoError> {
        let image = self.image(io.hold());
        let result = match &self.pool {
            Some(pool) => {
                let image = Arc::clone(image);
                let forgets = mutated("abandoned-request-forgotten");
                let in_flight = if forgets { None } else { io.stay_in_flight() };
                let work = move || {
                    let result = work(&*image);
                    // First the image, then the request: who drains before a close finds it closed.
                    drop(image);
                    drop(in_flight);
                    result
                };
                pool.run(work).await
            }
            None => work(&**image),
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

    fn prepare(&self, section: &mut WriteGuard<'_>, cumulative: Access) -> Result<(), DriverError> {
        let image = self.image_here(section);
        check_mode(&**image, image.mode(), cumulative)?;
        image.prepare(implied(image.mode()).and(cumulative))?;
        lock(&self.state).prepared = cumulative;
        Ok(())
    }

    fn commit(&self, section: &mut WriteGuard<'_>) {
        let mut state = lock(&self.state);
        state.cumulative = state.prepared;
        drop(state);
        // A byte that stays locked keeps others out for longer than needed, and nothing else.
        self.image_here(section).commit();
    }

    fn abort(&self, section: &mut WriteGuard<'_>) {
        self.image_here(section).abort();
    }

    fn mode(&self, guard: &MainReadGuard<'_>) -> Option<Mode> {
        self.image.get(guard).as_ref().map(|image| image.mode())
    }

    fn image_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn reopen_prepare(&self, guard: &MainReadGuard<'_>, mode: Mode) -> Result<(), DriverError> {
        let cumulative = lock(&self.state).cumulative;
        let image = self.image_here(guard);
        check_mode(&**image, mode, cumulative)?;
        if mutated("reopen-closes-first") {
            image.prepare(Access::NONE)?;
            image.commit();
        }
        let reopened = image.reopen(mode, implied(mode).and(cumulative))?;
        lock(&self.state).reopened = Some(Arc::from(reopened));
        Ok(())
    }

    fn reopen_commit(&self, section: &mut WriteGuard<'_>) {
        let reopened = lock(&self.state).reopened.take();
        let old = reopened.and_then(|new| self.image.write(section, |image| image.replace(new)));
        // The new image has its locks: here the old one's go, with its descriptor.
        drop(old);
    }

    fn reopen_abort(&self, guard: &MainReadGuard<'_>) {
        let reopened = lock(&self.state).reopened.take();
        if reopened.is_some() {
            drop(reopened);
            self.image_here(guard).abort();
        }
    }

    fn read<'a>(&'a self, io: Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        if let Some(result) = self.image(io.hold()).read_at_without_waiting(offset, buffer) {
            return IoFuture::ready(result.map_err(|error| io.error(IoErrorKind::Image(error))));
        }
        IoFuture::new(async move {
            let mut read = vec![0; buffer.len()];
            let work = move |image: &dyn Image| image.read_at(offset, &mut read).map(|()| read);
            buffer.copy_from_slice(&self.run(io, work).await?);
            Ok(())
        })
    }

    fn write<'a>(&'a self, io: Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        IoFuture::new(async move {
            let data = data.to_vec();
            self.run(io, move |image| image.write_at(offset, &data)).await
        })
    }

    fn flush<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, ()> {
        if self.image(io.hold()).mode() == Mode::ReadOnly {
            return IoFuture::ready(Ok(()));
        }
        IoFuture::new(self.run(io, |image| image.flush()))
    }

    fn truncate<'a>(&'a self, io: Io<'a>, length: u64) -> IoFuture<'a, ()> {
        IoFuture::new(self.run(io, move |image| image.truncate(length)))
    }

    fn length<'a>(&'a self, io: Io<'a>) -> IoFuture<'a, u64> {
        // The system knows it: it need not look at the disk.
        let length = self.image(io.hold()).length();
        IoFuture::ready(length.map_err(|error| io.error(IoErrorKind::Image(error))))
    }

    fn closes_in_section(&self) -> bool {
        true
    }

    fn close_in_section(&self, section: &mut WriteGuard<'_>) -> Option<Box<dyn Send>> {
        let image = self.image.write(section, Option::take)?;
        Some(Box::new(image))
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}
