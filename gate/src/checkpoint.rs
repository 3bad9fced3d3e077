//! What a run has shown so far, in a file: to go on after an interruption, and to put the parts of a run together.
//!
//! The file is JSON. It is written beside its place, brought to the disk and then moved there, so that it is the old one or
//! the new one, never half of one. It holds the report of each finished job, and what is needed to refuse it where it
//! does not belong: the [build](BUILD), the call, and the part.
//!
//! Invariant: a finished job's report is the same whether it was just made or read from here, but for the steps of a
//! violation, which [`with_trace`] makes again from its schedule.
//!
//! Absent on purpose: what a running job has done so far. A kill loses that; `gate explore --checkpoint` is for one search
//! that takes hours.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use graphlock_harness::outcome::{Report, Verdict};
use graphlock_harness::scenario::{Check, Shard, Strategy};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::arguments::{Profile, Run, Selection};
use crate::engine::Engine;
use crate::place;
use crate::plan::Job;
use crate::progress;
use crate::run::execute;
use crate::self_check::SelfCheck;
use crate::shard::{Named, is_valid};

/// The word that the file begins with.
pub(crate) const FORMAT: &str = "graphlock-run";

const VERSION: u32 = 1;

/// The name of this build: a hash of its sources and of how they were compiled.
pub(crate) const BUILD: &str = env!("GATE_BUILD");

/// What was asked for, as far as it decides what is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    planted_only: bool,
    profile: Profile,
    filter: Option<String>,
    engine: Option<Engine>,
    max_time_seconds: Option<u64>,
}

impl Call {
    fn of(run: &Run) -> Call {
        Call {
            planted_only: run.planted_only,
            profile: run.profile,
            filter: run.selection.filter.as_ref().map(|filter| filter.as_str().to_owned()),
            engine: run.selection.engine,
            max_time_seconds: run.time_max.map(|time| time.as_secs()),
        }
    }

    /// The call in the words of the command line, each with its name.
    fn words(&self) -> [(&'static str, String); 5] {
        let seconds = self.max_time_seconds.map(|seconds| seconds.to_string());
        let or_none = |word: Option<String>| word.unwrap_or_else(|| "none".to_owned());
        let command = if self.planted_only { "gate mutants" } else { "gate" };
        [
            ("command", command.to_owned()),
            ("--profile", self.profile.word().to_owned()),
            ("--filter", or_none(self.filter.clone())),
            ("--engine", or_none(self.engine.map(|engine| engine.word().to_owned()))),
            ("--max-time", or_none(seconds)),
        ]
    }

    /// The run that was asked for, to be judged and not to be made.
    fn run(&self) -> Option<Run> {
        let filter = self.filter.as_deref().map(Regex::new).transpose().ok()?;
        Some(Run {
            planted_only: self.planted_only,
            selection: Selection { filter, engine: self.engine },
            profile: self.profile,
            jobs: 1,
            json: false,
            draw: false,
            quiet: true,
            time_max: self.max_time_seconds.map(Duration::from_secs),
            steer: Default::default(),
            out: Default::default(),
            outputs: Default::default(),
        })
    }
}

/// A job that has ended: a [`Report`], or its text.
#[derive(Debug, Serialize, Deserialize)]
struct Finished<R> {
    job: usize,
    name: String,
    report: R,
}

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct File<R> {
    format: String,
    version: u32,
    build: String,
    call: Call,
    shard: Option<Shard>,
    /// How many jobs the whole run has.
    jobs: usize,
    elapsed: Duration,
    finished: Vec<Finished<R>>,
    self_check: Option<SelfCheck>,
}

/// What is known of a run, or of a part of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Which part.
    pub(crate) shard: Option<Shard>,
    /// The reports of the jobs that have ended, by their place in the plan.
    reports: BTreeMap<usize, Report>,
    /// The same as they are stored: the file is written often, and each of them changes only once.
    stored: BTreeMap<usize, Box<RawValue>>,
    /// The engine against a plain search, where that was done.
    pub(crate) self_check: Option<SelfCheck>,
    /// The time it took so far, over all that it was interrupted.
    pub(crate) elapsed: Duration,
}

