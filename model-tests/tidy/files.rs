//! What holds for each file: its size, its head, no markers of unfinished work, `unsafe` only where it
//! is allowed, and the door.
//!
//! clippy sees through re-exports: where production's door hands on std's `Mutex`, a ban of
//! `std::sync::Mutex` would hit every use of the door. So the *paths* are banned here, and clippy bans
//! what the door does not hand on at all.

use super::source::{Source, whole_words};
use super::{Finding, expect_none, sources};

/// Folders with sources of ours.
const FOLDERS: [&str; 7] =
    ["examples", "gate", "harness", "model-tests", "programs", "src", "tests"];

/// Folders whose files see threads, atomics, cells and time through the door alone.
const BEHIND_THE_DOOR: [&str; 2] = ["src/", "model-tests/"];

/// Files in which `unsafe` is allowed. Each says why in its own `allow`.
const UNSAFE_FILES: [&str; 8] = [
    "harness/src/execution/stack.rs",
    "harness/src/sync/lock_cell.rs",
    "harness/tests/primitives.rs",
    "model-tests/program/watched.rs",
    "src/event_loop/main_cell.rs",
    "src/graph_lock/cell.rs",
    "src/sync/doorbell_epoll.rs",
    "src/sync/loom/mutex.rs",
];

/// No file is longer.
const LINES_MAX: usize = 500;

/// Marks of unfinished work, and of tests that do not run. Rust's own macros are clippy's.
const MARKERS: [&str; 4] = ["TODO", "FIXME", "XXX", "#[ignore"];

/// What stands behind the door, and its replacement.
const DOOR: [(&str, &str); 6] = [
    ("std::sync", "use `crate::sync`, the door"),
    ("core::sync", "use `crate::sync::atomic`, the door"),
    ("std::thread", "use `crate::sync::thread`, the door"),
    ("std::time", "use `crate::sync::time`, the door"),
    ("std::cell::UnsafeCell", "use `crate::sync::cell::UnsafeCell`, the door"),
    ("target_arch", "keep what depends on the machine inside `src/sync`"),
];

fn finding(source: &Source, at: usize, found: String, to_do: &'static str) -> Finding {
    Finding { path: source.path.clone(), line: source.line(at), found, to_do }
}

fn size_and_head(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        let to_do = "split it by party or noun";
        findings.push(finding(
            source,
            source.text.len(),
            format!("{lines} lines of at most {LINES_MAX}"),
            to_do,
        ));
    }
    if !source.text.starts_with("//!") {
        let to_do =
            "begin with `//!`: what it does, its states, cases and invariants, what is absent";
        findings.push(finding(source, 0, "the file has no head".to_owned(), to_do));
    }
    findings
}

fn markers(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for marker in MARKERS {
        for view in [&source.code, &source.comments] {
            for at in whole_words(view, marker) {
                let to_do = "finish it, or assert what happens today and say so";
                findings.push(finding(source, at, format!("`{marker}`"), to_do));
            }
        }
    }
    findings
}

fn unsafe_code(source: &Source, allowed: &[&str]) -> Vec<Finding> {
    let places = source.words("unsafe");
    let is_listed = allowed.contains(&source.path.as_str());
    let says_why =
        source.code.find("unsafe_code").is_some_and(|at| source.code[at..].contains("reason"));
    match (places.first(), is_listed) {
        (None, true) => {
            let found = "the file is listed in `UNSAFE_FILES` and has no unsafe code".to_owned();
            vec![finding(source, 0, found, "take it off the list")]
        }
        (Some(_), false) => {
            let to_do = "do without, or list the file in `UNSAFE_FILES` and argue for it in review";
            places.iter().map(|at| finding(source, *at, "`unsafe`".to_owned(), to_do)).collect()
        }
        (Some(at), true) if !says_why => {
            let to_do = "add `#![allow(unsafe_code, reason = \"...\")]`";
            vec![finding(source, *at, "`unsafe` without a reason in this file".to_owned(), to_do)]
        }
        _ => Vec::new(),
    }
}

