//! A graph with images in a folder of its own, and a look at all that a refusal may not change: nodes, edges, modes,
//! bytes, locks, descriptors.
//!
//! One machine at a time: descriptors are counted for the whole process.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use graphlock::driver::{Driver, Header, IoError, Overlay, Storage};
use graphlock::event_loop::MainLoop;
use graphlock::graph::{BlockGraph, NodeDescription, NodeRef};
use graphlock::graph_lock::{AdoptedSlot, Deferral, ReaderRegistration};
use graphlock::image::{ImageFile, Locking, Mode};

use super::support::{Folder, locked_bytes};

static ALONE: Mutex<()> = Mutex::new(());

/// Longer files are holes, and are not read.
const READ_MAX: u64 = 64 << 20;

pub(crate) struct Machine {
    pub(crate) main: MainLoop,
    pub(crate) graph: BlockGraph,
    pub(crate) nodes: BTreeMap<&'static str, NodeRef>,
    _counter: (AdoptedSlot, ReaderRegistration),
    folder: Folder,
    descriptors_before: usize,
    _alone: MutexGuard<'static, ()>,
}

/// All that a refusal may not change.
#[derive(Debug, PartialEq)]
struct State {
    nodes: Vec<NodeDescription>,
    modes: BTreeMap<&'static str, Option<Mode>>,
    locks: BTreeMap<PathBuf, BTreeSet<u64>>,
    /// Lengths and checksums.
    bytes: BTreeMap<PathBuf, (u64, u64)>,
    descriptors: usize,
}

/// Keeps others from opening descriptors while one test counts them.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The open descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("the system has /proc").count()
}

/// The regular files of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Vec::new(),
        entries => entries.expect("the folder is there"),
    };
    let entries = entries.map(|entry| entry.expect("the folder can be read"));
    let files = entries.filter(|entry| entry.file_type().expect("it has a type").is_file());
    files.map(|entry| entry.path()).collect()
}

fn bytes(path: PathBuf) -> (PathBuf, (u64, u64)) {
    let length = std::fs::metadata(&path).expect("it is there").len();
    let mut hasher = DefaultHasher::new();
    if length <= READ_MAX {
        std::fs::read(&path).expect("it can be read").hash(&mut hasher);
    }
    (path, (length, hasher.finish()))
}

impl Machine {
    pub(crate) fn new(test: &str) -> Self {
        Self::in_folder(Folder::new(test))
    }

