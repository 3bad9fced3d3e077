//! A violation made lasting: its schedule in a file with a page for a browser beside it, its steps as text.
//!
//! Found planted bugs are saved too: each file draws what its protection is there for. Files of
//! earlier runs stay; a schedule that once failed may be what somebody still looks at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use graphlock_harness::model::{self, Body};
use graphlock_harness::outcome::{Report, Verdict, Violation};
use graphlock_harness::scenario::Check;
use graphlock_harness::schedule::{Schedule, ScheduleFile};
use graphlock_harness::trace::{Lanes, ROWS_MAX};

use crate::place;
use crate::table::Paint;
use crate::trace_page::Page;

/// Columns that the drawing may take.
const WIDTH_MAX: usize = 100;

/// Executions that are spent on making a schedule small.
pub(crate) const LEAST_EXECUTIONS_MAX: u64 = 20_000;

/// The report with a schedule that shows the violation with as few switches as can be found. Engines that give no
/// schedule keep theirs.
pub(crate) fn made_small(
    report: Report,
    body: &Body,
    check: &Check,
    executions_max: u64,
) -> Report {
    let Verdict::Violation(violation) = &report.verdict else { return report };
    if violation.schedule == Schedule::default() || violation.least.is_some() {
        return report;
    }
    match model::minimise(check, body, violation, executions_max) {
        Some(least) => Report { verdict: Verdict::Violation(Box::new(least)), ..report },
        // It is not shown again when it is followed: as it was found.
        None => report,
    }
}

/// Saves the schedule of a violation, if its engine gave one, and its page.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn save(
    folder: &Path,
    scenario: &str,
    mutation: Option<&str>,
    violation: &Violation,
) -> io::Result<Option<PathBuf>> {
    if violation.schedule == Schedule::default() {
        return Ok(None);
    }
    let file = ScheduleFile {
        scenario: scenario.to_owned(),
        mutation: mutation.map(str::to_owned),
        verdict: violation.kind.to_string(),
        schedule: violation.schedule.clone(),
    };
    let path = folder.join(file_name(scenario, mutation));
    fs::create_dir_all(folder)?;
    fs::write(&path, file.to_text())?;
    let replay = replay_command(&path);
    let page = Page { title: scenario, mutation, violation, replay: Some(&replay) };
    page.write(&page_of(&path))?;
    Ok(Some(path))
}

/// A name that needs no quotes in a shell: `reader_meets_writer-readers=1.schedule`.
fn file_name(scenario: &str, mutation: Option<&str>) -> String {
    let plain = |each: char| {
        if each.is_ascii_alphanumeric() || "_=.-".contains(each) { each } else { '-' }
    };
    let scenario: String = scenario.trim_end_matches(']').chars().map(plain).collect();
    match mutation {
        None => format!("{scenario}.schedule"),
        Some(mutation) => {
            format!("{scenario}.{}.schedule", mutation.chars().map(plain).collect::<String>())
        }
    }
}

/// What happened, drawn in lanes where the engine gave the steps.
pub(crate) fn draw(violation: &Violation, paint: Paint) -> String {
    if !violation.trace.is_empty() {
        let lanes = Lanes::new(&violation.trace, WIDTH_MAX, ROWS_MAX);
        let mut text = lanes.painted(&|tone, text| paint.paint_lane(tone, text));
        if let Some(least) = &violation.least {
            text += &format!("{least}\n");
        }
        return text;
    }
    let message = violation.message.trim_end();
    let kind = violation.kind.to_string();
    // An engine's text often begins with the kind.
    if message.starts_with(&kind) { format!("{message}\n") } else { format!("{kind}: {message}\n") }
}

/// The page beside a saved schedule.
pub(crate) fn page_of(schedule: &Path) -> PathBuf {
    schedule.with_extension("html")
}

/// The command that executes a saved schedule again.
pub(crate) fn replay_command(schedule: &Path) -> String {
    format!("cargo gate replay {}", place::shown(schedule))
}

/// How to see it again.
pub(crate) fn how_to_replay(file: Option<&Path>) -> String {
    match file {
        Some(path) => format!(
            "to see it again: {}\nin a browser: {}\n",
            replay_command(path),
            place::shown(&page_of(path))
        ),
        None => "this engine gives no schedule; nothing was saved\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphlock_harness::outcome::ViolationKind;

    #[test]
    fn file_names_need_no_quotes() {
        let name = "reader_meets_writer[readers=1,sections=2]";
        assert_eq!(file_name(name, None), "reader_meets_writer-readers=1-sections=2.schedule");
        assert_eq!(file_name("a/../b c", Some("kick-removed")), "a-..-b-c.kick-removed.schedule");
    }

    #[test]
    fn without_a_schedule_nothing_is_saved() {
        let violation = Violation {
            kind: ViolationKind::Panic,
            message: "gone".to_owned(),
            schedule: Schedule::default(),
            trace: Default::default(),
            least: None,
        };
        let saved = save(Path::new("/nowhere/at/all"), "a", None, &violation);
        assert_eq!(saved.expect("nothing is written"), None);
        assert_eq!(draw(&violation, Paint::NONE), "panic: gone\n");
    }
}
