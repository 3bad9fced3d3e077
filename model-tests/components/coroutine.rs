//! Coroutines: waking one that runs, moving one, and the queue they sleep in.

use graphlock_harness::scenario::{Parameters, Property, Scenario, always};
use std::task::{Poll, Waker};

use super::component;
use crate::coroutine::{SleeperQueue, Ticket, block_on};
use crate::event_loop::{IoThread, MainLoop};
use crate::sync::note::Note;
use crate::sync::{Arc, Mutex, Named, lock, model, reached};

const WAKES: &[Property] = &[Property::eventually("no-wake-is-lost")];
const MOVES: &[Property] = &[Property::eventually("goes-on-elsewhere")];

pub(super) fn all() -> Vec<Scenario> {
    vec![
        component(
            "coroutine_wakes",
            "a thread wakes a coroutine that may not have yielded yet",
            WAKES,
            &["coroutine-woken", "coroutine-woken-while-running"],
            coroutine_wakes,
        ),
        component(
            "coroutine_moves",
            "a coroutine goes on on another loop, and comes back",
            MOVES,
            &[],
            coroutine_moves,
        ),
        component(
            "block_on_sleeps",
            "a thread without a loop sleeps until its future is woken",
            WAKES,
            &[],
            block_on_sleeps,
        ),
        component(
            "queue_wakes_all",
            "two sleepers, one of which may give up; who opens takes and wakes whoever is there",
            WAKES,
            &["sleeper-slept", "sleeper-gave-up"],
            queue_wakes_all,
        ),
    ]
}

/// A gate that one future waits at: open or not, and whom to wake.
#[derive(Default)]
struct Gate {
    open: bool,
    waiting: Option<Waker>,
}

fn pass(gate: &Mutex<Gate>, waker: &Waker) -> Poll<()> {
    let mut gate = lock(gate);
    if gate.open {
        return Poll::Ready(());
    }
    gate.waiting = Some(waker.clone());
    Poll::Pending
}

fn open(gate: &Mutex<Gate>) {
    let mut gate = lock(gate);
    gate.open = true;
    let waiting = gate.waiting.take();
    drop(gate);
    if let Some(waiting) = waiting {
        waiting.wake();
    }
}

fn new_gate() -> Arc<Mutex<Gate>> {
    Arc::new(Mutex::new(Gate::default()).named(&"gate"))
}

fn coroutine_wakes(_: &Parameters) {
    let mut main = MainLoop::new();
    let gate = new_gate();
    let (waits, done) = (Arc::clone(&gate), Note::default());
    let ends = done.clone();
    main.handle().event_loop().spawn("waits", |_| async move {
        std::future::poll_fn(|context| pass(&waits, context.waker())).await;
        ends.set(1);
    });
    model::spawn("opener", move || open(&gate));
    while done.get() == 0 {
        main.poll(true);
    }
    model::finish(|| "woken".to_owned());
}

fn coroutine_moves(_: &Parameters) {
    let mut main = MainLoop::new();
    let thread = IoThread::spawn("iothread0", || ());
    let (there, back) = (Arc::clone(thread.event_loop()), Arc::clone(main.handle().event_loop()));
    let done = Note::default();
    let ends = done.clone();
    main.handle().event_loop().spawn("moves", |coroutine| async move {
        coroutine.move_to(&there).await;
        always("goes-on-elsewhere", coroutine.home().name() == "iothread0", "still at home");
        coroutine.move_to(&back).await;
        ends.set(1);
    });
    while done.get() == 0 {
        main.poll(true);
    }
    drop(thread);
    model::finish(|| "moved".to_owned());
}

fn block_on_sleeps(_: &Parameters) {
    let gate = new_gate();
    let waits = Arc::clone(&gate);
    model::spawn("opener", move || open(&gate));
    block_on(std::future::poll_fn(|context| pass(&waits, context.waker())));
    model::finish(|| "woken".to_owned());
}

/// A door that futures sleep before, in the order in which they came.
#[derive(Default)]
struct Entrance {
    open: bool,
    sleepers: SleeperQueue,
}

/// Goes through when it is open; sleeps before it, or gives up when it has to.
fn enter(
    entrance: &Mutex<Entrance>,
    ticket: &mut Option<Ticket>,
    waker: &Waker,
    gives_up: bool,
) -> Poll<()> {
    let mut entrance = lock(entrance);
    if let Some(ticket) = ticket {
        if entrance.sleepers.update(ticket, waker) {
            return Poll::Pending;
        }
        always("no-wake-is-lost", ticket.is_taken(), "neither in the queue nor taken out of it");
    }
    if entrance.open {
        return Poll::Ready(());
    }
    let own = entrance.sleepers.push(waker.clone());
    if gives_up {
        reached!("sleeper-gave-up");
        entrance.sleepers.remove(&own);
        return Poll::Ready(());
    }
    reached!("sleeper-slept");
    *ticket = Some(own);
    Poll::Pending
}

fn queue_wakes_all(_: &Parameters) {
    let entrance = Arc::new(Mutex::new(Entrance::default()).named(&"entrance"));
    for gives_up in [false, true] {
        let entrance = Arc::clone(&entrance);
        model::spawn("sleeper", move || {
            let mut ticket = None;
            block_on(std::future::poll_fn(|context| {
                enter(&entrance, &mut ticket, context.waker(), gives_up)
            }));
        });
    }
    let mut inside = lock(&entrance);
    inside.open = true;
    let sleepers = inside.sleepers.take_all();
    drop(inside);
    sleepers.into_iter().for_each(Waker::wake);
    model::finish(|| "all through".to_owned());
}
