//! Posting to a loop that may be about to sleep, and kicking one that waits for a condition.

use graphlock_harness::scenario::{Parameters, Property, Scenario, always};

use super::component;
use crate::event_loop::MainLoop;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::note::Note;
use crate::sync::{Arc, Named, model};

const NOTHING_LOST: &[Property] = &[Property::eventually("nothing-posted-is-lost")];
const NO_LOST_KICK: &[Property] = &[Property::eventually("no-kick-is-lost")];

pub(super) fn all() -> Vec<Scenario> {
    vec![
        component(
            "notify_handshake",
            "two threads post to a loop that sleeps between polls",
            NOTHING_LOST,
            &["post-before-sleep", "post-wakes-sleeper"],
            notify_handshake,
        ),
        component(
            "kick_and_wait",
            "a thread changes a condition and kicks; the main loop waits for it",
            NO_LOST_KICK,
            &["wait-not-needed", "waiter-polls", "waiter-finds-change", "kick-finds-waiter"],
            kick_and_wait,
        ),
        component(
            "nested_waits",
            "a bottom half waits for a second condition inside the wait for the first",
            NO_LOST_KICK,
            &["waiter-polls", "poll-finishes-parents-slice"],
            nested_waits,
        ),
    ]
}

fn notify_handshake(_: &Parameters) {
    let mut main = MainLoop::new();
    let ran = Note::default();
    for _ in 0..2 {
        let (handle, ran) = (main.handle(), ran.clone());
        model::spawn("poster", move || {
            handle.schedule_oneshot("posted", move |_| ran.add(1));
        });
    }
    while ran.get() < 2 {
        main.poll(true);
    }
    model::finish(move || format!("{} ran", ran.get()));
}

fn kick_and_wait(_: &Parameters) {
    let mut main = MainLoop::new();
    let done = Arc::new(AtomicU32::new(0).named(&"done"));
    let (handle, change) = (main.handle(), Arc::clone(&done));
    model::spawn("worker", move || {
        change.store(1, Ordering::Relaxed);
        handle.kick();
    });
    main.wait_while(|_| done.load(Ordering::Relaxed) == 0);
    model::finish(|| "done".to_owned());
}

fn nested_waits(_: &Parameters) {
    let mut main = MainLoop::new();
    let stages =
        [0, 1].map(|stage| Arc::new(AtomicU32::new(0).named(&format_args!("stage {stage}"))));
    let order = Note::default();
    for stage in &stages {
        let (handle, change) = (main.handle(), Arc::clone(stage));
        model::spawn("worker", move || {
            change.store(1, Ordering::Relaxed);
            handle.kick();
        });
    }
    let (inner, noted) = (Arc::clone(&stages[1]), order.clone());
    main.handle().schedule_oneshot("older", |_| ());
    main.handle().schedule_oneshot("waits inside", move |main| {
        main.wait_while(|_| inner.load(Ordering::Relaxed) == 0);
        noted.set(1);
    });
    main.poll(false);
    main.wait_while(|_| stages[0].load(Ordering::Relaxed) == 0);
    always("no-kick-is-lost", order.get() == 1, "the inner wait ended before the outer one began");
    model::finish(|| "done".to_owned());
}
