//! The tables of the documents, as rows of cells: what is written once in `docs/` is told from there.
//!
//! Only what our documents use is read: a head, a line of dashes, rows of one line each. Links become their text.
//! Absent on purpose: everything else of Markdown.

/// A table of a document.
#[derive(Debug)]
pub(super) struct Table {
    /// Where it stands, as a path from the root of the repository.
    pub(super) path: &'static str,
    head: Vec<String>,
    /// Its rows.
    pub(super) rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its line in the document, from 1.
    pub(super) line: usize,
    cells: Vec<String>,
}

impl Row {
    /// The words between backticks in the first cell: what the row is about.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        quoted(self.cell(0))
    }

    /// A cell; empty if the row has fewer.
    pub(super) fn cell(&self, index: usize) -> &str {
        self.cells.get(index).map_or("", String::as_str)
    }
}

/// The words between backticks.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The tables of a document.
fn tables(path: &'static str, text: &str) -> Vec<Table> {
    let lines: Vec<&str> = text.lines().collect();
    let mut tables = Vec::new();
    let mut at = 0;
    while at + 1 < lines.len() {
        if lines[at].starts_with('|') && lines[at + 1].starts_with("| ---") {
            let rows = lines.iter().enumerate().skip(at + 2);
            let rows = rows.take_while(|(_, line)| line.starts_with('|'));
            let rows: Vec<Row> =
                rows.map(|(index, line)| Row { line: index + 1, cells: cells(line) }).collect();
            let length = rows.len();
            tables.push(Table { path, head: cells(lines[at]), rows });
            at += length + 2;
        } else {
            at += 1;
        }
    }
    tables
}

/// The table of a document whose head begins with these cells.
///
/// # Panics
/// If there is none: the document was changed and its reader was not. A test reads each.
pub(super) fn table(path: &'static str, text: &str, head: &[&str]) -> Table {
    let found = tables(path, text).into_iter().find(|table| {
        table.head.len() >= head.len()
            && table.head.iter().zip(head).all(|(one, other)| one == other)
    });
    found.unwrap_or_else(|| panic!("{path} has a table that begins with {head:?}"))
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|');
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    inner.split('|').map(|cell| without_links(cell.trim())).collect()
}

/// `see [LIMITS.md](LIMITS.md)` as `see LIMITS.md`.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let link = after
            .split_once("](")
            .and_then(|(shown, target)| target.split_once(')').map(|(_, rest)| (shown, rest)));
        plain += before;
        match link {
            Some((shown, after)) if !shown.contains('[') => {
                plain += shown;
                rest = after;
            }
            _ => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Title

| id | what |
| --- | --- |
| `one`, `two` | see [LIMITS.md](LIMITS.md), `a[b=1]` |

| other |
| --- |
| `three` |
| `four` | more |
";

    #[test]
    fn a_table_is_found_by_its_head() {
        let table = table("docs/X.md", TEXT, &["id"]);
        assert_eq!((table.rows.len(), table.rows[0].line), (1, 5));
        assert_eq!(table.rows[0].names().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(table.rows[0].cell(1), "see LIMITS.md, `a[b=1]`");
        assert_eq!(table.rows[0].cell(7), "");
    }

    #[test]
    fn tables_do_not_run_into_each_other() {
        let tables = tables("docs/X.md", TEXT);
        let lines: Vec<Vec<usize>> =
            tables.iter().map(|table| table.rows.iter().map(|row| row.line).collect()).collect();
        assert_eq!(lines, [vec![5], vec![9, 10]]);
    }
}
