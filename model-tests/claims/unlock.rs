//! C10 to C19: who else is there while the unlock works off what was deferred, other ways of doing it, and drained sections; then
//! two invariants of the lock that the review took for granted.

use graphlock_harness::outcome::ViolationKind::{Deadlock, Property};

use super::Claim;
use super::Decision::{AboutWords, True, TrueIf};
use super::Evidence::{Check, DoesNotCompile};
use super::table::{MAIN_HANGS, STILL_OPEN, claim};
use super::variant::{
    BOTTOM_HALF_OPENS, CALLERS, CHAIN, GUARD_CHANGES_LOOP, LAST_READER, MONITOR, NEEDS_REQUESTS,
    NESTED, OPENS, REQUESTS_ARRIVE, SECTION_IN_UNLOCK, THREAD_OPENS, WAITED_FOR, ours,
};

/// The claims.
pub(super) fn all() -> Vec<Claim> {
    vec![c10(), c11(), c12(), c13(), c14(), c15(), c16(), c17(), c18(), c19(), i2(), i4()]
}

fn c10() -> Claim {
    claim(
        ("C10", "EB 2023-08"),
        "Another thread might open the image again before the close has run.",
        TrueIf("threads other than the main loop's may write"),
        "Then one finds the image open; the lock that ships has one writer by type.",
        vec![
            Check(
                "with such a writer the image is still open",
                THREAD_OPENS.breaks(&[("unref", 4), ("writers", 1)], STILL_OPEN),
            ),
            Check("without one it is closed", THREAD_OPENS.passes(&[("unref", 4), ("writers", 0)])),
            DoesNotCompile(
                "model-tests/ui/wrong/write_from_another_thread.rs",
                "only the main loop has the token",
            ),
        ],
    )
}

fn c11() -> Claim {
    claim(
        ("C11", "KW 2023-08"),
        "Only the main thread takes the writer lock, so C10 cannot happen.",
        TrueIf("no bottom half that was scheduled after the unref opens the image"),
        "Another thread does not; but bottom halves run newest first, so one of the main loop's own may come before the unref. A list has no such order.",
        vec![
            Check(
                "with main-loop writers only it holds",
                THREAD_OPENS.passes(&[("unref", 4), ("writers", 0)]),
            ),
            Check(
                "with the restriction dropped it does not",
                THREAD_OPENS.breaks(&[("unref", 4), ("writers", 1)], STILL_OPEN),
            ),
            Check(
                "a bottom half that was scheduled after the unref runs first",
                BOTTOM_HALF_OPENS.breaks(&[("unref", 4), ("before", 0)], STILL_OPEN),
            ),
            Check(
                "one that was scheduled before it does not",
                BOTTOM_HALF_OPENS.passes(&[("unref", 4), ("before", 1)]),
            ),
            Check(
                "with a list neither does",
                BOTTOM_HALF_OPENS.passes(&[("unref", 6), ("before", 0)]),
            ),
        ],
    )
}

fn c12() -> Claim {
    claim(
        ("C12", "KW 2023-08"),
        "Deferred work may take the write lock again, for the outer section is over by then.",
        TrueIf("the section's drain has ended by then, and nobody else ends it"),
        "True of the version it was said of. With drained sections it hangs, unless each section remembers its drain and ends it before the deferred work.",
        vec![
            Check(
                "a section inside the unlock, readers about",
                SECTION_IN_UNLOCK.passes(&[("version", 202309)]),
            ),
            Check(
                "the drain ends last: deferred work hangs",
                NEEDS_REQUESTS.hangs(&[("version", 202507), ("drained", 1)], MAIN_HANGS),
            ),
            Check(
                "each for itself, still last: it hangs",
                NEEDS_REQUESTS.hangs(&[("version", 202507), ("drained", 3)], MAIN_HANGS),
            ),
            Check(
                "the drain ends first: it returns",
                NEEDS_REQUESTS.passes(&[("version", 202507), ("drained", 2)]),
            ),
            Check(
                "each for itself, and first: it returns",
                NEEDS_REQUESTS.passes(&[("version", 202507), ("drained", 4)]),
            ),
            Check("ours, by bottom halves", ours("deferred_work_needs_requests[way=0]", None)),
            Check("ours, by a list", ours("deferred_work_needs_requests[way=1]", None)),
            Check(
                "ours with the drain ended last",
                ours(
                    "deferred_work_needs_requests[way=0]",
                    Some(("deferred-unref-inside-drain", Deadlock)),
                ),
            ),
        ],
    )
}

