//! A driver that counts what the graph asks of it and can hold requests back, and a small graph of such nodes.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use graphlock::driver::{Device, Driver, Io, IoErrorKind, IoFuture};
use graphlock::event_loop::{MainHandle, MainLoop};
use graphlock::graph::{BlockGraph, NodeRef};
use graphlock::graph_lock::{AdoptedSlot, Deferral, ReaderRegistration};
use graphlock::permission::Access;

/// Coroutines wait at it while it is shut.
#[derive(Default)]
pub(crate) struct Gate(Mutex<(bool, Vec<Waker>)>);

impl Gate {
    pub(crate) fn shut(&self) {
        self.0.lock().expect("no test has panicked").0 = true;
    }

    pub(crate) fn open(&self) {
        let mut state = self.0.lock().expect("no test has panicked");
        state.0 = false;
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn pass(&self) {
        poll_fn(|context| {
            let mut state = self.0.lock().expect("no test has panicked");
            if state.0 {
                state.1.push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// What a node's driver has seen.
#[derive(Default)]
pub(crate) struct Seen {
    begins: AtomicU32,
    ends: AtomicU32,
    entered: AtomicU32,
    inside: AtomicU32,
    /// Requests wait here, with the read lock.
    pub(crate) gate: Gate,
    pub(crate) fails: AtomicBool,
    /// Called when the node is drained.
    on_drain: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// The thread that the last request came on.
    thread: Mutex<String>,
}

impl Seen {
    /// How often its callbacks were called.
    pub(crate) fn callbacks(&self) -> (u32, u32) {
        (self.begins.load(Ordering::Relaxed), self.ends.load(Ordering::Relaxed))
    }

    /// How many requests there were.
    pub(crate) fn entered(&self) -> u32 {
        self.entered.load(Ordering::SeqCst)
    }

    /// How many requests are here now.
    pub(crate) fn inside(&self) -> u32 {
        self.inside.load(Ordering::SeqCst)
    }

    pub(crate) fn thread(&self) -> String {
        self.thread.lock().expect("no test has panicked").clone()
    }

    pub(crate) fn call_on_drain(&self, callback: impl FnOnce() + Send + 'static) {
        *self.on_drain.lock().expect("no test has panicked") = Some(Box::new(callback));
    }
}

/// The driver: hands requests on to its child `file`, if it has one.
struct Double(Arc<Seen>);

impl Double {
    async fn request(&self, io: Io<'_>) -> Result<(), graphlock::driver::IoError> {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        *self.0.thread.lock().expect("no test has panicked") = thread;
        self.0.entered.fetch_add(1, Ordering::SeqCst);
        self.0.gate.pass().await;
        if self.0.fails.load(Ordering::Relaxed) {
            return Err(io.error(IoErrorKind::NoChild("anything: it fails as it was told to")));
        }
        Ok(())
    }
}

/// A request inside a driver.
struct Inside<'a>(&'a AtomicU32);

impl<'a> Inside<'a> {
    fn new(inside: &'a AtomicU32) -> Self {
        inside.fetch_add(1, Ordering::SeqCst);
        Inside(inside)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Double {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Double")
    }
}

impl Driver for Double {
    fn format(&self) -> &'static str {
        "double"
    }

    fn child_access(&self, _name: &str, cumulative: Access) -> Access {
        cumulative
    }

    fn read<'a>(&'a self, io: Io<'a>, offset: u64, buffer: &'a mut [u8]) -> IoFuture<'a, ()> {
        IoFuture::new(async move {
            let _inside = Inside::new(&self.0.inside);
            self.request(io).await?;
            match io.child_if_any("file") {
                Some(child) => child.read(offset, buffer).await,
                None => Ok(()),
            }
        })
    }

    fn write<'a>(&'a self, io: Io<'a>, offset: u64, data: &'a [u8]) -> IoFuture<'a, ()> {
        IoFuture::new(async move {
            let _inside = Inside::new(&self.0.inside);
            self.request(io).await?;
            match io.child_if_any("file") {
                Some(child) => child.write(offset, data).await,
                None => Ok(()),
            }
        })
    }

    fn flush<'a>(&'a self, _: Io<'a>) -> IoFuture<'a, ()> {
        IoFuture::ready(Ok(()))
    }

    fn truncate<'a>(&'a self, _: Io<'a>, _: u64) -> IoFuture<'a, ()> {
        IoFuture::ready(Ok(()))
    }

    fn length<'a>(&'a self, _: Io<'a>) -> IoFuture<'a, u64> {
        IoFuture::ready(Ok(0))
    }

    fn drain_begin(&self) {
        self.0.begins.fetch_add(1, Ordering::Relaxed);
        let callback = self.0.on_drain.lock().expect("no test has panicked").take();
        if let Some(callback) = callback {
            callback();
        }
    }

    fn drain_end(&self) {
        self.0.ends.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads once.
pub(crate) async fn read(node: &NodeRef) -> Result<(), graphlock::driver::IoError> {
    node.read(0, &mut [0; 16]).await
}

/// A graph and its main loop.
pub(crate) struct World {
    pub(crate) main: MainLoop,
    pub(crate) graph: BlockGraph,
    _counter: (AdoptedSlot, ReaderRegistration),
}

/// What a test drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which<'a> {
    All,
    One(&'a str),
}

/// A device over `top` over `backing`.
pub(crate) struct Chain {
    pub(crate) device: NodeRef,
    pub(crate) top: (NodeRef, Arc<Seen>),
    pub(crate) backing: (NodeRef, Arc<Seen>),
}

impl World {
    pub(crate) fn new() -> Self {
        let main = MainLoop::new();
        let graph = BlockGraph::new(&main, Deferral::BottomHalf);
        let registration = graph.lock().register("main");
        let counter = (registration.adopt(), registration);
        World { main, graph, _counter: counter }
    }

    pub(crate) fn handle(&self) -> MainHandle {
        self.main.handle()
    }

    pub(crate) fn double(&self, name: &str) -> (NodeRef, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        let driver = Box::new(Double(Arc::clone(&seen)));
        (self.graph.create_node(&self.main, name, driver), seen)
    }

    pub(crate) fn device(&mut self, name: &str, root: &NodeRef) -> NodeRef {
        let device = self.graph.create_node(&self.main, name, Device::read_only());
        self.attach(&device, "root", root);
        device
    }

    pub(crate) fn chain(&mut self) -> Chain {
        let (top, backing) = (self.double("top"), self.double("backing"));
        self.attach(&top.0, "file", &backing.0);
        let device = self.device("device", &top.0);
        // What the sections of the building have called is not part of a test.
        for seen in [&top.1, &backing.1] {
            seen.begins.store(0, Ordering::Relaxed);
            seen.ends.store(0, Ordering::Relaxed);
        }
        Chain { device, top, backing }
    }

    pub(crate) fn attach(&mut self, parent: &NodeRef, name: &str, child: &NodeRef) {
        attach(&self.graph, &mut self.main, parent, name, child);
    }

    /// Begins a drained section.
    pub(crate) fn begin(&mut self, which: Which<'_>, nodes: &[&NodeRef]) {
        match which {
            Which::All => self.graph.drain_all_begin(&mut self.main),
            Which::One(name) => self.graph.drained_begin(&mut self.main, find(nodes, name)),
        }
    }

    /// Ends one.
    pub(crate) fn end(&mut self, which: Which<'_>, nodes: &[&NodeRef]) {
        match which {
            Which::All => self.graph.drain_all_end(&self.main),
            Which::One(name) => self.graph.drained_end(&self.main, find(nodes, name)),
        }
    }

    /// In how many drained sections each node is.
    pub(crate) fn quiesced(&self) -> BTreeMap<String, u32> {
        let nodes = self.graph.describe(&self.main).into_iter();
        nodes.map(|node| (node.name, node.quiesce_counter)).collect()
    }

    /// The same for nodes of these names.
    pub(crate) fn quiesced_of<const N: usize>(&self, names: [&str; N]) -> [u32; N] {
        let all = self.quiesced();
        names.map(|name| all[name])
    }

    pub(crate) fn wait_while(&mut self, condition: impl Fn() -> bool) {
        self.main.wait_while(|_| condition());
    }

    /// Lets everything run that can.
    pub(crate) fn settle(&mut self) {
        while self.main.poll(false) {}
    }

    /// All nodes are gone.
    pub(crate) fn close(mut self) {
        self.graph.shutdown(&mut self.main).expect("nobody has a reference");
    }
}

fn find<'a>(nodes: &[&'a NodeRef], name: &str) -> &'a NodeRef {
    nodes.iter().find(|node| node.name() == name).expect("a test names its own nodes")
}

pub(crate) fn attach(
    graph: &BlockGraph,
    main: &mut MainLoop,
    parent: &NodeRef,
    name: &str,
    child: &NodeRef,
) {
    let mut section = graph.lock().write(main);
    let reference = child.another(section.main());
    graph.attach_child(&mut section, parent, name, reference).expect("readers get along");
    section.unlock();
}
