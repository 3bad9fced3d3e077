//! Graphs that change inside drained sections, and while one begins: nodes go, edges go, and what is left is balanced.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use graphlock::driver::Device;
use graphlock::graph::{ChangeError, NodeDescription, NodeRef};
use graphlock::permission::{Access, Permissions};

use super::double::{Gate, Seen, Which, World, attach, read};
use super::spawn_read;

#[test]
fn graph_change_drain_all() {
    let mut world = World::new();
    let (first, second) = (world.double("first"), world.double("second"));
    let (left, right) = (world.device("left", &first.0), world.device("right", &second.0));
    world.begin(Which::All, &[]);
    let names = ["left", "right", "first", "second"];
    assert_eq!(world.quiesced_of(names), [2, 2, 1, 1]);
    let queued = spawn_read(&world, &left);
    world.settle();
    // A device and its node go inside the section, and another one comes.
    world.graph.unref(&mut world.main, right);
    world.graph.unref(&mut world.main, second.0);
    assert_eq!(world.graph.node_names(), ["first", "left"]);
    let third = world.double("third");
    let late = world.device("late", &third.0);
    let names = ["left", "first", "late", "third"];
    assert_eq!(world.quiesced_of(names), [2, 1, 2, 1]);
    world.settle();
    assert_eq!(queued.load(Ordering::SeqCst), 0);
    world.end(Which::All, &[]);
    assert_eq!(world.quiesced_of(names), [0; 4]);
    assert_eq!(second.1.callbacks().0, second.1.callbacks().1, "what has gone was told the end");
    let last = spawn_read(&world, &late);
    world.settle();
    assert_eq!((queued.load(Ordering::SeqCst), last.load(Ordering::SeqCst)), (1, 1));
    drop((first, left, third, late));
    world.close();
}

#[test]
fn graph_change_under_a_drained_child() {
    let mut world = World::new();
    let shared = world.double("shared");
    let (kept, gone) = (world.device("kept", &shared.0), world.device("gone", &shared.0));
    world.begin(Which::One("shared"), &[&shared.0]);
    world.graph.unref(&mut world.main, gone);
    let late = world.device("late", &shared.0);
    let names = ["kept", "late", "shared"];
    assert_eq!(world.quiesced_of(names), [1, 1, 1]);
    let mut section = world.graph.lock().write(&mut world.main);
    let reference = world.graph.detach_child(&mut section, &kept, "root").expect("it is there");
    section.schedule_unref(reference);
    section.unlock();
    assert_eq!(world.quiesced_of(names), [0, 1, 1], "it does not use the node any more");
    world.end(Which::One("shared"), &[&shared.0]);
    assert_eq!(world.quiesced_of(names), [0, 0, 0]);
    drop((shared, kept, late));
    world.close();
}

/// Everything that keeps `top` goes with the request that the section waits for.
fn deletion(which: Which<'_>, on_thread: bool) {
    let mut world = World::new();
    let chain = world.chain();
    let (main, thread) = (world.handle(), world.graph.lock().io_thread("iothread0"));
    let on = if on_thread { thread.event_loop() } else { main.event_loop() };
    let (device, top) = (chain.device, chain.top.0);
    let (begun, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Gate::default()));
    gate.shut();
    let (own, passed, kicked) = (Arc::clone(&begun), Arc::clone(&gate), main.clone());
    on.spawn("last", move |_| async move {
        let request = device.begin_request().await.expect("its node is there");
        own.store(1, Ordering::SeqCst);
        kicked.kick();
        passed.pass().await;
        // The node goes before the request has ended: the close waits for it, inside the section's own wait.
        drop((device, top));
        drop(request);
    });
    world.wait_while(|| begun.load(Ordering::SeqCst) == 0);
    main.schedule_oneshot("open", move |_| gate.open());
    let nodes = [&chain.backing.0];
    world.begin(which, &nodes);
    world.settle();
    assert_eq!(world.graph.node_names(), ["backing"], "{which:?}");
    assert_eq!(world.quiesced_of(["backing"]), [1], "{which:?}");
    assert_eq!(chain.top.1.callbacks(), (1, 1), "{which:?}: the end came with the close");
    assert_eq!(chain.backing.1.callbacks(), (1, 0), "{which:?}");
    world.end(which, &nodes);
    assert_eq!(world.quiesced_of(["backing"]), [0], "{which:?}");
    drop((thread, chain.backing));
    world.close();
}

