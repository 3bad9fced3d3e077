//! The programs in `model-tests/programs/`, and drawn ones: each can be read and written, and those in files tell a story.
//!
//! # Not here
//! Executing them: `cargo gate check FILE`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use graphlock_programs::file::{parse, print};
use graphlock_programs::rules::{self, Rule};
use graphlock_programs::strategy::{Size, draw};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Each file with its name.
fn files() -> Vec<(String, String)> {
    let folder = root().join("model-tests/programs");
    let entries = std::fs::read_dir(&folder).expect("the folder is there");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("it is text"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn each_file_is_a_small_program_and_can_be_written() {
    let files = files();
    assert!(files.len() >= 20, "{}", files.len());
    for (name, text) in files {
        let program = parse(&name, &text).unwrap_or_else(|rejection| panic!("{rejection}"));
        assert_eq!(rules::check(&program), Ok(()), "{name}");
        assert_eq!(parse(&name, &print(&program)), Ok(program.clone()), "{name}");
        assert!((2..=4).contains(&program.tasks()) && program.steps() <= 20, "{name} is not small");
        assert!(!program.about.is_empty(), "{name} does not say what it shows");
    }
}

#[test]
fn each_file_begins_with_its_story_and_names_bugs_that_can_be_planted() {
    let mutations = std::fs::read_to_string(root().join("src/mutation.rs")).expect("it is there");
    for (name, text) in files() {
        let story: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).collect();
        assert!((3..=10).contains(&story.len()), "{name}: {} lines", story.len());
        let story = story.join("").replace("`", " ");
        let mut words = story.split_whitespace();
        let mut planted = 0;
        while words.any(|word| word == "--mutation") {
            let id = words.next().unwrap_or_default();
            assert!(
                mutations.contains(&format!("(\"{id}\""))
                    || mutations.contains(&format!("\"{id}\",\n")),
                "{name}: {id}"
            );
            planted += 1;
        }
        assert!(planted > 0, "{name} names no planted bug");
    }
}

#[test]
fn drawn_programs_can_be_written_and_read() {
    for seed in 0..2_000 {
        let program = draw(seed, Size { tasks: 9, steps: 60, nodes: 12 });
        let text = print(&program);
        let read =
            parse("drawn.toml", &text).unwrap_or_else(|rejection| panic!("{rejection}\n{text}"));
        assert_eq!(read, program, "seed {seed}\n{text}");
    }
}

/// A node, its loop's steps, the main loop's steps, and the rule that is broken.
const BROKEN_ORDERS: [(&str, &str, &str, Rule, &str); 6] = [
    (
        "G7",
        "'job n', 'read-lock', 'pause-point', 'read-unlock', 'end-job'",
        "",
        Rule::NoRequestUnderReadLock,
        "5:33",
    ),
    (
        "G7, by a request",
        "'read-lock', 'read n', 'read-unlock'",
        "",
        Rule::NoRequestUnderReadLock,
        "5:24",
    ),
    ("G8", "'read-lock', 'read-lock', 'read-unlock'", "", Rule::ReadLocksAreWhole, "5:24"),
    (
        "G11",
        "",
        "'write-lock', 'drain-begin n', 'drain-end n', 'unlock'",
        Rule::NoPollInSection,
        "8:25",
    ),
    (
        "G11, all nodes",
        "",
        "'write-lock', 'drain-all-begin', 'drain-all-end', 'unlock'",
        Rule::NoPollInSection,
        "8:25",
    ),
    ("C1", "", "'write-lock', 'unref n', 'unlock'", Rule::NoPollInSection, "8:25"),
];

#[test]
fn the_broken_orders_of_qemu_are_refused_by_exactly_their_rules() {
    for (bug, steps, main, rule, place) in BROKEN_ORDERS {
        let text = format!(
            "[[node]]\nname = \"n\"\n[[loop]]\nname = \"l\"\nsteps = [{steps}]\nholds = [\"n\"]\n[main]\nsteps = [{main}]\n"
        );
        let rejection = parse("p.toml", &text).expect_err(bug);
        assert_eq!(format!("{}:{}", rejection.line, rejection.column), place, "{bug}: {rejection}");
        assert_eq!(rejection.expected, format!("that {}", rule.text()), "{bug}");
    }
}

#[test]
fn the_document_names_every_word_and_every_rule() {
    let document = std::fs::read_to_string(root().join("docs/PROGRAMS.md")).expect("it is there");
    let rows: BTreeSet<&str> =
        document.lines().filter_map(|line| line.strip_prefix("| `")).collect();
    for (word, _) in graphlock_programs::step::WORDS {
        let begins =
            |row: &&str| row.strip_prefix(word).is_some_and(|rest| rest.starts_with(['`', ' ']));
        assert!(rows.iter().any(begins), "no row for the step `{word}`");
    }
    for rule in Rule::ALL {
        assert!(document.contains(&format!("| {} |", rule.text())), "no row for: {}", rule.text());
    }
}
