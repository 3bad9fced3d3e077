//! The course of a whole run: begun, interrupted, gone on with, divided, put together.
//!
//! Cases:
//!
//! - *begun*: a checkpoint is written whenever a job has ended. That of the output folder is overwritten by the next run; a
//!   file that was named with `--checkpoint` is not;
//! - *interrupted* (Ctrl-C, SIGTERM): no further job is begun, running ones are given up, what is known is shown: exit code 3,
//!   or worse if something failed;
//! - *killed*: the checkpoint has all jobs but those that were running;
//! - *gone on with* (`--resume`): jobs that the checkpoint has are not run again;
//! - *a part* (`--shard`): the jobs that are dealt to it. Its checkpoint is the part;
//! - *put together* (`gate merge`): the same results as those of one run.
//!
//! Invariant: the results depend on the jobs that have ended, and not on the way there.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use graphlock_harness::outcome::describe_panic;
use graphlock_harness::scenario::Shard;

use crate::arguments::Run;
use crate::catalogue::Catalogue;
use crate::checkpoint::{self, Known};
use crate::interrupt;
use crate::outputs::not_writable;
use crate::place;
use crate::plan::{self, Job};
use crate::progress::{self, Progress};
use crate::results::Results;
use crate::run;
use crate::self_check::{self, SelfCheck};
use crate::shard::{Named, ShardWord, deal};

/// How a run is steered.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SteerOptions {
    /// Where the state of the run is kept: written whenever a job has ended [default: run.checkpoint in the output folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Goes on from the checkpoint: finished jobs are not run again
    #[arg(long)]
    pub(crate) resume: bool,
    /// Runs one part of several, `1/4` to `4/4`, or the one that Slurm or Kubernetes says (`auto`); `gate merge` puts their
    /// checkpoints together
    #[arg(long, value_name = "K/N", conflicts_with = "json")]
    pub(crate) shard: Option<ShardWord>,
}

/// How much of a run there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extent {
    /// The jobs that have not ended, by name.
    pub(crate) open: Vec<String>,
    /// How many there should be.
    pub(crate) jobs: usize,
    /// The part, if it is one.
    pub(crate) shard: Option<Shard>,
    /// The file to go on from.
    pub(crate) checkpoint: Option<PathBuf>,
    /// Why the file is not what it should be, if it could not be written.
    pub(crate) unsaved: Option<String>,
}

impl Extent {
    /// What a shell must be told to go on.
    pub(crate) fn next(&self) -> String {
        let checkpoint = self.checkpoint.as_deref().map(place::shown);
        match (&checkpoint, self.open.len(), self.shard) {
            (Some(file), open, _) if open > 0 => {
                format!(
                    "{open} of {} jobs are open; go on with the same call and `--checkpoint {file} --resume`",
                    self.jobs
                )
            }
            (None, open, _) if open > 0 => {
                format!(
                    "{open} of {} jobs are open; go on with their parts and `--resume`, then merge again",
                    self.jobs
                )
            }
            (Some(file), _, Some(shard)) => {
                format!(
                    "shard {shard} is in {file}; put all of them together with `cargo gate merge FILE...`"
                )
            }
            _ => String::new(),
        }
    }
}

/// Makes a run, or what is left of it.
///
/// # Errors
/// In one line, if there is nothing to be done, or a checkpoint cannot be used.
pub(crate) fn go(catalogue: &Catalogue, run: &Run) -> Result<Results, String> {
    run.out.choose();
    let jobs: Arc<[Job]> = plan::plan(catalogue, run)?.into();
    let shard = run.steer.shard.map(ShardWord::resolve).transpose()?;
    let path = run.steer.checkpoint.clone().unwrap_or_else(|| default_path(shard));
    let known = begin(run, &jobs, shard, &path)?;
    let own = deal(&jobs, shard);
    let interrupted = interrupt::listen()?;
    let mut course = Course { run, jobs, own, known, path, begun: Instant::now(), unsaved: None };
    course.run(interrupted);
    let is_first = shard.is_none_or(|shard| shard.number == 1);
    let is_open = course.known.self_check.is_none() && course.open().is_empty();
    if run.checks_the_engine() && is_first && is_open {
        course.check_the_engine(interrupted);
    }
    Ok(course.results(catalogue))
}

/// Where the state of a run is kept if nobody says.
fn default_path(shard: Option<Shard>) -> PathBuf {
    let name = match shard {
        Some(Shard { number, count }) => format!("run-{number}-of-{count}.checkpoint"),
        None => "run.checkpoint".to_owned(),
    };
    place::folder().join(name)
}

