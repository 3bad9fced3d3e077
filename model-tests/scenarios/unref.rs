//! A write section drops the last reference of a node, and what may come right after.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::{Machine, start_reader_thread, way};
use crate::driver::Null;
use crate::graph::NodeRef;
use crate::graph_lock::GraphIoThread;
use crate::sync::model;

const PROPERTIES: &[Property] = &[
    Property::always("closed-when-unlock-returns"),
    Property::always("no-reader-inside-write"),
    Property::always("reader-sees-whole-change"),
    Property::eventually("unlock-returns"),
];

pub(super) fn all() -> Vec<Scenario> {
    let unref = |parameters, harness, loom| Scenario {
        name: "unref_under_write_lock",
        parameters: Parameters(parameters),
        about: "a section replaces a node and defers the old one's last reference; a reader is about",
        properties: PROPERTIES,
        cases: &["node-closes", "writer-waits", "reader-sleeps", "reader-fast-path"],
        engines: Engines { harness, loom, std: 100 },
        body: unref_under_write_lock,
    };
    let reopen = |parameters, cases| Scenario {
        name: "reopen_right_after_unlock",
        parameters: Parameters(parameters),
        about: "the image of a node whose reference was deferred is opened again right after the unlock",
        properties: PROPERTIES,
        cases,
        engines: Engines { harness: Some(true), loom: Ok(3), std: 100 },
        body: reopen_right_after_unlock,
    };
    let meet = |parameters, harness, cases| Scenario {
        name: "readers_meet_reopen",
        parameters: Parameters(parameters),
        about: "readers on threads without a loop; a section defers the last reference of a node, and its image is opened \
                again right after the unlock",
        properties: PROPERTIES,
        cases,
        engines: Engines { harness, loom: Ok(3), std: 100 },
        body: readers_meet_reopen,
    };
    let wake = |parameters| Scenario {
        name: "readers_wake_before_unrefs",
        parameters: Parameters(parameters),
        about: "the node that is closed at unlock has a request whose reader the section put to sleep",
        properties: PROPERTIES,
        cases: &["node-closes", "reader-sleeps", "reader-woken", "drain-waits"],
        engines: Engines { harness: Some(true), loom: Ok(3), std: 100 },
        body: readers_wake_before_unrefs,
    };
    const BOTTOM_HALF: &[&str] = &["node-closes", "deferred-bottom-half-runs"];
    const LIST: &[&str] = &["node-closes", "deferred-list-runs"];
    vec![
        unref(&[("readers", 1), ("sections", 1), ("way", 0)], Some(true), Ok(3)),
        unref(&[("readers", 1), ("sections", 1), ("way", 1)], Some(true), Ok(3)),
        unref(&[("readers", 2), ("sections", 1), ("way", 1)], Some(false), Err("too large")),
        reopen(&[("way", 0)], BOTTOM_HALF),
        reopen(&[("way", 1)], LIST),
        meet(&[("readers", 1), ("way", 0)], Some(true), BOTTOM_HALF),
        meet(&[("readers", 1), ("way", 1)], Some(true), LIST),
        meet(&[("readers", 2), ("way", 0)], Some(false), BOTTOM_HALF),
        meet(&[("readers", 2), ("way", 1)], Some(false), LIST),
        wake(&[("way", 0)]),
        wake(&[("way", 1)]),
    ]
}

/// Reads the children of a node on an I/O thread, as a request does.
fn start_requests(
    machine: &Machine,
    disk: &NodeRef,
    name: &'static str,
    sections: u64,
) -> GraphIoThread {
    let thread = machine.graph.lock().io_thread(name);
    let (graph, disk) = (machine.graph.clone(), disk.another(&machine.main));
    thread.event_loop().spawn("request", move |_| async move {
        for _ in 0..sections {
            let guard = graph.lock().read().await;
            let children = disk.with_children(&guard, |children| children.count());
            always("reader-sees-whole-change", children == 1, children);
        }
    });
    thread
}

