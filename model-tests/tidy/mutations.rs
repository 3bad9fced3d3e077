//! Each mutation has a site and each site a mutation.
//!
//! The table is `MUTATIONS` in `src/mutation.rs`: pairs of id and what it turns off. A site is a call
//! `mutated("id")` anywhere else in `src/`. Cases: a site without an entry; an entry without a site;
//! an entry that stands twice; a site whose id is not a literal, which nobody can check.

use std::collections::BTreeSet;

use super::source::Source;
use super::{Finding, document, expect_none, sources};

const TABLE: &str = "src/mutation.rs";

/// The file that holds the table.
///
/// # Panics
/// If it is missing.
pub(super) fn source() -> Source {
    Source::new(TABLE, &document(TABLE))
}

/// The ids of the table, with their lines.
pub(super) fn table(source: &Source) -> Vec<(usize, String)> {
    let Some(begin) = source.words("MUTATIONS").first().copied() else {
        return Vec::new();
    };
    let Some(open) = source.code[begin..].find('=').map(|offset| begin + offset) else {
        return Vec::new();
    };
    let end = source.code[open..].find(';').map_or(source.code.len(), |offset| open + offset);
    let pairs = source.code[open..end].match_indices('(').map(|(at, _)| open + at + 1);
    pairs.filter_map(|at| Some((source.line(at), source.literal(at)?.to_owned()))).collect()
}

/// What is wrong between the table and the sites.
fn without_partner(table_source: &Source, sources: &[Source]) -> Vec<Finding> {
    let table = table(table_source);
    let at_table =
        |line, found, to_do| Finding { path: table_source.path.clone(), line, found, to_do };
    let mut findings = Vec::new();
    if table.is_empty() {
        let found = "no entry of `MUTATIONS` was found".to_owned();
        findings.push(at_table(
            1,
            found,
            "keep the table as a list of (\"id\", \"what it turns off\")",
        ));
    }
    let mut sites = BTreeSet::new();
    for source in sources.iter().filter(|source| source.path != table_source.path) {
        for (at, id) in source.calls("mutated") {
            let finding = |found, to_do| Finding {
                path: source.path.clone(),
                line: source.line(at),
                found,
                to_do,
            };
            match id {
                None => {
                    let found =
                        "`mutated` is called with something that is not a literal".to_owned();
                    findings.push(finding(found, "name the mutation at its site"));
                }
                Some(id) if !table.iter().any(|(_, each)| each == id) => {
                    let found = format!("the mutation `{id}` is not in {TABLE}");
                    findings.push(finding(found, "add it to the table, with what it turns off"));
                }
                Some(id) => {
                    sites.insert(id);
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (line, id) in &table {
        if !sites.contains(id.as_str()) {
            let found = format!("the mutation `{id}` has no site");
            findings.push(at_table(
                *line,
                found,
                "remove it, or ask `mutated` where the protection is",
            ));
        }
        if !seen.insert(id) {
            let found = format!("the mutation `{id}` stands twice");
            findings.push(at_table(*line, found, "keep one of them"));
        }
    }
    findings
}

#[test]
fn every_mutation_has_a_site_and_every_site_a_mutation() {
    let mut sources = sources(&["src"]);
    sources.retain(|source| !source.path.starts_with("src/sync/"));
    expect_none(without_partner(&source(), &sources));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: &str = "\
/// All of them.
pub const MUTATIONS: &[(&str, &str)] = &[
    (\"kick-removed\", \"the kick\"),
    (
        \"fence-removed\",
        \"the fence; both sides\",
    ),
];
pub fn mutated(id: &'static str) -> bool { ask(id, (\"other\", 1)) }
";

    fn found(table: &str, site: &str) -> Vec<String> {
        let sources = [Source::new(TABLE, table), Source::new("src/a.rs", site)];
        let findings = without_partner(&sources[0], &sources);
        findings.iter().map(|each| format!("{}:{}: {}", each.path, each.line, each.found)).collect()
    }

    #[test]
    fn the_table_is_read_over_line_ends_and_no_further() {
        let ids: Vec<_> = table(&Source::new(TABLE, ENTRIES));
        assert_eq!(ids, [(3, "kick-removed".to_owned()), (4, "fence-removed".to_owned())]);
    }

    #[test]
    fn entries_and_sites_belong_together() {
        let both = "mutated(\"kick-removed\"); crate::mutation::mutated(\n\"fence-removed\")";
        assert_eq!(found(ENTRIES, both), Vec::<String>::new());
        let one = "mutated(\"kick-removed\")";
        assert_eq!(
            found(ENTRIES, one),
            ["src/mutation.rs:4: the mutation `fence-removed` has no site"]
        );
        let more = format!("{both}\n;mutated(\"moon\")\n;mutated(id)");
        let expected = [
            "src/a.rs:3: the mutation `moon` is not in src/mutation.rs",
            "src/a.rs:4: `mutated` is called with something that is not a literal",
        ];
        assert_eq!(found(ENTRIES, &more), expected);
    }

    #[test]
    fn a_table_that_cannot_be_read_or_repeats_itself_is_a_finding() {
        assert_eq!(found("", ""), ["src/mutation.rs:1: no entry of `MUTATIONS` was found"]);
        let twice = "const MUTATIONS: X = &[(\"a\", \"\"),\n(\"a\", \"\")];";
        let expected = ["src/mutation.rs:2: the mutation `a` stands twice"];
        assert_eq!(found(twice, "mutated(\"a\")"), expected);
    }
}