/// What is known at the beginning. A place where nothing can be written is refused before anything is run in vain.
fn begin(run: &Run, jobs: &[Job], shard: Option<Shard>, path: &Path) -> Result<Known, String> {
    let folder = place::folder();
    std::fs::create_dir_all(&folder)
        .and_then(|()| tempfile::tempfile_in(&folder))
        .map_err(|error| not_writable(&folder, &error))?;
    let shown = place::shown(path);
    let unwritable = |error| format!("checkpoint {shown}: {error}, expected a writable place");
    if run.steer.resume {
        let checkpoint = checkpoint::read(path)?;
        checkpoint.fits(run, shard)?;
        let known = checkpoint.known(jobs)?;
        checkpoint::probe(path).map_err(unwritable)?;
        eprintln!("going on from {shown}: {} jobs have ended before", known.finished());
        return Ok(known);
    }
    let known = Known::of(shard);
    if run.steer.checkpoint.is_none() {
        checkpoint::probe(path).map_err(unwritable)?;
        let earlier =
            checkpoint::read(path).ok().filter(|earlier| earlier.fits(run, shard).is_ok());
        let all = deal(jobs, shard).len();
        if let Some(ended) = earlier.map(|each| each.finished()).filter(|ended| *ended < all) {
            eprintln!(
                "beginning anew; {shown} has {ended} of {all} jobs, `--resume` would go on from it"
            );
        }
    } else if path.exists() {
        return Err(format!(
            "--checkpoint: found the file {shown}, expected none; go on from it with `--resume`, or remove it"
        ));
    } else {
        checkpoint::write(path, run, jobs, &known).map_err(unwritable)?;
    }
    Ok(known)
}

/// A run on its way.
struct Course<'a> {
    run: &'a Run,
    jobs: Arc<[Job]>,
    /// The jobs that are this part's.
    own: Vec<usize>,
    known: Known,
    path: PathBuf,
    begun: Instant,
    unsaved: Option<String>,
}

impl Course<'_> {
    fn workers(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.run.jobs).unwrap_or(NonZeroUsize::MIN)
    }

    fn open(&self) -> Vec<usize> {
        self.own.iter().copied().filter(|job| !self.known.has(*job)).collect()
    }

    fn run(&mut self, interrupted: &AtomicBool) {
        let open = self.open();
        let mut progress = Progress::new(open.len(), self.run.quiet);
        let jobs = Arc::clone(&self.jobs);
        let before = self.known.elapsed;
        run::run(&jobs, open, self.workers(), interrupted, &mut progress, &mut |ended| {
            ended.into_iter().for_each(|(job, report)| self.known.add(job, report));
            self.known.elapsed = before + self.begun.elapsed();
            self.save();
        });
        progress.finish();
        if self.known.finished() == 0 && self.known.shard.is_some() {
            // A part without a job is a part.
            self.save();
        }
    }

    fn check_the_engine(&mut self, interrupted: &'static AtomicBool) {
        let before = (self.known.elapsed, Instant::now());
        let workers = self.workers();
        // On a thread of its own, which is left behind if somebody interrupts.
        let checking = std::thread::spawn(move || self_check::run(workers, interrupted));
        while !checking.is_finished() && !interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(run::LOOK_EVERY);
        }
        if checking.is_finished() {
            self.known.self_check = checking.join().unwrap_or_else(|payload| {
                let (_, message) = describe_panic(payload.as_ref());
                let difference = Some(format!("the comparison itself panicked: {message}"));
                Some(SelfCheck { difference, ..SelfCheck::default() })
            });
        }
        self.known.elapsed = before.0 + before.1.elapsed();
        self.save();
    }

    /// Keeps what is known. That it could not be kept is said once, and again at the end: the run goes on, for what it shows
    /// can still be read.
    fn save(&mut self) {
        let written = checkpoint::write(&self.path, self.run, &self.jobs, &self.known);
        self.unsaved = written.err().map(|error| {
            let path = place::shown(&self.path);
            let line = format!("checkpoint {path}: {error}, expected a place with room for it");
            if self.unsaved.is_none() {
                eprintln!("gate: {line}; going on without it");
            }
            line
        });
    }

    fn results(self, catalogue: &Catalogue) -> Results {
        let open = self.open();
        let mut open: Vec<String> =
            open.into_iter().map(|job| progress::name(&self.jobs[job])).collect();
        let mut jobs = self.own.len();
        if self.run.checks_the_engine() && self.known.shard.is_none_or(|shard| shard.number == 1) {
            jobs += 1;
            open.extend(self.known.self_check.is_none().then(|| ENGINE_CHECK.to_owned()));
        }
        let extent = Extent {
            open,
            jobs,
            shard: self.known.shard,
            checkpoint: Some(self.path),
            unsaved: self.unsaved,
        };
        results(catalogue, self.run, &self.jobs, self.known, extent)
    }
}

/// The name of the job that is no scenario's.
const ENGINE_CHECK: &str = "engine against plain search";

