//! Bottom halves and commands: in which order they run, and what they meet.

use super::super::sketch::{Scene, Sketch, Where};
use super::super::swarm::Group;
use super::Entry;
use crate::step::Step;

pub(super) const SCENES: &[Entry] = &[
    (&[Group::BottomHalves], 2, newest_first),
    (&[Group::BottomHalves, Group::Commands], 3, nested_poll),
    (&[Group::BottomHalves], 2, two_schedule),
    (&[Group::BottomHalves], 3, one_is_deleted),
    (&[Group::BottomHalves], 1, on_a_loop),
    (&[Group::Commands], 2, command_comes),
];

/// Several are scheduled without a poll in between, and one of them schedules another.
fn newest_first(sketch: &mut Sketch) -> Option<Scene> {
    let later = sketch.bottom_half(None, Vec::new());
    let posts = if sketch.dice.happens(1, 2) { vec![Step::Schedule(later)] } else { Vec::new() };
    let one = sketch.bottom_half(None, posts);
    let mut main = vec![Step::Schedule(one)];
    for _ in 0..1 + sketch.dice.below(2) {
        let other = sketch.bottom_half(None, Vec::new());
        main.push(Step::Schedule(other));
    }
    if sketch.dice.happens(1, 4) {
        main.push(Step::Schedule(one));
    }
    main.push(Step::Poll);
    Some(Scene { main, ..Scene::default() })
}

/// A command polls while older bottom halves have not run.
fn nested_poll(sketch: &mut Sketch) -> Option<Scene> {
    let [older, newer, inner] = [0; 3].map(|_| sketch.bottom_half(None, Vec::new()));
    let command = sketch.command(vec![Step::Schedule(inner), Step::Poll]);
    let main = vec![Step::Schedule(older), Step::Post(command), Step::Schedule(newer), Step::Poll];
    Some(Scene { main, ..Scene::default() })
}

/// Two have the same one called.
fn two_schedule(sketch: &mut Sketch) -> Option<Scene> {
    let one = sketch.bottom_half(None, Vec::new());
    let mut scene = Scene::default();
    for _ in 0..2 {
        let mut steps = vec![Step::Schedule(one)];
        if sketch.dice.happens(1, 4) {
            steps.push(Step::Schedule(one));
        }
        scene = scene.with(Where::Anywhere, steps);
    }
    if sketch.dice.happens(1, 2) {
        scene.main.push(Step::Poll);
    }
    Some(scene)
}

/// One has it called, another one takes that back for good.
fn one_is_deleted(sketch: &mut Sketch) -> Option<Scene> {
    let one = sketch.bottom_half(None, Vec::new());
    let back = if sketch.dice.happens(2, 3) { Step::Delete(one) } else { Step::Cancel(one) };
    let mut scene = Scene { main: vec![back, Step::Poll], ..Scene::default() };
    if sketch.dice.happens(1, 2) {
        scene.main.insert(0, Step::Schedule(one));
    } else {
        scene = scene.with(Where::Anywhere, vec![Step::Schedule(one)]);
    }
    Some(scene)
}

fn on_a_loop(sketch: &mut Sketch) -> Option<Scene> {
    if sketch.program.loops.is_empty() {
        return None;
    }
    let place = sketch.loops();
    let one = sketch.bottom_half(Some(place), Vec::new());
    let steps = match sketch.dice.below(3) {
        0 => vec![Step::Schedule(one), Step::Cancel(one)],
        1 => vec![Step::Schedule(one), Step::Delete(one)],
        _ => vec![Step::Schedule(one)],
    };
    let main = vec![Step::Schedule(one)];
    Some(Scene { main, ..Scene::default() }.with(Where::Anywhere, steps))
}

/// A monitor sends a command at any time, or it comes by itself after a while.
fn command_comes(sketch: &mut Sketch) -> Option<Scene> {
    let node = sketch.target()?;
    let steps = match sketch.dice.below(4) {
        0 if sketch.has(Group::Unrefs) => vec![Step::Unref(node)],
        1 if sketch.has(Group::Drains) => vec![Step::DrainBegin(node), Step::DrainEnd(node)],
        _ => sketch.section(),
    };
    let command = sketch.command(steps);
    let mut main = sketch.section();
    if sketch.dice.happens(1, 3) {
        main.insert(0, Step::After(command));
        return Some(Scene { main, ..Scene::default() });
    }
    Some(Scene { main, ..Scene::default() }.with(Where::Anywhere, vec![Step::Post(command)]))
}
