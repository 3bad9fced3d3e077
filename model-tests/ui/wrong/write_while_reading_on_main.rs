//! A read section on the main loop ends before a write section begins there.

use graphlock::event_loop::MainLoop;
use graphlock::graph_lock::GraphLock;

fn wrong(lock: &GraphLock, main: &mut MainLoop) {
    let guard = lock.read_main(main);
    lock.write(main).unlock();
    drop(guard);
}

fn main() {}