impl Known {
    /// Nothing of this part.
    pub(crate) fn of(shard: Option<Shard>) -> Known {
        Known { shard, ..Known::default() }
    }

    /// A job has ended.
    pub(crate) fn add(&mut self, job: usize, report: Report) {
        let stored = serde_json::value::to_raw_value(&report).expect("a report is JSON");
        self.stored.insert(job, stored);
        self.reports.insert(job, report);
    }

    /// Whether this job has ended.
    pub(crate) fn has(&self, job: usize) -> bool {
        self.reports.contains_key(&job)
    }

    /// How many have.
    pub(crate) fn finished(&self) -> usize {
        self.reports.len()
    }

    /// The reports, by their jobs' places in the plan.
    pub(crate) fn into_reports(self) -> BTreeMap<usize, Report> {
        self.reports
    }
}

/// Writes what is known.
///
/// # Errors
/// If the system refuses; the file is then what it was.
pub(crate) fn write(path: &Path, run: &Run, jobs: &[Job], known: &Known) -> io::Result<()> {
    let finished = known.stored.iter().map(|(job, report)| Finished {
        job: *job,
        name: progress::name(&jobs[*job]),
        report,
    });
    let file = File {
        format: FORMAT.to_owned(),
        version: VERSION,
        build: BUILD.to_owned(),
        call: Call::of(run),
        shard: known.shard,
        jobs: jobs.len(),
        elapsed: known.elapsed,
        finished: finished.collect(),
        self_check: known.self_check.clone(),
    };
    let text = serde_json::to_vec(&file).expect("reports are JSON");
    let beside = beside(path);
    let mut new = fs::File::create(&beside)?;
    let written = new.write_all(&text).and_then(|()| new.sync_all());
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        // On a full disk half a file is in the way of everybody.
        let _ = fs::remove_file(&beside);
    }
    moved
}

/// Where a file is written before it is moved to its place. Two runs in one folder do not write into each other's.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// Looks whether a file can be written there, and leaves what is there as it is.
///
/// # Errors
/// If it cannot.
pub(crate) fn probe(path: &Path) -> io::Result<()> {
    let beside = beside(path);
    let mut new = fs::File::create(&beside)?;
    let written = new.write_all(FORMAT.as_bytes()).and_then(|()| new.sync_all());
    let removed = fs::remove_file(&beside);
    written.and(removed)
}

/// A file that was read and is of this build.
#[derive(Debug)]
pub(crate) struct Checkpoint<'a> {
    path: &'a Path,
    file: File<Report>,
}

/// Reads a file.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn read(path: &Path) -> Result<Checkpoint<'_>, String> {
    let shown = place::shown(path);
    let bytes = fs::read(path).map_err(|error| {
        format!("checkpoint {shown}: found no readable file ({error}), expected one of `{FORMAT}`; begin without --resume")
    })?;
    let content = |found: String| {
        format!(
            "checkpoint {shown}: found {found}, expected `{FORMAT}` version {VERSION}; begin without --resume"
        )
    };
    let file: File<Report> =
        serde_json::from_slice(&bytes).map_err(|error| content(error.to_string()))?;
    if file.format != FORMAT || file.version != VERSION {
        return Err(content(format!("`{}` version {}", file.format, file.version)));
    }
    if file.shard.is_some_and(|shard| !is_valid(&shard)) {
        return Err(content(Named(file.shard).to_string()));
    }
    let checkpoint = Checkpoint { path, file };
    checkpoint.expect("build", &checkpoint.file.build, BUILD)?;
    Ok(checkpoint)
}

