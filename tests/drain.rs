//! Drained sections as they ship: who is told, who is waited for, and what may change the graph meanwhile.
//!
//! The cases of QEMU's `test-bdrv-drain` under their own names. Written from what those cases say must hold; nothing
//! of theirs is copied.

#[path = "drain/changes.rs"]
mod changes;
#[path = "drain/double.rs"]
mod double;
#[path = "drain/jobs.rs"]
mod jobs;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use double::{Which, World, read};

/// One reader on `device`; says how many requests have ended.
fn spawn_read(world: &World, device: &graphlock::graph::NodeRef) -> Arc<AtomicU32> {
    let ended = Arc::new(AtomicU32::new(0));
    let (own, device) = (Arc::clone(&ended), device.another(&world.main));
    world.handle().event_loop().spawn("read", move |_| async move {
        read(&device).await.expect("its nodes are there");
        own.fetch_add(1, Ordering::SeqCst);
    });
    ended
}

/// Whose callbacks are called, by what is drained: who uses the drained node is, what it uses is not.
const DRAINS: [(Which<'static>, u32, u32); 4] = [
    (Which::All, 1, 1),
    (Which::One("device"), 0, 0),
    (Which::One("top"), 1, 0),
    (Which::One("backing"), 1, 1),
];

#[test]
fn driver_cb() {
    for (which, top_called, backing_called) in DRAINS {
        let mut world = World::new();
        let chain = world.chain();
        let nodes = [&chain.device, &chain.top.0, &chain.backing.0];
        // A request on its way ends before the section begins.
        chain.backing.1.gate.shut();
        let ended = spawn_read(&world, &chain.device);
        world.settle();
        assert_eq!((chain.backing.1.inside(), ended.load(Ordering::SeqCst)), (1, 0));
        let seen = Arc::clone(&chain.backing.1);
        world.handle().schedule_oneshot("open", move |_| seen.gate.open());
        world.begin(which, &nodes);
        assert_eq!(ended.load(Ordering::SeqCst), 1, "{which:?} waits for the request");
        assert_eq!((chain.top.1.inside(), chain.backing.1.inside()), (0, 0), "{which:?}");
        assert_eq!(chain.top.1.callbacks(), (top_called, 0), "top, {which:?}");
        assert_eq!(chain.backing.1.callbacks(), (backing_called, 0), "backing, {which:?}");
        world.end(which, &nodes);
        assert_eq!(chain.top.1.callbacks(), (top_called, top_called), "top, {which:?}");
        let called = (backing_called, backing_called);
        assert_eq!(chain.backing.1.callbacks(), called, "backing, {which:?}");
        drop(chain);
        world.close();
    }
}

#[test]
fn driver_cb_co() {
    for (which, top_called, backing_called) in DRAINS {
        let Which::One(name) = which else { continue };
        let mut world = World::new();
        let chain = world.chain();
        let node = [&chain.device, &chain.top.0, &chain.backing.0]
            .into_iter()
            .find(|node| node.name() == name)
            .expect("a node of the chain")
            .another(&world.main);
        chain.backing.1.gate.shut();
        let ended = spawn_read(&world, &chain.device);
        world.settle();
        let (graph, seen) = (world.graph.clone(), Arc::clone(&chain.backing.1));
        let drained = world.main.run_coroutine("drain", move |coroutine| async move {
            let drained = graph.drained(node);
            coroutine.yield_now().await;
            seen.gate.open();
            drained.await
        });
        assert_eq!(ended.load(Ordering::SeqCst), 1, "{name}: the request is not in flight");
        assert_eq!(chain.top.1.callbacks(), (top_called, 0), "top, {name}");
        assert_eq!(chain.backing.1.callbacks(), (backing_called, 0), "backing, {name}");
        drop(drained);
        world.settle();
        assert_eq!(chain.top.1.callbacks(), (top_called, top_called), "top, {name}");
        drop(chain);
        world.close();
    }
}

#[test]
fn quiesce() {
    for (which, counters) in [
        // Each by itself, and once for the child.
        (Which::All, [2, 2, 1]),
        (Which::One("device"), [1, 0, 0]),
        (Which::One("top"), [1, 1, 0]),
        (Which::One("backing"), [1, 1, 1]),
    ] {
        let mut world = World::new();
        let chain = world.chain();
        let nodes = [&chain.device, &chain.top.0, &chain.backing.0];
        let names = ["device", "top", "backing"];
        assert_eq!(world.quiesced_of(names), [0, 0, 0]);
        world.begin(which, &nodes);
        assert_eq!(world.quiesced_of(names), counters, "{which:?}");
        let is_quiesced = nodes.map(|node| u32::from(node.is_quiesced()));
        assert_eq!(is_quiesced, counters.map(|counter| counter.min(1)), "{which:?}");
        world.end(which, &nodes);
        assert_eq!(world.quiesced_of(names), [0, 0, 0], "{which:?}");
        drop(chain);
        world.close();
    }
}

#[test]
fn nested() {
    let each = DRAINS.map(|(which, ..)| which);
    for (outer, inner) in each.iter().flat_map(|outer| each.map(|inner| (*outer, inner))) {
        let mut world = World::new();
        let chain = world.chain();
        let nodes = [&chain.device, &chain.top.0, &chain.backing.0];
        world.begin(outer, &nodes);
        let one = world.quiesced();
        let called = [chain.top.1.callbacks(), chain.backing.1.callbacks()];
        world.begin(inner, &nodes);
        let ended = spawn_read(&world, &chain.device);
        world.settle();
        assert_eq!(ended.load(Ordering::SeqCst), 0, "{inner:?} in {outer:?}: a request waits");
        world.end(inner, &nodes);
        assert_eq!(world.quiesced(), one, "{inner:?} in {outer:?}");
        for (seen, (begins, _)) in [&chain.top.1, &chain.backing.1].into_iter().zip(called) {
            let (now, ends) = seen.callbacks();
            assert!(now - ends == begins, "{inner:?} in {outer:?}: it stays as it was");
            assert!(begins == 0 || ends == 0, "{inner:?} in {outer:?}: called for a transition");
        }
        world.settle();
        assert_eq!(ended.load(Ordering::SeqCst), 0, "{outer:?} goes on: a request waits");
        world.end(outer, &nodes);
        world.settle();
        assert_eq!(ended.load(Ordering::SeqCst), 1, "{outer:?} has ended");
        assert_eq!(world.quiesced_of(["device", "top", "backing"]), [0, 0, 0]);
        drop(chain);
        world.close();
    }
}

#[test]
fn multiparent() {
    let mut world = World::new();
    let shared = world.double("shared");
    let (left, right) = (world.double("left"), world.double("right"));
    world.attach(&left.0, "file", &shared.0);
    world.attach(&right.0, "file", &shared.0);
    let names = ["left", "right", "shared"];
    world.begin(Which::One("left"), &[&left.0]);
    assert_eq!(world.quiesced_of(names), [1, 0, 0]);
    world.begin(Which::One("shared"), &[&shared.0]);
    assert_eq!(world.quiesced_of(names), [2, 1, 1]);
    world.end(Which::One("left"), &[&left.0]);
    assert_eq!(world.quiesced_of(names), [1, 1, 1]);
    world.end(Which::One("shared"), &[&shared.0]);
    assert_eq!(world.quiesced_of(names), [0, 0, 0]);
    drop((shared, left, right));
    world.close();
}

#[test]
fn iothread() {
    let mut world = World::new();
    let chain = world.chain();
    let threads = ["iothread0", "iothread1"].map(|name| world.graph.lock().io_thread(name));
    let stop = Arc::new(AtomicBool::new(false));
    let running = Arc::new(AtomicU32::new(0));
    for thread in threads.iter().cycle().take(6) {
        running.fetch_add(1, Ordering::SeqCst);
        let (device, main) = (chain.device.another(&world.main), world.handle());
        let (stop, running) = (Arc::clone(&stop), Arc::clone(&running));
        thread.event_loop().spawn("reader", move |coroutine| async move {
            while !stop.load(Ordering::Relaxed) {
                read(&device).await.expect("its nodes are there");
                main.kick();
                coroutine.yield_now().await;
            }
            drop(device);
            running.fetch_sub(1, Ordering::SeqCst);
            main.kick();
        });
    }
    let nodes = [&chain.device, &chain.top.0, &chain.backing.0];
    let seen = &chain.backing.1;
    for (which, ..) in DRAINS.into_iter().cycle().take(200) {
        world.begin(which, &nodes);
        let before = (chain.top.1.inside(), seen.inside(), seen.entered());
        assert_eq!((before.0, before.1), (0, 0), "{which:?}");
        // What waits behind the section goes on before the next one begins, or it waits again: it does not slip in.
        world.settle();
        world.end(which, &nodes);
        world.begin(which, &nodes);
        assert_eq!((chain.top.1.inside(), seen.inside()), (0, 0), "{which:?} again");
        let entered = seen.entered();
        world.settle();
        assert_eq!((seen.inside(), seen.entered()), (0, entered), "{which:?} again");
        world.end(which, &nodes);
        world.wait_while(|| seen.entered() == entered);
    }
    stop.store(true, Ordering::Relaxed);
    world.wait_while(|| running.load(Ordering::SeqCst) > 0);
    drop((threads, chain));
    world.close();
}

#[test]
fn requests_that_go_on_do_not_slip_into_the_next_section() {
    for (which, ..) in DRAINS {
        let mut world = World::new();
        let chain = world.chain();
        let nodes = [&chain.device, &chain.top.0, &chain.backing.0];
        world.begin(which, &nodes);
        let requests = [(); 3].map(|()| spawn_read(&world, &chain.device));
        let ended = || requests.iter().map(|request| request.load(Ordering::SeqCst)).sum::<u32>();
        world.settle();
        for _ in 0..5 {
            world.end(which, &nodes);
            world.begin(which, &nodes);
            world.settle();
            assert_eq!((ended(), chain.top.1.entered()), (0, 0), "{which:?}");
        }
        world.end(which, &nodes);
        world.settle();
        assert_eq!((ended(), chain.top.1.entered()), (3, 3), "{which:?}");
        drop(chain);
        world.close();
    }
}

#[test]
fn set_aio_context() {
    let mut world = World::new();
    let chain = world.chain();
    let threads = ["iothread0", "iothread1"].map(|name| world.graph.lock().io_thread(name));
    let next = Arc::new(double::Gate::default());
    let steps = Arc::new(AtomicU32::new(0));
    next.shut();
    // A node has no loop of its own: who sends its requests moves, while it is drained.
    let targets = [
        Arc::clone(threads[1].event_loop()),
        Arc::clone(world.handle().event_loop()),
        Arc::clone(threads[0].event_loop()),
    ];
    let (device, main) = (chain.device.another(&world.main), world.handle());
    let (gate, counter) = (Arc::clone(&next), Arc::clone(&steps));
    threads[0].event_loop().spawn("guest", move |coroutine| async move {
        for target in targets {
            gate.pass().await;
            coroutine.move_to(&target).await;
            gate.shut();
            counter.fetch_add(1, Ordering::SeqCst);
            main.kick();
            read(&device).await.expect("its nodes are there");
            counter.fetch_add(1, Ordering::SeqCst);
            main.kick();
        }
        drop(device);
        counter.fetch_add(1, Ordering::SeqCst);
        main.kick();
    });
    let own = std::thread::current().name().unwrap_or_default().to_owned();
    for (turn, name) in (0..).zip(["iothread1", &own, "iothread0"]) {
        world.begin(Which::One("top"), &[&chain.top.0]);
        next.open();
        world.wait_while(|| steps.load(Ordering::SeqCst) == 2 * turn);
        world.settle();
        assert_eq!((steps.load(Ordering::SeqCst), chain.top.1.entered()), (2 * turn + 1, turn));
        world.end(Which::One("top"), &[&chain.top.0]);
        world.wait_while(|| steps.load(Ordering::SeqCst) == 2 * turn + 1);
        assert_eq!(chain.top.1.thread(), name);
    }
    world.wait_while(|| steps.load(Ordering::SeqCst) < 7);
    drop((threads, chain));
    world.close();
}
