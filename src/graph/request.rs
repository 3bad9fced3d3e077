//! Requests: what a drain waits for.
//!
//! # Cases
//! * `request-begins`: the node is not quiesced: in flight from now on.
//! * `request-queued`: it is. The request is *not* in flight while it waits, or the drain would wait for it.
//! * `request-goes-on`: the drain has ended. It looks again: another drain may have begun.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Node, NodeRef};
use crate::coroutine::Ticket;
use crate::event_loop::MainHandle;
use crate::mutation::mutated;
use crate::sync::{Arc, lock, reached};

/// A request in flight. Dropping it ends the request. Counterpart: `bdrv_inc_in_flight` and
/// `bdrv_dec_in_flight`.
#[must_use = "the request is in flight as long as this lives"]
pub struct InFlight {
    node: Arc<Node>,
    main: MainHandle,
}

/// The node was closed while the request waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeClosed;

/// A request on its way.
struct Begin {
    node: Arc<Node>,
    main: MainHandle,
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
        let main = self.graph().0.main.clone();
        Begin { node: Arc::clone(self.shared()), main, ticket: None }
    }
}

impl Future for Begin {
    type Output = Result<InFlight, NodeClosed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let node = Arc::clone(&self.node);
        let mut activity = lock(&node.activity);
        if let Some(ticket) = &self.ticket {
            if activity.queued.update(ticket, context.waker()) {
                return Poll::Pending;
            }
            self.ticket = None;
            reached!("request-goes-on");
            if mutated("request-keeps-in-flight-while-queued") {
                activity.in_flight -= 1;
            }
        }
        if activity.closed {
            return Poll::Ready(Err(NodeClosed));
        }
        if activity.quiesced {
            reached!("request-queued");
            if mutated("request-keeps-in-flight-while-queued") {
                activity.in_flight += 1;
            }
            self.ticket = Some(activity.queued.push(context.waker().clone()));
            return Poll::Pending;
        }
        reached!("request-begins");
        activity.in_flight += 1;
        drop(activity);
        let main = self.main.clone();
        Poll::Ready(Ok(InFlight { node, main }))
    }
}

impl Drop for Begin {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            lock(&self.node.activity).queued.remove(ticket);
        }
    }
}

impl Drop for InFlight {
    /// Ends the request, then kicks whoever drains.
    fn drop(&mut self) {
        lock(&self.node.activity).in_flight -= 1;
        if !mutated("request-end-kick-removed") {
            self.main.kick();
        }
    }
}

impl fmt::Display for NodeClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node was closed while the request waited for its drained section to end")
    }
}

impl std::error::Error for NodeClosed {}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("node", &self.node).finish_non_exhaustive()
    }
}
