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
        Schedule::read(text).map_err(|(at, mistake)| mistake.at(text, at))
    }

    /// The mistake has the byte at which it stands.
    fn read(text: &str) -> Result<Schedule, (usize, ScheduleMistake)> {
        let mut choices = Vec::new();
        let mut rest = 0;
        for word in text.split_ascii_whitespace() {
            let at = rest + text[rest..].find(word).unwrap_or_default();
            rest = at + word.len();
            let none = || (at, ScheduleMistake::Choice(clip(word)));
            let (choice, count) = match word.split_once('*') {
                None => (word, 1),
                Some((choice, count)) => (choice, number::<usize>(count).ok_or_else(none)?),
            };
            let choice = match choice.strip_prefix('v') {
                Some(value) => Choice::Value(number(value).ok_or_else(none)?),
                None => Choice::Task(number(choice).ok_or_else(none)?),
            };
            if count == 0 {
                return Err(none());
            }
            if choices.len().saturating_add(count) > Self::CHOICES_MAX {
                return Err((at, ScheduleMistake::TooLong));
            }
            choices.extend(std::iter::repeat_n(choice, count));
        }
        Ok(Schedule { choices })
    }
}

fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    digits.parse().ok()
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
    /// Says where, what was found and what was expected; nothing panics, whatever the text.
    pub fn parse(text: &str) -> Result<ScheduleFile, ScheduleError> {
        ScheduleFile::read(text).map_err(|(at, mistake)| mistake.at(text, at))
    }

    fn read(text: &str) -> Result<ScheduleFile, (usize, ScheduleMistake)> {
        const LAST: &str = "checksum ";
        let header = text.split('\n').next().unwrap_or_default().trim_end();
        match header.split_once(' ') {
            Some((HEADER, VERSION)) => {}
            Some((HEADER, version)) => {
                return Err((HEADER.len() + 1, ScheduleMistake::Version(clip(version))));
            }
            _ => return Err((0, ScheduleMistake::Foreign(clip(header)))),
        }
        let body_end = text.rfind(LAST).ok_or((text.len(), ScheduleMistake::Truncated))?;
        let (body, last) = text.split_at(body_end);
        let found = last[LAST.len()..].trim_end();
        let expected = format!("{:016x}", checksum(body));
        if found != expected {
            let mistake = ScheduleMistake::Checksum { found: clip(found), expected };
            return Err((body_end + LAST.len(), mistake));
        }
        let required = |name| field(body, name).ok_or((body_end, ScheduleMistake::Missing(name)));
        let (_, scenario) = required("scenario")?;
        let (_, verdict) = required("verdict")?;
        let (begin, choices) = required("choices")?;
        Ok(ScheduleFile {
            scenario: scenario.to_owned(),
            mutation: field(body, "mutation").map(|(_, value)| value.to_owned()),
            verdict: verdict.to_owned(),
            schedule: Schedule::read(choices).map_err(|(at, mistake)| (begin + at, mistake))?,
        })
    }
}

/// What follows `name` in the first line that begins with it, and where.
fn field<'t>(body: &'t str, name: &str) -> Option<(usize, &'t str)> {
    let mut end = 0;
    body.split_inclusive('\n').find_map(|line| {
        let begin = end;
        end += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Some((begin + name.len() + 1, line.strip_prefix(name)?.strip_prefix(' ')?))
    })
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

/// Why a text is not a schedule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub mistake: ScheduleMistake,
}

/// What makes a text no schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleMistake {
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
    /// There are more choices than any execution makes.
    TooLong,
}

impl ScheduleMistake {
    /// This mistake, at this byte of the text.
    fn at(self, text: &str, at: usize) -> ScheduleError {
        let before = &text[..at];
        let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        ScheduleError {
            line: before.matches('\n').count() + 1,
            column: before[line_begin..].chars().count() + 1,
            mistake: self,
        }
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.mistake)
    }
}

impl fmt::Display for ScheduleMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScheduleMistake::Foreign(found) => {
                write!(f, "not a schedule file: expected `{HEADER} {VERSION}`, found `{found}`")
            }
            ScheduleMistake::Version(found) => {
                write!(f, "schedule version `{found}` is unknown: expected `{VERSION}`")
            }
            ScheduleMistake::Truncated => f.write_str(
                "the schedule is cut off: expected a last line `checksum ...`, found none",
            ),
            ScheduleMistake::Checksum { found, expected } => write!(
                f,
                "the schedule is damaged: expected checksum `{expected}` of its text, found `{found}`"
            ),
            ScheduleMistake::Missing(name) => {
                write!(f, "the schedule has no line `{name} ...`: expected one")
            }
            ScheduleMistake::Choice(found) => write!(
                f,
                "`{found}` is not a choice: expected a task `1`, a value `v1`, or either repeated `1*3`"
            ),
            ScheduleMistake::TooLong => write!(
                f,
                "the schedule is too long: expected at most {} choices, found more",
                Schedule::CHOICES_MAX
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
        fn any_text_is_refused_without_a_panic(text in "(?s).{0,200}") {
            let error = ScheduleFile::parse(&text).expect_err("it is none");
            prop_assert!(is_inside(&error, &text), "{error}");
        }

        #[test]
        fn any_choices_are_read_or_refused_at_their_place(choices in "[0-9v* x\u{a0}\u{e4}-]{0,60}") {
            let text = signed(&format!("graphlock-schedule 1\nscenario a\nverdict b\nchoices {choices}\n"));
            if let Err(error) = ScheduleFile::parse(&text) {
                prop_assert!(is_inside(&error, &text) && error.line == 4, "{error}");
            }
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
            let error = ScheduleFile::parse(&damaged);
            prop_assert!(error.is_err_and(|error| is_inside(&error, &damaged)), "{damaged}");
        }
    }

    /// Whether there is such a place in the text.
    fn is_inside(error: &ScheduleError, text: &str) -> bool {
        let line = error.line.checked_sub(1).and_then(|line| text.split('\n').nth(line));
        line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&error.column))
    }

    fn signed(body: &str) -> String {
        format!("{body}checksum {:016x}\n", checksum(body))
    }

    #[test]
    fn each_mistake_has_a_place() {
        let head = "graphlock-schedule 1\n";
        let cases = [
            (String::new(), "line 1, column 1: not a schedule file"),
            ("graphlock-schedule 2\n".to_owned(), "line 1, column 20: schedule version `2`"),
            (format!("{head}scenario a"), "line 2, column 11: the schedule is cut off"),
            (format!("{head}checksum 1\n"), "line 2, column 10: the schedule is damaged"),
            (signed(head), "line 2, column 1: the schedule has no line `scenario ...`"),
            (
                signed(&format!("{head}scenario a\nverdict \u{e4}\nchoices 1*2 0 2x\n")),
                "line 4, column 15: `2x` is not a choice",
            ),
            (
                signed(&format!("{head}scenario a\nverdict b\nchoices 1 0*99999999999\n")),
                "line 4, column 11: the schedule is too long",
            ),
        ];
        for (text, said) in cases {
            let error = ScheduleFile::parse(&text).expect_err("it is none").to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
