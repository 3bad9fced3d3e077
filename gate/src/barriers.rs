//! `gate barriers`: which memory model notices that an ordering is missing.
//!
//! Each planted bug that weakens an ordering is looked at three times: with sequential consistency, where only the declared orderings
//! can tell (a data race), with the store buffers of x86, and on loom, which shows stale reads. A green run under one memory model
//! says nothing about orderings that only another one can see.
//!
//! Invariant: each is found by a model that a whole run has: sequential consistency with the declared orderings, or loom.

use std::fmt::Write as _;

use graphlock_harness::outcome::{Report, Verdict, ViolationKind};
use graphlock_harness::scenario::{Check, PlantedBug, PlantedBugEngine};

use crate::catalogue::Catalogue;
use crate::document::{self, DocumentOptions};
use crate::engine::Engine;
use crate::expected::{TIME_MAX, execute_all};
use crate::plan::{Job, Purpose};
use crate::replay::Shown;
use crate::table::{Paint, Side, Table, Tone, count, plain};

/// The page as it was when the gate was built.
const PAGE: document::Page =
    document::Page { path: "docs/BARRIERS.md", text: include_str!("../../docs/BARRIERS.md") };

/// How a planted bug of an ordering names it.
const ORDERING: &str = "ordering ";

/// Executions on the deterministic engine and on loom: what is not found until then counts as not seen.
const EXECUTIONS_MAX: u64 = 100_000;
/// loom's bound where a bug has none of its own.
const PREEMPTIONS_MAX: u8 = 3;

/// The memory models, in the order of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Model {
    Sequential,
    StoreBuffers,
    Loom,
}

const MODELS: [Model; 3] = [Model::Sequential, Model::StoreBuffers, Model::Loom];

/// Looks at each ordering under each memory model.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn barriers(catalogue: &Catalogue, options: &DocumentOptions) -> Result<Shown, String> {
    let weakens = |bug: &&PlantedBug| bug.models.contains(ORDERING);
    let bugs: Vec<PlantedBug> = catalogue.planted.iter().filter(weakens).copied().collect();
    let jobs: Vec<Job> = MODELS
        .into_iter()
        .flat_map(|model| bugs.iter().map(move |bug| job(catalogue, bug, model)))
        .collect();
    let reports = execute_all(jobs, &options.checks)?;
    let seen: Vec<&[Report]> = reports.chunks(bugs.len()).collect();
    let is_met = (0..bugs.len()).all(|bug| is_found(&seen, bug));
    let text = told(&bugs, &seen, is_met, Paint::for_stdout());
    document::conclude(text, is_met, &PAGE, &page(&bugs, &seen), options.write.as_deref())
}

fn job(catalogue: &Catalogue, bug: &PlantedBug, model: Model) -> Job {
    let engine = if model == Model::Loom { Engine::Loom } else { Engine::Harness };
    let entry =
        catalogue.find(bug.scenario).expect("the catalogue knows each planted bug's scenario");
    let preemptions_max = match (model, bug.engine) {
        (Model::Loom, PlantedBugEngine::Loom(bound)) => Some(bound),
        (Model::Loom, PlantedBugEngine::Harness) => Some(PREEMPTIONS_MAX),
        _ => None,
    };
    let check = Check {
        executions_max: Some(EXECUTIONS_MAX),
        time_max: Some(TIME_MAX),
        preemptions_max,
        store_buffers: model == Model::StoreBuffers,
        mutation: Some(bug.mutation),
        ..Check::default()
    };
    let scenario = *entry.on(engine);
    let full_name = entry.full_name.clone();
    Job { purpose: Purpose::Planted(*bug), engine, scenario, full_name, check }
}

/// Whether a model that a whole run has finds it.
fn is_found(seen: &[&[Report]], bug: usize) -> bool {
    let found = |model: usize| seen[model][bug].verdict.violation().is_some();
    found(Model::Sequential as usize) || found(Model::Loom as usize)
}

/// What came of it: the kind of failure with the executions it took, or a dash.
fn word(report: &Report) -> (String, Tone) {
    let executions = count(report.executions);
    match &report.verdict {
        Verdict::Violation(found) => (format!("{}, {executions}", found.kind), Tone::Good),
        Verdict::Complete => (format!("- ({executions})"), Tone::Note),
        Verdict::BudgetSpent(_) => (format!("not in {executions}"), Tone::Note),
        other => (other.word().to_owned(), Tone::Bad),
    }
}

/// The ordering that a bug weakens.
fn ordering(bug: &PlantedBug) -> &str {
    bug.models.split_once(ORDERING).map_or("", |(_, id)| id)
}

/// How many each model sees; of the first, how many without the declared orderings.
fn sums(seen: &[&[Report]]) -> String {
    let kinds = |model: Model| {
        seen[model as usize]
            .iter()
            .filter_map(|report| report.verdict.violation())
            .map(|found| found.kind)
    };
    let all = seen[0].len();
    let plain = kinds(Model::Sequential).filter(|kind| *kind != ViolationKind::DataRace).count();
    let [sequential, buffers, loom] = MODELS.map(|model| kinds(model).count());
    format!(
        "Of {all} weakened orderings sequential consistency alone shows {plain}, with the declared orderings {sequential}, with store buffers {buffers}, and loom {loom}."
    )
}

fn told(bugs: &[PlantedBug], seen: &[&[Report]], is_met: bool, paint: Paint) -> String {
    let left = Side::Left;
    let columns =
        [("weakened", left), ("sequential", left), ("store buffers", left), ("loom", left)];
    let mut table = Table::new(&columns);
    for (index, bug) in bugs.iter().enumerate() {
        let mut row = vec![plain([bug.mutation.to_owned()])];
        row.extend(seen.iter().map(|reports| vec![word(&reports[index])]));
        table.push(row);
    }
    let mut text = table.text(paint);
    let _ = writeln!(text, "\n{}", sums(seen));
    if !is_met {
        text += "NOT ALL are found by a model that a whole run has\n";
    }
    text
}

const HEAD: &str = "\
# Barriers

Which memory model notices that an ordering of [ORDERING.md](ORDERING.md) is missing: each planted bug that weakens one, in its scenario.
`cargo gate barriers` looks at each and fails if this page is not what it shows, or if one is seen by no engine of a whole run; `--write` makes it anew.
A cell has the failure and the executions that it took, or a dash and all executions that there are.

- *sequential*: every load sees the latest store. A data race is found by following the orderings that the code declares.
- *store buffers*: that of x86 (TSO): stores come late. Not part of a whole run.
- *loom*: stale reads as C11 allows them, without load buffering, within a bound of preemptions.

";

fn page(bugs: &[PlantedBug], seen: &[&[Report]]) -> String {
    let mut text = HEAD.to_owned();
    text += "| ordering | weakened by | sequential | store buffers | loom |\n| --- | --- | --- | --- | --- |\n";
    for (index, bug) in bugs.iter().enumerate() {
        let cells: Vec<String> = seen.iter().map(|reports| word(&reports[index]).0).collect();
        let (ordering, weakened) = (ordering(bug), bug.mutation);
        let _ = writeln!(text, "| `{ordering}` | `{weakened}` | {} |", cells.join(" | "));
    }
    text + "\n"
        + &sums(seen)
        + "\nA complete run under sequential consistency says nothing about the others: print the memory model beside the word.\n"
}
