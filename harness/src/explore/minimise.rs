//! From a schedule that shows a violation to one that shows the same with fewer switches.
//!
//! First the schedule is changed step by step: a switch is taken back, a value becomes 0, a surprise is left out. What
//! shows the same violation and counts less is kept, until nothing helps. Then all schedules with fewer preemptions than that are
//! searched, 0 first. Where they are all executed and show nothing, no schedule has fewer.
//!
//! # What is counted
//! Preemptions (switches away from a task that could have gone on); then switches; then values other than 0 and
//! surprises; then choices. *The same violation* is of the same kind, and of the same property if it has one.
//!
//! # Invariants
//! * The result depends on check, body, schedule and budget alone: the budget is a number of executions.
//! * What is returned was executed: its trace is that of the schedule.

use std::cell::RefCell;
use std::rc::Rc;

use super::follow::{Entry, Follow, Made, Plan};
use super::maker::{Maker, Outcome, trace_of};
use super::plain::Plain;
use super::runner::Body;
use super::totals::{Found, Totals};
use crate::execution;
use crate::outcome::{Least, Violation, ViolationKind};
use crate::scenario::{Check, Strategy};
use crate::schedule::Choice;

/// Finds a schedule that shows what `violation` shows with as few switches as `executions_max` executions can find. Bounds of
/// the strategy in `check` do not matter, its other values must be those the violation was found with. `None`: its
/// schedule does not show it again.
///
/// # Panics
/// If it is called from inside an execution.
#[must_use]
pub fn minimise(
    check: &Check,
    body: &Body,
    violation: &Violation,
    executions_max: u64,
) -> Option<Violation> {
    assert!(!execution::is_inside(), "an execution cannot be started inside another one");
    let strategy = Strategy::Exhaustive;
    let check = Check { strategy, twice: false, preemptions_max: None, ..check.clone() };
    let record = violation.schedule.choices.iter().copied().map(Entry::of).collect();
    let mut minimiser = Minimiser::new(&check, body, executions_max.max(1), record)?;
    // The search is what proves: half of the budget is its own.
    minimiser.change(executions_max / 2);
    let minimal = minimiser.search();
    minimiser.change(executions_max);
    Some(minimiser.result(minimal))
}

/// What a schedule counts: less is better, the first first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Measure {
    preemptions: u32,
    switches: u32,
    odd: u32,
    choices: usize,
}

impl Measure {
    fn of(made: &[Made]) -> Self {
        let count = |wanted: fn(&Made) -> bool| {
            let found = made.iter().filter(|each| wanted(each)).count();
            u32::try_from(found).expect("fewer than 2^32 choices")
        };
        Measure {
            preemptions: count(|each| each.preemptive),
            switches: count(|each| each.instead_of.is_some()),
            odd: count(|each| matches!(each.entry, Entry::Surprise(_) | Entry::Value(_, 1..))),
            choices: made.len(),
        }
    }
}

/// The best schedule so far.
struct Best {
    found: Found,
    made: Vec<Made>,
    measure: Measure,
}

struct Minimiser<'a> {
    check: &'a Check,
    body: &'a Body,
    maker: Maker<'a>,
    plan: Rc<RefCell<Plan>>,
    /// What is to be shown.
    kind: ViolationKind,
    property: Option<&'static str>,
    best: Best,
    executions: u64,
    executions_max: u64,
}

impl<'a> Minimiser<'a> {
    /// Executes the record, which must show something.
    fn new(
        check: &'a Check,
        body: &'a Body,
        executions_max: u64,
        record: Vec<Entry>,
    ) -> Option<Self> {
        let plan = Rc::new(RefCell::new(Plan::default()));
        let mut maker = Maker::new(check, body, Box::new(Follow(Rc::clone(&plan))));
        let (found, made) = follow(&mut maker, &plan, record)?;
        let (kind, property) = (found.kind, maker.broken());
        let measure = Measure::of(&made);
        let best = Best { found, made, measure };
        let executions = 1;
        Some(Minimiser {
            check,
            body,
            maker,
            plan,
            kind,
            property,
            best,
            executions,
            executions_max,
        })
    }

    /// Executes a changed record and keeps it if it shows the same and counts less.
    fn attempt(&mut self, record: Vec<Entry>) -> bool {
        self.executions += 1;
        let Some((found, made)) = follow(&mut self.maker, &self.plan, record) else {
            return false;
        };
        let measure = Measure::of(&made);
        let same = found.kind == self.kind && self.maker.broken() == self.property;
        let better = same && measure < self.best.measure;
        if better {
            self.best = Best { found, made, measure };
        }
        better
    }

    /// Changes the best schedule while that helps, up to this many executions in all.
    fn change(&mut self, executions_max: u64) {
        let mut helps = true;
        while std::mem::take(&mut helps) {
            let mut at = 0;
            while at < self.best.made.len() {
                let mut better = false;
                for record in changes(&self.best.made, at) {
                    if self.executions >= executions_max {
                        return;
                    }
                    better = self.attempt(record);
                    if better {
                        break;
                    }
                }
                helps |= better;
                at += usize::from(!better);
            }
        }
    }

