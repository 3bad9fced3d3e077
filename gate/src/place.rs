//! Where the gate leaves its files: `target/gate` of the workspace it is called in.

use std::path::{Path, PathBuf};

/// The folder: below `CARGO_TARGET_DIR` if that is set, else below `target` beside the nearest
/// `Cargo.lock` at or above the current folder, else below `target` of the current folder.
pub(crate) fn folder() -> PathBuf {
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
