//! Requests: what a drain waits for.
//!
//! A request counts itself and looks whether the node is quiesced; a drain quiesces the node and looks at the count. So a
//! request that nobody keeps away takes no mutex, and each thread counts in a shard of its own.
//!
//! # Cases
//! * `request-begins`: the node is not quiesced: in flight from now on.
//! * `request-queued`: it is. The request is *not* in flight while it waits, or the drain would wait for it.
//! * `request-goes-on`: the drain has ended. It looks again: another drain may have begun.
//! * `request-stays-in-flight`: somebody works for it elsewhere, and its future may be dropped meanwhile.
//! * `request-finds-drain-ended`: the drain has ended between its two looks, the second under the mutex.
//!
//! # Invariants
//! * Once a drain has seen the count at 0, no request is in flight until the node is no longer quiesced.
//! * Nobody sleeps in the queue of a node that is not quiesced: the flag is cleared under the mutex, by who takes the queue.
//! * A closed node stays quiesced.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crossbeam_utils::CachePadded;

use super::{Node, NodeRef};
use crate::coroutine::Ticket;
use crate::event_loop::MainHandle;
use crate::mutation::mutated;
use crate::sync::asymmetric::{fence_heavy, fence_light};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::model::CHECKED;
use crate::sync::{Arc, Named, lock, reached, says, thread};

/// Threads that share a shard slow each other down, and nothing else.
const SHARDS: usize = if CHECKED { 1 } else { 8 };

/// How many requests are in flight, and whether new ones are kept away.
pub(super) struct Gate {
    quiesced: AtomicBool,
    in_flight: [CachePadded<AtomicU32>; SHARDS],
}

impl Gate {
    pub(super) fn new(name: &str) -> Self {
        let counter =
            |_| CachePadded::new(AtomicU32::new(0).named(&format_args!("in_flight[{name}]")));
        Gate {
            quiesced: AtomicBool::new(false).named(&format_args!("quiesced[{name}]")),
            in_flight: std::array::from_fn(counter),
        }
    }

    /// A request begins, if it may: then it is in flight, in this shard.
    fn enter(&self, main: &MainHandle) -> Option<usize> {
        let shard = thread::shard(SHARDS);
        self.in_flight[shard].fetch_add(1, Ordering::Relaxed);
        // ORDERING(request-announce): change `in_flight`, light fence, load `quiesced`.
        // Pairs with the heavy fence in `announce_drain`: at least one side sees the other's change.
        // Without it a request is in flight in a drained section. Witness: mutation
        // `request-fence-removed`.
        if !mutated("request-fence-removed") {
            fence_light();
        }
        // ORDERING(drain-publishes): load `quiesced`, then what the request does.
        // Pairs with the release in `Gate::open`: a request that finds the drain ended sees what was done in it.
        // Without it it sees the middle of the drained section. Witness: mutation
        // `drain-flag-acquire-weakened`.
        let ordering = if mutated("drain-flag-acquire-weakened") {
            Ordering::Relaxed
        } else {
            Ordering::Acquire
        };
        if !self.quiesced.load(ordering) {
            return Some(shard);
        }
        self.leave(shard);
        // The drain may have seen it.
        if !mutated("request-back-off-kick-removed") {
            main.kick();
        }
        None
    }

    /// A request is no longer in flight. Whoever calls kicks afterwards.
    fn leave(&self, shard: usize) {
        // ORDERING(request-ends): what the request did, then lower `in_flight`.
        // Pairs with the acquire in `Gate::is_busy`: who sees nobody in flight sees all that they did.
        // Without it a drained section misses the last of it. Witness: mutation
        // `request-end-release-weakened`.
        let ordering = if mutated("request-end-release-weakened") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        self.in_flight[shard].fetch_sub(1, ordering);
    }

    /// Keeps new requests away. Who then looks whether one is in flight [announces](announce_drain) the drain before.
    pub(super) fn shut(&self) {
        self.quiesced.store(true, Ordering::Relaxed);
    }

