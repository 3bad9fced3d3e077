//! The exhaustive search: workers that share a ledger of what is left, limits, checkpoints.
//!
//! It goes in rounds. In a round workers explore units and nobody else looks; between rounds the ledger is whole, and
//! the search is reported, written to its checkpoint, or ended. Whoever notices that the round is over says so.
//!
//! # Cases
//! *A violation*: what comes after it in the order of the tree is not explored further and not counted, so
//! the report is that of one worker that goes through the tree in order. *A body that is not
//! deterministic*: everybody stops. *A limit*: what is left stays in the ledger.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::checkpoint::{self, CheckpointError};
use super::estimate::{self, Estimator};
use super::ledger::{Ledger, Unit};
use super::maker::{Maker, Outcome};
use super::runner::{Body, Hooks};
use super::shard;
use super::totals::{Found, Totals};
use super::tree::Key;
use crate::outcome::{Estimate, Limit, Progress};
use crate::scenario::Check;

/// How often the clock is read, in executions: it is dear beside a short one.
pub(super) const EXECUTIONS_BETWEEN_LOOKS: u64 = 64;

/// A round's length, unless something is due before.
pub(super) const ROUND: Duration = Duration::from_millis(500);

/// The part of the time that is spent on estimates: one in so many.
const ESTIMATING_AT_MOST: u32 = 50;

/// A pass that nobody waits for makes at most one execution for so many that were made so far.
const CHEAP_BESIDE: f64 = 10.0;

/// The time after which no further pass is begun before the search.
const BEFORE_AT_MOST: Duration = Duration::from_secs(2);

/// What is not through is not shown as through: an estimate may be too low.
const EXPLORED_MAX: f64 = 0.999;

/// What a search ended with.
pub(crate) struct Searched {
    pub(crate) totals: Totals,
    pub(crate) found: Option<Found>,
    pub(crate) not_deterministic: Option<String>,
    /// Why something is left, if anything is.
    pub(crate) limit: Option<Limit>,
    /// How many executions there may be in all, if somebody wanted to know or something is left.
    pub(crate) estimate: Option<Estimate>,
}

/// What the workers share.
struct Shared<'a> {
    check: &'a Check,
    body: &'a Body,
    cancel: Option<&'a AtomicBool>,
    state: Mutex<State>,
    /// There may be a unit to take, or nothing to wait for.
    changed: Condvar,
    /// The round is over.
    pause: AtomicBool,
    /// Workers that wait for a unit.
    hungry: AtomicUsize,
    /// How many violations were found: a worker that sees another number looks where.
    violations: AtomicUsize,
    /// Executions begun.
    begun: AtomicU64,
    /// When the round ends.
    until: Instant,
}

struct State {
    ledger: Ledger,
    /// Units that workers have.
    taken: usize,
    /// The first violation that ends the search so far.
    first: Option<Key>,
    not_deterministic: Option<String>,
}

/// Searches the tree of `body`, or the shard of it that `check` names, or what a checkpoint has left.
///
/// # Errors
/// If the checkpoint cannot be read or written, or is of something else.
pub(crate) fn search(
    check: &Check,
    body: &Body,
    hooks: &Hooks<'_>,
) -> Result<Searched, CheckpointError> {
    let begun = Instant::now();
    let mut ledger = match &check.checkpoint {
        Some(place) if place.resume => checkpoint::read(place, check)?,
        _ => match check.shard {
            Some(shard) => shard::ledger(shard, check, body),
            None => Ledger::whole(),
        },
    };
    let mut written = Instant::now();
    let executed_before = ledger.sum(false).0.executions;
    let mut executed = executed_before;
    let mut estimated = Estimated::new(check, body);
    if hooks.progress.is_some() && hooks.estimates_first {
        estimated.before(&ledger, executed, hooks);
    }
    loop {
        let until = round_end(check, begun, written);
        let not_deterministic;
        (ledger, not_deterministic) = round(check, body, hooks, ledger, until, &mut executed);
        ledger.merge_finished();
        let open = not_deterministic.is_none() && is_open(&ledger, check);
        let limit = if open { limit_reached(check, hooks, executed, begun) } else { None };
        let over = limit.is_some() || !open;
        if let Some(place) = &check.checkpoint
            && (over || written.elapsed() >= place.every)
        {
            checkpoint::write(place, check, &ledger)?;
            written = Instant::now();
        }
        if over {
            if limit.is_some() {
                estimated.refine(&ledger, executed);
            }
            let (totals, found) = ledger.sum(!check.keep_going);
            let estimate = estimated.estimate(executed);
            return Ok(Searched { totals, found, not_deterministic, limit, estimate });
        }
        if let Some(progress) = hooks.progress {
            let is_due = estimated.spent < begun.elapsed() / ESTIMATING_AT_MOST;
            if is_due && (hooks.estimates_first || is_cheap(&ledger)) {
                estimated.refine(&ledger, executed);
            }
            progress(&estimated.progress(executed, executed - executed_before, begun));
        }
    }
}

