//! Which version has which failure: what the history of the lock says, to be compared with what the models show.
//!
//! A row is a meeting, a column a version. A failure that the callers were mended for, and not the lock, goes away with the callers'
//! habit. What the machinery itself can express stands here a second time, as a set of planted bugs over our code.

use graphlock_harness::expectation::{Expectation, Symptom};
use graphlock_harness::outcome::ViolationKind::{Deadlock, Property};
use graphlock_harness::scenario::{Engines, Parameters, Scenario};

use super::meetings;

/// A version of the lock.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// Year and month.
    pub name: &'static str,
    /// What is new in it.
    pub about: &'static str,
    /// The same over our code: planted bugs, joined by `+`; none where no set of them is faithful.
    pub planted: Option<&'static str>,
    parameters: Parameters,
}

const VERSIONS: [Version; 5] = [
    Version {
        name: "2022-12",
        about: "the lock is new; coroutines of the main thread do not take it",
        planted: None,
        parameters: Parameters(&[("version", 202212)]),
    },
    Version {
        name: "2023-05",
        about: "they do; the main loop outside coroutines does not",
        planted: Some(QEMU_2023_05),
        parameters: Parameters(&[("version", 202305)]),
    },
    Version {
        name: "2023-09",
        about: "references are dropped by the unlock; waits give the context lock back",
        planted: Some(QEMU_2023_09),
        parameters: Parameters(&[("version", 202309)]),
    },
    Version {
        name: "2025-07",
        about: "sections may drain; context locks are gone; callers wait outside",
        planted: Some(QEMU_2025_07),
        parameters: Parameters(&[("version", 202507)]),
    },
    Version {
        name: "2026-04",
        about: "a leaving reader always kicks",
        planted: Some(QEMU_2026_04),
        parameters: Parameters(&[("version", 202604)]),
    },
];

/// Drained sections counted together, their drain ended last; no door that is shut; no wake-up by who gives way.
const QEMU_2026_04: &str = "drain-ended-by-counter+deferred-unref-inside-drain+writer-never-shuts-the-door+back-off-leaves-sleepers";
/// And a kick under a condition.
const QEMU_2025_07: &str = "reader-kick-conditional+drain-ended-by-counter+deferred-unref-inside-drain+writer-never-shuts-the-door+back-off-leaves-sleepers";
/// Without drained sections.
const QEMU_2023_09: &str =
    "reader-kick-conditional+writer-never-shuts-the-door+back-off-leaves-sleepers";
/// And references dropped at once.
const QEMU_2023_05: &str =
    "unref-under-lock+reader-kick-conditional+writer-never-shuts-the-door+back-off-leaves-sleepers";

/// A failure, by version.
#[derive(Clone, Debug)]
pub struct VersionRow {
    /// Its number in the corpus of what went wrong: a commit, a claim or an open hazard.
    pub id: &'static str,
    /// What happens.
    pub about: &'static str,
    /// One check for each version.
    pub checks: [Expectation; VERSIONS.len()],
    /// The same on our machinery with the planted bugs of a version.
    pub planted: Vec<(&'static str, Expectation)>,
    /// And without them, on each way of deferring: nothing.
    pub ours: Vec<Expectation>,
    /// Why there is nothing of ours to be asked.
    pub not_asked: &'static str,
}

struct Failure {
    id: &'static str,
    name: &'static str,
    about: &'static str,
    body: fn(&Parameters),
    /// By version, oldest first.
    fails: [Option<Symptom>; VERSIONS.len()],
    /// Scenarios of ours about the same, and the versions that they are shown with.
    ours: Ours,
}

/// What of ours is asked about a failure.
enum Ours {
    /// These scenarios, with the planted bugs of these versions and without any.
    Scenarios(&'static [&'static str], &'static [usize]),
    /// Nothing, for this reason.
    NotAsked(&'static str),
}

const fn deadlock(says: &'static [&'static str]) -> Option<Symptom> {
    Some(Symptom { kind: Deadlock, says })
}

const fn broken(says: &'static [&'static str]) -> Option<Symptom> {
    Some(Symptom { kind: Property, says })
}