    pub(crate) fn in_folder(folder: Folder) -> Self {
        let alone = alone();
        let descriptors_before = descriptors();
        let main = MainLoop::new();
        let graph = BlockGraph::new(&main, Deferral::List);
        let registration = graph.lock().register("main");
        Machine {
            main,
            graph,
            nodes: BTreeMap::new(),
            _counter: (registration.adopt(), registration),
            folder,
            descriptors_before,
            _alone: alone,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a file of these bytes.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("the folder has room");
        path
    }

    pub(crate) fn node(&self, name: &str) -> &NodeRef {
        &self.nodes[name]
    }

    /// The reference to a node becomes the caller's.
    pub(crate) fn take(&mut self, name: &str) -> NodeRef {
        self.nodes.remove(name).expect("there is such a node")
    }

    pub(crate) fn keep(&mut self, name: &'static str, node: NodeRef) {
        self.nodes.insert(name, node);
    }

    pub(crate) fn create(&mut self, name: &'static str, driver: Box<dyn Driver>) {
        let node = self.graph.create_node(&self.main, name, driver);
        self.keep(name, node);
    }

    /// A node over an image.
    pub(crate) fn open(&mut self, name: &'static str, path: &Path, mode: Mode) {
        let image = ImageFile::open(path, mode, Locking::On).expect("the image is there");
        let driver =
            Storage::new(self.graph.lock(), Box::new(image), None).expect("the image is free");
        self.create(name, driver);
    }

    /// Attaches one node to another; the machine keeps a reference, too.
    pub(crate) fn attach(
        &mut self,
        parent: &str,
        edge: &str,
        child: &str,
    ) -> Result<(), graphlock::graph::ChangeError> {
        let (parent, child) = (&self.nodes[parent], &self.nodes[child]);
        let mut section = self.graph.lock().write(&mut self.main);
        let reference = child.another(section.main());
        let attached = self.graph.attach_child(&mut section, parent, edge, reference);
        let error = attached.err().map(|refused| {
            section.schedule_unref(refused.child);
            refused.error
        });
        section.unlock();
        error.map_or(Ok(()), Err)
    }

    /// Lets go of a node.
    pub(crate) fn unref(&mut self, name: &str) {
        let node = self.take(name);
        self.graph.unref(&mut self.main, node);
    }

    /// Calls `work` with a reference to a node in a coroutine.
    fn with_node<F, T>(&mut self, name: &str, work: impl FnOnce(NodeRef) -> F + Send + 'static) -> T
    where
        F: Future<Output = (NodeRef, T)> + Send + 'static,
        T: Send + 'static,
    {
        let own = self.nodes[name].another(&self.main);
        let (own, result) = self.main.run_coroutine("test", move |_| work(own));
        self.graph.unref(&mut self.main, own);
        result
    }

    pub(crate) fn create_overlay(&mut self, file: &str, header: Header) -> Result<(), IoError> {
        self.with_node(file, move |file| async move {
            let created = Overlay::create(&file, &header).await;
            (file, created)
        })
    }

    pub(crate) fn open_overlay(&mut self, file: &str) -> Result<Box<Overlay>, IoError> {
        self.with_node(file, |file| async move {
            let opened = Overlay::open(&file).await;
            (file, opened)
        })
    }

    pub(crate) fn write(&mut self, node: &str, offset: u64, data: &[u8]) -> Result<(), IoError> {
        let data = data.to_vec();
        self.with_node(node, move |node| async move {
            let written = node.write(offset, &data).await;
            (node, written)
        })
    }

    pub(crate) fn read(
        &mut self,
        node: &str,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, IoError> {
        self.with_node(node, move |node| async move {
            let mut data = vec![0xee; length];
            let read = node.read(offset, &mut data).await;
            (node, read.map(|()| data))
        })
    }

    fn state(&self) -> State {
        let files = files(self.folder.path());
        let guard = self.graph.lock().read_main(&self.main);
        let modes = self.nodes.iter().map(|(name, node)| (*name, node.driver().mode(&guard)));
        State {
            nodes: self.graph.describe(&self.main),
            modes: modes.collect(),
            locks: files.iter().map(|path| (path.clone(), locked_bytes(path))).collect(),
            bytes: files.iter().cloned().map(bytes).collect(),
            descriptors: descriptors(),
        }
    }

    /// Has `act` be refused with a message that names all of `names`, and nothing be changed by it.
    pub(crate) fn refuses<T, E: fmt::Display>(
        &mut self,
        names: &[&str],
        act: impl FnOnce(&mut Machine) -> Result<T, E>,
    ) -> E {
        let before = self.state();
        let Err(error) = act(self) else { panic!("what should name {names:?} was not refused") };
        let message = error.to_string();
        assert_eq!(self.state(), before, "changed by: {message}");
        for name in names {
            assert!(message.contains(name), "`{name}` is missing in: {message}");
        }
        error
    }

    /// Lets go of all. No node, lock or descriptor is left.
    pub(crate) fn close(self) {
        let Machine { mut main, graph, nodes, _counter, folder, descriptors_before, _alone } = self;
        for (_, node) in nodes {
            graph.unref(&mut main, node);
        }
        graph.shutdown(&mut main).expect("nobody has a reference");
        drop(_counter);
        drop((graph, main));
        for path in files(folder.path()) {
            assert_eq!(locked_bytes(&path), BTreeSet::new(), "{} is locked", path.display());
        }
        assert_eq!(descriptors(), descriptors_before, "descriptors");
        // A folder that goes is read.
        drop(folder);
        drop(_alone);
    }
}
