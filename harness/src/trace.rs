//! The steps of one execution as a value, and its drawing in lanes.
//!
//! One column for each task, one row for each step, the source line at the right; waits and wakes are
//! rows of their own, and the last lines say who waits for whom. `docs/TRACE.md` explains the symbols.

/// One row of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of the task whose step it is.
    pub task: usize,
    /// The step in the words of the protocol: `has_writer := 1`.
    pub text: String,
    /// `file:line` of the step.
    pub location: String,
}

/// All steps of one execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The tasks' names, by number.
    pub tasks: Vec<String>,
    /// The steps, in order.
    pub rows: Vec<Row>,
    /// What stands below the lanes: the verdict, and who waits for whom.
    pub closing: Vec<String>,
}

impl Trace {
    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Draws the last `rows_max` steps, and says how many came before.
    #[must_use]
    pub fn lanes_end(&self, width: usize, rows_max: usize) -> String {
        let before = self.rows.len().saturating_sub(rows_max);
        if before == 0 {
            return self.lanes(width);
        }
        let mut end = self.clone();
        end.rows.drain(..before);
        format!("({before} steps before these; the schedule has all of them)\n{}", end.lanes(width))
    }

    /// Draws the trace in lanes that fit `width` columns (at least 60).
    #[must_use]
    pub fn lanes(&self, width: usize) -> String {
        let lanes: Vec<usize> = (0..self.tasks.len())
            .filter(|task| self.rows.iter().any(|row| row.task == *task))
            .collect();
        if lanes.is_empty() {
            return self.closing.iter().map(|line| format!("{line}\n")).collect();
        }
        let number_width = self.rows.len().to_string().len();
        let longest = self.rows.iter().map(|row| row.location.chars().count()).max().unwrap_or(0);
        let location_width = longest.min(width.max(60) * 3 / 10);
        let separators = 3 * (lanes.len() + 1);
        let free = width.max(60).saturating_sub(number_width + location_width + separators);
        let lane_width = (free / lanes.len()).max(8);

        let mut text = String::new();
        let mut line = |number: &str, lane: Option<usize>, content: &str, location: &str| {
            let mut row = format!("{number:>number_width$} |");
            for each in &lanes {
                let cell = if lane == Some(*each) { content } else { "" };
                row += &format!(" {cell:<lane_width$} |");
            }
            text += format!("{row} {location}").trim_end();
            text.push('\n');
        };
        let heads: Vec<Vec<String>> =
            lanes.iter().map(|task| wrap(&self.tasks[*task], lane_width)).collect();
        let head_lines = heads.iter().map(Vec::len).max().unwrap_or(1);
        let mut head_text = String::new();
        for index in 0..head_lines {
            let mut row = format!("{:>number_width$} |", "");
            for head in &heads {
                let cell = head.get(index).map_or("", String::as_str);
                row += &format!(" {cell:<lane_width$} |");
            }
            head_text += row.trim_end();
            head_text.push('\n');
        }
        let rule = "-".repeat(number_width + 2 + lanes.len() * (lane_width + 3));
        for (index, row) in self.rows.iter().enumerate() {
            let location = tail(&row.location, location_width);
            for (part, content) in wrap(&row.text, lane_width).iter().enumerate() {
                let first = part == 0;
                let number = if first { (index + 1).to_string() } else { String::new() };
                line(&number, Some(row.task), content, if first { &location } else { "" });
            }
        }
        let closing: String = self.closing.iter().map(|line| format!("{line}\n")).collect();
        format!("{head_text}{rule}\n{text}{rule}\n{closing}")
    }
}

/// A place in the source to read: `file:line`, with `a/../` taken out of the path.
pub(crate) fn place(at: &std::panic::Location<'_>) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in at.file().split('/') {
        let goes_back =
            part == ".." && parts.last().is_some_and(|last| !matches!(*last, ".." | ""));
        if goes_back {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    format!("{}:{}", parts.join("/"), at.line())
}

/// Breaks `text` into lines of at most `width` characters, at spaces where there are some.
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

/// The last `width` characters at most, cut at a folder: of a path the end says most.
fn tail(text: &str, width: usize) -> String {
    let mut rest = text;
    while rest.chars().count() > width {
        match rest.split_once('/') {
            Some((_, end)) => rest = end,
            None => return rest.chars().skip(rest.chars().count() - width).collect(),
        }
    }
    rest.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace {
        let row = |task, text: &str| Row {
            task,
            text: text.to_owned(),
            location: "src/a.rs:7".to_owned(),
        };
        Trace {
            tasks: vec!["main".to_owned(), "idle".to_owned(), "iothread0".to_owned()],
            rows: vec![
                row(0, "has_writer := 1"),
                row(2, "reader_count[iothread0] := 1 after a long wait for the writer"),
            ],
            closing: vec!["deadlock".to_owned()],
        }
    }

    #[test]
    fn lanes_fit_the_width_and_leave_out_tasks_without_steps() {
        for width in [60, 80, 100] {
            let drawn = trace().lanes(width);
            assert!(drawn.lines().all(|line| line.chars().count() <= width), "{width}:\n{drawn}");
            assert!(!drawn.contains("idle"));
        }
    }

    #[test]
    fn a_long_step_is_wrapped_in_its_own_lane() {
        let expected = concat!(
            "  | main                 | iothread0            |\n",
            "-------------------------------------------------\n",
            "1 | has_writer := 1      |                      | src/a.rs:7\n",
            "2 |                      | reader_count[iothrea | src/a.rs:7\n",
            "  |                      | d0] := 1 after a     |\n",
            "  |                      | long wait for the    |\n",
            "  |                      | writer               |\n",
            "-------------------------------------------------\n",
            "deadlock\n",
        );
        assert_eq!(trace().lanes(60), expected);
    }

    #[test]
    fn words_longer_than_a_lane_are_cut_not_lost() {
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
    }
}
