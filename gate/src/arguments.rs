//! The command line: what may be asked for, and the one line that answers what may not.
//!
//! clap knows the options; its errors, which take several lines, are said again in one: where, what
//! was found, what was expected. `--help` and `--version` stay clap's.
//!
//! Options belong to the command that uses them. An option that a command would ignore is an error.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::document::DocumentOptions;
use crate::engine::Engine;
use crate::expected::ExpectedOptions;
use crate::fuzz::FuzzOptions;
use crate::manual::CompletionsOptions;
use crate::merge::MergeOptions;
use crate::outputs::OutputOptions;
use crate::place::OutOptions;
use crate::program::CheckOptions;
use crate::steer::SteerOptions;
use crate::subject::{ExploreOptions, SampleOptions};

/// How much time a row may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// Under a minute on two cores: what every change runs
    Quick,
    /// Larger bounds and limits
    Full,
}

impl Profile {
    /// The word on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Profile::Quick => "quick",
            Profile::Full => "full",
        }
    }
}

/// Says what was shown of the lock, and how far
#[derive(Debug, Parser)]
#[command(
    name = "gate",
    version,
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Subcommands>,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Lists scenarios, engines, bounds and planted bugs
    List {
        #[command(flatten)]
        selection: SelectionOptions,
    },
    /// Executes a saved schedule again and draws it
    Replay {
        /// A file from target/gate/*.schedule
        file: PathBuf,
        /// Writes the drawing as a page for a browser, too
        #[arg(long, value_name = "OUT.html")]
        html: Option<PathBuf>,
    },
    /// Runs the planted bugs only
    Mutants {
        #[command(flatten)]
        run: RunOptions,
    },
    /// Explores one scenario exhaustively: with several jobs, in shards, with checkpoints
    Explore(ExploreOptions),
    /// Puts the checkpoints of all shards together: of a run, or of an exploration
    Merge(MergeOptions),
    /// Samples one scenario
    Sample(SampleOptions),
    /// Checks a program from a file: exhaustively as far as a budget goes, then sampled
    Check(CheckOptions),
    /// Draws programs and schedules, and shrinks what fails
    Fuzz(FuzzOptions),
    /// Says what a name means: of a scenario, property, case, planted bug, claim, ordering, verdict, exit code, step or rule
    Explain {
        /// The name, or a kind such as `cases`; without it the kinds are listed
        name: Option<String>,
    },
    /// Decides what was said in the review of the deferred unref, C1 to C19
    Claims(DocumentOptions),
    /// Shows which failures QEMU's lock had at which turn of its history
    History(DocumentOptions),
    /// Shows which memory model notices that an ordering is missing
    Barriers(DocumentOptions),
    /// Checks small programs of which half fail, and counts what is missed and what is invented
    Corpus(ExpectedOptions),
    /// Shows which property notices which planted bug
    Matrix(DocumentOptions),
    /// Writes what a shell needs to complete words
    Completions(CompletionsOptions),
    /// Writes the man page
    Man,
}

#[derive(Debug, Args)]
struct SelectionOptions {
    /// Only scenarios whose full name matches (planted bugs: or whose id does)
    #[arg(long, value_name = "RE")]
    filter: Option<String>,
    /// Only this engine
    #[arg(long, value_enum)]
    engine: Option<Engine>,
}

