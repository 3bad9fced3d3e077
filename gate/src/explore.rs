//! `gate explore`, `gate merge`, `gate sample`: one scenario on the deterministic engine, for as long as one likes.
//!
//! What goes to stdout says what was shown and nothing of time or rate: it is the same, byte for byte, for one job and for
//! several, for a whole and for merged shards, for a run and for one that was killed and resumed.
//!
//! Cases: *Ctrl-C* ends the run soon, its state is in the checkpoint; a second one ends the process.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use graphlock_harness::model::{self, Body, Hooks};
use graphlock_harness::outcome::{Estimate, Limit, Report, Verdict};
use graphlock_harness::scenario::{Check, Checkpoint, Strategy};

use crate::catalogue::Catalogue;
use crate::counterexample::{LEAST_EXECUTIONS_MAX, draw, how_to_replay, made_small, save};
use crate::engine::Engine;
use crate::figures::about;
use crate::interrupt;
use crate::outputs::not_saved;
use crate::place;
use crate::planted::with_planted;
use crate::progress::SearchProgress;
use crate::replay::Shown;
use crate::sampled;
use crate::shard::ShardWord;
use crate::subject::{ExploreOptions, LimitOptions, SampleOptions, SubjectOptions};
use crate::table::{Paint, count};

/// A scenario that was found, ready to be checked.
struct Subject {
    full_name: String,
    body: Body,
    check: Check,
}

/// Explores a scenario.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn explore(catalogue: &Catalogue, options: &ExploreOptions) -> Result<Shown, String> {
    options.out.choose();
    let mut subject = find(catalogue, &options.what)?;
    let checkpoint = options.checkpoint.as_ref().map(|path| Checkpoint {
        path: path.clone(),
        label: subject.full_name.clone(),
        every: Duration::from_millis(options.checkpoint_every),
        resume: options.resume,
    });
    if let Some(Checkpoint { path, resume: false, .. }) = &checkpoint
        && path.exists()
    {
        let path = path.display();
        return Err(format!(
            "--checkpoint: found the file {path}, expected none; go on from it with `--resume`, or remove it"
        ));
    }
    subject.check = Check {
        executions_max: options.limits.max_executions,
        time_max: options.limits.time_max(),
        preemptions_max: options.preemptions,
        jobs: NonZeroUsize::new(usize::from(options.jobs)).unwrap_or(NonZeroUsize::MIN),
        shard: options.shard.map(ShardWord::resolve).transpose()?,
        checkpoint,
        ..subject.check
    };
    let report = run(&subject, &options.limits)?;
    shown(&subject, &report)
}

/// Samples a scenario.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn sample(catalogue: &Catalogue, options: &SampleOptions) -> Result<Shown, String> {
    options.out.choose();
    let mut subject = find(catalogue, &options.what)?;
    let SampleOptions { strategy, seed, first, runs, .. } = options;
    subject.check = Check {
        strategy: Strategy::Sample { sampling: *strategy, seed: *seed, first: *first, runs: *runs },
        executions_max: options.limits.max_executions,
        time_max: options.limits.time_max(),
        ..subject.check
    };
    let report = run(&subject, &options.limits)?;
    let shown = shown(&subject, &report)?;
    let (mutation, html) = (subject.check.mutation, options.html.as_deref());
    sampled::save(&subject.full_name, mutation, &report, &shown.text, html)?;
    Ok(shown)
}

/// Puts shards together.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn merge(
    catalogue: &Catalogue,
    what: &SubjectOptions,
    files: &[PathBuf],
) -> Result<Shown, String> {
    let subject = find(catalogue, what)?;
    let report = model::merge(files, &subject.full_name, &subject.check, &subject.body);
    let report = report.map_err(|error| error.to_string())?;
    let small = made_small(report, &subject.body, &subject.check, LEAST_EXECUTIONS_MAX);
    shown(&subject, &small)
}

