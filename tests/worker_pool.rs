//! Work that blocks and the end of a thread with a loop, as they ship, on real threads.

#![allow(
    clippy::disallowed_methods,
    reason = "what a user of the library has: std, without the door"
)]

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use graphlock::event_loop::{IoThread, WorkerPool};

/// Long for a machine, short for somebody who waits for a test that hangs.
const LONG: Duration = Duration::from_secs(20);

fn get(calls: &AtomicU32) -> u32 {
    calls.load(Ordering::Relaxed)
}

// Work that blocks.

#[test]
fn a_worker_pool_reads_for_coroutines_of_two_loops() {
    const READS: u32 = 50;
    let path = std::env::temp_dir().join(format!("graphlock-reads-{}", std::process::id()));
    fs::write(&path, b"block layer").unwrap();
    let pool = Arc::new(WorkerPool::new(2));
    let (sender, receiver) = channel();
    let threads = ["one", "two"].map(|name| IoThread::spawn(name, || ()));
    for thread in &threads {
        let (pool, path, sender) = (Arc::clone(&pool), path.clone(), sender.clone());
        thread.event_loop().spawn("reads", |coroutine| async move {
            let mut workers = BTreeSet::new();
            for _ in 0..READS {
                let path = path.clone();
                let read = pool.run(move || {
                    let name = std::thread::current().name().map(str::to_owned);
                    (fs::read(path).unwrap(), name.unwrap())
                });
                let (bytes, worker) = read.await;
                assert_eq!(bytes, b"block layer");
                workers.insert(worker);
            }
            drop(pool);
            sender.send((coroutine.home().name().to_owned(), workers)).unwrap();
        });
    }
    for thread in threads {
        thread.stop(LONG).expect("the coroutines end");
    }
    let ended: Vec<_> = receiver.try_iter().collect();
    let homes: BTreeSet<_> = ended.iter().map(|(home, _)| home.as_str()).collect();
    assert_eq!(homes, BTreeSet::from(["one", "two"]));
    let workers: BTreeSet<_> = ended.iter().flat_map(|(_, workers)| workers).cloned().collect();
    assert!(workers.iter().all(|worker| worker.starts_with("worker")), "{workers:?}");
    fs::remove_file(path).unwrap();
}

#[test]
fn work_that_nobody_waits_for_is_done_before_the_pool_ends() {
    let pool = WorkerPool::new(1);
    let done = Arc::new(AtomicU32::new(0));
    for _ in 0..100 {
        let done = Arc::clone(&done);
        drop(pool.run(move || done.fetch_add(1, Ordering::Relaxed)));
    }
    drop(pool);
    assert_eq!(get(&done), 100);
}

#[test]
#[should_panic(expected = "the disk is on fire")]
fn a_panic_of_the_work_is_passed_on_to_who_waits() {
    let pool = WorkerPool::new(1);
    let failing = pool.run(|| -> u32 { panic!("the disk is on fire") });
    let working = pool.run(|| 1);
    assert_eq!(graphlock::coroutine::block_on(working), 1, "the thread goes on");
    graphlock::coroutine::block_on(failing);
}

// Ending a thread.

/// A future that is ready when its cell holds something, and leaves its waker there meanwhile.
type Gate = Arc<Mutex<(bool, Option<Waker>)>>;

async fn pass(gate: Gate) {
    std::future::poll_fn(|context| {
        let mut gate = gate.lock().unwrap();
        gate.1 = Some(context.waker().clone());
        if gate.0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn a_stop_waits_for_coroutines_that_sleep() {
    let thread = IoThread::spawn("stops", || ());
    let (gate, done) = (Gate::default(), Arc::new(AtomicU32::new(0)));
    let (waits, ends) = (Arc::clone(&gate), Arc::clone(&done));
    thread.event_loop().spawn("sleeps", |coroutine| async move {
        coroutine.yield_now().await;
        pass(waits).await;
        ends.store(1, Ordering::Relaxed);
    });
    let opener = std::thread::spawn(move || {
        let begin = Instant::now();
        loop {
            let mut gate = gate.lock().unwrap();
            if let Some(waker) = gate.1.take() {
                gate.0 = true;
                return waker.wake();
            }
            assert!(begin.elapsed() < LONG);
            drop(gate);
            std::hint::spin_loop();
        }
    });
    assert_eq!(thread.stop(LONG), Ok(()));
    assert_eq!(get(&done), 1);
    opener.join().unwrap();
}

#[test]
fn a_stop_names_the_coroutines_that_it_leaves_asleep() {
    let thread = IoThread::spawn("stops", || ());
    let gate = Gate::default();
    let waits = Arc::clone(&gate);
    thread.event_loop().spawn("ends", |_| async {});
    thread.event_loop().spawn("sleeps for ever", |_| pass(waits));
    // Nobody can wake this one: it is gone when it sleeps, and is not waited for.
    thread.event_loop().spawn("is dropped", |_| std::future::pending());
    let error = thread.stop(Duration::from_millis(50)).expect_err("one sleeps");
    assert_eq!(error.names, ["sleeps for ever"]);
    assert!(error.to_string().contains("`sleeps for ever`"));
}