#[derive(Debug, Args)]
struct RunOptions {
    #[command(flatten)]
    selection: SelectionOptions,
    /// Bounds and limits
    #[arg(long, value_enum, default_value_t = Profile::Quick)]
    profile: Profile,
    /// Rows that run at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Prints the report as JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Draws the planted bugs that were found, too: each shows what its protection is there for
    #[arg(long)]
    draw: bool,
    /// The most time for one row, instead of the profile's
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    max_time: Option<u64>,
    #[command(flatten)]
    steer: SteerOptions,
    #[command(flatten)]
    out: OutOptions,
    /// Shows no progress
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    outputs: OutputOptions,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Explore one scenario.
    Explore(ExploreOptions),
    /// Merge shards.
    Merge(MergeOptions),
    /// Sample one scenario.
    Sample(SampleOptions),
    /// Check a program.
    Check(CheckOptions),
    /// Draw programs.
    Fuzz(FuzzOptions),
    /// Rows, comparisons and planted bugs, or planted bugs only.
    Run(Run),
    /// Show what there is.
    List(Selection),
    /// Execute a saved schedule, and write a page of it.
    Replay(PathBuf, Option<PathBuf>),
    /// Say what a name means.
    Explain(Option<String>),
    /// Decide claims.
    Claims(DocumentOptions),
    /// Show the history.
    History(DocumentOptions),
    /// Look at orderings under memory models.
    Barriers(DocumentOptions),
    /// Check the corpus.
    Corpus(ExpectedOptions),
    /// Show properties and planted bugs.
    Matrix(DocumentOptions),
    /// Write completions for a shell.
    Completions(CompletionsOptions),
    /// Write the man page.
    Man,
}

/// The part of the catalogue that is meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Matches full names.
    pub(crate) filter: Option<Regex>,
    /// The only engine, if one was named.
    pub(crate) engine: Option<Engine>,
}

impl Selection {
    /// Whether a name passes the filter.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.is_match(name))
    }

    /// Whether an engine is meant.
    pub(crate) fn runs(&self, engine: Engine) -> bool {
        self.engine.is_none_or(|only| only == engine)
    }

    /// What was asked for, for the line that says that there is no such thing.
    pub(crate) fn asked(&self) -> String {
        let filter = self.filter.as_ref().map(|filter| format!("--filter `{filter}`"));
        let engine = self.engine.map(|engine| format!("--engine {}", engine.word()));
        let asked: Vec<String> = filter.into_iter().chain(engine).collect();
        if asked.is_empty() { "no filter".to_owned() } else { asked.join(" ") }
    }
}

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Whether only planted bugs are run.
    pub(crate) planted_only: bool,
    /// The part that is run.
    pub(crate) selection: Selection,
    /// Bounds and limits.
    pub(crate) profile: Profile,
    /// How many rows run at the same time.
    pub(crate) jobs: usize,
    /// Whether the report goes to stdout instead of tables.
    pub(crate) json: bool,
    /// Whether planted bugs that were found are drawn.
    pub(crate) draw: bool,
    /// The most time for one row, if it was given.
    pub(crate) time_max: Option<Duration>,
    /// Checkpoints and parts.
    pub(crate) steer: SteerOptions,
    /// Where files are left.
    pub(crate) out: OutOptions,
    /// Whether no progress is shown.
    pub(crate) quiet: bool,
    /// Where the report goes, and in which forms.
    pub(crate) outputs: OutputOptions,
}

impl Run {
    /// Whether the engine is compared with a plain search, too: in a full run of all.
    pub(crate) fn checks_the_engine(&self) -> bool {
        let all = self.selection.filter.is_none() && self.selection.runs(Engine::Harness);
        all && !self.planted_only && self.profile == Profile::Full
    }
}

/// Why there is nothing to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// `--help` or `--version` was answered; the text goes to stdout.
    Answered(String),
    /// A mistake in the call, in one line.
    Mistake(String),
}

/// The definition of the command line, with all that help says.
pub(crate) fn definition() -> clap::Command {
    crate::help::dressed(CommandLine::command())
}

