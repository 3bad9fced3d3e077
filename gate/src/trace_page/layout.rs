//! Where everything stands in the drawing, in pixels.
//!
//! A lane is a vertical line with a dot for each row, the row's text to the right of it, and a gutter to the left in which
//! arrows go down. Above the text of each row is a gap in which arrows go sideways. So an arrow leaves its dot to the left,
//! goes down in the gutter of its own lane, sideways in the gap above the row it ends at, and into that row's dot from
//! above: it never crosses a text.
//!
//! # Cases
//! * A row that is drawn has its place; a folded one has the place of its fold, so that waits can be drawn across it.
//! * An arrow is drawn if both its rows are; a wake also from and to folds, for it ends a wait that is drawn.
//! * Several arrows from one row share a track of the gutter; what is drawn at the same height has another track, as
//!   long as there is one.
//!
//! `page.js` does the same again when somebody folds or unfolds: with the numbers of [`Measures`], which it is given.
//! `gate/tests/trace_page.rs` compares the two.

use std::ops::Range;

use graphlock_harness::trace::{Causality, Kind, Line, LinkKind, Trace};
use serde::Serialize;

/// Sizes, the same for each drawing but for the lanes.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measures {
    /// A line of text.
    pub(super) text: usize,
    /// Above the text of a row, for arrows.
    pub(super) gap: usize,
    /// How far below the top of a fold arrows go sideways.
    pub(super) in_fold: usize,
    /// Below it.
    pub(super) below: usize,
    /// A fold.
    pub(super) fold: usize,
    /// From a lane's line to the first track, and from track to track.
    pub(super) track: usize,
    /// How many tracks a gutter has.
    pub(super) tracks: usize,
    /// Between the last row and the end of the drawing: crosses stand here.
    pub(super) end: usize,
    /// The radius of corners.
    pub(super) corner: usize,
}

/// The width of a character of the drawing's font: no common fixed font is wider at its size.
pub(super) const CHARACTER: f32 = 7.3;

/// From a lane's line to its text.
const TO_TEXT: usize = 13;

/// What lanes share where there are few of them, and the narrowest and the widest text of one.
const LANES_WIDTH: usize = 600;
const LANE_CHARACTERS: Range<usize> = 20..46;

/// What is drawn of one row.
#[derive(Clone, Debug)]
pub(super) struct RowText {
    /// The text, broken to the width of a lane.
    pub(super) lines: Vec<String>,
    /// `file.rs:12`.
    pub(super) place: String,
}

/// An arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: LinkKind,
}

/// A piece of a lane's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) task: usize,
    pub(super) from: usize,
    /// The row that ends it; none if nothing does.
    pub(super) to: Option<usize>,
    pub(super) waits: bool,
}

/// A drawing.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) measures: Measures,
    pub(super) lines: Vec<Line>,
    pub(super) rows: Vec<RowText>,
    /// For each task the x of its line; none if it has no row.
    pub(super) lanes: Vec<Option<usize>>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) spans: Vec<Span>,
    /// The right end of row numbers, the left end of places, and of all.
    pub(super) number_x: usize,
    pub(super) place_x: usize,
    pub(super) width: usize,
    /// The height of all.
    pub(super) height: usize,
    /// For each row: its top, if it is drawn, and the y of its dot.
    pub(super) tops: Vec<Option<usize>>,
    pub(super) dots: Vec<usize>,
    /// For each fold its top.
    pub(super) folds: Vec<usize>,
}

impl Layout {
    /// The layout of a trace, folded like this.
    pub(super) fn of(trace: &Trace, order: &Causality, lines: Vec<Line>) -> Layout {
        let tasks = trace.tasks.len();
        let has_row = |task: usize| trace.rows.iter().any(|row| row.task == task);
        let lanes: Vec<usize> = (0..tasks).filter(|task| has_row(*task)).collect();
        let arrows = arrows(order);
        let measures = Measures {
            text: 16,
            gap: 10,
            in_fold: 2,
            below: 3,
            fold: 24,
            track: 7,
            tracks: 1,
            end: 34,
            corner: 4,
        };
        let mut layout = Layout {
            lines,
            rows: Vec::new(),
            lanes: vec![None; tasks],
            spans: spans(trace),
            number_x: 12 + pixels(trace.rows.len().to_string().len()),
            place_x: 0,
            width: 0,
            height: 0,
            tops: Vec::new(),
            dots: Vec::new(),
            folds: Vec::new(),
            arrows,
            measures,
        };
        layout.rows = trace.rows.iter().map(|row| row_text(row, LANE_CHARACTERS.end)).collect();
        layout.place();
        layout.measures.tracks = layout.tracks_wanted(trace).clamp(2, 9);
        let gutter = layout.measures.track * (layout.measures.tracks + 1);
        let count = lanes.len().max(1);
        let room = (LANES_WIDTH / count).saturating_sub(gutter + TO_TEXT);
        let characters = (room as f32 / CHARACTER) as usize;
        let characters = characters.clamp(LANE_CHARACTERS.start, LANE_CHARACTERS.end);
        let mut x = layout.number_x + 8;
        for task in lanes {
            layout.lanes[task] = Some(x + gutter);
            x += gutter + TO_TEXT + pixels(characters) + 8;
        }
        layout.place_x = x;
        layout.rows = trace.rows.iter().map(|row| row_text(row, characters)).collect();
        let places = layout.rows.iter().map(|row| row.place.chars().count()).max();
        layout.width = x + pixels(places.unwrap_or(0)) + 12;
        layout.place();
        layout
    }

