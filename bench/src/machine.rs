//! The whole machine with two readers and a reopen: a complete search here, and how far loom comes in as much time.
//!
//! Both run the same text of the machinery and of the scenario, each built on its own primitives, and neither has a
//! preemption bound. loom's time is shared by its two passes, as everywhere in this project (docs/LIMITS.md).

use std::num::NonZeroUsize;
use std::time::Duration;

use graphlock_harness::outcome::{Limit, Report, Verdict};
use graphlock_harness::scenario::{Check, Scenario};

use crate::table::{self, count, rounded};

/// Threads that explore here. loom has one.
const JOBS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// What is closed at the unlock is deferred by a bottom half, and by the list.
const NAMES: [&str; 2] =
    ["readers_meet_reopen[readers=2,way=0]", "readers_meet_reopen[readers=2,way=1]"];

/// Measures each; loom has as long as the harness has taken, and at least so many seconds.
pub(crate) fn run(seconds: u64) {
    let mut rows = Vec::new();
    for name in NAMES {
        let scenario = named(graphlock_on_harness::model_tests::scenarios(), name);
        let check = Check { jobs: JOBS, ..Check::default() };
        let own = graphlock_on_harness::model_tests::check(&scenario, &check);
        rows.push(row(name, "harness", &own));
        let scenario = named(graphlock_on_loom::model_tests::scenarios(), name);
        let time_max = Some(own.elapsed.max(Duration::from_secs(seconds)));
        let check = Check { time_max, ..Check::default() };
        let loom = graphlock_on_loom::model_tests::check(&scenario, &check);
        rows.push(row(name, "loom", &loom));
        rows.extend(loom.passes.iter().map(|pass| {
            let word = if pass.complete { "complete" } else { "cut" };
            let cells = ["", &format!("its pass {}", pass.name), word, &count(pass.executions)];
            cells.map(str::to_owned).to_vec()
        }));
    }
    table::print(
        &format!(
            "The whole machine without a bound, {JOBS} jobs; loom for as long, at least {seconds} s"
        ),
        &["scenario", "engine", "verdict", "executions", "time", "per second"],
        &rows,
    );
}

fn named(scenarios: Vec<Scenario>, name: &str) -> Scenario {
    let found = scenarios.into_iter().find(|scenario| scenario.full_name() == name);
    found.unwrap_or_else(|| panic!("no scenario is called `{name}`"))
}

fn row(name: &str, engine: &str, report: &Report) -> Vec<String> {
    let verdict = match &report.verdict {
        Verdict::Complete => "complete".to_owned(),
        Verdict::BudgetSpent(Limit::Time(_)) => "cut".to_owned(),
        other => panic!("{name} on {engine}: neither complete nor cut by time: {other:?}"),
    };
    let seconds = report.elapsed.as_secs_f64();
    vec![
        name.to_owned(),
        engine.to_owned(),
        verdict,
        count(report.executions),
        format!("{seconds:.1} s"),
        rounded(report.executions as f64 / seconds),
    ]
}