    /// Searches schedules with fewer preemptions. Says whether the best one has as few as any.
    fn search(&mut self) -> bool {
        for most in 0..self.best.measure.preemptions {
            let Ok(most) = u8::try_from(most) else { return false };
            match self.search_below(most) {
                Searched::Found => return true,
                Searched::Nothing => {}
                Searched::Unknown => return false,
            }
        }
        // Surprises are not searched: with one there may be fewer.
        self.best.measure.preemptions == 0 || self.check.surprises == 0
    }

    /// Searches schedules with at most `most` preemptions.
    fn search_below(&mut self, most: u8) -> Searched {
        let check = Check { surprises: 0, preemptions_max: Some(most), ..self.check.clone() };
        let mut totals = Totals::default();
        let mut maker = Maker::new(&check, self.body, Box::new(Plain::new(Some(most))));
        while maker.explorer().begin() {
            if self.executions >= self.executions_max {
                return Searched::Unknown;
            }
            self.executions += 1;
            match maker.make(&mut totals) {
                Outcome::Found(found)
                    if found.kind == self.kind && maker.broken() == self.property =>
                {
                    let record = found.schedule.choices.iter().copied().map(Entry::of).collect();
                    let kept = self.attempt(record);
                    return if kept { Searched::Found } else { Searched::Unknown };
                }
                Outcome::NotDeterministic(_) => return Searched::Unknown,
                _ => {}
            }
        }
        if totals.cut == 0 { Searched::Nothing } else { Searched::Unknown }
    }

    /// The best schedule, with its trace.
    fn result(self, minimal: bool) -> Violation {
        let Best { found, measure, .. } = self.best;
        let trace = trace_of(&found, self.check, self.body);
        let Found { kind, message, schedule } = found;
        let least = Least {
            preemptions: measure.preemptions,
            switches: measure.switches,
            executions: self.executions + 1,
            minimal,
        };
        Violation { kind, message, schedule, trace, least: Some(least) }
    }
}

/// What a search has shown.
enum Searched {
    /// A schedule, which is now the best one.
    Found,
    /// There is none.
    Nothing,
    /// It was not through.
    Unknown,
}

/// Makes one execution that follows `record`, and gives what it shows with what was done.
fn follow(
    maker: &mut Maker<'_>,
    plan: &RefCell<Plan>,
    record: Vec<Entry>,
) -> Option<(Found, Vec<Made>)> {
    plan.borrow_mut().set(record);
    maker.explorer().begin();
    let Outcome::Found(found) = maker.make(&mut Totals::default()) else { return None };
    let made = plan.borrow().made.clone();
    debug_assert_eq!(made.len(), found.schedule.choices.len());
    debug_assert!(found.schedule.choices.iter().zip(&made).all(|(choice, made)| match choice {
        Choice::Task(task) => made.entry.task() == Some(*task as usize),
        Choice::Value(value) => matches!(made.entry, Entry::Value(_, own) if own == *value),
    }));
    Some((found, made))
}

/// What may be done instead of the choice at `at`.
fn changes(made: &[Made], at: usize) -> Vec<Vec<Entry>> {
    let entries = |range: std::ops::Range<usize>| made[range].iter().map(|made| made.entry);
    let all = made.len();
    match (made[at].entry, made[at].instead_of) {
        (Entry::Value(task, 1..), _) => {
            let rest = entries(at + 1..all);
            vec![entries(0..at).chain([Entry::Value(task, 0)]).chain(rest).collect()]
        }
        (Entry::Surprise(_), _) => vec![entries(0..at).chain(entries(at + 1..all)).collect()],
        (Entry::Step(task), Some(before)) => {
            let next = |from: usize| {
                let switch = |made: &Made| made.instead_of.is_some();
                made[from..].iter().position(switch).map_or(all, |found| from + found)
            };
            // Where a task's next turn begins.
            let turn = |of: usize, mut from: usize| {
                while from < all && made[from].entry.task() != Some(of) {
                    from = next(from + 1);
                }
                from
            };
            let end = next(at + 1);
            let mut changes = Vec::new();
            if made[at].preemptive {
                let stay = [Entry::Stay(before)];
                changes.push(entries(0..at).chain(stay).chain(entries(at..all)).collect());
            }
            let own = turn(before, end);
            if own < all {
                // Who was switched away from has its next turn at once.
                let own_end = next(own + 1);
                let moved = entries(0..at).chain(entries(own..own_end));
                changes.push(moved.chain(entries(at..own)).chain(entries(own_end..all)).collect());
            }
            // Who was switched to has this turn together with its next one.
            let later = turn(task, end);
            let moved = entries(0..at).chain(entries(end..later)).chain(entries(at..end));
            changes.push(moved.chain(entries(later..all)).collect());
            changes
        }
        _ => Vec::new(),
    }
}
