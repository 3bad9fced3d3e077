//! The forms of the report beside `report.json`: where they are written, and what happens where that cannot be.
//!
//! Each run leaves all of them in the gate's folder, whatever its verdict; an option moves one of them elsewhere. They
//! are made from the same value, so none says what another does not know.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::results::Results;
use crate::{junit, page, place, sarif};

/// Where the report goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct OutputOptions {
    /// Writes the page there instead of target/gate/report.html
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Writes the rows as tests there instead of target/gate/junit.xml
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Writes the failures there instead of target/gate/results.sarif
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Prints each failure as an annotation that GitHub shows beside the source
    #[arg(long)]
    pub(crate) annotate: bool,
}

/// Writes all forms; `json` is the text of `report.json`.
///
/// # Errors
/// In one line, if a file cannot be written. The others are written all the same.
pub(crate) fn write(results: &Results, folder: &Path, json: &str) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| not_writable(folder, &error))?;
    let options = &results.run.outputs;
    let place = |own: &Option<PathBuf>, name: &str| own.clone().unwrap_or(folder.join(name));
    let files = [
        (folder.join("report.json"), json.to_owned()),
        (place(&options.html, "report.html"), page::html(results, folder)),
        (place(&options.junit, "junit.xml"), junit::xml(results)),
        (place(&options.sarif, "results.sarif"), sarif::json(results)),
    ];
    let written = files.map(|(path, text)| write_one(&path, &text));
    written.into_iter().collect()
}

/// Writes one file.
///
/// # Errors
/// In one line.
pub(crate) fn write_one(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| {
        format!("{}: {error}, expected a file that can be written", place::shown(path))
    })
}

/// The line that says that something could not be saved in the gate's folder, with a way out.
pub(crate) fn not_saved(error: &io::Error) -> String {
    not_writable(&place::folder(), error) + "; give one with CARGO_TARGET_DIR"
}

/// The line that says so.
pub(crate) fn not_writable(folder: &Path, error: &io::Error) -> String {
    format!("{}: {error}, expected a writable folder", place::shown(folder))
}