/// Reads a command line; its first word is the program's name.
///
/// # Errors
/// If there is nothing to be done, with the text that says why.
pub(crate) fn parse<I>(words: I) -> Result<Command, Refused>
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString> + Clone,
{
    let words: Vec<std::ffi::OsString> = words.into_iter().map(Into::into).collect();
    let help = help_of(&words);
    let matches = definition().try_get_matches_from(words);
    let line = matches.and_then(|mut matches| CommandLine::from_arg_matches_mut(&mut matches));
    let line = line.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Refused::Answered(error.to_string()),
        _ => Refused::Mistake(format!("{}; {help} has examples", one_line(&error))),
    })?;
    match line.command {
        None => run(line.run, false),
        Some(Subcommands::Mutants { run: options }) => run(options, true),
        Some(Subcommands::List { selection }) => select(selection).map(Command::List),
        Some(Subcommands::Replay { file, html }) => Ok(Command::Replay(file, html)),
        Some(Subcommands::Explore(options)) => Ok(Command::Explore(options)),
        Some(Subcommands::Merge(options)) => Ok(Command::Merge(options)),
        Some(Subcommands::Sample(options)) => Ok(Command::Sample(options)),
        Some(Subcommands::Check(options)) => Ok(Command::Check(options)),
        Some(Subcommands::Fuzz(options)) => Ok(Command::Fuzz(options)),
        Some(Subcommands::Explain { name }) => Ok(Command::Explain(name)),
        Some(Subcommands::Claims(options)) => Ok(Command::Claims(options)),
        Some(Subcommands::History(options)) => Ok(Command::History(options)),
        Some(Subcommands::Barriers(options)) => Ok(Command::Barriers(options)),
        Some(Subcommands::Corpus(options)) => Ok(Command::Corpus(options)),
        Some(Subcommands::Matrix(options)) => Ok(Command::Matrix(options)),
        Some(Subcommands::Completions(options)) => Ok(Command::Completions(options)),
        Some(Subcommands::Man) => Ok(Command::Man),
    }
}

fn run(options: RunOptions, planted_only: bool) -> Result<Command, Refused> {
    Ok(Command::Run(Run {
        planted_only,
        selection: select(options.selection)?,
        profile: options.profile,
        jobs: usize::from(options.jobs),
        json: options.json,
        draw: options.draw,
        time_max: options.max_time.map(Duration::from_secs),
        steer: options.steer,
        out: options.out,
        quiet: options.quiet,
        outputs: options.outputs,
    }))
}

fn select(options: SelectionOptions) -> Result<Selection, Refused> {
    let compile = |text: String| {
        Regex::new(&text).map_err(|error| {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Refused::Mistake(format!(
                "--filter: found `{text}`, expected a regular expression ({reason}); write `\\` before what is meant as it stands"
            ))
        })
    };
    Ok(Selection { filter: options.filter.map(compile).transpose()?, engine: options.engine })
}

/// The call that shows the help of the command that was meant, as far as one can tell.
fn help_of(words: &[std::ffi::OsString]) -> String {
    let definition = definition();
    let named = words.iter().skip(1).filter_map(|word| word.to_str());
    let command = named.filter_map(|word| definition.find_subcommand(word)).next();
    match command {
        Some(command) => format!("`gate {} --help`", command.get_name()),
        None => "`gate --help`".to_owned(),
    }
}

