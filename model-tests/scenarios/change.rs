//! Changes of the graph with their permissions, made or refused, while somebody reads it.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::{Machine, way};
use crate::coroutine::block_on;
use crate::driver::{Device, Raw};
use crate::graph::{ChangeError, NodeDescription, NodeRef};
use crate::sync::{Arc, model};

const REFUSED: &[Property] = &[
    Property::always("conflicts-are-refused"),
    Property::always("failed-change-leaves-graph"),
    Property::always("reader-sees-whole-change"),
    Property::eventually("everybody-gets-in"),
];
const CHANGED: &[Property] =
    &[Property::always("reader-sees-whole-change"), Property::eventually("everybody-gets-in")];

const ROLLS_BACK: &[&str] = &["change-commits", "change-rolls-back", "reader-fast-path"];
const COMES: &[&str] = &["change-commits", "replace-leaves-edge", "reader-fast-path"];
const GOES: &[&str] = &["change-commits", "node-closes", "child-detached-by-close"];

pub(super) fn all() -> Vec<Scenario> {
    let scenario = |name, parameters, about, properties, cases, body| Scenario {
        name,
        parameters: Parameters(parameters),
        about,
        properties,
        cases,
        engines: Engines {
            harness: Some(true),
            loom: Err("closes on the thread that ends last, which loom takes for a race"),
            std: 100,
        },
        body,
    };
    let refused = "a second user of a disk is refused while somebody walks the graph";
    let filter = "what a filter's new user wants is refused at the disk below, while somebody walks the graph";
    let comes = "a filter is put above a disk while somebody walks the graph";
    let goes = "a filter above a disk is taken away and closed while somebody walks the graph";
    let ways: [&[(&str, u64)]; 2] = [&[("way", 0)], &[("way", 1)]];
    let both = ways.map(|way| {
        [
            scenario(
                "change_is_refused",
                way,
                refused,
                REFUSED,
                ROLLS_BACK,
                change_is_refused as fn(&Parameters),
            ),
            scenario(
                "user_of_filter_is_refused",
                way,
                filter,
                REFUSED,
                ROLLS_BACK,
                user_of_filter_is_refused,
            ),
            scenario("filter_comes", way, comes, CHANGED, COMES, filter_comes),
            scenario("filter_goes", way, goes, CHANGED, GOES, filter_goes),
        ]
    });
    both.concat()
}

/// Walks down from the device under one hold, and says how many nodes there are. Keeps the device's memory, not the
/// device.
fn start_walker(machine: &Machine, device: &NodeRef, whole: &'static [usize]) {
    let (lock, device) = (machine.graph.lock().clone(), Arc::clone(device.shared()));
    let registration = lock.register("walker");
    model::spawn("walker", move || {
        let adopted = registration.adopt();
        let guard = block_on(lock.read());
        let mut nodes = 1;
        let mut below = device.child(&guard, "root");
        while let Some(node) = below {
            nodes += 1;
            below = node.child(&guard, "file");
        }
        always("reader-sees-whole-change", whole.contains(&nodes), format_args!("{nodes} nodes"));
        drop(guard);
        drop(adopted);
    });
}

fn change_is_refused(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let (device, disk) = machine.device_over_disk();
    let second = machine.graph.create_node(&machine.main, "second", Device::read_write());
    let before = machine.graph.describe(&machine.main);
    start_walker(&machine, &device, &[2]);
    let mut section = machine.graph.lock().write(&mut machine.main);
    let reference = disk.another(section.main());
    let refused = machine.graph.attach_child(&mut section, &second, "root", reference);
    let Err(refused) = refused else {
        return always("conflicts-are-refused", false, "two write to one disk");
    };
    let refused = *refused;
    let conflict = matches!(refused.error, ChangeError::Conflict(_));
    always("conflicts-are-refused", conflict, &refused.error);
    section.schedule_unref(refused.child);
    section.unlock();
    assert_as_before(&machine, &before);
    machine.let_go_at_the_end(vec![second, device, disk]);
}

fn assert_as_before(machine: &Machine, before: &[NodeDescription]) {
    let after = machine.graph.describe(&machine.main);
    always("failed-change-leaves-graph", before == after, format_args!("{before:?} {after:?}"));
}

/// A filter beside the device wants nothing of the disk until it has a user itself: what that one wants reaches the disk
/// through the filter, and is refused there.
fn user_of_filter_is_refused(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let (device, disk) = machine.device_over_disk();
    let filter = machine.graph.create_node(&machine.main, "filter", Raw::new());
    let second = machine.graph.create_node(&machine.main, "second", Device::read_write());
    let mut section = machine.graph.lock().write(&mut machine.main);
    let reference = disk.another(section.main());
    let attached = machine.graph.attach_child(&mut section, &filter, "file", reference);
    attached.expect("a filter without users wants nothing");
    section.unlock();
    let before = machine.graph.describe(&machine.main);
    start_walker(&machine, &device, &[2]);
    let mut section = machine.graph.lock().write(&mut machine.main);
    let reference = filter.another(section.main());
    let refused = machine.graph.attach_child(&mut section, &second, "root", reference);
    let Err(refused) = refused else {
        return always("conflicts-are-refused", false, "two write to one disk");
    };
    section.schedule_unref(refused.child);
    section.unlock();
    assert_as_before(&machine, &before);
    machine.let_go_at_the_end(vec![second, filter, device, disk]);
}

fn filter_comes(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let (device, disk) = machine.device_over_disk();
    let filter = machine.graph.create_node(&machine.main, "filter", Raw::new());
    start_walker(&machine, &device, &[2, 3]);
    let mut section = machine.graph.lock().write(&mut machine.main);
    let appended = machine.graph.append(&mut section, &filter, "file", &disk);
    appended.expect("a filter does what the device does");
    section.unlock();
    let parents = machine.graph.parents_of(&machine.main, &disk);
    let expected = [("filter".to_owned(), "file".to_owned())];
    always("reader-sees-whole-change", parents == expected, format_args!("{parents:?}"));
    machine.let_go_at_the_end(vec![filter, device, disk]);
}

fn filter_goes(parameters: &Parameters) {
    let mut machine = Machine::new(way(parameters.get("way")));
    let (device, disk) = machine.device_over_disk();
    let filter = machine.graph.create_node(&machine.main, "filter", Raw::new());
    let mut section = machine.graph.lock().write(&mut machine.main);
    let appended = machine.graph.append(&mut section, &filter, "file", &disk);
    appended.expect("a filter does what the device does");
    section.unlock();
    start_walker(&machine, &device, &[2, 3]);
    let mut section = machine.graph.lock().write(&mut machine.main);
    let replaced = machine.graph.replace_node(&mut section, &filter, &disk);
    replaced.expect("the disk had this user before");
    section.schedule_unref(filter);
    section.unlock();
    let parents = machine.graph.parents_of(&machine.main, &disk);
    let expected = [("device".to_owned(), "root".to_owned())];
    always("reader-sees-whole-change", parents == expected, format_args!("{parents:?}"));
    machine.let_go_at_the_end(vec![device, disk]);
}
