//! Whole meetings: readers, a writer, and what is deferred.

mod change;
mod close;
mod data;
mod dependent;
mod drain;
mod drain_by_edge;
mod given_up;
mod loops;
mod meeting;
mod unref;

use graphlock_harness::scenario::Scenario;

use crate::coroutine::block_on;
use crate::driver::{Device, Null};
use crate::event_loop::MainLoop;
use crate::graph::{BlockGraph, NodeRef};
use crate::graph_lock::{AdoptedSlot, Deferral, GraphIoThread, ReaderRegistration};
use crate::image::ImageTable;
use crate::sync::{Arc, model};

/// All scenarios.
pub(super) fn all() -> Vec<Scenario> {
    [
        meeting::all(),
        unref::all(),
        close::all(),
        loops::all(),
        dependent::all(),
        drain::all(),
        drain_by_edge::all(),
        change::all(),
        data::all(),
        given_up::all(),
    ]
    .concat()
}

/// The way of deferring that the parameter `way` names.
fn way(number: u64) -> Deferral {
    if number == 0 { Deferral::BottomHalf } else { Deferral::List }
}

/// An I/O thread with a coroutine that takes the read lock `sections` times.
fn start_request_thread(machine: &Machine, name: &'static str, sections: u64) -> GraphIoThread {
    let thread = machine.graph.lock().io_thread(name);
    let lock = machine.graph.lock().clone();
    thread.event_loop().spawn("reader", |_| async move {
        for _ in 0..sections {
            drop(lock.read().await);
        }
    });
    thread
}

/// A thread without a loop that takes the read lock once.
fn start_reader_thread(machine: &Machine, name: &'static str) {
    let lock = machine.graph.lock().clone();
    let registration = lock.register(name);
    model::spawn(name, move || {
        let adopted = registration.adopt();
        drop(block_on(lock.read()));
        drop(adopted);
    });
}

/// A main loop with an empty graph.
struct Machine {
    main: MainLoop,
    images: Arc<ImageTable>,
    graph: BlockGraph,
    /// The main loop's thread has coroutines that read, too.
    counter: (AdoptedSlot, ReaderRegistration),
}

impl Machine {
    fn new(deferral: Deferral) -> Self {
        let main = MainLoop::new();
        let images = ImageTable::new();
        let graph = BlockGraph::new(&main, deferral);
        let registration = graph.lock().register("main");
        Machine { main, images, graph, counter: (registration.adopt(), registration) }
    }

    fn node(&self, name: &str, image: Option<&str>) -> NodeRef {
        let image = image.map(|image| self.images.open(image, name));
        let image = image.transpose().expect("nobody else has the image open");
        self.graph.create_node(&self.main, name, Null::new(image))
    }

    /// A node `disk` with the child `base`, whose image is open.
    fn disk_with_base(&mut self) -> NodeRef {
        let disk = self.node("disk", None);
        let base = self.node("base", Some("base.img"));
        let mut section = self.graph.lock().write(&mut self.main);
        self.graph.attach_child(&mut section, &disk, "file", base).expect("nobody is against it");
        section.unlock();
        disk
    }

    /// A device that uses a disk.
    fn device_over_disk(&mut self) -> (NodeRef, NodeRef) {
        let disk = self.node("disk", None);
        let device = self.graph.create_node(&self.main, "device", Device::read_write());
        let mut section = self.graph.lock().write(&mut self.main);
        let reference = disk.another(section.main());
        let attached = self.graph.attach_child(&mut section, &device, "root", reference);
        attached.expect("nobody else uses the disk");
        section.unlock();
        (device, disk)
    }

    /// Lets go of these nodes when all have ended: their closes are no part of the meeting.
    fn let_go_at_the_end(mut self, nodes: Vec<NodeRef>) {
        model::finish(move || {
            for node in nodes {
                self.graph.unref(&mut self.main, node);
            }
            self.leftovers()
        });
    }

    /// Works off what other threads have dropped, and says what is left: nothing, if all is well. Called when
    /// every thread has ended.
    fn leftovers(mut self) -> String {
        let left = self.graph.shutdown(&mut self.main).err().map_or(Vec::new(), |left| left.nodes);
        drop(self.counter);
        format!("nodes left {left:?}, images open {:?}", self.images.open_images())
    }
}
