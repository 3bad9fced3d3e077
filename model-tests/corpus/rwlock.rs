//! Who holds a read/write lock while it waits.

use graphlock_harness::outcome::ViolationKind::Deadlock;
use graphlock_harness::scenario::Parameters;

use graphlock_harness::sync::thread::{Builder, JoinHandle};
use graphlock_harness::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Pair, is_broken, mutex};
use crate::sync::{Arc, lock};

pub(super) const PAIRS: &[Pair] = &[
    Pair {
        name: "two_upgrade",
        broken: "two readers want to write and keep their shared holds",
        sound: "they give those back first",
        kind: Deadlock,
        says: &["waits for shared, held shared by"],
        body: two_upgrade,
    },
    Pair {
        name: "reader_joins_writer",
        broken: "a reader waits for the end of a writer",
        sound: "it gives its hold back before",
        kind: Deadlock,
        says: &["main waits for the end of other", "other waits for shared, held shared by main"],
        body: reader_joins_writer,
    },
    Pair {
        name: "writer_joins_reader",
        broken: "a writer waits for the end of a reader",
        sound: "it gives its hold back before",
        kind: Deadlock,
        says: &["main waits for the end of other", "other waits for shared, held by main"],
        body: writer_joins_reader,
    },
    Pair {
        name: "shared_and_mutex",
        broken: "one takes the shared hold and then a mutex, the other the mutex and then writes",
        sound: "both take the mutex first",
        kind: Deadlock,
        says: &[
            "main waits for beside, held by other",
            "other waits for shared, held shared by main",
        ],
        body: shared_and_mutex,
    },
];

fn shared() -> Arc<RwLock<()>> {
    Arc::new(RwLock::new(()).with_name(&"shared"))
}

fn read(shared: &RwLock<()>) -> RwLockReadGuard<'_, ()> {
    shared.read().expect("never poisoned")
}

fn write(shared: &RwLock<()>) -> RwLockWriteGuard<'_, ()> {
    shared.write().expect("never poisoned")
}

fn spawn(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let other = Builder::new().name("other".to_owned());
    other.spawn(body).expect("an execution can always spawn")
}

fn upgrade(shared: &RwLock<()>, keeps: bool) {
    let reads = read(shared);
    let kept = keeps.then_some(reads);
    drop(write(shared));
    drop(kept);
}

fn two_upgrade(parameters: &Parameters) {
    let (shared, keeps) = (shared(), is_broken(parameters));
    let own = Arc::clone(&shared);
    drop(spawn(move || upgrade(&own, keeps)));
    upgrade(&shared, keeps);
}

fn reader_joins_writer(parameters: &Parameters) {
    let shared = shared();
    let own = Arc::clone(&shared);
    let reads = read(&shared);
    let other = spawn(move || drop(write(&own)));
    let kept = is_broken(parameters).then_some(reads);
    other.join().expect("it does not panic");
    drop(kept);
}

fn writer_joins_reader(parameters: &Parameters) {
    let shared = shared();
    let own = Arc::clone(&shared);
    let writes = write(&shared);
    let other = spawn(move || drop(read(&own)));
    let kept = is_broken(parameters).then_some(writes);
    other.join().expect("it does not panic");
    drop(kept);
}

fn shared_and_mutex(parameters: &Parameters) {
    let (shared, beside) = (shared(), mutex("beside"));
    let (own, own_beside) = (Arc::clone(&shared), Arc::clone(&beside));
    drop(spawn(move || {
        let guard = lock(&own_beside);
        drop(write(&own));
        drop(guard);
    }));
    if is_broken(parameters) {
        let reads = read(&shared);
        drop(lock(&beside));
        drop(reads);
    } else {
        let guard = lock(&beside);
        drop(read(&shared));
        drop(guard);
    }
}