    /// The height of a row with so many lines of text.
    pub(super) fn height_of(&self, row: usize) -> usize {
        self.measures.gap + self.rows[row].lines.len() * self.measures.text + self.measures.below
    }

    /// The x of a task's text.
    pub(super) fn text_x(&self, task: usize) -> usize {
        self.lane(task) + TO_TEXT
    }

    /// The x of a task's line.
    pub(super) fn lane(&self, task: usize) -> usize {
        self.lanes[task].expect("who has a row has a lane")
    }

    /// Gives each row and each fold its place.
    fn place(&mut self) {
        let mut y = 4;
        (self.tops, self.dots, self.folds) = Default::default();
        for line in self.lines.clone() {
            match line {
                Line::Row(row) => {
                    self.tops.push(Some(y));
                    self.dots.push(y + self.measures.gap + self.measures.text / 2);
                    y += self.height_of(row);
                }
                Line::Fold(rows) => {
                    self.folds.push(y);
                    self.tops.extend(rows.clone().map(|_| None));
                    self.dots.extend(rows.map(|_| y + self.measures.fold / 2));
                    y += self.measures.fold;
                }
            }
        }
        self.height = y + self.measures.end;
    }

    /// Whether an arrow can be drawn now: between rows that are drawn. A wake is shown from and to folds, too.
    fn is_shown(&self, arrow: Arrow) -> bool {
        let drawn = |row: usize| self.tops[row].is_some();
        match arrow.kind {
            LinkKind::Wake => self.dots[arrow.from] < self.dots[arrow.to],
            _ => drawn(arrow.from) && drawn(arrow.to),
        }
    }

    /// Each arrow that can be drawn now, and its track.
    pub(super) fn tracks(&self, trace: &Trace) -> Vec<(Arrow, usize)> {
        // For each lane and track: the height at which what is in it begins and ends.
        let mut used: Vec<Vec<(usize, usize)>> = vec![Vec::new(); trace.tasks.len()];
        let mut tracks = Vec::new();
        for arrow in self.arrows.iter().copied().filter(|arrow| self.is_shown(*arrow)) {
            let (begin, end) = (self.dots[arrow.from], self.dots[arrow.to]);
            let lane = &mut used[trace.rows[arrow.from].task];
            let own = lane.iter().position(|each| each.0 == begin);
            let free = || lane.iter().position(|each| each.1 <= begin);
            let track = own.or_else(free).unwrap_or(lane.len());
            if track == lane.len() {
                lane.push((begin, end));
            } else {
                let before = if own.is_some() { lane[track].1 } else { end };
                lane[track] = (begin, end.max(before));
            }
            tracks.push((arrow, track));
        }
        tracks
    }

    fn tracks_wanted(&self, trace: &Trace) -> usize {
        self.tracks(trace).iter().map(|(_, track)| track + 1).max().unwrap_or(0)
    }

    /// The path of an arrow in this track.
    pub(super) fn path(&self, trace: &Trace, arrow: Arrow, track: usize) -> String {
        let m = &self.measures;
        let (x, y) = (self.lane(trace.rows[arrow.from].task), self.dots[arrow.from]);
        let to_x = self.lane(trace.rows[arrow.to].task);
        let down = x - m.track * (track.min(m.tracks - 1) + 1);
        let across = match self.tops[arrow.to] {
            Some(top) => top + offset(arrow.kind),
            None => self.dots[arrow.to] - m.fold / 2 + m.in_fold,
        };
        let corner = m.corner;
        let (turned, before) = if to_x > down {
            (down + corner, to_x - corner)
        } else {
            (down - corner, to_x + corner)
        };
        format!(
            "M{x} {y}H{}Q{down} {y} {down} {}V{}Q{down} {across} {turned} {across}H{before}Q{to_x} {across} {to_x} {}V{}",
            down + corner,
            y + corner,
            across - corner,
            across + corner,
            self.dots[arrow.to] - 5,
        )
    }

    /// Where a piece of a lane's line begins and ends; none if a fold hides it.
    pub(super) fn ends(&self, span: Span) -> Option<(usize, usize)> {
        let from = self.dots[span.from];
        let to = span.to.map_or(self.height - self.measures.end + 10, |row| self.dots[row]);
        (from < to).then_some((from, to))
    }
}

/// How far below the top of a row arrows of a kind go sideways.
pub(super) fn offset(kind: LinkKind) -> usize {
    match kind {
        LinkKind::ReadsFrom => 1,
        LinkKind::HandOver => 3,
        LinkKind::Life => 5,
        LinkKind::Wake => 7,
    }
}

