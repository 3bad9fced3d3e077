//! The gate: one command that says what was shown of the lock, and how far.
//!
//! `gate` runs each scenario on each engine it is meant for, compares what the engines saw, plants
//! bugs to see whether it would notice, and ends with a table, a statement in words and an exit code.
//! `gate list`, `gate replay FILE` and `gate mutants` are parts of that. `gate explore`, `gate merge` and `gate sample` look at
//! one scenario for as long as one likes. `gate check FILE` looks at a program, `gate fuzz` draws them.
//!
//! The path of a run: [`arguments`] -> [`catalogue`] -> [`plan`] -> [`run`] -> [`results`] (with
//! [`judge`], [`agreement`], [`cases`], [`planted`]) -> [`summary`], [`report`].
//!
//! Invariants: stdout holds the result and nothing else; a mistake in the call is one line on stderr
//! and exit code 2; `report.json` is written whatever the verdict; no text is ever parsed again.
//!
//! Absent on purpose: a limit on the number of executions that is not shown, and a way to accept a
//! failure.

mod agreement;
mod arguments;
mod cases;
mod catalogue;
mod counterexample;
mod engine;
mod explore;
mod fuzz;
mod judge;
mod list;
mod place;
mod plan;
mod planted;
mod program;
mod progress;
mod replay;
mod report;
mod results;
mod run;
mod self_check;
mod statement;
mod subject;
mod summary;
mod table;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use arguments::{Command, Refused, Run};
use catalogue::Catalogue;
use progress::Progress;
use results::Results;
use table::Paint;

/// A body allocates in each of millions of executions: this one takes a tenth less time for all of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a mistake in the call.
const MISTAKE: u8 = 2;
/// The exit code of a gate that cannot trust itself.
const BLIND: u8 = 5;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(Refused::Answered(text)) => {
            print(&text);
            return ExitCode::SUCCESS;
        }
        Err(Refused::Mistake(line)) => return refuse(MISTAKE, &line),
    };
    let catalogue = match Catalogue::load() {
        Ok(catalogue) => catalogue,
        Err(line) => return refuse(BLIND, &line),
    };
    match command {
        Command::Run(run) => go(&catalogue, &run),
        Command::List(selection) => match list::text(&catalogue, &selection, Paint::for_stdout()) {
            Ok(text) => {
                print(&text);
                ExitCode::SUCCESS
            }
            Err(line) => refuse(MISTAKE, &line),
        },
        Command::Explore(options) => one(explore::explore(&catalogue, &options)),
        Command::Merge(what, files) => one(explore::merge(&catalogue, &what, &files)),
        Command::Sample(options) => one(explore::sample(&catalogue, &options)),
        Command::Check(options) => one(program::check(&catalogue, &options)),
        Command::Fuzz(options) => one(fuzz::fuzz(&catalogue, &options)),
        Command::Replay(path) => {
            let replay = replay::Replay::read(&catalogue, &path);
            let shown = replay.map(|replay| replay.execute());
            one(shown.map_err(|line| format!("replay {}: {line}", path.display())))
        }
    }
}

/// Prints what one scenario showed.
fn one(shown: Result<replay::Shown, String>) -> ExitCode {
    match shown {
        Ok(shown) => {
            print(&shown.text);
            ExitCode::from(shown.exit_code)
        }
        Err(line) => refuse(MISTAKE, &line),
    }
}

fn go(catalogue: &Catalogue, run: &Run) -> ExitCode {
    let jobs = match plan::plan(catalogue, run) {
        Ok(jobs) => jobs,
        Err(line) => return refuse(MISTAKE, &line),
    };
    let begin = Instant::now();
    let mut progress = Progress::new(jobs.len());
    let workers = NonZeroUsize::new(run.jobs).unwrap_or(NonZeroUsize::MIN);
    let reports = run::run(&jobs, workers, &mut progress);
    progress.finish();
    let finished = jobs.into_iter().zip(reports);
    let mut results = Results::new(catalogue, run, finished, begin.elapsed());
    if run.checks_the_engine() {
        results.self_check = Some(self_check::run(workers));
        results.elapsed = begin.elapsed();
    }

    let folder = place::folder();
    let saved = results.save(&folder);
    let json = report::json(&results);
    let saved = saved.and_then(|()| write_report(&folder, &json));
    if run.json {
        print(&json);
    } else {
        print(&summary::text(&results, &folder, Paint::for_stdout()));
    }
    match (results.exit_code(), saved) {
        (code, Ok(())) => ExitCode::from(code),
        // A result that nobody can read is not a pass; a worse result keeps its own code.
        (code, Err(error)) => {
            let line = format!("{}: {error}, expected a writable folder", place::shown(&folder));
            refuse(if code == 0 { MISTAKE } else { code }, &line)
        }
    }
}

fn write_report(folder: &Path, json: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("report.json"), json)
}

/// Writes to stdout. A reader that has gone away (`gate | head`) is no reason to panic.
fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// One line on stderr, whatever stands in it.
fn refuse(code: u8, line: &str) -> ExitCode {
    let line: String =
        line.chars().map(|each| if each.is_control() { ' ' } else { each }).collect();
    eprintln!("gate: {line}");
    ExitCode::from(code)
}
