//! Rules about events: who waits for whom.

use super::{Broken, Rule};
use crate::program::{EventId, Party, Program};
use crate::step::Step;

pub(super) fn check(program: &Program) -> Result<(), Broken> {
    let places: Vec<(Party, usize, &Step)> = program
        .parties()
        .flat_map(|(party, _, steps)| {
            steps.iter().enumerate().map(move |(at, step)| (party, at, step))
        })
        .collect();
    for event in (0..program.events.len()).map(EventId) {
        let named = format!("event `{}`", program.events[event.0]);
        let mut signals = places.iter().filter(|(_, _, step)| **step == Step::Signal(event));
        let (first, second) = (signals.next(), signals.next());
        let mut waits = places.iter().filter(|(_, _, step)| **step == Step::Wait(event)).peekable();
        let by_callback =
            first.is_some_and(|(party, _, _)| !matches!(party, Party::Main | Party::Task(_)));
        if second.is_some() || by_callback || first.is_none() && waits.peek().is_some() {
            let step = second.or(first).or(waits.peek().copied());
            let step = step.map(|(party, at, _)| (*party, *at));
            return Err(Broken {
                rule: Rule::EventsAreSignalledOnce,
                step,
                part: None,
                found: named,
            });
        }
        let Some((signaller, signal_at, _)) = first else { continue };
        for (party, at, _) in waits {
            let step = Some((*party, *at));
            if comes_before(program, (*party, *at), (*signaller, *signal_at)) {
                return Err(Broken {
                    rule: Rule::EventsComeInOrder,
                    step,
                    part: None,
                    found: named,
                });
            }
            if holds_read_lock(&steps_of(program, *party)[..*at])
                && !(matches!(signaller, Party::Task(_))
                    && steps_of(program, *signaller)[..*signal_at].iter().all(only_reads))
            {
                return Err(Broken {
                    rule: Rule::HoldersWaitForReadersOnly,
                    step,
                    part: None,
                    found: named,
                });
            }
        }
    }
    Ok(())
}

fn steps_of(program: &Program, party: Party) -> &[Step] {
    program.parties().find(|(each, _, _)| *each == party).map_or(&[], |(_, _, steps)| steps)
}

/// Whether `late` cannot be reached before `early`: it comes later in the same list, or waits for somebody who does.
fn comes_before(program: &Program, early: (Party, usize), late: (Party, usize)) -> bool {
    let mut needed = vec![late];
    let mut next = 0;
    while let Some((party, at)) = needed.get(next).copied() {
        if party == early.0 && early.1 < at {
            return true;
        }
        for step in &steps_of(program, party)[..at] {
            let Step::Wait(event) = step else { continue };
            let signal = program.parties().find_map(|(party, _, steps)| {
                Some((party, steps.iter().position(|each| *each == Step::Signal(*event))?))
            });
            if signal == Some(early) {
                return true;
            }
            needed.extend(signal.filter(|signal| !needed.contains(signal)));
        }
        next += 1;
    }
    false
}

/// Whether who has taken these steps holds the read lock.
pub(crate) fn holds_read_lock(steps: &[Step]) -> bool {
    let last = steps.iter().rfind(|step| matches!(step, Step::ReadLock | Step::ReadUnlock));
    last == Some(&Step::ReadLock)
}

/// Whether nothing in this step can wait for a writer but the read lock.
pub(crate) fn only_reads(step: &Step) -> bool {
    matches!(
        step,
        Step::ReadLock
            | Step::CancelReadLock
            | Step::Share
            | Step::ReadUnlock
            | Step::Look(_)
            | Step::Yield
            | Step::Schedule(_)
            | Step::Cancel(_)
            | Step::Delete(_)
            | Step::Post(_)
            | Step::Signal(_)
    )
}
