//! A line of the source, by its text and not by an address: the same in every build and on every machine.

use std::fmt;
use std::panic::Location;

use serde::{Deserialize, Serialize};

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as the compiler was told it, with `a/../` taken out.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl Place {
    /// The line that a location names.
    #[must_use]
    pub fn of(at: &Location<'_>) -> Self {
        let mut parts: Vec<&str> = Vec::new();
        for part in at.file().split('/') {
            let goes_back =
                part == ".." && parts.last().is_some_and(|last| !matches!(*last, ".." | ""));
            if goes_back {
                parts.pop();
            } else {
                parts.push(part);
            }
        }
        Place { file: parts.join("/"), line: at.line() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
