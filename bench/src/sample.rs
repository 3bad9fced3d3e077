//! Schedules until a bug is found, by strategy, beside shuttle's strategies and published figures.

use graphlock_harness::model::check;
use graphlock_harness::scenario::{Check, Sampling, Strategy};

use crate::on_harness::programs;
use crate::peers::{Contestant, Measured, RUNS_MAX, apart, body};
use crate::table;

const OWN: [Sampling; 6] = [
    Sampling::SelectivelyUniform,
    Sampling::Pct(3),
    Sampling::PartialOrder,
    Sampling::Walk,
    Sampling::Uniform,
    Sampling::Portfolio,
];

const PEERS: [Contestant; 3] =
    [Contestant::ShuttleFindsRandom, Contestant::ShuttleFindsPct, Contestant::ShuttleFindsUrw];

/// Published means over 20 trials for SURW, PCT-3, POS and the walk; none: not within 10,000.
const PUBLISHED: [(&str, [Option<f64>; 4]); 13] = [
    ("account!", [Some(5.8), Some(4.3), Some(4.1), Some(18.0)]),
    ("bluetooth!", [Some(70.0), Some(112.0), Some(36.0), Some(215.0)]),
    ("deadlock01!", [Some(1.8), Some(13.0), Some(3.5), Some(3.2)]),
    ("reorder(3)!", [Some(7.3), Some(185.0), Some(86.0), None]),
    ("reorder(5)!", [Some(10.0), Some(647.0), Some(2_169.0), None]),
    ("reorder(10)!", [Some(17.0), Some(3_225.0), None, None]),
    ("reorder(20)!", [Some(6.0), Some(3_005.0), None, None]),
    ("twostage!", [Some(7.5), Some(13.0), Some(15.0), Some(464.0)]),
    ("twostage(20)!", [Some(5.7), Some(159.0), Some(156.0), None]),
    ("twostage(50)!", [Some(20.0), Some(1_676.0), Some(1_637.0), None]),
    ("stack!", [Some(4.6), Some(3.2), Some(1.7), Some(176.0)]),
    ("token ring!", [Some(8.2), Some(8.2), Some(8.6), Some(13.0)]),
    ("wronglock!", [Some(7.5), Some(51.0), Some(10.0), Some(36.0)]),
];

pub(crate) fn run(seeds: u64) {
    // Each bug is a panic.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut own, mut peers) = (Vec::new(), Vec::new());
    for program in programs::bugs() {
        let found = OWN.map(|sampling| mean(seeds, |seed| harness(program.name, sampling, seed)));
        own.push(own_row(program.name, &found));
        let found = PEERS.map(|peer| {
            let Measured { executions, missed, .. } = apart(peer, program.name, seeds);
            (executions as f64 / (seeds - missed).max(1) as f64, missed)
        });
        let mut row = vec![program.name.to_owned()];
        row.extend(found.iter().map(|(mean, missed)| cell(*mean, *missed)));
        peers.push(row);
    }
    let title = format!(
        "Mean schedules to the first bug, {seeds} seeds, at most {RUNS_MAX} (not found by so many); published figures in \
         parentheses"
    );
    let heading =
        ["program", "surw", "pct3", "pos", "walk", "urw", "portfolio", "portfolio / best"];
    table::print(&title, &heading, &own);
    table::print("The same on shuttle", &["program", "random", "pct3", "urw"], &peers);
}

/// A row with the published figures, and the portfolio against the best strategy.
fn own_row(program: &str, found: &[(f64, u64)]) -> Vec<String> {
    let published = PUBLISHED.iter().find(|(name, _)| *name == program).map(|(_, means)| means);
    let mut row = vec![program.to_owned()];
    for (column, (mean, missed)) in found.iter().enumerate() {
        let mut text = cell(*mean, *missed);
        if let Some(published) = published.and_then(|means| means.get(column)) {
            text += &published.map_or(" (-)".to_owned(), |mean| format!(" ({mean})"));
        }
        row.push(text);
    }
    let (portfolio, strategies) = found.split_last().expect("there are strategies");
    let always = strategies.iter().filter(|(_, missed)| *missed == 0).map(|(mean, _)| *mean);
    row.push(format!("{:.2}", portfolio.0 / always.fold(f64::INFINITY, f64::min)));
    row
}

fn cell(mean: f64, missed: u64) -> String {
    if missed == 0 { format!("{mean:.1}") } else { format!("{mean:.1}, -{missed}") }
}

/// The mean over the seeds that found it, and how many did not.
fn mean(seeds: u64, find: impl Fn(u64) -> (bool, u64)) -> (f64, u64) {
    let (mut sum, mut missed) = (0, 0);
    for seed in 0..seeds {
        match find(seed) {
            (true, schedules) => sum += schedules,
            (false, _) => missed += 1,
        }
    }
    (sum as f64 / (seeds - missed).max(1) as f64, missed)
}

fn harness(program: &str, sampling: Sampling, seed: u64) -> (bool, u64) {
    let strategy = Strategy::Sample { sampling, seed, first: 0, runs: RUNS_MAX };
    let report = check(&Check { strategy, ..Check::default() }, &body(program));
    (report.verdict.violation().is_some(), report.executions)
}
