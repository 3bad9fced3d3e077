//! A job: work of its own on a node, for a long time, that a drain can pause. Counterpart: `BlockJob`.
//!
//! Its work is a request of the node, as long as it works. At a pause point it ends that request and begins another,
//! which waits while the node is drained: so a drain waits until the job comes to its next pause point, and the job
//! waits there until the drain ends.
//!
//! # Cases
//! * `job-pauses`: the node is drained at a pause point.

use super::NodeRef;
use super::request::{InFlight, NodeClosed};
use crate::sync::reached;

/// Work on a node.
#[derive(Debug)]
pub struct Job {
    node: NodeRef,
    request: Option<InFlight>,
}

impl Job {
    /// Begins to work on `node`. Waits while it is drained. Any thread, in a coroutine without a read lock.
    ///
    /// # Errors
    /// If the node is closed meanwhile.
    pub async fn start(node: NodeRef) -> Result<Self, NodeClosed> {
        let request = node.begin_request().await?;
        Ok(Job { node, request: Some(request) })
    }

    /// Lets a drain come between what was done and what comes next. The coroutine holds no read lock: a writer would
    /// wait for it, and the drain for the writer. Counterpart: `job_pause_point`.
    ///
    /// # Errors
    /// If the node is closed meanwhile: the job has nothing to work on.
    pub async fn pause_point(&mut self) -> Result<(), NodeClosed> {
        self.request = None;
        if self.node.is_quiesced() {
            reached!("job-pauses");
        }
        self.request = Some(self.node.begin_request().await?);
        Ok(())
    }

    /// The node it works on.
    #[must_use]
    pub fn node(&self) -> &NodeRef {
        &self.node
    }
}
