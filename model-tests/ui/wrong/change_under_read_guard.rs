//! What the lock protects is changed under a write guard only.

use graphlock::graph_lock::{GraphCell, ReadGuard};

fn wrong(cell: &GraphCell<u32>, guard: &mut ReadGuard<'_>) {
    cell.write(guard, |number| *number += 1);
}

fn main() {}
