//! The planted bugs: which protection is turned off, what that models, and who must notice.

use graphlock_harness::outcome::ViolationKind::{
    self, DataRace, Deadlock, LeakedTask, Panic, Property,
};
use graphlock_harness::scenario::{PlantedBug, PlantedBugEngine};

const ONE_READER: &str = "reader_meets_writer[readers=1,sections=1,writes=1,overtakes=1]";
const UNREF: &str = "unref_under_write_lock[readers=1,sections=1,way=1]";
const REOPEN: &str = "reopen_right_after_unlock[way=0]";
const DRAIN: &str = "drain_meets_request";
const WAKE: &str = "readers_wake_before_unrefs[way=1]";

/// Found by the deterministic engine, within this many executions.
const fn harness(
    mutation: &'static str,
    models: &'static str,
    scenario: &'static str,
    budget: u64,
    symptom: ViolationKind,
) -> PlantedBug {
    PlantedBug { mutation, models, scenario, engine: PlantedBugEngine::Harness, budget, symptom }
}

/// Found by loom, for it needs a stale read.
const fn loom(
    mutation: &'static str,
    models: &'static str,
    scenario: &'static str,
    budget: u64,
    symptom: ViolationKind,
) -> PlantedBug {
    PlantedBug { mutation, models, scenario, engine: PlantedBugEngine::Loom(3), budget, symptom }
}

