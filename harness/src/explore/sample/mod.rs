//! Sampling: executions that are drawn, one after the other, by a strategy.
//!
//! Run `i` draws from stream `i` of the ChaCha8 generator that the seed seeds. Some strategies want to know beforehand how much each task
//! does; a few uniform walks, on streams of their own, tell: one before the first run, others before later ones. So run `i` can be
//! made anywhere without the runs before it: it needs the seed and these walks.
//!
//! # Surprises
//! How many a run has and from which of its steps on they are due is drawn when it begins. One that is due happens as soon as
//! somebody waits. The walks beforehand have none.
//!
//! # Parties
//! [`Sample`] owns the runs and asks a [`Sampler`] for each choice of a task. Values are drawn uniformly for all of them.

mod pct;
mod pos;
mod profile;
mod uniform;
mod walk;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use self::pct::Pct;
use self::pos::Pos;
use self::profile::Profile;
use self::uniform::Uniform;
use self::walk::Walk;
use super::saturation::Traces;
use super::{Decision, Explorer, Offer, Performed};
use crate::execution::{TaskSet, tasks_of};
use crate::outcome::Saturation;
use crate::scenario::Sampling;

/// Before run `i` as many walks are made as there are numbers up to `i` here.
const WALKS_BEFORE: [u64; 7] = [0, 4, 16, 64, 256, 1_024, 4_096];

/// The stream of the last of these walks. No run has such a number.
const WALK_STREAM: u64 = u64::MAX;
const RUNS_MAX: u64 = WALK_STREAM - WALKS_BEFORE.len() as u64;

/// Which member of a portfolio makes run `i`: the one at `i` modulo the length. Each of them is the best one for some bug;
/// their shares are such that a portfolio takes at most about twice as long as the best one.
const PORTFOLIO: [Sampling; 8] = [
    Sampling::SelectivelyUniform,
    Sampling::PartialOrder,
    Sampling::Pct(3),
    Sampling::SelectivelyUniform,
    Sampling::Uniform,
    Sampling::PartialOrder,
    Sampling::Pct(3),
    Sampling::SelectivelyUniform,
];

/// Draws who acts.
trait Sampler {
    /// A run begins.
    fn begin(&mut self, _profile: &Profile, _draw: &mut Draw) {}

    /// `task` has spawned `child`, which has this identity.
    fn spawned(&mut self, _task: usize, _child: usize, _identity: u64, _draw: &mut Draw) {}

    /// Chooses one of the tasks that can act.
    fn choose(&mut self, offer: &Offer<'_>, draw: &mut Draw) -> usize;
}

/// Where random numbers come from.
struct Draw(ChaCha8Rng);

impl Draw {
    /// A number below `count`, each equally likely: draws that would favour the low ones are thrown away.
    fn below(&mut self, count: u32) -> u32 {
        let limit = u32::MAX - u32::MAX % count;
        loop {
            let drawn = self.0.next_u32();
            if drawn < limit {
                return drawn % count;
            }
        }
    }

    /// Any number.
    fn any(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// One of these tasks, each equally likely. There must be one.
    fn one_of(&mut self, tasks: TaskSet) -> usize {
        let number = if tasks.count_ones() > 1 { self.below(tasks.count_ones()) } else { 0 };
        let task = tasks_of(tasks).nth(number as usize);
        task.expect("[harness internal bug] nobody to choose from")
    }
}

/// Makes runs `first` to `end` of a seed.
pub(crate) struct Sample {
    draw: Draw,
    next_run: u64,
    end: u64,
    samplers: Vec<Box<dyn Sampler>>,
    /// Who makes this run.
    active: usize,
    profile: Profile,
    /// Walks made for the profile.
    walks: usize,
    /// Whether this is one of them.
    walking: bool,
    traces: Traces,
    surprises: u32,
    /// The steps from which on surprises are due, next one last.
    due: Vec<u64>,
    step: u64,
    /// Whether everybody who can act is equally likely from now on.
    fair: bool,
}

impl Sample {
    pub(crate) fn new(sampling: Sampling, seed: u64, first: u64, runs: u64) -> Self {
        let members: &[Sampling] =
            if sampling == Sampling::Portfolio { &PORTFOLIO } else { &[sampling] };
        Sample {
            draw: Draw(ChaCha8Rng::seed_from_u64(seed)),
            next_run: first,
            end: first.saturating_add(runs).min(RUNS_MAX),
            samplers: members.iter().map(|member| sampler(*member)).collect(),
            active: 0,
            profile: Profile::default(),
            walks: 0,
            walking: false,
            traces: Traces::default(),
            surprises: 0,
            due: Vec::new(),
            step: 0,
            fair: false,
        }
    }

