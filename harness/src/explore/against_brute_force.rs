//! The reduced search against the plain one, on drawn programs.
//!
//! For each program the set of traces (in canonical form: what happens before each step), with final states and
//! deadlocks, must be the same, and the reduced search must meet each trace exactly once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex as StdMutex};

use proptest::prelude::*;

use super::exhaustive::Exhaustive;
use super::happens_before::HappensBefore;
use super::plain::Plain;
use super::tree::{Branch, Tree};
use super::{Decision, Explorer, Offer, Performed};
use crate::execution::ending::Ending;
use crate::execution::task::Task;
use crate::execution::{Execution, stack};
use crate::model::{self, Body};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, thread};

/// One step of a drawn program. Numbers pick one of two objects.
#[derive(Clone, Copy, Debug)]
enum Op {
    Load(usize),
    Store(usize),
    Add(usize),
    CompareExchange(usize),
    Lock(usize),
    TryLock(usize),
    Unlock(usize),
    Read,
    Write,
    TryRead,
    TryWrite,
    RwUnlock,
    Wait,
    NotifyOne,
    NotifyAll,
    Park,
    Unpark(usize),
    Choose,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0usize..2).prop_map(Op::Load),
        4 => (0usize..2).prop_map(Op::Store),
        2 => (0usize..2).prop_map(Op::Add),
        1 => (0usize..2).prop_map(Op::CompareExchange),
        4 => (0usize..2).prop_map(Op::Lock),
        2 => (0usize..2).prop_map(Op::TryLock),
        3 => (0usize..2).prop_map(Op::Unlock),
        2 => Just(Op::Read),
        2 => Just(Op::Write),
        1 => Just(Op::TryRead),
        1 => Just(Op::TryWrite),
        2 => Just(Op::RwUnlock),
        2 => Just(Op::Wait),
        1 => Just(Op::NotifyOne),
        1 => Just(Op::NotifyAll),
        1 => Just(Op::Park),
        1 => (0usize..3).prop_map(Op::Unpark),
        1 => Just(Op::Choose),
    ]
}

/// The objects of a program, and what its tasks saw.
struct World {
    atomics: [AtomicU32; 2],
    mutexes: [Mutex<u32>; 2],
    rwlock: RwLock<u32>,
    condvar: Condvar,
    seen: StdMutex<Vec<String>>,
}

enum RwHold<'a> {
    None,
    Read { _guard: RwLockReadGuard<'a, u32> },
    Write { guard: RwLockWriteGuard<'a, u32> },
}

/// What one task holds and has seen.
struct Actor<'a> {
    world: &'a World,
    guards: [Option<MutexGuard<'a, u32>>; 2],
    rw: RwHold<'a>,
    value: u32,
    log: String,
}

impl<'a> Actor<'a> {
    fn act(&mut self, op: Op, threads: &[thread::Thread]) {
        let world = self.world;
        match op {
            Op::Load(at) => {
                let value = world.atomics[at].load(Ordering::Acquire);
                self.log += &format!("l{value} ");
            }
            Op::Store(at) => world.atomics[at].store(self.value, Ordering::Release),
            Op::Add(at) => {
                let value = world.atomics[at].fetch_add(1, Ordering::AcqRel);
                self.log += &format!("a{value} ");
            }
            Op::CompareExchange(at) => {
                let result =
                    world.atomics[at].compare_exchange(0, 9, Ordering::AcqRel, Ordering::Acquire);
                self.log += &format!("c{result:?} ");
            }
            Op::Lock(at) if self.guards[at].is_none() => {
                let mut guard = world.mutexes[at].lock().expect("never poisoned");
                self.log += &format!("m{} ", *guard);
                *guard = self.value;
                self.guards[at] = Some(guard);
            }
            Op::TryLock(at) if self.guards[at].is_none() => {
                self.guards[at] = world.mutexes[at].try_lock().ok();
                self.log += &format!("t{} ", self.guards[at].is_some());
            }
            Op::Unlock(at) => self.guards[at] = None,
            Op::Read if matches!(self.rw, RwHold::None) => {
                let guard = world.rwlock.read().expect("never poisoned");
                self.log += &format!("r{} ", *guard);
                self.rw = RwHold::Read { _guard: guard };
            }
            Op::Write if matches!(self.rw, RwHold::None) => {
                let mut guard = world.rwlock.write().expect("never poisoned");
                *guard = self.value;
                self.rw = RwHold::Write { guard };
            }
            Op::TryRead if matches!(self.rw, RwHold::None) => {
                if let Ok(guard) = world.rwlock.try_read() {
                    self.log += &format!("tr{} ", *guard);
                    self.rw = RwHold::Read { _guard: guard };
                } else {
                    self.log += "tr- ";
                }
            }
            Op::TryWrite if matches!(self.rw, RwHold::None) => {
                if let Ok(guard) = world.rwlock.try_write() {
                    self.log += &format!("tw{} ", *guard);
                    self.rw = RwHold::Write { guard };
                } else {
                    self.log += "tw- ";
                }
            }
            Op::RwUnlock => {
                if let RwHold::Write { guard } = &mut self.rw {
                    **guard += 1;
                }
                self.rw = RwHold::None;
            }
            Op::Wait => {
                if let Some(guard) = self.guards[0].take() {
                    self.guards[0] = Some(world.condvar.wait(guard).expect("never poisoned"));
                }
            }
            Op::NotifyOne => world.condvar.notify_one(),
            Op::NotifyAll => world.condvar.notify_all(),
            Op::Park => thread::park(),
            Op::Unpark(at) => threads[at % threads.len()].unpark(),
            Op::Choose => {
                let value = model::choose(2);
                self.log += &format!("v{value} ");
            }
            _ => {}
        }
    }
}

/// The body that interprets a program. Task `i` of the program is spawned as the `i`-th child; its
/// threads may only be unparked by main, which knows them.
fn body(program: Vec<Vec<Op>>) -> Body {
    let program = Arc::new(program);
    Arc::new(move || {
        let world = Arc::new(World {
            atomics: [AtomicU32::new(0), AtomicU32::new(0)],
            mutexes: [Mutex::new(0), Mutex::new(0)],
            rwlock: RwLock::new(0),
            condvar: Condvar::new(),
            seen: StdMutex::new(Vec::new()),
        });
        let run = |index: usize, world: &World, threads: &[thread::Thread], ops: &[Op]| {
            let value = u32::try_from(index).expect("few tasks") + 1;
            let mut actor =
                Actor { world, guards: [None, None], rw: RwHold::None, value, log: String::new() };
            for op in ops {
                actor.act(*op, threads);
            }
            let log = format!("{index}: {}", actor.log);
            drop(actor);
            world.seen.lock().expect("never poisoned").push(log);
        };
        let mut threads = vec![thread::current()];
        for (index, ops) in program.iter().enumerate().skip(1) {
            let (world, ops, known) = (Arc::clone(&world), ops.clone(), threads.clone());
            threads.push(thread::spawn(move || run(index, &world, &known, &ops)).thread());
        }
        run(0, &world, &threads, &program[0]);
        model::finish(move || {
            let mut seen = world.seen.lock().expect("never poisoned").clone();
            seen.sort();
            let atomics: Vec<u32> =
                world.atomics.iter().map(|each| each.load(Ordering::SeqCst)).collect();
            format!("{seen:?} {atomics:?}")
        });
    })
}

/// Watches what another explorer makes, so that the test can read the trace.
struct Watched {
    inner: Box<dyn Explorer>,
    order: Rc<RefCell<HappensBefore>>,
    /// The values chosen, with the task that asked.
    values: Rc<RefCell<Vec<(usize, u32)>>>,
}

impl Explorer for Watched {
    fn begin(&mut self) -> bool {
        self.order.borrow_mut().restart(0);
        self.values.borrow_mut().clear();
        self.inner.begin()
    }
    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        self.inner.choose_task(offer)
    }
    fn choose_value(&mut self, task: usize, count: u32) -> u32 {
        let value = self.inner.choose_value(task, count);
        self.values.borrow_mut().push((task, value));
        value
    }
    fn performed(&mut self, step: &Performed<'_>) {
        self.inner.performed(step);
        let mut order = self.order.borrow_mut();
        let after = order.knows(step).after;
        order.add(step, after);
    }
    fn spawned(&mut self, task: usize, child: usize, identity: u64) {
        self.inner.spawned(task, child, identity);
        self.order.borrow_mut().spawned(task, child);
    }
    fn time_passed(&mut self, task: usize) {
        self.inner.time_passed(task);
        self.order.borrow_mut().time_passed(task);
    }
    fn stuck(&mut self, tasks: &[Task]) {
        self.inner.stuck(tasks);
    }
    fn ended(&mut self) {
        self.inner.ended();
    }
}

