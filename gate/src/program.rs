//! `gate check FILE.toml`: one program from a file, exhaustively as far as a budget goes, then sampled.
//!
//! Cases: *a mistake in the file* (exit code 2, with its place); *complete* (every interleaving, on each way of deferring);
//! *sampled* (the budget was spent; nothing was found: exit code 0, and the text says how far it came); *a violation* (exit
//! code 1, with its schedule saved). With `--schedule` the saved schedule is executed again and nothing else.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use graphlock_harness::model::{self, Hooks};
use graphlock_harness::outcome::{self, Limit, Report, Verdict, Violation};
use graphlock_harness::scenario::{Check, Sampling, Strategy};
use graphlock_harness::schedule::ScheduleFile;
use graphlock_programs::file;
use graphlock_programs::program::{Deferral, Program};

use crate::catalogue::Catalogue;
use crate::counterexample::{LEAST_EXECUTIONS_MAX, draw, page_of};
use crate::engine;
use crate::outputs::not_saved;
use crate::place::{self, OutOptions};
use crate::progress::SearchProgress;
use crate::replay::Shown;
use crate::table::{Paint, count};
use crate::trace_page::Page;

/// A program from a file.
#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// The program
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Plants this bug
    #[arg(long, value_name = "ID")]
    mutation: Option<String>,
    /// The most time for the exhaustive search, for each way of deferring
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    max_time: u64,
    /// How many schedules are drawn if that is not enough
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Seeds them
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads of the exhaustive search; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Shows no progress
    #[arg(long)]
    quiet: bool,
    /// Executes this saved schedule again, and nothing else
    #[arg(long, value_name = "FILE.schedule")]
    schedule: Option<PathBuf>,
    #[command(flatten)]
    out: OutOptions,
    /// Writes the drawing of that as a page for a browser, too
    #[arg(long, value_name = "OUT.html", requires = "schedule")]
    html: Option<PathBuf>,
}

/// Checks a program.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn check(catalogue: &Catalogue, options: &CheckOptions) -> Result<Shown, String> {
    options.out.choose();
    let mutation = match &options.mutation {
        None => None,
        Some(named) => Some(catalogue.mutation(named)?),
    };
    let program = Arc::new(read(&options.file)?);
    if let Some(schedule) = &options.schedule {
        return again(&program, schedule, options, mutation);
    }
    let ways = match program.deferral {
        Some(way) => vec![way],
        None => Deferral::ALL.to_vec(),
    };
    let mut text = match program.about.as_str() {
        "" => format!("{}\n", options.file.display()),
        about => format!("{}: {about}\n", options.file.display()),
    };
    for way in ways {
        let (lines, violation) = on_one_way(&program, way, options, mutation);
        text += &lines;
        if let Some((check, violation)) = violation {
            text += &failed(&program, way, options, &check, &violation)?;
            return Ok(Shown { text, exit_code: 1 });
        }
    }
    Ok(Shown { text, exit_code: 0 })
}

fn read(path: &Path) -> Result<Program, String> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|error| format!("{name}: found no readable file ({error}), expected a program; model-tests/programs/ has some"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("{name}: found bytes that are not UTF-8, expected a program; model-tests/programs/ has some"))?;
    file::parse(&name, &text).map_err(|rejection| rejection.to_string())
}

type Failed = Option<(Check, Box<Violation>)>;

