//! The event loop as it ships: descriptors, timers and other threads.
//!
//! The first group has the event cases of QEMU's `test-aio` under their own names. Written from what those cases
//! say must hold; nothing of theirs is copied.

#![allow(
    clippy::disallowed_methods,
    reason = "what a user of the library has: std, without the door"
)]

use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use graphlock::event_loop::{HandlerId, Home, IoThread, MainLoop, Readiness};
use rustix::event::{EventfdFlags, eventfd};

/// Long for a machine, short for somebody who waits for a test that hangs.
const LONG: Duration = Duration::from_secs(20);

/// A counter in the kernel that makes its descriptor readable. Counterpart: `EventNotifier`.
#[derive(Clone)]
struct Notifier(Arc<OwnedFd>);

impl Notifier {
    fn new() -> Self {
        Notifier(Arc::new(eventfd(0, EventfdFlags::NONBLOCK).expect("the system has an eventfd")))
    }

    fn set(&self) {
        rustix::io::write(&*self.0, &1u64.to_ne_bytes()).expect("an eventfd takes one");
    }

    /// Clears it, and says whether it was set.
    fn test_and_clear(&self) -> bool {
        rustix::io::read(&*self.0, &mut [0u8; 8]).is_ok()
    }
}

/// What the callbacks of a test have done.
#[derive(Default)]
struct Counted {
    calls: Cell<u32>,
    /// How many events the callback waits for before it sets itself aside.
    active: Cell<u32>,
}

/// A handler that counts its calls and clears what made it ready.
fn count_calls(main: &mut MainLoop, notifier: &Notifier, active: u32) -> (HandlerId, Rc<Counted>) {
    let counted = Rc::new(Counted::default());
    counted.active.set(active);
    let (own, cleared) = (Rc::clone(&counted), notifier.clone());
    let callback = Box::new(move |_: &mut dyn Home, readiness: Readiness| {
        assert_eq!(readiness, Readiness::READABLE);
        assert!(cleared.test_and_clear(), "a handler is called when there is something");
        own.calls.set(own.calls.get() + 1);
        own.active.set(own.active.get().saturating_sub(1));
    });
    let added = main.add_handler(Arc::clone(&notifier.0), Readiness::READABLE, callback);
    (added.expect("an eventfd can be watched"), counted)
}

fn get(calls: &AtomicU32) -> u32 {
    calls.load(Ordering::Relaxed)
}

// Handlers of descriptors.

#[test]
fn set_event_notifier() {
    let mut main = MainLoop::new();
    let notifier = Notifier::new();
    let (handler, counted) = count_calls(&mut main, &notifier, 0);
    assert!(!main.poll(false));
    assert_eq!(counted.calls.get(), 0);
    assert!(main.remove_handler(handler));
    assert!(!main.remove_handler(handler), "it is gone");
    notifier.set();
    assert!(!main.poll(false));
    assert_eq!(counted.calls.get(), 0);
}

#[test]
fn wait_event_notifier() {
    let mut main = MainLoop::new();
    let notifier = Notifier::new();
    let (handler, counted) = count_calls(&mut main, &notifier, 1);
    while main.poll(false) {}
    assert_eq!((counted.calls.get(), counted.active.get()), (0, 1));
    notifier.set();
    assert!(main.poll(false));
    assert_eq!((counted.calls.get(), counted.active.get()), (1, 0));
    assert!(!main.poll(false));
    assert_eq!(counted.calls.get(), 1);
    main.remove_handler(handler);
}

#[test]
fn flush_event_notifier() {
    let mut main = MainLoop::new();
    let notifier = Notifier::new();
    let (handler, counted) = count_calls(&mut main, &notifier, 10);
    while counted.active.get() > 0 {
        notifier.set();
        assert!(main.poll(true));
    }
    assert_eq!(counted.calls.get(), 10);
    assert!(!main.poll(false));
    main.remove_handler(handler);
    assert!(!main.poll(false));
}

