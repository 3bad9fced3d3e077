//! An overlay remembers how long its backing node is, and is right when that changes: the node grows, is truncated, is
//! replaced, or something below it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use graphlock::driver::{Device, Driver, Header, Io, IoErrorKind, IoFuture, Overlay, Raw, Storage};
use graphlock::event_loop::MainLoop;
use graphlock::graph::{BlockGraph, NodeRef};
use graphlock::graph_lock::Deferral;
use graphlock::image::{MemoryImages, Mode};
use graphlock::permission::{Access, Permissions};

const CLUSTER: usize = 512;
const LENGTH: u64 = 8 * CLUSTER as u64;

/// A node of a fixed length that holds one byte all over, and refuses reads past its end.
#[derive(Debug)]
struct Fixed {
    byte: u8,
    length: u64,
    asked: Arc<AtomicU32>,
}

impl Driver for Fixed {
    fn format(&self) -> &'static str {
        "fixed"
    }

    fn child_access(&self, _name: &str, _cumulative: Access) -> Access {
        Access::NONE
    }

    fn read<'a>(&'a self, io: Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        let (end, length) = (offset + buffer.len() as u64, self.length);
        if end > length {
            return IoFuture::ready(Err(io.error(IoErrorKind::OutOfRange { end, length })));
        }
        buffer.fill(self.byte);
        IoFuture::ready(Ok(()))
    }

    fn write<'a>(&'a self, io: Io<'a>, _: u64, _: &'a [u8]) -> IoFuture<'a, ()> {
        IoFuture::ready(Err(io.error(IoErrorKind::ReadOnly)))
    }

    fn flush<'a>(&'a self, _: Io<'a>) -> IoFuture<'a, ()> {
        IoFuture::ready(Ok(()))
    }

    fn truncate<'a>(&'a self, io: Io<'a>, _: u64) -> IoFuture<'a, ()> {
        IoFuture::ready(Err(io.error(IoErrorKind::ReadOnly)))
    }

    fn length<'a>(&'a self, _: Io<'a>) -> IoFuture<'a, u64> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        IoFuture::ready(Ok(self.length))
    }
}

/// A device over an overlay with nothing in it; what is below the overlay is the test's.
struct World {
    main: MainLoop,
    graph: BlockGraph,
    device: NodeRef,
    overlay: NodeRef,
    asked: Arc<AtomicU32>,
}

impl World {
    fn new() -> Self {
        let mut main = MainLoop::new();
        let graph = BlockGraph::new(&main, Deferral::List);
        let file = graph.create_node(&main, "file", image(&graph, "overlay", 0));
        let own = file.another(&main);
        let driver = main.run_coroutine("create", move |_| async move {
            let header = Header { cluster_bits: 9, length: LENGTH, backing: "base".to_owned() };
            Overlay::create(&own, &header).await.expect("memory has room");
            Overlay::open(&own).await.expect("it was just created")
        });
        let overlay = graph.create_node(&main, "overlay", driver);
        let device = graph.create_node(&main, "device", Device::read_write());
        let mut world = World { main, graph, device, overlay, asked: Arc::default() };
        let (device, overlay) =
            (world.device.another(&world.main), world.overlay.another(&world.main));
        world.attach(&overlay, "file", file);
        let below = overlay.another(&world.main);
        world.attach(&device, "root", below);
        world.graph.unref(&mut world.main, device);
        world.graph.unref(&mut world.main, overlay);
        world
    }

    fn fixed(&self, name: &str, byte: u8, length: u64) -> NodeRef {
        let driver = Box::new(Fixed { byte, length, asked: Arc::clone(&self.asked) });
        self.graph.create_node(&self.main, name, driver)
    }

    fn attach(&mut self, parent: &NodeRef, name: &str, child: NodeRef) {
        let mut section = self.graph.lock().write(&mut self.main);
        self.graph.attach_child(&mut section, parent, name, child).expect("nobody is against it");
        section.unlock();
    }

    fn back(&mut self, child: NodeRef) {
        let overlay = self.overlay.another(&self.main);
        self.attach(&overlay, "backing", child);
        self.graph.unref(&mut self.main, overlay);
    }

    fn replace(&mut self, from: NodeRef, to: NodeRef) {
        let mut section = self.graph.lock().write(&mut self.main);
        self.graph.replace_node(&mut section, &from, &to).expect("nobody is against it");
        section.unlock();
        self.graph.unref(&mut self.main, from);
        self.graph.unref(&mut self.main, to);
    }

    /// What is read of a cluster: its first byte and its last.
    fn read(&mut self, cluster: usize) -> (u8, u8) {
        let device = self.device.another(&self.main);
        self.main.run_coroutine("read", move |_| async move {
            let mut buffer = [9; CLUSTER];
            device.read((cluster * CLUSTER) as u64, &mut buffer).await.expect("it is in range");
            (buffer[0], buffer[CLUSTER - 1])
        })
    }

