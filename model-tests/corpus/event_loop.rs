//! Bottom halves, kicks and nested polls: who runs what somebody waits for.

use graphlock_harness::outcome::ViolationKind::Deadlock;
use graphlock_harness::scenario::Parameters;

use super::{Pair, Shared, is_broken};
use crate::event_loop::{BottomHalf, Home, IoThread, MainLoop};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::note::Note;
use crate::sync::{Arc, Mutex, Named, lock, model};

pub(super) const PAIRS: &[Pair] = &[
    Pair {
        name: "blocks_its_loop",
        broken: "a bottom half blocks its thread until another of the same loop has run",
        sound: "it runs on a loop of its own",
        kind: Deadlock,
        says: &["iothread0 sleeps in done changed; nobody will notify it"],
        body: blocks_its_loop,
    },
    Pair {
        name: "kick_is_left_out",
        broken: "who changes a condition does not kick",
        sound: "it kicks",
        kind: Deadlock,
        says: &["main sleeps in posted[main]; nobody will notify it"],
        body: kick_is_left_out,
    },
    Pair {
        name: "kick_before_change",
        broken: "who changes a condition kicks first",
        sound: "it kicks afterwards",
        kind: Deadlock,
        says: &["main sleeps in posted[main]; nobody will notify it"],
        body: kick_before_change,
    },
    Pair {
        name: "deleted_while_waited_for",
        broken: "a bottom half is deleted while its effect is waited for",
        sound: "it is kept",
        kind: Deadlock,
        says: &["main sleeps in posted[main]; nobody will notify it"],
        body: deleted_while_waited_for,
    },
    Pair {
        name: "inner_wait_for_outer",
        broken: "a wait inside a wait is for what the outer frame does afterwards",
        sound: "the outer frame does it before it waits",
        kind: Deadlock,
        says: &["main sleeps in posted[main]; nobody will notify it"],
        body: inner_wait_for_outer,
    },
    Pair {
        name: "loops_wait_crosswise",
        broken: "bottom halves of two loops block until the other has run",
        sound: "one of them does not wait",
        kind: Deadlock,
        says: &["iothread0 sleeps in", "iothread1 sleeps in"],
        body: loops_wait_crosswise,
    },
    Pair {
        name: "poll_forgets_flag",
        broken: "a loop polls until something has run, though it may have run before",
        sound: "it looks at the flag before it polls",
        kind: Deadlock,
        says: &["main sleeps in posted[main]; nobody will notify it"],
        body: poll_forgets_flag,
    },
];

fn io_thread(name: &str) -> IoThread {
    IoThread::spawn(name, || ())
}

fn flag(name: &str) -> Arc<AtomicU32> {
    Arc::new(AtomicU32::new(0).named(&name))
}

fn blocks_its_loop(parameters: &Parameters) {
    let done = Shared::new("done");
    let [thread, beside] = ["iothread0", "iothread1"].map(io_thread);
    let (waits, sets) = (Arc::clone(&done), Arc::clone(&done));
    let other = if is_broken(parameters) { &thread } else { &beside };
    thread.event_loop().schedule_oneshot("waits", move |_| waits.wait_for(1));
    other.event_loop().schedule_oneshot("sets", move |_| sets.set(1));
}

fn kick_is_left_out(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let done = flag("done");
    let (handle, sets, broken) = (main.handle(), Arc::clone(&done), is_broken(parameters));
    model::spawn("worker", move || {
        sets.store(1, SeqCst);
        if !broken {
            handle.kick();
        }
    });
    main.wait_while(|_| done.load(SeqCst) == 0);
}

fn kick_before_change(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let done = flag("done");
    let (handle, sets, broken) = (main.handle(), Arc::clone(&done), is_broken(parameters));
    model::spawn("worker", move || {
        if broken {
            handle.kick();
        }
        sets.store(1, SeqCst);
        if !broken {
            handle.kick();
        }
    });
    main.wait_while(|_| done.load(SeqCst) == 0);
}

fn deleted_while_waited_for(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let done = flag("done");
    let sets = Arc::clone(&done);
    let callback = move |_: &mut dyn Home| sets.store(1, SeqCst);
    let bottom_half = BottomHalf::new(main.handle().event_loop(), "sets", callback);
    let kept = Arc::new(Mutex::new(None).named(&"kept"));
    let (keeps, broken) = (Arc::clone(&kept), is_broken(parameters));
    model::spawn("scheduler", move || {
        bottom_half.schedule();
        if broken {
            drop(bottom_half);
        } else {
            *lock(&keeps) = Some(bottom_half);
        }
    });
    main.wait_while(|_| done.load(SeqCst) == 0);
    drop(kept);
}

fn inner_wait_for_outer(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let (done, outer) = (flag("done"), flag("outer"));
    let (handle, sets, waited) = (main.handle(), Arc::clone(&done), Arc::clone(&outer));
    main.handle().schedule_oneshot("inner", move |main| {
        main.wait_while(|_| waited.load(SeqCst) == 0);
    });
    model::spawn("worker", move || {
        sets.store(1, SeqCst);
        handle.kick();
    });
    if !is_broken(parameters) {
        outer.store(1, SeqCst);
    }
    main.poll(false);
    main.wait_while(|_| done.load(SeqCst) == 0);
    outer.store(1, SeqCst);
}

fn loops_wait_crosswise(parameters: &Parameters) {
    let (left, right) = (Shared::new("left"), Shared::new("right"));
    let [first, second] = ["iothread0", "iothread1"].map(io_thread);
    let (own, others) = (Arc::clone(&left), Arc::clone(&right));
    first.event_loop().schedule_oneshot("first", move |_| {
        others.wait_for(1);
        own.set(1);
    });
    let broken = is_broken(parameters);
    second.event_loop().schedule_oneshot("second", move |_| {
        if broken {
            left.wait_for(1);
        }
        right.set(1);
    });
}

fn poll_forgets_flag(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let ran = Note::default();
    let (handle, runs) = (main.handle(), ran.clone());
    model::spawn("poster", move || {
        handle.schedule_oneshot("posted", move |_| runs.set(1));
    });
    main.poll(false);
    if is_broken(parameters) || ran.get() == 0 {
        main.poll(true);
    }
}