#[test]
fn wait_event_notifier_noflush() {
    let mut main = MainLoop::new();
    let (quiet, other) = (Notifier::new(), Notifier::new());
    let (quiet_handler, quiet_counted) = count_calls(&mut main, &quiet, 0);
    // With nobody waiting for it, it is dispatched all the same.
    quiet.set();
    assert!(main.poll(false));
    assert_eq!(quiet_counted.calls.get(), 1);
    let (other_handler, other_counted) = count_calls(&mut main, &other, 1);
    quiet.set();
    assert!(main.poll(false));
    assert_eq!((quiet_counted.calls.get(), other_counted.calls.get()), (2, 0));
    // Both in one poll.
    quiet.set();
    other.set();
    while other_counted.active.get() > 0 {
        main.poll(true);
    }
    while main.poll(false) {}
    assert_eq!((quiet_counted.calls.get(), other_counted.calls.get()), (3, 1));
    main.remove_handler(quiet_handler);
    main.remove_handler(other_handler);
    assert!(!main.poll(false));
}

#[test]
fn timer_schedule() {
    let mut main = MainLoop::new();
    let calls = Rc::new(Cell::new(0));
    let time = Duration::from_millis(30);
    let (first, second) = (Rc::clone(&calls), Rc::clone(&calls));
    let begin = Instant::now();
    main.call_after(time, move |main| {
        first.set(1);
        main.call_after(time, move |_| second.set(2));
    });
    assert!(!main.poll(false));
    assert_eq!(calls.get(), 0, "it is not time");
    while calls.get() < 1 {
        main.poll(true);
    }
    assert!(begin.elapsed() >= time);
    while calls.get() < 2 {
        main.poll(true);
    }
    assert!(begin.elapsed() >= 2 * time);
    assert!(!main.poll(false));
    let cancelled = main.call_after(Duration::ZERO, |_| panic!("it was cancelled"));
    main.cancel_timer(cancelled);
    main.poll(false);
}

#[test]
fn a_poll_runs_bottom_halves_then_handlers_then_timers() {
    let mut main = MainLoop::new();
    let order: Rc<RefCell<Vec<&str>>> = Rc::default();
    let notifier = Notifier::new();
    let (noted, cleared) = (Rc::clone(&order), notifier.clone());
    let callback = Box::new(move |_: &mut dyn Home, _| {
        cleared.test_and_clear();
        noted.borrow_mut().push("handler");
    });
    main.add_handler(Arc::clone(&notifier.0), Readiness::READABLE, callback).unwrap();
    let noted = Rc::clone(&order);
    main.call_after(Duration::ZERO, move |_| noted.borrow_mut().push("timer"));
    notifier.set();
    let ran = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&ran);
    main.handle().schedule_oneshot("first", move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    // The handler and the timer are on this thread and the bottom half need not be: so it is looked at by count.
    let (noted, seen) = (Rc::clone(&order), Arc::clone(&ran));
    let other = Notifier::new();
    let callback = Box::new(move |_: &mut dyn Home, _| {
        noted.borrow_mut().push(if seen.load(Ordering::Relaxed) == 1 {
            "after the bottom half"
        } else {
            "too early"
        })
    });
    let handler = main.add_handler(Arc::clone(&other.0), Readiness::WRITABLE, callback).unwrap();
    main.poll(true);
    main.remove_handler(handler);
    let order = order.borrow();
    assert_eq!(order.len(), 3, "{order:?}");
    assert!(order.contains(&"after the bottom half"), "{order:?}");
    assert_eq!(order.last(), Some(&"timer"), "{order:?}");
}