    /// The same with at most so many surprises in a run.
    pub(crate) fn with_surprises(self, surprises: u32) -> Self {
        Sample { surprises, ..self }
    }

    /// Draws when surprises are due.
    fn draw_surprises(&mut self) {
        let steps = u32::try_from(self.profile.steps()).unwrap_or(u32::MAX).max(1);
        let count = self.draw.below(self.surprises.saturating_add(1));
        self.due = (0..count).map(|_| u64::from(self.draw.below(steps)) + 1).collect();
        self.due.sort_unstable_by(|one, other| other.cmp(one));
        self.step = 0;
    }

    /// Who is surprised now, if anybody is.
    fn surprised(&mut self, offer: &Offer<'_>) -> Option<usize> {
        self.step += 1;
        let due = self.due.last().is_some_and(|due| *due <= self.step);
        if self.fair || !due || offer.surprising == 0 {
            return None;
        }
        self.due.pop();
        Some(self.draw.one_of(offer.surprising))
    }
}

fn sampler(sampling: Sampling) -> Box<dyn Sampler> {
    match sampling {
        Sampling::Walk => Box::new(Walk),
        Sampling::Pct(depth) => Box::new(Pct::new(depth)),
        Sampling::PartialOrder => Box::new(Pos::default()),
        Sampling::Uniform => Box::new(Uniform::new(false)),
        Sampling::SelectivelyUniform => Box::new(Uniform::new(true)),
        Sampling::Portfolio => unreachable!("a portfolio is no member of itself"),
    }
}

impl Explorer for Sample {
    fn begin(&mut self) -> bool {
        if self.next_run == self.end {
            return false;
        }
        self.traces.begin();
        self.draw.0.set_word_pos(0);
        self.fair = false;
        self.due.clear();
        let walks = WALKS_BEFORE.iter().filter(|before| **before <= self.next_run).count();
        self.walking = self.walks < walks;
        if self.walking {
            self.draw.0.set_stream(WALK_STREAM - self.walks as u64);
            self.walks += 1;
            self.profile.begin();
            return true;
        }
        self.draw.0.set_stream(self.next_run);
        let members = self.samplers.len() as u64;
        self.active = usize::try_from(self.next_run % members).expect("few members");
        self.next_run += 1;
        if self.surprises > 0 {
            self.draw_surprises();
        }
        self.samplers[self.active].begin(&self.profile, &mut self.draw);
        true
    }

    fn choose_task(&mut self, offer: &Offer<'_>) -> Decision {
        if !self.due.is_empty()
            && let Some(task) = self.surprised(offer)
        {
            return Decision::Run(task);
        }
        let task = if self.walking {
            let task = self.draw.one_of(offer.enabled);
            self.profile.note(task, offer);
            task
        } else if self.fair {
            self.draw.one_of(offer.enabled)
        } else {
            self.samplers[self.active].choose(offer, &mut self.draw)
        };
        Decision::Run(task)
    }

    fn choose_value(&mut self, task: usize, count: u32) -> u32 {
        let value = self.draw.below(count);
        self.traces.chose(task, value);
        value
    }

    fn choose_delay(&mut self, task: usize, count: u32) -> u32 {
        if self.fair {
            self.traces.chose(task, 0);
            return 0;
        }
        self.choose_value(task, count)
    }

    fn fair_from_here(&mut self) {
        self.fair = true;
    }

    fn performed(&mut self, step: &Performed<'_>) {
        self.traces.performed(step);
    }

    fn spawned(&mut self, task: usize, child: usize, identity: u64) {
        self.traces.spawned(child, identity);
        if self.walking {
            self.profile.spawned(task, child, identity);
        } else {
            self.samplers[self.active].spawned(task, child, identity, &mut self.draw);
        }
    }

    fn time_passed(&mut self, task: usize) {
        self.traces.time_passed(task);
    }

    fn saturation(&mut self) -> Option<Saturation> {
        Some(self.traces.saturation())
    }
}
