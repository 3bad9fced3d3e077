//! The lanes as SVG.
//!
//! All rows are in it, and folded ones are not displayed: the page shows them and moves the rest. What it needs to do so
//! stands in `data-` attributes. From below: the lanes' lines, arrows, rows.

use std::ops::Range;

use graphlock_harness::trace::{Kind, Line, LinkKind, Row, Trace};
use maud::{Markup, PreEscaped, html};

use super::layout::{Layout, offset};

/// The kinds of arrows: the word for CSS, and what it says.
pub(super) const ARROWS: [(LinkKind, &str, &str); 4] = [
    (LinkKind::Wake, "wake", "wakes"),
    (LinkKind::HandOver, "hand-over", "hands over a lock"),
    (LinkKind::ReadsFrom, "reads-from", "value is read"),
    (LinkKind::Life, "life", "begins or joins"),
];

/// The height of the tasks' names.
const HEAD: usize = 34;

fn word(kind: LinkKind) -> &'static str {
    ARROWS.iter().find(|each| each.0 == kind).map_or("", |each| each.1)
}

/// The heads of the arrows: the colour is that of the arrow. They stand in an SVG of their own, for all others.
pub(super) fn heads() -> Markup {
    let names = ARROWS.iter().map(|each| each.1).chain(["edge"]);
    html! {
        svg.defs width="0" height="0" aria-hidden="true" {
            defs {
                @for name in names {
                    marker id=(format!("head-{name}")) class=(format!("head {name}")) viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" markerUnits="userSpaceOnUse" {
                        path d="M0 0L8 4L0 8z" {}
                    }
                }
            }
        }
    }
}

/// The tasks' names above their lanes.
pub(super) fn names(trace: &Trace, layout: &Layout) -> Markup {
    html! {
        svg.names width=(layout.width) height=(HEAD) viewBox=(format!("0 0 {} {HEAD}", layout.width)) aria-hidden="true" {
            @for (task, name) in trace.tasks.iter().enumerate().filter(|(task, _)| layout.lanes[*task].is_some()) {
                circle cx=(layout.lane(task)) cy="20" r="4" {}
                text x=(layout.text_x(task)) y="24" { (name) }
            }
        }
    }
}

/// The lanes.
pub(super) fn lanes(trace: &Trace, layout: &Layout) -> Markup {
    let (width, height) = (layout.width, layout.height);
    html! {
        svg #lanes width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) role="group" aria-label="Steps of the execution, one column for each task" {
            g.spans aria-hidden="true" { (spans(trace, layout)) }
            g.arrows aria-hidden="true" { (arrows(trace, layout)) }
            (rows(trace, layout))
        }
    }
}

fn spans(trace: &Trace, layout: &Layout) -> Markup {
    html! {
        @for span in &layout.spans {
            @let x = layout.lane(span.task);
            @let ends = layout.ends(*span);
            @let (from, to) = ends.unwrap_or_default();
            path class=(if span.waits { "waits" } else { "works" }) data-from=(span.from) data-to=[span.to] d=(format!("M{x} {from}V{to}")) display=[ends.is_none().then_some("none")] {}
        }
        @for span in layout.spans.iter().filter(|span| span.to.is_none()) {
            @let (x, y) = (layout.lane(span.task), layout.height - layout.measures.end + 10);
            g.never transform=(format!("translate({x} {y})")) {
                path d="M-5 -5L5 5M-5 5L5 -5" {}
                text x="13" y="5" { (never(trace, span.from)) }
            }
        }
    }
}

/// Why a lane ends in a cross.
fn never(trace: &Trace, last: usize) -> &'static str {
    if trace.rows[last].kind == Kind::Sleep { "never woken" } else { "never goes on" }
}

