//! The gate: one command that says what was shown of the lock, and how far.
//!
//! `gate` runs each scenario on each engine it is meant for, compares what the engines saw, plants
//! bugs to see whether it would notice, and ends with a table, a statement in words and an exit code.
//! `gate list`, `gate replay FILE` and `gate mutants` are parts of that. `gate explore`, `gate merge` and `gate sample` look at
//! one scenario for as long as one likes. `gate check FILE` looks at a program, `gate fuzz` draws them.
//! `gate corpus` says whether it can tell what fails from what does not. `gate claims` and `gate history` decide what was said and done elsewhere, `gate barriers` which memory model sees what. `gate explain NAME` says what a name means, `gate completions` and `gate man` what can be called.
//!
//! The path of a run: [`arguments`] -> [`catalogue`] -> [`plan`] -> [`steer`] (with [`run`], [`checkpoint`], [`shard`]) -> [`results`] (with
//! [`judge`], [`agreement`], [`cases`], [`planted`]) -> [`summary`], [`report`], [`outputs`].
//!
//! Invariants: stdout holds the result and nothing else; a mistake in the call is one line on stderr
//! and exit code 2; `report.json` is written whatever the verdict of a whole run; no text is ever parsed again.
//!
//! Absent on purpose: a limit on the number of executions that is not shown, and a way to accept a
//! failure.

#[macro_use]
mod stderr;

mod agreement;
mod annotate;
mod arguments;
mod barriers;
mod cases;
mod catalogue;
mod checkpoint;
mod claims;
mod corpus;
mod counterexample;
mod document;
mod engine;
mod exit_code;
mod expected;
mod explain;
mod explore;
mod failure;
mod figures;
mod fuzz;
mod help;
mod history;
mod interrupt;
mod judge;
mod junit;
mod like;
mod list;
mod manual;
mod matrix;
mod merge;
mod outputs;
mod page;
mod place;
mod plan;
mod planted;
mod program;
mod progress;
mod protocol;
mod replay;
mod report;
mod results;
mod run;
mod sampled;
mod sarif;
mod self_check;
mod shard;
mod statement;
mod steer;
mod subject;
mod summary;
mod table;
mod trace_page;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use arguments::{Command, Refused};
use catalogue::Catalogue;
use merge::Merged;
use results::Results;
use table::Paint;

/// A body allocates in each of millions of executions: this one takes a tenth less time for all of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a mistake in the call.
const MISTAKE: u8 = 2;
/// The exit code of a gate that was not through.
const BUDGET_SPENT: u8 = 3;
/// The exit code of a gate that cannot trust itself.
const BLIND: u8 = 5;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(Refused::Answered(text)) => {
            return show(&text, 0);
        }
        Err(Refused::Mistake(line)) => return refuse(MISTAKE, &line),
    };
    let catalogue = match Catalogue::load() {
        Ok(catalogue) => catalogue,
        Err(line) => return refuse(BLIND, &line),
    };
    match command {
        Command::Run(run) => conclude(steer::go(&catalogue, &run)),
        Command::List(selection) => match list::text(&catalogue, &selection, Paint::for_stdout()) {
            Ok(text) => show(&text, 0),
            Err(line) => refuse(MISTAKE, &line),
        },
        Command::Explore(options) => one(explore::explore(&catalogue, &options)),
        Command::Merge(options) => match merge::merge(&catalogue, &options) {
            Ok(Merged::Run(results)) => conclude(Ok(*results)),
            Ok(Merged::Exploration(shown)) => one(Ok(shown)),
            Err(line) => refuse(MISTAKE, &line),
        },
        Command::Sample(options) => one(explore::sample(&catalogue, &options)),
        Command::Check(options) => one(program::check(&catalogue, &options)),
        Command::Fuzz(options) => one(fuzz::fuzz(&catalogue, &options)),
        Command::Explain(name) => one(explain::explain(&catalogue, name.as_deref())),
        Command::Claims(options) => one(claims::claims(&options)),
        Command::History(options) => one(history::history(&options)),
        Command::Barriers(options) => one(barriers::barriers(&catalogue, &options)),
        Command::Matrix(options) => one(matrix::matrix(&catalogue, &options)),
        Command::Corpus(options) => one(corpus::corpus(&options)),
        Command::Completions(options) => {
            one(Ok(manual::completions(&arguments::definition(), &options)))
        }
        Command::Man => one(manual::page(&arguments::definition())),
        Command::Replay(path, html) => {
            let replay = replay::Replay::read(&catalogue, &path);
            let shown = replay.and_then(|replay| replay.execute(&path, html.as_deref()));
            one(shown.map_err(|line| format!("replay {}: {line}", path.display())))
        }
    }
}

/// Prints what one scenario showed.
fn one(shown: Result<replay::Shown, String>) -> ExitCode {
    match shown {
        Ok(shown) => show(&shown.text, shown.exit_code),
        Err(line) => refuse(MISTAKE, &line),
    }
}

/// Shows what a run has come to, and leaves its files. A part of a run has no report: only all parts together have one.
fn conclude(results: Result<Results, String>) -> ExitCode {
    let mut results = match results {
        Ok(results) => results,
        Err(line) => return refuse(MISTAKE, &line),
    };
    let folder = place::folder();
    let saved = results.save(&folder);
    let json = report::json(&results);
    let saved = saved.map_err(|error| outputs::not_writable(&folder, &error));
    let saved = match results.extent.shard {
        Some(_) => saved,
        None => saved.and_then(|()| outputs::write(&results, &folder, &json)),
    };
    let code = results.exit_code();
    let notes = if results.run.outputs.annotate { annotate::text(&results) } else { String::new() };
    let shown = if results.run.json {
        // GitHub reads commands from both; a program that reads the report wants nothing else there.
        eprint!("{notes}");
        show(&json, code)
    } else {
        let text = summary::text(&results, &folder, Paint::for_stdout());
        show(&(text + &notes), code)
    };
    match results.extent.unsaved.map_or(saved, Err) {
        Ok(()) => shown,
        // A result that nobody can read is not a pass; a worse result keeps its own code.
        Err(line) => refuse(if code == 0 { MISTAKE } else { code }, &line),
    }
}

/// Writes to stdout. A reader that has gone away (`gate | head`) has what it wanted; a full disk has not.
fn show(text: &str, code: u8) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let line = format!("stdout: {error}, expected a place with room for the result");
            refuse(if code == 0 { MISTAKE } else { code }, &line)
        }
        _ => ExitCode::from(code),
    }
}

/// One line on stderr, whatever stands in it.
fn refuse(code: u8, line: &str) -> ExitCode {
    let line: String =
        line.chars().map(|each| if each.is_control() { ' ' } else { each }).collect();
    eprintln!("gate: {line}");
    ExitCode::from(code)
}
