//! Who explores what: the parts of the tree, those that are finished and those that are not.
//!
//! A [`Unit`] is a subtree with what was found in it so far. Whoever is idle takes one; who has much left gives the later half of
//! it away as units of their own. So at each moment the units divide the tree in its order, and what they found adds up to the same
//! whoever made them: also when the search ends with the first violation, since the units after it are not counted.
//!
//! # Invariants
//! * In the order of keys, what a unit has explored and has left comes before all of the next unit.
//! * Finished neighbours are one unit: the ledger does not grow with the search.

use serde::{Deserialize, Serialize};

use super::predict::Start;
use super::totals::{Found, Totals};
use super::tree::{Key, Tree};

/// A part of the tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) tree: Tree,
    pub(crate) totals: Totals,
    /// The first violation in it.
    pub(crate) found: Option<(Key, Found)>,
    /// Which part of a division into shards it belongs to.
    pub(crate) part: u32,
}

impl Unit {
    pub(crate) fn new(tree: Tree, part: u32) -> Self {
        Unit { tree, totals: Totals::default(), found: None, part }
    }
}

/// All units of a search.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    units: Vec<Unit>,
}

impl Ledger {
    /// The whole tree, unexplored.
    pub(crate) fn whole() -> Self {
        Ledger { units: vec![Unit::new(Tree::whole(), 0)] }
    }

    /// A ledger of these units.
    pub(crate) fn of(units: Vec<Unit>) -> Self {
        let mut ledger = Ledger { units: Vec::new() };
        for unit in units {
            ledger.put(unit);
        }
        ledger
    }

    /// The units in the order of the tree.
    pub(crate) fn into_units(self) -> Vec<Unit> {
        self.units
    }

    /// Takes the first unit that has something left, unless it comes after this key.
    pub(crate) fn take(&mut self, before: Option<&Key>) -> Option<Unit> {
        let open = |unit: &Unit| !unit.tree.is_empty();
        let at = self.units.iter().position(open)?;
        if before.is_some_and(|before| self.units[at].tree.key() > before) {
            return None;
        }
        Some(self.units.remove(at))
    }

    /// Puts a unit in its place.
    pub(crate) fn put(&mut self, unit: Unit) {
        let at = self.units.partition_point(|each| each.tree.key() < unit.tree.key());
        self.units.insert(at, unit);
    }

    /// Makes one unit of finished neighbours. Only while no unit is taken: it would be a neighbour, too.
    pub(crate) fn merge_finished(&mut self) {
        let mut merged: Vec<Unit> = Vec::new();
        for unit in self.units.drain(..) {
            match merged.last_mut() {
                Some(last)
                    if last.part == unit.part
                        && last.found.is_none()
                        && last.tree.is_empty()
                        && unit.tree.is_empty() =>
                {
                    last.totals.add(&unit.totals);
                    last.found = unit.found;
                }
                _ => merged.push(unit),
            }
        }
        self.units = merged;
    }

    /// The sum of the units up to the first violation if it ends the search, and that violation.
    pub(crate) fn sum(&self, violations_end_it: bool) -> (Totals, Option<Found>) {
        let mut totals = Totals::default();
        let mut first = None;
        for unit in &self.units {
            totals.add(&unit.totals);
            if let Some((_, found)) = &unit.found
                && first.is_none()
            {
                first = Some(found.clone());
                if violations_end_it {
                    break;
                }
            }
        }
        (totals, first)
    }

    /// The subtrees that are left, to be drawn from.
    pub(crate) fn starts(&self) -> Vec<Start> {
        self.units.iter().flat_map(|unit| unit.tree.starts()).collect()
    }

    /// Whether something is left before this key, or at all.
    pub(crate) fn is_open(&self, before: Option<&Key>) -> bool {
        let open = self.units.iter().find(|unit| !unit.tree.is_empty());
        open.is_some_and(|unit| before.is_none_or(|before| unit.tree.key() < before))
    }

    /// The key of the first violation.
    pub(crate) fn first_found(&self) -> Option<Key> {
        let found = self.units.iter().find_map(|unit| unit.found.as_ref());
        found.map(|(key, _)| key.clone())
    }
}
