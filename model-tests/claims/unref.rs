//! C1 to C9: why a reference is not dropped at once, and what follows from dropping it in the unlock.

use graphlock_harness::outcome::ViolationKind::{Deadlock, Property};

use super::Claim;
use super::Decision::{False, True, TrueIf};
use super::Evidence::{Check, DoesNotCompile, Program};
use super::table::{MAIN_HANGS, REOPEN, REOPEN_LIST, STILL_OPEN, claim};
use super::variant::{
    CALLERS, CHAIN, DRAINS_INSIDE, LAST_REFERENCE, MONITOR, OPENS, SECTION_IN_UNLOCK,
    WITHOUT_SECTION, ours,
};

/// The claims.
pub(super) fn all() -> Vec<Claim> {
    vec![c1(), c2(), c3(), c4(), c5(), c6(), c7(), c8(), c9()]
}

fn c1() -> Claim {
    claim(
        ("C1", "KW 2023-08"),
        "Dropping a last reference in the usual way while the graph lock is held for writing deadlocks.",
        True,
        "What hangs first is not the lock that the close takes, but its flush: a coroutine that takes the read lock.",
        vec![
            Check(
                "nobody else is there, and it hangs",
                LAST_REFERENCE
                    .hangs(&[("version", 202305), ("unref", 0), ("request", 0)], MAIN_HANGS),
            ),
            Check(
                "the same with a request in flight: its drain hangs already",
                LAST_REFERENCE.hangs(&[("version", 202305), ("unref", 0)], MAIN_HANGS),
            ),
            Check(
                "our machinery hangs, too, if it drops at once",
                ours(
                    "unref_under_write_lock[readers=1,sections=1,way=1]",
                    Some(("unref-under-lock", Deadlock)),
                ),
            ),
        ],
    )
}

fn c2() -> Claim {
    claim(
        ("C2", "KW 2023-08"),
        "An unref that assumes the write lock instead of taking it does not help, for a close drains, and a drain needs the graph unlocked.",
        True,
        "It hangs as soon as a request is in flight that waits for the read lock; without one it happens to return.",
        vec![
            Check(
                "with such a request it hangs",
                LAST_REFERENCE.hangs(&[("version", 202305), ("unref", 1)], MAIN_HANGS),
            ),
            Check(
                "without one it returns: no test without requests finds it",
                LAST_REFERENCE.passes(&[("version", 202305), ("unref", 1), ("request", 0)]),
            ),
            Check(
                "so does any drain inside a section",
                DRAINS_INSIDE.hangs(&[("version", 202309)], MAIN_HANGS),
            ),
            DoesNotCompile(
                "model-tests/ui/wrong/unref_in_section.rs",
                "here a section has the main loop's token",
            ),
            DoesNotCompile("model-tests/ui/wrong/poll_in_section.rs", "so nobody can poll in it"),
        ],
    )
}

fn c3() -> Claim {
    claim(
        ("C3", "KW 2023-08"),
        "It is enough to drop the reference later, whenever the loop next runs bottom halves.",
        False,
        "Whoever opens the image right after the unlock finds it open.",
        vec![
            Check("the image is still open", OPENS.breaks(&[("unref", 2)], STILL_OPEN)),
            Check("here, too", ours(REOPEN, Some(("deferred-unref-not-polled", Property)))),
        ],
    )
}

fn c4() -> Claim {
    claim(
        ("C4", "KW 2023-08"),
        "An image cannot be opened again before it is really closed.",
        TrueIf("its locks are respected"),
        "The second opener is refused. With an opener that looks at the bytes of others before it takes its own, both get in.",
        vec![
            Check("one of two openers is refused, always", ours("image_openers_meet", None)),
            Check(
                "without the protocol of the bytes both get in",
                ours("image_openers_meet", Some(("image-lock-tested-before-taken", Property))),
            ),
            Check(
                "an early opener is refused, and that is seen",
                ours(REOPEN, Some(("deferred-unref-not-polled", Property))),
            ),
        ],
    )
}