/// The main loop sleeps in its wait, and nobody wakes it.
const HANGS: Option<Symptom> = deadlock(&["main sleeps in posted[main]"]);
/// And the I/O thread cannot: what it has to do waits for the main loop.
const BOTH_HANG: Option<Symptom> =
    deadlock(&["main sleeps in posted[main]", "iothread0 sleeps in posted[iothread0]"]);
const HOLDS_CONTEXT: Option<Symptom> =
    deadlock(&["main sleeps in posted[main]", "iothread0 waits for context lock, held by main"]);
const READER_INSIDE: Option<Symptom> = broken(&["no-reader-inside-write", "1 inside"]);
const DRAIN_ENDED: Option<Symptom> = broken(&["drained-section-stays-drained"]);
const OVERTAKEN: Option<Symptom> = broken(&["overtakes-are-bounded", "overtaken 2 times"]);

const FAILURES: &[Failure] = &[
    Failure {
        id: "G1",
        name: "main_reader_sleeps_inside",
        about: "a writer comes while a coroutine of the main thread sleeps inside its read section",
        body: meetings::main_reader_sleeps_inside,
        fails: [READER_INSIDE, None, None, None, None],
        ours: Ours::NotAsked("no coroutine skips the lock"),
    },
    Failure {
        id: "U1",
        name: "last_reference_goes",
        about: "a section drops the last reference of a node",
        body: meetings::last_reference_goes,
        fails: [BOTH_HANG, BOTH_HANG, None, None, None],
        ours: Ours::Scenarios(
            &[
                "unref_under_write_lock[readers=1,sections=1,way=1]",
                "unref_under_write_lock[readers=1,sections=1,way=0]",
            ],
            &[1],
        ),
    },
    Failure {
        id: "G2",
        name: "context_kept_while_waiting",
        about: "a writer waits with a context lock that a reader needs before it leaves",
        body: meetings::context_kept_while_waiting,
        fails: [HOLDS_CONTEXT, HOLDS_CONTEXT, None, None, None],
        ours: Ours::NotAsked("no context locks"),
    },
    Failure {
        id: "G5",
        name: "context_kept_while_unlocking",
        about: "the unlock runs a bottom half that waits for who needs the context lock",
        body: meetings::context_kept_while_unlocking,
        fails: [None, None, HOLDS_CONTEXT, None, None],
        ours: Ours::NotAsked("no context locks"),
    },
    Failure {
        id: "G7",
        name: "job_pauses_inside",
        about: "a job pauses inside its read section, and goes on only after the writer",
        body: meetings::job_pauses_inside,
        fails: [BOTH_HANG, BOTH_HANG, BOTH_HANG, None, None],
        ours: Ours::NotAsked("a rule for callers"),
    },
    Failure {
        id: "G8",
        name: "reader_writes_inside",
        about: "a coroutine writes, by a bottom half, inside its read section",
        body: meetings::reader_writes_inside,
        fails: [READER_INSIDE, HANGS, HANGS, HANGS, HANGS],
        ours: Ours::NotAsked("a rule for callers"),
    },
    Failure {
        id: "G9",
        name: "last_reader_leaves",
        about: "the last reader leaves and does not kick the writer that goes to sleep",
        body: meetings::last_reader_leaves,
        fails: [BOTH_HANG, BOTH_HANG, BOTH_HANG, BOTH_HANG, None],
        ours: Ours::Scenarios(
            &["reader_meets_writer[readers=1,sections=1,writes=1,overtakes=1]"],
            &[1, 2, 3],
        ),
    },
    Failure {
        id: "G11",
        name: "drains_in_section",
        about: "a section drains a node whose request waits for the read lock",
        body: meetings::drains_in_section,
        fails: [BOTH_HANG, BOTH_HANG, BOTH_HANG, None, None],
        ours: Ours::NotAsked("does not compile"),
    },
    Failure {
        id: "X1",
        name: "section_from_bottom_half",
        about: "a plain section ends the drain of the one that waits around it",
        body: meetings::section_from_bottom_half,
        fails: [None, None, None, DRAIN_ENDED, DRAIN_ENDED],
        ours: Ours::Scenarios(&["nested_sections", "nested_sections[way=0]"], &[4]),
    },
    Failure {
        id: "X2",
        name: "deferred_work_needs_requests_of_qemu",
        about: "what a drained section defers needs a request, which the drain keeps away",
        body: meetings::deferred_work_needs_requests,
        fails: [None, None, None, HANGS, HANGS],
        ours: Ours::Scenarios(
            &["deferred_work_needs_requests[way=0]", "deferred_work_needs_requests[way=1]"],
            &[4],
        ),
    },
    Failure {
        id: "X4",
        name: "readers_overtake",
        about: "readers that no drain stops overtake a waiting writer",
        body: meetings::readers_overtake,
        fails: [OVERTAKEN, OVERTAKEN, OVERTAKEN, OVERTAKEN, OVERTAKEN],
        ours: Ours::Scenarios(
            &["stream_of_readers[sections=3]", "stream_of_readers[sections=3,way=0]"],
            &[4],
        ),
    },
    Failure {
        id: "X5",
        name: "holder_waits_for_reader_of_qemu",
        about: "a holder waits for a reader that the writer has put to sleep and left there",
        body: meetings::holder_waits_for_reader,
        fails: [BOTH_HANG, BOTH_HANG, BOTH_HANG, BOTH_HANG, BOTH_HANG],
        ours: Ours::Scenarios(
            &["holder_waits_for_reader[overtakes=0]", "holder_waits_for_reader[overtakes=0,way=0]"],
            &[4],
        ),
    },
];

