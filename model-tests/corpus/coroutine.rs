//! Queues of coroutines, and what a coroutine blocks.

use graphlock_harness::outcome::ViolationKind::Deadlock;
use graphlock_harness::scenario::Parameters;

use std::task::{Poll, Waker};

use super::{Pair, Shared, is_broken};
use crate::coroutine::{CoroutineMutex, SleeperQueue, promise};
use crate::event_loop::{IoThread, MainLoop};
use crate::graph_lock::{Deferral, Fairness, GraphLock};
use crate::sync::{Arc, Mutex, Named, lock};

pub(super) const PAIRS: &[Pair] = &[
    Pair {
        name: "wakes_one_sleeper",
        broken: "a door opens, and one of two sleepers is woken",
        sound: "both are woken",
        kind: Deadlock,
        says: &["main sleeps in", "nobody will notify it"],
        body: wakes_one_sleeper,
    },
    Pair {
        name: "wakes_before_it_opens",
        broken: "sleepers are woken before the door is open",
        sound: "afterwards",
        kind: Deadlock,
        says: &["main sleeps in done changed; nobody will notify it"],
        body: wakes_before_it_opens,
    },
    Pair {
        name: "drops_the_wakers",
        broken: "sleepers are taken out of their queue and not woken",
        sound: "they are woken",
        kind: Deadlock,
        says: &["main sleeps in done changed; nobody will notify it"],
        body: drops_the_wakers,
    },
    Pair {
        name: "blocks_the_others",
        broken: "a coroutine blocks the thread until another of its loop has gone on",
        sound: "it awaits that",
        kind: Deadlock,
        says: &["iothread0 sleeps in step changed; nobody will notify it"],
        body: blocks_the_others,
    },
    Pair {
        name: "crosswise_mutexes",
        broken: "two coroutines take two mutexes of coroutines in opposite order",
        sound: "in the same order",
        kind: Deadlock,
        says: &[
            "main sleeps in",
            "iothread0 sleeps in posted[iothread0]",
            "iothread1 sleeps in posted[iothread1]",
        ],
        body: crosswise_mutexes,
    },
    Pair {
        name: "writes_inside_its_read",
        broken: "a coroutine has the main loop write while it holds the read lock",
        sound: "it gives the read lock back before",
        kind: Deadlock,
        says: &["main sleeps in posted[main]; nobody will notify it"],
        body: writes_inside_its_read,
    },
];

/// A door that coroutines sleep before.
#[derive(Default)]
struct Door {
    open: bool,
    sleepers: SleeperQueue,
}

type SharedDoor = Arc<Mutex<Door>>;

fn new_door() -> SharedDoor {
    Arc::new(Mutex::new(Door::default()).named(&"door"))
}

async fn pass(door: &Mutex<Door>) {
    std::future::poll_fn(|context| {
        let mut door = lock(door);
        if door.open {
            return Poll::Ready(());
        }
        door.sleepers.push(context.waker().clone());
        Poll::Pending
    })
    .await;
}

/// A loop with a coroutine that goes through the door, and then says so.
fn start_sleeper(name: &str, door: &SharedDoor, done: &Arc<Shared>) -> IoThread {
    let thread = IoThread::spawn(name, || ());
    let (door, done) = (Arc::clone(door), Arc::clone(done));
    thread.event_loop().spawn("sleeper", |_| async move {
        pass(&door).await;
        done.set(1);
    });
    thread
}

fn wakes_one_sleeper(parameters: &Parameters) {
    let door = new_door();
    let done = ["first", "second"].map(Shared::new);
    let first = start_sleeper("iothread0", &door, &done[0]);
    let second = start_sleeper("iothread1", &door, &done[1]);
    let mut inside = lock(&door);
    inside.open = true;
    let sleepers = inside.sleepers.take_all();
    drop(inside);
    let woken = if is_broken(parameters) { 1 } else { sleepers.len() };
    sleepers.into_iter().take(woken).for_each(Waker::wake);
    done.iter().for_each(|done| done.wait_for(1));
    drop((first, second));
}

fn wakes_before_it_opens(parameters: &Parameters) {
    let (door, done) = (new_door(), Shared::new("done"));
    let thread = start_sleeper("iothread0", &door, &done);
    let wake = || {
        let sleepers = lock(&door).sleepers.take_all();
        sleepers.into_iter().for_each(Waker::wake);
    };
    if is_broken(parameters) {
        wake();
        lock(&door).open = true;
    } else {
        lock(&door).open = true;
        wake();
    }
    done.wait_for(1);
    drop(thread);
}

fn drops_the_wakers(parameters: &Parameters) {
    let (door, done) = (new_door(), Shared::new("done"));
    let thread = start_sleeper("iothread0", &door, &done);
    let mut inside = lock(&door);
    inside.open = true;
    let sleepers = inside.sleepers.take_all();
    drop(inside);
    if is_broken(parameters) {
        drop(sleepers);
    } else {
        sleepers.into_iter().for_each(Waker::wake);
    }
    done.wait_for(1);
    drop(thread);
}

fn blocks_the_others(parameters: &Parameters) {
    let (step, done) = (Shared::new("step"), Shared::new("done"));
    let thread = IoThread::spawn("iothread0", || ());
    let (kept, outcome) = promise();
    let (waits, ends, broken) = (Arc::clone(&step), Arc::clone(&done), is_broken(parameters));
    thread.event_loop().spawn("waits", move |_| async move {
        if broken {
            waits.wait_for(1);
        } else {
            outcome.await;
        }
        ends.set(1);
    });
    thread.event_loop().spawn("goes on", move |_| async move {
        step.set(1);
        kept.keep(());
    });
    done.wait_for(1);
    drop(thread);
}

fn crosswise_mutexes(parameters: &Parameters) {
    let mutexes = ["left", "right"].map(|name| Arc::new(CoroutineMutex::new(name)));
    let done = ["first", "second"].map(Shared::new);
    let threads = ["iothread0", "iothread1"].map(|name| IoThread::spawn(name, || ()));
    for number in 0..2 {
        let turned = number == 1 && is_broken(parameters);
        let outer = Arc::clone(&mutexes[usize::from(turned)]);
        let inner = Arc::clone(&mutexes[usize::from(!turned)]);
        let ends = Arc::clone(&done[number]);
        threads[number].event_loop().spawn("takes both", move |_| async move {
            let outer = outer.acquire().await;
            drop(inner.acquire().await);
            drop(outer);
            ends.set(1);
        });
    }
    done.iter().for_each(|done| done.wait_for(1));
    drop(threads);
}

fn writes_inside_its_read(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let graph_lock = GraphLock::bare(&main, Deferral::List, Fairness::default());
    let (handle, keeps) = (main.handle(), is_broken(parameters));
    main.run_coroutine("reader", move |_| async move {
        let guard = graph_lock.read().await;
        let kept = if keeps { Some(guard.share()) } else { None };
        drop(guard);
        let writer = graph_lock.clone();
        handle.call(move |main| writer.write(main).unlock()).await;
        drop(kept);
    });
}
