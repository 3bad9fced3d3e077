//! The steps of coroutines and of threads without a loop.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Poll;

use graphlock_harness::scenario::always;
use graphlock_programs::program::{EventId, ImageId, Mode, NodeId, Place, TaskId};
use graphlock_programs::step::Step;

use super::build::{implied, mode_of};
use super::requests::Inside;
use super::world::{World, fail_on};
use crate::coroutine::Coroutine;
use crate::driver::Header;
use crate::graph::{Drained, InFlight, Job, NodeClosed, NodeRef};
use crate::graph_lock::{OwnedReadGuard, ReadGuard, Readable};
use crate::image::{Image, MemoryImage};
use crate::sync::atomic::Ordering;
use crate::sync::{Arc, lock};

/// A request that has not begun.
pub(super) type Request = Pin<Box<dyn Future<Output = Result<InFlight, NodeClosed>> + Send>>;

/// What a task has written: one byte of its own in whatever it writes to.
#[derive(Default)]
pub(super) struct Slot {
    /// The last number it has tried to write.
    pub(super) tried: u8,
    /// The last that was certainly written: through which node, and when.
    pub(super) last: Option<Written>,
    /// A write was given up: nobody knows when it is done, if it is.
    pub(super) loose: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Written {
    pub(super) through: NodeId,
    pub(super) value: u8,
    pub(super) contents: u32,
}

/// A task that runs.
pub(super) struct Running {
    pub(super) world: Arc<World>,
    pub(super) task: TaskId,
    pub(super) holds: Vec<(NodeId, NodeRef)>,
    /// One for each request, in their order.
    pub(super) requests: VecDeque<Request>,
    pub(super) slot: Slot,
}

/// The read lock, as far as a task has it.
enum Guard<'a> {
    None,
    First(ReadGuard<'a>),
    /// One that was shared with it; it has let go of the first.
    Second(OwnedReadGuard),
}

/// What a coroutine does beside single steps.
enum Activity {
    Drained(NodeId, Drained),
    Job(NodeId, Job, Inside),
}

impl Running {
    pub(super) async fn take_steps(mut self, coroutine: Option<Coroutine>) {
        let program = Arc::clone(&self.world.program);
        let graph_lock = self.world.graph.lock().clone();
        let mut guard = Guard::None;
        let mut activity = None;
        let mut elsewhere: Vec<(ImageId, Mode, MemoryImage)> = Vec::new();
        for step in &program.tasks[self.task.0].steps {
            match step {
                Step::ReadLock => {
                    let taken = graph_lock.read().await;
                    self.world.look_at_sections(&taken);
                    guard = Guard::First(taken);
                }
                Step::Share => {
                    if let Guard::First(first) = guard {
                        guard = Guard::Second(first.share());
                    }
                    self.look_under(&guard, None);
                }
                Step::ReadUnlock => {
                    self.look_under(&guard, None);
                    guard = Guard::None;
                }
                Step::CancelReadLock => {
                    let mut read = Some(Box::pin(graph_lock.read()));
                    once(|context| {
                        if let Some(mut read) = read.take() {
                            let _ = read.as_mut().poll(context);
                        }
                    })
                    .await;
                }
                Step::Look(node) => self.look_under(&guard, Some(*node)),
                Step::Yield => {
                    if let Some(coroutine) = &coroutine {
                        coroutine.yield_now().await;
                    }
                }
                Step::Move(target) => {
                    if let Some(coroutine) = &coroutine {
                        let target = &self.world.loops[target.0];
                        coroutine.move_to(target).await;
                        let home = coroutine.home();
                        always(
                            "goes-on-elsewhere",
                            Arc::ptr_eq(&home, target),
                            format_args!("it goes on on `{}`", home.name()),
                        );
                    }
                }
                Step::Wait(event) => self.world.event(*event).await,
                Step::OpenElsewhere(image, mode) => elsewhere.extend(self.come(*image, *mode)),
                Step::CloseElsewhere(image) => {
                    if let Some(at) = elsewhere.iter().position(|(open, _, _)| open == image) {
                        self.go(elsewhere.remove(at));
                    }
                }
                Step::Inspect(image) => self.world.inspect(*image),
                Step::Drained(_)
                | Step::EndDrained
                | Step::Job(_)
                | Step::PausePoint
                | Step::EndJob
                | Step::Drop(_) => self.take_by_reference(step, &mut activity).await,
                Step::Read(_) | Step::Write(_) | Step::Flush(_) | Step::CancelWrite(_) => {
                    self.request(step).await;
                }
                _ => {
                    self.world.take_anywhere(None, step);
                }
            }
        }
        self.finish();
    }

