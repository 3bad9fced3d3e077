//! Committing an overlay: what was written since goes into the backing node, which then takes the overlay's place.
//!
//! All nodes are drained from the first byte to the replacement: what a request wrote meanwhile would be lost.
//! Counterpart: `bdrv_commit`, with `bdrv_drop_intermediate` at its end.

use std::fmt;

use super::change::Change;
use super::{BlockGraph, ChangeError, Node, NodeRef, ReopenError};
use crate::driver::{Io, IoError, Overlay};
use crate::event_loop::MainLoop;
use crate::graph_lock::Hold;
use crate::image::Mode;
use crate::mutation::mutated;
use crate::sync::{Arc, reached};

/// A commit that was not done. Until the backing node has all of it, the overlay stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitError {
    /// The node is no overlay, or has nothing below it.
    NoOverlay(String),
    /// The backing node cannot be opened to be written.
    Reopen(ReopenError),
    /// Somebody does not let the backing node be written, or be used by whoever uses the overlay.
    Change(ChangeError),
    /// The data could not be copied.
    Io(IoError),
}

impl BlockGraph {
    /// Copies what `overlay` has into its backing node, which then takes its place in all that use it. The overlay has
    /// no backing node afterwards; the caller lets go of it. Says how many clusters were copied. Main loop only,
    /// outside sections: it polls.
    ///
    /// # Errors
    /// If the backing node cannot be written or used; then the overlay is where it was.
    pub fn commit(&self, main: &mut MainLoop, overlay: &NodeRef) -> Result<u64, CommitError> {
        let no_overlay = || CommitError::NoOverlay(overlay.name().to_owned());
        let driver = overlay.driver.as_overlay().ok_or_else(no_overlay)?;
        let drains = !mutated("commit-undrained");
        if drains {
            self.drain_all_begin(main);
        }
        // Looked up after the drain: it has polled, and the graph may be another one (U9).
        let guard = self.lock().read_main(main);
        let backing = overlay.child_reference(main, &guard, "backing");
        let result = match &backing {
            Some(backing) => self.commit_drained(main, overlay, driver, backing),
            None => Err(no_overlay()),
        };
        if drains {
            self.drain_all_end(main);
        }
        if let Some(backing) = backing {
            self.unref(main, backing);
        }
        result
    }

    fn commit_drained(
        &self,
        main: &mut MainLoop,
        overlay: &NodeRef,
        driver: &Overlay,
        backing: &NodeRef,
    ) -> Result<u64, CommitError> {
        let image = self.bottom(main, backing);
        let mode = image.driver.mode(&self.lock().read_main(main));
        let reopened = self.reopen_drained(main, &[(&image, Mode::ReadWrite)]);
        let result = match reopened {
            Ok(()) => self.commit_writable(main, overlay, driver, backing),
            Err(error) => Err(CommitError::Reopen(error)),
        };
        if result.is_err() && mode == Some(Mode::ReadOnly) {
            // An image that is no longer written keeps others out for nothing. If it cannot be opened again the first
            // error is the one to tell.
            let _ = self.reopen_drained(main, &[(&image, Mode::ReadOnly)]);
        }
        self.unref(main, image);
        result
    }

    /// The same where the image at the bottom can be written.
    fn commit_writable(
        &self,
        main: &mut MainLoop,
        overlay: &NodeRef,
        driver: &Overlay,
        backing: &NodeRef,
    ) -> Result<u64, CommitError> {
        driver.set_committing(true);
        let mut section = self.lock().write(main);
        let allowed = self.refresh(&mut section, overlay).map_err(CommitError::Change);
        section.unlock();
        let copied = allowed.and_then(|()| self.copy_to_backing(main, overlay));
        driver.set_committing(false);
        let mut section = self.lock().write(main);
        let result = copied.and_then(|copied| {
            self.drop_overlay(&mut section, overlay, backing).map_err(CommitError::Change)?;
            Ok(copied)
        });
        if result.is_err() {
            // It asks for less now, which nobody refuses.
            let _ = self.refresh(&mut section, overlay);
        }
        section.unlock();
        result
    }

    /// The node at the bottom of the chain of `file` children: the one with the image.
    fn bottom(&self, main: &MainLoop, node: &NodeRef) -> NodeRef {
        let guard = self.lock().read_main(main);
        let mut bottom = node.another(main);
        while let Some(below) = bottom.child_reference(main, &guard, "file") {
            std::mem::replace(&mut bottom, below).forget(main);
        }
        bottom
    }

    fn copy_to_backing(&self, main: &mut MainLoop, overlay: &NodeRef) -> Result<u64, CommitError> {
        let (lock, node): (_, Arc<Node>) = (self.lock().clone(), Arc::clone(overlay.shared()));
        let copied = main.run_coroutine("commit", move |_| async move {
            let guard = lock.read().await;
            let io = Io::of(&node, Hold::Read(&guard));
            match node.driver.as_overlay() {
                Some(driver) => driver.copy_to_backing(io).await,
                None => Ok(0),
            }
        });
        copied.map_err(CommitError::Io)
    }

    fn drop_overlay(
        &self,
        section: &mut crate::graph_lock::WriteGuard<'_>,
        overlay: &NodeRef,
        backing: &NodeRef,
    ) -> Result<(), ChangeError> {
        reached!("commit-drops-overlay");
        let mut change = Change::new(section);
        let done = change
            .replace_in_parents(overlay.shared(), backing)
            .and_then(|()| change.detach(overlay.shared(), "backing"));
        let nodes = [Arc::clone(overlay.shared()), Arc::clone(backing.shared())];
        let (result, references) = super::edit::finish(change, done, &nodes);
        references.into_iter().for_each(|reference| reference.forget(section.main()));
        result
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitError::NoOverlay(node) => {
                write!(
                    f,
                    "node `{node}` is no overlay with a backing node: there is nothing to commit"
                )
            }
            CommitError::Reopen(error) => error.fmt(f),
            CommitError::Change(error) => error.fmt(f),
            CommitError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommitError {}
