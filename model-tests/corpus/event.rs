//! Events that are lost, merged, or sent to somebody else.

use graphlock_harness::outcome::ViolationKind::{Deadlock, LeakedTask};
use graphlock_harness::scenario::Parameters;

use graphlock_harness::sync::thread::{current, park};

use super::{Pair, Shared, is_broken};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::{Arc, Named, lock, model};

pub(super) const PAIRS: &[Pair] = &[
    Pair {
        name: "tokens_are_one",
        broken: "two unparks before a park are one, and the waiter parks for each",
        sound: "it counts what has happened, and parks for the rest",
        kind: Deadlock,
        says: &["main is parked; nobody will unpark it"],
        body: tokens_are_one,
    },
    Pair {
        name: "auto_reset",
        broken: "an event that resets itself is set twice before anybody waits, and two wait",
        sound: "what is set is counted",
        kind: LeakedTask,
        says: &["sleeps in event changed; nobody will notify it"],
        body: auto_reset,
    },
    Pair {
        name: "pulse",
        broken: "an event is set and reset at once, and a waiter comes late",
        sound: "it stays set",
        kind: Deadlock,
        says: &["main sleeps in event changed; nobody will notify it"],
        body: pulse,
    },
    Pair {
        name: "unparks_another",
        broken: "the wrong task is unparked",
        sound: "the one that is parked is",
        kind: Deadlock,
        says: &["main is parked; nobody will unpark it"],
        body: unparks_another,
    },
];

fn tokens_are_one(parameters: &Parameters) {
    let happened = Arc::new(AtomicU32::new(0).named(&"happened"));
    let waiter = current();
    for name in ["first", "second"] {
        let (counts, waiter) = (Arc::clone(&happened), waiter.clone());
        model::spawn(name, move || {
            counts.fetch_add(1, SeqCst);
            waiter.unpark();
        });
    }
    if is_broken(parameters) {
        park();
        park();
    } else {
        while happened.load(SeqCst) < 2 {
            park();
        }
    }
}

/// Waits until the event is set and takes one of what was set.
fn take(event: &Shared) {
    let mut value = lock(&event.value);
    while *value == 0 {
        value = event.changed.wait(value).expect("never poisoned");
    }
    *value -= 1;
}

fn auto_reset(parameters: &Parameters) {
    let event = Shared::new("event");
    let first = Arc::clone(&event);
    model::spawn("first", move || take(&first));
    let (sets, broken) = (Arc::clone(&event), is_broken(parameters));
    model::spawn("sets", move || {
        for _ in 0..2 {
            let mut value = lock(&sets.value);
            *value = if broken { 1 } else { *value + 1 };
            drop(value);
            sets.changed.notify_all();
        }
    });
    take(&event);
}

fn pulse(parameters: &Parameters) {
    let event = Shared::new("event");
    let (sets, broken) = (Arc::clone(&event), is_broken(parameters));
    model::spawn("sets", move || {
        sets.set(1);
        if broken {
            *lock(&sets.value) = 0;
        }
    });
    event.wait_for(1);
}

fn unparks_another(parameters: &Parameters) {
    let happened = Arc::new(AtomicU32::new(0).named(&"happened"));
    let (counts, waiter, broken) = (Arc::clone(&happened), current(), is_broken(parameters));
    model::spawn("other", move || {
        counts.store(1, SeqCst);
        if broken { current().unpark() } else { waiter.unpark() }
    });
    while happened.load(SeqCst) == 0 {
        park();
    }
}
