//! The smallest programs in which a version of the lock fails or does not.
//!
//! Readers kick after they have left, as requests do that end then: so a version that forgets its own kick fails only in the meeting
//! that is about it.

use graphlock_harness::scenario::{Parameters, always};

use super::lock::{Lock, MAIN};
use super::node::Node;
use super::protocol::Protocol;
use crate::coroutine::promise;
use crate::event_loop::{IoThread, MainLoop};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::note::Note;
use crate::sync::{Arc, Mutex, Named, lock, model};

/// The counters of two I/O threads.
pub(super) const IO: usize = 1;
pub(super) const IO_TOO: usize = 2;

pub(super) fn world(parameters: &Parameters) -> (MainLoop, Arc<Lock>) {
    let main = MainLoop::new();
    let of = Lock::new(Protocol::of(parameters), &main);
    (main, of)
}

pub(super) fn io_thread(name: &str) -> IoThread {
    IoThread::spawn(name, || ())
}

/// A whole read section on an I/O thread.
pub(super) async fn read(of: &Lock) {
    of.read(IO).await;
    of.leave(IO);
    of.main.kick();
}

/// A request that reads the graph.
pub(super) fn start_request(thread: &IoThread, of: &Arc<Lock>, node: &Arc<Node>) {
    let (of, node) = (Arc::clone(of), Arc::clone(node));
    thread.event_loop().spawn("request", |_| async move {
        node.begin(&of).await;
        read(&of).await;
        node.end(&of);
    });
}

/// A whole write section with nothing in it.
pub(super) fn write(main: &mut MainLoop, of: &Arc<Lock>) {
    let section = of.write(main);
    of.unlock(main, &section);
}

pub(super) fn ends_written() {
    model::finish(|| "written".to_owned());
}

/// A coroutine of the main thread sleeps inside its read section, and a writer comes.
pub(super) fn main_reader_sleeps_inside(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let own = Arc::clone(&of);
    let mut slept = false;
    main.handle().event_loop().spawn("reader", |_| async move {
        own.read(MAIN).await;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut slept, true) {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
        own.leave(MAIN);
        own.main.kick();
    });
    main.poll(false);
    write(&mut main, &of);
    main.poll(false);
    ends_written();
}

/// A reader leaves while the writer goes to sleep, and nothing else happens.
pub(in super::super) fn last_reader_leaves(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let thread = io_thread("iothread0");
    let own = Arc::clone(&of);
    thread.event_loop().spawn("reader", |_| async move {
        own.read(IO).await;
        own.leave(IO);
    });
    write(&mut main, &of);
    ends_written();
}

/// Who waits for the lock works for an I/O thread and has its context lock; a reader there needs that before it leaves.
pub(super) fn context_kept_while_waiting(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let thread = io_thread("iothread0");
    let context = Arc::new(Mutex::new(()).named(&"context lock"));
    let (own, needed) = (Arc::clone(&of), Arc::clone(&context));
    thread.event_loop().spawn("reader", |_| async move {
        own.read(IO).await;
        drop(lock(&needed));
        own.leave(IO);
        own.main.kick();
    });
    let held = lock(&context);
    let kept = of.protocol.wait_keeps_context.then_some(held);
    let section = of.write(&mut main);
    drop(kept);
    of.unlock(&mut main, &section);
    ends_written();
}

/// Who unlocks has the context lock of an I/O thread; a bottom half that the unlock runs waits for something that this thread does
/// with it.
pub(super) fn context_kept_while_unlocking(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let context = Arc::new(Mutex::new(()).named(&"context lock"));
    let done = Arc::new(AtomicU32::new(0).named(&"done"));
    let section = of.write(&mut main);
    let held = lock(&context);
    let kept = of.protocol.unlock_keeps_context.then_some(held);
    let (needed, does, own) = (Arc::clone(&context), Arc::clone(&done), Arc::clone(&of));
    model::spawn("iothread0", move || {
        drop(lock(&needed));
        does.store(1, SeqCst);
        own.main.kick();
    });
    let waited = Arc::clone(&done);
    main.handle().schedule_oneshot("waits for the I/O thread", move |main| {
        main.wait_while(|_| waited.load(SeqCst) == 0);
    });
    of.unlock(&mut main, &section);
    drop(kept);
    main.poll(false);
    ends_written();
}

/// A coroutine takes the write lock, by a bottom half, inside its read section.
pub(super) fn reader_writes_inside(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let own = Arc::clone(&of);
    main.run_coroutine("reader", |_| async move {
        own.read(MAIN).await;
        let writer = Arc::clone(&own);
        own.main.call(move |main| write(main, &writer)).await;
        own.leave(MAIN);
    });
    ends_written();
}

