//! Bottom halves and commands: that they run, and in which order.
//!
//! # The order of bottom halves on the main loop
//! Those that the main loop's thread schedules without polling in between are taken by the same poll: the newest runs
//! first. When one of them has run, the others have been taken; what is scheduled after that belongs to a later poll and
//! runs after them, also in a nested poll. Only bottom halves that nobody else schedules and nobody cancels are watched.

use graphlock_harness::scenario::always;
use graphlock_programs::program::{BottomHalfId, CommandId, Party, Program};
use graphlock_programs::step::Step;

use super::watched::Watched;
use super::world::World;
use crate::event_loop::{BottomHalf, Home, MainLoop};
use crate::sync::atomic::Ordering;
use crate::sync::model::Beside;
use crate::sync::time::Duration;
use crate::sync::{Arc, Mutex, Named, lock};

/// What has come of a bottom half.
#[derive(Clone, Default)]
struct Fate {
    /// It was scheduled and has not run since.
    wanted: bool,
    /// Somebody has cancelled or deleted it: then nobody knows whether it runs.
    revoked: bool,
    /// Somebody has deleted it, or is about to.
    deleted: bool,
    /// It was deleted by its home's thread: from then on it does not run.
    deleted_at_home: bool,
}

/// The bottom halves of a run.
pub(super) struct Callbacks {
    bottom_halves: Vec<Mutex<Option<Arc<BottomHalf>>>>,
    fates: Beside<Vec<Fate>>,
    /// Whose order is watched.
    watched: Vec<bool>,
    /// What was written before each bottom half was scheduled, for it to be read. One is here when the schedule has come
    /// to an end: then a bottom half that has begun since must see it.
    messages: Beside<Vec<Vec<Arc<Watched>>>>,
}

/// A bottom half of the main loop that was scheduled and has not run.
struct Pending {
    bottom_half: BottomHalfId,
    posted: u32,
    /// Those with the same number were posted without a poll in between.
    group: u32,
    /// When it was certainly taken by a poll.
    taken: Option<u32>,
}

/// What the main loop's thread knows of the order.
#[derive(Default)]
pub(super) struct Order {
    posts: u32,
    group: u32,
    pending: Vec<Pending>,
}

impl Order {
    /// A poll may come here.
    pub(super) fn may_poll(&mut self) {
        self.group += 1;
    }

    fn posts(&mut self, bottom_half: BottomHalfId) {
        if !self.pending.iter().any(|each| each.bottom_half == bottom_half) {
            self.posts += 1;
            let (posted, group) = (self.posts, self.group);
            self.pending.push(Pending { bottom_half, posted, group, taken: None });
        }
    }

    /// It runs. Says which other one should have run before, and why.
    fn runs(&mut self, bottom_half: BottomHalfId) -> Option<(BottomHalfId, &'static str)> {
        let at = self.pending.iter().position(|each| each.bottom_half == bottom_half)?;
        let this = self.pending.remove(at);
        let newer = self
            .pending
            .iter()
            .find(|other| other.group == this.group && other.posted > this.posted);
        let older =
            self.pending.iter().find(|other| other.taken.is_some_and(|taken| taken < this.posted));
        let first = newer
            .map(|other| (other.bottom_half, "newest-first"))
            .or(older.map(|other| (other.bottom_half, "parents-slice-first")));
        self.posts += 1;
        let now = self.posts;
        for other in self.pending.iter_mut().filter(|other| other.group == this.group) {
            other.taken.get_or_insert(now);
        }
        self.group += 1;
        first
    }
}

impl Callbacks {
    pub(super) fn new(program: &Program) -> Self {
        let none = |name: &str| Mutex::new(None).named(&format_args!("slot[{name}]"));
        Callbacks {
            bottom_halves: program.bottom_halves.iter().map(|each| none(each.name)).collect(),
            fates: Beside::new(vec![Fate::default(); program.bottom_halves.len()]),
            messages: Beside::new(vec![Vec::new(); program.bottom_halves.len()]),
            watched: (0..program.bottom_halves.len())
                .map(|at| is_watched(program, BottomHalfId(at)))
                .collect(),
        }
    }

    pub(super) fn create(&self, world: &Arc<World>) {
        for (at, of_program) in world.program.bottom_halves.iter().enumerate() {
            let home = match of_program.place {
                Some(place) => &world.loops[place.0],
                None => world.main.event_loop(),
            };
            let weak = Arc::downgrade(world);
            let callback = move |home: &mut dyn Home| {
                if let Some(world) = weak.upgrade() {
                    world.run_bottom_half(BottomHalfId(at), home);
                }
            };
            let bottom_half = BottomHalf::new(home, of_program.name, callback);
            *lock(&self.bottom_halves[at]) = Some(Arc::new(bottom_half));
        }
    }

    pub(super) fn delete_all(&self) {
        for bottom_half in &self.bottom_halves {
            drop(lock(bottom_half).take());
        }
    }
}

/// Whether all who schedule it run on the main loop's thread, outside coroutines.
fn is_watched(program: &Program, bottom_half: BottomHalfId) -> bool {
    let on_main = |party| match party {
        Party::Main | Party::Command(_) => true,
        Party::BottomHalf(other) => program.bottom_halves[other.0].place.is_none(),
        // A coroutine of the main loop does, too, and does not have the token.
        Party::Task(_) => false,
    };
    program.bottom_halves[bottom_half.0].place.is_none()
        && program.parties().all(|(party, _, steps)| {
            steps.iter().all(|step| match step {
                Step::Schedule(other) => *other != bottom_half || on_main(party),
                Step::Cancel(other) | Step::Delete(other) => *other != bottom_half,
                _ => true,
            })
        })
}

