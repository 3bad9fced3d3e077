//! The parts by themselves: bottom halves, the notify handshake, waits and kicks, coroutines and their queue,
//! the locks of images, the pool of threads for work that blocks, requests and drains.

mod bottom_half;
mod coroutine;
mod handshake;
mod image_locks;
mod requests;
mod worker_pool;

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario};

/// All components.
#[must_use]
pub fn all() -> Vec<Scenario> {
    [
        handshake::all(),
        bottom_half::all(),
        coroutine::all(),
        image_locks::all(),
        worker_pool::all(),
        requests::all(),
    ]
    .concat()
}

/// A component without parameters, small enough for all engines.
fn component(
    name: &'static str,
    about: &'static str,
    properties: &'static [Property],
    cases: &'static [&'static str],
    body: fn(&Parameters),
) -> Scenario {
    Scenario {
        name,
        parameters: Parameters(&[]),
        about,
        properties,
        cases,
        engines: Engines { harness: Some(true), loom: Ok(3), std: 200 },
        body,
    }
}
