//! Drained sections: requests, readers and sections inside sections.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::{Machine, start_request_thread, way};
use crate::driver::Null;
use crate::graph_lock::Deferral;
use crate::sync::model;
use crate::sync::note::Note;

pub(super) fn all() -> Vec<Scenario> {
    let scenario = |name, parameters, about, properties, cases, body| Scenario {
        name,
        parameters: Parameters(parameters),
        about,
        properties,
        cases,
        engines: Engines { harness: Some(true), loom: Ok(3), std: 100 },
        body,
    };
    const ENDS: &[Property] = &[
        Property::always("no-request-in-drained-section"),
        Property::eventually("everybody-gets-in"),
    ];
    const STAYS: &[Property] = &[
        Property::always("drained-section-stays-drained"),
        Property::eventually("everybody-gets-in"),
    ];
    const NEEDS: &[Property] = &[Property::eventually("unlock-returns")];
    vec![
        scenario(
            "drain_meets_reader",
            &[],
            "a request that reads the graph meets a drained write section",
            ENDS,
            &[
                "request-begins",
                "request-queued",
                "request-goes-on",
                "node-created-in-drained-section",
            ],
            drain_meets_reader,
        ),
        scenario(
            "nested_sections",
            &[],
            "while a drained section waits to begin, a bottom half runs a plain section",
            STAYS,
            &["writer-waits"],
            nested_sections,
        ),
        scenario(
            "nested_sections",
            &[("way", 0)],
            "while a drained section waits to begin, a bottom half runs a plain section",
            STAYS,
            &["writer-waits"],
            nested_sections,
        ),
        scenario(
            "deferred_work_needs_requests",
            &[("way", 0)],
            "what a drained section defers begins a request, which the drain would keep away",
            NEEDS,
            &["request-begins"],
            deferred_work_needs_requests,
        ),
        scenario(
            "deferred_work_needs_requests",
            &[("way", 1)],
            "what a drained section defers begins a request, which the drain would keep away",
            NEEDS,
            &["request-begins"],
            deferred_work_needs_requests,
        ),
    ]
}

fn drain_meets_reader(_: &Parameters) {
    let mut machine = Machine::new(Deferral::List);
    let disk = machine.node("disk", None);
    let inside = Note::default();
    let thread = machine.graph.lock().io_thread("iothread0");
    let (graph, request, seen) = (machine.graph.clone(), disk.begin_request(), inside.clone());
    thread.event_loop().spawn("request", |_| async move {
        let request = request.await;
        let guard = graph.lock().read().await;
        always("no-request-in-drained-section", seen.get() == 0, "the section is drained");
        drop(guard);
        drop(request);
    });
    let section = machine.graph.lock().write_drained(&mut machine.main);
    inside.set(1);
    always("no-request-in-drained-section", disk.is_quiesced(), "the section has ended its drain");
    let late = machine.graph.create_node(section.main(), "late", Null::new(None));
    always("no-request-in-drained-section", late.is_quiesced(), "a new node is not drained");
    inside.set(0);
    section.unlock();
    always("no-request-in-drained-section", !late.is_quiesced(), "a new node stays drained");
    drop(thread);
    machine.graph.unref(&mut machine.main, late);
    machine.graph.unref(&mut machine.main, disk);
    model::finish(move || machine.leftovers());
}

fn nested_sections(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.find("way").unwrap_or(1)));
    let disk = machine.node("disk", None);
    let thread = machine.graph.lock().io_thread("iothread0");
    let (graph, main) = (machine.graph.clone(), machine.main.handle());
    thread.event_loop().spawn("reader", |_| async move {
        let guard = graph.lock().read().await;
        let lock = graph.lock().clone();
        main.schedule_oneshot("plain section", move |main| lock.write(main).unlock());
        drop(guard);
    });
    let section = machine.graph.lock().write_drained(&mut machine.main);
    always("drained-section-stays-drained", disk.is_quiesced(), "somebody has ended the drain");
    section.unlock();
    drop(thread);
    machine.main.poll_bottom_halves();
    machine.graph.unref(&mut machine.main, disk);
    model::finish(move || machine.leftovers());
}

fn deferred_work_needs_requests(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let disk = machine.node("disk", None);
    let thread = start_request_thread(&machine, "iothread0", 1);
    let request = disk.begin_request();
    let mut section = machine.graph.lock().write_drained(&mut machine.main);
    section.defer("write back", move |main, _| {
        main.run_coroutine("request", |_| async move { drop(request.await) });
    });
    section.unlock();
    drop(thread);
    machine.graph.unref(&mut machine.main, disk);
    model::finish(move || machine.leftovers());
}
