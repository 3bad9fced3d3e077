//! `gate merge`: the parts of a run, or of one exploration, put together.
//!
//! `gate merge FILE...` takes the checkpoints of a run, `gate merge SCENARIO FILE...` those of an exploration. A folder
//! stands for the checkpoints in it, so that what several machines have left in one place need not be listed.
//!
//! What comes out is what one process would have shown: the same tables, the same `report.json` but for its times, the
//! same exit code.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::catalogue::Catalogue;
use crate::explore;
use crate::outputs::OutputOptions;
use crate::place::{self, OutOptions};
use crate::replay::Shown;
use crate::results::Results;
use crate::steer;
use crate::subject::SubjectOptions;

/// What is to be put together.
#[derive(Debug, Args)]
pub(crate) struct MergeOptions {
    /// The checkpoints, one of each shard, or folders with them; for an exploration the scenario's full name before them
    #[arg(required = true, value_name = "SCENARIO|FILE")]
    words: Vec<PathBuf>,
    /// The planted bug of the exploration
    #[arg(long, value_name = "ID")]
    mutation: Option<String>,
    /// The exploration went on after violations
    #[arg(long)]
    keep_going: bool,
    /// The exploration cut executions after so many steps
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    depth: Option<u64>,
    /// Prints the report of the run as JSON instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    out: OutOptions,
    #[command(flatten)]
    outputs: OutputOptions,
}

/// What came of it.
pub(crate) enum Merged {
    /// A run.
    Run(Box<Results>),
    /// An exploration.
    Exploration(Shown),
}

/// Puts parts together.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn merge(catalogue: &Catalogue, options: &MergeOptions) -> Result<Merged, String> {
    options.out.choose();
    let first = options.words.first().and_then(|word| word.to_str()).unwrap_or_default();
    let is_scenario = catalogue.find(first).is_some();
    if !is_scenario && !Path::new(first).exists() {
        let count = catalogue.entries.len();
        return Err(format!(
            "merge: found `{first}`, expected a checkpoint of a run, or one of the {count} scenarios of `gate list` before \
             those of an exploration"
        ));
    }
    let files = files(&options.words[usize::from(is_scenario)..])?;
    if is_scenario {
        if options.json {
            return Err("found --json for an exploration, expected it for a run".to_owned());
        }
        if options.outputs != OutputOptions::default() {
            let found = "found --html, --junit, --sarif or --annotate for an exploration";
            return Err(format!("{found}, expected them for a run"));
        }
        let what = SubjectOptions {
            scenario: first.to_owned(),
            mutation: options.mutation.clone(),
            keep_going: options.keep_going,
            depth: options.depth,
        };
        return explore::merge(catalogue, &what, &files).map(Merged::Exploration);
    }
    if options.mutation.is_some() || options.keep_going || options.depth.is_some() {
        return Err("found --mutation, --keep-going or --depth for the parts of a run, expected them after the scenario of \
                    an exploration"
            .to_owned());
    }
    let mut results = steer::merge(catalogue, &files, options.json)?;
    results.run.outputs = options.outputs.clone();
    Ok(Merged::Run(Box::new(results)))
}

/// The files, and what lies in the folders among them, in the order of their names.
fn files(words: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for word in words {
        if !word.is_dir() {
            files.push(word.clone());
            continue;
        }
        let shown = place::shown(word);
        let entries = std::fs::read_dir(word).map_err(|error| {
            format!("{shown}: found no readable folder ({error}), expected one with checkpoints")
        })?;
        let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        inside.retain(|path| path.extension().is_some_and(|each| each == "checkpoint"));
        inside.sort();
        if inside.is_empty() {
            return Err(format!(
                "{shown}: found no file *.checkpoint in it, expected those of all shards"
            ));
        }
        files.extend(inside);
    }
    Ok(files)
}
