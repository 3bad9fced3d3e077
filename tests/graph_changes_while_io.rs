//! The graph changes again and again while a reader or writer on an I/O thread goes on.
//!
//! The three cases of QEMU's iotest `graph-changes-while-io`, on real files. Written from what they say must hold;
//! nothing of theirs is copied. `GRAPHLOCK_ROUNDS` says how often.

#[path = "load/disk.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod disk;
#[path = "load/guest.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod guest;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use disk::Disk;
use graphlock::driver::{Device, Raw, Storage};
use graphlock::event_loop::MainLoop;
use graphlock::graph::{BlockGraph, NodeRef};
use graphlock::graph_lock::{Deferral, GraphIoThread};
use graphlock::image::{ImageFile, Locking, Mode};
use guest::Guests;

const BOTH: [Deferral; 2] = [Deferral::BottomHalf, Deferral::List];

fn rounds(otherwise: u64) -> u64 {
    let given = std::env::var("GRAPHLOCK_ROUNDS").ok();
    given.map_or(otherwise, |text| text.parse().expect("a number"))
}

fn node(graph: &BlockGraph, main: &MainLoop, path: &Path, mode: Mode) -> NodeRef {
    let image = ImageFile::open(path, mode, Locking::On).expect("it is there");
    let driver =
        Storage::new(graph.lock(), Box::new(image), None).expect("nobody else has it locked");
    graph.create_node(main, "added", driver)
}

/// A reader on an I/O thread, until it is told to stop.
struct Reader {
    thread: GraphIoThread,
    stop: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Reader {
    fn start(graph: &BlockGraph, main: &MainLoop, device: NodeRef) -> Self {
        let reader = Reader {
            thread: graph.lock().io_thread("iothread0"),
            stop: Arc::default(),
            requests: Arc::default(),
            ended: Arc::default(),
        };
        let (stop, requests) = (Arc::clone(&reader.stop), Arc::clone(&reader.requests));
        let (ended, main) = (Arc::clone(&reader.ended), main.handle());
        reader.thread.event_loop().spawn("reader", move |coroutine| async move {
            while !stop.load(Ordering::Relaxed) {
                device.read(512, &mut [0; 512]).await.expect("the disk is there");
                requests.fetch_add(1, Ordering::Relaxed);
                main.kick();
                coroutine.yield_now().await;
            }
            drop(device);
            ended.store(true, Ordering::Release);
            main.kick();
        });
        reader
    }

    fn stop(self, main: &mut MainLoop) {
        self.stop.store(true, Ordering::Relaxed);
        main.wait_while(|_| !self.ended.load(Ordering::Acquire));
    }
}

/// A node that has nothing to do with the reader's comes and goes, with a filter above it.
#[test]
fn blockdev_add_and_del_while_io() {
    for deferral in BOTH {
        let folder = tempfile::tempdir().expect("a folder for images");
        let [disk, added] = ["disk.img", "added.img"].map(|name| folder.path().join(name));
        for path in [&disk, &added] {
            ImageFile::create(path, 1 << 16, Locking::On).expect("the folder has room");
        }
        let mut main = MainLoop::new();
        let graph = BlockGraph::new(&main, deferral);
        let root = node(&graph, &main, &disk, Mode::ReadWrite);
        let device = graph.create_node(&main, "device", Device::read_write());
        let mut section = graph.lock().write(&mut main);
        graph.attach_child(&mut section, &device, "root", root).expect("nobody else uses it");
        section.unlock();
        let reader = Reader::start(&graph, &main, device);
        for round in 0..rounds(300) {
            let before = reader.requests.load(Ordering::Relaxed);
            let file = node(&graph, &main, &added, Mode::ReadWrite);
            let filter = graph.create_node(&main, "filter", Raw::new());
            let mut section = graph.lock().write(&mut main);
            graph.attach_child(&mut section, &filter, "file", file).expect("nobody else uses it");
            section.unlock();
            // The image is free again when the unref returns: the next round opens it.
            graph.unref(&mut main, filter);
            assert_eq!(graph.node_names().len(), 2, "{deferral:?}, round {round}");
            main.wait_while(|_| reader.requests.load(Ordering::Relaxed) == before);
        }
        reader.stop(&mut main);
        graph.shutdown(&mut main).expect("nobody has a reference");
    }
}

fn while_guests_write(deferral: Deferral, change: impl Fn(&mut Disk)) {
    let folder = tempfile::tempdir().expect("a folder for images");
    let mut disk = Disk::new(folder.path(), deferral);
    let guests = Guests::start(&disk);
    change(&mut disk);
    let (requests, written) = guests.stop(&mut disk);
    disk.commit_all();
    disk.close();
    assert!(requests > 0, "{deferral:?}: nobody has sent a request");
    let base = std::fs::read(folder.path().join("base.img")).expect("the base is there");
    for ((block, generation), found) in (0..).zip(written).zip(base.chunks(guest::BLOCK as usize)) {
        assert!(found == guest::block_of(block, generation), "{deferral:?}: block {block}");
    }
}

/// A snapshot and its commit, over and over.
#[test]
fn commit_while_io() {
    for deferral in BOTH {
        while_guests_write(deferral, |disk| {
            for _ in 0..rounds(100) {
                disk.snapshot();
                disk.commit();
            }
        });
    }
}

/// A chain of overlays is built and taken down again, with a filter that comes above each and goes.
#[test]
fn chain_while_io() {
    for deferral in BOTH {
        while_guests_write(deferral, |disk| {
            for _ in 0..rounds(100).div_ceil(4) {
                for _ in 0..4 {
                    disk.snapshot();
                    disk.filter_comes();
                    disk.filter_goes();
                }
                disk.commit();
                disk.commit();
                disk.snapshot();
                disk.commit_all();
            }
        });
    }
}
