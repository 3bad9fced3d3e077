//! The drawing of a trace for a terminal: one column for each task, one row for each step.
//!
//! Rows that tell nothing are folded. Who sleeps has a line of colons down to the row in which it goes on, or to nothing.
//! The last lines are the verdict: what is broken, and who waits for what since which row. `docs/TRACE.md` explains
//! the symbols.
//!
//! Invariant: no line is wider than what was asked for, as long as that is at least [`WIDTH_MIN`] and a lane keeps
//! [`LANE_MIN`] columns.
//!
//! # Not here
//! Escape sequences: who draws on a terminal gives each [`Tone`] its own.

use super::{Causality, Kind, Line, Trace, Waiting, fold};

/// The narrowest drawing.
const WIDTH_MIN: usize = 40;

/// The narrowest lane: `x never woken` has no more characters.
const LANE_MIN: usize = 13;

/// Below this, the column of source lines is left out for the sake of the lanes.
const LANE_COMFORTABLE: usize = 18;

/// How a piece of a drawing is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Less than the rest: numbers, folds, places.
    Faint,
    /// Words of the protocol.
    Said,
    /// A wait.
    Waits,
    /// A wake.
    Wakes,
    /// What is wrong.
    Wrong,
}

/// A drawing of a trace.
#[derive(Clone, Copy, Debug)]
pub struct Lanes<'a> {
    trace: &'a Trace,
    width: usize,
    rows_max: usize,
}

/// What is known while the lines are drawn.
struct Drawing<'a, 'p> {
    trace: &'a Trace,
    order: Causality,
    lines: Vec<Line>,
    /// The tasks that have a lane, and its width.
    lanes: Vec<usize>,
    lane_width: usize,
    number_width: usize,
    /// 0: places are left out.
    place_width: usize,
    paint: &'p dyn Fn(Tone, &str) -> String,
    text: String,
}

/// What stands in one lane of one line.
type Cell = (usize, String, Tone);

impl<'a> Lanes<'a> {
    /// A drawing of at most `width` columns and `rows_max` rows, if what the verdict names fits.
    #[must_use]
    pub fn new(trace: &'a Trace, width: usize, rows_max: usize) -> Self {
        Lanes { trace, width: width.max(WIDTH_MIN), rows_max }
    }

    /// The text without any emphasis.
    #[must_use]
    pub fn text(&self) -> String {
        self.painted(&|_, text| text.to_owned())
    }

    /// The text, each piece painted.
    #[must_use]
    pub fn painted(&self, paint: &dyn Fn(Tone, &str) -> String) -> String {
        let order = Causality::of(self.trace);
        let lines = fold(self.trace, &order, self.rows_max);
        let mut drawing = self.layout(order, lines, paint);
        drawing.draw();
        drawing.ending(self.width);
        drawing.text
    }

    fn layout<'p>(
        &self,
        order: Causality,
        lines: Vec<Line>,
        paint: &'p dyn Fn(Tone, &str) -> String,
    ) -> Drawing<'a, 'p> {
        let trace = self.trace;
        let has_lane = |task: usize| {
            let drawn =
                |line: &Line| matches!(line, Line::Row(row) if trace.rows[*row].task == task);
            lines.iter().any(drawn)
        };
        let lanes: Vec<usize> = (0..trace.tasks.len()).filter(|task| has_lane(*task)).collect();
        let number_width = trace.rows.len().to_string().len();
        let drawn = lines.iter().filter_map(|line| match line {
            Line::Row(row) => Some(trace.rows[*row].place().chars().count()),
            Line::Fold(_) => None,
        });
        let mut place_width = drawn.max().unwrap_or(0);
        let count = lanes.len().max(1);
        let rules = number_width + 2 + 3 * count;
        let lane = |places: usize| self.width.saturating_sub(rules + places) / count;
        if lane(place_width + 1) < LANE_COMFORTABLE {
            place_width = 0;
        }
        let lane_width = lane(if place_width == 0 { 0 } else { place_width + 1 }).max(LANE_MIN);
        Drawing {
            trace,
            order,
            lines,
            lanes,
            lane_width,
            number_width,
            place_width,
            paint,
            text: String::new(),
        }
    }
}

