//! That the programs in `model-tests/programs/` show what their stories say: nothing as they are, and something with each
//! bug that a story names.
//!
//! # Not here
//! That a story is one, and that the file is read: `programs/tests/files.rs`.

use std::path::Path;

use graphlock_harness::outcome::{Report, Verdict};
use graphlock_harness::scenario::{Sampling, Strategy};
use graphlock_programs::file;

use super::{Arc, Check, Deferral, Hooks, Program, check};
use crate::mutation::MUTATIONS;

/// Enough for each bug that a story names: the rarest takes some hundred.
const RUNS: u64 = 3_000;
/// As many where nothing is to be found: the gate looks for longer.
const RUNS_AS_IT_IS: u64 = 200;

/// Each program with its name, and the bugs that its story names.
fn stories() -> Vec<(String, Arc<Program>, Vec<&'static str>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("model-tests/programs");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut stories: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("it can be read").path();
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path).expect("it is text");
            let program = file::parse(&name, &text).expect("it is a program");
            (name, Arc::new(program), planted(&text))
        })
        .collect();
    stories.sort_by(|one, other| one.0.cmp(&other.0));
    stories
}

fn planted(text: &str) -> Vec<&'static str> {
    let story: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).collect();
    let story = story.join("").replace('`', " ");
    let mut words = story.split_whitespace();
    let mut planted = Vec::new();
    while words.any(|word| word == "--mutation") {
        let named = words.next().unwrap_or_default();
        let known = MUTATIONS.iter().find(|(id, _)| *id == named);
        planted.push(known.unwrap_or_else(|| panic!("no planted bug `{named}`")).0);
    }
    planted
}

fn sampled(
    program: &Arc<Program>,
    deferral: Deferral,
    mutation: Option<&'static str>,
    runs: u64,
) -> Report {
    let strategy = Strategy::Sample { sampling: Sampling::Portfolio, seed: 1, first: 0, runs };
    let how = Check { strategy, mutation, ..Check::default() };
    check(program, deferral, &how, &Hooks::default()).expect("no checkpoint is asked for")
}

#[test]
fn each_story_is_true() {
    let mut wrong = Vec::new();
    for (name, program, planted) in stories() {
        let ways = program.deferral.map_or(Deferral::ALL.to_vec(), |way| vec![way]);
        for way in ways {
            let as_it_is = sampled(&program, way, None, RUNS_AS_IT_IS);
            if !matches!(as_it_is.verdict, Verdict::Complete | Verdict::BudgetSpent(_)) {
                wrong.push(format!("{name}, {way}: {:?}", as_it_is.verdict));
            }
            for mutation in &planted {
                let report = sampled(&program, way, Some(mutation), RUNS);
                if report.verdict.violation().is_none() {
                    wrong.push(format!("{name}, {way}: {mutation} was not found"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
