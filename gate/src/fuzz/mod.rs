//! `gate fuzz`: programs that are drawn, each under schedules that are drawn.
//!
//! | file | |
//! | --- | --- |
//! | `trial` | one drawn program with its schedules: drawn from its number alone, executed |
//! | `hunt` | trials on several threads, their results in order |
//! | `shrink` | a failing trial made small: the program, then the schedule |
//! | `planted` | how soon each planted bug is found, over several seeds |
//!
//! Trial `i` of a seed draws from a generator of its own, so that it can be made anywhere. What is reported does not
//! depend on the number of threads: results are put together in the order of their numbers, up to the first that failed.

mod hunt;
mod planted;
mod shrink;
mod trial;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::outputs::{not_saved, write_one};
use crate::page::{self, Known, Sampled};
use crate::place::{self, OutOptions};
use crate::planted::with_planted;
use crate::replay::Shown;
use crate::table::count;
use hunt::{Hunt, Hunted, Point};
use shrink::Shrunk;

/// A fuzzing run.
#[derive(Debug, Args)]
pub(crate) struct FuzzOptions {
    /// Stops after so much time
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    time: Duration,
    /// Stops after so many programs; then the result is the same in every run
    #[arg(long, value_name = "N", conflicts_with = "time", value_parser = clap::value_parser!(u64).range(1..))]
    programs: Option<u64>,
    /// The first program: program I of a seed is the same alone
    #[arg(long, value_name = "I", default_value_t = 0)]
    first: u64,
    /// Seeds the programs and their schedules
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Schedules for each program
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    schedules: u64,
    /// Plants this bug
    #[arg(long, value_name = "ID")]
    mutation: Option<String>,
    /// Plants each bug in turn, or the one of --mutation, and says how soon it is found, over so many seeds
    #[arg(long, value_name = "SEEDS", conflicts_with = "first", value_parser = clap::value_parser!(u64).range(1..))]
    planted: Option<u64>,
    /// Shows no progress
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    out: OutOptions,
    /// Writes a page with the saturation curve there
    #[arg(long, value_name = "FILE", conflicts_with = "planted")]
    html: Option<PathBuf>,
}

/// `60`, `60s` or `10m`.
fn seconds(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let number: u64 =
        number.parse().map_err(|_| "seconds such as `60s`, or minutes such as `10m`".to_owned())?;
    (1..=1_000_000)
        .contains(&number)
        .then(|| Duration::from_secs(number * unit))
        .ok_or_else(|| "between 1 and 1,000,000".to_owned())
}

/// What `target/gate/fuzz.json` holds.
#[derive(Debug, Serialize)]
struct FuzzReport<'a> {
    version: u32,
    seed: u64,
    first: u64,
    programs: u64,
    schedules: u64,
    steps: u64,
    traces: u64,
    cases: Vec<&'a str>,
    /// What was known after how many programs: where it becomes flat, nothing more is learned.
    curve: &'a [Point],
    failed: bool,
}

/// Fuzzes.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn fuzz(catalogue: &Catalogue, options: &FuzzOptions) -> Result<Shown, String> {
    options.out.choose();
    let mutation = match &options.mutation {
        None => None,
        Some(named) => Some(catalogue.mutation(named)?),
    };
    let hunt = Hunt {
        seed: options.seed,
        first: options.first,
        programs: options.programs,
        time: options.programs.is_none().then_some(options.time),
        jobs: usize::from(options.jobs),
        schedules: options.schedules,
        mutation,
        quiet: options.quiet,
    };
    if let Some(seeds) = options.planted {
        return planted::table(&hunt, seeds);
    }
    let hunted = hunt.run();
    let mut text = described(&hunt, &hunted);
    save_report(&hunt, &hunted)?;
    let exit_code = match &hunted.failed {
        None => {
            text += "nothing was broken; this says nothing of programs and schedules that were not drawn\n";
            0
        }
        Some(failed) => {
            let shrunk = Shrunk::of(failed, &hunt);
            text += &shrunk.described(&hunt, failed.number)?;
            1
        }
    };
    if let Some(path) = &options.html {
        write_one(path, &page_of(&hunt, &hunted, &text))?;
    }
    Ok(Shown { text, exit_code })
}

/// The page: what was known after how many programs.
fn page_of(hunt: &Hunt, hunted: &Hunted, text: &str) -> String {
    let curve: Vec<Known> = hunted.curve.iter().map(Known::from).collect();
    let planted = with_planted(hunt.mutation);
    page::sampled(&Sampled {
        title: format!("Fuzzing{planted}"),
        facts: vec![
            ("seed", hunt.seed.to_string()),
            ("programs", format!("{} from number {}", count(hunted.programs), hunt.first)),
            ("schedules", count(hunted.executions)),
            ("steps", count(hunted.steps)),
            ("traces", format!("about {}", count(hunted.traces))),
            ("cases", hunted.cases.len().to_string()),
        ],
        unit: "programs",
        curve: &curve,
        lengths: hunted.lengths.buckets(),
        text: text.to_owned(),
    })
}

fn described(hunt: &Hunt, hunted: &Hunted) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12}{value}");
    };
    let planted = hunt.mutation.map(|id| format!(", with {id} planted"));
    line("seed", format!("{}{}", hunt.seed, planted.unwrap_or_default()));
    line("programs", format!("{} from number {}", count(hunted.programs), hunt.first));
    line("schedules", format!("{}, {} steps", count(hunted.executions), count(hunted.steps)));
    line("traces", format!("about {} different", count(hunted.traces)));
    line("cases", format!("{} different", hunted.cases.len()));
    if hunt.time.is_some() {
        let rate = |number: u64| count((number as f64 / hunted.elapsed.as_secs_f64()) as u64);
        let (programs, schedules) = (rate(hunted.programs), rate(hunted.executions));
        line("rate", format!("{programs} programs/s, {schedules} schedules/s"));
    }
    text
}

fn save_report(hunt: &Hunt, hunted: &Hunted) -> Result<(), String> {
    let report = FuzzReport {
        version: 1,
        seed: hunt.seed,
        first: hunt.first,
        programs: hunted.programs,
        schedules: hunted.executions,
        steps: hunted.steps,
        traces: hunted.traces,
        cases: hunted.cases.iter().map(String::as_str).collect(),
        curve: &hunted.curve,
        failed: hunted.failed.is_some(),
    };
    let json = serde_json::to_string_pretty(&report).expect("numbers and words");
    let folder = place::folder();
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("fuzz.json"), json))
        .map_err(|error| not_saved(&error))
}
