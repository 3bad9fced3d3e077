//! What is drawn is valid, varied, small when it is shrunk, and the same for the same seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use graphlock_programs::program::{Driver, Edge, Party, Place, Program};
use graphlock_programs::rules;
use graphlock_programs::step::{self, Step};
use graphlock_programs::strategy::{Group, Size, draw, programs, schedules};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const DRAWN: u64 = 5_000;

fn runner(seed: u8) -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn steps(program: &Program) -> impl Iterator<Item = (Party, &Step)> {
    program.parties().flat_map(|(party, _, steps)| steps.iter().map(move |step| (party, step)))
}

/// The program for who reads a failure.
fn shown(program: &Program) -> String {
    let lists = program.parties().map(|(_, name, steps)| {
        let steps: Vec<String> = steps.iter().map(|step| step.shown(program).to_string()).collect();
        format!("{name}: {}\n", steps.join("; "))
    });
    format!("{}{:#?}", lists.collect::<String>(), program.nodes)
}

#[test]
fn drawn_programs_keep_the_rules() {
    for size in [Size::default(), Size::small(), Size { tasks: 9, steps: 60, nodes: 12 }] {
        for seed in 0..DRAWN {
            let program = draw(seed, size);
            if let Err(broken) = rules::check(&program) {
                panic!("seed {seed}: {broken} {:?}\n{}", broken.step, shown(&program));
            }
            assert!(program.steps() <= size.steps, "seed {seed}");
            assert!(program.tasks() <= size.tasks, "seed {seed}");
            assert!(program.nodes.len() <= size.nodes, "seed {seed}");
        }
    }
}

#[test]
fn every_word_and_every_driver_is_drawn() {
    let mut words: BTreeMap<&str, u32> = step::WORDS.iter().map(|(word, _)| (*word, 0)).collect();
    let mut drivers = BTreeSet::new();
    for seed in 0..DRAWN {
        let program = draw(seed, Size::default());
        let used: BTreeSet<&str> = steps(&program).map(|(_, step)| step.word()).collect();
        used.into_iter().for_each(|word| *words.entry(word).or_default() += 1);
        drivers.extend(program.nodes.iter().map(|node| node.driver.word()));
    }
    println!("programs with each word, of {DRAWN}: {words:?}");
    let rare: Vec<_> = words.iter().filter(|(_, count)| **count < 20).collect();
    assert!(rare.is_empty(), "{rare:?}");
    let all = ["copy-before-write", "device", "null", "overlay", "raw", "reader", "storage"];
    assert_eq!(drivers.into_iter().collect::<Vec<_>>(), all);
}

/// Whether a program has something of a group.
fn has(program: &Program, group: Group) -> bool {
    let any = |fits: fn(&Step) -> bool| steps(program).any(|(_, step)| fits(step));
    let node = |driver| program.nodes.iter().any(|node| node.driver == driver);
    match group {
        Group::Requests => any(|step| {
            matches!(step, Step::Read(_) | Step::Write(_) | Step::Flush(_) | Step::CancelWrite(_))
        }),
        Group::ReadLocks => any(|step| matches!(step, Step::ReadLock | Step::CancelReadLock)),
        Group::Structure => any(|step| {
            matches!(
                step,
                Step::Attach(..)
                    | Step::Detach(..)
                    | Step::Replace(..)
                    | Step::Append(..)
                    | Step::ReplaceNode(..)
            )
        }),
        Group::Unrefs => {
            any(|step| matches!(step, Step::Unref(_) | Step::ScheduleUnref(_) | Step::Drop(_)))
        }
        Group::Drains => any(|step| {
            matches!(
                step,
                Step::DrainBegin(_) | Step::DrainAllBegin | Step::WriteLock { drained: true }
            )
        }),
        Group::CoroutineDrains => any(|step| matches!(step, Step::Drained(_) | Step::Job(_))),
        Group::Reopen => any(|step| matches!(step, Step::Reopen(_))),
        Group::Overlays => node(Driver::Overlay),
        Group::CopyBeforeWrite => node(Driver::CopyBeforeWrite),
        Group::Strangers => any(|step| matches!(step, Step::OpenElsewhere(..))),
        Group::BottomHalves => !program.bottom_halves.is_empty(),
        Group::Commands => !program.commands.is_empty(),
        Group::Events => !program.events.is_empty(),
        Group::Moves => any(|step| matches!(step, Step::Move(_))),
        Group::Stop => any(|step| matches!(step, Step::Stop(_))),
        Group::Faults => !program.faults.is_empty(),
        Group::Workers => program.workers > 0,
        Group::Pause => any(|step| matches!(step, Step::Pause)),
        Group::Threads => program.tasks.iter().any(|task| task.place == Place::Thread),
    }
}

