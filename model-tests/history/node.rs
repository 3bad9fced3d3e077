//! Nodes: requests, drains, references, closes.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::lock::{Lock, MAIN};
use super::protocol::Unref;
use crate::coroutine::{SleeperQueue, block_on};
use crate::event_loop::MainLoop;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::atomic::{AtomicBool, AtomicU32, fence};
use crate::sync::note::Note;
use crate::sync::{Arc, Mutex, Named, lock, says, within};

/// A node with an image that it keeps open.
pub(super) struct Node {
    references: Note,
    in_flight: AtomicU32,
    quiesce_counter: AtomicU32,
    queued: Mutex<SleeperQueue>,
    /// Its image is open.
    open: AtomicBool,
    children: Vec<Arc<Node>>,
}

/// A request on its way in.
pub(super) struct Begin<'a> {
    node: &'a Node,
    of: &'a Lock,
}

impl Node {
    /// A node with one reference, whose image is open.
    pub(super) fn new(of: &Lock, name: &str, children: Vec<Arc<Node>>) -> Arc<Node> {
        let references = Note::default();
        references.set(1);
        let node = Arc::new(Node {
            references,
            in_flight: AtomicU32::new(0).named(&format_args!("in_flight[{name}]")),
            quiesce_counter: AtomicU32::new(0).named(&format_args!("quiesce_counter[{name}]")),
            queued: Mutex::new(SleeperQueue::default()).named(&format_args!("queued[{name}]")),
            open: AtomicBool::new(true).named(&format_args!("open[{name}]")),
            children,
        });
        of.add_node(&node);
        node
    }

    /// One reference more.
    pub(super) fn another(self: &Arc<Self>) -> Arc<Node> {
        self.references.add(1);
        Arc::clone(self)
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(SeqCst)
    }

    pub(super) fn is_quiesced(&self) -> bool {
        self.quiesce_counter.load(SeqCst) > 0
    }

    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(SeqCst) > 0
    }

    pub(super) fn quiesce(&self) {
        self.quiesce_counter.fetch_add(1, SeqCst);
        fence(SeqCst);
    }

    pub(super) fn go_on(&self) {
        if self.quiesce_counter.fetch_sub(1, SeqCst) == 1 {
            let queued = lock(&self.queued).take_all();
            queued.into_iter().for_each(Waker::wake);
        }
    }

    /// Begins a request; while the node is quiesced it waits, and is not in flight.
    pub(super) fn begin<'a>(&'a self, of: &'a Lock) -> Begin<'a> {
        Begin { node: self, of }
    }

    /// Ends a request.
    pub(super) fn end(&self, of: &Lock) {
        self.in_flight.fetch_sub(1, SeqCst);
        of.main.kick();
    }
}

impl Future for Begin<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let node = self.node;
        node.in_flight.fetch_add(1, SeqCst);
        fence(SeqCst);
        if !node.is_quiesced() {
            return Poll::Ready(());
        }
        node.in_flight.fetch_sub(1, SeqCst);
        self.of.main.kick();
        let mut queued = lock(&node.queued);
        if node.is_quiesced() {
            says!("sleeps until the drain ends");
            queued.push(context.waker().clone());
        } else {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Lock {
    /// Waits, with requests kept away, until none is in flight.
    pub(super) fn drain(&self, main: &mut MainLoop, node: &Node) {
        let _draining = within!("drains the node");
        node.quiesce();
        main.wait_while(|_| node.is_busy());
    }

    /// Drops a reference; the last one closes the node: it is drained, flushed by a coroutine that takes the read lock, its image is
    /// closed, and its children are let go of in a section.
    pub(super) fn unref(self: &Arc<Self>, main: &mut MainLoop, node: &Arc<Node>) {
        let left = node.references.get() - 1;
        node.references.set(left);
        if left > 0 {
            return;
        }
        let _closing = within!("closes the node");
        self.remove_node(node);
        self.drain(main, node);
        let assumes_lock = self.protocol.unref == Unref::AssumesLock;
        if !assumes_lock {
            self.flush(main);
        }
        node.open.store(false, SeqCst);
        if node.children.is_empty() {
            return;
        }
        let section = (!assumes_lock).then(|| self.write_drained(main));
        for child in &node.children {
            self.schedule_unref(main, Arc::clone(child));
        }
        if let Some(section) = section {
            self.unlock(main, &section);
        }
    }

    /// A coroutine that reads the graph is entered at once; only if it sleeps somebody polls for it.
    fn flush(self: &Arc<Self>, main: &mut MainLoop) {
        let own = Arc::clone(self);
        let flush = async move {
            own.read(MAIN).await;
            own.leave(MAIN);
        };
        if self.has_writer() {
            let _flushing = within!("flushes the node by a coroutine");
            main.run_coroutine("flush", |_| flush);
        } else {
            block_on(flush);
        }
    }
}