/// The traces of a program with how often each was met; `None` if there are too many.
fn traces(
    program: &[Vec<Op>],
    inner: Box<dyn Explorer>,
    most: usize,
) -> Option<BTreeMap<String, u32>> {
    let order = Rc::new(RefCell::new(HappensBefore::default()));
    let values = Rc::new(RefCell::new(Vec::new()));
    let explorer =
        Box::new(Watched { inner, order: Rc::clone(&order), values: Rc::clone(&values) });
    let mut execution = Execution::new(explorer, 10_000);
    let body = body(program.to_vec());
    let mut found = BTreeMap::new();
    let mut begun = 0;
    while execution.explorer.begin() {
        begun += 1;
        if begun > most {
            return None;
        }
        execution = stack::run(execution, None, &body);
        let end = match execution.ending.take().expect("an execution has an ending") {
            Ending::Completed => {
                std::mem::take(&mut execution.finishers).into_iter().map(|f| f()).collect()
            }
            other => format!("{other:?}"),
        };
        let order = order.borrow();
        let mut steps: Vec<String> = order
            .events()
            .iter()
            .map(|event| format!("{:?}", (event.task, event.number, event.clock)))
            .collect();
        // Values of one task stay in order; those of different tasks have none.
        let mut values = values.borrow().clone();
        values.sort_by_key(|(task, _)| *task);
        steps.sort();
        *found.entry(format!("{end} {values:?} {steps:?}")).or_default() += 1;
    }
    Some(found)
}

fn compare(program: &[Vec<Op>]) -> Result<(), TestCaseError> {
    let Some(plain) = traces(program, Box::new(Plain::new(None)), 30_000) else {
        return Ok(());
    };
    let whole = Exhaustive::new(Tree::new(Branch::default()));
    let reduced = traces(program, Box::new(whole), usize::MAX).expect("no limit");
    let missed: Vec<&String> = plain.keys().filter(|trace| !reduced.contains_key(*trace)).collect();
    prop_assert!(missed.is_empty(), "missed {} of {}: {}", missed.len(), plain.len(), missed[0]);
    prop_assert_eq!(plain.len(), reduced.len());
    let twice: Vec<_> = reduced.iter().filter(|(_, count)| **count != 1).collect();
    prop_assert!(twice.is_empty(), "met more than once: {:?}", twice[0]);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(2023),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_reduced_search_meets_each_trace_exactly_once(
        program in prop::collection::vec(prop::collection::vec(op(), 0..5), 2..4)
    ) {
        compare(&program)?;
    }
}