fn results(
    catalogue: &Catalogue,
    run: &Run,
    jobs: &[Job],
    known: Known,
    extent: Extent,
) -> Results {
    let (self_check, elapsed) = (known.self_check.clone(), known.elapsed);
    let finished = known.into_reports().into_iter();
    let finished = finished.map(|(job, report)| (jobs[job].clone(), report));
    let mut results = Results::new(catalogue, run, finished, elapsed);
    results.self_check = self_check;
    results.extent = extent;
    results
}

/// Puts the parts of a run together.
///
/// # Errors
/// In one line, if a file cannot be used, or a part is missing or there twice.
pub(crate) fn merge(
    catalogue: &Catalogue,
    files: &[PathBuf],
    json: bool,
) -> Result<Results, String> {
    let mut checkpoints = Vec::new();
    for path in files {
        checkpoints.push(checkpoint::read(path)?);
    }
    let first = checkpoints.first().ok_or("found no checkpoint, expected those of all shards")?;
    let run = Run { json, ..first.run()? };
    let jobs = plan::plan(catalogue, &run)?;
    let mut parts = Vec::new();
    for checkpoint in checkpoints {
        checkpoint.is_of(&run)?;
        parts.push(checkpoint.known(&jobs)?);
    }
    all_there(&parts.iter().map(|part| part.shard).collect::<Vec<_>>())?;
    let mut sum = Known::default();
    for part in parts {
        sum.elapsed = sum.elapsed.max(part.elapsed);
        sum.self_check = sum.self_check.take().or_else(|| part.self_check.clone());
        part.into_reports().into_iter().for_each(|(job, report)| sum.add(job, report));
    }
    let open = (0..jobs.len()).filter(|job| !sum.has(*job));
    let mut open: Vec<String> = open.map(|job| progress::name(&jobs[job])).collect();
    let checks = run.checks_the_engine();
    open.extend((checks && sum.self_check.is_none()).then(|| ENGINE_CHECK.to_owned()));
    let extent = Extent { open, jobs: jobs.len() + usize::from(checks), ..Extent::default() };
    Ok(results(catalogue, &run, &jobs, sum, extent))
}

/// Whether the parts are a whole.
fn all_there(parts: &[Option<Shard>]) -> Result<(), String> {
    let count = match parts {
        [None] => return Ok(()),
        [Some(first), ..] => first.count,
        _ => 0,
    };
    if let Some(other) = parts.iter().find(|part| part.is_none_or(|part| part.count != count)) {
        let (first, other) = (Named(parts[0]), Named(*other));
        return Err(format!("found {first} and {other}, expected the parts of one division"));
    }
    let times = |number| parts.iter().flatten().filter(|part| part.number == number).count();
    let those = |are: &dyn Fn(usize) -> bool| {
        let numbers = (1..=count).filter(|number| are(times(*number)));
        numbers.map(|number| format!("{number}/{count}")).collect::<Vec<_>>().join(", ")
    };
    let (missing, twice) = (those(&|times| times == 0), those(&|times| times > 1));
    let missing = (!missing.is_empty()).then(|| format!("no {missing}"));
    let twice = (!twice.is_empty()).then(|| format!("{twice} more than once"));
    let wrong: Vec<String> = missing.into_iter().chain(twice).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong = wrong.join(", and ");
    Err(format!("found {wrong}, expected each of the shards 1/{count} to {count}/{count} once"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(words: &[&str]) -> Result<(), String> {
        let part = |word: &&str| match word.parse() {
            Ok(ShardWord::Exactly(shard)) => Some(shard),
            _ => None,
        };
        all_there(&words.iter().map(part).collect::<Vec<_>>())
    }

    #[test]
    fn parts_are_a_whole_or_it_is_said_what_is_wrong() {
        assert_eq!(parts(&["2/3", "3/3", "1/3"]), Ok(()));
        assert_eq!(parts(&["whole"]), Ok(()));
        let expected = "expected each of the shards 1/3 to 3/3 once";
        let cases = [
            (&["1/3", "3/3"][..], format!("found no 2/3, {expected}")),
            (&["1/3", "1/3", "3/3", "2/3"], format!("found 1/3 more than once, {expected}")),
            (&["1/3", "1/3"], format!("found no 2/3, 3/3, and 1/3 more than once, {expected}")),
        ];
        for (words, line) in cases {
            assert_eq!(parts(words), Err(line), "{words:?}");
        }
        for words in
            [&["1/3", "2/4"][..], &["1/2", "whole"], &["whole", "1/2"], &["whole", "whole"]]
        {
            let refused = parts(words).expect_err("they are of two divisions");
            assert!(refused.contains("expected the parts of one division"), "{refused}");
        }
    }
}
