//! Which rows of a trace are drawn, and which are folded to a count.
//!
//! Each row has a rank: what the verdict names comes first, then what the code says in the words of the protocol, then
//! what tasks do to each other and see of each other. Ranks are drawn as long as there is place for all of a rank; of the
//! first one that does not fit, the rows nearest to the end. The rest is only there to fill a short drawing: reads that
//! have told nothing new, cases, lives of tasks. What concerns one task alone is folded.
//!
//! # Invariants
//! * The last row of each task that took a step after the setup is drawn.
//! * A fold has at least two rows: one row takes no more place than its count.
//! * The setup (all before a second task takes a step) is ranked behind everything else of the same kind.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Causality, Kind, LinkKind, Row, Trace};

/// One line of a drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// This row.
    Row(usize),
    /// These rows are folded. No task among them waits there and is drawn doing so.
    Fold(Range<usize>),
}

/// The rank of what nobody needs to see.
const FOLDED: u8 = 7;

/// From this rank on, rows only fill up a short drawing, which has so many lines.
const FILLING: u8 = 4;
const SHORT: usize = 15;

/// How much later the setup is drawn than the rest.
const OF_SETUP: u8 = 3;

/// The lines of a drawing of at most `rows_max` lines, if what the verdict names fits into them.
#[must_use]
pub fn fold(trace: &Trace, order: &Causality, rows_max: usize) -> Vec<Line> {
    let ranks = ranks(trace, order);
    let mut drawn = vec![false; trace.rows.len()];
    for rank in 0..FOLDED {
        let mut wanted: Vec<usize> = (0..ranks.len()).filter(|row| ranks[*row] == rank).collect();
        let before = drawn.clone();
        wanted.iter().for_each(|row| drawn[*row] = true);
        let most = if rank < FILLING { rows_max } else { rows_max.min(SHORT) };
        if lines(&drawn).len() <= most || rank == 0 {
            continue;
        }
        drawn = before;
        while let Some(row) = wanted.pop() {
            drawn[row] = true;
            if lines(&drawn).len() > most {
                drawn[row] = false;
            }
        }
    }
    lines(&drawn)
}

/// What is drawn, with the rest folded.
fn lines(drawn: &[bool]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut row = 0;
    while row < drawn.len() {
        let end = (row..drawn.len()).find(|each| drawn[*each]).unwrap_or(drawn.len());
        match end - row {
            0 => {}
            1 => lines.push(Line::Row(row)),
            _ => lines.push(Line::Fold(row..end)),
        }
        if end < drawn.len() {
            lines.push(Line::Row(end));
        }
        row = end + 1;
    }
    lines
}

/// The rank of each row: 0 is always drawn.
fn ranks(trace: &Trace, order: &Causality) -> Vec<u8> {
    let setup = end_of_setup(trace);
    let shared = shared_objects(trace, setup);
    let read_elsewhere: BTreeSet<usize> = order
        .links
        .iter()
        .filter(|link| matches!(link.kind, LinkKind::ReadsFrom | LinkKind::Wake))
        .flat_map(|link| [link.from, link.to])
        .collect();
    let mut ranks: Vec<u8> = trace
        .rows
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let object = row.object.as_deref();
            let is_shared = object.is_some_and(|object| shared.contains(object));
            let rank = match row.kind {
                Kind::Broken | Kind::Planted => 0,
                Kind::Say if is_idle_kick(trace, row) => FILLING + 2,
                Kind::Say => 1,
                Kind::Sleep | Kind::Resume => 2,
                Kind::Notify if !row.others.is_empty() => 2,
                Kind::Write | Kind::Update if is_shared => 2,
                Kind::Read | Kind::Refused if read_elsewhere.contains(&number) => 3,
                Kind::Begin => 3,
                Kind::Read | Kind::Refused if is_shared => FILLING,
                Kind::Choice => FILLING,
                Kind::Read | Kind::Refused => FILLING + 1,
                Kind::Case | Kind::Spawn | Kind::Join | Kind::End => FILLING + 2,
                _ => FOLDED,
            };
            if number < setup && rank > 0 { (rank + OF_SETUP).min(FOLDED) } else { rank }
        })
        .collect();
    named_by_verdict(trace, setup, &mut ranks);
    only_the_last_planted(trace, &mut ranks);
    ranks
}

