//! Reads the sources of the lock, so that the gate knows what there is to be reached: the orderings that are explained
//! in a comment `ORDERING(id)`, with the lines that such a comment is about, and the cases that are marked by
//! `reached!("case")`, with their lines.
//!
//! The lines of an ordering go from the end of its comment to the end of the block that it stands in, or to the next
//! such comment in that block: whoever executes an atomic step there has come past the explained one. The door
//! (`src/sync`) passes orderings through and has none of its own; unit tests are left out.
//!
//! Comments are found as lines, blocks by the tokens of the compiler's own grammar, so braces in texts do not count.
//! That every comment has its form, and a row in `docs/ORDERING.md`, is for the tidy tests to check.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A comment that explains an ordering: its id, and the lines that it is about.
struct Ordering {
    id: String,
    file: String,
    from: usize,
    to: usize,
}

/// Writes the two tables to cargo's folder.
pub(crate) fn write() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    println!("cargo::rerun-if-changed={}", root.join("src").display());
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.sort();
    let mut orderings = Vec::new();
    let mut cases: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
    for path in files {
        let name = path.strip_prefix(&root).expect("it lies below").display().to_string();
        let text = fs::read_to_string(&path).expect("a source can be read");
        let tokens: TokenStream = text.parse().expect("a source has the tokens of Rust");
        let mut blocks = Vec::new();
        look(tokens, &mut blocks, &mut |case, line| {
            cases.entry(case).or_default().push((name.clone(), line));
        });
        if !name.starts_with("src/sync/") {
            orderings.extend(explained(&name, &text, &blocks));
        }
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("protocol.rs"), table(&orderings, &cases)).expect("cargo's folder is ours");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of the sources can be read") {
        let path = entry.expect("its entries, too").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Finds the blocks, by their first and last line, and the marks of cases. Modules of unit tests are skipped.
fn look(
    tokens: TokenStream,
    blocks: &mut Vec<(usize, usize)>,
    mark: &mut dyn FnMut(String, usize),
) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let word = |back: usize| index.checked_sub(back).map(|at| tokens[at].to_string());
        let is_tests = word(1).as_deref() == Some("tests") && word(2).as_deref() == Some("mod");
        if is_tests {
            continue;
        }
        if word(1).as_deref() == Some("!") && word(2).as_deref() == Some("reached") {
            let literal = group.stream().to_string();
            let case = literal.trim_matches('"');
            // The definition of the macro has a pattern there.
            if literal.starts_with('"') {
                mark(case.to_owned(), group.span_open().start().line);
            }
        }
        if group.delimiter() == Delimiter::Brace {
            blocks.push((group.span_open().start().line, group.span_close().end().line));
        }
        look(group.stream(), blocks, mark);
    }
}

/// The orderings that a file explains.
fn explained(file: &str, text: &str, blocks: &[(usize, usize)]) -> Vec<Ordering> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let id_of = |line: &str| {
        let rest = line.strip_prefix("// ORDERING(")?;
        rest.split_once(')').map(|(id, _)| id.to_owned())
    };
    let mut found: Vec<Ordering> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(id) = id_of(line) else { continue };
        let more = lines[index + 1..].iter();
        let more = more.take_while(|line| line.starts_with("//") && id_of(line).is_none()).count();
        let begin = index + 1;
        let around = blocks.iter().filter(|(from, to)| *from <= begin && begin <= *to);
        let end = around.map(|(_, to)| *to).min().expect("a comment in no block explains nothing");
        if let Some(last) = found.last_mut().filter(|last| last.to > begin) {
            last.to = begin;
        }
        found.push(Ordering { id, file: file.to_owned(), from: begin + 1 + more, to: end });
    }
    found
}

/// The source of the two tables, ordered by id and case.
fn table(orderings: &[Ordering], cases: &BTreeMap<String, Vec<(String, usize)>>) -> String {
    let mut ids: BTreeMap<&str, Vec<&Ordering>> = BTreeMap::new();
    for each in orderings {
        ids.entry(&each.id).or_default().push(each);
    }
    let mut text = String::from("pub(crate) const ORDERINGS: &[Explained] = &[\n");
    for (id, places) in ids {
        let _ = writeln!(text, "    Explained {{ id: {id:?}, lines: &[");
        for Ordering { file, from, to, .. } in places {
            let _ = writeln!(text, "        Lines {{ file: {file:?}, from: {from}, to: {to} }},");
        }
        text += "    ] },\n";
    }
    text += "];\n\npub(crate) const CASES: &[Marked] = &[\n";
    for (case, places) in cases {
        let _ = writeln!(text, "    Marked {{ case: {case:?}, at: &{places:?} }},");
    }
    text + "];\n"
}