/// All interleavings if there is time for them, then some.
fn on_one_way(
    program: &Arc<Program>,
    way: Deferral,
    options: &CheckOptions,
    mutation: Option<&'static str>,
) -> (String, Failed) {
    let jobs = std::num::NonZeroUsize::new(usize::from(options.jobs));
    let exhaustive = Check {
        time_max: Some(Duration::from_secs(options.max_time)),
        jobs: jobs.unwrap_or(std::num::NonZeroUsize::MIN),
        mutation,
        ..Check::default()
    };
    let report = watched(program, way, &exhaustive, options);
    let mut lines = String::new();
    let _ = writeln!(lines, "  {:<12} {}", way.word(), said(&report));
    if let Verdict::Violation(violation) = report.verdict {
        return (lines, Some((exhaustive, violation)));
    }
    if !matches!(report.verdict, Verdict::BudgetSpent(Limit::Time(_))) {
        return (lines, None);
    }
    let (seed, runs) = (options.seed, options.runs);
    let sampling = Sampling::Portfolio;
    let sampled = Check {
        strategy: Strategy::Sample { sampling, seed, first: 0, runs },
        mutation,
        ..Check::default()
    };
    let report = watched(program, way, &sampled, options);
    let _ = writeln!(lines, "  {:<12} {}", "", said(&report));
    match report.verdict {
        Verdict::Violation(violation) => (lines, Some((sampled, violation))),
        _ => (lines, None),
    }
}

/// Executes a program with its progress on stderr.
fn watched(program: &Arc<Program>, way: Deferral, check: &Check, options: &CheckOptions) -> Report {
    let drawn = if matches!(check.strategy, Strategy::Exhaustive) { "" } else { ", sampled" };
    let name = format!("{}, {}{drawn}", options.file.display(), way.word());
    let progress = SearchProgress::new(&name, check.time_max, options.quiet);
    let show = |each: &outcome::Progress| progress.show(each);
    let hooks = Hooks { progress: Some(&show), ..Hooks::default() };
    let report = engine::check_program(program, way, check, &hooks);
    progress.clear();
    report.expect("no checkpoint is asked for")
}

/// What was shown, in a line.
fn said(report: &Report) -> String {
    let executions = count(report.executions);
    let seen = report.saturation.map_or_else(String::new, |seen| {
        let new = 100.0 * seen.next_is_new;
        format!(", {} different traces, the next is new with {new:.1} %", count(seen.traces))
    });
    match &report.verdict {
        Verdict::Complete => format!("complete: all {executions} interleavings"),
        Verdict::BudgetSpent(Limit::Time(time)) => {
            let share = report.estimate.map_or_else(String::new, |estimate| {
                let share = 100.0 * estimate.share(report.executions);
                format!(", about {share:.1} % of all")
            });
            format!("{executions} interleavings in {} s{share}; then sampled:", time.as_secs())
        }
        Verdict::BudgetSpent(_) => format!("{executions} sampled schedules{seen}; nothing found"),
        Verdict::Violation(violation) => {
            format!("violation after {executions} executions: {}", violation.kind)
        }
        Verdict::NotDeterministic(why) | Verdict::HarnessBlind(why) => {
            format!("{}: {why}", report.verdict.word())
        }
    }
}

fn failed(
    program: &Arc<Program>,
    way: Deferral,
    options: &CheckOptions,
    check: &Check,
    violation: &Violation,
) -> Result<String, String> {
    let body = engine::program_body(program, way, check);
    let minimised = model::minimise(check, &body, violation, LEAST_EXECUTIONS_MAX);
    let violation = minimised.unwrap_or_else(|| violation.clone());
    let stem = options.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let saved = save(&stem, program, way, check, &violation);
    let saved = saved.map_err(|error| not_saved(&error))?;
    Ok(format!("\n{}\n{}", draw(&violation, Paint::for_stdout()), saved.how_to_replay()))
}

/// How the schedule's file names what it is of: how the program is executed is part of it.
fn label(way: Deferral, check: &Check) -> String {
    let buffers = u8::from(check.store_buffers);
    format!("program[deferral={way},store-buffers={buffers},surprises={}]", check.surprises)
}

/// The files of a failed program.
#[derive(Debug)]
pub(crate) struct Saved {
    program: PathBuf,
    schedule: PathBuf,
    mutation: Option<&'static str>,
}

impl Saved {
    /// The command that shows it again.
    fn command(&self) -> String {
        let (program, schedule) = (place::shown(&self.program), place::shown(&self.schedule));
        replay_command(&program, &schedule, self.mutation)
    }

    /// How to see it again.
    pub(crate) fn how_to_replay(&self) -> String {
        let page = page_of(&self.schedule);
        format!("to see it again: {}\nin a browser: {}\n", self.command(), place::shown(&page))
    }
}

