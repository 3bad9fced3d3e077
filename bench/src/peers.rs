//! One run of a program on one engine, in a process of its own: engines install panic hooks that disturb each other,
//! and memory is that of one run.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use graphlock_harness::model::{Body, check};
use graphlock_harness::outcome::{Report, Verdict};
use graphlock_harness::scenario::{Check, Sampling, Strategy};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};

use crate::{on_harness, on_loom, on_shuttle};

/// What a process of its own does.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Contestant {
    /// Every execution; the number is that of jobs
    Harness,
    /// Every execution, up to so many
    HarnessCut,
    /// A uniform walk of so many runs
    HarnessWalk,
    /// Every execution that loom makes, for so many milliseconds
    Loom,
    /// So many runs on shuttle
    ShuttleRandom,
    /// shuttle until a bug is found, with so many seeds; executions are the sum over those that found it
    ShuttleFindsRandom,
    /// The same with priorities that change at two steps
    ShuttleFindsPct,
    /// The same with its uniform walk
    ShuttleFindsUrw,
}

/// The most runs of a seed that looks for a bug.
pub(crate) const RUNS_MAX: u64 = 10_000;

/// Runs it in a process of its own.
pub(crate) fn apart(contestant: Contestant, program: &str, number: u64) -> Measured {
    let word = contestant.to_possible_value().expect("no contestant is hidden");
    let own = std::env::current_exe().expect("a process knows its program");
    let mut command = Command::new(own);
    command.args(["once", word.get_name(), program, &number.to_string()]);
    let output = command.stderr(Stdio::null()).output().expect("the program that runs can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [executions, nanoseconds, missed, peak] = numbers[..] else {
        panic!("{} {program}: expected four numbers, found `{text}`", word.get_name())
    };
    Measured { executions, time: Duration::from_nanos(nanoseconds), missed, peak }
}

/// What that process does.
pub(crate) fn once(contestant: Contestant, program: &str, number: u64) {
    let finds = |strategy| shuttle_finds(program, strategy, number);
    let small = usize::try_from(number).expect("a small number");
    let measured = match contestant {
        Contestant::Harness => repeated(|| harness(program, small, None)),
        Contestant::HarnessCut => harness(program, 1, Some(number)),
        Contestant::HarnessWalk => harness_walk(program, number),
        Contestant::Loom => loom(program, Duration::from_millis(number)),
        Contestant::ShuttleRandom => shuttle(program, small),
        Contestant::ShuttleFindsRandom => finds(Shuttle::Random),
        Contestant::ShuttleFindsPct => finds(Shuttle::Pct(3)),
        Contestant::ShuttleFindsUrw => finds(Shuttle::Urw),
    };
    let Measured { executions, time, missed, .. } = measured;
    println!("{executions} {} {missed} {}", time.as_nanos(), peak());
}

/// The mean time of a search that may be too short to be measured once.
fn repeated(search: impl Fn() -> Measured) -> Measured {
    let mut measured = search();
    let (mut time, mut times) = (measured.time, 1);
    while time < Duration::from_millis(200) {
        time += search().time;
        times += 1;
    }
    measured.time = time / times;
    measured
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) executions: u64,
    pub(crate) time: Duration,
    /// 1 if something was left; for seeds, how many have found nothing.
    pub(crate) missed: u64,
    /// Peak memory in KiB.
    pub(crate) peak: u64,
}

impl Measured {
    /// Executions per second.
    pub(crate) fn rate(&self) -> f64 {
        self.executions as f64 / self.time.as_secs_f64()
    }

    fn of(report: &Report) -> Self {
        let missed = u64::from(!matches!(report.verdict, Verdict::Complete));
        Measured { executions: report.executions, time: report.elapsed, missed, peak: 0 }
    }
}

/// The body of a program on this engine.
pub(crate) fn body(program: &str) -> Body {
    Arc::new(on_harness::programs::named(program).body)
}

fn harness(program: &str, jobs: usize, executions_max: Option<u64>) -> Measured {
    let jobs = NonZeroUsize::new(jobs).expect("at least one");
    let explore = Check { jobs, executions_max, keep_going: true, ..Check::default() };
    Measured::of(&check(&explore, &body(program)))
}

fn harness_walk(program: &str, runs: u64) -> Measured {
    let strategy = Strategy::Sample { sampling: Sampling::Walk, seed: 0, first: 0, runs };
    Measured::of(&check(&Check { strategy, ..Check::default() }, &body(program)))
}

fn loom(program: &str, time_max: Duration) -> Measured {
    let body = on_loom::programs::named(program).body;
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.max_duration = Some(time_max);
    builder.checkpoint_interval = 100;
    builder.max_branches = 100_000;
    let begun = Instant::now();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        body();
    });
    let time = begun.elapsed();
    let executions = executions.load(Ordering::Relaxed);
    Measured { executions, time, missed: u64::from(time >= time_max), peak: 0 }
}

/// shuttle's strategies.
#[derive(Clone, Copy, Debug)]
enum Shuttle {
    Random,
    Pct(usize),
    Urw,
}

fn shuttle(program: &str, runs: usize) -> Measured {
    let begun = Instant::now();
    let executions = shuttle_until_found(program, Shuttle::Random, 0, runs).1;
    Measured { executions, time: begun.elapsed(), missed: 1, peak: 0 }
}

/// Looks for a bug with so many seeds.
fn shuttle_finds(program: &str, strategy: Shuttle, seeds: u64) -> Measured {
    let begun = Instant::now();
    let (mut executions, mut missed) = (0, 0);
    for seed in 0..seeds {
        let runs = usize::try_from(RUNS_MAX).expect("a small number");
        match shuttle_until_found(program, strategy, seed, runs) {
            (true, schedules) => executions += schedules,
            (false, _) => missed += 1,
        }
    }
    Measured { executions, time: begun.elapsed(), missed, peak: 0 }
}

/// Runs until one of them panics: whether one did, and how many there were.
fn shuttle_until_found(program: &str, strategy: Shuttle, seed: u64, runs: usize) -> (bool, u64) {
    let scheduler: Box<dyn Scheduler + Send> = match strategy {
        Shuttle::Random => Box::new(RandomScheduler::new_from_seed(seed, runs)),
        Shuttle::Pct(depth) => Box::new(PctScheduler::new_from_seed(seed, depth, runs)),
        Shuttle::Urw => Box::new(UrwRandomScheduler::new_from_seed(seed, runs)),
    };
    let body = on_shuttle::programs::named(program).body;
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let mut config = shuttle::Config::new();
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.silence_warnings = true;
    let run = AssertUnwindSafe(|| {
        shuttle::Runner::new(scheduler, config).run(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            body();
        })
    });
    let found = catch_unwind(run).is_err();
    (found, executions.load(Ordering::Relaxed))
}