impl Drawing<'_, '_> {
    fn draw(&mut self) {
        if self.lanes.is_empty() {
            return;
        }
        let heads: Vec<Vec<String>> =
            self.lanes.iter().map(|task| wrap(&self.trace.tasks[*task], self.lane_width)).collect();
        for part in 0..heads.iter().map(Vec::len).max().unwrap_or(1) {
            let cells = heads.iter().enumerate().filter_map(|(lane, head)| {
                Some((self.lanes[lane], head.get(part)?.clone(), Tone::Plain))
            });
            self.line("", &cells.collect::<Vec<_>>(), "");
        }
        self.rule();
        let mut asleep = vec![false; self.trace.tasks.len()];
        for line in self.lines.clone() {
            match line {
                Line::Row(row) => self.row(row, &mut asleep),
                Line::Fold(rows) => {
                    let mut counts = vec![0_usize; self.trace.tasks.len()];
                    for row in &self.trace.rows[rows] {
                        counts[row.task] += 1;
                        sleeps(row.kind, &mut asleep[row.task]);
                    }
                    self.fold(&counts, &asleep);
                }
            }
        }
        self.never_woken(&asleep);
        self.rule();
    }

    fn row(&mut self, number: usize, asleep: &mut [bool]) {
        let row = &self.trace.rows[number];
        sleeps(row.kind, &mut asleep[row.task]);
        let tone = match row.kind {
            Kind::Broken | Kind::Planted => Tone::Wrong,
            Kind::Sleep => Tone::Waits,
            Kind::Notify if !row.others.is_empty() => Tone::Wakes,
            Kind::Resume => Tone::Wakes,
            Kind::Say | Kind::Begin | Kind::Finish | Kind::Case => Tone::Said,
            Kind::Lock | Kind::Unlock | Kind::Fence | Kind::Spawn | Kind::End => Tone::Faint,
            _ => Tone::Plain,
        };
        let mut text = row.text.clone();
        if let Some(link) = self.woken_by(number) {
            text += &format!(" (woken by row {})", link + 1);
        }
        for (part, content) in wrap(&text, self.lane_width).into_iter().enumerate() {
            let mut cells = self.waits(asleep, Some(row.task));
            cells.push((row.task, content, tone));
            let (name, place) = if part == 0 {
                ((number + 1).to_string(), row.place().to_owned())
            } else {
                (String::new(), String::new())
            };
            self.line(&name, &cells, &place);
        }
    }

    fn woken_by(&self, row: usize) -> Option<usize> {
        let wake = |link: &&super::Link| link.to == row && link.kind == super::LinkKind::Wake;
        self.order.links.iter().find(wake).map(|link| link.from)
    }

    fn fold(&mut self, counts: &[usize], asleep: &[bool]) {
        let mut cells = self.waits(asleep, None);
        cells.retain(|(task, _, _)| counts[*task] == 0);
        for task in self.lanes.iter().filter(|task| counts[**task] > 0) {
            let count = counts[*task];
            let text = if count == 1 { "(1 step)".to_owned() } else { format!("({count} steps)") };
            cells.push((*task, text, Tone::Faint));
        }
        let others: usize = (0..counts.len())
            .filter(|task| !self.lanes.contains(task))
            .map(|task| counts[task])
            .sum();
        let place = if others == 0 { String::new() } else { format!("({others} of others)") };
        self.line("", &cells, &place);
    }

    /// The colons of those who sleep, but for this one.
    fn waits(&self, asleep: &[bool], but: Option<usize>) -> Vec<Cell> {
        let sleeping = self.lanes.iter().filter(|task| asleep[**task] && Some(**task) != but);
        sleeping.map(|task| (*task, ":".to_owned(), Tone::Waits)).collect()
    }

    fn never_woken(&mut self, asleep: &[bool]) {
        let stuck = |task: &usize| self.trace.ending.waits.iter().any(|each| each.task == *task);
        let cells: Vec<Cell> = self
            .lanes
            .iter()
            .filter(|task| asleep[**task] && stuck(task))
            .map(|task| (*task, "x never woken".to_owned(), Tone::Wrong))
            .collect();
        if !cells.is_empty() {
            self.line("", &cells, "");
        }
    }

