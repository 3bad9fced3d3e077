//! A search in parts that share nothing.
//!
//! Every shard explores the top of the tree, level by level, until it has enough subtrees to deal them out; each then
//! goes on with its own. The top is the same everywhere, so nobody has to tell anybody. What one execution of
//! the top counts for is dealt out, too: the shards add up to the whole.

use std::collections::VecDeque;

use super::checkpoint::CheckpointError;
use super::ledger::{Ledger, Unit};
use super::maker::{Maker, Outcome};
use super::runner::Body;
use super::tree::{Branch, Key, Tree};
use crate::scenario::{Check, Shard};

/// Subtrees for each shard: they differ in size, so one each would not do.
const PARTS_PER_SHARD: usize = 2048;

/// The units of one shard.
pub(crate) fn ledger(shard: Shard, check: &Check, body: &Body) -> Ledger {
    let enough = PARTS_PER_SHARD * shard.count as usize;
    let mut maker = Maker::of_tree(check, body);
    let mut top = Vec::new();
    let mut open = VecDeque::from([(Key::new(), Branch::default(), 1.0)]);
    while open.len() < enough && top.len() < 2 * enough {
        let Some((key, branch, share)) = open.pop_front() else { break };
        let tree = Tree::new(key.clone(), Branch::default(), 0.0).without_rest();
        let mut unit = Unit::new(tree, 0);
        let (outcome, made) = maker.make_branch(branch, &mut unit.totals);
        match outcome {
            Outcome::Fine => {}
            Outcome::Found(found) => unit.found = Some((key.clone(), found)),
            // The search will find it again and say so.
            Outcome::NotDeterministic(_) => return Ledger::whole(),
        }
        if unit.found.is_none() || check.keep_going {
            let share = share / made.children.len() as f64;
            for (child, number) in made.children.into_iter().zip(0..) {
                let mut own = key.clone();
                own.push(number);
                let branch = Branch::of(child, &made.schedule.choices, &made.pins);
                open.push_back((own, branch, share));
            }
        }
        top.push(unit);
    }
    let rest =
        open.into_iter().map(|(key, branch, share)| Unit::new(Tree::new(key, branch, share), 0));
    let mut parts: Vec<Unit> = top.into_iter().chain(rest).collect();
    parts.sort_by(|one, other| one.tree.key().cmp(other.tree.key()));
    let own = parts.into_iter().zip(0..).filter(|(_, part)| part % shard.count == shard.number - 1);
    Ledger::of(own.map(|(unit, part)| Unit { part, ..unit }).collect())
}

/// The ledger of all shards together.
///
/// # Errors
/// If one is missing, or there twice, or they are of different divisions.
pub(crate) fn merge(shards: Vec<(Shard, Ledger)>) -> Result<Ledger, CheckpointError> {
    let count = shards.first().map_or(0, |(shard, _)| shard.count);
    let mut numbers: Vec<u32> = shards.iter().map(|(shard, _)| shard.number).collect();
    numbers.sort_unstable();
    let other = shards.iter().any(|(shard, _)| shard.count != count);
    if other || numbers != (1..=count).collect::<Vec<u32>>() {
        let found: Vec<String> = shards.iter().map(|(shard, _)| shard.to_string()).collect();
        return Err(CheckpointError::Shards { found: found.join(", "), count });
    }
    let units = shards.into_iter().flat_map(|(_, ledger)| ledger.into_units());
    Ok(Ledger::of(units.collect()))
}