#[test]
fn a_nested_poll_does_not_enter_a_handler_again() {
    let mut main = MainLoop::new();
    let (notifier, other) = (Notifier::new(), Notifier::new());
    let (_, others) = count_calls(&mut main, &other, 1);
    let (depth, calls) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (inside, counted) = (Rc::clone(&depth), Rc::clone(&calls));
    let (cleared, wakes) = (notifier.clone(), other.clone());
    let callback = Box::new(move |home: &mut dyn Home, _| {
        assert_eq!(inside.replace(1), 0, "entered while it runs");
        counted.set(counted.get() + 1);
        let main = home.main().expect("the handler is of the main loop");
        assert!(!main.poll(false), "its own descriptor is left out, though it is still ready");
        // And a poll that sleeps sleeps, until another handler has something to do.
        let wakes = wakes.clone();
        main.call_after(Duration::from_millis(10), move |_| wakes.set());
        let mut polls = 0;
        while others.active.get() > 0 {
            main.poll(true);
            polls += 1;
        }
        assert!(polls <= 5, "it has slept, and not spun {polls} times");
        cleared.test_and_clear();
        inside.set(0);
    });
    main.add_handler(Arc::clone(&notifier.0), Readiness::READABLE, callback).unwrap();
    notifier.set();
    main.poll(true);
    assert_eq!(calls.get(), 1);
    assert!(!main.poll(false), "its condition was cleared before it was armed again");
    notifier.set();
    assert!(main.poll(true), "and it is armed again");
    assert_eq!(calls.get(), 2);
}

#[test]
fn a_handler_that_clears_nothing_is_called_by_each_poll() {
    let mut main = MainLoop::new();
    let notifier = Notifier::new();
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let callback = Box::new(move |_: &mut dyn Home, _| counted.set(counted.get() + 1));
    main.add_handler(Arc::clone(&notifier.0), Readiness::READABLE, callback).unwrap();
    notifier.set();
    for number in 1..=3 {
        assert!(main.poll(true));
        assert_eq!(calls.get(), number);
    }
}

#[test]
fn a_handler_removes_itself_and_others_from_its_callback() {
    let mut main = MainLoop::new();
    let notifiers = [Notifier::new(), Notifier::new()];
    let ids: Rc<RefCell<Vec<HandlerId>>> = Rc::default();
    let calls = Rc::new(Cell::new(0));
    for notifier in &notifiers {
        let (ids, calls, kept) = (Rc::clone(&ids), Rc::clone(&calls), notifier.clone());
        let added = Rc::clone(&ids);
        let callback = Box::new(move |home: &mut dyn Home, _| {
            calls.set(calls.get() + 1);
            for id in ids.borrow().iter() {
                assert!(home.remove_handler(*id));
            }
            // The callback is alive until it has returned.
            assert!(kept.test_and_clear());
        });
        let id = main.add_handler(Arc::clone(&notifier.0), Readiness::READABLE, callback);
        added.borrow_mut().push(id.unwrap());
        notifier.set();
    }
    main.poll(true);
    assert_eq!(calls.get(), 1, "whichever came first has removed the other");
    assert!(!main.poll(false));
    for Notifier(descriptor) in notifiers {
        assert_eq!(Arc::strong_count(&descriptor), 1, "a removed handler gives its share back");
    }
}

#[test]
fn a_handler_changes_its_interest_and_a_second_one_is_an_error() {
    let mut main = MainLoop::new();
    let notifier = Notifier::new();
    let seen: Rc<RefCell<Vec<Readiness>>> = Rc::default();
    let noted = Rc::clone(&seen);
    let callback = Box::new(move |_: &mut dyn Home, readiness| noted.borrow_mut().push(readiness));
    let handler = main.add_handler(Arc::clone(&notifier.0), Readiness::READABLE, callback);
    let handler = handler.unwrap();
    let second =
        main.add_handler(Arc::clone(&notifier.0), Readiness::READABLE, Box::new(|_, _| ()));
    assert!(second.is_err());
    assert!(!main.poll(false));
    main.set_interest(handler, Readiness::WRITABLE).unwrap();
    assert!(main.poll(true));
    notifier.set();
    main.set_interest(handler, Readiness::all()).unwrap();
    assert!(main.poll(true));
    assert_eq!(*seen.borrow(), [Readiness::WRITABLE, Readiness::all()]);
}