fn c5() -> Claim {
    claim(
        ("C5", "KW 2023-08"),
        "Opening an image again at once is what opening and creating do as a matter of course.",
        True,
        "It is about callers: two programs do as they do, and pass.",
        vec![
            Program("model-tests/programs/create-then-open.toml", "what creating does"),
            Program("model-tests/programs/open-probes-first.toml", "what opening does"),
        ],
    )
}

fn c6() -> Claim {
    claim(
        ("C6", "KW 2023-08"),
        "The unlock is the first place where deferred unrefs can run, so they must be scheduled under the lock.",
        True,
        "What a section has deferred is closed when its unlock returns, through chains of closes; what is deferred outside a section is not.",
        vec![
            Check("closed when the unlock returns", OPENS.passes(&[("unref", 4)])),
            Check("a whole chain, too", CHAIN.passes(&[("unref", 4)])),
            Check(
                "deferred without a section it is still open",
                WITHOUT_SECTION.breaks(&[("unref", 4)], STILL_OPEN),
            ),
            Check("ours, by bottom halves", ours(REOPEN, None)),
            Check("ours, by a list", ours(REOPEN_LIST, None)),
            DoesNotCompile(
                "model-tests/ui/wrong/schedule_unref_without_section.rs",
                "here there is nothing to schedule it on",
            ),
        ],
    )
}

fn c7() -> Claim {
    claim(
        ("C7", "KW 2023-08"),
        "Readers are woken before the deferred work, or it may wait for one of them for ever.",
        True,
        "A request in flight sleeps in the reader queue, and the close waits for the request; its own flush is a reader, too.",
        vec![
            Check("bottom halves first: it hangs", OPENS.hangs(&[("unref", 3)], MAIN_HANGS)),
            Check("readers first: it returns", OPENS.passes(&[("unref", 4)])),
            Check("a list first: it hangs as well", OPENS.hangs(&[("unref", 5)], MAIN_HANGS)),
            Check("readers first, then the list: it returns", OPENS.passes(&[("unref", 6)])),
            Check(
                "ours hangs with the order changed",
                ours(
                    "readers_wake_before_unrefs[way=1]",
                    Some(("deferred-unref-before-wake", Deadlock)),
                ),
            ),
            Check("and not as it is", ours("readers_wake_before_unrefs[way=1]", None)),
        ],
    )
}

fn c8() -> Claim {
    claim(
        ("C8", "KW 2023-08"),
        "The additional poll in the unlock changes the order of a monitor's output.",
        TrueIf("the monitor's bottom halves are in the loop that the unlock polls"),
        "Then it prints before the command that was first; in a loop of its own, with a list, or without the poll it prints after.",
        vec![
            Check("with the poll", MONITOR.ends(&[("unref", 4)], &["monitor, command"])),
            Check("without it", MONITOR.ends(&[("unref", 2)], &["command, monitor"])),
            Check("with a list", MONITOR.ends(&[("unref", 6)], &["command, monitor"])),
            Check(
                "with the monitor in another loop",
                MONITOR.ends(&[("unref", 4), ("apart", 1)], &["command, monitor"]),
            ),
            Check(
                "a premise: not polled, the image is not closed",
                OPENS.breaks(&[("unref", 2)], STILL_OPEN),
            ),
        ],
    )
}

fn c9() -> Claim {
    claim(
        ("C9", "EB 2023-08"),
        "The bottom half has run before the caller next yields, if no other coroutine makes progress and nothing in the poll yields.",
        True,
        "The conclusion holds without the premises, and those are false: other work runs before the caller goes on, and a close polls.",
        vec![
            Check(
                "closed when the unlock returns, in every interleaving",
                OPENS.passes(&[("unref", 4)]),
            ),
            Check(
                "other work has run before the caller goes on",
                CALLERS.ends(
                    &[("unref", 4), ("last", 1), ("busy", 0), ("deferred", 1)],
                    &["ran before"],
                ),
            ),
            Check(
                "a whole section runs inside the poll",
                SECTION_IN_UNLOCK.passes(&[("unref", 4)]),
            ),
        ],
    )
}
