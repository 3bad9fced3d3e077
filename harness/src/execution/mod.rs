//! One execution: its tasks, its objects, the choice that is made before each step.
//!
//! A task *announces* its next operation, then the engine chooses, then the chosen task *acts*. So at
//! every choice the next operation of every task is known, and an engine can decide by conflicts, not by
//! guesses. An operation that cannot proceed (a held mutex, an unfinished join) makes its task not enabled.
//!
//! # States
//! Running; then one [`Ending`]. From the first violation on the execution is *given up*: nobody
//! is scheduled any more, stacks are unwound, and operations in destructors act at once without order.
//!
//! # Invariants
//! * Exactly one task runs at a time, all on one OS thread.
//! * Ids of tasks and objects depend on the choices so far and on nothing else; their identities
//!   (place in the tree of creation) are the same in every interleaving.
//!
//! # Not here
//! Which choice is made ([`crate::explore`]), and how stacks are switched ([`stack`]).

pub(crate) mod buffer;
pub(crate) mod clock;
mod enabled;
pub(crate) mod ending;
pub(crate) mod memory;
pub(crate) mod object;
pub(crate) mod operation;
pub(crate) mod places;
pub(crate) mod record;
mod set;
pub(crate) mod stack;
mod surprise;
pub(crate) mod task;

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use buffer::Buffers;
use clock::{NARROW, TASKS_MAX};
use ending::Ending;
use memory::{Known, Memory};
use object::{Object, ObjectState, Objects};
use operation::{Class, ObjectId, Operation, OperationKind};
use places::Places;
use record::{Effect, Step, What};
pub(crate) use set::{TaskSet, mix, tasks_of};
use task::{Task, TaskState, Wait, Watched};

use crate::explore::{Decision, Explorer, Offer, Performed};
use crate::scenario::{Check, silence};
use crate::schedule::Choice;
use crate::trace::Waiting;

/// Who the root resumes next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// This task.
    Run(usize),
    /// Nobody: there is an ending.
    End,
}

/// What the destructors of a given-up execution may do before it is called a hang.
const OPERATIONS_WHILE_GIVEN_UP_MAX: u32 = 1_000_000;

/// The state of the execution that runs on this OS thread.
pub(crate) struct Execution {
    pub(crate) epoch: u32,
    pub(crate) tasks: Vec<Task>,
    pub(crate) objects: Objects,
    pub(crate) explorer: Box<dyn Explorer>,
    pub(crate) next: Next,
    pub(crate) current: usize,
    /// Who has announced a step that never waits, and who one that may have to.
    ready: TaskSet,
    waiting: TaskSet,
    /// The stores that are held back.
    pub(crate) buffers: Buffers,
    pub(crate) choices: Vec<Choice>,
    /// What was offered at each choice, hashed, if somebody wants to compare it.
    pub(crate) offers: Option<Vec<u64>>,
    /// Whether steps are recorded, to be drawn.
    pub(crate) records: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) steps_max: u64,
    pub(crate) depth_max: Option<u64>,
    /// Whether it is known what the declared orderings let each task know. Only watched cells ask for it, so who can make
    /// an execution again may leave it out until there is one.
    pub(crate) follows_orderings: bool,
    pub(crate) memory: Box<dyn Memory>,
    pub(crate) cases: Vec<&'static str>,
    /// Where atomics and fences were executed, over many executions.
    pub(crate) places: Places,
    pub(crate) finishers: Vec<Box<dyn FnOnce() -> String>>,
    /// The task that was spawned and has no stack yet: the root gives it one before anything else happens.
    pub(crate) spawned: Option<(usize, Box<dyn FnOnce()>)>,
    pub(crate) ending: Option<Ending>,
    /// The property that it broke.
    pub(crate) broken: Option<&'static str>,
    /// Who could not go on.
    pub(crate) stuck: Vec<Waiting>,
    /// Virtual time in nanoseconds. It moves only when nobody can do anything else.
    pub(crate) time: u64,
    /// How many surprises there may be, and how many are left.
    pub(crate) surprises: u32,
    surprises_left: u32,
    operations_while_given_up: u32,
}