// Other threads.

#[test]
fn a_descriptor_wakes_a_loop_that_sleeps() {
    let thread = IoThread::spawn("sleeps", || ());
    let notifier = Notifier::new();
    let (sender, receiver) = channel();
    let (watched, ready) = (notifier.clone(), sender.clone());
    thread.event_loop().schedule_oneshot("adds", move |home: &mut dyn Home| {
        let cleared = watched.clone();
        let callback = Box::new(move |home: &mut dyn Home, _| {
            cleared.test_and_clear();
            ready.send(home.event_loop().name().to_owned()).unwrap();
        });
        home.add_handler(Arc::clone(&watched.0), Readiness::READABLE, callback).unwrap();
        sender.send("added".to_owned()).unwrap();
    });
    assert_eq!(receiver.recv_timeout(LONG).as_deref(), Ok("added"));
    for _ in 0..100 {
        notifier.set();
        assert_eq!(receiver.recv_timeout(LONG).as_deref(), Ok("sleeps"));
    }
    drop(thread);
    assert_eq!(Arc::strong_count(&notifier.0), 1, "a loop that ends gives its descriptors back");
}

#[test]
fn a_post_from_another_thread_wakes_a_loop_that_sleeps() {
    let mut main = MainLoop::new();
    let (handle, (sender, receiver)) = (main.handle(), channel());
    let poster = std::thread::spawn(move || {
        for _ in 0..100 {
            let answer = sender.clone();
            handle.schedule_oneshot("answers", move |_| answer.send(()).unwrap());
        }
    });
    let begin = Instant::now();
    let mut answers = 0;
    while answers < 100 {
        main.poll(true);
        answers += receiver.try_iter().count();
        assert!(begin.elapsed() < LONG);
    }
    poster.join().unwrap();
}

#[test]
fn of_ten_thousand_posts_from_four_threads_none_is_lost() {
    const POSTS: u32 = 2_500;
    let mut main = MainLoop::new();
    let ran = Arc::new(AtomicU32::new(0));
    let posters: Vec<_> = (0..4)
        .map(|_| {
            let (handle, ran) = (main.handle(), Arc::clone(&ran));
            std::thread::spawn(move || {
                for _ in 0..POSTS {
                    let ran = Arc::clone(&ran);
                    handle.schedule_oneshot("counts", move |_| {
                        ran.fetch_add(1, Ordering::Relaxed);
                    });
                }
            })
        })
        .collect();
    while get(&ran) < 4 * POSTS {
        main.poll(true);
    }
    posters.into_iter().for_each(|poster| poster.join().unwrap());
    assert!(!main.poll(false));
    assert_eq!(get(&ran), 4 * POSTS);
}

#[test]
fn posts_and_descriptors_do_not_swallow_each_other() {
    const ROUNDS: u32 = 2_000;
    let mut main = MainLoop::new();
    let notifier = Notifier::new();
    let (_, counted) = count_calls(&mut main, &notifier, 1);
    let (handle, ran, (sender, receiver)) = (main.handle(), Arc::new(AtomicU32::new(0)), channel());
    let posted = Arc::clone(&ran);
    // Each round waits for the one before, so a lost ring hangs.
    let poster = std::thread::spawn(move || {
        for _ in 0..ROUNDS {
            let posted = Arc::clone(&posted);
            handle.schedule_oneshot("counts", move |_| {
                posted.fetch_add(1, Ordering::Relaxed);
            });
            notifier.set();
            receiver.recv_timeout(LONG).expect("both arrive");
        }
    });
    for round in 1..=ROUNDS {
        while get(&ran) < round || counted.calls.get() < round {
            main.poll(true);
        }
        sender.send(()).unwrap();
    }
    poster.join().unwrap();
    assert_eq!((get(&ran), counted.calls.get()), (ROUNDS, ROUNDS));
}