fn pixels(characters: usize) -> usize {
    (characters as f32 * CHARACTER).ceil() as usize
}

/// The arrows: one between two rows, the one that tells most.
fn arrows(order: &Causality) -> Vec<Arrow> {
    let mut arrows: Vec<Arrow> = order
        .links
        .iter()
        .map(|link| Arrow { from: link.from, to: link.to, kind: link.kind })
        .collect();
    // In the order of `LinkKind`: a wake tells most.
    arrows.sort_unstable();
    arrows.dedup_by_key(|arrow| (arrow.from, arrow.to));
    arrows
}

/// The pieces of each lane's line: at work, asleep, at work again.
fn spans(trace: &Trace) -> Vec<Span> {
    let mut spans = Vec::new();
    for task in 0..trace.tasks.len() {
        let mut begun: Option<(usize, bool)> = None;
        let mut last = 0;
        for (number, row) in trace.rows.iter().enumerate().filter(|(_, row)| row.task == task) {
            let waits = match row.kind {
                Kind::Sleep => true,
                Kind::Resume => false,
                _ => begun.is_some_and(|(_, waits)| waits),
            };
            match begun {
                Some((from, before)) if before != waits => {
                    spans.push(Span { task, from, to: Some(number), waits: before });
                    begun = Some((number, waits));
                }
                None => begun = Some((number, waits)),
                Some(_) => {}
            }
            last = number;
        }
        let is_stuck = trace.ending.waits.iter().any(|each| each.task == task);
        match begun {
            Some((from, _)) if is_stuck => {
                if from < last {
                    spans.push(Span { task, from, to: Some(last), waits: false });
                }
                spans.push(Span { task, from: last, to: None, waits: true });
            }
            Some((from, waits)) if from < last => {
                spans.push(Span { task, from, to: Some(last), waits });
            }
            _ => {}
        }
    }
    spans
}

fn row_text(row: &graphlock_harness::trace::Row, characters: usize) -> RowText {
    RowText { lines: wrap(&row.text, characters), place: row.place().to_owned() }
}

/// Breaks a text at spaces, or behind a bracket or an underscore, into lines of at most so many characters.
fn wrap(text: &str, characters: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        if !line.is_empty() {
            if line.chars().count() + 1 + word.len() > characters {
                lines.push(std::mem::take(&mut line));
            } else {
                line.push(' ');
            }
        }
        while word.len() > characters {
            let soft = word[..characters].iter().rposition(|each| "_[(/:-.".contains(*each));
            let cut = soft.map_or(characters, |at| at + 1);
            lines.push(word.drain(..cut).collect());
        }
        line.extend(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace_page::tests::handshake;
    use graphlock_harness::trace::fold;

    fn layout(trace: &Trace) -> Layout {
        let order = Causality::of(trace);
        let lines = fold(trace, &order, 40);
        Layout::of(trace, &order, lines)
    }

    #[test]
    fn words_are_broken_where_they_can_be() {
        assert_eq!(
            wrap("wakes the 1 in the reader queue", 20),
            ["wakes the 1 in the", "reader queue"]
        );
        assert_eq!(wrap("queue-woken-outside", 10), ["queue-", "woken-", "outside"]);
        assert_eq!(wrap("abcdefghijkl", 5), ["abcde", "fghij", "kl"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn rows_do_not_overlap_and_arrows_go_down() {
        let trace = handshake();
        let layout = layout(&trace);
        let mut below = 0;
        for row in 0..trace.rows.len() {
            if let Some(top) = layout.tops[row] {
                assert!(top >= below, "row {row}");
                below = top + layout.height_of(row);
            }
        }
        assert!(below <= layout.height);
        let tracks = layout.tracks(&trace);
        assert!(tracks.iter().any(|(arrow, _)| arrow.kind == LinkKind::Wake));
        for (arrow, _) in &tracks {
            assert!(layout.dots[arrow.from] < layout.dots[arrow.to], "{arrow:?}");
        }
    }

    #[test]
    fn arrows_from_different_rows_that_meet_have_different_tracks() {
        let trace = handshake();
        let tracks = layout(&trace).tracks(&trace);
        for (one, first) in &tracks {
            for (other, second) in &tracks {
                let lane = |arrow: &Arrow| trace.rows[arrow.from].task;
                let meet = lane(one) == lane(other) && one.from < other.from && other.from < one.to;
                assert!(!meet || first != second, "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn who_is_never_woken_waits_to_the_end() {
        let trace = handshake();
        let spans = spans(&trace);
        let unended: Vec<&Span> = spans.iter().filter(|span| span.to.is_none()).collect();
        assert_eq!(unended.len(), 1);
        assert!(unended[0].waits && unended[0].task == 1);
        let ended = Span { task: 1, from: 4, to: Some(7), waits: true };
        assert!(spans.contains(&ended), "{spans:?}");
    }
}