    fn asked(&self) -> u32 {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn close(mut self) {
        self.graph.unref(&mut self.main, self.device);
        self.graph.unref(&mut self.main, self.overlay);
        self.graph.shutdown(&mut self.main).expect("nobody has a reference");
    }
}

fn image(graph: &BlockGraph, name: &str, length: u64) -> Box<Storage> {
    let images = MemoryImages::new();
    images.create(name, length).expect("there is none of this name");
    let image = images.open(name, Mode::ReadWrite).expect("it was just created");
    Storage::new(graph.lock(), Box::new(image), None).expect("nobody else has it")
}

#[test]
fn a_backing_node_is_asked_for_its_length_once() {
    let mut world = World::new();
    let base = world.fixed("base", 1, LENGTH);
    world.back(base);
    for cluster in 0..8 {
        assert_eq!(world.read(cluster), (1, 1));
    }
    assert_eq!(world.asked(), 1);
    world.close();
}

/// One that is too short is asked again by each read past its end: it may have grown.
#[test]
fn what_is_past_a_short_backing_node_is_zero() {
    let mut world = World::new();
    let base = world.fixed("base", 1, 3 * CLUSTER as u64 - 1);
    world.back(base);
    for expected in [(0, (1, 1)), (2, (1, 0)), (3, (0, 0)), (1, (1, 1)), (2, (1, 0))] {
        assert_eq!(world.read(expected.0), expected.1);
    }
    assert_eq!(world.asked(), 4);
    world.close();
}

#[test]
fn a_shorter_node_in_the_place_of_the_backing_node_is_not_read_past_its_end() {
    let mut world = World::new();
    let long = world.fixed("long", 1, LENGTH);
    let own = long.another(&world.main);
    world.back(long);
    assert_eq!(world.read(7), (1, 1));
    let short = world.fixed("short", 2, CLUSTER as u64);
    let again = short.another(&world.main);
    world.replace(own, short);
    assert_eq!(world.read(7), (0, 0));
    assert_eq!(world.read(0), (2, 2));
    let longer = world.fixed("longer", 3, LENGTH);
    world.replace(again, longer);
    assert_eq!(world.read(7), (3, 3));
    world.close();
}

/// The same two nodes further down: the overlay's own edge stays as it is.
#[test]
fn a_shorter_node_below_the_backing_node_is_not_read_past_its_end() {
    let mut world = World::new();
    let filter = world.graph.create_node(&world.main, "filter", Raw::new());
    let long = world.fixed("long", 1, LENGTH);
    let own = long.another(&world.main);
    world.attach(&filter, "file", long);
    world.back(filter);
    assert_eq!(world.read(7), (1, 1));
    let short = world.fixed("short", 2, CLUSTER as u64);
    world.replace(own, short);
    assert_eq!(world.read(7), (0, 0));
    assert_eq!(world.read(0), (2, 2));
    world.close();
}

#[test]
fn a_backing_node_that_is_detached_leaves_zeros() {
    let mut world = World::new();
    let base = world.fixed("base", 1, LENGTH);
    world.back(base);
    assert_eq!(world.read(7), (1, 1));
    let mut section = world.graph.lock().write(&mut world.main);
    let base = world.graph.detach_child(&mut section, &world.overlay, "backing");
    section.schedule_unref(base.expect("it is there"));
    section.unlock();
    assert_eq!(world.read(7), (0, 0));
    world.close();
}

/// An image below that becomes shorter and longer, by somebody who does not ask for the permission.
#[test]
fn a_backing_node_that_is_truncated_and_grows_is_read_as_it_is() {
    let mut world = World::new();
    let base = world.graph.create_node(&world.main, "base", image(&world.graph, "base", LENGTH));
    let own = base.another(&world.main);
    let resize = move |world: &mut World, length: u64, data: bool| {
        let own = own.another(&world.main);
        world.main.run_coroutine("resize", move |_| async move {
            own.truncate(length).await.expect("memory has room");
            let data = vec![5; if data { usize::try_from(length).expect("short") } else { 0 }];
            own.write(0, &data).await.expect("memory has room");
        });
    };
    world.back(base);
    resize(&mut world, LENGTH, true);
    assert_eq!(world.read(7), (5, 5));
    resize(&mut world, CLUSTER as u64, false);
    assert_eq!(world.read(7), (0, 0));
    assert_eq!(world.read(0), (5, 5));
    resize(&mut world, LENGTH, true);
    assert_eq!(world.read(7), (5, 5));
    drop(resize);
    world.close();
}

/// A commit may make the backing node longer: it goes where the overlay's data ends. Afterwards it is read itself.
#[test]
fn a_backing_node_that_a_commit_makes_longer_is_read_to_its_end() {
    let mut world = World::new();
    let base = world.graph.create_node(
        &world.main,
        "base",
        image(&world.graph, "base", 2 * CLUSTER as u64),
    );
    world.back(base);
    assert_eq!((world.read(0), world.read(7)), ((0, 0), (0, 0)));
    let device = world.device.another(&world.main);
    world.main.run_coroutine("write", move |_| async move {
        device.write(7 * CLUSTER as u64, &[6; CLUSTER]).await.expect("memory has room");
    });
    assert_eq!(world.read(7), (6, 6));
    let copied = world.graph.commit(&mut world.main, &world.overlay).expect("nobody is against it");
    assert_eq!(copied, 1);
    assert_eq!((world.read(0), world.read(7)), ((0, 0), (6, 6)));
    world.close();
}

/// A user of the length is as right as a reader: what others may do with the backing node is what they may do anyway.
#[test]
fn an_overlay_lets_nobody_resize_its_backing_node() {
    let mut world = World::new();
    let base = world.fixed("base", 1, LENGTH);
    let own = base.another(&world.main);
    world.back(base);
    let used = Permissions::RESIZE;
    let resizer = world.graph.create_node(
        &world.main,
        "resizer",
        Device::new(Access { used, shared: Permissions::all() }),
    );
    let mut section = world.graph.lock().write(&mut world.main);
    let refused = world.graph.attach_child(&mut section, &resizer, "root", own);
    section.unlock();
    let child = refused.expect_err("the overlay does not share it").child;
    world.graph.unref(&mut world.main, child);
    world.graph.unref(&mut world.main, resizer);
    world.close();
}
