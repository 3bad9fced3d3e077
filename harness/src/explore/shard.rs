//! A search in parts that share nothing.
//!
//! Every shard explores the top of the tree, below nodes that seem to have much below them, until it has enough subtrees to
//! deal them out; each then goes on with its own. The top and the estimates are the same everywhere, so nobody has to tell
//! anybody. The executions of the top are dealt out, too: the shards add up to the whole.

use super::checkpoint::CheckpointError;
use super::estimate::{Estimator, SEED};
use super::ledger::{Ledger, Unit};
use super::maker::{Maker, Outcome};
use super::predict::{self, Start};
use super::runner::Body;
use super::tree::{Branch, Key, Tree};
use crate::scenario::{Check, Shard};

/// Subtrees for each shard: what is said of their sizes is rough, so one each would not do.
const PARTS_PER_SHARD: usize = 64;

/// How often the sizes of all parts are estimated.
const ROUNDS: usize = 12;

/// A subtree that is to be dealt out, or that one more execution divides.
struct Part {
    key: Key,
    start: Start,
}

/// The units of one shard.
pub(crate) fn ledger(shard: Shard, check: &Check, body: &Body) -> Ledger {
    let enough = PARTS_PER_SHARD * shard.count as usize;
    let mut estimator = Estimator::new(check, body, SEED);
    let mut maker = Maker::of_tree(check, body);
    let mut top = Vec::new();
    let start = Start { branch: Branch::default(), depth: 0, features: None };
    let mut open = vec![Part { key: Key::new(), start }];
    for _ in 0..ROUNDS {
        let sizes = estimator.sizes(open.iter().map(|part| part.start.clone()).collect());
        let large = sizes.iter().sum::<f64>() / enough as f64;
        let mut next = Vec::new();
        for (part, size) in open.into_iter().zip(sizes) {
            if size < large {
                next.push(part);
                continue;
            }
            match divide(part, check, &mut maker) {
                Some((unit, children)) => {
                    top.push(unit);
                    next.extend(children);
                }
                // The search will find it again and say so.
                None => return Ledger::whole(),
            }
        }
        open = next;
    }
    let sizes = estimator.sizes(open.iter().map(|part| part.start.clone()).collect());
    let rest = open.into_iter().map(|part| Unit::new(Tree::new(part.key, part.start.branch), 0));
    dealt(
        top.into_iter().map(|unit| (1.0, unit)).chain(sizes.into_iter().zip(rest)).collect(),
        shard,
    )
}

/// Makes the first execution of a part: what it counts for, and the parts below it. `None` if the body is not
/// deterministic.
fn divide(part: Part, check: &Check, maker: &mut Maker<'_>) -> Option<(Unit, Vec<Part>)> {
    let mut unit = Unit::new(Tree::finished(part.key.clone()), 0);
    maker.begin_part();
    let (outcome, made) = maker.make_branch(part.start.branch, &mut unit.totals);
    match outcome {
        Outcome::Fine => {}
        Outcome::Found(found) => unit.found = Some((part.key.clone(), found)),
        Outcome::NotDeterministic(_) => return None,
    }
    if unit.found.is_some() && !check.keep_going {
        return Some((unit, Vec::new()));
    }
    let depth = part.start.depth;
    let children = predict::children(&made, depth).zip(0..).map(|(start, number)| {
        let mut key = part.key.clone();
        key.push(number);
        Part { key, start }
    });
    Some((unit, children.collect()))
}

/// The units that this shard gets: the largest first, each goes to the shard that has least.
fn dealt(mut units: Vec<(f64, Unit)>, shard: Shard) -> Ledger {
    let key = |unit: &Unit| unit.tree.key().clone();
    units.sort_by(|(one, unit), (other, next)| {
        other.total_cmp(one).then_with(|| key(unit).cmp(&key(next)))
    });
    let mut loads = vec![0.0_f64; shard.count as usize];
    let mut own = Vec::new();
    for ((guess, unit), part) in units.into_iter().zip(0..) {
        let least = (0..loads.len()).min_by(|one, other| loads[*one].total_cmp(&loads[*other]));
        let least = least.expect("there is a shard");
        loads[least] += guess;
        if least + 1 == shard.number as usize {
            own.push(Unit { part, ..unit });
        }
    }
    Ledger::of(own)
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
