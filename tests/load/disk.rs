//! A disk as a storage daemon has it: a device over a chain of overlays over a raw image.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use graphlock::driver::{Device, Header, Overlay, Raw, Storage};
use graphlock::event_loop::{MainHandle, MainLoop, WorkerPool};
use graphlock::graph::{BlockGraph, NodeRef};
use graphlock::graph_lock::{AdoptedSlot, Deferral, ReaderRegistration};
use graphlock::image::{ImageFile, Locking, Mode};
use graphlock::permission::{Access, Permissions};

use super::guest::{BLOCK, BLOCKS};

const LENGTH: u64 = BLOCK * BLOCKS;

pub(crate) struct Disk {
    main: MainLoop,
    graph: BlockGraph,
    pool: Arc<WorkerPool>,
    folder: PathBuf,
    device: NodeRef,
    /// The chain below the device, the base first. Overlays have the node of their file beside them.
    chain: Vec<NodeRef>,
    base: NodeRef,
    filter: Option<NodeRef>,
    _counter: (AdoptedSlot, ReaderRegistration),
}

/// Uses all, shares nothing.
pub(crate) fn alone() -> Access {
    Access { used: Permissions::all(), shared: Permissions::empty() }
}

fn open(path: &Path, mode: Mode) -> ImageFile {
    let name = path.to_str().expect("a plain name");
    ImageFile::open(name, mode, Locking::On).expect("the image is there, and free")
}

impl Disk {
    pub(crate) fn new(folder: &Path, deferral: Deferral) -> Self {
        let mut main = MainLoop::new();
        let graph = BlockGraph::new(&main, deferral);
        let registration = graph.lock().register("main");
        let counter = (registration.adopt(), registration);
        let pool = Arc::new(WorkerPool::new(2));
        let path = folder.join("base.img");
        let name = path.to_str().expect("a plain name");
        ImageFile::create(name, LENGTH, Locking::On).expect("the folder has room");
        let image = Box::new(open(&path, Mode::ReadWrite));
        let driver =
            Storage::new(graph.lock(), image, Some(Arc::clone(&pool))).expect("the image is new");
        let base = graph.create_node(&main, "base", driver);
        let device = graph.create_node(&main, "device", Device::read_write());
        let mut section = graph.lock().write(&mut main);
        let reference = base.another(section.main());
        graph.attach_child(&mut section, &device, "root", reference).expect("the image is new");
        section.unlock();
        let chain = vec![base.another(&main)];
        let folder = folder.to_owned();
        Disk { main, graph, pool, folder, device, chain, base, filter: None, _counter: counter }
    }

    pub(crate) fn graph(&self) -> &BlockGraph {
        &self.graph
    }

    pub(crate) fn device(&self) -> NodeRef {
        self.device.another(&self.main)
    }

    pub(crate) fn main(&self) -> MainHandle {
        self.main.handle()
    }

    pub(crate) fn wait_while(&mut self, condition: impl Fn() -> bool) {
        self.main.wait_while(|_| condition());
    }

    fn top(&self) -> NodeRef {
        self.chain.last().expect("there is a base").another(&self.main)
    }

    /// The file of the overlay that comes next above the chain.
    fn overlay_path(&self) -> PathBuf {
        self.folder.join(format!("{}.overlay", self.chain.len()))
    }

    /// Puts an empty overlay above the disk.
    pub(crate) fn snapshot(&mut self) {
        let path = self.overlay_path();
        let name = path.to_str().expect("a plain name");
        ImageFile::create(name, 0, Locking::On).expect("the folder has room");
        let image = Box::new(open(&path, Mode::ReadWrite));
        let driver = Storage::new(self.graph.lock(), image, Some(Arc::clone(&self.pool)))
            .expect("the image is new");
        let file = self.graph.create_node(&self.main, "file", driver);
        let own = file.another(&self.main);
        let driver = self.main.run_coroutine("create", move |_| async move {
            let header = Header { cluster_bits: 12, length: LENGTH, backing: "base".to_owned() };
            Overlay::create(&own, &header).await.expect("the folder has room");
            Overlay::open(&own).await.expect("it was just created")
        });
        let overlay = self.graph.create_node(&self.main, "overlay", driver);
        let below = self.top();
        let mut section = self.graph.lock().write_drained(&mut self.main);
        self.graph.attach_child(&mut section, &overlay, "file", file).expect("it is new");
        self.graph.append(&mut section, &overlay, "backing", &below).expect("it may be read");
        section.schedule_unref(below);
        section.unlock();
        self.chain.push(overlay);
    }

