//! What versions and proposals differ in, each as a value.

use graphlock_harness::scenario::Parameters;

/// When a leaving reader kicks the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kick {
    /// If it sees a writer inside: never while one waits.
    IfWriterIsInside,
    /// Always.
    Always,
}

/// What becomes of a reference that a section drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unref {
    /// It is dropped at once, by the function that takes the lock itself.
    UnderLock,
    /// It is dropped at once, by one that assumes the lock.
    AssumesLock,
    /// A bottom half drops it, and nobody waits for that.
    BottomHalf,
    /// The unlock polls for bottom halves, then wakes the readers.
    PolledBeforeWake,
    /// The unlock wakes the readers, then polls for bottom halves: what was merged.
    PolledAfterWake,
    /// The unlock works off a list, then wakes the readers.
    ListBeforeWake,
    /// The unlock wakes the readers, then works off a list.
    ListAfterWake,
    /// The unlock wakes the readers, then polls a loop that is there for this alone.
    OwnLoop,
}

/// Who remembers that a section has drained all nodes, and when that drain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drained {
    /// There are no drained sections.
    None,
    /// One counter for all; the drain ends after what was deferred: QEMU's.
    CounterEndsLast,
    /// One counter for all; the drain ends before what was deferred.
    CounterEndsFirst,
    /// Each section for itself; the drain ends after what was deferred.
    StackEndsLast,
    /// Each section for itself; the drain ends before what was deferred: ours.
    StackEndsFirst,
}

/// A version or a proposal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    /// Coroutines of the main thread take no read lock.
    pub(super) main_coroutines_skip: bool,
    pub(super) kick: Kick,
    /// Who waits for the lock keeps the context lock of the loop that it works for.
    pub(super) wait_keeps_context: bool,
    /// So does the unlock.
    pub(super) unlock_keeps_context: bool,
    pub(super) unref: Unref,
    pub(super) drained: Drained,
    /// Callers drain inside sections, and jobs pause inside read locks.
    pub(super) callers_wait_inside: bool,
    /// The counters are summed in one step.
    pub(super) walk_is_atomic: bool,
    /// A drain keeps all sources away before it waits for the first.
    pub(super) quiesces_all_first: bool,
    /// The monitor's bottom halves are in a loop that the unlock does not poll.
    pub(super) monitor_apart: bool,
}

/// December 2022: the lock is introduced.
const QEMU_2022_12: Protocol = Protocol {
    main_coroutines_skip: true,
    kick: Kick::IfWriterIsInside,
    wait_keeps_context: true,
    unlock_keeps_context: true,
    unref: Unref::UnderLock,
    drained: Drained::None,
    callers_wait_inside: true,
    walk_is_atomic: false,
    quiesces_all_first: true,
    monitor_apart: false,
};

/// May 2023: coroutines of the main thread take it, too; what runs outside coroutines there still does not.
const QEMU_2023_05: Protocol = Protocol { main_coroutines_skip: false, ..QEMU_2022_12 };

/// September 2023: unrefs are deferred, the wait drops the context lock.
const QEMU_2023_09: Protocol =
    Protocol { wait_keeps_context: false, unref: Unref::PolledAfterWake, ..QEMU_2023_05 };

/// July 2025: context locks are gone, sections may be drained, callers wait outside.
const QEMU_2025_07: Protocol = Protocol {
    unlock_keeps_context: false,
    drained: Drained::CounterEndsLast,
    callers_wait_inside: false,
    ..QEMU_2023_09
};

/// April 2026: who leaves kicks always.
const QEMU_2026_04: Protocol = Protocol { kick: Kick::Always, ..QEMU_2025_07 };

impl Protocol {
    /// What the parameters of a scenario ask for. Each has a number of its own:
    ///
    /// | parameter | |
    /// | --- | --- |
    /// | `version` | year and month, 202212 to 202604; 202309 if there is none |
    /// | `unref` | the ways of [`Unref`], from 0 |
    /// | `drained` | the ways of [`Drained`], from 0 |
    /// | `kick`, `atomic`, `quiesce`, `apart` | 1 for always, one step, all first, a loop of its own |
    ///
    /// # Panics
    /// If there is no such version or way: scenario and body were written apart.
    pub(super) fn of(parameters: &Parameters) -> Protocol {
        let asked = |name| parameters.find(name);
        let version = match asked("version").unwrap_or(202309) {
            202212 => QEMU_2022_12,
            202305 => QEMU_2023_05,
            202309 => QEMU_2023_09,
            202507 => QEMU_2025_07,
            202604 => QEMU_2026_04,
            other => panic!("there is no version {other}"),
        };
        let unref = asked("unref").map_or(version.unref, |number| match number {
            0 => Unref::UnderLock,
            1 => Unref::AssumesLock,
            2 => Unref::BottomHalf,
            3 => Unref::PolledBeforeWake,
            4 => Unref::PolledAfterWake,
            5 => Unref::ListBeforeWake,
            6 => Unref::ListAfterWake,
            7 => Unref::OwnLoop,
            other => panic!("there is no way {other} of dropping references"),
        });
        let drained = asked("drained").map_or(version.drained, |number| match number {
            0 => Drained::None,
            1 => Drained::CounterEndsLast,
            2 => Drained::CounterEndsFirst,
            3 => Drained::StackEndsLast,
            4 => Drained::StackEndsFirst,
            other => panic!("there is no way {other} of drained sections"),
        });
        let kick = match asked("kick") {
            Some(0) => Kick::IfWriterIsInside,
            Some(_) => Kick::Always,
            None => version.kick,
        };
        Protocol {
            unref,
            drained,
            kick,
            walk_is_atomic: asked("atomic").map_or(version.walk_is_atomic, |one| one == 1),
            quiesces_all_first: asked("quiesce").map_or(version.quiesces_all_first, |all| all == 1),
            monitor_apart: asked("apart").map_or(version.monitor_apart, |apart| apart == 1),
            ..version
        }
    }

    /// Whether a drained section's drain ends before what was deferred in it runs.
    pub(super) fn drain_ends_first(self) -> bool {
        matches!(self.drained, Drained::CounterEndsFirst | Drained::StackEndsFirst)
    }

    /// Whether each section remembers for itself that it has drained all nodes.
    pub(super) fn sections_remember(self) -> bool {
        matches!(self.drained, Drained::StackEndsLast | Drained::StackEndsFirst)
    }
}