fn arrows(trace: &Trace, layout: &Layout) -> Markup {
    let tracks = layout.tracks(trace);
    let path = |at: usize| {
        let arrow = layout.arrows[at];
        let found = tracks.binary_search_by_key(&arrow, |each| each.0);
        found.ok().map(|found| layout.path(trace, arrow, tracks[found].1))
    };
    html! {
        @for (at, arrow) in layout.arrows.iter().enumerate() {
            @let word = word(arrow.kind);
            @let path = path(at);
            path class=(format!("arrow {word}")) data-from=(arrow.from) data-to=(arrow.to) data-offset=(offset(arrow.kind)) display=[path.is_none().then_some("none")] d=[path] marker-end=(format!("url(#head-{word})")) {}
        }
    }
}

fn rows(trace: &Trace, layout: &Layout) -> Markup {
    let mut folds = 0;
    html! {
        @for line in &layout.lines {
            @match line {
                Line::Row(number) => (row(trace, layout, *number)),
                Line::Fold(rows) => {
                    (fold(trace, layout, rows, layout.folds[folds], { folds += 1; folds - 1 }))
                    @for number in rows.clone() { (row(trace, layout, number)) }
                }
            }
        }
    }
}

fn row(trace: &Trace, layout: &Layout, number: usize) -> Markup {
    let row = &trace.rows[number];
    let text = &layout.rows[number];
    let m = &layout.measures;
    let middle = m.gap + m.text / 2;
    let baseline = m.gap + m.text - 4;
    let top = layout.tops[number];
    let name = &trace.tasks[row.task];
    let x = layout.text_x(row.task);
    html! {
        g class=(format!("row {}", format!("{:?}", row.kind).to_lowercase())) id=(format!("r{}", number + 1)) data-row=(number) aria-label=(format!("Row {}, {name}: {} {}", number + 1, row.text, text.place)) transform=(format!("translate(0 {})", top.unwrap_or(0))) display=[top.is_none().then_some("none")] {
            rect.band width=(layout.width) height=(layout.height_of(number)) {}
            text.number x=(layout.number_x) y=(baseline) { (number + 1) }
            g transform=(format!("translate({} {middle})", layout.lane(row.task))) { (dot(row)) }
            text.what {
                @for (part, line) in text.lines.iter().enumerate() {
                    tspan x=(x) y=(baseline + part * m.text) { (line) }
                }
            }
            text.place x=(layout.place_x) y=(baseline) { (text.place) }
        }
    }
}

/// The symbol of a kind of row. The text says it, too.
fn dot(row: &Row) -> Markup {
    let path = match row.kind {
        Kind::Write | Kind::Update => return PreEscaped("<circle r=\"4\"/>".to_owned()),
        Kind::Read | Kind::Refused => {
            return PreEscaped("<circle class=\"hollow\" r=\"3.5\"/>".to_owned());
        }
        Kind::Lock => "M-4 -4H4V4H-4z",
        Kind::Unlock | Kind::Sleep => {
            return html! { path.hollow d="M-3.5 -3.5H3.5V3.5H-3.5z" {} };
        }
        Kind::Resume | Kind::Notify => "M-4 -4.5L5 0L-4 4.5z",
        Kind::Broken | Kind::Planted => "M0 -6L6 0L0 6L-6 0z",
        _ => return PreEscaped("<circle class=\"small\" r=\"2.5\"/>".to_owned()),
    };
    html! { path d=(path) {} }
}

fn fold(trace: &Trace, layout: &Layout, rows: &Range<usize>, top: usize, number: usize) -> Markup {
    let height = layout.measures.fold;
    let counts: Vec<(usize, usize)> = (0..trace.tasks.len())
        .map(|task| (task, trace.rows[rows.clone()].iter().filter(|row| row.task == task).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    let steps =
        |count: usize| if count == 1 { "1 step".to_owned() } else { format!("{count} steps") };
    let label = format!("Rows {} to {}, folded", rows.start + 1, rows.end);
    html! {
        g.fold data-fold=(number) aria-label=(label) transform=(format!("translate(0 {top})")) {
            rect.band width=(layout.width) height=(height) {}
            g transform=(format!("translate({} {})", layout.number_x - 5, height / 2)) {
                path.triangle d="M-3 -5L4 0L-3 5z" {}
            }
            @for (task, count) in counts {
                text x=(layout.text_x(task)) y=(height / 2 + 4) { (steps(count)) }
            }
        }
    }
}