#[test]
fn each_kind_of_operations_is_missing_in_some_programs() {
    let drawn: Vec<Program> = (0..DRAWN).map(|seed| draw(seed, Size::default())).collect();
    for group in Group::ALL {
        let with = drawn.iter().filter(|program| has(program, *group)).count();
        println!("{group:?}: {with} of {DRAWN}");
        assert!(with * 50 > drawn.len(), "{group:?} is too rare: {with}");
        assert!(with * 20 < drawn.len() * 19, "{group:?} is everywhere: {with}");
    }
    let tasks: usize = drawn.iter().map(Program::tasks).sum();
    let steps: usize = drawn.iter().map(Program::steps).sum();
    let nodes: usize = drawn.iter().map(|program| program.nodes.len()).sum();
    let empty = drawn.iter().filter(|program| program.steps() == 0).count();
    println!("sums: {tasks} tasks, {steps} steps, {nodes} nodes; {empty} are empty");
    assert!(empty * 50 < drawn.len(), "{empty} are empty");
}

#[test]
fn the_same_seed_draws_the_same() {
    for seed in 0..20 {
        let one = programs(Size::default()).new_tree(&mut runner(seed)).expect("never refused");
        let other = programs(Size::default()).new_tree(&mut runner(seed)).expect("never refused");
        assert_eq!(one.current(), other.current());
    }
}

/// What a program is to show.
type Shows = fn(&Program) -> bool;

/// A section that defers an unref, and a task that takes the read lock.
fn unref_meets_reader(program: &Program) -> bool {
    let unrefs = program.main.iter().any(|step| matches!(step, Step::ScheduleUnref(_)));
    unrefs && program.tasks.iter().any(|task| task.steps.contains(&Step::ReadLock))
}

/// A commit beside a request.
fn commit_meets_write(program: &Program) -> bool {
    program.main.iter().any(|step| matches!(step, Step::Commit(_)))
        && program
            .tasks
            .iter()
            .any(|task| task.steps.iter().any(|step| matches!(step, Step::Write(_))))
}

/// Shrinks what shows something, as proptest does; says how large it was and is, and how often it was tried.
fn shrink(mut tree: impl ValueTree<Value = Program>, shows: Shows) -> [usize; 5] {
    let before = tree.current().steps();
    let mut attempts = 0;
    let mut goes_on = tree.simplify();
    while goes_on {
        attempts += 1;
        rules::check(&tree.current()).expect("what is shrunk keeps the rules");
        goes_on = if shows(&tree.current()) { tree.simplify() } else { tree.complicate() };
    }
    let smallest = tree.current();
    assert!(shows(&smallest), "the last that shows it is what remains");
    [before, smallest.steps(), smallest.tasks(), smallest.nodes.len(), attempts]
}

#[test]
fn shrinking_reaches_small_programs() {
    let cases: [(&str, Shows, usize); 2] =
        [("unref", unref_meets_reader, 5), ("commit", commit_meets_write, 2)];
    for (name, shows, fewest) in cases {
        let mut runner = runner(7);
        let strategy = programs(Size::default());
        let mut shrunk: Vec<[usize; 5]> = Vec::new();
        while shrunk.len() < 50 {
            let tree = strategy.new_tree(&mut runner).expect("never refused");
            if shows(&tree.current()) {
                shrunk.push(shrink(tree, shows));
            }
        }
        let median = |what: usize| {
            let mut all: Vec<usize> = shrunk.iter().map(|each| each[what]).collect();
            all.sort_unstable();
            (all[all.len() / 2], all[all.len() - 1])
        };
        let [before, steps, tasks, nodes, attempts] = [0, 1, 2, 3, 4].map(median);
        println!(
            "{name}: median and most: {before:?} steps become {steps:?}, {tasks:?} tasks, {nodes:?} nodes, in \
             {attempts:?} attempts"
        );
        assert!(steps.1 <= 8 && tasks.1 <= 3, "{name} stays too large");
        assert_eq!(steps.0, fewest, "{name}");
    }
}

#[test]
fn schedules_shrink_towards_a_plain_walk() {
    let mut runner = runner(3);
    for _ in 0..50 {
        let mut tree = schedules().new_tree(&mut runner).expect("never refused");
        let seed = tree.current().seed;
        while tree.simplify() {}
        let least = tree.current();
        assert_eq!((least.seed, least.store_buffers, least.surprises), (seed, false, 0));
    }
}

/// Not a bound: machines differ. For who wants to know: `cargo test --release -- --nocapture`.
#[test]
fn drawing_is_fast() {
    let mut runner = runner(1);
    let strategy = programs(Size::default());
    let begin = Instant::now();
    let mut steps = 0;
    for _ in 0..DRAWN {
        steps += strategy.new_tree(&mut runner).expect("never refused").current().steps();
    }
    println!("{:?} for a program; {steps} steps in {DRAWN}", begin.elapsed() / DRAWN as u32);
}

/// An overlay's file is written by the overlay alone: elsewhere a program would break what it then checks.
#[test]
fn files_of_overlays_are_left_alone() {
    for seed in 0..DRAWN {
        let program = draw(seed, Size::default());
        let overlays = program.nodes.iter().filter(|node| node.driver == Driver::Overlay);
        let files =
            overlays.flat_map(|node| &node.children).filter(|(edge, _)| *edge == Edge::File);
        let images: Vec<_> = files.map(|(_, file)| program.node(*file).driver.image()).collect();
        for (_, step) in steps(&program) {
            let Step::Write(node) = step else { continue };
            let image = program.node(*node).driver.image();
            assert!(
                image.is_none() || !images.contains(&image),
                "seed {seed}\n{}",
                shown(&program)
            );
        }
    }
}