/// Replaces the child of `disk` in a section and defers the old one's reference.
fn replace_child(machine: &mut Machine, disk: &NodeRef) {
    let new = machine.node("new", Some("new.img"));
    let mut section = machine.graph.lock().write(&mut machine.main);
    let old = machine.graph.replace_child(&mut section, disk, "file", new);
    section.schedule_unref(old.expect("the disk has this child"));
    section.unlock();
}

fn assert_base_closed(machine: &Machine) {
    let open = machine.images.open_images();
    always(
        "closed-when-unlock-returns",
        !open.iter().any(|image| image == "base.img"),
        format_args!("{open:?}"),
    );
}

/// Opens the image of the node that the section let go of.
fn reopen_base(machine: &Machine) -> Option<NodeRef> {
    let reopened = machine.images.open("base.img", "again");
    let conflict = reopened.as_ref().err().map(ToString::to_string);
    always("closed-when-unlock-returns", conflict.is_none(), conflict.unwrap_or_default());
    let image = reopened.ok()?;
    Some(machine.graph.create_node(&machine.main, "again", Null::new(Some(image))))
}

fn unref_under_write_lock(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let disk = machine.disk_with_base();
    let names = ["iothread0", "iothread1"];
    let readers = usize::try_from(parameters.get("readers")).expect("few readers");
    let threads: Vec<_> = names[..readers]
        .iter()
        .map(|name| start_requests(&machine, &disk, name, parameters.get("sections")))
        .collect();
    replace_child(&mut machine, &disk);
    assert_base_closed(&machine);
    end_with_threads(machine, disk, threads);
}

fn end_with_threads(mut machine: Machine, disk: NodeRef, threads: Vec<GraphIoThread>) {
    drop(threads);
    machine.graph.unref(&mut machine.main, disk);
    // What I/O threads still hold is dropped by the main loop's last polls, when they have ended.
    model::finish(move || machine.leftovers());
}

fn reopen_right_after_unlock(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let disk = machine.disk_with_base();
    let thread = start_requests(&machine, &disk, "iothread0", 1);
    replace_child(&mut machine, &disk);
    let reopened = reopen_base(&machine);
    if let Some(again) = reopened {
        machine.graph.unref(&mut machine.main, again);
    }
    end_with_threads(machine, disk, vec![thread]);
}

fn readers_meet_reopen(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let base = machine.node("base", Some("base.img"));
    let readers = usize::try_from(parameters.get("readers")).expect("few readers");
    for name in &["reader0", "reader1"][..readers] {
        start_reader_thread(&machine, name);
    }
    let mut section = machine.graph.lock().write(&mut machine.main);
    section.schedule_unref(base);
    section.unlock();
    let reopened = reopen_base(&machine);
    // What comes after the reopen is no part of the meeting.
    model::finish(move || {
        if let Some(again) = reopened {
            machine.graph.unref(&mut machine.main, again);
        }
        machine.leftovers()
    });
}

fn readers_wake_before_unrefs(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let base = machine.node("base", Some("base.img"));
    let thread = machine.graph.lock().io_thread("iothread0");
    let (graph, own) = (machine.graph.clone(), base.another(&machine.main));
    let request = own.begin_request();
    thread.event_loop().spawn("request", move |_| async move {
        // In flight first, the read lock second: what a drain under the lock would wait for.
        let request = request.await;
        if request.is_ok() {
            drop(graph.lock().read().await);
        }
        drop(request);
    });
    // The main loop lets go of both references; the request keeps the node's memory, not the node.
    let mut section = machine.graph.lock().write(&mut machine.main);
    section.schedule_unref(own);
    section.schedule_unref(base);
    section.unlock();
    assert_base_closed(&machine);
    let last = machine.node("last", None);
    end_with_threads(machine, last, vec![thread]);
}
