//! What a person sees when a protection is missing: the drawings of planted bugs, kept as files.
//!
//! Each entry says what the reader must be able to find out from the drawing alone, the root cause, and which rows show it.
//! The rows are looked for, and the whole drawing is compared with the file in `golden/`, without the numbers of source
//! lines. `INSTA_UPDATE=always cargo test golden` writes the files anew; read what has changed.
//!
//! Invariants: at most 40 numbered rows, and 15 for the wake-up that was missed for 40 months; 100 columns; where an engine
//! gives schedules, the number of preemptions is proven to be the least.

use graphlock_harness::model::minimise;
use graphlock_harness::outcome::{Report, Violation};
use graphlock_harness::scenario::{Check, PlantedBugEngine, Scenario, Strategy};

use crate::sync::model::BACKEND;

/// A drawing to be kept.
struct Golden {
    mutation: &'static str,
    /// What the drawing must tell: who forgot which step.
    cause: &'static str,
    /// Rows that show it.
    shows: &'static [&'static str],
}

const GOLDEN: &[Golden] = &[
    Golden {
        mutation: "reader-kick-conditional",
        cause: "reader0 lowers its count while main sleeps and waits for that, but looks at has_writer, finds the door \
                open (it stands open while a writer waits), and does not kick.",
        shows: &[
            "reader_count[reader0] := 0",
            "has_writer = 0",
            "sleeps in posted[main]",
            "x never woken",
        ],
    },
    Golden {
        mutation: "kick-before-change",
        cause: "reader0 kicks while nobody waits yet, and lowers its count only after main has looked at it and gone to \
                sleep.",
        shows: &[
            "kicks main: nobody waits",
            "waiters[main] := 1",
            "reader_count[reader0] := 0",
            "x never woken",
        ],
    },
    Golden {
        mutation: "queue-woken-outside-list-lock",
        cause: "main takes the sleepers out of the queue before it opens the door: reader0 goes to sleep in between and is \
                in a queue that nobody looks at again.",
        shows: &[
            "sleeps in the reader queue",
            "has_writer := 0",
            "x never woken",
            "still in the reader queue",
        ],
    },
    Golden {
        mutation: "slow-path-recheck-removed",
        cause: "reader0 sees the door shut, main opens it and wakes all sleepers, and reader0 goes to sleep without a \
                second look under the list mutex.",
        shows: &[
            "has_writer = 1",
            "opens the door, wakes the 0",
            "sleeps in the reader queue",
            "x never woken",
        ],
    },
    Golden {
        mutation: "unref-under-lock",
        cause: "main drops the last reference inside its own write section; the close flushes, the flush needs a read \
                lock, and has_writer is 1: everybody sleeps in the reader queue for the writer, who waits for the flush.",
        shows: &[
            "closes base",
            "flushes base",
            "has_writer = 1",
            "while it closes base",
            "2 asleep",
        ],
    },
    Golden {
        mutation: "deferred-unref-not-polled",
        cause: "The deferred unref of base is a plain bottom half: the section ends without running it, so base.img is \
                still open and locked when unlock has returned.",
        shows: &[
            "schedules the unref of base",
            "works off what was deferred",
            "Failed to get \"write\" lock",
        ],
    },
    Golden {
        mutation: "deferred-unref-before-wake",
        cause: "Deferred work runs before the readers are woken: the close of base drains and polls for a request whose \
                coroutine sleeps in the reader queue.",
        shows: &[
            "works off what was deferred",
            "closes base",
            "1 asleep",
            "while it ends the write section",
        ],
    },
    Golden {
        mutation: "deferred-unref-inside-drain",
        cause: "Deferred work runs before the section's drain has ended: `write back` waits for a request that the drain \
                keeps away.",
        shows: &["works off what was deferred", "runs `write back`", "x never woken"],
    },
    Golden {
        mutation: "wait-recheck-removed",
        cause: "The change and its kick come before main has announced itself as a waiter; main does not look again and \
                goes to sleep.",
        shows: &[
            "kicks main: nobody waits",
            "waiters[main] := 1",
            "sleeps in posted[main]",
            "x never woken",
        ],
    },
    Golden {
        mutation: "notify-skipped",
        cause: "Work is posted to a loop that sleeps, and the doorbell is not rung.",
        shows: &["planted: notify-skipped", "x never woken"],
    },
    Golden {
        mutation: "wake-while-running-lost",
        cause: "The waker is called while the coroutine still runs; the wake is dropped and the coroutine yields for ever.",
        shows: &["planted: wake-while-running-lost", "x never woken"],
    },
    Golden {
        mutation: "request-back-off-kick-removed",
        cause: "A request that finds the drain takes its count back and does not kick main, which had seen the count and \
                waits for it to fall.",
        shows: &["in_flight[", "sleeps in posted[main]", "x never woken"],
    },
    Golden {
        mutation: "reopen-closes-first",
        cause: "The old image is closed before the new one has its locks: another opener takes the image in between.",
        shows: &["planted: reopen-closes-first", "does not hold"],
    },
    Golden {
        mutation: "reader-fence-removed",
        cause: "reader0 announces itself and reads has_writer without a fence in between: it reads an old value, and main \
                has read an old count.",
        shows: &["reader_count[reader0] := 1", "planted: reader-fence-removed", "has_writer = 0"],
    },
    Golden {
        mutation: "kick-fence-removed",
        cause: "Who changes the condition reads an old count of waiters and does not kick; main has announced itself \
                before.",
        shows: &["waiters[main] = 0 (stale: the newest is 1)", "x never woken"],
    },
];

