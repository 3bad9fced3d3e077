//! The statement that a run amounts to, in words: what was shown, under which memory model, within
//! which bound, and what was not.
//!
//! It says nothing that the rows do not say. A row that was cut off is named here as well as in the
//! table, and what no engine covers stands below, in every run: a green table is easily read as more
//! than it is.

use std::collections::{BTreeMap, BTreeSet};

use graphlock_harness::outcome::Verdict;

use crate::agreement::Relation;
use crate::engine::Engine;
use crate::judge::Row;
use crate::planted::Fate;
use crate::protocol::Protocol;
use crate::results::Results;
use crate::self_check::SelfCheck;
use crate::table::count;

/// What no run of this gate covers.
const NOT_COVERED: [&str; 4] = [
    "sizes beyond the parameters in a scenario's name",
    "stale reads of atomics outside loom's rows, and there beyond its preemption bound; load \
     buffering anywhere; docs/LIMITS.md says what each engine does not see, docs/ORDERING.md which \
     orderings were weakened to see whether somebody notices",
    "that the written properties are the right ones: docs/PROPERTIES.md is for people to judge",
    "real timers, real file locks, and what the compiler does to the production build",
];

/// The statement, one entry for each paragraph.
pub(crate) fn statement(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    let rows = |engine| results.rows.iter().filter(move |row: &&Row| row.job.engine == engine);
    harness(&rows(Engine::Harness).collect::<Vec<_>>(), &mut lines);
    loom(&rows(Engine::Loom).collect::<Vec<_>>(), &mut lines);
    if results.run.selection.runs(Engine::Loom) && !results.run.planted_only {
        let absent =
            results.not_on_loom.iter().map(|(scenario, reason)| format!("{scenario} ({reason})"));
        let absent: Vec<String> = absent.collect();
        if !absent.is_empty() {
            lines.push(format!("Not on loom: {}.", absent.join("; ")));
        }
    }
    real_threads(&rows(Engine::Std).collect::<Vec<_>>(), &mut lines);
    alertness(results, &mut lines);
    if !results.rows.is_empty() {
        cross_checked(results, &mut lines);
    }
    let failed = not_shown(results);
    if !failed.is_empty() {
        lines.push(format!("NOT SHOWN: {}.", failed.join("; ")));
    }
    if !lines.is_empty() {
        lines.push(format!("Not covered: {}.", NOT_COVERED.join("; ")));
        let (version, profile) = (env!("CARGO_PKG_VERSION"), results.run.profile.word());
        let (build, system) = (std::env::consts::ARCH, std::env::consts::OS);
        lines.push(format!(
            "Said by graphlock {version}, profile {profile}, built for {build} {system}."
        ));
    }
    lines
}

/// What says that the checks could have failed: without it the rest is worth little.
fn alertness(results: &Results, lines: &mut Vec<String>) {
    let mut parts = Vec::new();
    let coverage = &results.coverage;
    if coverage.declared > 0 {
        parts.push(format!("cases reached {}/{}", coverage.reached, coverage.declared));
    }
    if !results.rows.is_empty() {
        let protocol = Protocol::of(&results.rows);
        for (what, (reached, not)) in [
            ("named cases", protocol.cases_reached()),
            ("explained orderings", protocol.orderings_reached()),
        ] {
            parts.push(format!("{what} of the protocol reached {reached}/{}", reached + not.len()));
        }
    }
    let planted = results.planted.len();
    if planted > 0 {
        let found = results.planted.iter().filter(|each| each.fate == Fate::Found).count();
        parts.push(format!("planted bugs found {found}/{planted}"));
    }
    let twice = results.twice.len();
    if twice > 0 {
        let equal = results.twice.iter().filter(|row| row.accepted).count();
        parts.push(format!("choices equal when executed twice {equal}/{twice}"));
    }
    if let Some(each) = &results.self_check {
        let programs = count(each.compared.programs);
        parts.push(match each.difference {
            None => {
                format!("the engine meets each trace of {programs} drawn programs exactly once")
            }
            Some(_) => "THE ENGINE AND A PLAIN SEARCH DIFFER, so nothing above counts".to_owned(),
        });
    }
    if !parts.is_empty() {
        lines.push(format!("Alertness: {}.", parts.join("; ")));
    }
}

/// What else says that the search is what it says it is.
fn cross_checked(results: &Results, lines: &mut Vec<String>) {
    let mut parts = Vec::new();
    if !results.comparisons.is_empty() {
        let equal = results.comparisons.iter().filter(|each| each.relation == Relation::Equal);
        let (equal, all) = (equal.count(), results.comparisons.len());
        parts.push(format!("final states equal to loom's in {equal} of {all} scenarios"));
    }
    parts.push(match &results.self_check {
        Some(SelfCheck { compared, difference: None }) => format!(
            "against a search without reduction on {} drawn programs with {} traces",
            count(compared.programs),
            count(compared.traces)
        ),
        Some(_) => "AGAINST A SEARCH WITHOUT REDUCTION, AND THEY DIFFER".to_owned(),
        None => "not in this run against a search without reduction (`--profile full` does that \
                 on 20,000 drawn programs)"
            .to_owned(),
    });
    lines.push(format!("Exploration cross-checked: {}.", parts.join("; ")));
}