/// A bug that is planted in a loop is met many times; the last one of a task is the one that counts.
fn only_the_last_planted(trace: &Trace, ranks: &mut [u8]) {
    let mut seen = BTreeSet::new();
    for (number, row) in trace.rows.iter().enumerate().rev() {
        if row.kind == Kind::Planted && !seen.insert((row.task, &row.text)) {
            ranks[number] = FILLING;
        }
    }
}

/// Who kicks his own loop, and finds that it does not wait, tells nothing.
fn is_idle_kick(trace: &Trace, row: &Row) -> bool {
    let kick = format!("kicks {}: ", trace.tasks[row.task]);
    row.text.starts_with(&kick)
}

/// What the verdict points at is drawn, and where each task ends up.
fn named_by_verdict(trace: &Trace, setup: usize, ranks: &mut [u8]) {
    for waiting in &trace.ending.waits {
        let begun = waiting.within.iter().map(|(_, row)| *row);
        waiting.since.into_iter().chain(begun).for_each(|row| ranks[row] = 0);
    }
    let mut last = BTreeMap::new();
    for (number, row) in trace.rows.iter().enumerate().skip(setup) {
        last.insert(row.task, number);
    }
    last.into_values().for_each(|row| ranks[row] = 0);
}

/// The first row of a second task, or 0 if there is none.
fn end_of_setup(trace: &Trace) -> usize {
    trace.rows.iter().position(|row| row.task != trace.rows[0].task).unwrap_or(0)
}

/// Objects that more than one task touches after the setup, one of them by writing.
fn shared_objects(trace: &Trace, setup: usize) -> BTreeSet<&str> {
    let mut of: BTreeMap<&str, (BTreeSet<usize>, bool)> = BTreeMap::new();
    for row in &trace.rows[setup..] {
        let atomic = matches!(row.kind, Kind::Read | Kind::Write | Kind::Update);
        if let Some(object) = row.object.as_deref().filter(|_| atomic) {
            let (tasks, written) = of.entry(object).or_default();
            tasks.insert(row.task);
            *written |= row.kind != Kind::Read;
        }
    }
    of.into_iter()
        .filter(|(_, (tasks, written))| tasks.len() > 1 && *written)
        .map(|it| it.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Waiting;

    fn trace(rows: &[(usize, Kind, &str)]) -> Trace {
        let row = |(task, kind, object): &(usize, Kind, &str)| Row {
            object: (!object.is_empty()).then(|| (*object).to_owned()),
            ..Row::new(*task, *kind, format!("{kind:?}"), String::new())
        };
        Trace {
            tasks: vec!["main".to_owned(), "other".to_owned()],
            rows: rows.iter().map(row).collect(),
            ..Trace::default()
        }
    }

    fn folded(trace: &Trace, rows_max: usize) -> Vec<Line> {
        fold(trace, &Causality::of(trace), rows_max)
    }

    #[test]
    fn what_concerns_one_task_alone_is_folded() {
        use Kind::{Fence, Lock, Read, Unlock, Write};
        let trace = trace(&[
            (0, Lock, "a"),
            (0, Unlock, "a"),
            (1, Write, "x"),
            (1, Lock, "b"),
            (1, Unlock, "b"),
            (1, Fence, ""),
            (0, Read, "x"),
            (0, Write, "own"),
            (1, Read, "x"),
        ]);
        let expected = [
            Line::Fold(0..2),
            Line::Row(2),
            Line::Fold(3..6),
            Line::Row(6),
            Line::Row(7),
            Line::Row(8),
        ];
        assert_eq!(folded(&trace, 40), expected);
    }

    #[test]
    fn what_the_verdict_names_is_drawn_in_however_few_lines() {
        use Kind::{Say, Sleep};
        let mut rows = vec![(0, Sleep, "c"), (1, Say, "")];
        rows.extend([(0, Say, ""); 50]);
        rows.push((1, Say, ""));
        let mut trace = trace(&rows);
        let waiting = Waiting::new(0, String::new(), "", String::new());
        trace.ending.waits.push(Waiting { since: Some(0), ..waiting });
        let lines = folded(&trace, 5);
        assert!(lines.len() <= 5, "{lines:?}");
        for row in [0, 51, 52] {
            assert!(lines.contains(&Line::Row(row)), "{row}: {lines:?}");
        }
    }
}
