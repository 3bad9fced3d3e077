//! Tidy: what the compiler cannot say about these sources is looked at as text.
//!
//! Comments about orderings rot, tables of mutations grow holes, cases lose their scenario. Each rule
//! here is a function from texts to [`Finding`]s; one test applies it to the tree, and unit tests
//! beside it show that it can fail. A finding says where, what was found, and what to do.
//!
//! | file | rule |
//! | --- | --- |
//! | `orderings` | each non-relaxed access is explained, has a row and a witness |
//! | `mutations` | each mutation has a site and each site a mutation |
//! | `cases` | each written case has a row and a scenario that declares it |
//! | `bugs` | each bug of the corpus has a row that names what exists |
//! | `files` | size, head, markers, `unsafe`, the door |
//!
//! `source` reads Rust as text: it tells code, comments and string literals apart, and no more.
//!
//! Absent on purpose: what clippy does (`too_many_lines`, `disallowed_types`), and ways to switch a
//! rule off in place. A missing document is a finding, not a reason to skip.

mod bugs;
mod cases;
mod files;
mod mutations;
mod orderings;
mod source;

use std::fmt;
use std::path::Path;

use source::Source;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    found: String,
    to_do: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.found, self.to_do)
    }
}

/// Fails with all findings, one on a line.
///
/// # Panics
/// If there is one.
#[track_caller]
fn expect_none(mut findings: Vec<Finding>) {
    findings.sort();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "findings: {}\n{}", lines.len(), lines.join("\n"));
}

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each Rust file below one of the folders, in order of its path. Compile-fail cases and build
/// output are left out.
///
/// # Panics
/// If a folder or file cannot be read.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(folder, &mut found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn collect(folder: &str, found: &mut Vec<Source>) {
    let entries = std::fs::read_dir(root().join(folder));
    let entries = entries.unwrap_or_else(|error| panic!("{folder}: {error}; expected a folder"));
    for entry in entries {
        let entry = entry.unwrap_or_else(|error| panic!("{folder}: {error}"));
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            if name != "target" && name != "ui" {
                collect(&path, found);
            }
        } else if name.ends_with(".rs") {
            let text = document(&path);
            found.push(Source::new(&path, &text));
        }
    }
}

/// The text of a file.
///
/// # Panics
/// If it is missing: what a rule reads must exist.
fn document(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}; expected a text that tidy can read"))
}

/// The first cells of all rows of all tables of a Markdown text, with their lines. Backticks are
/// taken off; heads are left out.
fn first_cells(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_rule = |line: &str| {
        line.starts_with('|') && line.chars().all(|each| matches!(each, '|' | '-' | ':' | ' '))
    };
    let mut cells = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let is_head = lines.get(index + 1).is_some_and(|next| is_rule(next));
        if let Some(rest) = line.strip_prefix('|')
            && !is_rule(line)
            && !is_head
            && let Some((cell, _)) = rest.split_once('|')
        {
            cells.push((index + 1, cell.trim().trim_matches('`').to_owned()));
        }
    }
    cells
}

#[test]
fn first_cells_are_of_rows_and_not_of_heads() {
    let text = "| id | what |\n| --- | :-: |\n| `a-b` | x |\ntext | no |\n| c | y |\n";
    assert_eq!(first_cells(text), [(3, "a-b".to_owned()), (5, "c".to_owned())]);
}