/// A section drops the last reference of a node, where a request is in flight unless `request` = 0.
pub(in super::super) fn last_reference_goes(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "base", Vec::new());
    let thread = io_thread("iothread0");
    if parameters.find("request") != Some(0) {
        start_request(&thread, &of, &node);
    }
    let section = of.write(&mut main);
    of.schedule_unref(&mut main, node);
    of.unlock(&mut main, &section);
    main.poll(false);
    ends_written();
}

/// A job pauses inside its read section while the writer keeps requests away.
pub(super) fn job_pauses_inside(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "disk", Vec::new());
    let thread = io_thread("iothread0");
    let own = Arc::clone(&of);
    thread.event_loop().spawn("job", |_| async move {
        let pauses_inside = own.protocol.callers_wait_inside;
        if !pauses_inside {
            node.begin(&own).await;
        }
        own.read(IO).await;
        if pauses_inside {
            node.begin(&own).await;
        }
        own.leave(IO);
        node.end(&own);
    });
    write(&mut main, &of);
    ends_written();
}

/// A section drains a node whose request waits for the read lock.
pub(in super::super) fn drains_in_section(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "disk", Vec::new());
    let thread = io_thread("iothread0");
    start_request(&thread, &of, &node);
    if of.protocol.callers_wait_inside {
        let section = of.write(&mut main);
        of.drain(&mut main, &node);
        node.go_on();
        of.unlock(&mut main, &section);
    } else {
        of.drain_all_begin(&mut main);
        write(&mut main, &of);
        of.drain_all_end();
    }
    ends_written();
}

/// While a drained section waits to begin, a bottom half runs a plain one.
pub(in super::super) fn section_from_bottom_half(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let _disk = Node::new(&of, "disk", Vec::new());
    let thread = io_thread("iothread0");
    let own = Arc::clone(&of);
    thread.event_loop().spawn("reader", |_| async move {
        own.read(IO).await;
        let writer = Arc::clone(&own);
        own.main.schedule_oneshot("plain section", move |main| write(main, &writer));
        own.leave(IO);
        own.main.kick();
    });
    let section = of.write_drained(&mut main);
    of.unlock(&mut main, &section);
    drop(thread);
    main.poll(false);
    ends_written();
}

/// What a drained section defers begins a request and waits for it.
pub(in super::super) fn deferred_work_needs_requests(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let disk = Node::new(&of, "disk", Vec::new());
    let section = of.write_drained(&mut main);
    let own = Arc::clone(&of);
    of.schedule_beside(move |main| {
        main.run_coroutine("request", |_| async move {
            disk.begin(&own).await;
            disk.end(&own);
        });
    });
    of.unlock(&mut main, &section);
    main.poll(false);
    ends_written();
}

/// A reader that no drain stops comes again and again before a waiting writer.
pub(super) fn readers_overtake(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let thread = io_thread("iothread0");
    let own = Arc::clone(&of);
    thread.event_loop().spawn("reader", |_| async move {
        for _ in 0..3 {
            read(&own).await;
        }
    });
    write(&mut main, &of);
    let polls = of.polls_most.get();
    always("overtakes-are-bounded", polls <= 1, format_args!("overtaken {polls} times"));
    ends_written();
}

/// A holder waits for a helper that takes a read lock of its own.
pub(super) fn holder_waits_for_reader(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let thread = io_thread("iothread0");
    let (own, home) = (Arc::clone(&of), Arc::clone(thread.event_loop()));
    thread.event_loop().spawn("holder", |_| async move {
        own.read(IO).await;
        let (helped, outcome) = promise();
        let helper = Arc::clone(&own);
        home.spawn("helper", |_| async move {
            read(&helper).await;
            helped.keep(());
        });
        outcome.await;
        own.leave(IO);
        own.main.kick();
    });
    write(&mut main, &of);
    ends_written();
}

/// A guard is taken on one loop and given back on another while the writer sums the counters.
pub(in super::super) fn guard_changes_loop(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let thread = io_thread("iothread0");
    let own = Arc::clone(&of);
    thread.event_loop().spawn("reader", |_| async move {
        own.read(IO).await;
        own.leave(IO_TOO);
        own.main.kick();
    });
    write(&mut main, &of);
    ends_written();
}

/// Requests arrive one after the other while all nodes are drained.
pub(in super::super) fn requests_arrive(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let nodes = ["disk", "spare"].map(|name| Node::new(&of, name, Vec::new()));
    let thread = io_thread("iothread0");
    let (own, arrivals) = (Arc::clone(&of), Note::default());
    let (arrived, disk) = (arrivals.clone(), Arc::clone(&nodes[1]));
    let drains = Note::default();
    let waits = drains.clone();
    thread.event_loop().spawn("guest", |_| async move {
        for _ in 0..3 {
            disk.begin(&own).await;
            arrived.add(waits.get());
            disk.end(&own);
        }
    });
    of.drain_all_begin_noting(&mut main, &drains);
    let late = arrivals.get();
    always("overtakes-are-bounded", late <= 1, format_args!("{late} requests began meanwhile"));
    of.drain_all_end();
    ends_written();
}