/// Whether a pass is short beside what was executed so far. It makes its probes on each level, and there are about as many
/// levels as an execution has steps.
fn is_cheap(ledger: &Ledger) -> bool {
    let totals = ledger.sum(false).0;
    let executions = totals.executions as f64;
    let of_a_pass = estimate::PROBES as f64 * totals.steps as f64 / executions.max(1.0);
    of_a_pass * CHEAP_BESIDE <= executions
}

/// What is expected of the search, as far as it is known.
struct Estimated<'a> {
    estimator: Estimator<'a>,
    spent: Duration,
    /// The greatest share that was reported as explored.
    explored: f64,
}

impl<'a> Estimated<'a> {
    fn new(check: &'a Check, body: &'a Body) -> Self {
        let estimator = Estimator::new(check, body, estimate::SEED);
        Estimated { estimator, spent: Duration::ZERO, explored: 0.0 }
    }

    /// Probes before the search goes on.
    fn before(&mut self, ledger: &Ledger, executed: u64, hooks: &Hooks<'_>) {
        for _ in 0..estimate::PASSES {
            if self.spent < BEFORE_AT_MOST && !hooks.cancelled() {
                self.refine(ledger, executed);
            }
        }
        if let Some(progress) = hooks.progress {
            progress(&self.progress(executed, 0, Instant::now()));
        }
    }

    fn refine(&mut self, ledger: &Ledger, executed: u64) {
        let begun = Instant::now();
        self.estimator.pass(ledger.starts(), executed);
        self.spent += begun.elapsed();
    }

    fn estimate(&self, executed: u64) -> Option<Estimate> {
        self.estimator.estimate(executed)
    }

    /// `own` of the executions were made since `begun`, the others before the search was resumed.
    fn progress(&mut self, executions: u64, own: u64, begun: Instant) -> Progress {
        let estimate = self.estimate(executions);
        let share = estimate.map_or(0.0, |estimate| estimate.share(executions));
        self.explored = self.explored.max(share.min(EXPLORED_MAX));
        let elapsed = begun.elapsed();
        let rate = own as f64 / elapsed.as_secs_f64();
        Progress { executions, rate, explored: self.explored, estimate, elapsed }
    }
}

/// The first violation, if it ends the search.
fn end(ledger: &Ledger, check: &Check) -> Option<Key> {
    if check.keep_going { None } else { ledger.first_found() }
}

/// Whether anything is left to be explored.
pub(super) fn is_open(ledger: &Ledger, check: &Check) -> bool {
    ledger.is_open(end(ledger, check).as_ref())
}

fn round_end(check: &Check, begun: Instant, written: Instant) -> Instant {
    let mut end = Instant::now() + ROUND;
    if let Some(most) = check.time_max {
        end = end.min(begun + most);
    }
    if let Some(place) = &check.checkpoint {
        end = end.min(written + place.every);
    }
    end
}

/// The limit that is reached, if one is.
pub(super) fn limit_reached(
    check: &Check,
    hooks: &Hooks<'_>,
    executed: u64,
    begun: Instant,
) -> Option<Limit> {
    if hooks.cancelled() {
        return Some(Limit::Interrupted);
    }
    if let Some(most) = check.executions_max.filter(|most| executed >= *most) {
        return Some(Limit::Executions(most));
    }
    check.time_max.filter(|most| begun.elapsed() >= *most).map(Limit::Time)
}

