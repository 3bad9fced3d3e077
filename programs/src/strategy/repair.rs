//! Makes a sketch of a program valid: what breaks a rule is left out, what is left open is closed.
//!
//! The same sketch becomes the same program. So drawing and shrinking need not know the rules: they put steps together,
//! or take some away, and what remains is made whole here.
//!
//! | what | becomes of it |
//! | --- | --- |
//! | a step that its taker may not take, here or at all | left out |
//! | a section, drain, lock, activity, image that is left open | closed at the end of the list |
//! | a post that would close a circle of callbacks | left out |
//! | a stop of a loop that somebody comes to | left out |
//! | a wait for what is never signalled, or only later; a signal for nobody | left out |
//!
//! # Not here
//! Nodes and edges: the shapes that are drawn are whole, and shrinking asks the rules about those that it makes.

use crate::program::{BottomHalfId, Driver, Party, Place, Program, TaskId};
use crate::rules::Walk;
use crate::step::Step;

use super::wait;

/// Makes the steps of `program` keep the rules.
pub(super) fn repair(program: &mut Program) {
    let mut scratch = std::mem::take(&mut program.main);
    repair_list(program, Party::Main, &mut scratch);
    program.main = scratch;
    for at in 0..program.tasks.len() {
        let holds = std::mem::take(&mut program.tasks[at].holds);
        let holds = holds.into_iter().filter(|node| program.node(*node).open).collect();
        program.tasks[at].holds = holds;
        let mut steps = std::mem::take(&mut program.tasks[at].steps);
        repair_list(program, Party::Task(TaskId(at)), &mut steps);
        program.tasks[at].steps = steps;
    }
    for at in 0..program.bottom_halves.len() {
        let mut steps = std::mem::take(&mut program.bottom_halves[at].steps);
        repair_list(program, Party::BottomHalf(BottomHalfId(at)), &mut steps);
        program.bottom_halves[at].steps = steps;
    }
    for at in 0..program.commands.len() {
        let mut steps = std::mem::take(&mut program.commands[at].steps);
        repair_list(program, Party::Command(crate::program::CommandId(at)), &mut steps);
        program.commands[at].steps = steps;
    }
    end_circles(program);
    repair_stops(program);
    wait::repair(program);
}

fn repair_list(program: &Program, party: Party, steps: &mut Vec<Step>) {
    let mut walk = Walk::begin(program, party);
    steps.retain(|step| {
        let mut after = walk.clone();
        let taken = after.take(program, party, step).is_ok();
        if taken {
            walk = after;
        }
        taken
    });
    walk.close(steps);
}

/// Leaves out each post that would let a callback come to post itself.
fn end_circles(program: &mut Program) {
    let count = program.bottom_halves.len();
    let all = count + program.commands.len();
    // For each callback, those that it comes to post.
    let mut reached: Vec<Vec<usize>> = vec![Vec::new(); all];
    for from in 0..all {
        let mut steps = if from < count {
            std::mem::take(&mut program.bottom_halves[from].steps)
        } else {
            std::mem::take(&mut program.commands[from - count].steps)
        };
        steps.retain(|step| {
            let to = match step {
                Step::Schedule(one) => one.0,
                Step::Post(one) | Step::After(one) => count + one.0,
                _ => return true,
            };
            let closes_circle = to == from || comes_to(&reached, to, from);
            if !closes_circle {
                reached[from].push(to);
            }
            !closes_circle
        });
        if from < count {
            program.bottom_halves[from].steps = steps;
        } else {
            program.commands[from - count].steps = steps;
        }
    }
}

/// What is posted forms no circle, so that this ends.
fn comes_to(reached: &[Vec<usize>], from: usize, to: usize) -> bool {
    reached[from].iter().any(|next| *next == to || comes_to(reached, *next, to))
}

/// Leaves out stops of loops that somebody comes to, and of those on which somebody waits: the main loop would wait for
/// him, perhaps before it has signalled what he waits for.
fn repair_stops(program: &mut Program) {
    let mut main = std::mem::take(&mut program.main);
    let mut stopped = Vec::new();
    main.retain(|step| {
        let Step::Stop(place) = step else { return true };
        let copies = || program.nodes.iter().any(|node| node.driver == Driver::CopyBeforeWrite);
        let called = || program.bottom_halves.iter().any(|each| each.place == Some(*place));
        let moved = || {
            program.tasks.iter().any(|task| {
                task.steps.contains(&Step::Move(*place))
                    || task.place == Place::Loop(*place)
                        && task
                            .steps
                            .iter()
                            .any(|step| matches!(step, Step::Move(_) | Step::Wait(_)))
            })
        };
        let refused = stopped.contains(place) || place.0 == 0 && copies() || called() || moved();
        if !refused {
            stopped.push(*place);
        }
        !refused
    });
    program.main = main;
}
