//! `std::hint`, as far as the engine cares.

/// Gives way in a loop that re-reads: the task goes on when something it has read has changed.
#[track_caller]
pub fn spin_loop() {
    super::thread::yield_now();
}