    fn line(&mut self, number: &str, cells: &[Cell], place: &str) {
        let number_width = self.number_width;
        let mut line = (self.paint)(Tone::Faint, &format!("{number:>number_width$} |"));
        let mut blank = String::new();
        for task in &self.lanes {
            let cell = cells.iter().find(|(of, _, _)| of == task);
            let (content, tone) =
                cell.map_or(("", Tone::Plain), |(_, text, tone)| (text.as_str(), *tone));
            if content.is_empty() {
                blank += &" ".repeat(self.lane_width + 1);
            } else {
                line += &std::mem::take(&mut blank);
                line.push(' ');
                line += &(self.paint)(tone, content);
                blank = " ".repeat(self.lane_width.saturating_sub(content.chars().count()));
            }
            blank += " |";
        }
        if place.is_empty() || self.place_width == 0 && !place.starts_with('(') {
            line += &(self.paint)(Tone::Faint, &blank);
        } else {
            line += &(self.paint)(Tone::Faint, &format!("{blank} {place}"));
        }
        self.text += line.trim_end();
        self.text.push('\n');
    }

    fn rule(&mut self) {
        let width = self.number_width + 2 + self.lanes.len() * (self.lane_width + 3);
        self.text += &(self.paint)(Tone::Faint, &"-".repeat(width));
        self.text.push('\n');
    }

    /// The verdict: what is wrong, and who waits for what.
    fn ending(&mut self, width: usize) {
        let ending = &self.trace.ending;
        for (number, line) in ending.what.lines().enumerate() {
            for part in wrap(line, width) {
                let tone = if number == 0 { Tone::Wrong } else { Tone::Plain };
                self.text += &(self.paint)(tone, &part);
                self.text.push('\n');
            }
        }
        for waiting in &ending.waits {
            self.indented(&self.described(waiting), width);
        }
        for (queue, who) in &ending.queues {
            self.indented(&format!("still in {queue}: {who}"), width);
        }
    }

    fn described(&self, waiting: &Waiting) -> String {
        let name = &self.trace.tasks[waiting.task];
        let since = |row: usize| format!("row {}", row + 1);
        let mut text = format!("{name} {}", waiting.text);
        if let Some(row) = waiting.since {
            text += &format!(" since {}", since(row));
        }
        if !waiting.location.is_empty() {
            text += &format!(" ({})", waiting.location);
        }
        if !waiting.why.is_empty() {
            text += &format!("; {}", waiting.why);
        }
        for (what, row) in waiting.within.iter().rev() {
            text += &format!(", while it {what} ({})", since(*row));
        }
        text
    }

    fn indented(&mut self, text: &str, width: usize) {
        for (part, line) in wrap(text, width - 4).into_iter().enumerate() {
            let indent = if part == 0 { "  " } else { "    " };
            self.text += &format!("{indent}{line}\n");
        }
    }
}

/// Whether a task sleeps after a row of this kind.
fn sleeps(kind: Kind, asleep: &mut bool) {
    match kind {
        Kind::Sleep => *asleep = true,
        Kind::Resume => *asleep = false,
        _ => {}
    }
}

/// Breaks `text` into lines of at most `width` characters: at spaces where there are some, else behind a bracket or an
/// underscore.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word;
        let joined = line.chars().count() + usize::from(!line.is_empty()) + word.chars().count();
        if joined > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while word.chars().count() > width {
            let cut = word.char_indices().nth(width).map_or(word.len(), |(at, _)| at);
            let soft = word[..cut].rfind(['_', '[', '(', '/', ':', '-']);
            let cut = soft.filter(|at| *at > cut / 2).unwrap_or(cut);
            lines.push(word[..cut].to_owned());
            word = &word[cut..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use crate::trace::{Ending, Row};

    use super::*;

    #[test]
    fn many_lanes_in_a_narrow_drawing_keep_their_words() {
        let tasks = 9;
        let sleep =
            |task| Row::new(task, Kind::Sleep, "sleeps in posted".to_owned(), String::new());
        let waits = |task| Waiting {
            since: Some(task),
            ..Waiting::new(task, "sleeps in posted".to_owned(), "", String::new())
        };
        let ending = Ending { waits: (0..tasks).map(waits).collect(), ..Ending::default() };
        let trace = Trace {
            tasks: (0..tasks).map(|task| format!("task{task}")).collect(),
            rows: (0..tasks).map(sleep).collect(),
            ending,
        };
        let text = trace.lanes(WIDTH_MIN);
        assert_eq!(text.matches("x never woken").count(), tasks, "{text}");
    }
}
