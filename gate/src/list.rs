//! `gate list`: scenarios with their engines and bounds, planted bugs, and mutations without one.

use crate::arguments::Selection;
use crate::catalogue::{Catalogue, Entry};
use crate::engine::Engine;
use crate::plan::selects;
use crate::table::{Paint, Side, Table, count, name_lines, plain, planted_lines};
use graphlock_harness::scenario::{PlantedBug, PlantedBugEngine};

/// The text of the list.
///
/// # Errors
/// If the selection leaves nothing, with the line that says so.
pub(crate) fn text(
    catalogue: &Catalogue,
    selection: &Selection,
    paint: Paint,
) -> Result<String, String> {
    let selected = |entry: &&Entry| {
        let meant = [Engine::Harness, Engine::Loom, Engine::Std];
        let meant =
            meant.into_iter().any(|engine| selection.runs(engine) && is_meant(entry, engine));
        selection.names(&entry.full_name) && meant
    };
    let entries: Vec<&Entry> = catalogue.entries.iter().filter(selected).collect();
    let planted = catalogue.planted.iter().filter(|bug| selects(selection, bug));
    let planted: Vec<&PlantedBug> = planted.collect();
    if entries.is_empty() && planted.is_empty() {
        return Err(crate::plan::nothing_left(catalogue, selection));
    }
    let mut text = String::new();
    if !entries.is_empty() {
        text += &scenario_table(&entries).text(paint);
        text.push('\n');
        for entry in &entries {
            let scenario = entry.on(Engine::Harness);
            text += &format!("{}\n  {}\n", entry.full_name, scenario.about);
            if !entry.cases().is_empty() {
                text += &format!("  cases: {}\n", entry.cases().join(", "));
            }
            if let Err(reason) = scenario.engines.loom {
                text += &format!("  not on loom: {reason}\n");
            }
        }
    }
    if !planted.is_empty() {
        text += if text.is_empty() { "" } else { "\n" };
        text += &planted_table(&planted).text(paint);
        text.push('\n');
        for bug in &planted {
            text += &format!("{}\n  models {}\n", bug.mutation, bug.models);
            let known = catalogue.mutations.iter().find(|(id, _)| *id == bug.mutation);
            if let Some((_, turned_off)) = known {
                text += &format!("  turns off {turned_off}\n");
            }
        }
    }
    if !catalogue.not_planted().is_empty() {
        text += &format!("\nnot planted yet: {}\n", catalogue.not_planted().join(", "));
    }
    Ok(text)
}

fn is_meant(entry: &Entry, engine: Engine) -> bool {
    let engines = entry.on(engine).engines;
    match engine {
        Engine::Harness => engines.harness.is_some(),
        Engine::Loom => engines.loom.is_ok(),
        Engine::Std => engines.std > 0,
    }
}

fn scenario_table(entries: &[&Entry]) -> Table {
    let mut table = Table::new(&[
        ("scenario", Side::Left),
        ("harness", Side::Left),
        ("loom", Side::Left),
        ("std", Side::Left),
        ("cases", Side::Right),
    ]);
    for entry in entries {
        let engines = entry.on(Engine::Harness).engines;
        let harness = match engines.harness {
            Some(true) => "complete",
            Some(false) => "may be cut",
            None => "-",
        };
        let loom = engines.loom.map_or("-".to_owned(), |bound| format!("preemptions <= {bound}"));
        let std = if engines.std > 0 { format!("{} runs", engines.std) } else { "-".to_owned() };
        table.push(vec![
            plain(name_lines(&entry.full_name)),
            plain([harness.to_owned()]),
            plain([loom]),
            plain([std]),
            plain([entry.cases().len().to_string()]),
        ]);
    }
    table
}

fn planted_table(planted: &[&PlantedBug]) -> Table {
    let mut table = Table::new(&[
        ("planted bug, scenario", Side::Left),
        ("engine", Side::Left),
        ("budget", Side::Right),
        ("symptom", Side::Left),
    ]);
    for bug in planted {
        let engine = match bug.engine {
            PlantedBugEngine::Harness => "harness".to_owned(),
            PlantedBugEngine::Loom(bound) => format!("loom, {bound}"),
        };
        table.push(vec![
            plain(planted_lines(bug.mutation, bug.scenario)),
            plain([engine]),
            plain([count(bug.budget)]),
            plain([bug.symptom.to_string()]),
        ]);
    }
    table
}