fn c13() -> Claim {
    claim(
        ("C13", "SH 2023-08"),
        "A list of its own for pending unrefs is cleaner, for other bottom halves that run in the unlock might cause trouble.",
        TrueIf("no close on the list waits for anything"),
        "Then nothing else runs in the unlock. As soon as a close waits, it polls, and what is pending runs all the same (C16).",
        vec![
            Check(
                "the poll runs the monitor's work",
                MONITOR.ends(&[("unref", 4)], &["monitor, command"]),
            ),
            Check("the list does not", MONITOR.ends(&[("unref", 6)], &["command, monitor"])),
            Check(
                "the poll runs other work also where nothing is closed",
                CALLERS.ends(
                    &[("unref", 4), ("last", 0), ("busy", 0), ("deferred", 1)],
                    &["ran before"],
                ),
            ),
            Check(
                "a close on the list that waits",
                CALLERS.ends(
                    &[("unref", 6), ("last", 1), ("busy", 1), ("deferred", 1)],
                    &["not before", "ran before"],
                ),
            ),
            Check("the other order of the list hangs", OPENS.hangs(&[("unref", 5)], MAIN_HANGS)),
        ],
    )
}

fn c14() -> Claim {
    claim(
        ("C14", "KW 2023-09"),
        "Polling in every unlock is no worse than before, when a last unref polled, too; it only is unconditional now.",
        True,
        "All that runs inside the new unlock could run inside the old unref. What is new are the callers: also those that drop no last reference poll.",
        vec![
            Check(
                "before: a last reference whose close waits runs it, or not",
                CALLERS.ends(
                    &[("unref", 2), ("last", 1), ("busy", 1), ("deferred", 0)],
                    &["not before", "ran before"],
                ),
            ),
            Check(
                "before: another reference is left, and it never runs",
                CALLERS.ends(
                    &[("unref", 2), ("last", 0), ("busy", 1), ("deferred", 0)],
                    &["not before"],
                ),
            ),
            Check(
                "since: it always runs",
                CALLERS.ends(
                    &[("unref", 4), ("last", 1), ("busy", 1), ("deferred", 1)],
                    &["ran before"],
                ),
            ),
            Check(
                "since: also where another reference is left",
                CALLERS.ends(
                    &[("unref", 4), ("last", 0), ("busy", 1), ("deferred", 1)],
                    &["ran before"],
                ),
            ),
        ],
    )
}

fn c15() -> Claim {
    claim(
        ("C15", "KW 2023-09"),
        "The alternatives: a list for unrefs alone, or a loop of its own for them, that only the unlock polls.",
        TrueIf("nothing beside the deferred references waits for one of the closes"),
        "Both close in time, chains too. But what stands in a loop of its own and waits there is polled by nobody: it hangs, where the main loop's nested poll would have gone on.",
        vec![
            Check("a list closes in time", OPENS.passes(&[("unref", 6)])),
            Check("and chains", CHAIN.passes(&[("unref", 6)])),
            Check("a loop of its own closes in time", OPENS.passes(&[("unref", 7)])),
            Check("and chains", CHAIN.passes(&[("unref", 7)])),
            Check(
                "who waits for a close there hangs",
                WAITED_FOR.hangs(&[("unref", 7)], MAIN_HANGS),
            ),
            Check(
                "with bottom halves of the main loop it goes on",
                WAITED_FOR.passes(&[("unref", 4)]),
            ),
            Check(
                "with a list it is never waited for: the list has no other work",
                WAITED_FOR.passes(&[("unref", 6)]),
            ),
        ],
    )
}

fn c16() -> Claim {
    claim(
        ("C16", "KW 2023-09"),
        "A list is a nested event loop all the same, as soon as one of the closes polls: it would only be conditional again.",
        True,
        "With a close that waits, the same work runs inside the unlock as with the poll, in some interleavings; with one that does not, none.",
        vec![
            Check(
                "the close waits: some runs have it, some have not",
                CALLERS.ends(
                    &[("unref", 6), ("last", 1), ("busy", 1), ("deferred", 1)],
                    &["not before", "ran before"],
                ),
            ),
            Check(
                "the close does not wait: never",
                CALLERS.ends(
                    &[("unref", 6), ("last", 1), ("busy", 0), ("deferred", 1)],
                    &["not before"],
                ),
            ),
            Check(
                "nothing is closed: never",
                CALLERS.ends(
                    &[("unref", 6), ("last", 0), ("busy", 1), ("deferred", 1)],
                    &["not before"],
                ),
            ),
            Check(
                "the poll: always",
                CALLERS.ends(
                    &[("unref", 4), ("last", 1), ("busy", 0), ("deferred", 1)],
                    &["ran before"],
                ),
            ),
        ],
    )
}

