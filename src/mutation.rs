//! The names of the planted bugs: each protection of the machinery that a checked build can turn off.
//!
//! In production `mutated` is the constant `false`. At its site a name is also documentation: the comment
//! above says what goes wrong without the protection, and the gate shows that it does.

/// Whether the protection `id` is turned off.
#[inline(always)]
#[track_caller]
pub(crate) fn mutated(id: &'static str) -> bool {
    crate::sync::model::mutated(id)
}

/// Each protection with what turning it off does.
#[cfg(any(test, feature = "on-harness", feature = "on-loom", feature = "on-std"))]
pub(crate) const MUTATIONS: &[(&str, &str)] = &[
    ("reader-fence-removed", "no fence between a reader's announcement and its look at the door"),
    (
        "writer-fence-removed",
        "no fence between the writer's announcement and its look at the counters",
    ),
    ("reader-kick-conditional", "a leaving reader kicks only if it sees the door shut"),
    ("reader-kick-removed", "a leaving reader does not kick"),
    ("slow-path-kick-removed", "a reader that takes itself back does not kick"),
    ("kick-before-change", "a leaving reader kicks before it lowers the count"),
    (
        "queue-woken-outside-list-lock",
        "sleepers are taken under the list mutex, the door is opened outside",
    ),
    ("slow-path-recheck-removed", "a reader goes to sleep without a second look at the door"),
    ("unref-under-lock", "deferred work runs at once, inside the section"),
    (
        "deferred-unref-not-polled",
        "deferred work is a plain bottom half; the unlock does not wait for it",
    ),
    ("deferred-unref-before-wake", "deferred work runs before the readers are woken"),
    ("deferred-unref-inside-drain", "deferred work runs before the section's drain ends"),
    ("drain-ended-by-counter", "a section's end ends a drain if any section has begun one"),
    ("writer-never-shuts-the-door", "a waiting writer lets readers overtake it for ever"),
    (
        "back-off-leaves-sleepers",
        "a writer that gives way does not wake the readers it put to sleep",
    ),
    ("shared-count-summed-first", "the writer's walk reads the shared count before the slots"),
    ("section-gives-way", "a section lets readers in between two of its changes"),
    ("orphan-balance-dropped", "what a thread's counter has left is forgotten with the thread"),
    ("writer-flag-release-weakened", "the door is opened with a relaxed store"),
    ("reader-flag-acquire-weakened", "a reader looks at the door with a relaxed load"),
    ("reader-count-release-weakened", "a leaving reader lowers the count with a relaxed store"),
    ("writer-count-acquire-weakened", "the writer reads the counters with relaxed loads"),
    ("kick-fence-removed", "no fence between a change and the look for waiters"),
    (
        "wait-fence-removed",
        "no fence between a waiter's announcement and its look at the condition",
    ),
    ("wait-recheck-removed", "a waiter does not look again after it has announced itself"),
    ("notify-skipped", "a post does not wake a loop that sleeps"),
    ("bottom-half-release-weakened", "a bottom half is scheduled with a relaxed update"),
    ("slice-runs-oldest-first", "a slice runs its bottom halves in the order of posting"),
    ("nested-poll-runs-its-own-slice-first", "a nested poll leaves the older slices for later"),
    ("dropped-bottom-half-runs", "dropping a kept bottom half does not delete it"),
    ("worker-wake-skipped", "work is queued and no thread of the pool is woken"),
    ("pool-drops-its-queue", "a pool that ends leaves what is queued undone"),
    ("move-stays-at-home", "a coroutine that moves goes on where it was"),
    ("coroutine-entered-before-yield", "a coroutine that is woken while it runs is posted at once"),
    ("wake-while-running-lost", "a wake of a coroutine that has not yielded yet is dropped"),
    (
        "request-keeps-in-flight-while-queued",
        "a request that waits for a drain to end counts as in flight",
    ),
    ("request-fence-removed", "no fence between a request's announcement and its look for a drain"),
    ("drain-fence-removed", "no fence between a drain's announcement and its look for requests"),
    ("request-end-release-weakened", "a request ends with a relaxed update"),
    ("drain-end-release-weakened", "a drained section ends with a relaxed store"),
    ("drain-flag-acquire-weakened", "a request looks for a drain with a relaxed load"),
    (
        "abandoned-request-forgotten",
        "a request whose future is dropped is over, whoever works for it",
    ),
    ("request-back-off-kick-removed", "a request that takes itself back does not kick who drains"),
    ("request-end-kick-removed", "a request that ends does not kick who drains"),
    ("drain-leaves-parents", "a drained node's users go on sending requests"),
    ("permission-conflict-ignored", "two users of a node that do not get along are both let in"),
    ("failed-change-keeps-access", "a change that is taken back leaves accesses as it wanted them"),
    ("overlay-maps-before-data", "an overlay's map is written before the cluster it points to"),
    ("overlay-allocates-together", "several may allocate the same cluster of an overlay at once"),
    ("copy-takes-its-own-lock", "what a write waits for takes a read lock of its own"),
    ("reopen-keeps-prepared", "a reopen that fails leaves what the others have prepared"),
    ("reopen-commits-each", "each image goes on in its new mode as soon as it can"),
    ("reopen-closes-first", "the old image is closed before the new one has its locks"),
    ("commit-undrained", "requests go on while an overlay is committed"),
    ("close-skips-drain", "a close does not wait for requests in flight"),
    ("close-opens-its-own-batch", "a close works its children's references off by itself, nested"),
    (
        "image-lock-tested-before-taken",
        "an opener looks at the bytes of others before it locks its own",
    ),
    ("image-lock-not-taken-over", "an image that is opened again does not lock its bytes again"),
];
