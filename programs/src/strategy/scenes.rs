//! Scenes: meetings in which a protection is needed, each with what varies.
//!
//! One kind of mistake needs one kind of meeting: who is about, and what the main loop does at that time. Steps that are
//! drawn one by one rarely come to meet; so the meetings are drawn.
//!
//! | file | meetings of |
//! | --- | --- |
//! | `locks` | readers and writers, holders, waits, moves |
//! | `unrefs` | references that go, nodes that close and come again |
//! | `changes` | nodes that come between others, users that are refused |
//! | `drains` | requests and drained sections |
//! | `data` | data on its way, images in other modes, strangers |
//! | `callbacks` | bottom halves and commands |
//!
//! A scene needs some groups to be on; it is left out where the graph has nothing for it.

mod callbacks;
mod changes;
mod data;
mod drains;
mod locks;
mod unrefs;

use super::sketch::{Scene, Sketch};
use super::swarm::Group;

/// A scene: what it needs, how often it is drawn beside the others, and how it goes.
type Entry = (&'static [Group], usize, fn(&mut Sketch) -> Option<Scene>);

/// Plays scenes until the program is full, or nothing fits any more.
pub(super) fn play(sketch: &mut Sketch) {
    let lists = [
        locks::SCENES,
        unrefs::SCENES,
        changes::SCENES,
        drains::SCENES,
        data::SCENES,
        callbacks::SCENES,
    ];
    let mut entries: Vec<&Entry> = Vec::with_capacity(64);
    for list in lists {
        for entry in list.iter().filter(|(needs, _, _)| sketch.swarm.has_all(needs)) {
            entries.extend((0..entry.1).map(|_| entry));
        }
    }
    let scenes = 1 + sketch.dice.below(5);
    let mut played = 0;
    for _ in 0..3 * scenes {
        if played == scenes || entries.is_empty() {
            break;
        }
        let (_, _, scene) = entries[sketch.dice.below(entries.len())];
        let before = sketch.program.main.len() + sketch.program.tasks.len();
        if let Some(scene) = scene(sketch) {
            sketch.play(scene);
        }
        let after = sketch.program.main.len() + sketch.program.tasks.len();
        played += usize::from(after > before);
    }
}
