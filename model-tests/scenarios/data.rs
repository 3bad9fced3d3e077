//! Data on its way through filters and overlays, and images in other modes.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::{Machine, way};
use crate::driver::{CopyBeforeWrite, Device, Driver, Header, Overlay, Storage};
use crate::event_loop::MainLoop;
use crate::graph::NodeRef;
use crate::image::{Image, MemoryImages, Mode};
use crate::permission::{Access, Permissions};
use crate::sync::model;

const CLUSTER: u64 = 512;

const WHOLE: &[Property] = &[
    Property::always("reads-what-was-written"),
    Property::always("map-never-points-past-the-end"),
    Property::eventually("everybody-gets-in"),
];
const COPIED: &[Property] = &[
    Property::always("reads-what-was-written"),
    Property::always("holders-do-not-wait-for-readers"),
    Property::eventually("everybody-gets-in"),
];
const COMMITTED: &[Property] =
    &[Property::always("reads-what-was-written"), Property::eventually("everybody-gets-in")];
const REOPENED: &[Property] = &[
    Property::always("image-never-unlocked"),
    Property::always("all-are-reopened-or-none"),
    Property::eventually("everybody-gets-in"),
];

const ENGINES: Engines = Engines {
    harness: Some(true),
    loom: Err("closes on the thread that ends last, which loom takes for a race"),
    std: 100,
};

pub(super) fn all() -> Vec<Scenario> {
    let scenario = |name, parameters, about, properties, cases, body| Scenario {
        name,
        parameters: Parameters(parameters),
        about,
        properties,
        cases,
        engines: ENGINES,
        body,
    };
    let overlay = "two write to one cluster of an overlay; a third sees the file at any moment, as after a kill";
    let copies = "a write waits for a copy made by somebody else, and a writer comes in between";
    let reopens = "two images are reopened at once; a stranger wants to write to one of them";
    let fails = "one of two images cannot be reopened; a stranger wants to write to the other";
    let commits = "an overlay is committed and dropped while a request writes to it";
    const OVERLAY: &[&str] = &["overlay-allocates", "overlay-reads-backing"];
    const COPIES: &[&str] = &["write-copies-first"];
    const FAILS: &[&str] = &["reopen-rolls-back", "image-lock-conflict"];
    const REOPENS: &[&str] = &["reopen-commits", "image-lock-taken"];
    const COMMITS: &[&str] = &["commit-drops-overlay", "request-queued"];
    let ways: [&[(&str, u64)]; 2] = [&[("way", 0)], &[("way", 1)]];
    let both = ways.map(|way| {
        [
            scenario(
                "overlay_allocates",
                way,
                overlay,
                WHOLE,
                OVERLAY,
                overlay_allocates as fn(&Parameters),
            ),
            // Not on real threads: there a copy may take longer than the writer's patience, which proves nothing.
            Scenario {
                engines: Engines { std: 0, ..ENGINES },
                ..scenario("copy_before_write", way, copies, COPIED, COPIES, copy_before_write)
            },
            scenario("images_reopen", way, reopens, REOPENED, REOPENS, images_reopen),
            scenario("image_does_not_reopen", way, fails, REOPENED, FAILS, image_does_not_reopen),
            scenario("overlay_commits", way, commits, COMMITTED, COMMITS, overlay_commits),
        ]
    });
    both.concat()
}

impl Machine {
    /// A node over an image in memory.
    fn storage(&self, images: &MemoryImages, name: &str, mode: Mode) -> NodeRef {
        let image = images.open(name, mode).expect("it was created");
        let driver = Storage::new(self.graph.lock(), Box::new(image), None)
            .expect("nobody else has it locked");
        self.graph.create_node(&self.main, name, driver)
    }

    fn attach(&mut self, parent: &NodeRef, name: &str, child: NodeRef) {
        let mut section = self.graph.lock().write(&mut self.main);
        let attached = self.graph.attach_child(&mut section, parent, name, child);
        attached.expect("nobody is against it");
        section.unlock();
    }

    /// A device over a driver's node.
    fn device_over(&mut self, name: &str, driver: Box<dyn Driver>) -> (NodeRef, NodeRef) {
        let node = self.graph.create_node(&self.main, name, driver);
        let device = self.graph.create_node(&self.main, "device", Device::read_write());
        let reference = node.another(&self.main);
        self.attach(&device, "root", reference);
        (device, node)
    }

