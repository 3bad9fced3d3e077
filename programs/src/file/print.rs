//! A program as it stands in a file.

use std::fmt::Write as _;

use crate::program::{Driver, Expect, Mode, Party, Place, Program};
use crate::step::Step;

/// Writes a program: reading it gives the same one.
#[must_use]
pub fn print(program: &Program) -> String {
    let mut text = String::new();
    if !program.about.is_empty() {
        line(&mut text, "about", &quoted(&program.about));
    }
    if let Some(deferral) = program.deferral {
        line(&mut text, "deferral", &quoted(deferral.word()));
    }
    if program.workers > 0 {
        line(&mut text, "workers", &program.workers.to_string());
    }
    if !mentions_events_in_order(program) {
        line(&mut text, "events", &list(program.events.iter().map(|name| (*name).to_owned())));
    }
    for image in &program.images {
        begin(&mut text, "[[image]]");
        line(&mut text, "name", &quoted(image.name));
    }
    nodes(&mut text, program);
    for name in &program.loops {
        begin(&mut text, "[[loop]]");
        line(&mut text, "name", &quoted(name));
    }
    for (party, name, steps) in program.parties() {
        taker(&mut text, program, party, name, steps);
    }
    for fault in &program.faults {
        begin(&mut text, "[[fault]]");
        line(&mut text, "image", &quoted(program.images[fault.image.0].name));
        line(&mut text, "kind", &quoted(fault.kind.word()));
        line(&mut text, "number", &fault.number.to_string());
    }
    begin(&mut text, "[main]");
    line(&mut text, "steps", &steps_of(program, &program.main));
    if program.expect == Expect::NoConflict {
        line(&mut text, "expect", &quoted("no-conflict"));
    }
    text
}

/// Whether the events' order is the one in which steps name them first: then who reads the file finds it by himself.
fn mentions_events_in_order(program: &Program) -> bool {
    let mut named = 0;
    for step in program.parties().flat_map(|(_, _, steps)| steps) {
        if let Step::Signal(event) | Step::Wait(event) = step {
            if event.0 > named {
                return false;
            }
            named = named.max(event.0 + 1);
        }
    }
    named == program.events.len()
}

fn begin(text: &mut String, head: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(head);
    text.push('\n');
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value}");
}

fn quoted(word: &str) -> String {
    toml::Value::String(word.to_owned()).to_string()
}

fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.map(|word| quoted(&word)).collect();
    format!("[{}]", words.join(", "))
}

fn steps_of(program: &Program, steps: &[Step]) -> String {
    list(steps.iter().map(|step| step.shown(program).to_string()))
}

fn nodes(text: &mut String, program: &Program) {
    for node in &program.nodes {
        begin(text, "[[node]]");
        line(text, "name", &quoted(node.name));
        match node.driver {
            Driver::Storage { image, mode } => {
                line(text, "image", &quoted(program.images[image.0].name));
                if mode == Mode::ReadOnly {
                    line(text, "mode", &quoted(mode.word()));
                }
            }
            Driver::Null => {}
            driver => line(text, "driver", &quoted(driver.word())),
        }
        if !node.open {
            line(text, "open", "false");
        }
        if !node.children.is_empty() {
            let children = node.children.iter().map(|(edge, child)| {
                format!("{} = {}", edge.word(), quoted(program.node(*child).name))
            });
            let children: Vec<String> = children.collect();
            line(text, "children", &format!("{{ {} }}", children.join(", ")));
        }
    }
}

fn taker(text: &mut String, program: &Program, party: Party, name: &str, steps: &[Step]) {
    let home = |place: Option<crate::program::LoopId>| {
        quoted(place.map_or("main", |place| program.loops[place.0]))
    };
    match party {
        Party::Main => return,
        Party::Task(task) => {
            begin(text, "[[task]]");
            line(text, "name", &quoted(name));
            let task = &program.tasks[task.0];
            let on = match task.place {
                Place::Main => home(None),
                Place::Loop(place) => home(Some(place)),
                Place::Thread => quoted("thread"),
            };
            line(text, "on", &on);
            if !task.holds.is_empty() {
                let holds = task.holds.iter().map(|node| program.node(*node).name.to_owned());
                line(text, "holds", &list(holds));
            }
        }
        Party::BottomHalf(bottom_half) => {
            begin(text, "[[bottom-half]]");
            line(text, "name", &quoted(name));
            line(text, "on", &home(program.bottom_halves[bottom_half.0].place));
        }
        Party::Command(_) => {
            begin(text, "[[command]]");
            line(text, "name", &quoted(name));
        }
    }
    line(text, "steps", &steps_of(program, steps));
}
