//! Measures the engine beside its peers.
//!
//! Machines are shared and noisy, so what counts is a ratio: contestants alternate in one run, and medians are
//! printed. The programs are the same text for all of them, compiled against the primitives of each.
//!
//! Not here: anything that fails a build. A figure is to be looked at.

#![allow(clippy::duplicate_mod, reason = "the programs are compiled once for each engine")]

mod estimate;
mod explore;
mod machine;
mod memory;
mod on_harness;
mod on_loom;
mod on_shuttle;
mod peers;
mod sample;
mod scaling;
mod storage;
mod table;

use clap::{Parser, Subcommand};
use peers::Contestant;

#[derive(Debug, Parser)]
#[command(name = "graphlock-bench", version, about = "Measures the engine beside its peers")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Executions per second beside loom and shuttle, and what is reached in the same time
    Explore {
        /// How often each figure is measured; the median is printed
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
        rounds: u8,
        /// The least time that loom is given for a complete search, in seconds
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// The whole machine with two readers: every execution here, and how far loom comes without a bound in the same time
    Machine {
        /// The least time that loom is given for each row, in seconds
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Two jobs against one, beside what two threads get from this machine
    Scaling,
    /// Estimates before a run against the truth
    Estimate {
        /// How many seeds
        #[arg(long, default_value_t = 100)]
        seeds: u64,
    },
    /// Schedules until a bug is found, by strategy, beside shuttle and published figures
    Sample {
        /// How many seeds
        #[arg(long, default_value_t = 20)]
        seeds: u64,
    },
    /// Reads through the graph beside reads of the bare file
    Storage {
        /// How often each figure is measured; the median is printed
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
        rounds: u8,
    },
    /// Peak memory of long runs, each in a process of its own
    Memory,
    /// One run of one contestant, in a process of its own: what the others call
    #[command(hide = true)]
    Once {
        /// Who runs
        #[arg(value_enum)]
        contestant: Contestant,
        /// The program's name
        program: String,
        /// How many jobs, runs, milliseconds or seeds
        number: u64,
    },
}

fn main() {
    match CommandLine::parse().command {
        Command::Explore { rounds, seconds } => explore::run(rounds, seconds),
        Command::Machine { seconds } => machine::run(seconds),
        Command::Scaling => scaling::run(),
        Command::Estimate { seeds } => estimate::run(seeds),
        Command::Sample { seeds } => sample::run(seeds),
        Command::Storage { rounds } => storage::run(rounds),
        Command::Memory => memory::run(),
        Command::Once { contestant, program, number } => peers::once(contestant, &program, number),
    }
}