    /// Commits the topmost overlay, and removes its file.
    pub(crate) fn commit(&mut self) {
        if self.chain.len() == 1 {
            return;
        }
        let overlay = self.chain.pop().expect("there are two");
        self.graph.commit(&mut self.main, &overlay).expect("nobody else uses the backing node");
        let mut section = self.graph.lock().write(&mut self.main);
        section.schedule_unref(overlay);
        section.unlock();
        // Closed when the unlock returned: nobody has it locked.
        let path = self.overlay_path();
        std::fs::remove_file(path).expect("it is there");
    }

    pub(crate) fn commit_all(&mut self) {
        self.filter_goes();
        while self.chain.len() > 1 {
            self.commit();
        }
    }

    /// Reopens the base: read-only where an overlay is above it, and back.
    pub(crate) fn reopen(&mut self) {
        let base = self.base.another(&self.main);
        let reopened = self.graph.reopen(&mut self.main, &[(&base, Mode::ReadWrite)]);
        reopened.expect("it is open read-write already");
        if self.chain.len() > 1 {
            let reopened = self.graph.reopen(&mut self.main, &[(&base, Mode::ReadOnly)]);
            reopened.expect("only an overlay uses it, to read");
        }
        self.graph.unref(&mut self.main, base);
    }

    /// Puts a filter above the disk.
    pub(crate) fn filter_comes(&mut self) {
        let filter = self.graph.create_node(&self.main, "filter", Raw::new());
        let below = self.top();
        let mut section = self.graph.lock().write_drained(&mut self.main);
        self.graph.append(&mut section, &filter, "file", &below).expect("a filter does no more");
        section.schedule_unref(below);
        section.unlock();
        self.filter = Some(filter);
    }

    /// Takes it away.
    pub(crate) fn filter_goes(&mut self) {
        let Some(filter) = self.filter.take() else { return };
        let below = self.top();
        let mut section = self.graph.lock().write_drained(&mut self.main);
        self.graph.replace_node(&mut section, &filter, &below).expect("it was so before");
        section.schedule_unref(filter);
        section.schedule_unref(below);
        section.unlock();
    }

    /// Lets go of all nodes, and says that none is left.
    pub(crate) fn close(mut self) {
        for node in self.chain.drain(..) {
            self.graph.unref(&mut self.main, node);
        }
        self.graph.unref(&mut self.main, self.base);
        self.graph.unref(&mut self.main, self.device);
        self.graph.shutdown(&mut self.main).expect("nobody has a reference");
    }
}

/// Whether the overlay in this file is whole. Its creation may have been cut; its map may not be broken.
pub(crate) fn overlay_is_whole(name: &str) -> bool {
    let mut main = MainLoop::new();
    let graph = BlockGraph::new(&main, Deferral::List);
    let image = ImageFile::open(name, Mode::ReadOnly, Locking::On).expect("it is there");
    let driver = Storage::new(graph.lock(), Box::new(image), None).expect("no lock is left");
    let file = graph.create_node(&main, "file", driver);
    let own = file.another(&main);
    let opened = main.run_coroutine("open", move |_| async move { Overlay::open(&own).await });
    graph.unref(&mut main, file);
    graph.shutdown(&mut main).expect("nobody has a reference");
    match opened {
        Ok(_) => true,
        Err(error) => {
            // The head is written last: a file without one was being created.
            let text = error.to_string();
            assert!(text.contains("it is no overlay"), "{name}: {text}");
            false
        }
    }
}