/// Everything that fails the gate, named.
fn not_shown(results: &Results) -> Vec<String> {
    let rows = results.rows.iter().filter(|row| !row.accepted);
    let rows = rows
        .map(|row| format!("{} on {} ({})", row.job.full_name, row.job.engine.word(), row.word()));
    let twice = results.twice.iter().filter(|row| !row.accepted);
    let twice = twice.map(|row| format!("{} executed twice ({})", row.job.full_name, row.word()));
    let disagree = results.comparisons.iter().filter(|comparison| !comparison.accepted());
    let disagree = disagree.map(|each| format!("that harness and loom agree on {}", each.scenario));
    let planted = results.planted.iter().filter(|planted| planted.fate != Fate::Found);
    let planted =
        planted.map(|each| format!("planted bug {} ({})", each.bug.mutation, each.word()));
    rows.chain(twice).chain(disagree).chain(planted).collect()
}

fn is_complete(row: &&&Row) -> bool {
    matches!(row.report.verdict, Verdict::Complete)
}

fn is_cut(row: &&&Row) -> bool {
    matches!(row.report.verdict, Verdict::BudgetSpent(_)) && row.accepted
}

fn names<'a>(rows: impl IntoIterator<Item = &'a &'a Row>) -> String {
    let names: Vec<&str> = rows.into_iter().map(|row| row.job.full_name.as_str()).collect();
    names.join("; ")
}

fn executions<'a>(rows: impl IntoIterator<Item = &'a &'a Row>) -> String {
    count(rows.into_iter().map(|row| row.report.executions).sum())
}

fn scenarios(number: usize) -> String {
    if number == 1 { "1 scenario".to_owned() } else { format!("{number} scenarios") }
}

fn harness(rows: &[&Row], lines: &mut Vec<String>) {
    let complete: Vec<&Row> = rows.iter().filter(is_complete).copied().collect();
    if let Some(first) = complete.first() {
        let properties = complete.iter().flat_map(|row| row.job.scenario.properties);
        let properties: BTreeSet<&str> = properties.map(|property| property.name).collect();
        let properties: Vec<&str> = properties.into_iter().collect();
        lines.push(format!(
            "SHOWN, every interleaving, no bound ({}; memory model: {}): {} in {} executions, one for \
             each trace (0 blocked, 0 truncated, {} redundant; {} steps). No panic, deadlock, livelock, \
             leaked task or data race; no property broken ({}). Scenarios: {}.",
            first.report.engine,
            first.report.memory_model,
            scenarios(complete.len()),
            executions(&complete),
            count(complete.iter().map(|row| row.report.redundant).sum()),
            count(complete.iter().map(|row| row.report.steps).sum()),
            if properties.is_empty() { "none named".to_owned() } else { properties.join(", ") },
            names(&complete),
        ));
    }
    let cut: Vec<&Row> = rows.iter().filter(is_cut).copied().collect();
    if !cut.is_empty() {
        lines.push(format!(
            "Cut off by the budget, nothing found so far, which is no proof (harness): {} in {} \
             executions: {}.",
            scenarios(cut.len()),
            executions(&cut),
            names(&cut),
        ));
    }
}

fn loom(rows: &[&Row], lines: &mut Vec<String>) {
    let mut within: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(is_complete) {
        within.entry(row.report.bound.as_deref().unwrap_or("no bound")).or_default().push(row);
    }
    for (bound, rows) in &within {
        let model = &rows[0].report.memory_model;
        let number = scenarios(rows.len());
        lines.push(format!(
            "Shown by loom within {bound} (memory model: {model}): {number}: {}.",
            names(rows)
        ));
    }
    let cut: Vec<&Row> = rows.iter().filter(is_cut).copied().collect();
    if !cut.is_empty() {
        let number = scenarios(cut.len());
        lines.push(format!(
            "loom was cut off by the budget, nothing found so far: {number}: {}.",
            names(&cut)
        ));
    }
}

fn real_threads(rows: &[&Row], lines: &mut Vec<String>) {
    let passed: Vec<&Row> = rows.iter().filter(|row| row.accepted).copied().collect();
    if let Some(first) = passed.first() {
        lines.push(format!(
            "Ran on {} (memory model: {}): {}, {} runs. A smoke test, no proof.",
            first.report.engine,
            first.report.memory_model,
            scenarios(passed.len()),
            executions(&passed),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::{job, report};
    use crate::plan::Purpose;
    use crate::results::tests::{complete, results};
    use graphlock_harness::outcome::Limit;

    #[test]
    fn complete_cut_and_failed_rows_are_told_apart() {
        let cut = |accepted: bool, engine| {
            let purpose = Purpose::Row { must_complete: !accepted };
            (job(purpose, engine), report(Verdict::BudgetSpent(Limit::Executions(4)), 4))
        };
        let shown = (job(Purpose::Row { must_complete: true }, Engine::Harness), complete(&[]));
        let finished = vec![
            shown,
            cut(true, Engine::Harness),
            cut(true, Engine::Std),
            cut(false, Engine::Harness),
        ];
        let lines = statement(&results(finished));
        let begins = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
        for start in ["SHOWN", "Cut off", "Ran on", "NOT SHOWN", "Not covered"] {
            assert_eq!(begins(start), 1, "{start}: {lines:#?}");
        }
        assert!(lines[0].contains("1 scenario in 9 executions") && lines[0].contains("exclusion"));
    }

    #[test]
    fn planted_bugs_alone_amount_to_no_statement() {
        assert_eq!(statement(&results(Vec::new())), Vec::<String>::new());
    }
}
