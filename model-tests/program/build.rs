//! How a run begins: the nodes that are there, their children, and who takes steps.

use graphlock_harness::scenario::always;
use graphlock_programs::program::{
    Deferral, Driver, Edge, ImageId, LoopId, NodeId, Place, Program, TaskId,
};
use graphlock_programs::reference::{self, Reference};
use graphlock_programs::step::Step;

use super::callbacks::Callbacks;
use super::faulty::{Faults, FaultyImage};
use super::task::{Running, Slot};
use super::watched::Watched;
use super::world::{Event, Hands, World};
use crate::coroutine::block_on;
use crate::driver::{
    self, CopyBeforeWrite, Device, DriverError, Header, Null, Overlay, Raw, Storage,
};
use crate::event_loop::{MainCell, MainLoop, WorkerPool};
use crate::graph::{BlockGraph, NodeRef};
use crate::graph_lock::{self, GraphCell};
use crate::image::{Image, MemoryImages, Mode};
use crate::permission::{Access, Permissions};
use crate::sync::atomic::{AtomicBool, AtomicU32};
use crate::sync::model::Beside;
use crate::sync::note::Note;
use crate::sync::{Arc, Named, model};

/// The length of each image and of each overlay: one cluster, the smallest there is.
const LENGTH: u64 = 512;
const CLUSTER_BITS: u32 = 9;
/// What a copy-before-write filter copies at a time.
const COPIED: u64 = 16;

impl World {
    /// What is there at the beginning.
    pub(super) fn build(
        main: &mut MainLoop,
        program: &Arc<Program>,
        deferral: Deferral,
    ) -> Arc<Self> {
        let deferral = match deferral {
            Deferral::BottomHalf => graph_lock::Deferral::BottomHalf,
            Deferral::List => graph_lock::Deferral::List,
        };
        let graph = BlockGraph::new(main, deferral);
        let threads: Vec<_> =
            program.loops.iter().map(|name| graph.lock().io_thread(name)).collect();
        let loops = threads.iter().map(|thread| Arc::clone(thread.event_loop())).collect();
        let residents = |(at, name): (usize, &&str)| {
            let on_it = program.tasks.iter().filter(|task| task.place == Place::Loop(LoopId(at)));
            let count = u32::try_from(on_it.count()).expect("few tasks");
            AtomicU32::new(count).named(&format_args!("residents[{name}]"))
        };
        let faults = (0..program.images.len()).map(|image| {
            Faults::new(
                program.faults.iter().filter(|fault| fault.image == ImageId(image)).copied(),
            )
        });
        let hands = Hands { loops: threads.into_iter().map(Some).collect(), ..Hands::default() };
        let images = MemoryImages::new();
        let mut world = World {
            program: Arc::clone(program),
            main: main.handle(),
            pool: (program.workers > 0).then(|| Arc::new(WorkerPool::new(program.workers))),
            reference: Beside::new(Reference::new(Arc::clone(program))),
            hands: MainCell::new(main, hands),
            loops,
            nodes: vec![None; program.nodes.len()],
            quiet: program.nodes.iter().map(|_| Watched::new()).collect(),
            inside: program.nodes.iter().map(|_| Note::default()).collect(),
            sections: GraphCell::new(graph.lock(), (0, 0)),
            events: program.events.iter().map(|name| Event::new(name)).collect(),
            callbacks: Callbacks::new(program),
            faults: faults.collect(),
            left: AtomicU32::new(0).named(&"left"),
            is_awaited: AtomicBool::new(false).named(&"awaited"),
            residents: program.loops.iter().enumerate().map(residents).collect(),
            formatted: formatted(program),
            graph,
            images,
        };
        world.create_images();
        world.create_nodes(main);
        let world = Arc::new(world);
        world.callbacks.create(&world);
        world
    }

    fn create_images(&self) {
        for (image, formatted) in self.program.images.iter().zip(&self.formatted) {
            self.images.create(image.name, LENGTH).expect("there is none of this name");
            if *formatted {
                let header =
                    Header { cluster_bits: CLUSTER_BITS, length: LENGTH, backing: String::new() };
                let opened = self.images.open(image.name, Mode::ReadWrite).expect("it was created");
                opened.truncate(header.data_at()).expect("memory has room");
                opened.write_at(0, &header.encode()).expect("memory has room");
            }
        }
    }

