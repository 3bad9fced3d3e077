//! What the documents explain: claims, orderings, verdicts, kinds of violation, exit codes, steps and rules.

use graphlock_on_harness::model_tests::claims::{Claim, Evidence};
use graphlock_programs::rules::Rule;

use super::document::{Row, Table, quoted, table};
use super::places;
use super::topic::{Kind, Topic};
use crate::claims::decided;
use crate::exit_code;
use crate::planted::with_planted;

const CLAIMS: &str = include_str!("../../../docs/CLAIMS.md");
const ORDERING: &str = include_str!("../../../docs/ORDERING.md");
const PROGRAMS: &str = include_str!("../../../docs/PROGRAMS.md");
const PROPERTIES: &str = include_str!("../../../docs/PROPERTIES.md");
const PROTOCOL: &str = include_str!("../../../docs/PROTOCOL.md");
const VERDICTS: &str = include_str!("../../../docs/VERDICTS.md");

/// The properties of scenarios, and those of programs.
pub(super) fn properties() -> [Table; 2] {
    let of = |head: &[&str]| table("docs/PROPERTIES.md", PROPERTIES, head);
    [of(&["property", "kind", "says", "scenarios"]), of(&["property", "says"])]
}

/// The cases of the protocol.
pub(super) fn cases() -> Table {
    table("docs/PROTOCOL.md", PROTOCOL, &["case", "where", "what it means"])
}

/// The rows of a table of which each is about its names.
fn named(table: &Table, topic: impl Fn(&str, &Row) -> Topic) -> Vec<Topic> {
    let mut topics = Vec::new();
    for row in &table.rows {
        for name in row.names() {
            let place = format!("{}:{}", table.path, row.line);
            topics.push(topic(name, row).with("written in", place));
        }
    }
    topics
}

/// What was said in the review, with what decides it.
pub(super) fn claims() -> Vec<Topic> {
    let page = table("docs/CLAIMS.md", CLAIMS, &["claim", "who", "in one sentence"]);
    let topic = |claim: &Claim| {
        let witnesses: Vec<String> = claim.evidence.iter().map(witness).collect();
        let next = claim.evidence.first().map_or("nothing: no run decides it".to_owned(), next_for);
        let topic = Topic::new(Kind::Claim, claim.id, claim.says)
            .with("said by", claim.who)
            .with("comes to", format!("{}: {}", decided(claim), claim.because))
            .with("decided by", witnesses.join("\n"))
            .with("next", next);
        let row = page.rows.iter().find(|row| row.names().any(|name| name == claim.id));
        row.iter().fold(topic, |topic, row| {
            topic.with("written in", format!("{}:{}", page.path, row.line))
        })
    };
    graphlock_on_harness::model_tests::claims::all().iter().map(topic).collect()
}

/// What decides a claim, in words.
fn witness(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Check(what, check) => {
            let planted = with_planted(check.mutation);
            format!("`{}`{planted}: {what}", check.scenario.full_name())
        }
        Evidence::DoesNotCompile(file, what) => format!("`{file}`, which does not compile: {what}"),
        Evidence::Program(file, what) => format!("`{file}`: {what}"),
    }
}

/// What shows more of something that decides a claim.
fn next_for(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Check(_, check) => {
            let planted = check.mutation.map(|id| format!(" --mutation {id}")).unwrap_or_default();
            format!("cargo gate explore \"{}\"{planted}", check.scenario.full_name())
        }
        Evidence::DoesNotCompile(file, _) => {
            format!("cargo test --test model-tests, which compiles {file}")
        }
        Evidence::Program(file, _) => format!("cargo gate check {file}"),
    }
}

/// Ids of comments `ORDERING`.
pub(super) fn orderings() -> Vec<Topic> {
    let head =
        ["id", "what is ordered", "one side", "other side", "what fails without it", "witness"];
    named(&table("docs/ORDERING.md", ORDERING, &head), |name, row| {
        let sites = places::of(&format!("ORDERING({name})")).join(", ");
        let witness = quoted(row.cell(5)).next().unwrap_or_default();
        Topic::new(Kind::Ordering, name, row.cell(1))
            .with("without it", row.cell(4))
            .with("between", format!("{} and {}", row.cell(2), row.cell(3)))
            .with("stands in", sites)
            .with("found by", format!("planted bugs {}; seen by {}", row.cell(5), row.cell(6)))
            .with("next", format!("cargo gate mutants --filter {witness}"))
    })
}