fn around_the_door(source: &Source) -> Vec<Finding> {
    let behind = BEHIND_THE_DOOR.iter().any(|folder| source.path.starts_with(folder));
    if !behind || source.path.starts_with("src/sync/") {
        return Vec::new();
    }
    let found = DOOR.iter().flat_map(|(path, to_do)| {
        let places = source.words(path).into_iter();
        places.map(move |at| finding(source, at, format!("`{path}`"), to_do))
    });
    found.collect()
}

#[test]
fn every_file_is_small_and_has_a_head() {
    expect_none(sources(&FOLDERS).iter().flat_map(size_and_head).collect());
}

#[test]
fn nothing_is_left_unfinished_or_ignored() {
    expect_none(sources(&FOLDERS).iter().flat_map(markers).collect());
}

#[test]
fn unsafe_code_stands_in_the_listed_files_only() {
    let sources = sources(&FOLDERS);
    let mut findings: Vec<Finding> =
        sources.iter().flat_map(|source| unsafe_code(source, &UNSAFE_FILES)).collect();
    for path in
        UNSAFE_FILES.iter().filter(|path| !sources.iter().any(|source| source.path == **path))
    {
        findings.push(Finding {
            path: (*path).to_owned(),
            line: 1,
            found: "the file is listed in `UNSAFE_FILES` and is not there".to_owned(),
            to_do: "take it off the list",
        });
    }
    expect_none(findings);
}

#[test]
fn threads_atomics_cells_and_time_come_through_the_door() {
    expect_none(sources(&FOLDERS).iter().flat_map(around_the_door).collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: impl Fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> Vec<String> {
        let findings = check(&Source::new(path, text));
        findings.iter().map(|each| format!("{}: {}", each.line, each.found)).collect()
    }

    #[test]
    fn size_and_head_are_looked_at() {
        let short = "//! Head.\nfn f() {}\n";
        assert_eq!(found(size_and_head, "a.rs", short), Vec::<String>::new());
        assert_eq!(found(size_and_head, "a.rs", "fn f() {}"), ["1: the file has no head"]);
        let long = format!("//! Head.\n{}", "\n".repeat(LINES_MAX));
        assert_eq!(found(size_and_head, "a.rs", &long), ["502: 501 lines of at most 500"]);
    }

    #[test]
    fn markers_are_found_in_comments_and_code_and_not_in_literals() {
        let text = concat!("let a = \"TO", "DO\";\n// TO", "DO: b\n#[igno", "re]\nfn c() {}");
        let expected = [concat!("2: `TO", "DO`"), concat!("3: `#[igno", "re`")];
        assert_eq!(found(markers, "a.rs", text), expected);
    }

    #[test]
    fn unsafe_code_is_listed_and_has_a_reason() {
        let check = |source: &Source| unsafe_code(source, &["listed.rs"]);
        let block = "#![allow(unsafe_code, reason = \"x\")]\nunsafe { f() }";
        assert_eq!(found(check, "listed.rs", block), Vec::<String>::new());
        assert_eq!(found(check, "other.rs", block), ["2: `unsafe`"]);
        let bare = ["1: `unsafe` without a reason in this file"];
        assert_eq!(found(check, "listed.rs", "unsafe { f() }"), bare);
        let idle = ["1: the file is listed in `UNSAFE_FILES` and has no unsafe code"];
        assert_eq!(found(check, "listed.rs", "// unsafe"), idle);
    }

    #[test]
    fn the_door_is_the_only_way() {
        let text = "use std::sync::Mutex;\nuse crate::sync::Arc;\nfn f() { std::thread::spawn(g) }";
        let both = ["1: `std::sync`", "3: `std::thread`"];
        assert_eq!(found(around_the_door, "src/graph/node.rs", text), both);
        for path in ["src/sync/std.rs", "gate/src/run.rs"] {
            assert_eq!(found(around_the_door, path, text), Vec::<String>::new());
        }
    }
}