    /// Nodes whose children are there come first, so that an overlay finds its file.
    fn create_nodes(&mut self, main: &mut MainLoop) {
        let program = Arc::clone(&self.program);
        let mut created: Vec<Option<NodeRef>> = program.nodes.iter().map(|_| None).collect();
        for node in children_first(&program) {
            if program.node(node).open {
                let file = program.node(node).children.iter().find(|(edge, _)| *edge == Edge::File);
                let file = file.and_then(|(_, file)| created[file.0].as_ref());
                let driver = self.driver(main, node, file).expect("the beginning gets along");
                created[node.0] = Some(self.graph.create_node(main, self.name(node), driver));
            }
        }
        let mut section = self.graph.lock().write(main);
        for node in children_first(&program).into_iter().rev() {
            let Some(parent) = &created[node.0] else { continue };
            for (edge, child) in &program.node(node).children {
                let child = created[child.0].as_ref().expect("children of what is there are there");
                let child = child.another(section.main());
                let attached = self.graph.attach_child(&mut section, parent, edge.word(), child);
                attached.expect("the beginning gets along");
            }
        }
        section.unlock();
        self.nodes = created
            .iter()
            .map(|node| node.as_ref().map(|node| Arc::clone(node.shared())))
            .collect();
        let references = created.into_iter().map(|node| node.map(Arc::new).into_iter().collect());
        let references = references.collect();
        let opened = self.nodes.clone();
        self.hands.with(main, |hands| {
            hands.references = references;
            hands.opened = opened;
        });
    }

    /// The driver of a node, with its image if it has one.
    pub(super) fn driver(
        &self,
        main: &mut MainLoop,
        node: NodeId,
        file: Option<&NodeRef>,
    ) -> Result<Box<dyn driver::Driver>, DriverError> {
        Ok(match self.program.node(node).driver {
            Driver::Null => Null::new(None),
            Driver::Storage { image, mode } => {
                let name = self.program.images[image.0].name;
                let opened = self.images.open(name, mode_of(mode)).map_err(DriverError::Image)?;
                let opened = FaultyImage::wrap(opened, self.faults[image.0].as_ref());
                Storage::new(self.graph.lock(), opened, self.pool.clone())?
            }
            Driver::Device { writes: true } => Device::read_write(),
            Driver::Device { writes: false } => Device::read_only(),
            Driver::Raw => Raw::new(),
            Driver::CopyBeforeWrite => {
                let event_loop = self.loops.first().unwrap_or_else(|| self.main.event_loop());
                CopyBeforeWrite::new(COPIED, event_loop)
            }
            Driver::Overlay => {
                let file = file.ok_or(DriverError::NoImage)?.another(main);
                let opened = main.run_coroutine("open overlay", move |_| async move {
                    let opened = Overlay::open(&file).await;
                    (opened, file)
                });
                let (opened, file) = opened;
                self.graph.unref(main, file);
                opened.map_err(|_| DriverError::NoImage)?
            }
        })
    }

    /// Starts the tasks, each with its references.
    pub(super) fn start_tasks(self: &Arc<Self>, main: &MainLoop) {
        let tasks = u32::try_from(self.program.tasks.len()).expect("few tasks");
        self.left.fetch_add(tasks, crate::sync::atomic::Ordering::Relaxed);
        for (at, task) in self.program.tasks.iter().enumerate() {
            let running = self.running(main, TaskId(at));
            match task.place {
                Place::Main => self
                    .main
                    .event_loop()
                    .spawn(task.name, |coroutine| running.take_steps(Some(coroutine))),
                Place::Loop(home) => {
                    self.loops[home.0].spawn(task.name, |itself| running.take_steps(Some(itself)));
                }
                Place::Thread => {
                    let registration = self.graph.lock().register(task.name);
                    model::spawn(task.name, move || {
                        let adopted = registration.adopt();
                        block_on(running.take_steps(None));
                        drop(adopted);
                    });
                }
            }
        }
    }

