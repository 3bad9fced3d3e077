//! Loops that read what nobody changes any more.

use graphlock_harness::outcome::ViolationKind::Livelock;
use graphlock_harness::scenario::Parameters;

use graphlock_harness::sync::hint::spin_loop;

use super::{Pair, is_broken};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::{Arc, Named, model};

pub(super) const PAIRS: &[Pair] = &[
    Pair {
        name: "nobody_sets_it",
        broken: "a task spins for a flag that nobody sets",
        sound: "somebody sets it",
        kind: Livelock,
        says: &["main re-reads flag in a loop"],
        body: nobody_sets_it,
    },
    Pair {
        name: "after_you",
        broken: "each of two spins for the flag of the other before it sets its own",
        sound: "one sets its own first",
        kind: Livelock,
        says: &["main re-reads right in a loop", "other re-reads left in a loop"],
        body: after_you,
    },
    Pair {
        name: "flags_without_turn",
        broken: "two announce themselves and spin while the other has, too",
        sound: "whose turn it is decides",
        kind: Livelock,
        says: &["main re-reads", "other re-reads"],
        body: flags_without_turn,
    },
    Pair {
        name: "skips_its_number",
        broken: "who has drawn a number leaves without calling the next",
        sound: "it calls the next",
        kind: Livelock,
        says: &["re-reads called in a loop"],
        body: skips_its_number,
    },
    Pair {
        name: "old_lap",
        broken: "a task spins for one exact number of a counter that goes on",
        sound: "for that or a later one",
        kind: Livelock,
        says: &["main re-reads laps in a loop"],
        body: old_lap,
    },
];

fn flag(name: &str) -> Arc<AtomicU32> {
    Arc::new(AtomicU32::new(0).named(&name))
}

/// Spins while the condition holds.
fn spin_while(condition: impl Fn() -> bool) {
    while condition() {
        spin_loop();
    }
}

fn nobody_sets_it(parameters: &Parameters) {
    let flag = flag("flag");
    let (sets, broken) = (Arc::clone(&flag), is_broken(parameters));
    model::spawn("other", move || sets.store(u32::from(!broken), SeqCst));
    spin_while(|| flag.load(SeqCst) == 0);
}

fn after_you(parameters: &Parameters) {
    let (left, right) = (flag("left"), flag("right"));
    let (seen, own, broken) = (Arc::clone(&left), Arc::clone(&right), is_broken(parameters));
    model::spawn("other", move || {
        if broken {
            spin_while(|| seen.load(SeqCst) == 0);
        }
        own.store(1, SeqCst);
        spin_while(|| seen.load(SeqCst) == 0);
    });
    spin_while(|| right.load(SeqCst) == 0);
    left.store(1, SeqCst);
}

/// Announces itself, waits for the other, and takes itself back.
fn pass(own: &AtomicU32, other: &AtomicU32, turn: Option<(&AtomicU32, u32)>) {
    own.store(1, SeqCst);
    if let Some((turn, others)) = turn {
        turn.store(others, SeqCst);
        spin_while(|| other.load(SeqCst) == 1 && turn.load(SeqCst) == others);
    } else {
        spin_while(|| other.load(SeqCst) == 1);
    }
    own.store(0, SeqCst);
}

fn flags_without_turn(parameters: &Parameters) {
    let (left, right, turn) = (flag("left"), flag("right"), flag("turn"));
    let (own_left, own_right, own_turn) =
        (Arc::clone(&left), Arc::clone(&right), Arc::clone(&turn));
    let broken = is_broken(parameters);
    model::spawn("other", move || {
        pass(&own_right, &own_left, (!broken).then_some((&*own_turn, 1)));
    });
    pass(&left, &right, (!broken).then_some((&*turn, 2)));
}

fn skips_its_number(parameters: &Parameters) {
    let (drawn, called) = (flag("drawn"), flag("called"));
    let broken = is_broken(parameters);
    let serve = move |drawn: &AtomicU32, called: &AtomicU32| {
        let number = drawn.fetch_add(1, SeqCst);
        spin_while(|| called.load(SeqCst) != number);
        if !broken {
            called.store(number + 1, SeqCst);
        }
    };
    let (own_drawn, own_called) = (Arc::clone(&drawn), Arc::clone(&called));
    model::spawn("other", move || serve(&own_drawn, &own_called));
    serve(&drawn, &called);
}

fn old_lap(parameters: &Parameters) {
    let laps = flag("laps");
    let runs = Arc::clone(&laps);
    model::spawn("runner", move || {
        for lap in 1..=2 {
            runs.store(lap, SeqCst);
        }
    });
    let broken = is_broken(parameters);
    spin_while(|| {
        let lap = laps.load(SeqCst);
        if broken { lap != 1 } else { lap < 1 }
    });
}
