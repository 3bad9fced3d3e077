//! The smallest programs in which proposals differ: when a deferred reference is dropped, what else runs then, and who opens an image again.

use graphlock_harness::scenario::{Parameters, always};

use super::lock::Lock;
use super::meetings::{ends_written, io_thread, read, start_request, world, write};
use super::node::Node;
use crate::event_loop::MainLoop;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::note::Note;
use crate::sync::{Arc, Named, model};

/// A section in which the last reference of a node goes.
fn let_go(main: &mut MainLoop, of: &Arc<Lock>, node: &Arc<Node>) {
    let section = of.write(main);
    of.schedule_unref(main, Arc::clone(node));
    of.unlock(main, &section);
}

fn assert_closed(node: &Node) {
    always("closed-when-unlock-returns", !node.is_open(), "its image is still open");
}

/// The image of a node is opened right after the section that let it go; a request may be in flight.
pub(crate) fn opens_after_unlock(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "base", Vec::new());
    let thread = io_thread("iothread0");
    start_request(&thread, &of, &node);
    let_go(&mut main, &of, &node);
    assert_closed(&node);
    ends_written();
}

/// A reference is deferred where there is no section, and the image is opened.
pub(crate) fn unref_without_section(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    write(&mut main, &of);
    let node = Node::new(&of, "base", Vec::new());
    of.schedule_unref(&mut main, Arc::clone(&node));
    assert_closed(&node);
    ends_written();
}

/// A chain of nodes is let go of by its head.
pub(crate) fn chain_closes(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let last = Node::new(&of, "last", Vec::new());
    let middle = Node::new(&of, "middle", vec![Arc::clone(&last)]);
    let head = Node::new(&of, "head", vec![Arc::clone(&middle)]);
    let thread = io_thread("iothread0");
    let own = Arc::clone(&of);
    thread.event_loop().spawn("reader", |_| async move { read(&own).await });
    let_go(&mut main, &of, &head);
    [head, middle, last].iter().for_each(|node| assert_closed(node));
    ends_written();
}

/// A command lets a node go and prints; the monitor has something to do and prints, too.
pub(crate) fn monitor_prints(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "base", Vec::new());
    let monitor_was_first = Note::default();
    let command_has_printed = Note::default();
    let (first, printed) = (monitor_was_first.clone(), command_has_printed.clone());
    let monitor = move || first.set(1 - printed.get());
    // The loop that the unlock does not poll has its turn when the command has returned.
    let (here, apart) =
        if of.protocol.monitor_apart { (None, Some(monitor)) } else { (Some(monitor), None) };
    if let Some(monitor) = here {
        main.handle().schedule_oneshot("monitor", move |_| monitor());
    }
    let_go(&mut main, &of, &node);
    command_has_printed.set(1);
    main.poll(false);
    if let Some(monitor) = apart {
        monitor();
    }
    model::finish(move || {
        let order =
            if monitor_was_first.get() == 1 { "monitor, command" } else { "command, monitor" };
        order.to_owned()
    });
}

/// A node is let go of; something else is pending. Says whether it ran before the caller went on. With `last` = 0 another reference is
/// left, with `busy` a request is in flight, with `deferred` = 0 the reference is dropped after the section, as callers did before.
pub(crate) fn callers_go_on(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "base", Vec::new());
    if parameters.get("last") == 0 {
        drop(node.another());
    }
    let thread = io_thread("iothread0");
    if parameters.get("busy") == 1 {
        start_request(&thread, &of, &node);
    }
    // It is pending from here on, and the section itself finds nobody inside: only the unlock or the close can run it.
    let section = of.write(&mut main);
    let ran = Note::default();
    let other = ran.clone();
    main.handle().schedule_oneshot("other work", move |_| other.set(1));
    if parameters.get("deferred") == 1 {
        of.schedule_unref(&mut main, Arc::clone(&node));
        of.unlock(&mut main, &section);
    } else {
        of.unlock(&mut main, &section);
        of.unref(&mut main, &node);
    }
    let before = ran.get() == 1;
    main.poll(false);
    model::finish(move || if before { "ran before" } else { "not before" }.to_owned());
}

/// Somebody else than the main loop may open the image as soon as the node is detached and the lock is free. With `writers` = 0 only
/// the main loop opens it.
pub(crate) fn thread_opens(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "base", Vec::new());
    let detached = Arc::new(AtomicU32::new(0).named(&"detached"));
    if parameters.get("writers") == 1 {
        let (own, seen, image) = (Arc::clone(&of), Arc::clone(&detached), Arc::clone(&node));
        model::spawn("other writer", move || {
            if seen.load(SeqCst) == 1 && !own.has_writer() {
                assert_closed(&image);
            }
        });
    }
    let section = of.write(&mut main);
    detached.store(1, SeqCst);
    of.schedule_unref(&mut main, Arc::clone(&node));
    of.unlock(&mut main, &section);
    assert_closed(&node);
    ends_written();
}

/// A bottom half opens the image. With `before` = 1 it is scheduled before the reference is deferred, else after.
pub(crate) fn bottom_half_opens(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "base", Vec::new());
    let schedule = |main: &MainLoop| {
        let image = Arc::clone(&node);
        main.handle().schedule_oneshot("opens again", move |_| assert_closed(&image));
    };
    let before = parameters.get("before") == 1;
    let section = of.write(&mut main);
    if before {
        schedule(&main);
    }
    of.schedule_unref(&mut main, Arc::clone(&node));
    if !before {
        schedule(&main);
    }
    of.unlock(&mut main, &section);
    main.poll(false);
    ends_written();
}

/// Beside the deferred references something waits until one of them has closed its node.
pub(crate) fn close_is_waited_for(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let node = Node::new(&of, "base", Vec::new());
    let section = of.write(&mut main);
    of.schedule_unref(&mut main, Arc::clone(&node));
    let waited = Arc::clone(&node);
    of.schedule_beside(move |main| main.wait_while(|_| waited.is_open()));
    of.unlock(&mut main, &section);
    main.poll(false);
    ends_written();
}

/// While the unlock runs what is pending, that takes a whole section again, and readers are about.
pub(crate) fn unlock_runs_section(parameters: &Parameters) {
    let (mut main, of) = world(parameters);
    let thread = io_thread("iothread0");
    let own = Arc::clone(&of);
    thread.event_loop().spawn("reader", |_| async move { read(&own).await });
    let section = of.write(&mut main);
    let again = Arc::clone(&of);
    main.handle().schedule_oneshot("section", move |main| write(main, &again));
    of.unlock(&mut main, &section);
    ends_written();
}
