//! Readers and writers: who waits for whom.

use super::super::sketch::{Scene, Sketch, Where};
use super::super::swarm::Group;
use super::Entry;
use crate::program::{NodeId, Place};
use crate::step::Step;

pub(super) const SCENES: &[Entry] = &[
    (&[Group::ReadLocks], 3, reader_meets_writer),
    (&[Group::ReadLocks], 1, reader_gives_up),
    (&[Group::ReadLocks, Group::Events], 3, holder_waits),
    (&[Group::ReadLocks, Group::Moves], 3, holder_moves),
    (&[Group::Events], 2, coroutine_waits),
    (&[Group::Moves, Group::Requests], 1, requests_move),
    (&[Group::Stop], 2, loop_stops),
    (&[Group::Pause], 1, somebody_is_away),
];

impl Sketch {
    /// A write section, mostly without anything in it: that readers are kept out shows by itself.
    pub(super) fn section(&mut self) -> Vec<Step> {
        let drained = self.has(Group::Drains) && self.dice.happens(1, 4);
        vec![Step::WriteLock { drained }, Step::Unlock]
    }

    fn there(&mut self) -> Option<NodeId> {
        self.find(|node| node.open)
    }

    /// Read lock, perhaps a look, and out.
    pub(super) fn reads(&mut self) -> Vec<Step> {
        let mut steps = vec![Step::ReadLock];
        if self.dice.happens(1, 6) {
            steps.push(Step::Share);
        }
        if let (true, Some(node)) = (self.dice.happens(1, 2), self.there()) {
            steps.push(Step::Look(node));
        }
        steps.push(Step::ReadUnlock);
        steps
    }
}

fn reader_meets_writer(sketch: &mut Sketch) -> Option<Scene> {
    let mut scene = Scene { main: sketch.section(), ..Scene::default() };
    if sketch.dice.happens(1, 4) {
        scene.main.extend(sketch.section());
    }
    for _ in 0..1 + sketch.dice.below(2) {
        let mut steps = sketch.reads();
        if sketch.dice.happens(1, 3) {
            steps.extend(sketch.reads());
        }
        scene = scene.with(Where::Anywhere, steps);
    }
    Some(scene)
}

fn reader_gives_up(sketch: &mut Sketch) -> Option<Scene> {
    let mut steps = vec![Step::CancelReadLock];
    if sketch.dice.happens(2, 3) {
        steps.extend(sketch.reads());
    }
    Some(Scene { main: sketch.section(), ..Scene::default() }.with(Where::Anywhere, steps))
}

/// A holder waits for somebody who has to take the read lock first, and a writer comes in between.
fn holder_waits(sketch: &mut Sketch) -> Option<Scene> {
    let done = sketch.event();
    let mut helper = sketch.reads();
    helper.push(Step::Signal(done));
    let holder = vec![Step::ReadLock, Step::Wait(done), Step::ReadUnlock];
    let scene = Scene { main: sketch.section(), ..Scene::default() };
    Some(scene.with(Where::Anywhere, holder).with(Where::Anywhere, helper))
}

/// A lock is taken here and left there: neither loop's counter is zero then.
fn holder_moves(sketch: &mut Sketch) -> Option<Scene> {
    if sketch.program.loops.is_empty() {
        return None;
    }
    let to = sketch.loops();
    let from = if sketch.dice.happens(1, 2) { Place::Main } else { Place::Loop(sketch.loops()) };
    let mut steps = vec![Step::ReadLock, Step::Move(to)];
    if let (true, Some(node)) = (sketch.dice.happens(1, 2), sketch.there()) {
        steps.push(Step::Look(node));
    }
    steps.push(Step::ReadUnlock);
    let mut scene = Scene { main: sketch.section(), ..Scene::default() };
    if sketch.dice.happens(1, 3) {
        scene.main.extend(sketch.section());
    }
    Some(scene.with(Where::At(from), steps))
}

fn coroutine_waits(sketch: &mut Sketch) -> Option<Scene> {
    let event = sketch.event();
    let mut steps = vec![Step::Wait(event)];
    if sketch.has(Group::ReadLocks) && sketch.dice.happens(1, 2) {
        steps.extend(sketch.reads());
    }
    let scene = Scene::default().with(Where::Coroutine, steps);
    let signal = vec![Step::Signal(event)];
    Some(match sketch.dice.below(3) {
        0 => Scene { main: signal, ..scene },
        1 => scene.with(Where::Anywhere, signal),
        _ => {
            // The other way round: the main loop waits.
            let main = vec![Step::Wait(event)];
            Scene { main, ..scene }.with(Where::Anywhere, signal)
        }
    })
}

fn requests_move(sketch: &mut Sketch) -> Option<Scene> {
    if sketch.program.loops.is_empty() {
        return None;
    }
    let node = sketch.target()?;
    let (to, request) = (sketch.loops(), sketch.request(node));
    Some(Scene::default().with(Where::Coroutine, vec![Step::Move(to), request]))
}

/// A loop ends, and a writer walks over its counter.
fn loop_stops(sketch: &mut Sketch) -> Option<Scene> {
    if sketch.program.loops.is_empty() {
        return None;
    }
    let place = sketch.loops();
    let steps = if sketch.has(Group::ReadLocks) && sketch.dice.happens(2, 3) {
        sketch.reads()
    } else if let (true, Some(node)) = (sketch.has(Group::Requests), sketch.target()) {
        vec![sketch.request(node)]
    } else {
        vec![Step::Yield]
    };
    let mut main = vec![Step::Stop(place)];
    main.extend(sketch.section());
    Some(Scene { main, ..Scene::default() }.with(Where::At(Place::Loop(place)), steps))
}

fn somebody_is_away(sketch: &mut Sketch) -> Option<Scene> {
    let scene = Scene { main: sketch.section(), ..Scene::default() };
    let mut steps =
        if sketch.has(Group::ReadLocks) { sketch.reads() } else { vec![Step::Yield; 2] };
    steps.insert(1, Step::Pause);
    Some(scene.with(Where::Coroutine, steps))
}
