//! Drawn programs: up to four tasks of up to five operations on one to three objects of each kind.
//!
//! Nothing keeps a program from being nonsense: it may deadlock, wait for what never comes, or spin for ever. What it
//! must be is deterministic but for its schedule.

use std::sync::{Arc, Mutex as StdMutex};

use proptest::prelude::*;

use crate::model::{self, Body};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::time::Duration;
use crate::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, thread};

/// Objects of each kind, at most.
const OBJECTS_MAX: usize = 3;

/// One operation. Numbers pick an object, counted around.
#[derive(Clone, Copy, Debug)]
enum Op {
    Load(usize),
    Store(usize),
    Add(usize),
    CompareExchange(usize),
    /// Gives way until the atomic is not 0.
    Spin(usize),
    /// Gives way until one of two atomics is not 0.
    SpinOnEither(usize, usize),
    Lock(usize),
    TryLock(usize),
    Unlock(usize),
    Read(usize),
    Write(usize),
    TryRead(usize),
    TryWrite(usize),
    RwUnlock(usize),
    Wait(usize),
    WaitAtMost(usize),
    NotifyOne(usize),
    NotifyAll(usize),
    Park,
    ParkAtMost,
    Unpark(usize),
    Choose,
    /// Spawns a task that adds to one atomic and reads another.
    Spawn(usize),
    /// Joins the last task that was spawned so.
    Join,
}

/// A program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    objects: usize,
    tasks: Vec<Vec<Op>>,
}

impl Program {
    /// Whether tasks other than the first spawn some.
    pub(super) fn spawns(&self) -> bool {
        self.tasks.iter().flatten().any(|op| matches!(op, Op::Spawn(_)))
    }
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0..OBJECTS_MAX;
    prop_oneof![
        4 => at().prop_map(Op::Load),
        4 => at().prop_map(Op::Store),
        2 => at().prop_map(Op::Add),
        1 => at().prop_map(Op::CompareExchange),
        1 => at().prop_map(Op::Spin),
        1 => (at(), at()).prop_map(|(one, other)| Op::SpinOnEither(one, other)),
        4 => at().prop_map(Op::Lock),
        2 => at().prop_map(Op::TryLock),
        3 => at().prop_map(Op::Unlock),
        2 => at().prop_map(Op::Read),
        2 => at().prop_map(Op::Write),
        1 => at().prop_map(Op::TryRead),
        1 => at().prop_map(Op::TryWrite),
        2 => at().prop_map(Op::RwUnlock),
        2 => at().prop_map(Op::Wait),
        1 => at().prop_map(Op::WaitAtMost),
        1 => at().prop_map(Op::NotifyOne),
        1 => at().prop_map(Op::NotifyAll),
        1 => Just(Op::Park),
        1 => Just(Op::ParkAtMost),
        2 => (0usize..4).prop_map(Op::Unpark),
        1 => Just(Op::Choose),
        1 => at().prop_map(Op::Spawn),
        1 => Just(Op::Join),
    ]
}

/// Draws programs.
pub(super) fn programs() -> impl Strategy<Value = Program> {
    let task = prop::collection::vec(op(), 0..=5);
    (1..=OBJECTS_MAX, prop::collection::vec(task, 2..=4))
        .prop_map(|(objects, tasks)| Program { objects, tasks })
}

/// The objects of a program, and what its tasks saw.
struct World {
    atomics: Vec<AtomicU32>,
    mutexes: Vec<Mutex<u32>>,
    rwlocks: Vec<RwLock<u32>>,
    condvars: Vec<Condvar>,
    seen: StdMutex<Vec<String>>,
}

impl World {
    fn new(objects: usize) -> Self {
        World {
            atomics: (0..objects).map(|_| AtomicU32::new(0)).collect(),
            mutexes: (0..objects).map(|_| Mutex::new(0)).collect(),
            rwlocks: (0..objects).map(|_| RwLock::new(0)).collect(),
            condvars: (0..objects).map(|_| Condvar::new()).collect(),
            seen: StdMutex::new(Vec::new()),
        }
    }
}