fn c17() -> Claim {
    claim(
        ("C17", "SH 2023-08"),
        "The comments should name the function that defers, and say coroutines in the plural.",
        AboutWords,
        "It was done in the second version of the patch; nothing that runs depends on it.",
        Vec::new(),
    )
}

fn c18() -> Claim {
    claim(
        ("C18", "KW 2025-05"),
        "One unlock that remembers whether its section was drained keeps callers from mixing the variants up.",
        TrueIf("each section remembers for itself"),
        "One counter for the process lets a plain section, run by a bottom half, end the drain of the one that waits around it.",
        vec![
            Check(
                "one counter, the drain ending last",
                NESTED.breaks(
                    &[("version", 202507), ("drained", 1)],
                    &["drained-section-stays-drained"],
                ),
            ),
            Check(
                "one counter, the drain ending first",
                NESTED.breaks(
                    &[("version", 202507), ("drained", 2)],
                    &["drained-section-stays-drained"],
                ),
            ),
            Check("each for itself, last", NESTED.passes(&[("version", 202507), ("drained", 3)])),
            Check("each for itself, first", NESTED.passes(&[("version", 202507), ("drained", 4)])),
            Check("ours", ours("nested_sections", None)),
            Check(
                "ours with one counter",
                ours("nested_sections", Some(("drain-ended-by-counter", Property))),
            ),
        ],
    )
}

fn c19() -> Claim {
    claim(
        ("C19", "FE 2025-05"),
        "Polling before all are quiesced may starve a writer while new requests arrive.",
        TrueIf("a drain waits before it has quiesced all"),
        "The drain in question quiesces all first, so at most the request that was just beginning gets in. Readers that no drain stops do starve a writer; ours bounds them.",
        vec![
            Check("all are quiesced first", REQUESTS_ARRIVE.passes(&[("quiesce", 1)])),
            Check(
                "one after the other, with waits between",
                REQUESTS_ARRIVE.breaks(&[("quiesce", 0)], &["overtakes-are-bounded"]),
            ),
            Check(
                "ours: overtakes by readers are bounded",
                ours("stream_of_readers[sections=3]", None),
            ),
            Check(
                "ours without the bound",
                ours(
                    "stream_of_readers[sections=3]",
                    Some(("writer-never-shuts-the-door", Property)),
                ),
            ),
        ],
    )
}

fn i2() -> Claim {
    claim(
        ("I2", "the lock 2022-12"),
        "The counters of all loops never sum up to less than nobody.",
        TrueIf("they are summed in one step, or no guard is given back on another loop meanwhile"),
        "Summed one by one, with the door open, the walk may miss where a guard was taken and see where it was given back. Ours asserts it behind the shut door alone.",
        vec![
            Check(
                "one by one",
                GUARD_CHANGES_LOOP
                    .breaks(&[("atomic", 0)], &["counts-are-never-negative", "-1 readers"]),
            ),
            Check("in one step", GUARD_CHANGES_LOOP.passes(&[("atomic", 1)])),
            Check("ours: a guard changes its loop", ours("reader_changes_loop", None)),
        ],
    )
}

fn i4() -> Claim {
    claim(
        ("I4", "the lock 2022-12"),
        "A writer that waits and for whom nobody is inside any more goes on, without help from outside.",
        TrueIf("who leaves kicks whether or not it sees a writer inside"),
        "While a writer waits the door is open, so who looks for a writer before it kicks never kicks.",
        vec![
            Check("kicks only if it sees a writer", LAST_READER.hangs(&[("kick", 0)], MAIN_HANGS)),
            Check("kicks always", LAST_READER.passes(&[("kick", 1)])),
            Check(
                "ours with that condition",
                ours(
                    "reader_meets_writer[readers=1,sections=1,writes=1,overtakes=1]",
                    Some(("reader-kick-conditional", Deadlock)),
                ),
            ),
            Check(
                "ours",
                ours("reader_meets_writer[readers=1,sections=1,writes=1,overtakes=1]", None),
            ),
        ],
    )
}
