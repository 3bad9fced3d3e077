//! Bottom halves as they ship: the cases of QEMU's `test-aio` under their own names. Written from what those cases
//! say must hold; nothing of theirs is copied.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use graphlock::event_loop::{BottomHalf, MainLoop};

/// A bottom half that counts its calls, and schedules itself while there are fewer than `calls_max`.
fn counting(main: &MainLoop, calls_max: u32) -> (Arc<BottomHalf>, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let bottom_half = Arc::new_cyclic(|own: &std::sync::Weak<BottomHalf>| {
        let own = own.clone();
        BottomHalf::new(main.handle().event_loop(), "counts", move |_| {
            if counted.fetch_add(1, Ordering::Relaxed) + 1 < calls_max {
                own.upgrade().expect("it is alive while it is called again").schedule();
            }
        })
    });
    (bottom_half, calls)
}

fn get(calls: &AtomicU32) -> u32 {
    calls.load(Ordering::Relaxed)
}

#[test]
fn bh_schedule() {
    let mut main = MainLoop::new();
    let (bottom_half, calls) = counting(&main, 1);
    bottom_half.schedule();
    assert_eq!(get(&calls), 0, "scheduling calls nothing");
    assert!(main.poll(true));
    assert_eq!(get(&calls), 1);
    assert!(!main.poll(false), "it runs once for one schedule");
    assert_eq!(get(&calls), 1);
}

#[test]
fn bh_schedule10() {
    let mut main = MainLoop::new();
    let (bottom_half, calls) = counting(&main, 10);
    bottom_half.schedule();
    assert!(main.poll(false));
    assert_eq!(get(&calls), 1, "what a callback schedules is not run by the poll that called it");
    assert!(main.poll(true));
    assert_eq!(get(&calls), 2);
    while get(&calls) < 10 {
        assert!(main.poll(true));
    }
    assert!(!main.poll(false));
    assert_eq!(get(&calls), 10);
}

#[test]
fn bh_cancel() {
    let mut main = MainLoop::new();
    let (bottom_half, calls) = counting(&main, 1);
    bottom_half.schedule();
    bottom_half.cancel();
    main.poll(false);
    assert_eq!(get(&calls), 0);
    bottom_half.schedule();
    main.poll(false);
    assert_eq!(get(&calls), 1, "one that was cancelled can be scheduled again");
}

#[test]
fn bh_delete() {
    let mut main = MainLoop::new();
    let (bottom_half, calls) = counting(&main, 1);
    bottom_half.schedule();
    drop(bottom_half);
    main.poll(false);
    assert_eq!(get(&calls), 0);
}

/// A bottom half that deletes itself in its `calls_max`th call, and schedules itself again before.
fn deleting_itself(main: &MainLoop, calls_max: u32) -> Arc<AtomicU32> {
    let calls = Arc::new(AtomicU32::new(0));
    let place: Arc<Mutex<Option<BottomHalf>>> = Arc::default();
    let (own, counted) = (Arc::downgrade(&place), Arc::clone(&calls));
    let keeps = Mutex::new(Some(Arc::clone(&place)));
    let bottom_half = BottomHalf::new(main.handle().event_loop(), "deletes itself", move |_| {
        let Some(place) = own.upgrade() else { panic!("a deleted bottom half is not called") };
        let mut place = place.lock().unwrap();
        place.as_ref().expect("a deleted bottom half is not called").schedule();
        if counted.fetch_add(1, Ordering::Relaxed) + 1 == calls_max {
            drop(place.take());
            drop(place);
            keeps.lock().unwrap().take();
        }
    });
    bottom_half.schedule();
    *place.lock().unwrap() = Some(bottom_half);
    calls
}

#[test]
fn bh_delete_from_cb() {
    let mut main = MainLoop::new();
    let calls = deleting_itself(&main, 1);
    main.poll(true);
    assert_eq!(get(&calls), 1);
    main.poll(false);
    assert_eq!(get(&calls), 1, "though it had scheduled itself before");
}

#[test]
fn bh_delete_from_cb_many() {
    let mut main = MainLoop::new();
    let limits = [1, 3, 2, 4];
    let calls = limits.map(|calls_max| deleting_itself(&main, calls_max));
    main.poll(true);
    assert_eq!(calls.each_ref().map(|each| get(each)), [1, 1, 1, 1]);
    for _ in 0..6 {
        main.poll(false);
    }
    assert_eq!(calls.each_ref().map(|each| get(each)), limits);
}

#[test]
fn bh_flush() {
    let mut main = MainLoop::new();
    let (bottom_half, calls) = counting(&main, 1);
    bottom_half.schedule();
    while main.poll(false) {}
    assert_eq!(get(&calls), 1);
    assert!(!main.poll(false), "a flushed loop has nothing to do");
}