enum RwHold<'a> {
    Read { _guard: RwLockReadGuard<'a, u32> },
    Write { guard: RwLockWriteGuard<'a, u32> },
}

/// What one task holds and has seen.
struct Actor<'a> {
    world: &'a Arc<World>,
    mutexes: Vec<Option<MutexGuard<'a, u32>>>,
    rwlocks: Vec<Option<RwHold<'a>>>,
    child: Option<thread::JoinHandle<u32>>,
    value: u32,
    log: String,
}

impl<'a> Actor<'a> {
    fn new(world: &'a Arc<World>, value: u32) -> Self {
        let objects = world.atomics.len();
        Actor {
            world,
            mutexes: (0..objects).map(|_| None).collect(),
            rwlocks: (0..objects).map(|_| None).collect(),
            child: None,
            value,
            log: String::new(),
        }
    }

    fn act(&mut self, op: Op, threads: &[thread::Thread]) {
        let count = self.world.atomics.len();
        match op {
            Op::Load(_)
            | Op::Store(_)
            | Op::Add(_)
            | Op::CompareExchange(_)
            | Op::Spin(_)
            | Op::SpinOnEither(..) => self.on_atomic(op, count),
            Op::Lock(_) | Op::TryLock(_) | Op::Unlock(_) => self.on_mutex(op, count),
            Op::Read(_) | Op::Write(_) | Op::TryRead(_) | Op::TryWrite(_) | Op::RwUnlock(_) => {
                self.on_rwlock(op, count);
            }
            Op::Wait(at) | Op::WaitAtMost(at) => {
                self.wait(at % count, matches!(op, Op::WaitAtMost(_)))
            }
            Op::NotifyOne(at) => self.world.condvars[at % count].notify_one(),
            Op::NotifyAll(at) => self.world.condvars[at % count].notify_all(),
            Op::Park => thread::park(),
            Op::ParkAtMost => thread::park_timeout(Duration::from_millis(1)),
            Op::Unpark(at) => threads[at % threads.len()].unpark(),
            Op::Choose => self.log += &format!("v{} ", model::choose(2)),
            Op::Spawn(at) => self.spawn(at % count, count),
            Op::Join => {
                if let Some(child) = self.child.take() {
                    self.log += &format!("j{} ", child.join().expect("the child returns"));
                }
            }
        }
    }

    fn on_atomic(&mut self, op: Op, count: usize) {
        let atomics = &self.world.atomics;
        match op {
            Op::Load(at) => {
                self.log += &format!("l{} ", atomics[at % count].load(Ordering::Acquire));
            }
            Op::Store(at) => atomics[at % count].store(self.value, Ordering::Release),
            Op::Add(at) => {
                self.log += &format!("a{} ", atomics[at % count].fetch_add(1, Ordering::AcqRel));
            }
            Op::Spin(at) => {
                let mut value = atomics[at % count].load(Ordering::Acquire);
                while value == 0 {
                    thread::yield_now();
                    value = atomics[at % count].load(Ordering::Acquire);
                }
                self.log += &format!("s{value} ");
            }
            Op::SpinOnEither(one, other) => {
                let look = || {
                    let first = atomics[one % count].load(Ordering::Acquire);
                    (first, atomics[other % count].load(Ordering::Acquire))
                };
                let mut seen = look();
                while seen == (0, 0) {
                    thread::yield_now();
                    seen = look();
                }
                self.log += &format!("e{seen:?} ");
            }
            Op::CompareExchange(at) => {
                let result =
                    atomics[at % count].compare_exchange(0, 9, Ordering::AcqRel, Ordering::Acquire);
                self.log += &format!("c{result:?} ");
            }
            _ => unreachable!("no operation on an atomic"),
        }
    }