#[test]
fn deletion_drain_all() {
    deletion(Which::All, false);
    deletion(Which::All, true);
}

#[test]
fn deletion_drain() {
    deletion(Which::One("backing"), false);
    deletion(Which::One("backing"), true);
}

/// Two parents over `a`; the one on the right has `b`, too, and gets `c` in its place.
struct Family {
    left: (NodeRef, Arc<Seen>),
    right: (NodeRef, Arc<Seen>),
    a: (NodeRef, Arc<Seen>),
    b: (NodeRef, Arc<Seen>),
    c: (NodeRef, Arc<Seen>),
}

impl Family {
    fn new(world: &mut World) -> Self {
        let [left, right, a, b, c] =
            ["left", "right", "a", "b", "c"].map(|name| world.double(name));
        world.attach(&left.0, "file", &a.0);
        world.attach(&right.0, "file", &a.0);
        world.attach(&right.0, "other", &b.0);
        Family { left, right, a, b, c }
    }

    /// What the bottom half does: `right` loses the edge `name`, and gets `c` if it was the other one.
    fn change(&self, world: &World, name: &'static str) -> impl FnOnce() + Send + 'static {
        let graph = world.graph.clone();
        let (right, c) = (self.right.0.another(&world.main), self.c.0.another(&world.main));
        let main = world.handle();
        move || {
            main.schedule_oneshot("detach", move |main| {
                let mut section = graph.lock().write(main);
                let child = graph.detach_child(&mut section, &right, name).expect("it is there");
                section.schedule_unref(child);
                section.unlock();
                if name == "other" {
                    attach(&graph, main, &right, "third", &c);
                }
            });
        }
    }

    fn children_of_right(&self, world: &World) -> Vec<String> {
        let nodes = world.graph.describe(&world.main);
        let right = nodes.into_iter().find(|node| node.name == "right").expect("it is there");
        right.children.into_iter().map(|edge| edge.child).collect()
    }
}

/// The edge goes in a bottom half that the section's wait runs, which is scheduled by a driver that is told of the
/// section (`by_parent` false) or by the end of the request that the section waits for.
fn detach(name: &'static str, by_parent: bool) {
    let mut world = World::new();
    let family = Family::new(&mut world);
    let (main, left) = (world.handle(), family.left.0.another(&world.main));
    let gate = Arc::new(Gate::default());
    gate.shut();
    let change = family.change(&world, name);
    let at_end: Box<dyn FnOnce() + Send> = if by_parent {
        Box::new(change)
    } else {
        family.right.1.call_on_drain(change);
        Box::new(|| ())
    };
    let passed = Arc::clone(&gate);
    main.event_loop().spawn("request", move |_| async move {
        let request = left.begin_request().await.expect("its node is there");
        passed.pass().await;
        at_end();
        drop((request, left));
    });
    world.settle();
    // After the bottom half that changes the graph, if a driver schedules that one.
    main.schedule_oneshot("later", move |_| gate.open());
    world.begin(Which::One("a"), &[&family.a.0]);
    world.settle();
    let names = ["left", "right", "a", "b", "c"];
    if name == "other" {
        assert_eq!(family.children_of_right(&world), ["a", "c"]);
        assert_eq!(world.quiesced_of(names), [1, 1, 1, 0, 0]);
    } else {
        assert_eq!(family.children_of_right(&world), ["b"]);
        assert_eq!(world.quiesced_of(names), [1, 0, 1, 0, 0], "it does not use the node");
    }
    world.end(Which::One("a"), &[&family.a.0]);
    assert_eq!(world.quiesced_of(names), [0; 5]);
    for (_, seen) in [&family.left, &family.right, &family.a, &family.b, &family.c] {
        assert_eq!(seen.callbacks().0, seen.callbacks().1);
    }
    drop(family);
    world.close();
}

#[test]
fn detach_by_parent_cb() {
    detach("other", true);
    detach("file", true);
}

#[test]
fn detach_by_driver_cb() {
    detach("other", false);
    detach("file", false);
}

/// What a node gets while it is drained is not drained with it; what is drained quiesces who gets it.
#[test]
fn replace_child() {
    for (old_drained, new_drained) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = World::new();
        let parent = world.double("parent");
        let (old, new) = (world.double("old"), world.double("new"));
        world.attach(&parent.0, "file", &old.0);
        let drained = [(old_drained, "old"), (new_drained, "new")];
        for (_, name) in drained.iter().filter(|(drained, _)| *drained) {
            world.begin(Which::One(name), &[&old.0, &new.0]);
        }
        let names = ["parent", "old", "new"];
        let counters = [u32::from(old_drained), u32::from(old_drained), u32::from(new_drained)];
        assert_eq!(world.quiesced_of(names), counters);
        let request = spawn_read(&world, &parent.0);
        let mut section = world.graph.lock().write(&mut world.main);
        let child = new.0.another(section.main());
        let replaced = world.graph.replace_child(&mut section, &parent.0, "file", child);
        section.schedule_unref(replaced.expect("readers get along"));
        section.unlock();
        world.settle();
        let counters = [u32::from(new_drained), u32::from(old_drained), u32::from(new_drained)];
        assert_eq!(world.quiesced_of(names), counters);
        assert_eq!(request.load(Ordering::SeqCst), u32::from(!new_drained));
        for (_, name) in drained.iter().filter(|(drained, _)| *drained) {
            world.end(Which::One(name), &[&old.0, &new.0]);
        }
        world.settle();
        assert_eq!(world.quiesced_of(names), [0; 3]);
        assert_eq!(request.load(Ordering::SeqCst), 1);
        drop((parent, old, new));
        world.close();
    }
}

