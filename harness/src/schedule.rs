//! A schedule: every choice of one execution, of tasks and of values, in one sequence.
//!
//! As text it is small, versioned and carries a checksum, so that a file that was cut or edited is
//! recognised before anything is executed:
//!
//! ```text
//! graphlock-schedule 1
//! scenario reader_meets_writer[readers=1]
//! mutation reader-kick-removed
//! verdict deadlock
//! choices 0*3 1 0*2 v1 1*4
//! checksum 6c3f9a0b12d4e877
//! ```
//!
//! `0*3` is three steps of task 0, `v1` a data choice. `mutation` stands only where a bug was planted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// This task took the next step.
    Task(u32),
    /// A data choice came out as this number.
    Value(u32),
}

/// All choices of one execution. In files it is its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Schedule {
    /// In the order in which they were made.
    pub choices: Vec<Choice>,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.choices.as_slice();
        let mut separator = "";
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|each| *each == first).count();
            match first {
                Choice::Task(task) => write!(f, "{separator}{task}")?,
                Choice::Value(value) => write!(f, "{separator}v{value}")?,
            }
            if same > 1 {
                write!(f, "*{same}")?;
            }
            separator = " ";
            rest = &rest[same..];
        }
        Ok(())
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.to_string()
    }
}

impl TryFrom<String> for Schedule {
    type Error = ScheduleError;
    fn try_from(text: String) -> Result<Schedule, ScheduleError> {
        Schedule::parse(&text)
    }
}

impl Schedule {
    /// The most choices a text may stand for. A longer one is a mistake, not a schedule.
    const CHOICES_MAX: usize = 10_000_000;

    fn parse(text: &str) -> Result<Schedule, ScheduleError> {
        let mut choices = Vec::new();
        for word in text.split_ascii_whitespace() {
            let (choice, count) = match word.split_once('*') {
                None => (word, 1),
                Some((choice, count)) => (choice, number::<usize>(count, word)?),
            };
            let choice = match choice.strip_prefix('v') {
                Some(value) => Choice::Value(number(value, word)?),
                None => Choice::Task(number(choice, word)?),
            };
            if count == 0 || choices.len().saturating_add(count) > Self::CHOICES_MAX {
                return Err(ScheduleError::Choice(word.to_owned()));
            }
            choices.extend(std::iter::repeat_n(choice, count));
        }
        Ok(Schedule { choices })
    }
}

fn number<N: std::str::FromStr>(digits: &str, word: &str) -> Result<N, ScheduleError> {
    digits.parse().map_err(|_| ScheduleError::Choice(word.to_owned()))
}

/// A schedule with what is needed to execute it again: the content of a `.schedule` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleFile {
    /// The scenario's full name.
    pub scenario: String,
    /// The planted bug that was on.
    pub mutation: Option<String>,
    /// What the execution ended in, for people.
    pub verdict: String,
    /// The choices.
    pub schedule: Schedule,
}

const HEADER: &str = "graphlock-schedule";
const VERSION: &str = "1";

impl ScheduleFile {
    /// The text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER} {VERSION}\nscenario {}\n", self.scenario);
        if let Some(mutation) = &self.mutation {
            text += &format!("mutation {mutation}\n");
        }
        text += &format!("verdict {}\nchoices {}\n", self.verdict, self.schedule);
        let sum = checksum(&text);
        text + &format!("checksum {sum:016x}\n")
    }

    /// Reads such a text.
    ///
    /// # Errors
    /// Says what was found and what was expected; nothing panics, whatever the text.
    pub fn parse(text: &str) -> Result<ScheduleFile, ScheduleError> {
        let mut lines = text.split_inclusive('\n');
        let header = lines.next().unwrap_or_default().trim_end();
        match header.split_once(' ') {
            Some((HEADER, VERSION)) => {}
            Some((HEADER, version)) => return Err(ScheduleError::Version(clip(version))),
            _ => return Err(ScheduleError::Foreign(clip(header))),
        }
        let body_end = text.rfind("checksum ").ok_or(ScheduleError::Truncated)?;
        let (body, last) = text.split_at(body_end);
        let found = last["checksum ".len()..].trim_end();
        let expected = format!("{:016x}", checksum(body));
        if found != expected {
            return Err(ScheduleError::Checksum { found: clip(found), expected });
        }
        let field = |name: &str| {
            let mut values =
                body.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            values.next().map(str::to_owned)
        };
        Ok(ScheduleFile {
            scenario: field("scenario").ok_or(ScheduleError::Missing("scenario"))?,
            mutation: field("mutation"),
            verdict: field("verdict").ok_or(ScheduleError::Missing("verdict"))?,
            schedule: Schedule::parse(&field("choices").ok_or(ScheduleError::Missing("choices"))?)?,
        })
    }
}

/// At most 40 characters of what was found, on one line.
fn clip(text: &str) -> String {
    text.chars().take(40).map(|each| if each.is_control() { '?' } else { each }).collect()
}

/// FNV-1a: it is there to notice accidents, not attacks.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Why a text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleError {
    /// The first line is something else.
    Foreign(String),
    /// A version this program does not know.
    Version(String),
    /// There is no checksum line: the end is missing.
    Truncated,
    /// The text was changed or damaged.
    Checksum {
        /// What the file says.
        found: String,
        /// What its text adds up to.
        expected: String,
    },
    /// A line is missing.
    Missing(&'static str),
    /// A word among the choices is none.
    Choice(String),
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScheduleError::Foreign(found) => {
                write!(
                    f,
                    "not a schedule file: expected `{HEADER} {VERSION}` in line 1, found `{found}`"
                )
            }
            ScheduleError::Version(found) => {
                write!(f, "schedule version `{found}` is unknown: expected `{VERSION}`")
            }
            ScheduleError::Truncated => f.write_str(
                "the schedule is cut off: expected a last line `checksum ...`, found none",
            ),
            ScheduleError::Checksum { found, expected } => write!(
                f,
                "the schedule is damaged: expected checksum `{expected}` of its text, found `{found}`"
            ),
            ScheduleError::Missing(name) => {
                write!(f, "the schedule has no line `{name} ...`: expected one")
            }
            ScheduleError::Choice(found) => write!(
                f,
                "`{found}` is not a choice: expected a task `1`, a value `v1`, or either repeated `1*3`"
            ),
        }
    }
}

impl std::error::Error for ScheduleError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(choices: Vec<Choice>) -> ScheduleFile {
        ScheduleFile {
            scenario: "a[b=1]".to_owned(),
            mutation: Some("kick-removed".to_owned()),
            verdict: "deadlock".to_owned(),
            schedule: Schedule { choices },
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(raw in prop::collection::vec((any::<bool>(), 0u32..5), 0..60)) {
            let choices = raw.into_iter().map(|(value, number)| match value {
                true => Choice::Value(number),
                false => Choice::Task(number),
            });
            let file = file(choices.collect());
            prop_assert_eq!(ScheduleFile::parse(&file.to_text()), Ok(file));
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
            prop_assert!(ScheduleFile::parse(&text).is_err());
        }

        #[test]
        fn a_cut_or_changed_file_is_refused(at in 0usize..200, cut: bool) {
            let text = file(vec![Choice::Task(1); 7]).to_text();
            let at = at % (text.len() - 1);
            let damaged = if cut {
                text[..at].to_owned()
            } else {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
                String::from_utf8(bytes).expect("ASCII stays ASCII")
            };
            prop_assert!(ScheduleFile::parse(&damaged).is_err(), "{damaged}");
        }
    }
}
