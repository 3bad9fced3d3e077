//! Notifications that come too early, or to somebody else.

use graphlock_harness::outcome::ViolationKind::{Deadlock, LeakedTask};
use graphlock_harness::scenario::Parameters;

use super::{Pair, Shared, is_broken, mutex};
use crate::sync::{Arc, lock, model};

pub(super) const PAIRS: &[Pair] = &[
    Pair {
        name: "waits_without_looking",
        broken: "a task waits for a notification that has come already",
        sound: "it looks at the value first",
        kind: Deadlock,
        says: &["main sleeps in ready changed; nobody will notify it"],
        body: waits_without_looking,
    },
    Pair {
        name: "notifies_before_change",
        broken: "the value changes after the notification",
        sound: "it changes before",
        kind: Deadlock,
        says: &["main sleeps in ready changed; nobody will notify it"],
        body: notifies_before_change,
    },
    Pair {
        name: "one_for_two_kinds",
        broken: "one of two waiters for different values is woken, perhaps the wrong one",
        sound: "both are woken",
        kind: Deadlock,
        says: &["sleeps in value changed; nobody will notify it"],
        body: one_for_two_kinds,
    },
    Pair {
        name: "notifies_another",
        broken: "the notification goes to another condition variable",
        sound: "it goes to the one that is waited on",
        kind: Deadlock,
        says: &["main sleeps in ready changed; nobody will notify it"],
        body: notifies_another,
    },
    Pair {
        name: "one_of_two",
        broken: "both waiters may go on, and one is woken",
        sound: "both are woken",
        kind: LeakedTask,
        says: &["sleeps in open changed; nobody will notify it"],
        body: one_of_two,
    },
    Pair {
        name: "sleeps_with_another",
        broken: "a waiter keeps a second mutex, which the notifier needs",
        sound: "it gives it back before it sleeps",
        kind: Deadlock,
        says: &["main sleeps in ready changed", "other waits for beside, held by main"],
        body: sleeps_with_another,
    },
];

fn waits_without_looking(parameters: &Parameters) {
    let ready = Shared::new("ready");
    let sets = Arc::clone(&ready);
    model::spawn("other", move || sets.set(1));
    if is_broken(parameters) {
        let value = lock(&ready.value);
        drop(ready.changed.wait(value).expect("never poisoned"));
    } else {
        ready.wait_for(1);
    }
}

fn notifies_before_change(parameters: &Parameters) {
    let ready = Shared::new("ready");
    let sets = Arc::clone(&ready);
    let broken = is_broken(parameters);
    model::spawn("other", move || {
        if broken {
            sets.changed.notify_all();
            *lock(&sets.value) = 1;
        } else {
            sets.set(1);
        }
    });
    ready.wait_for(1);
}

/// Wakes one or all who wait for the value.
fn set_for(shared: &Shared, value: u32, one: bool) {
    *lock(&shared.value) = value;
    if one { shared.changed.notify_one() } else { shared.changed.notify_all() }
}

fn one_for_two_kinds(parameters: &Parameters) {
    let value = Shared::new("value");
    let low = Arc::clone(&value);
    model::spawn("waits for 1", move || low.wait_for(1));
    let sets = Arc::clone(&value);
    let one = is_broken(parameters);
    model::spawn("sets", move || {
        set_for(&sets, 1, one);
        set_for(&sets, 2, one);
    });
    value.wait_for(2);
}

fn notifies_another(parameters: &Parameters) {
    let (ready, beside) = (Shared::new("ready"), Shared::new("beside"));
    let sets = Arc::clone(&ready);
    let broken = is_broken(parameters);
    model::spawn("other", move || {
        *lock(&sets.value) = 1;
        if broken { beside.changed.notify_all() } else { sets.changed.notify_all() }
    });
    ready.wait_for(1);
}

fn one_of_two(parameters: &Parameters) {
    let open = Shared::new("open");
    let (first, sets) = (Arc::clone(&open), Arc::clone(&open));
    model::spawn("first", move || first.wait_for(1));
    let one = is_broken(parameters);
    model::spawn("opens", move || set_for(&sets, 1, one));
    open.wait_for(1);
}

fn sleeps_with_another(parameters: &Parameters) {
    let (ready, beside) = (Shared::new("ready"), mutex("beside"));
    let (sets, needed) = (Arc::clone(&ready), Arc::clone(&beside));
    model::spawn("other", move || {
        let guard = lock(&needed);
        sets.set(1);
        drop(guard);
    });
    let kept = is_broken(parameters).then(|| lock(&beside));
    ready.wait_for(1);
    drop(kept);
}