/// A change that is taken back leaves a drained parent drained all the time: a request that began in between would go on
/// to the drained child, and nobody would wait for it.
#[test]
fn a_refused_replacement_lets_nobody_begin() {
    let mut world = World::new();
    let chain = world.chain();
    let taken = world.double("taken");
    let alone = Access { used: Permissions::empty(), shared: Permissions::empty() };
    let owner = world.graph.create_node(&world.main, "owner", Device::new(alone));
    world.attach(&owner, "root", &taken.0);
    let (callbacks, _) = chain.top.1.callbacks();
    world.begin(Which::One("backing"), &[&chain.backing.0]);
    let thread = world.graph.lock().io_thread("iothread0");
    let device = chain.device.another(&world.main);
    let main = world.handle();
    let ended = Arc::new(AtomicU32::new(0));
    let own = Arc::clone(&ended);
    thread.event_loop().spawn("request", move |_| async move {
        read(&device).await.expect("its nodes are there");
        drop(device);
        own.store(1, Ordering::SeqCst);
        main.kick();
    });
    for _ in 0..50 {
        let before = world.graph.describe(&world.main);
        let mut section = world.graph.lock().write(&mut world.main);
        let child = taken.0.another(section.main());
        let refused = world.graph.replace_child(&mut section, &chain.top.0, "file", child);
        let refused = refused.expect_err("its owner shares nothing");
        section.unlock();
        assert!(matches!(refused.error, ChangeError::Conflict(_)), "{}", refused.error);
        world.graph.unref(&mut world.main, refused.child);
        world.settle();
        let after = world.graph.describe(&world.main);
        let without_references = |nodes: Vec<NodeDescription>| {
            nodes
                .into_iter()
                .map(|node| NodeDescription { references: 0, ..node })
                .collect::<Vec<_>>()
        };
        assert_eq!(without_references(after), without_references(before));
    }
    assert_eq!(chain.top.1.entered(), 0, "no request came to a drained node");
    world.end(Which::One("backing"), &[&chain.backing.0]);
    world.wait_while(|| ended.load(Ordering::SeqCst) == 0);
    assert_eq!(chain.top.1.callbacks(), (callbacks + 1, callbacks + 1), "it was drained once");
    drop((thread, chain, taken, owner));
    world.close();
}

/// A request may come from further above than the node that gets a drained child.
#[test]
fn a_drained_child_is_not_attached_below_a_request_in_flight() {
    let mut world = World::new();
    let chain = world.chain();
    let drained = world.double("drained");
    world.begin(Which::One("drained"), &[&drained.0]);
    let device = chain.device.another(&world.main);
    let request = world.main.run_coroutine("request", move |_| async move {
        device.begin_request().await.expect("its node is there")
    });
    for parent in [&chain.device, &chain.top.0, &chain.backing.0] {
        let before = world.graph.describe(&world.main);
        let mut section = world.graph.lock().write(&mut world.main);
        let child = drained.0.another(section.main());
        let refused = world.graph.attach_child(&mut section, parent, "another", child);
        let refused = refused.expect_err("the request may go there");
        section.unlock();
        assert!(matches!(refused.error, ChangeError::Busy { .. }), "{}", refused.error);
        world.graph.unref(&mut world.main, refused.child);
        assert_eq!(world.graph.describe(&world.main), before);
    }
    drop(request);
    world.attach(&chain.top.0, "another", &drained.0);
    let names = ["device", "top", "backing", "drained"];
    assert_eq!(world.quiesced_of(names), [1, 1, 0, 1]);
    world.end(Which::One("drained"), &[&drained.0]);
    assert_eq!(world.quiesced_of(names), [0; 4]);
    drop((chain, drained));
    world.close();
}