thread_local! {
    static EXECUTION: RefCell<Option<Box<Execution>>> = const { RefCell::new(None) };
    /// The numbers of executions that this OS thread has taken and not used.
    static EPOCHS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    static MUTATION: Cell<Option<&'static str>> = const { Cell::new(None) };
    /// Whether the execution of this OS thread is recorded: asked for more often than anything else.
    static RECORDS: Cell<bool> = const { Cell::new(false) };
}

/// Numbers executions, so that a primitive notices that it has come into another one. An OS thread takes so many numbers at
/// a time: a counter that all write for each execution would slow all of them down.
static EPOCHS_TAKEN: AtomicU32 = AtomicU32::new(1);
const EPOCHS_AT_A_TIME: u32 = 1 << 10;

/// A number that no execution before has had, up to 2^32 of them.
fn new_epoch() -> u32 {
    let (mut next, mut end) = EPOCHS.get();
    if next == end {
        next = EPOCHS_TAKEN.fetch_add(EPOCHS_AT_A_TIME, Ordering::Relaxed);
        end = next.wrapping_add(EPOCHS_AT_A_TIME);
    }
    EPOCHS.set((next.wrapping_add(1), end));
    next
}

/// Calls `f` with the execution of this OS thread, if it runs and is not given up.
pub(crate) fn with<R>(f: impl FnOnce(&mut Execution) -> R) -> Option<R> {
    EXECUTION.with_borrow_mut(|slot| match slot {
        Some(execution) if execution.ending.is_none() => Some(f(execution)),
        Some(execution) => {
            execution.operations_while_given_up += 1;
            if execution.operations_while_given_up > OPERATIONS_WHILE_GIVEN_UP_MAX {
                eprintln!(
                    "graphlock-harness: a destructor waits while its execution is being unwound and will \
                     never end: return early from it while `thread::panicking()`"
                );
                std::process::abort();
            }
            None
        }
        None => None,
    })
}

/// Calls `f` with the execution of this OS thread whatever its state.
pub(crate) fn with_any_state<R>(f: impl FnOnce(&mut Execution) -> R) -> Option<R> {
    // A panic inside this crate may find the execution borrowed; then there is nothing to say.
    EXECUTION.with(|slot| slot.try_borrow_mut().ok()?.as_mut().map(|execution| f(execution)))
}

/// Makes `execution` the one of this OS thread.
pub(crate) fn enter(execution: Box<Execution>, check: &Check) {
    EXECUTION.with_borrow_mut(|slot| {
        assert!(slot.is_none(), "an execution cannot be started inside another one");
        buffer::enter(&execution.buffers);
        RECORDS.set(execution.records);
        *slot = Some(execution);
    });
    MUTATION.set(check.mutation);
    silence(check.silenced);
}

/// Takes the execution of this OS thread away.
pub(crate) fn leave() -> Box<Execution> {
    MUTATION.set(None);
    RECORDS.set(false);
    EXECUTION.take().expect("[harness internal bug] no execution to leave")
}

/// Whether this OS thread is inside an execution that has not ended. While one is being given
/// up, operations act at once.
pub(crate) fn is_inside() -> bool {
    with_any_state(|_| ()).is_some()
}

/// Whether this OS thread is inside an execution that is going to be drawn.
#[inline]
pub(crate) fn is_recorded() -> bool {
    RECORDS.get()
}

/// The planted bug that is on.
pub(crate) fn mutation() -> Option<&'static str> {
    MUTATION.get()
}

impl Execution {
    pub(crate) fn new(
        explorer: Box<dyn Explorer>,
        steps_max: u64,
        depth_max: Option<u64>,
    ) -> Box<Self> {
        Box::new(Execution {
            epoch: 0,
            tasks: Vec::new(),
            objects: Objects::default(),
            explorer,
            next: Next::End,
            current: 0,
            ready: 0,
            waiting: 0,
            buffers: Buffers::default(),
            choices: Vec::new(),
            offers: None,
            records: false,
            steps: Vec::new(),
            steps_max,
            depth_max,
            follows_orderings: true,
            memory: Box::new(Known::<NARROW>::default()),
            cases: Vec::new(),
            places: Places::default(),
            finishers: Vec::new(),
            spawned: None,
            ending: None,
            broken: None,
            stuck: Vec::new(),
            time: 0,
            surprises: 0,
            surprises_left: 0,
            operations_while_given_up: 0,
        })
    }

