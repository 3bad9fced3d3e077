//! How soon each planted bug is found by fuzzing alone: no scenario that somebody wrote for it.

use std::fmt::Write as _;

use super::hunt::Hunt;
use super::shrink::Shrunk;
use crate::engine;
use crate::replay::Shown;
use crate::table::{Paint, Side, Table, count, plain};

/// What became of one bug over several seeds.
struct Row {
    mutation: &'static str,
    found: u64,
    programs: u64,
    executions: u64,
    /// Tasks, steps, context switches of what was shrunk.
    shrunk: Vec<[u64; 3]>,
}

/// Plants each bug in turn, or the one that is asked for.
///
/// # Errors
/// None; what is not found is in the table, and in the exit code.
pub(super) fn table(hunt: &Hunt, seeds: u64) -> Result<Shown, String> {
    let mut rows = Vec::new();
    let all = engine::mutations().iter().map(|(mutation, _)| *mutation);
    for mutation in all.filter(|id| hunt.mutation.is_none_or(|only| only == *id)) {
        let row = row(hunt, mutation, seeds);
        if !hunt.quiet {
            eprintln!("{mutation}: found with {} of {seeds} seeds", row.found);
        }
        rows.push(row);
    }
    Ok(shown(&rows, seeds))
}

fn row(hunt: &Hunt, mutation: &'static str, seeds: u64) -> Row {
    let mut row = Row { mutation, found: 0, programs: 0, executions: 0, shrunk: Vec::new() };
    for seed in hunt.seed..hunt.seed.saturating_add(seeds) {
        let hunt = Hunt { seed, mutation: Some(mutation), quiet: true, ..hunt.clone() };
        let hunted = hunt.run();
        let Some(failed) = &hunted.failed else { continue };
        row.found += 1;
        row.programs += hunted.programs;
        row.executions += hunted.executions;
        let shrunk = Shrunk::of(failed, &hunt);
        let switches = shrunk.violation.least.map_or(0, |least| least.switches);
        let size = [shrunk.program.tasks(), shrunk.program.steps(), switches as usize];
        row.shrunk.push(size.map(|size| size as u64));
    }
    row
}

fn median(of: impl Iterator<Item = u64>) -> String {
    let mut sorted: Vec<u64> = of.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map_or("-".to_owned(), |median| count(*median))
}

fn shown(rows: &[Row], seeds: u64) -> Shown {
    let mut table = Table::new(&[
        ("planted bug", Side::Left),
        ("found", Side::Right),
        ("programs", Side::Right),
        ("schedules", Side::Right),
        ("tasks", Side::Right),
        ("steps", Side::Right),
        ("switches", Side::Right),
    ]);
    let mut columns = |name: &str, found: String, means: [String; 2], sizes: [String; 3]| {
        let cells = [vec![name.to_owned(), found], means.to_vec(), sizes.to_vec()].concat();
        table.push(cells.into_iter().map(|cell| plain([cell])).collect());
    };
    for row in rows {
        let mean = |sum: u64| match row.found {
            0 => "-".to_owned(),
            found => count(sum / found),
        };
        let sizes = [0, 1, 2].map(|at| median(row.shrunk.iter().map(|size| size[at])));
        let found = format!("{}/{seeds}", row.found);
        columns(row.mutation, found, [mean(row.programs), mean(row.executions)], sizes);
    }
    let sizes = [0, 1, 2]
        .map(|at| median(rows.iter().flat_map(|row| row.shrunk.iter().map(move |size| size[at]))));
    let always = rows.iter().filter(|row| row.found == seeds).count();
    columns("median", format!("{always}/{}", rows.len()), [String::new(), String::new()], sizes);
    let mut text = table.text(Paint::for_stdout());
    let _ = writeln!(
        text,
        "\nfound with every seed: {always} of {}; programs and schedules: means to the first failure; sizes: medians of \
         what was shrunk",
        rows.len()
    );
    let exit_code = if rows.iter().all(|row| row.found > 0) { 0 } else { crate::BLIND };
    Shown { text, exit_code }
}
