//! Steps in a write section: the graph changes, and nobody polls.

use graphlock_harness::scenario::always;
use graphlock_programs::program::NodeId;
use graphlock_programs::reference::{Change, Token};
use graphlock_programs::step::Step;

use super::main_steps::Operation;
use super::world::World;
use crate::event_loop::MainLoop;
use crate::graph::{ChangeError, NodeRef, Refused};
use crate::graph_lock::WriteGuard;
use crate::sync::Arc;

impl World {
    /// A whole section with these steps.
    pub(super) fn section(self: &Arc<Self>, main: &mut MainLoop, drained: bool, steps: &[Step]) {
        let token = self.reference.with(|reference| reference.token());
        self.begins(main, Operation::Plain);
        let lock = self.graph.lock().clone();
        let mut section = if drained { lock.write_drained(main) } else { lock.write(main) };
        self.sections.write(&mut section, |sections| sections.0 += 1);
        if drained {
            self.assert_drained(&section);
        }
        for step in steps {
            if !self.take_anywhere(Some(section.main()), step) {
                self.take_in_section(&mut section, step, token);
            }
        }
        self.sections.write(&mut section, |sections| sections.1 += 1);
        if drained {
            self.assert_drained(&section);
        }
        section.unlock();
        self.ends(main, Operation::Plain);
        self.reference.with(|reference| reference.settle(token));
        self.compare_now(main);
    }

    /// All nodes are drained, and no request is inside.
    fn assert_drained(&self, section: &WriteGuard<'_>) {
        let references: Vec<_> = self.hands.with(section.main(), |hands| {
            hands.references.iter().filter_map(|held| held.last().map(Arc::clone)).collect()
        });
        for node in references {
            let name = node.name();
            always(
                "drained-section-stays-drained",
                node.is_quiesced(),
                format_args!("`{name}` is not"),
            );
        }
        self.quiet.iter().for_each(|quiet| quiet.own());
    }

    fn take_in_section(self: &Arc<Self>, section: &mut WriteGuard<'_>, step: &Step, token: Token) {
        match step {
            Step::Attach(parent, edge, child) => {
                let change = Change::Attach(*parent, *edge, *child);
                self.change(
                    section,
                    &change,
                    [*parent, *child],
                    token,
                    |section, [parent, child]| {
                        let child = child.another(section.main());
                        self.graph.attach_child(section, parent, edge.word(), child)
                    },
                );
            }
            Step::Detach(parent, edge) => {
                let change = Change::Detach(*parent, *edge);
                self.change(section, &change, [*parent], token, |section, [parent]| {
                    let child = self.graph.detach_child(section, parent, edge.word())?;
                    self.receive(section.main(), child);
                    Ok::<(), ChangeError>(())
                });
            }
            Step::Replace(parent, edge, child) => {
                let change = Change::Replace(*parent, *edge, *child);
                self.change(
                    section,
                    &change,
                    [*parent, *child],
                    token,
                    |section, [parent, child]| {
                        let child = child.another(section.main());
                        let old = self.graph.replace_child(section, parent, edge.word(), child)?;
                        self.receive(section.main(), old);
                        Ok::<(), Box<Refused>>(())
                    },
                );
            }
            Step::Append(top, edge, below) => {
                let change = Change::Append(*top, *edge, *below);
                self.change(section, &change, [*top, *below], token, |section, [top, below]| {
                    self.graph.append(section, top, edge.word(), below)
                });
            }
            Step::ReplaceNode(from, to) => {
                let change = Change::ReplaceNode(*from, *to);
                self.change(section, &change, [*from, *to], token, |section, [from, to]| {
                    self.graph.replace_node(section, from, to)
                });
            }
            Step::ScheduleUnref(node) => {
                if let Some(reference) = self.take(section.main(), *node) {
                    self.reference.with(|of_run| of_run.let_go(*node, token));
                    section.schedule_unref(reference);
                }
            }
            Step::DeferRequest(node) => {
                let Some(held) = self.hold(section.main(), *node) else { return };
                let (request, world, node) = (held.begin_request(), Arc::clone(self), *node);
                section.defer("request", move |main, _| {
                    main.run_coroutine("request", move |_| async move {
                        if let Ok(request) = request.await {
                            drop(world.enter(node));
                            drop(request);
                        }
                    });
                });
            }
            _ => unreachable!("the rules let nobody take `{}` in a section", step.word()),
        }
    }

    /// A child that is no part of the graph any more; the reference knows.
    fn receive(&self, main: &MainLoop, child: NodeRef) {
        let node = self.node_of(child.name());
        self.hands.with(main, |hands| hands.references[node.0].push(Arc::new(child)));
    }

    fn change<const N: usize, E: Into<Refusal>>(
        &self,
        section: &mut WriteGuard<'_>,
        change: &Change,
        nodes: [NodeId; N],
        token: Token,
        make: impl FnOnce(&mut WriteGuard<'_>, [&NodeRef; N]) -> Result<(), E>,
    ) {
        let held = nodes.map(|node| self.hold(section.main(), node));
        if held.iter().any(Option::is_none) {
            return;
        }
        let held = held.map(|held| held.expect("looked at above"));
        let attempt = self.attempts(section.main(), change);
        let result = make(section, held.each_ref().map(|held| &**held)).map_err(Into::into);
        match &result {
            // Somebody has requests in flight where a drained node should come: he may try again.
            Err(Refusal { error: ChangeError::Busy { .. }, .. }) => {
                self.reference.with(|reference| reference.resume());
            }
            Err(refusal) => self.came(&attempt, change, &Err(refusal.error.to_string())),
            Ok(()) => self.came(&attempt, change, &Ok(())),
        }
        if let Err(Refusal { child: Some(child), .. }) = result {
            // The reference that was to become part of the graph goes with the section.
            let node = self.node_of(child.name());
            self.reference.with(|reference| {
                reference.add(node);
                reference.let_go(node, token);
            });
            section.schedule_unref(child);
        }
    }
}

/// A change that was refused, with the reference that comes back.
struct Refusal {
    error: ChangeError,
    child: Option<NodeRef>,
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        Refusal { error, child: None }
    }
}

impl From<Box<Refused>> for Refusal {
    fn from(refused: Box<Refused>) -> Self {
        let Refused { error, child } = *refused;
        Refusal { error, child: Some(child) }
    }
}