    /// Lets requests go on. Under the mutex of the queue, by who takes the queue.
    pub(super) fn open(&self) {
        // ORDERING(drain-publishes): what was done in the drained section, then clear `quiesced`.
        // Pairs with the acquire in `Gate::enter`.
        // Without it a request sees the middle of it. Witness: mutation
        // `drain-end-release-weakened`.
        let ordering = if mutated("drain-end-release-weakened") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        self.quiesced.store(false, ordering);
    }

    /// Whether new requests are kept away.
    pub(super) fn is_shut(&self) -> bool {
        self.quiesced.load(Ordering::Relaxed)
    }

    /// Whether a request is in flight. Behind a shut gate each shard can only fall, but for those who take themselves back.
    pub(super) fn is_busy(&self) -> bool {
        // ORDERING(request-ends): load `in_flight`, then what the drained section does.
        // Pairs with the release in `Gate::leave`.
        // Without it the section misses the last of a request. Witness: mutation
        // `request-end-release-weakened`.
        self.in_flight.iter().any(|shard| shard.load(Ordering::Acquire) > 0)
    }
}

/// Announces a drain to all who enter a gate: after the gates were [shut](Gate::shut), once for all of them.
pub(super) fn announce_drain() {
    // ORDERING(request-announce): store each `quiesced`, heavy fence, load `in_flight`.
    // Pairs with the light fence in `Gate::enter`.
    // Without it a request is in flight in a drained section. Witness: mutation
    // `drain-fence-removed`.
    if !mutated("drain-fence-removed") {
        fence_heavy();
    }
}

/// Whose request it is: a reference that outlives it, or a hold of its own.
pub(super) trait Requested {
    fn node(&self) -> &Node;
    fn main(&self) -> &MainHandle;
}

/// A hold of the node's memory.
#[derive(Debug)]
pub struct Held {
    node: Arc<Node>,
    main: MainHandle,
}

impl Requested for Held {
    fn node(&self) -> &Node {
        &self.node
    }

    fn main(&self) -> &MainHandle {
        &self.main
    }
}

impl Requested for &NodeRef {
    fn node(&self) -> &Node {
        NodeRef::node(self)
    }

    fn main(&self) -> &MainHandle {
        self.graph().main()
    }
}

/// A request in flight. Dropping it ends the request. Counterpart: `bdrv_inc_in_flight` and
/// `bdrv_dec_in_flight`.
#[must_use = "the request is in flight as long as this lives"]
#[expect(private_bounds, reason = "there are two kinds, and both are here")]
pub struct InFlight<R: Requested = Held> {
    of: R,
    shard: usize,
}

/// Where a request is counted that is in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<'a> {
    gate: &'a Arc<Gate>,
    shard: usize,
}

#[expect(private_bounds, reason = "there are two kinds, and both are here")]
impl<R: Requested> InFlight<R> {
    /// Where it is counted.
    pub(crate) fn counted(&self) -> Counted<'_> {
        Counted { gate: &self.of.node().gate, shard: self.shard }
    }
}

/// A request that stays in flight for somebody who works for it. It keeps no node: where the last one is let go is
/// the main loop's affair.
pub(crate) struct StillInFlight {
    gate: Arc<Gate>,
    shard: usize,
    main: MainHandle,
}

impl Counted<'_> {
    /// Counts the request once more. No look at the gate: it is in flight, so no drain has seen it gone. In the same
    /// shard, so that a drain that sums the shards one after the other cannot miss both.
    pub(crate) fn stay(self, main: &MainHandle) -> StillInFlight {
        reached!("request-stays-in-flight");
        let gate = Arc::clone(self.gate);
        gate.in_flight[self.shard].fetch_add(1, Ordering::Relaxed);
        StillInFlight { gate, shard: self.shard, main: main.clone() }
    }
}

impl StillInFlight {
    /// Where it is counted.
    pub(crate) fn counted(&self) -> Counted<'_> {
        Counted { gate: &self.gate, shard: self.shard }
    }
}

