//! A request that is given up while somebody works for it.

use std::fmt;

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::{Machine, way};
use crate::driver::Storage;
use crate::event_loop::WorkerPool;
use crate::image::{Image, ImageError, LockError, MemoryImage, MemoryImages, Mode};
use crate::permission::Access;
use crate::sync::note::Note;
use crate::sync::{Arc, model};

const PROPERTIES: &[Property] =
    &[Property::always("no-request-in-drained-section"), Property::eventually("everybody-gets-in")];

pub(super) fn all() -> Vec<Scenario> {
    let scenario = |parameters| Scenario {
        name: "write_is_given_up",
        parameters: Parameters(parameters),
        about: "a write is given up while a pool works for it, and its node is drained",
        properties: PROPERTIES,
        cases: &["request-stays-in-flight", "drain-waits"],
        engines: Engines {
            harness: Some(true),
            loom: Err("closes when all have ended, and loom has no steps then"),
            std: 100,
        },
        body: write_is_given_up,
    };
    vec![scenario(&[("way", 0)]), scenario(&[("way", 1)])]
}

/// An image that says when it is written. Its owner keeps it longer than all who use it.
#[derive(Clone)]
struct Observed {
    image: Arc<MemoryImage>,
    writing: Note,
}

fn write_is_given_up(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let images = MemoryImages::new();
    images.create("disk", 4).expect("there is none yet");
    let image = images.open("disk", Mode::ReadWrite).expect("it was created");
    let observed = Observed { image: Arc::new(image), writing: Note::default() };
    let pool = Some(Arc::new(WorkerPool::new(1)));
    let driver = Storage::new(machine.graph.lock(), Box::new(observed.clone()), pool);
    let driver = driver.expect("nobody else has it locked");
    let disk = machine.graph.create_node(&machine.main, "disk", driver);
    let own = disk.another(&machine.main);
    machine.main.run_coroutine("guest", |_| async move {
        let mut write = Box::pin(own.write(0, &[2; 2]));
        std::future::poll_fn(|context| {
            let _ = write.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
    });
    machine.graph.drained_begin(&mut machine.main, &disk);
    let writing = observed.writing.get();
    always("no-request-in-drained-section", writing == 0, "the image is being written");
    let mut bytes = [0; 2];
    observed.read_at(0, &mut bytes).expect("memory can be read");
    always("no-request-in-drained-section", bytes == [2; 2], format_args!("{bytes:?} so far"));
    machine.graph.drained_end(&machine.main, &disk);
    machine.graph.unref(&mut machine.main, disk);
    let left = machine.leftovers();
    model::finish(move || {
        drop(observed);
        left
    });
}

impl Image for Observed {
    fn name(&self) -> &str {
        self.image.name()
    }

    fn mode(&self) -> Mode {
        self.image.mode()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
        self.image.read_at(offset, buffer)
    }

    fn read_at_without_waiting(
        &self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Option<Result<(), ImageError>> {
        self.image.read_at_without_waiting(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), ImageError> {
        self.writing.set(1);
        let written = self.image.write_at(offset, data);
        self.writing.set(0);
        written
    }

    fn flush(&self) -> Result<(), ImageError> {
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
        self.image.reopen(mode, access)
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observed").field(&self.image).finish()
    }
}