    fn on_mutex(&mut self, op: Op, count: usize) {
        match op {
            Op::Lock(at) if self.mutexes[at % count].is_none() => {
                let mut guard = self.world.mutexes[at % count].lock().expect("never poisoned");
                self.log += &format!("m{} ", *guard);
                *guard = self.value;
                self.mutexes[at % count] = Some(guard);
            }
            Op::TryLock(at) if self.mutexes[at % count].is_none() => {
                let taken = self.world.mutexes[at % count].try_lock().ok();
                self.log += &format!("t{} ", taken.is_some());
                self.mutexes[at % count] = taken;
            }
            Op::Unlock(at) => self.mutexes[at % count] = None,
            _ => {}
        }
    }

    fn on_rwlock(&mut self, op: Op, count: usize) {
        let (Op::Read(at) | Op::Write(at) | Op::TryRead(at) | Op::TryWrite(at) | Op::RwUnlock(at)) =
            op
        else {
            return;
        };
        let (lock, hold) = (&self.world.rwlocks[at % count], &mut self.rwlocks[at % count]);
        match (op, hold.is_some()) {
            (Op::RwUnlock(_), _) => {
                if let Some(RwHold::Write { guard }) = hold {
                    **guard += self.value;
                }
                *hold = None;
            }
            (Op::Read(_), false) => {
                let guard = lock.read().expect("never poisoned");
                self.log += &format!("r{} ", *guard);
                *hold = Some(RwHold::Read { _guard: guard });
            }
            (Op::Write(_), false) => {
                *hold = Some(RwHold::Write { guard: lock.write().expect("never poisoned") });
            }
            (Op::TryRead(_), false) => {
                let guard = lock.try_read().ok();
                self.log += &format!("tr{:?} ", guard.as_deref());
                *hold = guard.map(|guard| RwHold::Read { _guard: guard });
            }
            (Op::TryWrite(_), false) => {
                let guard = lock.try_write().ok();
                self.log += &format!("tw{} ", guard.is_some());
                *hold = guard.map(|guard| RwHold::Write { guard });
            }
            _ => {}
        }
    }

    fn wait(&mut self, at: usize, at_most: bool) {
        let Some(guard) = self.mutexes[at].take() else { return };
        let condvar = &self.world.condvars[at];
        let guard = if at_most {
            let time = Duration::from_millis(1);
            let (guard, result) = condvar.wait_timeout(guard, time).expect("never poisoned");
            self.log += &format!("w{} ", result.timed_out());
            guard
        } else {
            condvar.wait(guard).expect("never poisoned")
        };
        self.mutexes[at] = Some(guard);
    }

    fn spawn(&mut self, at: usize, count: usize) {
        let world = Arc::clone(self.world);
        self.child = Some(thread::spawn(move || {
            let added = world.atomics[at].fetch_add(1, Ordering::AcqRel);
            10 * added + world.atomics[(at + 1) % count].load(Ordering::Acquire)
        }));
    }
}

/// The body that interprets a program. The first task is the body's own; the others know those spawned
/// before them.
pub(super) fn body(program: &Program) -> Body {
    let program = Arc::new(program.clone());
    Arc::new(move || {
        let world = Arc::new(World::new(program.objects));
        let run = |index: usize, world: &Arc<World>, threads: &[thread::Thread], ops: &[Op]| {
            let value = u32::try_from(index).expect("few tasks") + 1;
            let mut actor = Actor::new(world, value);
            for op in ops {
                actor.act(*op, threads);
            }
            let log = format!("{index}: {}", actor.log);
            drop(actor);
            world.seen.lock().expect("never poisoned").push(log);
        };
        let mut threads = vec![thread::current()];
        for (index, ops) in program.tasks.iter().enumerate().skip(1) {
            let (world, ops, known) = (Arc::clone(&world), ops.clone(), threads.clone());
            threads.push(thread::spawn(move || run(index, &world, &known, &ops)).thread());
        }
        run(0, &world, &threads, &program.tasks[0]);
        model::finish(move || {
            let mut seen = world.seen.lock().expect("never poisoned").clone();
            seen.sort();
            let atomics: Vec<u32> =
                world.atomics.iter().map(|each| each.load(Ordering::SeqCst)).collect();
            format!("{seen:?} {atomics:?}")
        });
    })
}
