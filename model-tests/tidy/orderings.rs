//! Each ordering is explained where it is used, in one row of `docs/ORDERING.md`, and has a witness.
//!
//! The form of the explanation, in the comment right above the access:
//!
//! ```text
//! // ORDERING(reader-announce): store `reader_count`, fence, load `has_writer`.
//! // Pairs with the fence in `GraphLock::write`: at least one side sees the other's store.
//! // Without it both proceed. Witness: mutation `reader-fence-removed`.
//! ```
//!
//! Cases: an access without a comment; an id without a row; a row without an access; a comment without
//! a witness; a witness that is no mutation. The door (`src/sync`) is left out: it passes orderings
//! through. So are unit tests and `use` lines.

use std::collections::BTreeSet;

use super::source::Source;
use super::{Finding, document, expect_none, first_cells, mutations, sources};

/// How many lines may lie between the end of the comment and the access.
const DISTANCE_MAX: usize = 6;

const DOCUMENT: &str = "docs/ORDERING.md";

/// A comment that explains an ordering.
#[derive(Clone, Debug)]
struct Comment {
    id: String,
    begin: usize,
    end: usize,
    witness: Option<String>,
}

/// The comments of a file that explain an ordering, by line.
fn comments(source: &Source) -> Vec<Comment> {
    let lines: Vec<&str> = source.comments.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(id) = line.split("ORDERING(").nth(1).and_then(|rest| rest.split(')').next())
        else {
            continue;
        };
        // A comment ends where the next one begins, so that two may stand one below the other.
        let rest = lines[index + 1..].iter();
        let more = rest.take_while(|line| !line.is_empty() && !line.contains("ORDERING("));
        let more = more.count();
        let words = lines[index..=index + more].iter().map(|line| line.trim_start_matches('/'));
        let text = words.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
        let witness = text.split("Witness: mutation `").nth(1);
        let witness = witness.and_then(|rest| rest.split('`').next()).map(str::to_owned);
        found.push(Comment { id: id.to_owned(), begin: index + 1, end: index + 1 + more, witness });
    }
    found
}

/// The lines on which an ordering stronger than relaxed is named, or a fence of an asymmetric pair.
fn accesses(source: &Source) -> Vec<(usize, &'static str)> {
    let is_use = |line: &str| {
        let line = line.trim_start();
        line.starts_with("use ") || (line.starts_with("pub") && line.contains(" use "))
    };
    let mut found = BTreeSet::new();
    for ordering in ["Acquire", "Release", "AcqRel", "SeqCst", "fence_light", "fence_heavy"] {
        for at in source.words(ordering).into_iter().filter(|at| *at < source.tests_begin()) {
            let line = source.line(at);
            if !source.code.lines().nth(line - 1).is_some_and(is_use) {
                found.insert((line, ordering));
            }
        }
    }
    found.into_iter().collect()
}

/// What is wrong in one file, by itself.
fn unexplained(source: &Source, mutations: &BTreeSet<String>) -> Vec<Finding> {
    let comments = comments(source);
    let finding =
        |line, found: String, to_do| Finding { path: source.path.clone(), line, found, to_do };
    let mut findings = Vec::new();
    for (line, ordering) in accesses(source) {
        let explains =
            |comment: &&Comment| comment.begin <= line && line <= comment.end + DISTANCE_MAX;
        if !comments.iter().any(|comment| explains(&comment)) {
            let found = format!("{ordering} without a comment `ORDERING(id)` right above");
            findings.push(finding(line, found, "say what it orders, its partner and its witness"));
        }
    }
    for comment in &comments {
        let line = comment.begin;
        match &comment.witness {
            None => {
                let found = format!("ORDERING({}) names no witness", comment.id);
                findings.push(finding(line, found, "end it with \"Witness: mutation `id`.\""));
            }
            Some(witness) if !mutations.contains(witness) => {
                let found = format!("ORDERING({}) names the witness `{witness}`", comment.id);
                findings.push(finding(line, found, "name a mutation of src/mutation.rs"));
            }
            Some(_) => {}
        }
    }
    findings
}

