//! What comes by time, or does not.

use graphlock_harness::outcome::ViolationKind::{Deadlock, Livelock};
use graphlock_harness::scenario::Parameters;

use super::{Pair, Shared, is_broken};
use crate::event_loop::MainLoop;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::time::Duration;
use crate::sync::{Arc, Named, lock, model};

pub(super) const PAIRS: &[Pair] = &[
    Pair {
        name: "timer_is_taken_back",
        broken: "the timer that would end a wait is taken back",
        sound: "it is left",
        kind: Deadlock,
        says: &["main sleeps in posted[main]; nobody will notify it"],
        body: timer_is_taken_back,
    },
    Pair {
        name: "timer_arms_itself",
        broken: "a timer sets the next one for ever, and what is waited for never comes",
        sound: "the third one brings it",
        kind: Livelock,
        says: &["livelock: no end within", "main"],
        body: timer_arms_itself,
    },
    Pair {
        name: "waits_without_time",
        broken: "a task waits without a limit for somebody who has given up",
        sound: "it waits for some time",
        kind: Deadlock,
        says: &["main sleeps in ready changed; nobody will notify it"],
        body: waits_without_time,
    },
    Pair {
        name: "blocks_its_timer",
        broken: "a task blocks its thread, on whose loop a timer would end the wait",
        sound: "it polls the loop",
        kind: Deadlock,
        says: &["main sleeps in done changed; nobody will notify it"],
        body: blocks_its_timer,
    },
];

const SOON: Duration = Duration::from_millis(1);

fn flag(name: &str) -> Arc<AtomicU32> {
    Arc::new(AtomicU32::new(0).named(&name))
}

/// A thread beside that does something of its own.
fn start_passer_by() {
    let beside = flag("beside");
    let own = Arc::clone(&beside);
    model::spawn("passer-by", move || own.store(1, SeqCst));
    beside.load(SeqCst);
}

fn timer_is_taken_back(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let done = flag("done");
    let sets = Arc::clone(&done);
    start_passer_by();
    let timer = main.call_after(SOON, move |_| sets.store(1, SeqCst));
    if is_broken(parameters) {
        main.cancel_timer(timer);
    }
    main.wait_while(|_| done.load(SeqCst) == 0);
}

/// Sets `done` at the last of `left` timers, or never.
fn arm(main: &mut MainLoop, done: Arc<AtomicU32>, left: Option<u32>) {
    main.call_after(SOON, move |main| match left {
        Some(0) => done.store(1, SeqCst),
        _ => arm(main, done, left.map(|left| left - 1)),
    });
}

fn timer_arms_itself(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let done = flag("done");
    start_passer_by();
    let left = (!is_broken(parameters)).then_some(2);
    arm(&mut main, Arc::clone(&done), left);
    main.wait_while(|_| done.load(SeqCst) == 0);
}

fn waits_without_time(parameters: &Parameters) {
    let ready = Shared::new("ready");
    start_passer_by();
    if is_broken(parameters) {
        ready.wait_for(1);
    } else {
        let value = lock(&ready.value);
        let waited = ready.changed.wait_timeout(value, SOON);
        assert!(waited.expect("never poisoned").1.timed_out(), "nobody notifies");
    }
}

fn blocks_its_timer(parameters: &Parameters) {
    let mut main = MainLoop::new();
    let (done, shared) = (flag("done flag"), Shared::new("done"));
    let (sets, tells) = (Arc::clone(&done), Arc::clone(&shared));
    start_passer_by();
    main.call_after(SOON, move |_| {
        sets.store(1, SeqCst);
        tells.set(1);
    });
    if is_broken(parameters) {
        shared.wait_for(1);
    } else {
        main.wait_while(|_| done.load(SeqCst) == 0);
    }
}