/// That a parent is quiesced does not say that somebody has waited for its requests: a plain section that waits to begin
/// has quiesced all and waits for none.
#[test]
fn a_quiesced_parent_with_a_request_in_flight_gets_no_drained_child() {
    let mut world = World::new();
    let chain = world.chain();
    let drained = world.double("drained");
    world.begin(Which::One("drained"), &[&drained.0]);
    let (device, lock) = (chain.device.another(&world.main), world.graph.lock().clone());
    let (request, reader) = world.main.run_coroutine("request", move |_| async move {
        let request = device.begin_request().await.expect("its node is there");
        (request, lock.read().await.share())
    });
    let (graph, parent) = (world.graph.clone(), chain.device.another(&world.main));
    let child = drained.0.another(&world.main);
    let refused = Arc::new(Mutex::new(None));
    let outcome = Arc::clone(&refused);
    world.handle().schedule_oneshot("nested section", move |main| {
        drop(reader);
        let mut section = graph.lock().write(main);
        let attached = graph.attach_child(&mut section, &parent, "another", child);
        let refused = attached.err().map(|refused| refused.error);
        section.unlock();
        *outcome.lock().expect("nobody panics") = refused;
    });
    // Waits for the reader, and polls: all are quiesced meanwhile.
    world.graph.lock().write(&mut world.main).unlock();
    let refused = refused.lock().expect("nobody panics").take();
    assert!(matches!(refused, Some(ChangeError::Busy { .. })), "{refused:?}");
    drop(request);
    world.end(Which::One("drained"), &[&drained.0]);
    drop((chain, drained));
    world.close();
}

/// A request whose node is being closed counts: what is below that node is drained, too.
#[test]
fn a_section_that_begins_inside_a_close_waits_for_the_closing_node() {
    let mut world = World::new();
    let chain = world.chain();
    let (main, graph) = (world.handle(), world.graph.clone());
    let device = chain.device;
    let own = device.another(&world.main);
    let request = world.main.run_coroutine("request", move |_| async move {
        own.begin_request().await.expect("its node is there")
    });
    // The coroutine's reference is counted down: the next is the last.
    world.settle();
    let ended = Arc::new(AtomicU32::new(0));
    let (inner, kicked) = (Arc::clone(&ended), main.clone());
    main.schedule_oneshot("drain", move |main| {
        // The close waits for the request; this waits inside that wait.
        let (own, inner_main) = (Arc::clone(&inner), kicked.clone());
        kicked.schedule_oneshot("end", move |_| {
            own.store(1, Ordering::SeqCst);
            drop(request);
            inner_main.kick();
        });
        graph.drain_all_begin(main);
        assert_eq!(inner.load(Ordering::SeqCst), 1, "the request is in flight inside a section");
        graph.drain_all_end(main);
    });
    world.graph.unref(&mut world.main, device);
    assert_eq!(world.graph.node_names(), ["top", "backing"]);
    assert_eq!((world.quiesced_of(["top", "backing"]), ended.load(Ordering::SeqCst)), ([0, 0], 1));
    drop((chain.top, chain.backing));
    world.close();
}

/// As a user of the library has it: a read that is on its way when its node is asked to go.
#[test]
fn a_node_goes_with_its_last_read() {
    let mut world = World::new();
    let chain = world.chain();
    chain.backing.1.gate.shut();
    let device = chain.device;
    world.handle().event_loop().spawn("last", move |_| async move {
        read(&device).await.expect("its nodes are there");
    });
    world.settle();
    let seen = Arc::clone(&chain.backing.1);
    world.handle().schedule_oneshot("open", move |_| seen.gate.open());
    world.begin(Which::One("top"), &[&chain.top.0]);
    world.settle();
    assert_eq!(
        (world.graph.node_names(), chain.backing.1.inside()),
        (vec!["top".to_owned(), "backing".to_owned()], 0)
    );
    world.end(Which::One("top"), &[&chain.top.0]);
    drop((chain.top, chain.backing));
    world.close();
}
