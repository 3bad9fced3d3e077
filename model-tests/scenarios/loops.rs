//! Guards, coroutines and event loops that come and go.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::Machine;
use crate::graph_lock::{Deferral, GraphCell};
use crate::sync::note::Note;
use crate::sync::{Arc, model};

const PROPERTIES: &[Property] =
    &[Property::always("no-reader-inside-write"), Property::eventually("everybody-gets-in")];

pub(super) fn all() -> Vec<Scenario> {
    let scenario = |name, about, loom, body| Scenario {
        name,
        parameters: Parameters(&[]),
        about,
        properties: PROPERTIES,
        cases: &["reader-fast-path", "writer-waits"],
        engines: Engines { harness: Some(true), loom, std: 100 },
        body,
    };
    vec![
        scenario(
            "reader_changes_loop",
            "a coroutine locks on one loop and unlocks on another",
            Ok(3),
            reader_changes_loop,
        ),
        scenario(
            "loop_goes_away",
            "a guard taken on a loop that is gone is released on the main loop",
            Err("needs a join, and the door leaves joins out on loom"),
            loop_goes_away,
        ),
    ]
}

/// A number that sections change.
fn number(machine: &Machine) -> Arc<GraphCell<u32>> {
    Arc::new(GraphCell::new(machine.graph.lock(), 0))
}

fn write(machine: &mut Machine, number: &GraphCell<u32>) {
    let mut section = machine.graph.lock().write(&mut machine.main);
    number.write(&mut section, |number| *number += 1);
    section.unlock();
}

fn reader_changes_loop(_: &Parameters) {
    let mut machine = Machine::new(Deferral::List);
    let number = number(&machine);
    let threads = ["iothread0", "iothread1"].map(|name| machine.graph.lock().io_thread(name));
    let (lock, cell) = (machine.graph.lock().clone(), Arc::clone(&number));
    let target = Arc::clone(threads[1].event_loop());
    threads[0].event_loop().spawn("reader", |coroutine| async move {
        let guard = lock.read().await;
        let before = cell.read(&guard, |number| *number);
        coroutine.move_to(&target).await;
        let after = cell.read(&guard, |number| *number);
        always("no-reader-inside-write", before == after, format_args!("{before}, then {after}"));
    });
    write(&mut machine, &number);
    drop(threads);
    model::finish(move || machine.leftovers());
}

fn loop_goes_away(_: &Parameters) {
    let mut machine = Machine::new(Deferral::List);
    let number = number(&machine);
    let thread = machine.graph.lock().io_thread("iothread0");
    let (lock, cell) = (machine.graph.lock().clone(), Arc::clone(&number));
    let home = Arc::clone(machine.main.handle().event_loop());
    let ended = Note::default();
    let ends = ended.clone();
    thread.event_loop().spawn("reader", |coroutine| async move {
        let guard = lock.read().await;
        coroutine.move_to(&home).await;
        cell.read(&guard, |number| *number);
        drop(guard);
        ends.set(1);
    });
    drop(thread);
    write(&mut machine, &number);
    always("no-reader-inside-write", ended.get() == 1, "the writer came in beside a reader");
    write(&mut machine, &number);
    model::finish(move || format!("reader ended: {}, {}", ended.get(), machine.leftovers()));
}
