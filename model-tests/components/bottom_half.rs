//! Bottom halves: order within a slice, nested polls, cancelling and scheduling from two sides.

use graphlock_harness::scenario::{Parameters, Property, Scenario, always};

use super::component;
use crate::event_loop::{BottomHalf, Home, MainLoop};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::note::Note;
use crate::sync::{Arc, Named, model};

const ORDER: &[Property] =
    &[Property::always("newest-first"), Property::always("parents-slice-first")];
const SCHEDULED: &[Property] =
    &[Property::always("runs-after-schedule"), Property::always("deleted-never-runs")];

pub(super) fn all() -> Vec<Scenario> {
    vec![
        component(
            "bottom_half_order",
            "a slice runs newest first, and a nested poll finishes the older slice before its own",
            ORDER,
            &["poll-finishes-parents-slice"],
            bottom_half_order,
        ),
        component(
            "bottom_half_is_kept",
            "a kept bottom half is scheduled by two threads; whoever schedules is seen by a later run",
            SCHEDULED,
            &[],
            bottom_half_is_kept,
        ),
        component(
            "bottom_half_is_cancelled",
            "one thread schedules while the main loop cancels and deletes",
            SCHEDULED,
            &[],
            bottom_half_is_cancelled,
        ),
    ]
}

/// Appends a digit.
fn push(order: &Note, digit: u32) {
    order.set(order.get() * 10 + digit);
}

fn bottom_half_order(_: &Parameters) {
    let mut main = MainLoop::new();
    let order = Note::default();
    let post = |digit: u32| {
        let order = order.clone();
        main.handle().schedule_oneshot("in order", move |_| push(&order, digit));
    };
    post(1);
    let nested = order.clone();
    main.handle().schedule_oneshot("polls", move |main| {
        push(&nested, 2);
        let inner = nested.clone();
        main.handle().schedule_oneshot("posted inside", move |_| push(&inner, 9));
        main.poll_bottom_halves();
        push(&nested, 4);
    });
    post(3);
    // Somebody else posts, too: before, between or after, always in a slice of its own order.
    let (handle, foreign) = (main.handle(), Note::default());
    let ran = foreign.clone();
    model::spawn("foreign", move || handle.schedule_oneshot("foreign", move |_| ran.set(1)));
    main.poll_bottom_halves();
    let digits = order.get();
    let text = digits.to_string();
    always("newest-first", text.starts_with("32"), digits);
    always("parents-slice-first", text.find('1') < text.find('9'), digits);
    while foreign.get() == 0 {
        main.poll(true);
    }
    model::finish(move || digits.to_string());
}

/// A bottom half that notes the value of `published`.
fn noting(main: &MainLoop, published: &Arc<AtomicU32>, seen: &Note) -> Arc<BottomHalf> {
    let (published, seen) = (Arc::clone(published), seen.clone());
    let callback = move |_: &mut dyn Home| seen.set(published.load(Ordering::Relaxed));
    Arc::new(BottomHalf::new(main.handle().event_loop(), "notes", callback))
}

fn bottom_half_is_kept(_: &Parameters) {
    let mut main = MainLoop::new();
    let published = Arc::new(AtomicU32::new(0).named(&"published"));
    let ended = Arc::new(AtomicU32::new(0).named(&"ended"));
    let seen = Note::default();
    let kept = noting(&main, &published, &seen);
    for _ in 0..2 {
        let (kept, published) = (Arc::clone(&kept), Arc::clone(&published));
        let (ends, handle) = (Arc::clone(&ended), main.handle());
        model::spawn("scheduler", move || {
            published.fetch_add(1, Ordering::Relaxed);
            kept.schedule();
            drop(kept);
            ends.fetch_add(1, Ordering::Relaxed);
            handle.kick();
        });
    }
    main.wait_while(|_| ended.load(Ordering::Relaxed) < 2);
    main.poll_bottom_halves();
    always("runs-after-schedule", seen.get() == 2, seen.get());
    model::finish(move || format!("saw {}", seen.get()));
}

fn bottom_half_is_cancelled(_: &Parameters) {
    let mut main = MainLoop::new();
    let published = Arc::new(AtomicU32::new(1).named(&"published"));
    let seen = Note::default();
    let kept = noting(&main, &published, &seen);
    let own = Arc::clone(&kept);
    model::spawn("scheduler", move || {
        own.schedule();
        drop(own);
    });
    kept.cancel();
    main.poll_bottom_halves();
    let ran_before = seen.get();
    drop(kept);
    let last = seen.clone();
    model::finish(move || {
        main.poll_bottom_halves();
        always("deleted-never-runs", last.get() == ran_before, "it ran after both had let it go");
        format!("ran: {}", last.get())
    });
}