/// The versions, oldest first, and the table of their failures.
#[must_use]
pub fn table() -> ([Version; VERSIONS.len()], Vec<VersionRow>) {
    let rows = FAILURES.iter().map(|failure| VersionRow {
        id: failure.id,
        about: failure.about,
        checks: std::array::from_fn(|index| expectation(failure, index)),
        planted: planted(failure),
        ours: asked(failure).0.iter().map(|name| on_ours(name, None, None)).collect(),
        not_asked: match failure.ours {
            Ours::Scenarios(..) => "",
            Ours::NotAsked(why) => why,
        },
    });
    (VERSIONS, rows.collect())
}

fn asked(failure: &Failure) -> (&'static [&'static str], &'static [usize]) {
    match failure.ours {
        Ours::Scenarios(scenarios, versions) => (scenarios, versions),
        Ours::NotAsked(_) => (&[], &[]),
    }
}

/// What the versions' planted bugs do on our machinery: the same kind of failure.
fn planted(failure: &Failure) -> Vec<(&'static str, Expectation)> {
    let (scenarios, versions) = asked(failure);
    let of = |name: &'static str| {
        versions.iter().map(move |version| {
            let symptom = failure.fails[*version].map(|symptom| Symptom { says: &[], ..symptom });
            let version = VERSIONS[*version];
            (version.name, on_ours(name, version.planted, symptom))
        })
    };
    scenarios.iter().copied().flat_map(of).collect()
}

fn on_ours(name: &str, mutation: Option<&'static str>, symptom: Option<Symptom>) -> Expectation {
    let listed = crate::model_tests::scenarios();
    let scenario = listed.into_iter().find(|each| each.full_name() == name);
    let scenario = scenario.unwrap_or_else(|| panic!("there is no scenario {name}"));
    Expectation { scenario, mutation, symptom, ends: &[], budget: BUDGET }
}

/// Executions in which each of them is through.
const BUDGET: u64 = 100_000;

fn expectation(failure: &Failure, version: usize) -> Expectation {
    Expectation {
        scenario: scenario(failure, version),
        mutation: None,
        symptom: failure.fails[version],
        ends: &[],
        budget: BUDGET,
    }
}

fn scenario(failure: &Failure, version: usize) -> Scenario {
    Scenario {
        name: failure.name,
        parameters: VERSIONS[version].parameters,
        about: failure.about,
        properties: &[],
        cases: &[],
        engines: ENGINES,
        body: failure.body,
    }
}

/// They are looked at where every interleaving is: on others a model that fails would hang, or be missed.
pub(in super::super) const ENGINES: Engines = Engines {
    harness: Some(true),
    loom: Err("a model to be compared, for the exhaustive engine"),
    std: 0,
};

/// All scenarios of the table.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let of = |failure| (0..VERSIONS.len()).map(move |version| scenario(failure, version));
    FAILURES.iter().flat_map(of).collect()
}
