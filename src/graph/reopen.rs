//! Reopening images in another mode: several nodes at once, all of them or none.
//!
//! # Order
//! 1. Drain all nodes: no request sees one image in the old mode and another in the new one.
//! 2. Flush each: what the old descriptor has buffered reaches the disk before the new one is used.
//! 3. Prepare each: the new descriptor is opened, and takes its locks while the old one still has them.
//! 4. In a write section let each go on with the new one. Closing the old descriptors lets go of their locks: at no
//!    time is an image without.
//! 5. End the drain.
//!
//! # Cases
//! * `reopen-commits`: all are ready.
//! * `reopen-rolls-back`: one is not: those before it stay as they were, the last first.

use std::fmt;

use super::{BlockGraph, NodeRef};
use crate::driver::DriverError;
use crate::event_loop::MainLoop;
use crate::image::Mode;
use crate::mutation::mutated;
use crate::sync::reached;

/// A reopen that was not done, and because of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReopenError {
    /// The node.
    pub node: String,
    /// What its driver says.
    pub error: DriverError,
}

impl BlockGraph {
    /// Goes on with the images of these nodes in other modes. Main loop only, outside sections: it polls. Counterpart:
    /// `bdrv_reopen_multiple`.
    ///
    /// # Errors
    /// If one of them cannot be; then all are as they were.
    pub fn reopen(
        &self,
        main: &mut MainLoop,
        nodes: &[(&NodeRef, Mode)],
    ) -> Result<(), ReopenError> {
        self.drain_all_begin(main);
        let result = self.reopen_drained(main, nodes);
        self.drain_all_end(main);
        result
    }

    /// The same where all nodes are drained already.
    pub(super) fn reopen_drained(
        &self,
        main: &mut MainLoop,
        nodes: &[(&NodeRef, Mode)],
    ) -> Result<(), ReopenError> {
        for (node, _) in nodes {
            self.flush(main, node.shared());
        }
        for (at, (node, mode)) in nodes.iter().enumerate() {
            let guard = self.lock().read_main(main);
            let prepared = node.driver.reopen_prepare(&guard, *mode);
            if let Err(error) = prepared {
                reached!("reopen-rolls-back");
                let keeps = mutated("reopen-keeps-prepared") || mutated("reopen-commits-each");
                let ready = if keeps { &[] } else { &nodes[..at] };
                for (ready, _) in ready.iter().rev() {
                    ready.driver.reopen_abort(&guard);
                }
                return Err(ReopenError { node: node.name().to_owned(), error });
            }
            drop(guard);
            // None goes on in its new mode before all can: one that cannot would leave the others behind.
            if mutated("reopen-commits-each") {
                let mut section = self.lock().write(main);
                node.driver.reopen_commit(&mut section);
                section.unlock();
            }
        }
        reached!("reopen-commits");
        let mut section = self.lock().write(main);
        let left = if mutated("reopen-commits-each") { &[] } else { nodes };
        for (node, _) in left {
            node.driver.reopen_commit(&mut section);
        }
        section.unlock();
        Ok(())
    }
}

impl fmt::Display for ReopenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node `{}` cannot be reopened: {}; nothing was", self.node, self.error)
    }
}

impl std::error::Error for ReopenError {}