    /// A device over an overlay of one cluster, over a backing node that holds ones.
    fn device_over_overlay(&mut self, images: &MemoryImages) -> (NodeRef, NodeRef) {
        for name in ["base", "top"] {
            images.create(name, CLUSTER).expect("there is none yet");
        }
        let (base, top) = (
            self.storage(images, "base", Mode::ReadWrite),
            self.storage(images, "top", Mode::ReadWrite),
        );
        let own = base.another(&self.main);
        let (file, writes) = (top.another(&self.main), base.another(&self.main));
        let driver = self.main.run_coroutine("create", move |_| async move {
            writes.write(0, &[1; CLUSTER as usize]).await.expect("memory has room");
            let header = Header { cluster_bits: 9, length: CLUSTER, backing: "base".to_owned() };
            Overlay::create(&file, &header).await.expect("memory has room");
            Overlay::open(&file).await.expect("it was just created")
        });
        self.graph.unref(&mut self.main, base);
        let (device, overlay) = self.device_over("overlay", driver);
        self.attach(&overlay, "file", top);
        self.attach(&overlay, "backing", own);
        // References that the coroutine has dropped are counted.
        while self.main.poll_bottom_halves() {}
        (device, overlay)
    }
}

/// Writes two bytes at `offset` from a thread without a loop.
fn start_write(machine: &Machine, device: &NodeRef, offset: u64) {
    let (lock, device) = (machine.graph.lock().clone(), device.another(&machine.main));
    let registration = lock.register("writer");
    model::spawn("writer", move || {
        let adopted = registration.adopt();
        let written = crate::coroutine::block_on(device.write(offset, &[2; 2]));
        always("reads-what-was-written", written.is_ok(), format_args!("{written:?}"));
        drop(adopted);
        drop(device);
    });
}

/// What a device holds in its first bytes.
fn first_bytes<const N: usize>(machine: &mut Machine, device: &NodeRef) -> [u8; N] {
    let device = device.another(&machine.main);
    machine.main.run_coroutine("read", move |_| async move {
        let mut bytes = [0; N];
        device.read(0, &mut bytes).await.expect("memory can be read");
        bytes
    })
}

fn overlay_allocates(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let images = MemoryImages::new();
    let (device, overlay) = machine.device_over_overlay(&images);
    start_write(&machine, &device, 0);
    let file = images.open("top", Mode::ReadOnly).expect("it was created");
    model::spawn("observer", move || {
        let mut entry = [0; 8];
        file.read_at(CLUSTER, &mut entry).expect("memory can be read");
        let length = file.length().expect("memory has a length");
        let end = u64::from_le_bytes(entry) + CLUSTER;
        always("map-never-points-past-the-end", end <= length, format_args!("{end} {length}"));
    });
    let own = device.another(&machine.main);
    machine.main.run_coroutine("write", move |_| async move {
        own.write(2, &[3; 2]).await.expect("memory has room");
    });
    model::finish(move || {
        let bytes: [u8; 5] = first_bytes(&mut machine, &device);
        always("reads-what-was-written", bytes == [2, 2, 3, 3, 1], format_args!("{bytes:?}"));
        for node in [device, overlay] {
            machine.graph.unref(&mut machine.main, node);
        }
        machine.leftovers()
    });
}

fn copy_before_write(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let images = MemoryImages::new();
    for name in ["disk", "target"] {
        images.create(name, 4).expect("there is none yet");
    }
    let (disk, target) = (
        machine.storage(&images, "disk", Mode::ReadWrite),
        machine.storage(&images, "target", Mode::ReadWrite),
    );
    let thread = machine.graph.lock().io_thread("iothread0");
    let driver = CopyBeforeWrite::new(4, thread.event_loop());
    let (device, filter) = machine.device_over("filter", driver);
    machine.attach(&filter, "file", disk);
    machine.attach(&filter, "target", target);
    // The section begins when the write has sent for its copy.
    let lock = machine.graph.lock().clone();
    let section = move |main: &mut MainLoop| lock.write(main).unlock();
    machine.main.handle().schedule_oneshot("section", section);
    // Somebody wakes the writer while it waits: it looks again, and may shut the door before the copy has begun.
    let main = machine.main.handle();
    model::spawn("monitor", move || main.schedule_oneshot("command", |_| {}));
    let own = device.another(&machine.main);
    machine.main.run_coroutine("write", move |_| async move {
        own.write(1, &[2; 2]).await.expect("memory has room");
    });
    let ends = machine.graph.lock().patience_ends();
    always(
        "holders-do-not-wait-for-readers",
        ends == 0,
        format_args!("patience ended {ends} times"),
    );
    drop(thread);
    let copy = images.open("target", Mode::ReadOnly).expect("it was created");
    model::finish(move || {
        while machine.main.poll_bottom_halves() {}
        let bytes: [u8; 4] = first_bytes(&mut machine, &device);
        always("reads-what-was-written", bytes == [0, 2, 2, 0], format_args!("{bytes:?}"));
        let mut kept = [9; 4];
        copy.read_at(0, &mut kept).expect("memory can be read");
        always("reads-what-was-written", kept == [0; 4], format_args!("{kept:?}"));
        for node in [device, filter] {
            machine.graph.unref(&mut machine.main, node);
        }
        machine.leftovers()
    });
}