const PLANTED: &[PlantedBug] = &[
    loom("reader-fence-removed", "ordering reader-announce", ONE_READER, 50_000, DataRace),
    loom("writer-fence-removed", "ordering reader-announce", ONE_READER, 50_000, DataRace),
    harness("reader-kick-conditional", "G9, commit e3082ab3b3", ONE_READER, 1_000, Deadlock),
    harness("reader-kick-removed", "invariant I4", ONE_READER, 1_000, Deadlock),
    harness("slow-path-kick-removed", "step R7", ONE_READER, 1_000, Property),
    harness(
        "kick-before-change",
        "W4: the change comes before the kick",
        ONE_READER,
        1_000,
        Deadlock,
    ),
    harness("queue-woken-outside-list-lock", "steps U1 to U4", ONE_READER, 1_000, LeakedTask),
    harness("slow-path-recheck-removed", "step R5", ONE_READER, 1_000, LeakedTask),
    harness("unref-under-lock", "claim C1", UNREF, 1_000, Deadlock),
    harness("deferred-unref-not-polled", "claim C3", REOPEN, 1_000, Property),
    harness("deferred-unref-before-wake", "claim C7", WAKE, 50_000, Deadlock),
    harness(
        "deferred-unref-inside-drain",
        "hazard X2",
        "deferred_work_needs_requests[way=0]",
        1_000,
        Deadlock,
    ),
    harness("drain-ended-by-counter", "hazard X1, claim C18", "nested_sections", 10_000, Property),
    harness(
        "writer-never-shuts-the-door",
        "hazard X4",
        "stream_of_readers[sections=3]",
        10_000,
        Property,
    ),
    harness(
        "back-off-leaves-sleepers",
        "hazard X5",
        "holder_waits_for_reader[overtakes=0]",
        10_000,
        Deadlock,
    ),
    harness(
        "shared-count-summed-first",
        "the walk over the counters is not atomic",
        "shared_guard_outlives_original",
        10_000,
        DataRace,
    ),
    harness("section-gives-way", "invariant I6", ONE_READER, 1_000, Property),
    harness("orphan-balance-dropped", "protocol 1.6", "loop_goes_away", 1_000, Property),
    harness(
        "writer-flag-release-weakened",
        "ordering writer-publishes",
        ONE_READER,
        1_000,
        DataRace,
    ),
    harness(
        "reader-flag-acquire-weakened",
        "ordering writer-publishes",
        ONE_READER,
        1_000,
        DataRace,
    ),
    harness("reader-count-release-weakened", "ordering reader-leaves", ONE_READER, 1_000, DataRace),
    harness("writer-count-acquire-weakened", "ordering reader-leaves", ONE_READER, 1_000, DataRace),
    loom("kick-fence-removed", "W7, ordering kick", "kick_and_wait", 1_000, Deadlock),
    loom("wait-fence-removed", "W7, ordering kick", "kick_and_wait", 1_000, Deadlock),
    harness(
        "wait-recheck-removed",
        "W2: a kick before the announcement",
        "kick_and_wait",
        1_000,
        Deadlock,
    ),
    harness(
        "notify-skipped",
        "N1, N2: a post that wakes nobody",
        "notify_handshake",
        1_000,
        Deadlock,
    ),
    harness(
        "coroutine-entered-before-yield",
        "2.5: entered only after its yield",
        "coroutine_wakes",
        1_000,
        Panic,
    ),
    harness(
        "wake-while-running-lost",
        "a wake before the yield",
        "coroutine_wakes",
        1_000,
        Deadlock,
    ),
    harness("request-keeps-in-flight-while-queued", "D11", "drain_meets_reader", 1_000, Deadlock),
    loom("request-fence-removed", "ordering request-announce", DRAIN, 100_000, Property),
    loom("drain-fence-removed", "ordering request-announce", DRAIN, 100_000, Property),
    loom("request-end-release-weakened", "ordering request-ends", DRAIN, 100_000, Property),
    loom("drain-end-release-weakened", "ordering drain-publishes", DRAIN, 100_000, Property),
    loom("drain-flag-acquire-weakened", "ordering drain-publishes", DRAIN, 100_000, Property),
    harness("request-back-off-kick-removed", "W5: idle without a kick", DRAIN, 1_000, Deadlock),
    harness(
        "request-end-kick-removed",
        "W5: idle without a kick",
        "drain_meets_reader",
        1_000,
        Deadlock,
    ),
    harness(
        "drain-leaves-parents",
        "D4: the parent is not drained",
        "drain_reaches_parent[way=1]",
        1_000,
        Property,
    ),
    harness(
        "permission-conflict-ignored",
        "2.1: users of a node get along",
        "change_is_refused[way=1]",
        1_000,
        Property,
    ),
    harness(
        "failed-change-keeps-access",
        "2.1: a refused change changes nothing",
        "user_of_filter_is_refused[way=1]",
        1_000,
        Property,
    ),
    harness(
        "overlay-maps-before-data",
        "a kill between the map and the data",
        "overlay_allocates[way=1]",
        100_000,
        Property,
    ),
    harness(
        "overlay-allocates-together",
        "two that allocate one cluster",
        "overlay_allocates[way=1]",
        100_000,
        Property,
    ),
    harness(
        "copy-takes-its-own-lock",
        "X5: a holder that waits for a reader",
        "copy_before_write[way=1]",
        100_000,
        Property,
    ),
    harness(
        "reopen-keeps-prepared",
        "2.7: a reopen is rolled back",
        "image_does_not_reopen[way=1]",
        1_000,
        Panic,
    ),
    harness(
        "reopen-commits-each",
        "2.7: all or none",
        "image_does_not_reopen[way=1]",
        1_000,
        Property,
    ),
    harness(
        "reopen-closes-first",
        "F10: no unlocked window",
        "images_reopen[way=1]",
        1_000,
        Property,
    ),
    harness(
        "commit-undrained",
        "D24: drained across all of a commit",
        "overlay_commits[way=1]",
        10_000,
        Property,
    ),
    harness(
        "abandoned-request-forgotten",
        "a request that was given up, and is worked for",
        "write_is_given_up[way=1]",
        1_000,
        Property,
    ),
    harness("close-skips-drain", "close without drained_begin", WAKE, 1_000, Panic),
    harness(
        "close-opens-its-own-batch",
        "2.1: closes nest, one stack frame for each node",
        "chain_closes[depth=1,width=1,way=1]",
        1_000,
        Property,
    ),
    loom(
        "bottom-half-release-weakened",
        "ordering bottom-half-flags",
        "bottom_half_is_kept",
        10_000,
        Property,
    ),
    harness("slice-runs-oldest-first", "2.2: newest first", "bottom_half_order", 1_000, Property),
    harness(
        "nested-poll-runs-its-own-slice-first",
        "2.2: older slices first",
        "bottom_half_order",
        1_000,
        Property,
    ),
    harness(
        "dropped-bottom-half-runs",
        "2.2: deleted is never called",
        "bottom_half_is_cancelled",
        1_000,
        Property,
    ),
    harness(
        "worker-wake-skipped",
        "a thread of the pool that is not woken",
        "worker_pool",
        1_000,
        Deadlock,
    ),
    harness(
        "pool-drops-its-queue",
        "work that is given up with the pool",
        "worker_pool",
        1_000,
        Property,
    ),
    harness("move-stays-at-home", "Q3: the home it moved to", "coroutine_moves", 1_000, Property),
    harness(
        "image-lock-tested-before-taken",
        "2.8: lock, then test",
        "image_openers_meet",
        1_000,
        Property,
    ),
    harness(
        "image-lock-not-taken-over",
        "2.8: a reopened image has its bytes before the old one is closed",
        "image_reopens",
        1_000,
        Property,
    ),
];

/// All planted bugs.
pub(super) fn all() -> Vec<PlantedBug> {
    PLANTED.to_vec()
}
