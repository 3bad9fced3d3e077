//! Gives the build a name of its own: what it was made of, not where or when.
//!
//! Parts of a run, and a run that goes on, must come from the same code. The name is a hash of every source file that
//! the gate is made of, of `Cargo.lock`, and of how they are compiled. So the same checkout built on several machines has
//! the same name, and an edit gives another one. Tests are left out: they are not in the binary.
//!
//! `build/protocol.rs` reads from the sources what there is to be reached.

#[path = "build/protocol.rs"]
mod protocol;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the binary is made of, beside this package's folder.
const SOURCES: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "gate/src",
    "harness/src",
    "model-tests",
    "programs/src",
    "src",
    "gate/build",
    "gate/build.rs",
];

/// How it is compiled.
const VARIABLES: [&str; 4] = ["TARGET", "PROFILE", "CARGO_CFG_FEATURE", "CARGO_ENCODED_RUSTFLAGS"];

fn main() {
    protocol::write();
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        let path = Path::new("..").join(source);
        println!("cargo:rerun-if-changed={}", path.display());
        for file in files(path) {
            file.hash(&mut hasher);
            std::fs::read(&file).unwrap_or_default().hash(&mut hasher);
        }
    }
    for variable in VARIABLES {
        std::env::var_os(variable).hash(&mut hasher);
    }
    // Whether debug assertions are on is seen nowhere else.
    std::env::var_os("DEBUG").hash(&mut hasher);
    std::env::var_os("OPT_LEVEL").hash(&mut hasher);
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output();
    version.map(|output| output.stdout).unwrap_or_default().hash(&mut hasher);
    println!("cargo:rustc-env=GATE_BUILD={:016x}", hasher.finish());
}

/// The sources at or below a path, in the order of their names.
fn files(path: PathBuf) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(&path) else {
        return vec![path];
    };
    let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    below.sort();
    let is_source = |path: &PathBuf| {
        path.is_dir() || path.extension().is_some_and(|each| each == "rs" || each == "css")
    };
    below.into_iter().filter(is_source).flat_map(files).collect()
}
