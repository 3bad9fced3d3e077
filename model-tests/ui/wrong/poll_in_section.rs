//! Nobody polls inside a write section.

use graphlock::event_loop::MainLoop;
use graphlock::graph_lock::GraphLock;

fn wrong(lock: &GraphLock, main: &mut MainLoop) {
    let section = lock.write(main);
    main.poll(true);
    section.unlock();
}

fn main() {}