impl World {
    /// Has a bottom half called once more. `main`: by the main loop's thread.
    pub(super) fn schedule(&self, bottom_half: BottomHalfId, main: Option<&MainLoop>) {
        let kept = lock(&self.callbacks.bottom_halves[bottom_half.0]).clone();
        let Some(kept) = kept else { return };
        // Counted first: whoever takes it back counts down.
        self.left.fetch_add(1, Ordering::Relaxed);
        let counted_already = self.callbacks.fates.with(|fates| {
            let fate = &mut fates[bottom_half.0];
            let deleted = fate.deleted;
            std::mem::replace(&mut fate.wanted, !deleted) || deleted
        });
        if counted_already {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(main) = main.filter(|_| self.callbacks.watched[bottom_half.0]) {
            self.hands.with(main, |hands| hands.order.posts(bottom_half));
        }
        let message = Arc::new(Watched::new());
        message.own();
        kept.schedule();
        self.callbacks.messages.with(|messages| messages[bottom_half.0].push(message));
    }

    pub(super) fn cancel(&self, bottom_half: BottomHalfId) {
        let kept = lock(&self.callbacks.bottom_halves[bottom_half.0]).clone();
        if let Some(kept) = kept {
            kept.cancel();
        }
        self.revoke(bottom_half);
    }

    /// Nobody waits for it any more.
    fn revoke(&self, bottom_half: BottomHalfId) {
        let was_wanted = self.callbacks.fates.with(|fates| {
            let fate = &mut fates[bottom_half.0];
            fate.revoked = true;
            std::mem::take(&mut fate.wanted)
        });
        if was_wanted {
            self.one_less();
        }
    }

    pub(super) fn delete(&self, bottom_half: BottomHalfId, main: Option<&MainLoop>) {
        let kept = lock(&self.callbacks.bottom_halves[bottom_half.0]).take();
        self.callbacks.fates.with(|fates| fates[bottom_half.0].deleted = true);
        let at_home = main.is_some() && self.program.bottom_halves[bottom_half.0].place.is_none();
        // Somebody may be about to schedule it: then it is deleted when he has.
        if let Some(last) = kept.and_then(Arc::into_inner) {
            drop(last);
            if at_home {
                self.callbacks.fates.with(|fates| fates[bottom_half.0].deleted_at_home = true);
            }
        }
        self.revoke(bottom_half);
    }

    fn run_bottom_half(self: &Arc<Self>, bottom_half: BottomHalfId, home: &mut dyn Home) {
        let read = |messages: &mut Vec<Vec<_>>| std::mem::take(&mut messages[bottom_half.0]);
        self.callbacks.messages.with(read).iter().for_each(|message| message.share());
        let name = self.program.bottom_halves[bottom_half.0].name;
        let (wanted, deleted) = self.callbacks.fates.with(|fates| {
            let fate = &mut fates[bottom_half.0];
            (std::mem::take(&mut fate.wanted), fate.deleted_at_home)
        });
        always("deleted-never-runs", !deleted, format_args!("`{name}` was deleted and runs"));
        let program = Arc::clone(&self.program);
        let steps = &program.bottom_halves[bottom_half.0].steps;
        let main = home.main();
        if let Some(main) = main.as_deref()
            && self.callbacks.watched[bottom_half.0]
        {
            let first = self.hands.with(main, |hands| hands.order.runs(bottom_half));
            if let Some((other, property)) = first {
                let other = self.program.bottom_halves[other.0].name;
                always(property, false, format_args!("`{name}` runs before `{other}`"));
            }
        }
        if wanted {
            for step in steps {
                self.take_anywhere(main.as_deref(), step);
            }
            self.one_less();
        }
    }

    /// Nothing that was scheduled has been forgotten.
    pub(super) fn check_bottom_halves(&self) {
        let fates = self.callbacks.fates.with(|fates| fates.clone());
        for (fate, of_program) in fates.iter().zip(&self.program.bottom_halves) {
            let lost = fate.wanted && !fate.revoked;
            always(
                "runs-after-schedule",
                !lost,
                format_args!("`{}` was scheduled and has not run", of_program.name),
            );
        }
    }

    /// Posts a command to the main loop.
    pub(super) fn post(self: &Arc<Self>, command: CommandId) {
        self.left.fetch_add(1, Ordering::Relaxed);
        let world = Arc::clone(self);
        let name = self.program.commands[command.0].name;
        self.main.schedule_oneshot(name, move |main| world.run_command(command, main));
    }

    /// Posts it when some time has passed.
    pub(super) fn post_later(self: &Arc<Self>, command: CommandId, main: &mut MainLoop) {
        self.left.fetch_add(1, Ordering::Relaxed);
        let world = Arc::clone(self);
        main.call_after(Duration::from_millis(1), move |main| world.run_command(command, main));
    }

    fn run_command(self: &Arc<Self>, command: CommandId, main: &mut MainLoop) {
        self.hands.with(main, |hands| hands.order.may_poll());
        let program = Arc::clone(&self.program);
        self.take_main_steps(main, &program.commands[command.0].steps);
        self.hands.with(main, |hands| hands.order.may_poll());
        self.one_less();
    }
}
