//! The main loop's token stays on its thread: writers are nowhere else.

use graphlock::event_loop::MainLoop;
use graphlock::graph_lock::GraphLock;

fn wrong(lock: GraphLock, mut main: MainLoop) {
    std::thread::spawn(move || lock.write(&mut main).unlock());
}

fn main() {}
