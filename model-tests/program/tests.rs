//! That programs run, and that what is planted in the machinery is found by them.

use graphlock_harness::outcome::Report;
use graphlock_harness::scenario::{Sampling, Strategy};
use graphlock_programs::file::print;
use graphlock_programs::program::{
    Driver, Edge, Expect, Image, ImageId, LoopId, Mode, Node, NodeId, Place, Task,
};
use graphlock_programs::rules;
use graphlock_programs::step::Step;
use graphlock_programs::strategy::{Schedule, Size, programs, schedules};

use super::{Arc, Check, Deferral, Hooks, Program, check};

/// The image of a node whose last reference was deferred is opened again right after the unlock.
fn reopens_after_unlock() -> Program {
    let node = |name, driver, open, children| Node { name, driver, open, children };
    let storage = Driver::Storage { image: ImageId(0), mode: Mode::ReadWrite };
    Program {
        images: vec![Image { name: "base.img" }],
        nodes: vec![
            node("device", Driver::Device { writes: true }, true, vec![(Edge::Root, NodeId(1))]),
            node("base", storage, true, vec![]),
            node("again", storage, false, vec![]),
        ],
        loops: vec!["iothread0"],
        tasks: vec![Task {
            name: "guest",
            place: Place::Loop(LoopId(0)),
            holds: vec![],
            steps: vec![Step::Write(NodeId(0)), Step::Read(NodeId(0))],
        }],
        main: vec![
            Step::WriteLock { drained: false },
            Step::Detach(NodeId(0), Edge::Root),
            Step::ScheduleUnref(NodeId(1)),
            Step::ScheduleUnref(NodeId(1)),
            Step::Unlock,
            Step::Open(NodeId(2)),
        ],
        expect: Expect::NoConflict,
        ..Program::default()
    }
}

fn sampled(program: &Arc<Program>, deferral: Deferral, mutation: Option<&'static str>) -> Report {
    let strategy =
        Strategy::Sample { sampling: Sampling::Portfolio, seed: 1, first: 0, runs: 2_000 };
    let how = Check { strategy, mutation, ..Check::default() };
    check(program, deferral, &how, &Hooks::default()).expect("no checkpoint is asked for")
}

#[test]
fn the_image_of_a_deferred_unref_can_be_opened_after_the_unlock() {
    let program = Arc::new(reopens_after_unlock());
    assert_eq!(rules::check(&program), Ok(()));
    for deferral in Deferral::ALL {
        let report = sampled(&program, deferral, None);
        let found = report.verdict.violation();
        assert!(found.is_none(), "{deferral}: {found:?}");
        assert!(report.saturation.is_some_and(|seen| seen.traces > 100), "{deferral}");
    }
}

#[test]
fn what_is_planted_is_found_by_a_program() {
    let program = Arc::new(reopens_after_unlock());
    for mutation in ["unref-under-lock", "deferred-unref-not-polled", "close-skips-drain"] {
        let report = sampled(&program, Deferral::List, Some(mutation));
        assert!(report.verdict.violation().is_some(), "{mutation} was not found");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        cases: 200,
        // The same programs in every run: what is drawn anew each time is for `cargo gate fuzz`.
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: Some(Box::new(
            proptest::test_runner::FileFailurePersistence::Direct("proptest-regressions/programs.txt"),
        )),
        ..Default::default()
    })]

    /// Whatever is drawn keeps all properties, under whichever schedules are drawn for it.
    #[test]
    fn drawn_programs_keep_all_properties(
        program in programs(Size::default()),
        schedule in schedules(),
    ) {
        let program = Arc::new(program);
        let Schedule { sampling, seed, store_buffers, surprises } = schedule;
        let strategy = Strategy::Sample { sampling, seed, first: 0, runs: 40 };
        let how = Check { strategy, store_buffers, surprises, ..Check::default() };
        let deferral = program.deferral.unwrap_or(Deferral::List);
        let report = check(&program, deferral, &how, &Hooks::default()).expect("no checkpoint");
        if let Some(found) = report.verdict.violation() {
            let drawn = found.trace.lanes(100);
            proptest::prop_assert!(false, "{}\n{}\n{drawn}", print(&program), found.message);
        }
    }
}
