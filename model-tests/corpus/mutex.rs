//! Who holds a mutex while it waits.

use graphlock_harness::outcome::ViolationKind::{Deadlock, LeakedTask};
use graphlock_harness::scenario::Parameters;

use graphlock_harness::sync::Barrier;
use graphlock_harness::sync::thread::Builder;

use super::{Pair, is_broken, mutex};
use crate::sync::{Arc, Mutex, lock, model};

pub(super) const PAIRS: &[Pair] = &[
    Pair {
        name: "opposite_order",
        broken: "two tasks take two mutexes in opposite order",
        sound: "both take the first one first",
        kind: Deadlock,
        says: &["main waits for right, held by other", "other waits for left, held by main"],
        body: opposite_order,
    },
    Pair {
        name: "three_in_a_ring",
        broken: "three tasks take a mutex each, and then that of the next",
        sound: "the last takes the first one first",
        kind: Deadlock,
        says: &[
            "main waits for fork 1, held by second",
            "second waits for fork 2, held by third",
            "third waits for fork 0, held by main",
        ],
        body: three_in_a_ring,
    },
    Pair {
        name: "takes_it_twice",
        broken: "a task takes the mutex that it has",
        sound: "it gives it back before",
        kind: Deadlock,
        says: &["main waits for once, held by main"],
        body: takes_it_twice,
    },
    Pair {
        name: "joins_while_holding",
        broken: "a task waits for the end of another that needs what it holds",
        sound: "it gives it back before it waits",
        kind: Deadlock,
        says: &["main waits for the end of other", "other waits for held, held by main"],
        body: joins_while_holding,
    },
    Pair {
        name: "forgets_to_unlock",
        broken: "a task ends and does not give back what it has",
        sound: "it gives it back",
        kind: LeakedTask,
        says: &["other waits for forgotten, held by main"],
        body: forgets_to_unlock,
    },
    Pair {
        name: "barrier_inside",
        broken: "two tasks wait for each other while one of them has what both need",
        sound: "they give it back before",
        kind: Deadlock,
        says: &["waits for inside, held by"],
        body: barrier_inside,
    },
    Pair {
        name: "hand_over_hand",
        broken: "two walk along a chain of mutexes from either end, one mutex ahead",
        sound: "both walk from the same end",
        kind: Deadlock,
        says: &["main waits for link", "other waits for link"],
        body: hand_over_hand,
    },
];

/// Takes two mutexes, one inside the other.
fn take_both(outer: &Mutex<()>, inner: &Mutex<()>) {
    let outer = lock(outer);
    let inner = lock(inner);
    drop((inner, outer));
}

fn opposite_order(parameters: &Parameters) {
    let (left, right) = (mutex("left"), mutex("right"));
    let (own_left, own_right) = (Arc::clone(&left), Arc::clone(&right));
    let broken = is_broken(parameters);
    model::spawn("other", move || {
        let (first, second) =
            if broken { (&own_right, &own_left) } else { (&own_left, &own_right) };
        take_both(first, second);
    });
    take_both(&left, &right);
}

fn three_in_a_ring(parameters: &Parameters) {
    let forks = [0, 1, 2].map(|number| mutex(&format!("fork {number}")));
    for (number, name) in [(1, "second"), (2, "third")] {
        let (own, next) = (Arc::clone(&forks[number]), Arc::clone(&forks[(number + 1) % 3]));
        let turned = number == 2 && !is_broken(parameters);
        model::spawn(name, move || {
            let (first, second) = if turned { (&next, &own) } else { (&own, &next) };
            take_both(first, second);
        });
    }
    take_both(&forks[0], &forks[1]);
}

fn takes_it_twice(parameters: &Parameters) {
    let once = mutex("once");
    let first = lock(&once);
    let kept = is_broken(parameters).then_some(first);
    drop(lock(&once));
    drop(kept);
}

fn joins_while_holding(parameters: &Parameters) {
    let held = mutex("held");
    let own = Arc::clone(&held);
    let first = lock(&held);
    let builder = Builder::new().name("other".to_owned());
    let other = builder.spawn(move || drop(lock(&own))).expect("an execution can always spawn");
    let kept = is_broken(parameters).then_some(first);
    other.join().expect("it does not panic");
    drop(kept);
}

fn forgets_to_unlock(parameters: &Parameters) {
    let forgotten = mutex("forgotten");
    let own = Arc::clone(&forgotten);
    let guard = lock(&forgotten);
    model::spawn("other", move || drop(lock(&own)));
    if is_broken(parameters) {
        std::mem::forget(guard);
    }
}

fn barrier_inside(parameters: &Parameters) {
    let (inside, barrier) = (mutex("inside"), Arc::new(Barrier::new(2)));
    let broken = is_broken(parameters);
    let meets = move |inside: &Mutex<()>, barrier: &Barrier| {
        let guard = lock(inside);
        let kept = broken.then_some(guard);
        barrier.wait();
        drop(kept);
    };
    let (own, shared) = (Arc::clone(&inside), Arc::clone(&barrier));
    model::spawn("other", move || meets(&own, &shared));
    meets(&inside, &barrier);
}

/// Walks along a chain: takes the next before it gives back the last.
fn walk(chain: &[Arc<Mutex<()>>], order: [usize; 3]) {
    let first = lock(&chain[order[0]]);
    let second = lock(&chain[order[1]]);
    drop(first);
    let third = lock(&chain[order[2]]);
    drop((second, third));
}

fn hand_over_hand(parameters: &Parameters) {
    let chain: Vec<_> = (0..3).map(|number| mutex(&format!("link {number}"))).collect();
    let own = chain.clone();
    let order = if is_broken(parameters) { [2, 1, 0] } else { [0, 1, 2] };
    model::spawn("other", move || walk(&own, order));
    walk(&chain, [0, 1, 2]);
}