impl Drop for StillInFlight {
    fn drop(&mut self) {
        self.gate.leave(self.shard);
        self.main.kick();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl fmt::Debug for StillInFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StillInFlight").finish_non_exhaustive()
    }
}

/// The node was closed while the request waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeClosed;

/// A request on its way.
struct Begin<R: Requested> {
    /// Taken out when it is in flight.
    of: Option<R>,
    ticket: Option<Ticket>,
}

impl NodeRef {
    /// Begins a request. Waits while the node is quiesced. Any thread.
    ///
    /// # Errors
    /// If the node was closed meanwhile.
    pub fn begin_request(
        &self,
    ) -> impl Future<Output = Result<InFlight, NodeClosed>> + Send + use<> {
        let held = Held { node: Arc::clone(self.shared()), main: self.graph().main().clone() };
        Begin { of: Some(held), ticket: None }
    }

    /// The same for a request that ends before this reference.
    pub(crate) async fn enter(&self) -> Result<InFlight<&NodeRef>, NodeClosed> {
        Begin { of: Some(self), ticket: None }.await
    }
}

impl<R: Requested + Unpin> Begin<R> {
    /// Whether it still stands in the queue.
    fn sleeps_on(&mut self, node: &Node, context: &Context<'_>) -> bool {
        let Some(ticket) = &self.ticket else { return false };
        if lock(&node.activity).queued.update(ticket, context.waker()) {
            return true;
        }
        self.ticket = None;
        reached!("request-goes-on");
        if mutated("request-keeps-in-flight-while-queued") {
            node.gate.leave(0);
        }
        false
    }

    /// Goes to sleep in the queue, unless the drain has ended.
    fn sleeps(&mut self, node: &Node, context: &Context<'_>) -> Option<Poll<NodeClosed>> {
        let mut activity = lock(&node.activity);
        if activity.closed {
            return Some(Poll::Ready(NodeClosed));
        }
        if !node.gate.is_shut() {
            reached!("request-finds-drain-ended");
            return None;
        }
        reached!("request-queued");
        says!("its request at {} waits for the drain to end", node.name());
        if mutated("request-keeps-in-flight-while-queued") {
            node.gate.in_flight[0].fetch_add(1, Ordering::Relaxed);
        }
        self.ticket = Some(activity.queued.push(context.waker().clone()));
        Some(Poll::Pending)
    }
}

impl<R: Requested + Unpin> Future for Begin<R> {
    type Output = Result<InFlight<R>, NodeClosed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let of = self.of.take().expect("a request is not polled after it began");
        if self.sleeps_on(of.node(), context) {
            self.of = Some(of);
            return Poll::Pending;
        }
        loop {
            if let Some(shard) = of.node().gate.enter(of.main()) {
                reached!("request-begins");
                says!("begins a request at {}", of.node().name());
                return Poll::Ready(Ok(InFlight { of, shard }));
            }
            match self.sleeps(of.node(), context) {
                Some(Poll::Ready(closed)) => return Poll::Ready(Err(closed)),
                Some(Poll::Pending) => {
                    self.of = Some(of);
                    return Poll::Pending;
                }
                None => {}
            }
        }
    }
}

impl<R: Requested> Drop for Begin<R> {
    fn drop(&mut self) {
        if let (Some(of), Some(ticket)) = (&self.of, &self.ticket) {
            lock(&of.node().activity).queued.remove(ticket);
        }
    }
}

impl<R: Requested> Drop for InFlight<R> {
    /// Ends the request, then kicks whoever drains.
    fn drop(&mut self) {
        says!("ends its request at {}", self.of.node().name());
        self.of.node().gate.leave(self.shard);
        if !mutated("request-end-kick-removed") {
            self.of.main().kick();
        }
    }
}

impl fmt::Display for NodeClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node was closed while the request waited for its drained section to end")
    }
}

impl std::error::Error for NodeClosed {}

impl<R: Requested> fmt::Debug for InFlight<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("node", &self.of.node().name()).finish_non_exhaustive()
    }
}