fn replay_command(program: &str, schedule: &str, mutation: Option<&str>) -> String {
    let planted = mutation.map(|id| format!(" --mutation {id}")).unwrap_or_default();
    format!("cargo gate check {program} --schedule {schedule}{planted}")
}

/// Writes a program beside a schedule of it and its page.
///
/// # Errors
/// If a file cannot be written.
pub(crate) fn save(
    name: &str,
    program: &Program,
    way: Deferral,
    check: &Check,
    violation: &Violation,
) -> io::Result<Saved> {
    let folder = place::folder();
    std::fs::create_dir_all(&folder)?;
    let (toml, schedule) =
        (folder.join(format!("{name}.toml")), folder.join(format!("{name}.schedule")));
    let file = ScheduleFile {
        scenario: label(way, check),
        mutation: check.mutation.map(str::to_owned),
        verdict: violation.kind.to_string(),
        schedule: violation.schedule.clone(),
    };
    std::fs::write(&toml, file::print(program))?;
    std::fs::write(&schedule, file.to_text())?;
    let saved = Saved { program: toml, schedule, mutation: check.mutation };
    let title = format!("{name} {}", file.scenario);
    let replay = saved.command();
    let page = Page { title: &title, mutation: check.mutation, violation, replay: Some(&replay) };
    page.write(&page_of(&saved.schedule))?;
    Ok(saved)
}

/// Executes a saved schedule.
fn again(
    program: &Arc<Program>,
    path: &Path,
    options: &CheckOptions,
    mutation: Option<&'static str>,
) -> Result<Shown, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("{shown}: found no readable file ({error}), expected a schedule; `gate check` names those that it saves")
    })?;
    let file = ScheduleFile::parse(&text)
        .map_err(|error| format!("{shown}: {error}; let `gate check` save it again"))?;
    let (way, mut check) = labelled(&file.scenario).ok_or_else(|| {
        format!(
            "{shown}: found a schedule of `{}`, expected one of a program; `gate replay` executes those of scenarios",
            file.scenario
        )
    })?;
    if file.mutation.as_deref() != mutation {
        let planted = |id: Option<&str>| id.map_or("nothing".to_owned(), |id| format!("`{id}`"));
        return Err(format!(
            "{shown}: found a schedule with {} planted, expected the same in --mutation, which plants {}; change --mutation",
            planted(file.mutation.as_deref()),
            planted(mutation)
        ));
    }
    check.mutation = mutation;
    check.strategy = Strategy::Replay { schedule: file.schedule, strict: false };
    let report = engine::check_program(program, way, &check, &Hooks::default())
        .expect("no checkpoint is asked for");
    let name = options.file.display().to_string();
    let replay = replay_command(&name, &shown.to_string(), mutation);
    let title = format!("{name} {}", file.scenario);
    let html = options.html.as_deref();
    let page = crate::replay::page(&title, mutation, &replay, &report, html)?;
    let again = crate::replay::shown_again(&report, &file.verdict);
    Ok(Shown { text: again.text + &page, ..again })
}

/// The other way round.
fn labelled(label: &str) -> Option<(Deferral, Check)> {
    let parts = label.strip_prefix("program[deferral=")?.strip_suffix(']')?;
    let (way, rest) = parts.split_once(",store-buffers=")?;
    let (buffers, surprises) = rest.split_once(",surprises=")?;
    let way = Deferral::ALL.into_iter().find(|each| each.word() == way)?;
    let store_buffers = buffers == "1";
    Some((way, Check { store_buffers, surprises: surprises.parse().ok()?, ..Check::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_how_a_program_was_executed() {
        let check = Check { store_buffers: true, surprises: 3, ..Check::default() };
        let (way, read) =
            labelled(&label(Deferral::BottomHalf, &check)).expect("it was just written");
        assert_eq!((way, read.store_buffers, read.surprises), (Deferral::BottomHalf, true, 3));
        assert!(labelled("reader_meets_writer[readers=1]").is_none());
    }
}