/// Lets the workers explore until the round is over.
fn round(
    check: &Check,
    body: &Body,
    hooks: &Hooks<'_>,
    ledger: Ledger,
    until: Instant,
    executed: &mut u64,
) -> (Ledger, Option<String>) {
    let first = end(&ledger, check);
    let state = State { ledger, taken: 0, first, not_deterministic: None };
    let shared = Shared {
        check,
        body,
        cancel: hooks.cancel,
        state: Mutex::new(state),
        changed: Condvar::new(),
        pause: AtomicBool::new(false),
        hungry: AtomicUsize::new(0),
        violations: AtomicUsize::new(0),
        begun: AtomicU64::new(*executed),
        until,
    };
    if check.jobs.get() == 1 {
        shared.work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..check.jobs.get() {
                scope.spawn(|| shared.work());
            }
        });
    }
    let most = check.executions_max.unwrap_or(u64::MAX);
    *executed = shared.begun.into_inner().min(most);
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    (state.ledger, state.not_deterministic)
}

impl Shared<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One worker: explores units until there are none, or the round is over.
    fn work(&self) {
        let mut maker = Maker::of_tree(self.check, self.body);
        while let Some(mut unit) = self.take() {
            self.explore(&mut unit, &mut maker);
            let mut state = self.state();
            state.ledger.put(unit);
            state.taken -= 1;
            self.changed.notify_all();
        }
    }

    /// Waits for a unit.
    fn take(&self) -> Option<Unit> {
        let mut state = self.state();
        loop {
            if self.pause.load(Ordering::Relaxed) {
                return None;
            }
            let first = state.first.clone();
            if let Some(unit) = state.ledger.take(first.as_ref()) {
                state.taken += 1;
                return Some(unit);
            }
            if state.taken == 0 {
                self.changed.notify_all();
                return None;
            }
            self.hungry.fetch_add(1, Ordering::Relaxed);
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            self.hungry.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    /// Ends the round for all.
    fn pause(&self) {
        self.pause.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Explores a unit until nothing is left in it, or the round is over, or it comes after a violation.
    fn explore(&self, unit: &mut Unit, maker: &mut Maker<'_>) {
        let mut made = 0;
        maker.begin_part();
        self.explore_counting(unit, maker, &mut made);
        if self.check.executions_max.is_none() {
            self.begun.fetch_add(made, Ordering::Relaxed);
        }
    }

    /// Whether no more executions may be begun. Where their number has a limit, each is counted at once; elsewhere
    /// workers do not share a counter, which would cost each of them a part of its time.
    fn enough(&self, unit: &Unit) -> bool {
        let begun = |most| self.begun.fetch_add(1, Ordering::Relaxed) >= most;
        self.check.executions_max.is_some_and(|most| !unit.tree.is_empty() && begun(most))
    }

    fn explore_counting(&self, unit: &mut Unit, maker: &mut Maker<'_>, made: &mut u64) {
        let mut violations = 0;
        loop {
            if self.pause.load(Ordering::Relaxed) {
                return;
            }
            let seen = self.violations.load(Ordering::Relaxed);
            if seen != violations {
                violations = seen;
                if self.state().first.as_ref().is_some_and(|first| unit.tree.key() > first) {
                    return;
                }
            }
            if self.enough(unit) {
                return self.pause();
            }
            let Some(branch) = unit.tree.next() else { return };
            let (outcome, children) = maker.make_branch(branch, &mut unit.totals);
            match outcome {
                Outcome::Fine => unit.tree.made(children),
                Outcome::Found(found) => {
                    let key = unit.tree.current();
                    unit.tree.made(children);
                    self.found(unit, key, found);
                }
                Outcome::NotDeterministic(why) => {
                    self.state().not_deterministic.get_or_insert(why);
                    return self.pause();
                }
            }
            *made += 1;
            if self.hungry.load(Ordering::Relaxed) > 0 {
                self.share(unit);
            }
            if made.is_multiple_of(EXECUTIONS_BETWEEN_LOOKS)
                && (Instant::now() >= self.until || self.is_cancelled())
            {
                return self.pause();
            }
        }
    }

    /// A violation was found at `key`.
    fn found(&self, unit: &mut Unit, key: Key, found: Found) {
        if !self.check.keep_going {
            unit.tree.clear();
            let mut state = self.state();
            if state.first.as_ref().is_none_or(|first| key < *first) {
                state.first = Some(key.clone());
            }
            drop(state);
            self.violations.fetch_add(1, Ordering::Relaxed);
        }
        unit.found.get_or_insert((key, found));
    }

    /// Gives a part of a unit to who waits for one.
    fn share(&self, unit: &mut Unit) {
        let parts = unit.tree.split();
        if parts.is_empty() {
            return;
        }
        let mut state = self.state();
        for tree in parts {
            state.ledger.put(Unit::new(tree, unit.part));
        }
        self.changed.notify_all();
    }
}
