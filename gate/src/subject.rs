//! The options of the commands that look at one scenario.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use graphlock_harness::scenario::Sampling;

use crate::place::OutOptions;
use crate::shard::ShardWord;

/// Which scenario, and what is planted in it.
#[derive(Debug, Args)]
pub(crate) struct SubjectOptions {
    /// The scenario's full name, as in `gate list`
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: String,
    /// Plants this bug
    #[arg(long, value_name = "ID")]
    pub(crate) mutation: Option<String>,
    /// Goes on after a violation, and counts them
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Cuts executions after so many steps
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) depth: Option<u64>,
}

/// Where to stop.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// The most time
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    max_time: Option<u64>,
    /// The most executions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_executions: Option<u64>,
    /// Shows no progress
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl LimitOptions {
    /// The most time.
    pub(crate) fn time_max(&self) -> Option<Duration> {
        self.max_time.map(Duration::from_secs)
    }
}

/// An exploration.
#[derive(Debug, Args)]
pub(crate) struct ExploreOptions {
    #[command(flatten)]
    pub(crate) what: SubjectOptions,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
    /// Threads that explore; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,
    /// Explores one part of several, `1/4` to `4/4`, or the one that Slurm or Kubernetes says (`auto`); `gate merge` puts their
    /// checkpoints together
    #[arg(long, value_name = "K/N", requires = "checkpoint")]
    pub(crate) shard: Option<ShardWord>,
    /// Writes the state there: every few seconds, on Ctrl-C and at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// How often that is: what is done after it is lost in a kill
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) checkpoint_every: u64,
    /// Goes on from the checkpoint
    #[arg(long, requires = "checkpoint")]
    pub(crate) resume: bool,
    /// Leaves out schedules with more preemptions, and makes every other one, without reduction
    #[arg(long, value_name = "N", conflicts_with_all = ["checkpoint", "shard", "jobs"])]
    pub(crate) preemptions: Option<u8>,
    #[command(flatten)]
    pub(crate) out: OutOptions,
}

/// A sampling.
#[derive(Debug, Args)]
pub(crate) struct SampleOptions {
    #[command(flatten)]
    pub(crate) what: SubjectOptions,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
    /// How runs are drawn: portfolio, walk, pct3 (any number), pos, urw, surw
    #[arg(long, default_value_t = Sampling::Portfolio)]
    pub(crate) strategy: Sampling,
    /// Seeds the runs
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The first run: run I of a seed is the same alone
    #[arg(long, value_name = "I", default_value_t = 0)]
    pub(crate) first: u64,
    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: u64,
    #[command(flatten)]
    pub(crate) out: OutOptions,
    /// Writes a page with the saturation curve there
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}
