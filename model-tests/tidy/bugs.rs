//! The table of bugs has a row for each number of the corpus, and names what exists.
//!
//! A name is a planted bug, a property, a case, a scenario of whichever list, a program, a test or a file that must not compile.

use super::{document, sources};
use std::path::Path;

/// How many there are of each family, and which numbers are not given.
const FAMILIES: &[(char, usize, &[usize])] = &[
    ('G', 17, &[]),
    ('U', 23, &[7]),
    ('D', 25, &[6, 12, 15]),
    ('W', 10, &[1, 6]),
    ('B', 10, &[3, 4, 8]),
    ('N', 15, &[4]),
    ('Q', 14, &[1, 4]),
    ('F', 10, &[3]),
    ('M', 3, &[]),
    ('X', 5, &[3]),
];

fn rows() -> Vec<Vec<String>> {
    let text = document("docs/BUGS.md");
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.skip(1).map(cells).collect()
}

#[test]
fn every_bug_of_the_corpus_has_a_row() {
    let of = |(family, most, left_out): &(char, usize, &[usize])| {
        let numbers = (1..=*most).filter(|number| !left_out.contains(number));
        numbers.map(|number| format!("{family}{number}")).collect::<Vec<_>>()
    };
    let expected: Vec<String> = FAMILIES.iter().flat_map(of).collect();
    let found: Vec<String> = rows().into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(found, expected, "docs/BUGS.md has one row for each, in order");
}

#[test]
fn what_a_row_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code: String = sources(&["src", "model-tests"]).into_iter().map(|each| each.text).collect();
    let properties = document("docs/PROPERTIES.md");
    let mut missing = Vec::new();
    for row in rows() {
        let [bug, shape, here, why] = &row[..] else { panic!("{row:?} has not four cells") };
        assert!(!shape.is_empty(), "{bug} says what its shape is");
        assert!(here != "-" || !why.is_empty(), "{bug}: a dash needs a reason");
        for name in here.split('`').skip(1).step_by(2) {
            let is_there = if name.ends_with(".toml") {
                root.join("model-tests/programs").join(name).is_file()
            } else if let Some(test) = name.strip_prefix("tests/") {
                root.join("tests").join(test).is_file()
            } else if name.ends_with(".rs") {
                root.join("model-tests/ui/wrong").join(name).is_file()
            } else {
                code.contains(&format!("\"{name}\"")) || properties.contains(&format!("`{name}`"))
            };
            if !is_there {
                missing.push(format!("{bug}: `{name}`"));
            }
        }
    }
    assert!(missing.is_empty(), "docs/BUGS.md names what is not there: {missing:#?}");
}
