//! The state of a search in a file: to go on after an interruption, and to put shards together.
//!
//! The file is JSON, written beside its place and then moved there, so that it is the old one or the new one, never half
//! of one. What a search does after its last checkpoint is done again when it is resumed, and nothing else.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use crate::scenario::{Check, Checkpoint, Shard};

const FORMAT: &str = "graphlock-checkpoint";
const VERSION: u32 = 2;

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u32,
    label: String,
    mutation: Option<String>,
    steps_max: u64,
    depth_max: Option<u64>,
    keep_going: bool,
    #[serde(default)]
    store_buffers: bool,
    shard: Option<Shard>,
    ledger: Ledger,
}

/// Why a checkpoint cannot be used.
#[derive(Debug)]
pub enum CheckpointError {
    /// The system refuses.
    Io {
        /// The file.
        path: PathBuf,
        /// What was to be done.
        doing: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The content is something else, or damaged.
    Content {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// It is of another search.
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What the search is.
        expected: String,
    },
    /// Shards that are not all there.
    Shards {
        /// Those that are.
        found: String,
        /// How many there should be.
        count: u32,
    },
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckpointError::Io { path, doing, error } => {
                write!(
                    f,
                    "checkpoint {}: cannot {doing} it ({error}), expected a file that can be read and written; name another",
                    path.display()
                )
            }
            CheckpointError::Content { path, found } => write!(
                f,
                "checkpoint {}: expected `{FORMAT}` version {VERSION}, found {found}; begin without `--resume`",
                path.display()
            ),
            CheckpointError::Other { path, what, found, expected } => write!(
                f,
                "checkpoint {}: expected {what} {expected}, found {found}; it is of another search, so call for that one, or begin without `--resume`",
                path.display()
            ),
            CheckpointError::Shards { found, count } => {
                write!(
                    f,
                    "expected each of the shards 1/{count} to {count}/{count} once, found {found}; add what is missing, and each once"
                )
            }
        }
    }
}

impl std::error::Error for CheckpointError {}

/// Writes the state of a search.
pub(crate) fn write(
    place: &Checkpoint,
    check: &Check,
    ledger: &Ledger,
) -> Result<(), CheckpointError> {
    let file = File {
        format: FORMAT.to_owned(),
        version: VERSION,
        label: place.label.clone(),
        mutation: check.mutation.map(str::to_owned),
        steps_max: check.steps_max,
        depth_max: check.depth_max,
        keep_going: check.keep_going,
        store_buffers: check.store_buffers,
        shard: check.shard,
        ledger: ledger.clone(),
    };
    let text = serde_json::to_vec(&file).expect("a ledger is JSON");
    let beside = place.path.with_extension("new");
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, &place.path)
    });
    written.map_err(|error| CheckpointError::Io { path: place.path.clone(), doing: "write", error })
}

/// Reads the state of this search.
pub(crate) fn read(place: &Checkpoint, check: &Check) -> Result<Ledger, CheckpointError> {
    let file = load(&place.path)?;
    fits(&place.path, &place.label, &file, check)?;
    let shard =
        |shard: Option<Shard>| shard.map_or("the whole".to_owned(), |each| each.to_string());
    expect(&place.path, "shard", shard(file.shard), shard(check.shard))?;
    Ok(file.ledger)
}

/// Reads the state of a shard of the search `label`.
pub(crate) fn read_shard(
    path: &Path,
    label: &str,
    check: &Check,
) -> Result<(Shard, Ledger), CheckpointError> {
    let file = load(path)?;
    fits(path, label, &file, check)?;
    let shard = file.shard.ok_or_else(|| CheckpointError::Content {
        path: path.to_owned(),
        found: "the whole search, not a shard".to_owned(),
    })?;
    Ok((shard, file.ledger))
}

fn load(path: &Path) -> Result<File, CheckpointError> {
    let bytes = fs::read(path).map_err(|error| CheckpointError::Io {
        path: path.to_owned(),
        doing: "read",
        error,
    })?;
    let content = |found: String| CheckpointError::Content { path: path.to_owned(), found };
    let file: File = serde_json::from_slice(&bytes).map_err(|error| content(error.to_string()))?;
    if file.format != FORMAT || file.version != VERSION {
        return Err(content(format!("`{}` version {}", file.format, file.version)));
    }
    Ok(file)
}

fn fits(path: &Path, label: &str, file: &File, check: &Check) -> Result<(), CheckpointError> {
    let number = |each: Option<u64>| each.map_or("none".to_owned(), |each| each.to_string());
    let name = |each: Option<&str>| each.unwrap_or("none").to_owned();
    expect(path, "scenario", file.label.clone(), label.to_owned())?;
    expect(path, "planted bug", name(file.mutation.as_deref()), name(check.mutation))?;
    expect(path, "step limit", file.steps_max.to_string(), check.steps_max.to_string())?;
    expect(path, "depth", number(file.depth_max), number(check.depth_max))?;
    expect(path, "keep going", file.keep_going.to_string(), check.keep_going.to_string())?;
    expect(path, "store buffers", file.store_buffers.to_string(), check.store_buffers.to_string())
}

fn expect(
    path: &Path,
    what: &'static str,
    found: String,
    expected: String,
) -> Result<(), CheckpointError> {
    if found == expected {
        return Ok(());
    }
    Err(CheckpointError::Other { path: path.to_owned(), what, found, expected })
}
