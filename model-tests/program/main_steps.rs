//! The main loop's steps, and those of commands, which run inside its polls.
//!
//! A step that names a node the main loop has no reference to does nothing, as a command does that finds no such node.
//! A step that may be refused is compared with what the reference forecasts; where a stranger or a close in progress
//! may decide, either is right.

use graphlock_harness::scenario::always;
use graphlock_programs::program::{Driver, Expect, Mode, NodeId};
use graphlock_programs::reference::{Change, Contradiction, Forecast};
use graphlock_programs::step::Step;

use super::build::mode_of;
use super::world::{World, fail_on};
use crate::event_loop::MainLoop;
use crate::graph::NodeRef;
use crate::sync::atomic::Ordering;
use crate::sync::{Arc, lock};

/// What the main loop does while callbacks may run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// The graph is as the reference says.
    Plain,
    /// It is not, in between: modes and accesses change and change back.
    Rebuilding,
}

impl World {
    /// Takes steps on the main loop, one after the other.
    pub(super) fn take_main_steps(self: &Arc<Self>, main: &mut MainLoop, steps: &[Step]) {
        let mut rest = steps;
        while let [step, after @ ..] = rest {
            rest = after;
            if let Step::WriteLock { drained } = step {
                let end = rest.iter().position(|step| *step == Step::Unlock);
                let end = end.expect("a section is ended by who began it");
                self.section(main, *drained, &rest[..end]);
                rest = &rest[end + 1..];
            } else if !self.take_anywhere(Some(main), step) {
                self.take_main_step(main, step);
            }
        }
    }

    fn take_main_step(self: &Arc<Self>, main: &mut MainLoop, step: &Step) {
        match step {
            Step::Unref(node) => self.unref(main, *node),
            Step::Open(node) => self.open(main, *node),
            Step::DrainBegin(node) => self.drain_begin(main, *node),
            Step::DrainEnd(node) => self.drain_end(main, *node),
            Step::DrainAllBegin => {
                self.operation(main, Operation::Plain, |main| self.graph.drain_all_begin(main));
                self.quiet.iter().for_each(|quiet| quiet.own());
            }
            Step::DrainAllEnd => {
                self.quiet.iter().for_each(|quiet| quiet.own());
                self.graph.drain_all_end(main);
            }
            Step::Poll => {
                self.operation(main, Operation::Plain, |main| main.poll_bottom_halves());
            }
            Step::Reopen(nodes) => self.reopen(main, nodes),
            Step::Commit(node) => self.commit(main, *node),
            Step::Stop(stopped) => {
                self.operation(main, Operation::Plain, |main| {
                    let residents = &self.residents[stopped.0];
                    self.wait_for_others(main, || residents.load(Ordering::Acquire) > 0);
                });
                let thread = self
                    .hands
                    .with(main, |hands| hands.loops.get_mut(stopped.0).and_then(Option::take));
                // Nobody lives there: it ends at once.
                drop(thread);
            }
            Step::After(command) => self.post_later(*command, main),
            Step::Wait(event) => self.operation(main, Operation::Plain, |main| {
                main.wait_while(|_| !lock(&self.events[event.0]).signalled);
            }),
            _ => unreachable!("the rules let nobody else take `{}`", step.word()),
        }
    }

    /// Takes a step that is the same wherever it is taken. Says whether it was one. `main`: on the main loop's thread,
    /// outside coroutines.
    pub(super) fn take_anywhere(self: &Arc<Self>, main: Option<&MainLoop>, step: &Step) -> bool {
        match (step, main) {
            (Step::Schedule(bottom_half), _) => self.schedule(*bottom_half, main),
            (Step::Cancel(bottom_half), _) => self.cancel(*bottom_half),
            (Step::Delete(bottom_half), _) => self.delete(*bottom_half, main),
            (Step::Post(command), _) => self.post(*command),
            (Step::Signal(event), _) => self.signal(*event),
            (Step::Pause, _) => {
                graphlock_harness::sync::thread::sleep(crate::sync::time::Duration::from_millis(1));
            }
            (Step::Ref(node), Some(main)) => {
                if let Some(held) = self.hold(main, *node) {
                    let another = Arc::new(held.another(main));
                    self.hands.with(main, |hands| hands.references[node.0].push(another));
                    self.reference.with(|reference| reference.add(*node));
                }
            }
            (Step::Drop(node), Some(main)) => {
                if let Some(reference) = self.take(main, *node) {
                    self.reference.with(|reference| reference.drop_of_main(*node));
                    drop(reference);
                }
            }
            (Step::Look(node), Some(main)) => {
                if let Some(held) = self.hold(main, *node) {
                    let guard = self.graph.lock().read_main(main);
                    held.with_children(&guard, |children| children.count());
                }
            }
            _ => return false,
        }
        true
    }

