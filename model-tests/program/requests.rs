//! Requests: that they are kept out of drained sections, succeed where nothing is in their way, and find what was
//! written.
//!
//! Each task writes numbers of its own to a byte of its own. What it reads back is the last it has written, if it went the
//! same way and nothing has changed in between; else one of those it has tried to write.

use graphlock_harness::scenario::always;
use graphlock_programs::program::NodeId;
use graphlock_programs::reference::Presence;
use graphlock_programs::step::Step;

use super::task::{Running, Written, once};
use super::world::World;
use crate::driver::{Io, IoError};
use crate::graph::{Counted, Node};
use crate::graph_lock::Hold;
use crate::sync::Arc;

/// What a request finds out.
enum Done {
    Read(u8),
    Other,
}

/// A request that is in flight, or one that was given up and is going.
pub(super) struct Inside {
    world: Arc<World>,
    node: NodeId,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.world.quiet[self.node.0].share();
        let inside = &self.world.inside[self.node.0];
        inside.set(inside.get() - 1);
    }
}

impl World {
    /// A request is inside as long as this lives.
    pub(super) fn enter(self: &Arc<Self>, node: NodeId) -> Inside {
        self.inside[node.0].add(1);
        self.quiet[node.0].share();
        Inside { world: Arc::clone(self), node }
    }

    /// A drained section of the node has begun, or is about to end.
    pub(super) fn assert_nobody_inside(&self, node: NodeId) {
        let inside = self.inside[node.0].get();
        let name = self.name(node);
        always(
            "no-request-in-drained-section",
            inside == 0,
            format_args!("{inside} requests are in flight at `{name}`"),
        );
    }

    /// Whether requests must not go to a node: an overlay keeps its own order in it.
    fn is_private(&self, node: NodeId) -> bool {
        self.program.node(node).driver.image().is_some_and(|image| self.formatted[image.0])
    }
}

impl Running {
    pub(super) async fn request(&mut self, step: &Step) {
        let request = self.requests.pop_front().expect("one was made for each");
        let (Step::Read(node) | Step::Write(node) | Step::Flush(node) | Step::CancelWrite(node)) =
            step
        else {
            unreachable!("the caller hands on these alone")
        };
        let world = Arc::clone(&self.world);
        if world.is_private(*node) {
            return;
        }
        let Some(target) = world.nodes[node.0].clone() else { return };
        let before = world.reference.with(|of_run| (of_run.contents(), of_run.changes()));
        let ends = world.reference.with(|of_run| of_run.end_of_request(*node).is_some());
        let value = self.slot.tried + 1;
        let begun = async {
            match request.await {
                Ok(request) => {
                    // Dropped before the request, also when this future is.
                    let inside = world.enter(*node);
                    let counted = request.counted();
                    let done =
                        world.perform(&target, counted, step, self.task.0 as u64, value).await;
                    drop(inside);
                    drop(request);
                    Some(done)
                }
                Err(_) => None,
            }
        };
        if let Step::CancelWrite(_) = step {
            self.slot.tried = value;
            self.slot.loose = true;
            let mut begun = Some(Box::pin(begun));
            once(|context| {
                if let Some(mut begun) = begun.take() {
                    let _ = begun.as_mut().poll(context);
                }
            })
            .await;
            return;
        }
        let done = begun.await;
        let same = world.reference.with(|of_run| of_run.changes()) == before.1;
        match done {
            None => {
                // A commit lets its backing node go before it is known to have succeeded.
                let certain = world.reference.with(|of_run| {
                    !of_run.is_suspended() && of_run.presence(*node) == Presence::Certain
                });
                let name = world.name(*node);
                always("requests-succeed", !certain, format_args!("`{name}` is not closed"));
            }
            Some(result) => {
                let must_succeed = ends && same;
                self.judge(step, *node, value, (before.0, ends), must_succeed, result);
            }
        }
    }

    fn judge(
        &mut self,
        step: &Step,
        node: NodeId,
        value: u8,
        (contents, ends): (u32, bool),
        must_succeed: bool,
        result: Result<Done, IoError>,
    ) {
        let now = self.world.reference.with(|of_run| of_run.contents());
        match (step, result) {
            (Step::Write(_), Ok(_)) => {
                self.slot.tried = value;
                let certain = contents == now && ends;
                self.slot.last = certain.then_some(Written { through: node, value, contents });
            }
            (Step::Write(_), Err(_)) => {
                // It may have been written in part.
                self.slot.tried = value;
                self.slot.last = None;
            }
            (Step::Read(_), Ok(Done::Read(found))) => {
                let name = self.world.name(node);
                let exact = self.slot.last.filter(|last| {
                    last.through == node && last.contents == now && !self.slot.loose
                });
                let tried = self.slot.tried;
                always(
                    "reads-what-was-written",
                    exact.map_or(found <= tried, |last| last.value == found),
                    format_args!(
                        "`{name}` has {found}, expected {}",
                        exact.map_or(format!("at most {tried}"), |last| last.value.to_string())
                    ),
                );
            }
            (Step::Read(_), Err(error)) if must_succeed && self.world.program.faults.is_empty() => {
                always("requests-succeed", false, error);
            }
            _ => {}
        }
    }
}

impl World {
    async fn perform(
        &self,
        node: &Arc<Node>,
        counted: Counted<'_>,
        step: &Step,
        offset: u64,
        value: u8,
    ) -> Result<Done, IoError> {
        let guard = self.graph.lock().read().await;
        self.look_at_sections(&guard);
        let io = Io::of(node, Hold::Read(&guard)).counted(counted);
        match step {
            Step::Read(_) => {
                let mut byte = [0];
                io.read(offset, &mut byte).await?;
                Ok(Done::Read(byte[0]))
            }
            Step::Flush(_) => io.flush().await.map(|()| Done::Other),
            _ => io.write(offset, &[value]).await.map(|()| Done::Other),
        }
    }
}
