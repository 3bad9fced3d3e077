//! Where something stands in a file, and what is said of it.

use std::fmt;

/// Why a file is no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rejection { file, line, column, found, expected } = self;
        write!(f, "{file}:{line}:{column}: found {found}, expected {expected}")
    }
}

impl std::error::Error for Rejection {}

/// A file as it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Text<'_> {
    /// A rejection at this byte.
    pub(super) fn reject(&self, at: usize, found: String, expected: String) -> Rejection {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        Rejection {
            file: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_begin..].chars().count() + 1,
            found: one_line(&found),
            expected,
        }
    }
}

/// What was found, without what would break the line, and not longer than a line.
fn one_line(found: &str) -> String {
    const LENGTH_MAX: usize = 120;
    let plain = |each: char| if each.is_control() { ' ' } else { each };
    let mut line: String = found.chars().map(plain).take(LENGTH_MAX).collect();
    if line.len() < found.len() {
        line.push_str("...");
    }
    line
}

/// The names that there are, the most similar first: for who has mistyped one.
pub(super) fn one_of<'n>(names: impl Iterator<Item = &'n str>, like: &str) -> String {
    const SHOWN: usize = 6;
    let mut names: Vec<&str> = names.collect();
    let letters = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    // Letters are often swapped.
    names.sort_by_key(|name| (letters(name) != letters(like), distance(name, like)));
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    names.truncate(SHOWN);
    match names.as_slice() {
        [] => "none: there is none yet".to_owned(),
        [only] => format!("`{only}`"),
        names => format!("one of `{}`{more}", names.join("`, `")),
    }
}

/// How many characters must be changed to make one word of the other, for words of no more than some length.
fn distance(one: &str, other: &str) -> usize {
    const LENGTH_MAX: usize = 64;
    let one: Vec<char> = one.chars().take(LENGTH_MAX).collect();
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (line, letter) in other.chars().take(LENGTH_MAX).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (at, own) in one.iter().enumerate() {
            let changed = diagonal + usize::from(*own != letter);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[one.len()]
}