    /// A reference of the main loop to look at a node by.
    pub(super) fn hold(&self, main: &MainLoop, node: NodeId) -> Option<Arc<NodeRef>> {
        self.hands.with(main, |hands| hands.references[node.0].last().map(Arc::clone))
    }

    /// A reference of the main loop to let go. None, if somebody further out on the stack is using it.
    pub(super) fn take(&self, main: &MainLoop, node: NodeId) -> Option<NodeRef> {
        let taken = self.hands.with(main, |hands| hands.references[node.0].pop())?;
        match Arc::try_unwrap(taken) {
            Ok(reference) => Some(reference),
            Err(used) => {
                self.hands.with(main, |hands| hands.references[node.0].push(used));
                None
            }
        }
    }

    /// Does something in which callbacks may run.
    pub(super) fn operation<R>(
        &self,
        main: &mut MainLoop,
        kind: Operation,
        work: impl FnOnce(&mut MainLoop) -> R,
    ) -> R {
        self.begins(main, kind);
        let result = work(main);
        self.ends(main, kind);
        result
    }

    pub(super) fn begins(&self, main: &MainLoop, kind: Operation) {
        self.hands.with(main, |hands| {
            hands.order.may_poll();
            hands.nested += 1;
            hands.rebuilding += u32::from(kind == Operation::Rebuilding);
        });
        if kind == Operation::Rebuilding {
            self.reference.with(|reference| reference.suspend());
        }
    }

    pub(super) fn ends(&self, main: &MainLoop, kind: Operation) {
        self.hands.with(main, |hands| {
            hands.order.may_poll();
            hands.nested -= 1;
            hands.rebuilding -= u32::from(kind == Operation::Rebuilding);
        });
        if kind == Operation::Rebuilding {
            self.reference.with(|reference| reference.resume());
        }
    }

    /// Compares, if nothing around this changes the graph.
    pub(super) fn compare_now(&self, main: &MainLoop) {
        let (nested, rebuilding) = self.hands.with(main, |hands| (hands.nested, hands.rebuilding));
        if rebuilding == 0 {
            fail_on(self.reference.with(|reference| reference.check()));
            self.compare(main, nested == 0);
        }
    }

    fn unref(&self, main: &mut MainLoop, node: NodeId) {
        if let Some(reference) = self.take(main, node) {
            self.let_go_now(main, node, reference);
        }
    }

    /// Lets a reference go that is the main loop's. What it was the last one of is closed when this returns.
    fn let_go_now(&self, main: &mut MainLoop, node: NodeId, reference: NodeRef) {
        let token = self.reference.with(|of_run| {
            let token = of_run.token();
            of_run.let_go(node, token);
            token
        });
        self.operation(main, Operation::Plain, |main| self.graph.unref(main, reference));
        self.reference.with(|of_run| of_run.settle(token));
        self.compare_now(main);
    }

    fn drain_begin(&self, main: &mut MainLoop, node: NodeId) {
        let section = self.hold(main, node).map(|held| {
            self.reference.with(|reference| reference.add(node));
            let held = held.another(main);
            self.operation(main, Operation::Plain, |main| self.graph.drained_begin(main, &held));
            for above in self.above(main, node) {
                self.quiet[above.0].own();
            }
            held
        });
        self.hands.with(main, |hands| hands.drained.push((node, section)));
    }

    /// A node and all above it.
    fn above(&self, main: &MainLoop, node: NodeId) -> Vec<NodeId> {
        let described = self.graph.describe(main);
        let mut above = vec![node];
        let mut next = 0;
        while next < above.len() {
            let name = self.name(above[next]);
            let parents = described.iter().filter(|each| each.name == name);
            for (parent, _) in parents.flat_map(|each| &each.parents) {
                let parent = self.node_of(parent);
                if !above.contains(&parent) {
                    above.push(parent);
                }
            }
            next += 1;
        }
        above
    }

    fn drain_end(&self, main: &mut MainLoop, node: NodeId) {
        let section = self.hands.with(main, |hands| {
            let at = hands.drained.iter().rposition(|(each, _)| *each == node);
            hands.drained.remove(at.expect("a drained section is ended by who began it")).1
        });
        let Some(section) = section else { return };
        let drained = section.is_quiesced();
        let name = self.name(node);
        always("drained-section-stays-drained", drained, format_args!("`{name}` is not"));
        self.quiet[node.0].own();
        self.graph.drained_end(main, &section);
        self.let_go_now(main, node, section);
    }

    fn reopen(&self, main: &mut MainLoop, nodes: &[(NodeId, Mode)]) {
        let held: Option<Vec<_>> =
            nodes.iter().map(|(node, mode)| Some((self.hold(main, *node)?, *mode))).collect();
        let Some(held) = held else { return };
        let change = Change::Reopen(nodes.to_vec());
        let attempt = self.attempts(main, &change);
        let modes: Vec<(&NodeRef, _)> =
            held.iter().map(|(node, mode)| (&**node, mode_of(*mode))).collect();
        let result = self.operation(main, Operation::Plain, |main| self.graph.reopen(main, &modes));
        self.came(&attempt, &change, &result.map_err(|error| error.to_string()));
        self.compare_now(main);
    }