/// What is wrong between the files and the table.
fn without_partner(sources: &[Source], table: &str) -> Vec<Finding> {
    let rows = first_cells(table);
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources {
        for comment in comments(source) {
            if !rows.iter().any(|(_, id)| *id == comment.id) {
                findings.push(Finding {
                    path: source.path.clone(),
                    line: comment.begin,
                    found: format!("ORDERING({}) has no row in {DOCUMENT}", comment.id),
                    to_do: "add the row: id, what is ordered, partner, witness",
                });
            }
            used.insert(comment.id);
        }
    }
    for (line, id) in rows.iter().filter(|(_, id)| !used.contains(id)) {
        findings.push(Finding {
            path: DOCUMENT.to_owned(),
            line: *line,
            found: format!("the row `{id}` has no comment ORDERING({id}) in src"),
            to_do: "remove the row, or give the access its comment",
        });
    }
    findings
}

#[test]
fn every_ordering_is_explained_and_has_a_row_and_a_witness() {
    let mut sources = sources(&["src"]);
    sources.retain(|source| !source.path.starts_with("src/sync/"));
    let known = mutations::table(&mutations::source()).into_iter().map(|(_, id)| id).collect();
    let mut findings: Vec<Finding> =
        sources.iter().flat_map(|source| unexplained(source, &known)).collect();
    findings.extend(without_partner(&sources, &document(DOCUMENT)));
    expect_none(findings);
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPLAINED: &str = "\
// ORDERING(reader-announce): store, fence, load.
// Pairs with the writer's. Witness: mutation
// `reader-fence-removed`.
fence(SeqCst);
";

    fn found(text: &str) -> Vec<String> {
        let known = ["reader-fence-removed".to_owned()].into();
        let findings = unexplained(&Source::new("src/a.rs", text), &known);
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.found)).collect()
    }

    #[test]
    fn an_explained_access_is_no_finding() {
        assert_eq!(found(EXPLAINED), Vec::<String>::new());
    }

    #[test]
    fn an_access_needs_a_comment_close_above() {
        let bare = ["1: SeqCst without a comment `ORDERING(id)` right above"];
        assert_eq!(found("fence(SeqCst);"), bare);
        let far = EXPLAINED.replace("fence(", "\n\n\n\n\n\nfence(");
        assert_eq!(found(&far), ["10: SeqCst without a comment `ORDERING(id)` right above"]);
        let near = EXPLAINED.replace("fence(", "\n\n\n\n\nfence(");
        assert_eq!(found(&near), Vec::<String>::new());
    }

    #[test]
    fn imports_relaxed_accesses_and_unit_tests_need_none() {
        let text =
            "use x::Ordering::{Acquire};\na.load(Relaxed);\n#[cfg(test)]\nmod tests { Acquire }\n";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn a_witness_must_be_named_and_known() {
        let silent = EXPLAINED.replace("Witness", "Weakness");
        assert_eq!(found(&silent), ["1: ORDERING(reader-announce) names no witness"]);
        let unknown = EXPLAINED.replace("fence-removed", "gone");
        assert_eq!(
            found(&unknown),
            ["1: ORDERING(reader-announce) names the witness `reader-gone`"]
        );
    }

    #[test]
    fn ids_and_rows_belong_together() {
        let sources = [Source::new("src/a.rs", EXPLAINED)];
        let table = "| id |\n| --- |\n| `reader-announce` | x |\n";
        assert_eq!(without_partner(&sources, table), []);
        let other = table.replace("reader-announce", "writer-announce");
        let findings = without_partner(&sources, &other);
        let places: Vec<_> = findings.iter().map(|each| (each.path.as_str(), each.line)).collect();
        assert_eq!(places, [("src/a.rs", 1), (DOCUMENT, 3)]);
    }
}
