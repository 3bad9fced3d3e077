//! What `page.js` is told: the rows, their order, and the sizes of the drawing, as JSON inside the page.
//!
//! Only what cannot be read from the drawing. States are not in it: the page goes through the changes from the first row
//! on, which takes no time, where the states of all rows would take much place.
//!
//! Invariant: the text holds no `<`, so that nothing in it can end the element that it stands in.

use graphlock_harness::trace::{Causality, Change, Kind, Line, LinkKind, Trace};
use serde::Serialize;

use super::layout::{Layout, Measures};

#[derive(Debug, Serialize)]
struct Data<'a> {
    tasks: &'a [String],
    rows: Vec<RowData<'a>>,
    links: Vec<(usize, usize, LinkKind)>,
    /// First and last row of each fold, the last excluded.
    folds: Vec<(usize, usize)>,
    /// The tasks that cannot go on at the end.
    stuck: Vec<usize>,
    measures: &'a Measures,
}

#[derive(Debug, Serialize)]
struct RowData<'a> {
    task: usize,
    kind: Kind,
    text: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    location: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutex: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "<[usize]>::is_empty")]
    others: &'a [usize],
    #[serde(skip_serializing_if = "<[Change]>::is_empty")]
    changes: &'a [Change],
    /// What of the task's clock is new since its row before: task and entry.
    clock: Vec<(usize, u32)>,
    /// Lines of text in the drawing.
    lines: usize,
}

/// The JSON text.
pub(super) fn json(trace: &Trace, order: &Causality, layout: &Layout) -> String {
    let mut known: Vec<Vec<u32>> = vec![vec![0; trace.tasks.len()]; trace.tasks.len()];
    let rows = trace.rows.iter().enumerate().map(|(number, row)| {
        let clock = &order.clocks[number];
        let known = &mut known[row.task];
        let news = (0..clock.len()).filter(|task| clock[*task] != known[*task]);
        let news = news.map(|task| (task, clock[task])).collect();
        known.clone_from(clock);
        RowData {
            task: row.task,
            kind: row.kind,
            text: &row.text,
            location: &row.location,
            object: row.object.as_deref(),
            mutex: row.mutex.as_deref(),
            value: row.value.as_deref(),
            others: &row.others,
            changes: &row.changes,
            clock: news,
            lines: layout.rows[number].lines.len(),
        }
    });
    let folds = layout.lines.iter().filter_map(|line| match line {
        Line::Row(_) => None,
        Line::Fold(rows) => Some((rows.start, rows.end)),
    });
    let data = Data {
        tasks: &trace.tasks,
        rows: rows.collect(),
        links: order.links.iter().map(|link| (link.from, link.to, link.kind)).collect(),
        folds: folds.collect(),
        stuck: trace.ending.waits.iter().map(|waiting| waiting.task).collect(),
        measures: &layout.measures,
    };
    serde_json::to_string(&data).expect("names and numbers").replace('<', "\\u003c")
}