    fn commit(&self, main: &mut MainLoop, node: NodeId) {
        let Some(held) = self.hold(main, node) else { return };
        let result =
            self.operation(main, Operation::Rebuilding, |main| self.graph.commit(main, &held));
        if result.is_ok() {
            fail_on(self.reference.with(|reference| reference.made(&Change::Commit(node))));
        }
        // How far a commit that failed has come is its own affair: what is below may be writable.
        self.adopt_modes(main);
        self.compare_now(main);
    }

    fn adopt_modes(&self, main: &MainLoop) {
        let guard = self.graph.lock().read_main(main);
        for (node, of_program) in self.program.nodes.iter().enumerate() {
            let mode = self.mode_of(main, of_program.name, &guard);
            self.reference.with(|reference| reference.adopt_mode(NodeId(node), mode));
        }
    }

    fn open(self: &Arc<Self>, main: &mut MainLoop, node: NodeId) {
        if !self.reference.with(|reference| reference.is_absent(node)) {
            return;
        }
        let of_program = self.program.node(node).clone();
        let held: Option<Vec<_>> =
            of_program.children.iter().map(|(_, child)| self.hold(main, *child)).collect();
        let Some(held) = held else { return };
        let file = of_program.children.iter().position(|(edge, _)| edge.word() == "file");
        let change = Change::Open(node);
        let attempt = self.attempts(main, &change);
        let kind = match of_program.driver {
            // It reads its file, which polls.
            Driver::Overlay => Operation::Rebuilding,
            _ => Operation::Plain,
        };
        let file = file.map(|file| &*held[file]);
        let opened = self.operation(main, kind, |main| self.driver(main, node, file));
        let opened = opened.map(|driver| {
            let reference = Arc::new(self.graph.create_node(main, of_program.name, driver));
            self.hands.with(main, |hands| {
                hands.opened[node.0] = Some(Arc::clone(reference.shared()));
                hands.references[node.0].push(reference);
            });
        });
        drop(held);
        let is_storage = of_program.driver.image().is_some();
        if is_storage || opened.is_ok() {
            let as_expected = opened.is_ok() || self.program.expect != Expect::NoConflict;
            let name = of_program.name;
            always(
                "closed-when-unlock-returns",
                as_expected,
                format_args!("`{name}` cannot be opened"),
            );
            self.came(&attempt, &change, &opened.map_err(|error| error.to_string()));
        } else {
            self.reference.with(|reference| reference.resume());
            return;
        }
        if !of_program.children.is_empty() && self.hold(main, node).is_some() {
            let attach = of_program.children.iter();
            let attach = attach.map(|(edge, child)| Step::Attach(node, *edge, *child));
            self.section(main, false, &attach.collect::<Vec<_>>());
        }
    }

    /// What must come of a change that is about to be tried. Until it [came](Self::came), nobody is accused of having
    /// an image open that may be let go at this moment.
    pub(super) fn attempts(&self, main: &MainLoop, change: &Change) -> Attempt {
        let rebuilding = self.hands.with(main, |hands| hands.rebuilding > 0);
        self.reference.with(|reference| {
            reference.suspend();
            let forecast = if rebuilding { Forecast::Either } else { reference.forecast(change) };
            Attempt { changes: reference.changes(), forecast }
        })
    }

    /// The change was made or refused: as forecast, unless something came in between.
    pub(super) fn came(&self, attempt: &Attempt, change: &Change, result: &Result<(), String>) {
        let undisturbed = self.reference.with(|reference| {
            reference.resume();
            reference.changes() == attempt.changes
        });
        match (result, &attempt.forecast) {
            (Ok(()), Forecast::Refused(conflict)) if undisturbed => fail_on(Err(conflict.clone())),
            (Err(error), Forecast::Made) if undisturbed => fail_on(Err(Contradiction {
                property: refused_without_reason(change),
                found: format!("refused without reason: {error}"),
            })),
            (Ok(()), _) => {
                let made = self
                    .reference
                    .with(|reference| reference.made(change).and_then(|()| reference.check()));
                fail_on(made);
            }
            (Err(_), _) => {}
        }
    }
}

/// An image that cannot be opened was not closed; anything else should have been possible.
fn refused_without_reason(change: &Change) -> &'static str {
    match change {
        Change::Open(_) => "closed-when-unlock-returns",
        _ => "graph-is-as-in-the-reference",
    }
}

/// A change that is tried.
pub(super) struct Attempt {
    changes: u32,
    forecast: Forecast,
}