    /// Forgets the execution before; allocations stay.
    pub(crate) fn reset(&mut self) {
        self.epoch = new_epoch();
        self.tasks.clear();
        self.objects.clear();
        self.memory.clear();
        self.choices.clear();
        if let Some(offers) = &mut self.offers {
            offers.clear();
        }
        self.steps.clear();
        self.cases.clear();
        self.finishers.clear();
        self.spawned = None;
        self.ending = None;
        self.broken = None;
        self.stuck.clear();
        self.time = 0;
        self.current = 0;
        self.ready = 0;
        self.waiting = 0;
        self.buffers.clear();
        self.surprises_left = self.surprises;
        self.operations_while_given_up = 0;
    }

    /// Adds a task that has no stack yet.
    ///
    /// # Panics
    /// If there are more than [`TASKS_MAX`].
    pub(crate) fn add_task(
        &mut self,
        name: Option<Arc<str>>,
        body: Box<dyn FnOnce()>,
        at: &'static Location<'static>,
    ) -> usize {
        let number = self.tasks.len();
        assert!(
            number < TASKS_MAX,
            "an execution has at most {TASKS_MAX} tasks, and this is one more: use fewer"
        );
        let identity = if number == 0 {
            1
        } else {
            let parent = &mut self.tasks[self.current];
            parent.children += 1;
            mix(parent.identity, u64::from(parent.children))
        };
        if number == NARROW {
            self.widen();
        }
        self.learns_from_parent((number > 0).then_some(self.current));
        let [object, parker] = [0, u64::MAX].map(|which| {
            let identity = mix(identity, which);
            self.objects.add(Object {
                state: ObjectState::Task(number),
                identity,
                name: None,
                made_at: at,
            })
        });
        self.tasks.push(Task::new(number, name, identity, object, parker));
        self.spawned = Some((number, body));
        number
    }

    /// Makes place for more tasks than narrow clocks have, if that was not done before.
    fn widen(&mut self) {
        if let Some(wide) = self.explorer.widen() {
            self.explorer = wide;
        }
        if let Some(wide) = self.memory.widen() {
            self.memory = wide;
        }
    }

    /// Adds an object made by the running task.
    pub(crate) fn add_object(
        &mut self,
        state: ObjectState,
        name: Option<String>,
        made_at: &'static Location<'static>,
    ) -> ObjectId {
        let maker = &mut self.tasks[self.current];
        maker.objects_made += 1;
        let identity = mix(maker.identity, u64::from(maker.objects_made));
        self.objects.add(Object { state, identity, name, made_at })
    }

    /// The running task announces its next step.
    fn announce(&mut self, operation: Operation) {
        self.tasks[self.current].pending = Some(operation);
        let own = 1 << self.current;
        if operation.may_wait() { self.waiting |= own } else { self.ready |= own }
    }

    /// The running task takes the step it has announced.
    fn act(&mut self) {
        self.tasks[self.current].pending = None;
        self.ready &= !(1 << self.current);
        self.waiting &= !(1 << self.current);
    }

    /// Lets time pass until the earliest deadline, when nobody can act. Says whether there was one.
    fn pass_time(&mut self) -> bool {
        let waits = |task: &Task| {
            task.pending.is_some() && !matches!(task.wait, Wait::Notified | Wait::TimedOut)
        };
        let candidates = self.tasks.iter().enumerate().filter(|(_, task)| waits(task));
        let earliest = candidates.filter_map(|(number, task)| Some((task.deadline?, number))).min();
        let Some((deadline, number)) = earliest else {
            return false;
        };
        self.time = self.time.max(deadline);
        let task = &mut self.tasks[number];
        task.wait = Wait::TimedOut;
        task.deadline = None;
        let waits_on = task.pending.and_then(|operation| operation.second);
        if let Some(condvar) = waits_on
            && let ObjectState::Condvar { waiters } = &mut self.objects[condvar].state
        {
            waiters.retain(|waiter| *waiter != number);
        }
        self.explorer.time_passed(number);
        self.record(number, What::TimeIsUp);
        true
    }