/// What checks end in.
pub(super) fn verdicts() -> Vec<Topic> {
    named(&verdict_table(), |name, row| {
        Topic::new(Kind::Verdict, name, row.cell(2))
            .with("matters", row.cell(3))
            .with("exit code", row.cell(1))
            .with("next", row.cell(4))
    })
}

fn verdict_table() -> Table {
    let head = ["verdict", "exit code", "what it means", "why it matters", "what to do next"];
    table("docs/VERDICTS.md", VERDICTS, &head)
}

/// What the process ends with.
pub(super) fn exit_codes() -> Vec<Topic> {
    let table = verdict_table();
    let topic = |each: &exit_code::ExitCode| {
        let code = each.code.to_string();
        let topic = Topic::new(Kind::ExitCode, &code, each.means);
        let row = table.rows.iter().find(|row| row.cell(1) == code);
        row.iter().fold(topic, |topic, row| {
            topic
                .with("verdict", row.cell(0).trim_matches('`'))
                .with("in full", row.cell(2))
                .with("matters", row.cell(3))
                .with("next", row.cell(4))
                .with("written in", format!("{}:{}", table.path, row.line))
        })
    };
    exit_code::ALL.iter().map(topic).collect()
}

/// How interleavings fail.
pub(super) fn violations() -> Vec<Topic> {
    let head = ["kind", "what it means", "why it matters", "what to do next"];
    named(&table("docs/VERDICTS.md", VERDICTS, &head), |name, row| {
        Topic::new(Kind::Violation, name, row.cell(1))
            .with("matters", row.cell(2))
            .with("exit code", "1, of the verdict `violation`")
            .with("next", row.cell(3))
    })
}

/// Words of the gate's tables.
pub(super) fn words() -> Vec<Topic> {
    let head = ["word", "what it means", "what to do next"];
    named(&table("docs/VERDICTS.md", VERDICTS, &head), |name, row| {
        Topic::new(Kind::Word, name, row.cell(1)).with("next", row.cell(2))
    })
}

/// Words of programs.
pub(super) fn steps() -> Vec<Topic> {
    let head = ["step", "who", "what it does", "what it waits for"];
    let table = table("docs/PROGRAMS.md", PROGRAMS, &head);
    let topic = |row: &Row| {
        let form = row.names().next()?;
        let word = form.split(' ').next()?;
        // `wait` does nothing but wait.
        let does = if row.cell(2).is_empty() {
            format!("waits for {}", row.cell(3))
        } else {
            row.cell(2).to_owned()
        };
        let waits = if row.cell(3).is_empty() { "nothing" } else { row.cell(3) };
        let topic = Topic::new(Kind::Step, word, &does)
            .with("written as", format!("`{form}`"))
            .with("taken by", row.cell(1))
            .with("waits for", waits)
            .with("next", "docs/PROGRAMS.md has an example; then cargo gate check FILE.toml");
        Some(topic.with("written in", format!("{}:{}", table.path, row.line)))
    };
    table.rows.iter().filter_map(topic).collect()
}

/// Rules for those who write programs, each under the name of its variant.
pub(super) fn rules() -> Vec<Topic> {
    let table = table("docs/PROGRAMS.md", PROGRAMS, &["rule", "why"]);
    let next = "move or remove the step that `gate check` names: the program would break the rule, not the lock";
    let topic = |rule: &Rule| {
        let topic = Topic::new(Kind::Rule, &kebab(&format!("{rule:?}")), rule.text());
        let row = table.rows.iter().find(|row| row.cell(0) == rule.text());
        let topic = row.iter().fold(topic, |topic, row| {
            topic
                .with("matters", row.cell(1))
                .with("written in", format!("{}:{}", table.path, row.line))
        });
        topic.with("next", next)
    };
    Rule::ALL.iter().map(topic).collect()
}

/// `NoPollInSection` as `no-poll-in-section`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for each in name.chars() {
        if each.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(each.to_ascii_lowercase());
    }
    kebab
}