/// A stranger wants to write to the image, once, at any moment.
fn start_stranger(images: &MemoryImages, name: &str) {
    let stranger = images.open(name, Mode::ReadWrite).expect("it was created");
    model::spawn("stranger", move || {
        let access = Access { used: Permissions::WRITE, shared: Permissions::all() };
        let got_in = stranger.prepare(access).is_ok();
        always("image-never-unlocked", !got_in, "a stranger writes to an image in use");
    });
}

fn two_images(machine: &Machine, images: &MemoryImages, mode: Mode) -> (NodeRef, NodeRef) {
    for name in ["first", "second"] {
        images.create(name, 4).expect("there is none yet");
    }
    let first = machine.storage(images, "first", Mode::ReadWrite);
    (first, machine.storage(images, "second", mode))
}

fn images_reopen(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let images = MemoryImages::new();
    let (first, second) = two_images(&machine, &images, Mode::ReadOnly);
    let reader = machine.graph.create_node(&machine.main, "reader", Device::read_only());
    machine.attach(&reader, "root", first.another(&machine.main));
    start_stranger(&images, "first");
    let both = [(&first, Mode::ReadOnly), (&second, Mode::ReadWrite)];
    let reopened = machine.graph.reopen(&mut machine.main, &both);
    // The stranger's attempt may have been in the way.
    let modes = [&first, &second].map(|node| mode(&machine, node));
    let expected = match reopened {
        Ok(()) => [Some(Mode::ReadOnly), Some(Mode::ReadWrite)],
        Err(_) => [Some(Mode::ReadWrite), Some(Mode::ReadOnly)],
    };
    always("all-are-reopened-or-none", modes == expected, format_args!("{modes:?}"));
    machine.let_go_at_the_end(vec![reader, first, second]);
}

fn mode(machine: &Machine, node: &NodeRef) -> Option<Mode> {
    node.driver().mode(&machine.graph.lock().read_main(&machine.main))
}

fn image_does_not_reopen(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let images = MemoryImages::new();
    let (first, second) = two_images(&machine, &images, Mode::ReadOnly);
    let jealous = images.open("second", Mode::ReadOnly).expect("it was created");
    let alone = Permissions::all() - Permissions::WRITE;
    let reads = Access { used: Permissions::CONSISTENT_READ, shared: alone };
    jealous.prepare(reads).expect("nobody writes to it");
    jealous.commit();
    let reader = machine.graph.create_node(&machine.main, "reader", Device::read_only());
    machine.attach(&reader, "root", first.another(&machine.main));
    start_stranger(&images, "first");
    let both = [(&first, Mode::ReadOnly), (&second, Mode::ReadWrite)];
    let reopened = machine.graph.reopen(&mut machine.main, &both);
    let modes = [&first, &second].map(|node| mode(&machine, node));
    let as_before = modes == [Some(Mode::ReadWrite), Some(Mode::ReadOnly)];
    let held = reopened.is_err() && as_before;
    always("all-are-reopened-or-none", held, format_args!("{reopened:?} {modes:?}"));
    model::finish(move || {
        // Nothing is left prepared: the first can have another user, the second is free when the other one is gone.
        drop(jealous);
        machine.graph.unref(&mut machine.main, reader);
        let again = machine.graph.reopen(&mut machine.main, &[(&second, Mode::ReadWrite)]);
        always("all-are-reopened-or-none", again.is_ok(), format_args!("{again:?}"));
        let reads = Permissions::CONSISTENT_READ | Permissions::WRITE_UNCHANGED;
        let access = Access { used: Permissions::RESIZE, shared: reads };
        let writer = machine.graph.create_node(&machine.main, "writer", Device::new(access));
        machine.attach(&writer, "root", first.another(&machine.main));
        for node in [writer, first, second] {
            machine.graph.unref(&mut machine.main, node);
        }
        machine.leftovers()
    });
}

fn overlay_commits(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let images = MemoryImages::new();
    let (device, overlay) = machine.device_over_overlay(&images);
    start_write(&machine, &device, 0);
    let committed = machine.graph.commit(&mut machine.main, &overlay);
    always("reads-what-was-written", committed.is_ok(), format_args!("{committed:?}"));
    model::finish(move || {
        let bytes: [u8; 3] = first_bytes(&mut machine, &device);
        always("reads-what-was-written", bytes == [2, 2, 1], format_args!("{bytes:?}"));
        for node in [device, overlay] {
            machine.graph.unref(&mut machine.main, node);
        }
        machine.leftovers()
    });
}
