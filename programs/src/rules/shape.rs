//! Rules about what there is at the beginning, and about who posts whom.

use std::sync::Arc;

use super::{Broken, Part, Rule};
use crate::program::{BottomHalfId, CommandId, Driver, NodeId, Party, Place, Program, TaskId};
use crate::reference::Reference;
use crate::step::Step;

pub(super) fn check(program: &Program) -> Result<(), Broken> {
    edges(program)?;
    if let Err(conflict) = Reference::new(Arc::new(program.clone())).check() {
        let found = format!("{conflict} do not get along");
        return Err(Broken { rule: Rule::BeginningGetsAlong, step: None, part: None, found });
    }
    callbacks(program)?;
    stops(program)
}

fn broken(rule: Rule, part: Part, found: String) -> Result<(), Broken> {
    Err(Broken { rule, step: None, part: Some(part), found })
}

fn edges(program: &Program) -> Result<(), Broken> {
    for (at, node) in program.nodes.iter().enumerate() {
        let part = Part::Node(NodeId(at));
        for (number, (edge, child)) in node.children.iter().enumerate() {
            let twice = node.children[..number].iter().any(|(each, _)| each == edge);
            if twice || !node.driver.edges().contains(edge) {
                let found =
                    format!("`{}.{}` of a `{}`", node.name, edge.word(), node.driver.word());
                return broken(Rule::Shape, part, found);
            }
            if is_below(program, NodeId(at), *child) {
                return broken(Rule::Shape, part, format!("`{}` is below itself", node.name));
            }
            let child = program.node(*child);
            if node.open && !child.open {
                let found =
                    format!("`{}` is there, and its child `{}` is not", node.name, child.name);
                return broken(Rule::Shape, part, found);
            }
        }
        let whole = |edge: &_| node.children.iter().any(|(each, _)| each == edge);
        if node.driver == Driver::Overlay {
            let file = node.children.iter().find(|(edge, _)| *edge == crate::program::Edge::File);
            let stored = file.map(|(_, file)| program.node(*file).driver);
            if !matches!(stored, Some(Driver::Storage { .. })) {
                let found = format!("overlay `{}` has no `storage` as its `file`", node.name);
                return broken(Rule::Shape, part, found);
            }
        }
        // A format or a filter that lacks a part cannot serve requests, or a close that flushes.
        if node.open
            && node.driver == Driver::CopyBeforeWrite
            && !node.driver.edges().iter().all(whole)
        {
            return broken(Rule::Shape, part, format!("`{}` lacks a child", node.name));
        }
    }
    for (at, task) in program.tasks.iter().enumerate() {
        for node in &task.holds {
            if !program.node(*node).open {
                let found = format!("task `{}` holds `{}`", task.name, program.node(*node).name);
                let part = Part::Party(Party::Task(TaskId(at)));
                return broken(Rule::TasksNameWhatIsThere, part, found);
            }
        }
    }
    Ok(())
}

/// Whether `node` is `top` or below it.
fn is_below(program: &Program, node: NodeId, top: NodeId) -> bool {
    let mut below = vec![top];
    let mut next = 0;
    while let Some(one) = below.get(next).copied() {
        if one == node {
            return true;
        }
        for (_, child) in &program.node(one).children {
            if !below.contains(child) {
                below.push(*child);
            }
        }
        next += 1;
    }
    false
}

/// Bottom halves come first, then commands.
fn posted(program: &Program, step: &Step) -> Option<usize> {
    match step {
        Step::Schedule(one) => Some(one.0),
        Step::Post(one) | Step::After(one) => Some(program.bottom_halves.len() + one.0),
        _ => None,
    }
}

fn callbacks(program: &Program) -> Result<(), Broken> {
    let bottom_halves = program.bottom_halves.iter().map(|each| (each.name, &each.steps));
    let commands = program.commands.iter().map(|each| (each.name, &each.steps));
    let all: Vec<_> = bottom_halves.chain(commands).collect();
    let posts: Vec<Vec<usize>> = all
        .iter()
        .map(|(_, steps)| steps.iter().filter_map(|step| posted(program, step)).collect())
        .collect();
    for (at, (name, _)) in all.iter().enumerate() {
        let mut reached = posts[at].clone();
        let mut next = 0;
        while next < reached.len() {
            if reached[next] == at {
                let party = match at.checked_sub(program.bottom_halves.len()) {
                    None => Party::BottomHalf(BottomHalfId(at)),
                    Some(command) => Party::Command(CommandId(command)),
                };
                let found = format!("`{name}` comes to post itself");
                return broken(Rule::CallbacksEnd, Part::Party(party), found);
            }
            let further = posts[reached[next]].clone();
            reached.extend(
                further.into_iter().filter(|each| !reached.contains(each)).collect::<Vec<_>>(),
            );
            next += 1;
        }
    }
    Ok(())
}

fn stops(program: &Program) -> Result<(), Broken> {
    let mut stopped = Vec::new();
    for (at, step) in program.main.iter().enumerate() {
        let Step::Stop(stop) = step else { continue };
        let name = program.loops[stop.0];
        let copies = program.nodes.iter().any(|node| node.driver == Driver::CopyBeforeWrite);
        let found = if stopped.contains(stop) {
            format!("loop `{name}` is stopped twice")
        } else if copies && stop.0 == 0 {
            format!("loop `{name}` is stopped, and a `copy-before-write` copies on the first loop")
        } else if program.bottom_halves.iter().any(|each| each.place == Some(*stop)) {
            format!("loop `{name}` is stopped and has bottom halves")
        } else if let Some(task) = program.tasks.iter().find(|task| {
            let comes = task.steps.contains(&Step::Move(*stop));
            comes
                || task.place == Place::Loop(*stop)
                    && task.steps.iter().any(|step| matches!(step, Step::Move(_) | Step::Wait(_)))
        }) {
            format!("loop `{name}` is stopped and `{}` moves or waits", task.name)
        } else {
            stopped.push(*stop);
            continue;
        };
        let step = Some((Party::Main, at));
        return Err(Broken { rule: Rule::NobodyComesToAStoppedLoop, step, part: None, found });
    }
    Ok(())
}
