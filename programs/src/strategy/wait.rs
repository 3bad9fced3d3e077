//! Leaves out waits that would never end, and signals that nobody waits for.
//!
//! A wait stays if what it waits for is signalled once, by the main loop or a task, and not after it; and if it is taken
//! under the read lock, only if who signals does nothing before that could wait for a writer.

use crate::program::{EventId, Party, Program, TaskId};
use crate::rules::{holds_read_lock, only_reads};
use crate::step::Step;

/// Where a step is: whose, and which.
type At = (usize, usize);

/// Leaves out what would not end.
pub(super) fn repair(program: &mut Program) {
    if program.events.is_empty() {
        return;
    }
    let signals: Vec<Option<At>> = (0..program.events.len())
        .map(|event| {
            let signal = Step::Signal(EventId(event));
            (0..=program.tasks.len()).find_map(|who| {
                Some((who, list(program, who).iter().position(|step| *step == signal)?))
            })
        })
        .collect();
    let mut left_out: Vec<At> = Vec::new();
    for who in 0..=program.tasks.len() {
        for (at, step) in list(program, who).iter().enumerate() {
            let stays = match step {
                Step::Wait(event) => signals[event.0].is_some_and(|signal| {
                    let wait = (who, at);
                    !comes_before(program, &signals, &left_out, wait, signal, signals.len())
                        && (!holds_read_lock(&list(program, who)[..at]) || reads(program, signal))
                }),
                Step::Signal(event) => signals[event.0] == Some((who, at)),
                _ => true,
            };
            if !stays {
                left_out.push((who, at));
            }
        }
    }
    let waited: Vec<bool> = (0..program.events.len())
        .map(|event| {
            let waits = |who: &usize| {
                let mut steps = list(program, *who).iter().enumerate();
                steps.any(|(at, step)| {
                    *step == Step::Wait(EventId(event)) && !left_out.contains(&(*who, at))
                })
            };
            (0..=program.tasks.len()).any(|who| waits(&who))
        })
        .collect();
    for who in 0..=program.tasks.len() {
        let mut at = 0;
        list_of(program, party(who)).retain(|step| {
            at += 1;
            let heard = if let Step::Signal(event) = step { waited[event.0] } else { true };
            heard && !left_out.contains(&(who, at - 1))
        });
    }
}

/// The main loop comes first, then tasks.
fn party(who: usize) -> Party {
    who.checked_sub(1).map_or(Party::Main, |task| Party::Task(TaskId(task)))
}

fn list(program: &Program, who: usize) -> &[Step] {
    who.checked_sub(1).map_or(&program.main, |task| &program.tasks[task].steps)
}

/// The steps of a party.
pub(super) fn list_of(program: &mut Program, party: Party) -> &mut Vec<Step> {
    match party {
        Party::Main => &mut program.main,
        Party::Task(one) => &mut program.tasks[one.0].steps,
        Party::BottomHalf(one) => &mut program.bottom_halves[one.0].steps,
        Party::Command(one) => &mut program.commands[one.0].steps,
    }
}

/// Whether `late` cannot be reached before `early`.
fn comes_before(
    program: &Program,
    signals: &[Option<At>],
    left_out: &[At],
    early: At,
    late: At,
    depth: usize,
) -> bool {
    if early.0 == late.0 && early.1 < late.1 {
        return true;
    }
    let mut steps = list(program, late.0)[..late.1].iter().enumerate();
    depth > 0
        && steps.any(|(at, step)| {
            let Step::Wait(event) = step else { return false };
            !left_out.contains(&(late.0, at))
                && signals[event.0].is_some_and(|signal| {
                    comes_before(program, signals, left_out, early, signal, depth - 1)
                })
        })
}

/// Whether a task does nothing before this step that could wait for a writer.
fn reads(program: &Program, (who, at): At) -> bool {
    who > 0 && list(program, who)[..at].iter().all(only_reads)
}