    fn running(self: &Arc<Self>, main: &MainLoop, task: TaskId) -> Running {
        let of_program = &self.program.tasks[task.0];
        let reference = |node: NodeId| {
            self.hands.with(main, |hands| hands.references[node.0].first().map(Arc::clone))
        };
        let another = |node: &NodeId| (*node, reference(*node).expect("it is there").another(main));
        let requests = of_program.steps.iter().filter_map(|step| match step {
            Step::Read(node) | Step::Write(node) | Step::Flush(node) | Step::CancelWrite(node) => {
                Some(Box::pin(reference(*node).expect("it is there").begin_request()) as _)
            }
            _ => None,
        });
        Running {
            world: Arc::clone(self),
            task,
            holds: of_program.holds.iter().map(another).collect(),
            requests: requests.collect(),
            slot: Slot::default(),
        }
    }

    /// Lets go of what is left when all have ended, and says whether anything stays.
    pub(super) fn let_everything_go(&self, mut main: MainLoop) -> String {
        let references = self.hands.with(&main, |hands| {
            hands.opened.clear();
            std::mem::take(&mut hands.references)
        });
        for reference in references.into_iter().flatten() {
            let reference = Arc::into_inner(reference).expect("nobody uses it any more");
            self.graph.unref(&mut main, reference);
        }
        let nested = self.graph.closes_nested_most();
        // A plain unref closes the children's nodes inside the close of the node itself; nothing is deeper.
        always(
            "closing-does-not-nest",
            nested <= 1 || !self.expects_every_kick(),
            format_args!("{nested} closes around one"),
        );
        self.callbacks.delete_all();
        let leaked = self.graph.shutdown(&mut main).err().map_or(Vec::new(), |left| left.nodes);
        let locked: Vec<&str> = self
            .program
            .images
            .iter()
            .map(|image| image.name)
            .filter(|name| self.is_locked(name))
            .collect();
        always(
            "nothing-is-left",
            leaked.is_empty() && locked.is_empty(),
            format_args!("nodes {leaked:?}, locked images {locked:?}"),
        );
        "everything is gone".to_owned()
    }

    fn is_locked(&self, image: &str) -> bool {
        use crate::image::ByteLocks;
        use crate::image::lock::{UNSHARED_BYTES, USED_BYTES};
        let locks = self.images.locks(image).expect("it was created");
        let bytes = (USED_BYTES..USED_BYTES + 4).chain(UNSHARED_BYTES..UNSHARED_BYTES + 4);
        let mut locked = bytes.map(|byte| locks.is_locked_by_other(byte).unwrap_or(true));
        locked.any(|locked| locked)
    }
}

/// What an opener of an image takes, whoever it is.
pub(super) fn implied(mode: graphlock_programs::program::Mode) -> Access {
    let access = reference::implied(mode);
    let [used, shared] = [access.used, access.shared].map(Permissions::from_bits_truncate);
    Access { used, shared }
}

pub(super) fn mode_of(mode: graphlock_programs::program::Mode) -> Mode {
    match mode {
        graphlock_programs::program::Mode::ReadOnly => Mode::ReadOnly,
        graphlock_programs::program::Mode::ReadWrite => Mode::ReadWrite,
    }
}

fn children_first(program: &Program) -> Vec<NodeId> {
    fn visit(program: &Program, node: NodeId, order: &mut Vec<NodeId>) {
        if !order.contains(&node) {
            program.node(node).children.iter().for_each(|(_, child)| visit(program, *child, order));
            order.push(node);
        }
    }
    let mut order = Vec::new();
    (0..program.nodes.len()).for_each(|node| visit(program, NodeId(node), &mut order));
    order
}

/// Which images hold an overlay: those of nodes that are declared to be an overlay's file.
fn formatted(program: &Program) -> Vec<bool> {
    let mut formatted = vec![false; program.images.len()];
    for node in program.nodes.iter().filter(|node| node.driver == Driver::Overlay) {
        let files = node.children.iter().filter(|(edge, _)| *edge == Edge::File);
        for image in files.filter_map(|(_, file)| program.node(*file).driver.image()) {
            formatted[image.0] = true;
        }
    }
    formatted
}