    async fn take_by_reference(&mut self, step: &Step, activity: &mut Option<Activity>) {
        match step {
            Step::Drained(node) => {
                let reference = self.let_go(*node);
                let drained = self.world.graph.drained(reference).await;
                self.world.assert_nobody_inside(*node);
                *activity = Some(Activity::Drained(*node, drained));
            }
            Step::EndDrained => {
                if let Some(Activity::Drained(node, drained)) = activity.take() {
                    self.world.assert_nobody_inside(node);
                    self.world.reference.with(|reference| reference.drop_of_task(node));
                    drop(drained);
                }
            }
            Step::Job(node) => {
                // It cannot have been closed: the job has a reference.
                if let Ok(job) = Job::start(self.let_go(*node)).await {
                    let inside = self.world.enter(*node);
                    *activity = Some(Activity::Job(*node, job, inside));
                }
            }
            Step::PausePoint => {
                if let Some(Activity::Job(node, mut job, inside)) = activity.take() {
                    drop(inside);
                    let paused = job.pause_point().await;
                    always("requests-succeed", paused.is_ok(), "a job's node was closed");
                    let inside = self.world.enter(node);
                    *activity = Some(Activity::Job(node, job, inside));
                }
            }
            Step::EndJob => {
                if let Some(Activity::Job(node, job, inside)) = activity.take() {
                    drop(inside);
                    self.world.reference.with(|reference| reference.drop_of_task(node));
                    drop(job);
                }
            }
            Step::Drop(node) => {
                let reference = self.let_go(*node);
                self.world.reference.with(|reference| reference.drop_of_task(*node));
                drop(reference);
            }
            _ => unreachable!("the caller hands on these alone"),
        }
    }

    fn let_go(&mut self, node: NodeId) -> NodeRef {
        let at = self.holds.iter().position(|(each, _)| *each == node);
        self.holds.remove(at.expect("the rules let it use what it holds alone")).1
    }

    fn look_under(&self, guard: &Guard<'_>, node: Option<NodeId>) {
        match guard {
            Guard::None => {}
            Guard::First(guard) => self.look(guard, node),
            Guard::Second(guard) => self.look(guard, node),
        }
    }

    fn look(&self, guard: &impl Readable, node: Option<NodeId>) {
        if let Some(node) = node.and_then(|node| self.world.nodes[node.0].as_ref()) {
            node.with_children(guard, |children| children.count());
        }
        self.world.look_at_sections(guard);
    }

    /// Opens an image as another process would.
    fn come(&self, image: ImageId, mode: Mode) -> Option<(ImageId, Mode, MemoryImage)> {
        let world = &self.world;
        world.reference.with(|of_run| of_run.stranger_comes_or_goes(self.task, image, mode));
        let name = world.program.images[image.0].name;
        let opened = world.images.open(name, mode_of(mode)).expect("it was created");
        if opened.prepare(implied(mode)).is_err() {
            world.reference.with(|of_run| of_run.stranger_is_gone(self.task, image));
            return None;
        }
        opened.commit();
        fail_on(world.reference.with(|of_run| {
            of_run.stranger_is_in(self.task, image);
            of_run.check()
        }));
        Some((image, mode, opened))
    }

    fn go(&self, (image, mode, opened): (ImageId, Mode, MemoryImage)) {
        let task = self.task;
        self.world.reference.with(|of_run| of_run.stranger_comes_or_goes(task, image, mode));
        drop(opened);
        self.world.reference.with(|of_run| of_run.stranger_is_gone(task, image));
    }

    fn finish(mut self) {
        for (node, reference) in self.holds.drain(..) {
            self.world.reference.with(|of_run| of_run.drop_of_task(node));
            drop(reference);
        }
        self.requests.clear();
        if let Place::Loop(home) = self.world.program.tasks[self.task.0].place
            && self.world.program.main.contains(&Step::Stop(home))
        {
            self.world.residents[home.0].fetch_sub(1, Ordering::Release);
        }
        self.world.one_less();
    }
}

/// Calls `f` with a context, once.
pub(super) async fn once(mut f: impl FnMut(&mut std::task::Context<'_>)) {
    std::future::poll_fn(|context| {
        f(context);
        Poll::Ready(())
    })
    .await;
}

impl World {
    /// What the sections change together is seen whole.
    pub(super) fn look_at_sections(&self, guard: &impl Readable) {
        let (first, second) = self.sections.read(guard, |sections| *sections);
        always("reader-sees-whole-sections", first == second, format_args!("{first} and {second}"));
    }

    async fn event(&self, event: EventId) {
        std::future::poll_fn(|context| {
            let mut event = lock(&self.events[event.0]);
            if event.signalled {
                return Poll::Ready(());
            }
            event.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Looks at an overlay's file as after a kill at this moment: its map never points past the end.
    fn inspect(&self, image: ImageId) {
        if !self.is_inspectable(image) {
            return;
        }
        let name = self.program.images[image.0].name;
        let file = self.images.open(name, crate::image::Mode::ReadOnly).expect("it was created");
        let mut head = [0; Header::BYTES];
        let mut entry = [0; 8];
        file.read_at(0, &mut head).expect("memory can be read");
        let header = Header::decode(&head).expect("nobody else writes to it");
        file.read_at(header.map_at(), &mut entry).expect("memory can be read");
        let at = u64::from_le_bytes(entry);
        let length = file.length().expect("memory has a length");
        let fits = at == 0 || at + header.cluster() <= length;
        always("map-never-points-past-the-end", fits, format_args!("cluster at {at} of {length}"));
    }
}