impl Checkpoint<'_> {
    fn expect(&self, what: &str, found: &str, expected: &str) -> Result<(), String> {
        if found == expected {
            return Ok(());
        }
        let path = place::shown(self.path);
        Err(format!(
            "checkpoint {path}: found {what} `{found}`, expected `{expected}`; begin without --resume"
        ))
    }

    /// Whether it is of this call.
    ///
    /// # Errors
    /// In one line: what differs.
    pub(crate) fn is_of(&self, run: &Run) -> Result<(), String> {
        let call = Call::of(run).words();
        for ((what, found), (_, expected)) in self.file.call.words().iter().zip(&call) {
            self.expect(what, found, expected)?;
        }
        Ok(())
    }

    /// Whether it is of this call and this part.
    ///
    /// # Errors
    /// In one line: what differs.
    pub(crate) fn fits(&self, run: &Run, shard: Option<Shard>) -> Result<(), String> {
        self.is_of(run)?;
        self.expect("part", &Named(self.file.shard).to_string(), &Named(shard).to_string())
    }

    /// How many jobs have ended.
    pub(crate) fn finished(&self) -> usize {
        self.file.finished.len()
    }

    /// The run that it is of.
    ///
    /// # Errors
    /// In one line, if it is of none that can be asked for.
    pub(crate) fn run(&self) -> Result<Run, String> {
        self.file.call.run().ok_or_else(|| self.damaged("a call that cannot be made"))
    }

    fn damaged(&self, found: &str) -> String {
        format!(
            "checkpoint {}: found {found}, expected jobs of this build",
            place::shown(self.path)
        )
    }

    /// What it knows of these jobs.
    ///
    /// # Errors
    /// In one line, if they are not its jobs: it was damaged.
    pub(crate) fn known(self, jobs: &[Job]) -> Result<Known, String> {
        if self.file.jobs != jobs.len() {
            return Err(self.damaged(&format!("{} jobs of {}", self.file.jobs, jobs.len())));
        }
        let is_right = |each: &&Finished<Report>| {
            jobs.get(each.job).is_some_and(|job| progress::name(job) == each.name)
        };
        if let Some(wrong) = self.file.finished.iter().find(|each| !is_right(each)) {
            return Err(self.damaged(&format!("`{}` as job {}", wrong.name, wrong.job)));
        }
        let File { shard, elapsed, finished, self_check, .. } = self.file;
        let mut known = Known { self_check, elapsed, ..Known::of(shard) };
        for each in finished {
            known.add(each.job, with_trace(&jobs[each.job], each.report));
        }
        Ok(known)
    }
}

/// The report with the steps of its violation, which are made again.
fn with_trace(job: &Job, mut report: Report) -> Report {
    if let Verdict::Violation(violation) = &mut report.verdict
        && violation.schedule != Default::default()
    {
        let schedule = violation.schedule.clone();
        let strategy = Strategy::Replay { schedule, strict: true };
        let check = Check { strategy, mutation: job.check.mutation, ..Check::default() };
        let again = execute(&Job { check, ..job.clone() }, &|_| {});
        if let Verdict::Violation(again) = again.verdict {
            violation.trace = again.trace;
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Command, parse};
    use crate::catalogue::Catalogue;
    use crate::plan::plan;

    #[test]
    fn a_report_is_the_same_after_it_was_stored_steps_included() {
        let catalogue = Catalogue::load().expect("it is consistent");
        // One is found by the harness, which has a schedule; one by loom, which has none.
        for bug in ["^slow-path-kick-removed$", "^reader-fence-removed$"] {
            let Ok(Command::Run(run)) = parse(["gate", "mutants", "--filter", bug]) else {
                panic!("{bug} is a filter")
            };
            let jobs = plan(&catalogue, &run).expect("there is such a bug");
            let mut known = Known::default();
            for (index, job) in jobs.iter().enumerate() {
                known.add(index, execute(job, &|_| {}));
            }
            let folder = tempfile::tempdir().expect("there is room");
            let path = folder.path().join("state");
            write(&path, &run, &jobs, &known).expect("there is room");
            let read = read(&path).expect("it was just written");
            assert_eq!(read.fits(&run, None), Ok(()));
            let read = read.known(&jobs).expect("they are its jobs");
            for (before, after) in known.reports.values().zip(read.reports.values()) {
                let violation = before.verdict.violation().expect("the bug is planted");
                assert!(!violation.trace.is_empty(), "{bug} has steps");
                assert_eq!(format!("{before:?}"), format!("{after:?}"));
            }
            assert_eq!(read.finished(), jobs.len());
        }
    }
}