    /// Chooses who acts next. Everybody who lives has announced.
    pub(crate) fn decide(&mut self) -> Next {
        loop {
            let enabled = self.enabled();
            if enabled == 0 {
                if self.tasks.iter().all(|task| task.state == TaskState::Ended) {
                    return self.end(Ending::Completed);
                }
                if !self.pass_time() {
                    self.explorer.stuck(&self.tasks);
                    let ending = self.describe_stuck();
                    return self.end(ending);
                }
                continue;
            }
            if self.depth_max.is_some_and(|most| self.choices.len() as u64 >= most) {
                return self.end(Ending::Cut);
            }
            if self.choices.len() as u64 >= self.steps_max {
                let ending = self.describe_livelock();
                return self.end(ending);
            }
            let surprising = if self.surprises_left > 0 { self.surprising() } else { 0 };
            let (tasks, objects) = (&self.tasks, &self.objects);
            let offer = Offer { enabled, surprising, current: self.current, tasks, objects };
            if let Some(offers) = &mut self.offers {
                offers.push(offer.fingerprint());
            }
            let task = match self.explorer.choose_task(&offer) {
                Decision::Run(task) => task,
                Decision::Refuse(why) => return self.end(Ending::DoesNotFit(why)),
            };
            self.choices.push(Choice::Task(u32::try_from(task).expect("few tasks")));
            if enabled & (1 << task) != 0 {
                self.current = task;
                return Next::Run(task);
            }
            self.surprise(task);
        }
    }

    /// Ends the execution. The first ending counts.
    pub(crate) fn end(&mut self, ending: Ending) -> Next {
        if self.ending.is_none() {
            self.ending = Some(ending);
        }
        Next::End
    }

    /// Chooses one of `count` values for the running task.
    pub(crate) fn choose_value(&mut self, count: u32) -> u32 {
        self.choose_for(self.current, count)
    }

    fn choose_for(&mut self, task: usize, count: u32) -> u32 {
        if let Some(offers) = &mut self.offers {
            offers.push(mix(u64::MAX, u64::from(count)));
        }
        let value = if count <= 1 { 0 } else { self.explorer.choose_value(task, count) };
        if count > 1 {
            self.choices.push(Choice::Value(value));
        }
        value
    }

    /// Chooses how many stores of the running task, fewer than `count`, come later than its next load.
    fn choose_delay(&mut self, count: u32) -> u32 {
        if let Some(offers) = &mut self.offers {
            offers.push(mix(u64::MAX, u64::from(count)));
        }
        let value = self.explorer.choose_delay(self.current, count);
        self.choices.push(Choice::Value(value));
        value
    }
}

/// Announces `operation`, waits until it is chosen, and acts. `None` outside an execution and
/// in one that is being given up: the caller then acts as std would.
pub(crate) fn step<R>(
    operation: Operation,
    act: impl FnOnce(&mut Execution, usize) -> (R, Effect),
) -> Option<R> {
    buffer::empty()?;
    let must_switch = with(|execution| {
        let me = execution.current;
        execution.announce(operation);
        let next = match execution.tasks[me].prepare_return.take() {
            Some(parent) => {
                execution.current = parent;
                Next::Run(parent)
            }
            None => execution.decide(),
        };
        execution.next = next;
        !matches!(next, Next::Run(task) if task == me)
    })?;
    if must_switch {
        stack::suspend();
    }
    with(|execution| {
        let me = execution.current;
        execution.act();
        if operation.kind.is_atomic() {
            execution.places.note(operation.location);
        }
        let before = execution.facts_before(me, &operation);
        let (result, effect) = act(execution, me);
        let task = &mut execution.tasks[me];
        let mut watched = Watched::new();
        match operation.kind {
            OperationKind::Yield => {
                let own_doing = std::mem::take(&mut task.wrote);
                watched = std::mem::take(&mut task.watched);
                if own_doing {
                    watched.clear();
                }
            }
            OperationKind::AtomicLoad(_) => execution.watch(me, operation.object),
            _ => task.wrote |= operation.class() == Class::Write,
        }
        let value_before = effect.value_before();
        let class = operation.class_if(value_before);
        execution.record(me, What::Operation(operation, effect));
        execution.explorer.performed(&Performed {
            task: me,
            operation: &operation,
            class,
            value_before,
            woken: effect.woken(),
            changed: effect.changed(),
            availability: before.0,
            watched: &watched,
            joined: before.1,
        });
        result
    })
}