/// What G9 may take.
const ROWS_OF_G9: usize = 15;
const ROWS_MAX: usize = 40;
const COLUMNS: usize = 100;

/// Executions that are spent on making a schedule small.
const EXECUTIONS_MAX: u64 = 20_000;

#[test]
fn drawings_tell_who_forgot_which_step() {
    for golden in GOLDEN {
        let Some(violation) = violation_of(golden.mutation) else { continue };
        let drawn = violation.trace.lanes(COLUMNS);
        let mutation = golden.mutation;
        let unwrapped = unwrapped(&drawn);
        for row in golden.shows {
            assert!(
                drawn.contains(row) || unwrapped.contains(row),
                "{mutation}: no `{row}` in\n{drawn}"
            );
        }
        let numbered =
            |line: &&str| line.trim_start().starts_with(|first: char| first.is_ascii_digit());
        let rows = drawn.lines().filter(|line| numbered(line) && line.contains(" |")).count();
        let most = if mutation == "reader-kick-conditional" { ROWS_OF_G9 } else { ROWS_MAX };
        assert!(rows <= most, "{mutation}: {rows} rows\n{drawn}");
        assert!(drawn.lines().all(|line| line.chars().count() <= COLUMNS), "{mutation}:\n{drawn}");
        if let Some(least) = violation.least {
            assert!(least.minimal, "{mutation}: {least}");
        }
        let least = violation.least.map_or_else(String::new, |least| format!("{least}\n"));
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("golden");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_description(golden.cause);
        settings.add_filter(r"\.rs:\d+", ".rs:NN");
        settings.bind(|| insta::assert_snapshot!(mutation, format!("{drawn}{least}")));
    }
}

/// What the schedule of a planted bug shows when it is followed, with the bug or without it.
fn followed(violation: &Violation, scenario: &Scenario, mutation: Option<&'static str>) -> Report {
    let schedule = violation.schedule.clone();
    let strategy = Strategy::Replay { schedule, strict: false };
    super::check(scenario, &Check { strategy, mutation, ..Check::default() })
}

#[test]
fn a_schedule_gives_the_same_trace_a_thousand_times() {
    let mutation = "reader-kick-conditional";
    let Some(violation) = violation_of(mutation) else { return };
    let scenario = scenario_of(mutation);
    for _ in 0..1_000 {
        let report = followed(&violation, &scenario, Some(mutation));
        let again = report.verdict.violation().expect("it is shown again");
        assert_eq!((&again.trace, report.diverged), (&violation.trace, None));
    }
}

/// To mend the bug is a change of the code: the schedule fits up to there, or to its end.
#[test]
fn a_schedule_goes_on_after_a_change_and_says_where_it_diverged() {
    let mut diverged = 0;
    let of_this_engine =
        GOLDEN.iter().filter_map(|golden| Some((golden, violation_of(golden.mutation)?)));
    for (Golden { mutation, .. }, violation) in of_this_engine {
        if violation.schedule.choices.is_empty() {
            continue;
        }
        let report = followed(&violation, &scenario_of(mutation), None);
        assert!(report.verdict.violation().is_none(), "{mutation}: {:?}", report.verdict);
        if let Some(choice) = report.diverged {
            let choices = violation.schedule.choices.len();
            assert!((2..=choices).contains(&choice), "{mutation}: {choice} of {choices}");
            diverged += 1;
        }
    }
    assert!(diverged > 0 || BACKEND == "loom", "each fits to its end");
}

/// The scenario that finds a planted bug.
fn scenario_of(mutation: &str) -> Scenario {
    let planted = super::planted_bugs().into_iter().find(|each| each.mutation == mutation);
    let name = planted.expect("it is planted").scenario;
    let scenario = super::scenarios().into_iter().find(|each| each.full_name() == name);
    scenario.expect("it names a scenario")
}

/// The violation of a planted bug, made small where the engine gives schedules. `None`: another engine finds it.
fn violation_of(mutation: &'static str) -> Option<Violation> {
    let planted = super::planted_bugs().into_iter().find(|each| each.mutation == mutation);
    let bug = planted.expect("a golden drawing is of a planted bug");
    let bound = match (bug.engine, BACKEND) {
        (PlantedBugEngine::Harness, "harness") => None,
        (PlantedBugEngine::Loom(bound), "loom") => Some(bound),
        _ => return None,
    };
    let scenario = scenario_of(mutation);
    let check = Check {
        mutation: Some(mutation),
        executions_max: Some(bug.budget),
        preemptions_max: bound,
        ..Check::default()
    };
    let report = super::check(&scenario, &check);
    let found = report.verdict.violation().expect("it is found within its budget").clone();
    if bound.is_some() {
        return Some(found);
    }
    Some(minimise(&check, &scenario.as_body(), &found, EXECUTIONS_MAX).expect("it is shown again"))
}

/// The cells of each lane put together again where they were wrapped, in one line for each lane.
fn unwrapped(drawn: &str) -> String {
    let mut lanes: Vec<String> = Vec::new();
    for line in drawn.lines() {
        for (lane, cell) in line.split(" | ").enumerate() {
            if lanes.len() <= lane {
                lanes.push(String::new());
            }
            let cell = cell.trim().trim_end_matches('|').trim();
            if !cell.is_empty() && cell != ":" {
                let space = if lanes[lane].is_empty() { "" } else { " " };
                lanes[lane] += &format!("{space}{cell}");
            }
        }
    }
    lanes.join("\n")
}
