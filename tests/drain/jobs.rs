//! Jobs: a drain waits until one comes to its pause point, and it waits there until the drain ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use graphlock::driver::Io;
use graphlock::event_loop::EventLoop;
use graphlock::graph::{Job, NodeRef};
use graphlock::graph_lock::Hold;

use super::DRAINS;
use super::double::{Which, World};

/// How a job is getting on.
#[derive(Default)]
struct Progress {
    steps: AtomicU32,
    /// Whether it has ended, and failed.
    ended: AtomicU32,
    failed: AtomicU32,
}

/// A job on `node` that reads until it has done so many steps, or a read fails.
fn start(world: &World, on: &Arc<EventLoop>, node: &NodeRef, steps: u32) -> Arc<Progress> {
    let progress = Arc::new(Progress::default());
    let (own, node, main) = (Arc::clone(&progress), node.another(&world.main), world.handle());
    let lock = world.graph.lock().clone();
    on.spawn("job", move |coroutine| async move {
        let mut job = Job::start(node).await.expect("it keeps its node");
        while own.steps.load(Ordering::SeqCst) < steps {
            // A part of the job's own request: a request of its own would wait for the drain that waits for the job.
            let guard = lock.read().await;
            let result = Io::new(job.node(), Hold::Read(&guard)).read(0, &mut [0; 16]).await;
            drop(guard);
            if result.is_err() {
                own.failed.fetch_add(1, Ordering::SeqCst);
                break;
            }
            own.steps.fetch_add(1, Ordering::SeqCst);
            main.kick();
            coroutine.yield_now().await;
            job.pause_point().await.expect("it keeps its node");
        }
        drop(job);
        own.ended.fetch_add(1, Ordering::SeqCst);
        main.kick();
    });
    progress
}

/// Drains around a job, on the main loop or on an I/O thread, which ends well or fails.
fn blockjob(on_thread: bool, fails: bool) {
    for (which, ..) in DRAINS {
        let mut world = World::new();
        let chain = world.chain();
        let nodes = [&chain.device, &chain.top.0, &chain.backing.0];
        let thread = world.graph.lock().io_thread("iothread0");
        let main = world.handle();
        let on = if on_thread { thread.event_loop() } else { main.event_loop() };
        let seen = &chain.backing.1;
        let job = start(&world, on, &chain.device, u32::MAX);
        let steps = || job.steps.load(Ordering::SeqCst);
        for _ in 0..20 {
            let before = steps();
            world.wait_while(|| steps() == before);
            world.begin(which, &nodes);
            let paused = steps();
            assert_eq!(seen.inside(), 0, "{which:?}");
            world.settle();
            world.begin(Which::All, &nodes);
            world.end(Which::All, &nodes);
            world.settle();
            assert_eq!(steps(), paused, "{which:?}: it works inside a section");
            world.end(which, &nodes);
            world.wait_while(|| steps() == paused);
        }
        // It ends while a section waits for it.
        seen.gate.shut();
        world.wait_while(|| seen.inside() == 0 && poll_again(&main));
        if fails {
            seen.fails.store(true, Ordering::Relaxed);
        }
        let (gate, before) = (Arc::clone(seen), steps());
        world.handle().schedule_oneshot("open", move |_| gate.gate.open());
        world.begin(which, &nodes);
        assert_eq!(steps(), before + u32::from(!fails), "{which:?} waits for the step");
        world.end(which, &nodes);
        seen.fails.store(true, Ordering::Relaxed);
        world.wait_while(|| job.ended.load(Ordering::SeqCst) == 0);
        assert_eq!(job.failed.load(Ordering::SeqCst), 1);
        assert_eq!(world.quiesced_of(["device", "top", "backing"]), [0, 0, 0]);
        drop((thread, chain));
        world.close();
    }
}

/// A driver kicks nobody: whoever waits for what it does has to look again.
fn poll_again(main: &graphlock::event_loop::MainHandle) -> bool {
    main.schedule_oneshot("look again", |_| ());
    true
}

#[test]
fn blockjob_on_the_main_loop() {
    blockjob(false, false);
}

#[test]
fn blockjob_error() {
    blockjob(false, true);
}

#[test]
fn blockjob_iothread() {
    blockjob(true, false);
}

#[test]
fn blockjob_iothread_error() {
    blockjob(true, true);
}

/// A job with its work done inside a section has ended when the section has, and its node can go at once.
#[test]
fn blockjob_completes_behind_a_section() {
    let mut world = World::new();
    let chain = world.chain();
    let main = world.handle();
    let job = start(&world, main.event_loop(), &chain.device, 1);
    world.begin(Which::All, &[]);
    // It has not begun: it waits to.
    assert_eq!(job.ended.load(Ordering::SeqCst), 0);
    world.settle();
    assert_eq!((job.steps.load(Ordering::SeqCst), chain.top.1.entered()), (0, 0));
    world.end(Which::All, &[]);
    world.wait_while(|| job.ended.load(Ordering::SeqCst) == 0);
    assert_eq!(job.steps.load(Ordering::SeqCst), 1);
    drop(chain);
    world.close();
}
