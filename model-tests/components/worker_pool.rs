//! The pool of threads for work that blocks: two pieces of work, one of which nobody waits for.

use graphlock_harness::scenario::{Parameters, Property, Scenario, always};

use super::component;
use crate::event_loop::{MainLoop, WorkerPool};
use crate::sync::model;
use crate::sync::note::Note;

const NONE_LOST: &[Property] =
    &[Property::always("all-queued-work-is-done"), Property::eventually("no-result-is-lost")];

pub(super) fn all() -> Vec<Scenario> {
    vec![component(
        "worker_pool",
        "a coroutine waits for one piece of work and gives the other up; then the pool ends",
        NONE_LOST,
        &[
            "worker-sleeps",
            "work-done-before-look",
            "work-wakes-waiter",
            "work-nobody-waits",
            "pool-ends-with-work-left",
        ],
        worker_pool,
    )]
}

fn worker_pool(_: &Parameters) {
    let mut main = MainLoop::new();
    let pool = WorkerPool::new(1);
    let done = Note::default();
    let waited = pool.run(|| 7);
    let ran = done.clone();
    // Nobody waits for this one: it is done all the same, before the thread of the pool ends.
    drop(pool.run(move || ran.add(1)));
    let result = main.run_coroutine("waits", |_| waited);
    always("no-result-is-lost", result == 7, result);
    drop(pool);
    model::finish(move || {
        always("all-queued-work-is-done", done.get() == 1, done.get());
        format!("{} done", done.get())
    });
}
