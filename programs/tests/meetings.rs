//! How often the meetings are drawn in which a missing protection shows.
//!
//! For each kind of planted bug of `src/mutation.rs` a predicate says what a program must have for it to show at all, and
//! each must be had by one drawn program in thirty. That it does show, then, is a matter of the interleavings, and of
//! `model-tests/program`.
//!
//! # Not here
//! Bugs that no program can show: those whose sites programs do not come to are listed in [`NO_PROGRAM`].

use graphlock_programs::program::{Driver, Edge, NodeId, Party, Place, Program};
use graphlock_programs::step::Step;
use graphlock_programs::strategy::{Size, draw};

const DRAWN: u64 = 6_000;

/// How many readers overtake, work that nobody waits for, and deferred work that begins a request of its own, are not
/// what a program can say.
const NO_PROGRAM: &[&str] =
    &["writer-never-shuts-the-door", "pool-drops-its-queue", "deferred-unref-inside-drain"];

type Meeting = (&'static str, fn(&Program) -> bool);

const MEETINGS: &[Meeting] = &[
    ("reader and writer", |p| locks(p) && p.main.iter().any(is_section)),
    ("deferred unref closes", deferred_closes),
    ("deferred unref, then opened again", |p| deferred_closes(p) && opens_again(p)),
    ("deferred unref and request", |p| deferred_closes(p) && p.tasks.iter().any(requests)),
    ("sections nest", sections_nest),
    ("drained section defers", drained_section_defers),
    ("holder waits for reader", holder_waits),
    ("holder changes loop", holder_moves),
    ("write copies, writer comes", |p| {
        has_node(p, Driver::CopyBeforeWrite) && writes(p) > 0 && p.main.iter().any(is_section)
    }),
    ("coroutine waits", |p| {
        p.tasks
            .iter()
            .any(|t| t.place != Place::Thread && t.steps.iter().any(|s| matches!(s, Step::Wait(_))))
    }),
    ("drain and requests", |p| {
        p.tasks.iter().any(requests)
            && p.main.iter().any(|s| {
                matches!(
                    s,
                    Step::DrainBegin(_) | Step::DrainAllBegin | Step::WriteLock { drained: true }
                )
            })
    }),
    ("drain below a request", drain_below_request),
    ("second user", second_user),
    ("second user through a filter", second_user_of_filter),
    ("two write to an overlay", |p| has_node(p, Driver::Overlay) && writes(p) > 1),
    ("overlay is written and looked at", |p| {
        has_node(p, Driver::Overlay) && writes(p) > 0 && any(p, |s| matches!(s, Step::Inspect(_)))
    }),
    ("two images reopen", |p| any(p, |s| matches!(s, Step::Reopen(n) if n.len() > 1))),
    ("reopen and stranger", |p| {
        any(p, |s| matches!(s, Step::Reopen(_))) && any(p, |s| matches!(s, Step::OpenElsewhere(..)))
    }),
    ("opener and stranger", |p| {
        any(p, |s| matches!(s, Step::Open(_) | Step::Reopen(_)))
            && any(p, |s| matches!(s, Step::OpenElsewhere(..)))
    }),
    ("commit and write", |p| any(p, |s| matches!(s, Step::Commit(_))) && writes(p) > 0),
    ("close and request", |p| {
        p.tasks.iter().any(requests)
            && any(p, |s| matches!(s, Step::Unref(_) | Step::ScheduleUnref(_)))
    }),
    ("chain closes", chain_closes),
    ("newest first", |p| longest_run(p) > 1),
    ("nested poll", nested_poll),
    ("two schedule", |p| {
        p.tasks.iter().filter(|t| t.steps.iter().any(|s| matches!(s, Step::Schedule(_)))).count()
            > 1
    }),
    ("deleted and scheduled", deleted),
    ("slow reads and a pool", |p| {
        p.workers > 0
            && p.faults.iter().any(|f| f.kind == graphlock_programs::program::FaultKind::Slow)
    }),
    ("coroutine moves", |p| any(p, |s| matches!(s, Step::Move(_)))),
];

fn any(program: &Program, fits: impl Fn(&Step) -> bool) -> bool {
    program.parties().any(|(_, _, steps)| steps.iter().any(&fits))
}

fn is_section(step: &Step) -> bool {
    matches!(step, Step::WriteLock { .. })
}

fn locks(program: &Program) -> bool {
    any(program, |step| *step == Step::ReadLock)
}

fn has_node(program: &Program, driver: Driver) -> bool {
    program.nodes.iter().any(|node| node.open && node.driver == driver)
}

fn requests(task: &graphlock_programs::program::Task) -> bool {
    task.steps.iter().any(|step| matches!(step, Step::Read(_) | Step::Write(_) | Step::Flush(_)))
}

fn writes(program: &Program) -> usize {
    let tasks = program.tasks.iter();
    tasks.filter(|task| task.steps.iter().any(|step| matches!(step, Step::Write(_)))).count()
}

fn parents(program: &Program, node: NodeId) -> usize {
    let open = program.nodes.iter().filter(|each| each.open);
    open.filter(|each| each.children.iter().any(|(_, child)| *child == node)).count()
}

/// References that go: the main loop's own, and those of parents from which it is detached.
fn deferred_closes(program: &Program) -> bool {
    program.main.iter().any(|step| {
        let Step::ScheduleUnref(node) = step else { return false };
        let goes = |step: &&Step| {
            matches!(step, Step::ScheduleUnref(it) | Step::Unref(it) | Step::Drop(it) if it == node)
        };
        let held = program.tasks.iter().any(|task| task.holds.contains(node));
        program.node(*node).open
            && !held
            && program.main.iter().filter(goes).count() > parents(program, *node)
    })
}

fn opens_again(program: &Program) -> bool {
    let unlock = program.main.iter().position(|step| matches!(step, Step::ScheduleUnref(_)));
    let opens = program.main.iter().rposition(|step| matches!(step, Step::Open(_)));
    unlock < opens
}

fn sections_nest(program: &Program) -> bool {
    let posts = |task: &graphlock_programs::program::Task| {
        task.steps.iter().any(|step| matches!(step, Step::Post(_)))
    };
    program.tasks.iter().any(posts)
        && program.commands.iter().any(|command| command.steps.iter().any(is_section))
        && program.main.contains(&Step::WriteLock { drained: true })
}

fn drained_section_defers(program: &Program) -> bool {
    let steps = program.main.iter().skip_while(|step| **step != Step::WriteLock { drained: true });
    steps
        .take_while(|step| **step != Step::Unlock)
        .any(|step| matches!(step, Step::ScheduleUnref(_)))
}

fn holder_waits(program: &Program) -> bool {
    program.tasks.iter().any(|task| {
        let lock = task.steps.iter().position(|step| *step == Step::ReadLock);
        lock.is_some_and(|lock| matches!(task.steps.get(lock + 1), Some(Step::Wait(_))))
    }) && program.main.iter().any(is_section)
}

fn holder_moves(program: &Program) -> bool {
    program.tasks.iter().any(|task| {
        let mut holds = false;
        task.steps.iter().any(|step| {
            holds = *step == Step::ReadLock || holds && *step != Step::ReadUnlock;
            holds && matches!(step, Step::Move(_))
        })
    })
}

fn drain_below_request(program: &Program) -> bool {
    program.main.iter().any(|step| {
        let Step::DrainBegin(drained) = step else { return false };
        program.tasks.iter().any(|task| {
            task.steps.iter().any(|step| {
                let (Step::Read(top) | Step::Write(top)) = step else { return false };
                program.node(*top).children.iter().any(|(_, child)| child == drained)
            })
        })
    })
}

fn second_user(program: &Program) -> bool {
    any(program, |step| matches!(step, Step::Attach(_, Edge::Root, _)))
}

fn second_user_of_filter(program: &Program) -> bool {
    any(program, |step| match step {
        Step::Attach(_, Edge::Root, below) => program.node(*below).driver == Driver::Raw,
        _ => false,
    })
}

/// The top of at least two goes, and nobody keeps what is below.
fn chain_closes(program: &Program) -> bool {
    let gone = |node: NodeId| {
        program.main.iter().any(|step| {
            matches!(step, Step::ScheduleUnref(it) | Step::Unref(it) | Step::Drop(it) if *it == node)
        })
    };
    (0..program.nodes.len()).map(NodeId).any(|node| {
        let children = &program.node(node).children;
        !children.is_empty()
            && gone(node)
            && parents(program, node) == 0
            && children.iter().all(|(_, child)| gone(*child))
    })
}

fn longest_run(program: &Program) -> usize {
    let steps = program.main.split(|step| !matches!(step, Step::Schedule(_)));
    steps.map(<[Step]>::len).max().unwrap_or(0)
}

fn nested_poll(program: &Program) -> bool {
    program.commands.iter().any(|command| {
        command.steps.contains(&Step::Poll)
            && command.steps.iter().any(|step| matches!(step, Step::Schedule(_)))
    })
}

fn deleted(program: &Program) -> bool {
    let mut scheduled = program.parties().filter(|(party, ..)| *party != Party::Main);
    any(program, |step| matches!(step, Step::Delete(_)))
        && (scheduled
            .any(|(_, _, steps)| steps.iter().any(|step| matches!(step, Step::Schedule(_))))
            || program.main.iter().any(|step| matches!(step, Step::Schedule(_))))
}

#[test]
fn each_meeting_is_likely() {
    let drawn: Vec<Program> = (0..DRAWN).map(|seed| draw(seed, Size::default())).collect();
    let mut rare = Vec::new();
    for (name, meets) in MEETINGS {
        let found = drawn.iter().filter(|program| meets(program)).count();
        println!("{name}: 1 in {:.1}", DRAWN as f64 / found as f64);
        if found * 30 < drawn.len() {
            rare.push(name);
        }
    }
    assert!(rare.is_empty(), "rarer than one in thirty: {rare:?}; no program shows {NO_PROGRAM:?}");
}
