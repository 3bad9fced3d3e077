//! Where the gate leaves its files: `target/gate` of the workspace it is called in, unless somebody says another place.
//!
//! In this order: `--out DIR`; the variable `GATE_OUT`; `gate` below `CARGO_TARGET_DIR`; `target/gate` beside the nearest
//! `Cargo.lock` at or above the current folder; `target/gate` of the current folder.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args;

/// What `--out` said, for the whole process.
static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// Where files are left.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OutOptions {
    /// The folder for reports, schedules and checkpoints, instead of target/gate
    #[arg(long, value_name = "DIR", env = "GATE_OUT", hide_env_values = true)]
    out: Option<PathBuf>,
}

impl OutOptions {
    /// From here on [`folder`] is what was said, if anything was.
    pub(crate) fn choose(&self) {
        if let Some(out) = &self.out {
            let here = std::env::current_dir().unwrap_or_default();
            let _ = CHOSEN.set(here.join(out));
        }
    }
}

/// The folder.
pub(crate) fn folder() -> PathBuf {
    if let Some(chosen) = CHOSEN.get() {
        return chosen.clone();
    }
    let here = std::env::current_dir().unwrap_or_default();
    let set = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    let target = set.map(|set| here.join(set)).unwrap_or_else(|| {
        let workspace = here.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
        workspace.unwrap_or(&here).join("target")
    });
    target.join("gate")
}

/// The path as it is best typed: relative to the current folder where it lies below it.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