/// clap's error in one line: where, what was found, what was expected.
fn one_line(error: &clap::Error) -> String {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let argument = word(ContextKind::InvalidArg);
    let value = word(ContextKind::InvalidValue);
    let found = if value.is_empty() { "nothing".to_owned() } else { format!("`{value}`") };
    match error.kind() {
        ErrorKind::InvalidValue => {
            let valid = word(ContextKind::ValidValue);
            let valid =
                if valid.is_empty() { "a value".to_owned() } else { format!("one of {valid}") };
            format!("{argument}: found {found}, expected {valid}")
        }
        ErrorKind::ValueValidation => {
            let reason = std::error::Error::source(error).map(ToString::to_string);
            format!("{argument}: found {found}, expected a number ({})", reason.unwrap_or_default())
        }
        ErrorKind::UnknownArgument => {
            format!("found `{argument}`, expected an option")
        }
        ErrorKind::InvalidSubcommand => {
            let found = word(ContextKind::InvalidSubcommand);
            let definition = definition();
            let names: Vec<&str> =
                definition.get_subcommands().map(clap::Command::get_name).collect();
            let like = crate::like::perhaps(&found, names.iter().copied());
            format!(
                "found `{found}`, expected one of {}, or no command for a run{like}",
                names.join(", ")
            )
        }
        ErrorKind::MissingRequiredArgument => format!("found no {argument}, expected one"),
        ErrorKind::ArgumentConflict => match word(ContextKind::InvalidSubcommand) {
            none if none.is_empty() => match word(ContextKind::PriorArg) {
                other if other.is_empty() || other == argument => {
                    format!("found {argument} twice, expected it once")
                }
                other => format!("found {argument} and {other}, expected one of them"),
            },
            command => {
                let option = word(ContextKind::PriorArg);
                format!("found {option} before `{command}`, expected options after the command")
            }
        },
        _ => {
            let text = error.to_string();
            text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(words: &[&str]) -> String {
        match parse(std::iter::once(&"gate").chain(words)) {
            Err(Refused::Mistake(line)) => line,
            other => panic!("{words:?} was not refused: {other:?}"),
        }
    }

    fn asked(words: &[&str]) -> Run {
        match parse(std::iter::once(&"gate").chain(words)) {
            Ok(Command::Run(run)) => run,
            other => panic!("{words:?} is not a run: {other:?}"),
        }
    }

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn each_mistake_is_one_line_that_says_what_was_expected() {
        let cases: [(&[&str], &str); 13] = [
            (
                &["--engine", "spin"],
                "--engine <ENGINE>: found `spin`, expected one of harness, loom, std",
            ),
            (&["--engine"], "--engine <ENGINE>: found nothing, expected one of harness, loom, std"),
            (
                &["--profile", "night"],
                "--profile <PROFILE>: found `night`, expected one of quick, full",
            ),
            (&["--jobs", "0"], "--jobs <N>: found `0`, expected a number (0 is not in 1..=256)"),
            (
                &["--jobs", "x"],
                "--jobs <N>: found `x`, expected a number (invalid digit found in string)",
            ),
            (
                &["--max-time", "0"],
                "--max-time <SECONDS>: found `0`, expected a number (0 is not in 1..=1000000)",
            ),
            (&["--frobnicate"], "found `--frobnicate`, expected an option"),
            (
                &["chekc"],
                "found `chekc`, expected one of list, replay, mutants, explore, merge, sample, check, fuzz, explain, \
                 claims, history, barriers, corpus, matrix, completions, man, or no command for a run, perhaps `check`",
            ),
            (&["replay"], "found no <FILE>, expected one"),
            (&["list", "--jobs", "3"], "found `--jobs`, expected an option"),
            (
                &["--filter", "("],
                "--filter: found `(`, expected a regular expression (unclosed group); write `\\` before what is meant as it stands",
            ),
            (&["--filter", "a", "--filter", "b"], "found --filter <RE> twice, expected it once"),
            (
                &["--json", "mutants"],
                "found --json before `mutants`, expected options after the command",
            ),
        ];
        for (words, expected) in cases {
            let line = mistake(words);
            let (said, to_do) = line.split_once("; ").expect("it says what to do");
            let (expected, _) = expected.split_once("; ").unwrap_or((expected, ""));
            assert_eq!(said, expected, "{words:?}");
            assert!(to_do.contains("--help` has examples") || to_do.contains("write"), "{line}");
        }
    }

    #[test]
    fn without_words_the_whole_quick_profile_runs() {
        let run = asked(&[]);
        assert!(!run.planted_only && !run.json && run.time_max.is_none());
        assert_eq!((run.profile, run.jobs), (Profile::Quick, 2));
        assert!(run.selection.names("anything") && run.selection.runs(Engine::Std));
    }

    #[test]
    fn a_selection_is_of_names_and_of_engines() {
        let run = asked(&["mutants", "--filter", "^reader", "--engine", "loom", "--max-time", "7"]);
        assert!(run.planted_only);
        assert_eq!(run.time_max, Some(Duration::from_secs(7)));
        assert!(run.selection.names("reader_meets_writer") && !run.selection.names("a_reader"));
        assert!(run.selection.runs(Engine::Loom) && !run.selection.runs(Engine::Harness));
        assert_eq!(run.selection.asked(), "--filter `^reader` --engine loom");
    }

    #[test]
    fn help_is_answered_and_not_a_mistake() {
        let Err(Refused::Answered(text)) = parse(["gate", "--help"]) else { panic!("no help") };
        assert!(text.contains("Exit codes") && text.contains("replay"));
    }
}
