//! A holder of the lock waits for somebody who needs it, too, while a writer comes in between.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario};

use super::way;
use crate::coroutine::block_on;
use crate::event_loop::MainLoop;
use crate::graph_lock::{Deferral, Fairness, GraphLock, OwnedReadGuard, ReadGuard};
use crate::sync::{Arc, Condvar, Mutex, Named, lock, model};

const PROPERTIES: &[Property] = &[Property::eventually("everybody-gets-in")];

pub(super) fn all() -> Vec<Scenario> {
    let scenario = |name, parameters, about, cases, loom, body| Scenario {
        name,
        parameters: Parameters(parameters),
        about,
        properties: PROPERTIES,
        cases,
        engines: Engines { harness: Some(true), loom, std: 50 },
        body,
    };
    vec![
        scenario(
            "holder_waits_for_reader",
            &[("overtakes", 0)],
            "a holder waits for a helper that takes a read lock of its own",
            &["reader-sleeps", "reader-woken", "writer-waits-behind-shut-door", "patience-ends"],
            Err("needs a timer, and on loom none fires"),
            holder_waits_for_reader,
        ),
        scenario(
            "holder_waits_for_reader",
            &[("overtakes", 0), ("way", 0)],
            "a holder waits for a helper that takes a read lock of its own",
            &["reader-sleeps", "reader-woken", "writer-waits-behind-shut-door", "patience-ends"],
            Err("needs a timer, and on loom none fires"),
            holder_waits_for_reader,
        ),
        scenario(
            "holder_shares_its_guard",
            &[],
            "a holder gives its helper a second guard, and neither waits for the writer",
            &["reader-fast-path", "writer-waits"],
            Ok(3),
            holder_shares_its_guard,
        ),
        scenario(
            "shared_guard_outlives_original",
            &[],
            "the second guard is released after the first, on another thread",
            &["reader-fast-path", "writer-waits"],
            Ok(3),
            shared_guard_outlives_original,
        ),
    ]
}

/// Set once, waited for.
struct Flag {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Flag {
    fn new(name: &str) -> Arc<Self> {
        Arc::new(Flag { set: Mutex::new(false).named(&name), changed: Condvar::new().named(&name) })
    }

    fn set(&self) {
        *lock(&self.set) = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut set = lock(&self.set);
        while !*set {
            set = self.changed.wait(set).expect("never poisoned");
        }
    }
}

/// A holder that starts a helper and waits until it is done; the main loop writes meanwhile. `give` makes
/// what the helper gets from the holder's guard.
fn meet<G: Send + 'static>(
    overtakes_max: u32,
    deferral: Deferral,
    give: impl FnOnce(&ReadGuard<'_>) -> G + Send + 'static,
    help: impl FnOnce(&GraphLock, G) + Send + 'static,
) {
    let mut main = MainLoop::new();
    let fairness = Fairness { overtakes_max, ..Fairness::default() };
    let graph_lock = GraphLock::bare(&main, deferral, fairness);
    let registrations = ["holder", "helper"].map(|name| Arc::new(graph_lock.register(name)));
    let (held, done) = (Flag::new("held"), Flag::new("done"));
    let handed: Arc<Mutex<Option<G>>> = Arc::new(Mutex::new(None).named(&"handed"));
    {
        let (own, graph_lock) = (Arc::clone(&registrations[0]), graph_lock.clone());
        let (held, done, handed) = (Arc::clone(&held), Arc::clone(&done), Arc::clone(&handed));
        model::spawn("holder", move || {
            let adopted = own.adopt();
            let guard = block_on(graph_lock.read());
            *lock(&handed) = Some(give(&guard));
            held.set();
            done.wait();
            drop(guard);
            drop(adopted);
        });
    }
    {
        let (own, graph_lock) = (Arc::clone(&registrations[1]), graph_lock.clone());
        model::spawn("helper", move || {
            let adopted = own.adopt();
            held.wait();
            let given = lock(&handed).take().expect("handed over before the flag was set");
            help(&graph_lock, given);
            done.set();
            drop(adopted);
        });
    }
    graph_lock.write(&mut main).unlock();
    model::finish(move || {
        drop(registrations);
        "written".to_owned()
    });
}

fn holder_waits_for_reader(parameters: &Parameters) {
    let overtakes_max = u32::try_from(parameters.get("overtakes")).expect("few");
    let deferral = way(parameters.find("way").unwrap_or(1));
    meet(overtakes_max, deferral, |_| (), |graph_lock, ()| drop(block_on(graph_lock.read())));
}

fn holder_shares_its_guard(_: &Parameters) {
    meet(1, Deferral::List, |guard| guard.share(), |_, shared: OwnedReadGuard| drop(shared));
}

fn shared_guard_outlives_original(_: &Parameters) {
    let mut main = MainLoop::new();
    let graph_lock = GraphLock::bare(&main, Deferral::List, Fairness::default());
    let cell = Arc::new(crate::graph_lock::GraphCell::new(&graph_lock, 0_u32));
    let registration = Arc::new(graph_lock.register("holder"));
    {
        let (own, graph_lock, cell) =
            (Arc::clone(&registration), graph_lock.clone(), Arc::clone(&cell));
        model::spawn("holder", move || {
            let adopted = own.adopt();
            let guard = block_on(graph_lock.read());
            let shared = guard.share();
            drop(guard);
            cell.read(&shared, |number| *number);
            drop(shared);
            drop(adopted);
        });
    }
    let mut section = graph_lock.write(&mut main);
    cell.write(&mut section, |number| *number += 1);
    section.unlock();
    model::finish(move || {
        drop(registration);
        "written".to_owned()
    });
}
