//! Aligned text: tables of at most 120 columns, numbers and times as people read them, colours.
//!
//! A cell holds several lines, so that a scenario's name stands once beside the rows of its engines.

use std::io::IsTerminal;
use std::time::Duration;

use graphlock_harness::trace;
use indicatif::HumanCount;

/// No line is longer, as long as no cell's line is.
pub(crate) const WIDTH_MAX: usize = 120;

/// How a line of a cell is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As any text.
    Plain,
    /// All is well.
    Good,
    /// To be known.
    Note,
    /// Fails the gate.
    Bad,
}

/// Whether tones become colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(bool);

impl Paint {
    /// No colours.
    pub(crate) const NONE: Paint = Paint(false);

    /// Colours on a terminal, unless the environment says `NO_COLOR`.
    pub(crate) fn for_stdout() -> Paint {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint(std::io::stdout().is_terminal() && !refused)
    }

    /// The text in its tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Note => 33,
            Tone::Bad => 31,
            Tone::Plain => 0,
        };
        self.with_code(code, text)
    }

    /// A piece of a drawing in its tone.
    pub(crate) fn paint_lane(self, tone: trace::Tone, text: &str) -> String {
        let code = match tone {
            trace::Tone::Plain => 0,
            trace::Tone::Faint => 2,
            trace::Tone::Said => 36,
            trace::Tone::Waits => 33,
            trace::Tone::Wakes => 32,
            trace::Tone::Wrong => 31,
        };
        self.with_code(code, text)
    }

    fn with_code(self, code: u8, text: &str) -> String {
        if self.0 && code != 0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The lines of a cell.
pub(crate) type Cell = Vec<(String, Tone)>;

/// A cell of plain lines.
pub(crate) fn plain(lines: impl IntoIterator<Item = String>) -> Cell {
    lines.into_iter().map(|line| (line, Tone::Plain)).collect()
}

/// On which side a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table of these columns.
    pub(crate) fn new(columns: &[(&'static str, Side)]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: one cell for each column.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "one cell for each column");
        self.rows.push(row);
    }

    /// The text of the table, each line with its end.
    pub(crate) fn text(&self, paint: Paint) -> String {
        let widths: Vec<usize> = (0..self.columns.len()).map(|index| self.width(index)).collect();
        let head: Vec<Cell> =
            self.columns.iter().map(|(name, _)| plain([(*name).to_owned()])).collect();
        let rule: Vec<Cell> = widths.iter().map(|width| plain(["-".repeat(*width)])).collect();
        let rows = [&head, &rule].into_iter().chain(&self.rows);
        rows.map(|row| self.row_text(row, &widths, paint)).collect()
    }

    fn width(&self, index: usize) -> usize {
        let cells =
            self.rows.iter().flat_map(|row| &row[index]).map(|(line, _)| line.chars().count());
        cells.chain([self.columns[index].0.len()]).max().unwrap_or(0)
    }

    fn row_text(&self, row: &[Cell], widths: &[usize], paint: Paint) -> String {
        let height = row.iter().map(Vec::len).max().unwrap_or(0);
        let mut text = String::new();
        for line in 0..height {
            let mut columns = String::new();
            for (index, cell) in row.iter().enumerate() {
                let (content, tone) = match cell.get(line) {
                    Some((content, tone)) => (content.as_str(), *tone),
                    None => ("", Tone::Plain),
                };
                let padding = " ".repeat(widths[index] - content.chars().count());
                let content = paint.paint(tone, content);
                columns += if index == 0 { "" } else { "  " };
                columns += &match self.columns[index].1 {
                    Side::Left => content + &padding,
                    Side::Right => padding + &content,
                };
            }
            text += columns.trim_end();
            text.push('\n');
        }
        text
    }
}

/// A full name in lines that fit a table: the name, then the parameters below it.
pub(crate) fn name_lines(full_name: &str) -> Vec<String> {
    const LINE_MAX: usize = 38;
    let Some((name, parameters)) = full_name.split_once('[') else {
        return vec![full_name.to_owned()];
    };
    let mut lines = vec![name.to_owned(), "  [".to_owned()];
    for parameter in parameters.split_inclusive(',') {
        let last = lines.last_mut().expect("there are two lines");
        if last.len() > 3 && last.len() + parameter.len() > LINE_MAX {
            lines.push(format!("   {parameter}"));
        } else {
            last.push_str(parameter);
        }
    }
    lines
}

/// A planted bug and, below it, its scenario.
pub(crate) fn planted_lines(mutation: &str, scenario: &str) -> Vec<String> {
    let scenario = name_lines(scenario).into_iter().map(|line| format!("  {line}"));
    std::iter::once(mutation.to_owned()).chain(scenario).collect()
}

/// `12,345`.
pub(crate) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// `0.12 s`, `3.4 s`, `75 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 {
        format!("{seconds:.2} s")
    } else if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{seconds:.0} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_cells_may_have_several_lines() {
        let mut table = Table::new(&[("scenario", Side::Left), ("runs", Side::Right)]);
        table.push(vec![plain(name_lines("a[b=1]")), plain(["10".to_owned(), "7".to_owned()])]);
        table.push(vec![plain(name_lines("longer_name")), plain(["1,234".to_owned()])]);
        let expected = "\
scenario      runs
-----------  -----
a               10
  [b=1]          7
longer_name  1,234
";
        assert_eq!(table.text(Paint::NONE), expected);
    }

    #[test]
    fn colours_do_not_move_columns() {
        let mut table = Table::new(&[("verdict", Side::Left), ("n", Side::Right)]);
        table.push(vec![vec![("bad".to_owned(), Tone::Bad)], plain(["1".to_owned()])]);
        let coloured = table.text(Paint(true));
        let stripped = coloured.replace("\x1b[31m", "").replace("\x1b[0m", "");
        assert_ne!(coloured, stripped);
        assert_eq!(stripped, table.text(Paint::NONE));
    }

    #[test]
    fn long_parameters_are_broken_between_two() {
        let name = "reader_meets_writer[readers=2,sections=2,writes=2,deferral=1]";
        let expected =
            ["reader_meets_writer", "  [readers=2,sections=2,writes=2,", "   deferral=1]"];
        assert_eq!(name_lines(name), expected);
    }

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let times = [0.123, 2.04, 75.0].map(|time| seconds(Duration::from_secs_f64(time)));
        assert_eq!(times, ["0.12 s", "2.0 s", "75 s"]);
    }
}
