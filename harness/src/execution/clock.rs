//! Vector clocks of two fixed widths.
//!
//! A clock counts, for each task, how many of its steps are known. Width is a constant so that a
//! clock is copied, never allocated: an engine makes one for each step. Hardly a program has many tasks, so
//! whoever keeps clocks begins with [`NARROW`] ones and widens them when an execution spawns a task too many for
//! them. They say the same in both widths, so nothing is begun anew, and they stay wide.

/// The most tasks one execution may have, the body included. Clocks of this width are wide.
pub const TASKS_MAX: usize = 64;

/// How many tasks the clocks have place for at first: two fit a cache line.
pub(crate) const NARROW: usize = 16;

/// The most steps one task may take: more do not fit a clock.
pub(crate) const STEPS_OF_A_TASK_MAX: u16 = u16::MAX;

/// What is known of each task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(32))]
pub(crate) struct Clock<const WIDTH: usize>([u16; WIDTH]);

impl<const WIDTH: usize> Clock<WIDTH> {
    /// Nothing is known of anybody.
    pub(crate) const ZERO: Self = Clock([0; WIDTH]);

    /// The same with place for more tasks.
    pub(crate) fn widened<const WIDER: usize>(&self) -> Clock<WIDER> {
        let mut clock = Clock::ZERO;
        clock.0[..WIDTH].copy_from_slice(&self.0);
        clock
    }

    /// The same with place for fewer tasks: nothing is known of the others.
    pub(crate) fn narrowed<const FEWER: usize>(&self) -> Clock<FEWER> {
        let mut clock = Clock::ZERO;
        clock.0.copy_from_slice(&self.0[..FEWER]);
        clock
    }

    /// Only the first `steps` steps of `task` are known.
    pub(crate) fn only(task: usize, steps: u16) -> Self {
        let mut clock = Self::ZERO;
        clock.0[task] = steps;
        clock
    }

    /// How many steps of `task` are known.
    #[inline]
    pub(crate) fn get(&self, task: usize) -> u16 {
        self.0[task]
    }

    /// Adds one step of `task` and returns its number, from 1.
    ///
    /// # Panics
    /// If it takes more than [`STEPS_OF_A_TASK_MAX`].
    #[inline]
    pub(crate) fn advance(&mut self, task: usize) -> u16 {
        let next = self.0[task].checked_add(1).unwrap_or_else(|| too_many_steps());
        self.0[task] = next;
        next
    }

    /// Learns all that `other` knows.
    #[inline]
    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// The first task of which `other` knows more.
    pub(crate) fn first_behind(&self, other: &Self) -> Option<usize> {
        self.0.iter().zip(&other.0).position(|(mine, theirs)| mine < theirs)
    }
}

#[cold]
fn too_many_steps() -> ! {
    panic!(
        "a task takes more than {STEPS_OF_A_TASK_MAX} steps in one execution: make the body shorter, or `steps_max` smaller"
    )
}
