//! Drains that reach those who use a node: requests, coroutines, jobs above it.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::{Machine, way};
use crate::graph::{Job, NodeRef};
use crate::graph_lock::GraphIoThread;
use crate::sync::model;
use crate::sync::note::Note;

pub(super) fn all() -> Vec<Scenario> {
    const PROPERTIES: &[Property] = &[
        Property::always("no-request-in-drained-section"),
        Property::eventually("everybody-gets-in"),
    ];
    let scenario = |name, parameters, about, cases, body| Scenario {
        name,
        parameters: Parameters(parameters),
        about,
        properties: PROPERTIES,
        cases,
        engines: Engines { harness: Some(true), loom: Ok(3), std: 100 },
        body,
    };
    let request = "a node is drained while a request comes down from a device above it";
    let nested =
        "a drained section of all nodes within one of a node, and a node is deleted inside";
    let coroutine = "a coroutine has a node drained while a request comes down from above";
    let job = "a node is drained while a job works on it from above";
    const REQUEST: &[&str] =
        &["drain-quiesces-parent", "drain-waits", "request-begins", "request-queued"];
    const COROUTINE: &[&str] = &["drain-quiesces-parent", "drain-from-coroutine"];
    const JOB: &[&str] = &["drain-quiesces-parent", "drain-waits", "job-pauses"];
    const NESTED: &[&str] = &["drain-quiesces-parent", "node-closes"];
    vec![
        scenario("drain_reaches_parent", &[("way", 0)], request, REQUEST, drain_reaches_parent),
        scenario("drain_reaches_parent", &[("way", 1)], request, REQUEST, drain_reaches_parent),
        scenario("drains_nest", &[("way", 0)], nested, NESTED, drains_nest),
        scenario("drains_nest", &[("way", 1)], nested, NESTED, drains_nest),
        scenario("coroutine_drains", &[("way", 0)], coroutine, COROUTINE, coroutine_drains),
        scenario("coroutine_drains", &[("way", 1)], coroutine, COROUTINE, coroutine_drains),
        scenario("drain_pauses_job", &[("way", 0)], job, JOB, drain_pauses_job),
        scenario("drain_pauses_job", &[("way", 1)], job, JOB, drain_pauses_job),
    ]
}

fn outside(inside: &Note) {
    always("no-request-in-drained-section", inside.get() == 0, "the disk is drained");
}

/// A request of the device, from an I/O thread.
fn start_request(machine: &Machine, device: &NodeRef, inside: &Note) -> GraphIoThread {
    let thread = machine.graph.lock().io_thread("iothread0");
    let (request, seen) = (device.begin_request(), inside.clone());
    thread.event_loop().spawn("request", |_| async move {
        let request = request.await;
        outside(&seen);
        drop(request);
    });
    thread
}

fn drain_reaches_parent(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let (device, disk) = machine.device_over_disk();
    let inside = Note::default();
    let thread = start_request(&machine, &device, &inside);
    machine.graph.drained_begin(&mut machine.main, &disk);
    inside.set(1);
    always("no-request-in-drained-section", device.is_quiesced(), "the device is not");
    inside.set(0);
    machine.graph.drained_end(&machine.main, &disk);
    always("no-request-in-drained-section", !device.is_quiesced(), "the device stays drained");
    drop(thread);
    for node in [device, disk] {
        machine.graph.unref(&mut machine.main, node);
    }
    model::finish(move || machine.leftovers());
}

fn drains_nest(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let (device, disk) = machine.device_over_disk();
    let inside = Note::default();
    let thread = machine.graph.lock().io_thread("iothread0");
    let (request, seen) = (device.begin_request(), inside.clone());
    thread.event_loop().spawn("request", |_| async move {
        // It may have waited until the device was closed.
        if let Ok(request) = request.await {
            outside(&seen);
            drop(request);
        }
    });
    machine.graph.drained_begin(&mut machine.main, &disk);
    inside.set(1);
    machine.graph.drain_all_begin(&mut machine.main);
    // The device goes away inside both: neither end may miss it, and the request is told.
    machine.graph.unref(&mut machine.main, device);
    machine.graph.drain_all_end(&machine.main);
    always("no-request-in-drained-section", disk.is_quiesced(), "the inner end has ended both");
    inside.set(0);
    machine.graph.drained_end(&machine.main, &disk);
    always("no-request-in-drained-section", !disk.is_quiesced(), "the disk stays drained");
    drop(thread);
    machine.graph.unref(&mut machine.main, disk);
    model::finish(move || machine.leftovers());
}

fn coroutine_drains(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let (device, disk) = machine.device_over_disk();
    let inside = Note::default();
    let thread = start_request(&machine, &device, &inside);
    let (graph, own) = (machine.graph.clone(), disk.another(&machine.main));
    machine.main.run_coroutine("drains", |_| async move {
        let drained = graph.drained(own).await;
        inside.set(1);
        inside.set(0);
        drop(drained);
    });
    // The section ends on the main loop.
    machine.main.poll_bottom_halves();
    drop(thread);
    for node in [device, disk] {
        machine.graph.unref(&mut machine.main, node);
    }
    model::finish(move || machine.leftovers());
}

fn drain_pauses_job(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let (device, disk) = machine.device_over_disk();
    let inside = Note::default();
    let thread = machine.graph.lock().io_thread("iothread0");
    let (own, seen) = (device.another(&machine.main), inside.clone());
    thread.event_loop().spawn("job", |_| async move {
        let mut job = Job::start(own).await.expect("the device stays open");
        outside(&seen);
        job.pause_point().await.expect("the device stays open");
        outside(&seen);
    });
    machine.graph.drained_begin(&mut machine.main, &disk);
    inside.set(1);
    inside.set(0);
    machine.graph.drained_end(&machine.main, &disk);
    drop(thread);
    for node in [device, disk] {
        machine.graph.unref(&mut machine.main, node);
    }
    model::finish(move || machine.leftovers());
}