fn find(catalogue: &Catalogue, what: &SubjectOptions) -> Result<Subject, String> {
    let entry = catalogue.scenario(&what.scenario)?;
    let mutation = match &what.mutation {
        None => None,
        Some(named) => Some(catalogue.mutation(named)?),
    };
    let scenario = *entry.on(Engine::Harness);
    Ok(Subject {
        full_name: entry.full_name.clone(),
        body: scenario.as_body(),
        check: Check {
            mutation,
            keep_going: what.keep_going,
            depth_max: what.depth,
            ..Check::default()
        },
    })
}

/// Runs the check with its progress on stderr, until it ends or Ctrl-C is pressed.
fn run(subject: &Subject, limits: &LimitOptions) -> Result<Report, String> {
    let interrupted = interrupt::listen()?;
    let progress = SearchProgress::new(&subject.full_name, limits.time_max(), limits.quiet);
    let show = |each: &graphlock_harness::outcome::Progress| progress.show(each);
    let hooks = Hooks { cancel: Some(interrupted), progress: Some(&show), estimates_first: true };
    let report = model::check_with(&subject.check, &subject.body, &hooks);
    let report = report.map_err(|error| error.to_string())?;
    progress.finish(&report);
    Ok(made_small(report, &subject.body, &subject.check, LEAST_EXECUTIONS_MAX))
}

fn shown(subject: &Subject, report: &Report) -> Result<Shown, String> {
    let planted = with_planted(subject.check.mutation);
    let mut text = format!("{}{}\n\n", subject.full_name, planted);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12}{value}");
    };
    line("verdict", verdict(report));
    line("engine", report.engine.clone());
    line("memory", report.memory_model.to_string());
    if let Some(bound) = &report.bound {
        line("bound", bound.clone());
    }
    line("executions", count(report.executions));
    line("steps", count(report.steps));
    if let Some(estimate) = report.estimate.filter(|_| is_cut(report)) {
        line("estimate", estimated(report.executions, &estimate));
    }
    if let Some(seen) = &report.saturation {
        let about = if seen.exact { "" } else { "about " };
        let new = 100.0 * seen.next_is_new;
        let traces = count(seen.traces);
        line("traces", format!("{about}{traces}; the next run is new with {new:.1} %"));
    }
    for (title, counts) in [("case", &report.cases), ("ended in", &report.final_states)] {
        for (name, number) in counts {
            line(title, format!("{} {name}", count(*number)).trim_end().to_owned());
        }
    }
    for (kind, number) in &report.violations {
        line("violation", format!("{} {kind}", count(*number)));
    }
    if let Verdict::Violation(violation) = &report.verdict {
        let mutation = subject.check.mutation;
        let folder = place::folder();
        let file = save(&folder, &subject.full_name, mutation, violation);
        let file = file.map_err(|error| not_saved(&error))?;
        text += &format!(
            "\n{}\n{}",
            draw(violation, Paint::for_stdout()),
            how_to_replay(file.as_deref())
        );
    }
    Ok(Shown { text, exit_code: report.verdict.exit_code() })
}

fn is_cut(report: &Report) -> bool {
    matches!(report.verdict, Verdict::BudgetSpent(_))
}

fn verdict(report: &Report) -> String {
    match &report.verdict {
        Verdict::Complete if report.bound.is_some() => "complete within its bound".to_owned(),
        Verdict::Complete => "complete: every interleaving, none twice".to_owned(),
        Verdict::BudgetSpent(Limit::Interrupted) => "interrupted; nothing found so far".to_owned(),
        Verdict::BudgetSpent(limit) => format!("budget spent: {limit}; nothing found so far"),
        Verdict::NotDeterministic(why) | Verdict::HarnessBlind(why) => {
            format!("{}: {why}", report.verdict.word())
        }
        Verdict::Violation(violation) => format!("violation: {}", violation.kind),
    }
}

/// How far a search came.
fn estimated(executions: u64, estimate: &Estimate) -> String {
    let share = 100.0 * estimate.share(executions);
    let [low, traces, high] = [estimate.low, estimate.traces, estimate.high].map(about);
    format!("{share:.1} % of about {traces} executions ({low} to {high})")
}
