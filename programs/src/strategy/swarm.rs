//! Which kinds of operations a program has at all.
//!
//! A program that has a little of everything rarely has enough of anything: what two kinds do to each other shows where
//! the others are out of the way. So each kind is on or off in a program, by itself (swarm testing).

use super::dice::Dice;

macro_rules! groups {
    ($($(#[$about:meta])* $name:ident),* $(,)?) => {
        /// A kind of operations that are on or off together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Group { $($(#[$about])* $name),* }

        impl Group {
            /// All of them.
            pub const ALL: &[Group] = &[$(Group::$name),*];
        }
    };
}
groups! {
    /// Reads, writes, flushes.
    Requests,
    /// Read locks, and looks under them.
    ReadLocks,
    /// Children that come, go and are exchanged.
    Structure,
    /// References that go, and nodes that are opened.
    Unrefs,
    /// Drained sections of the main loop.
    Drains,
    /// Drained sections and jobs of coroutines.
    CoroutineDrains,
    /// Images in other modes.
    Reopen,
    /// Overlays, commits, looks at their files.
    Overlays,
    /// Filters that copy before they write.
    CopyBeforeWrite,
    /// Somebody else's processes at an image.
    Strangers,
    /// Kept bottom halves.
    BottomHalves,
    /// Commands, posted and timed.
    Commands,
    /// Events.
    Events,
    /// Coroutines that change their loop.
    Moves,
    /// Loops that end.
    Stop,
    /// Operations that fail.
    Faults,
    /// Threads that answer what an image cannot answer at once.
    Workers,
    /// Threads that are away for a while.
    Pause,
    /// Tasks on threads without a loop.
    Threads,
}

/// The groups that are on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swarm(u32);

impl Swarm {
    /// Each with better than even odds: some meetings need three of them.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let each = Group::ALL.iter();
        let on = each.filter(|_| dice.happens(5, 8)).fold(0, |on, group| on | bit(*group));
        Swarm(on)
    }

    pub(super) fn has(self, group: Group) -> bool {
        self.0 & bit(group) != 0
    }

    pub(super) fn has_all(self, groups: &[Group]) -> bool {
        groups.iter().all(|group| self.has(*group))
    }
}

fn bit(group: Group) -> u32 {
    1 << group as u32
}
