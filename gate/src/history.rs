//! `gate history`: QEMU's lock as it was at the turns of its history, and which failures each version had.
//!
//! Small models of the versions are executed in every interleaving; what the machinery itself can express is shown a second time by
//! planted bugs. `docs/HISTORY.md` is made from the same table and from what the checks have shown.

use std::fmt::Write as _;

use graphlock_harness::expectation::Expectation;
use graphlock_harness::outcome::{Verdict, ViolationKind};
use graphlock_on_harness::model_tests::history::{Version, VersionRow, table};

use crate::document::{self, DocumentOptions};
use crate::expected::{Checked, check_all};
use crate::replay::Shown;
use crate::table::{Paint, Side, Table, Tone, count, plain};

/// The page as it was when the gate was built.
const PAGE: document::Page =
    document::Page { path: "docs/HISTORY.md", text: include_str!("../../docs/HISTORY.md") };

/// A row with its checks made.
struct Row<'a> {
    row: &'a VersionRow,
    versions: &'a [Checked],
    planted: &'a [Checked],
    ours: &'a [Checked],
}

/// Makes all checks and shows the table.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn history(options: &DocumentOptions) -> Result<Shown, String> {
    let (versions, rows) = table();
    let of = |row: &VersionRow| {
        let planted = row.planted.iter().map(|(_, expectation)| *expectation);
        row.checks.into_iter().chain(planted).chain(row.ours.clone()).collect::<Vec<Expectation>>()
    };
    let checked = check_all(&rows.iter().flat_map(of).collect::<Vec<_>>(), &options.checks)?;
    let mut rest = checked.as_slice();
    let mut shown = Vec::new();
    for row in &rows {
        let (versions, others) = rest.split_at(row.checks.len());
        let (planted, others) = others.split_at(row.planted.len());
        let (ours, others) = others.split_at(row.ours.len());
        shown.push(Row { row, versions, planted, ours });
        rest = others;
    }
    let is_met = checked.iter().all(Checked::is_met);
    let text = told(&versions, &shown, &checked, Paint::for_stdout());
    document::conclude(text, is_met, &PAGE, &page(&versions, &shown), options.write.as_deref())
}

/// The failure and how soon it was found, or a dash.
fn word(checked: &Checked) -> String {
    let executions = count(checked.report.executions);
    match &checked.report.verdict {
        Verdict::Violation(found) if found.kind == ViolationKind::Property => {
            format!("broken, {executions}")
        }
        Verdict::Violation(found) => format!("{}, {executions}", found.kind),
        Verdict::Complete => "-".to_owned(),
        other => other.word().to_owned(),
    }
}

fn told(versions: &[Version], shown: &[Row<'_>], all: &[Checked], paint: Paint) -> String {
    let mut columns = vec![("failure", Side::Left)];
    columns.extend(versions.iter().map(|version| (version.name, Side::Left)));
    columns.push(("ours", Side::Left));
    let mut table = Table::new(&columns);
    for Row { row, versions, ours, .. } in shown {
        let mut cells = vec![plain([row.id.to_owned()])];
        for checked in *versions {
            let tone = if !checked.is_met() {
                Tone::Bad
            } else if checked.expectation.symptom.is_some() {
                Tone::Note
            } else {
                Tone::Good
            };
            cells.push(vec![(word(checked), tone)]);
        }
        let tone = if ours.iter().all(Checked::is_met) { Tone::Good } else { Tone::Bad };
        let text = match (ours.is_empty(), tone) {
            (true, _) => row.not_asked,
            (false, Tone::Good) => "-",
            (false, _) => "NOT AS EXPECTED",
        };
        cells.push(vec![(text.to_owned(), tone)]);
        table.push(cells);
    }
    let mut text = table.text(paint) + "\n";
    for Row { row, .. } in shown {
        let _ = writeln!(text, "{:<4} {}", row.id, row.about);
    }
    for version in versions {
        let _ = writeln!(text, "{} {}", version.name, version.about);
    }
    for checked in all.iter().filter(|checked| !checked.is_met()) {
        let name = checked.expectation.scenario.full_name();
        let _ = writeln!(text, "NOT AS EXPECTED: {name}: {}", checked.judged);
    }
    let met = all.iter().filter(|checked| checked.is_met()).count();
    let _ = writeln!(text, "\n{met} of {} checks are as the history says", all.len());
    text
}

const HEAD: &str = "\
# History

QEMU's lock at five turns of its history, as small models of our own (`model-tests/history/`), and which of the failures that were reported, or are open, each has.
`cargo gate history` executes every interleaving of each, or up to the failure, under sequential consistency, and fails if this page is not what it shows; `--write` makes it anew.
A cell has the failure (*broken*: a property does not hold) and the number of executions that it took; a dash says that there is none in any interleaving.

";

fn page(versions: &[Version], shown: &[Row<'_>]) -> String {
    let mut text = HEAD.to_owned();
    text += "| version | what is new in it | planted bugs over our code |\n| --- | --- | --- |\n";
    for Version { name, about, planted, .. } in versions {
        let planted = planted.map_or("not faithful by any set of them".to_owned(), |planted| {
            planted.split('+').map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
        });
        let _ = writeln!(text, "| {name} | {about} | {planted} |");
    }
    text += "\n| failure | what happens |";
    for version in versions {
        let _ = write!(text, " {} |", version.name);
    }
    let _ = writeln!(text, "\n| --- | --- |{}", " --- |".repeat(versions.len()));
    for Row { row, versions, .. } in shown {
        let _ = write!(text, "| `{}` | {} |", row.id, row.about);
        for checked in *versions {
            let _ = write!(text, " {} |", word(checked));
        }
        text.push('\n');
    }
    text += "\nG7 and G11 went away with a habit of callers, not with a change of the lock; G8 is a rule for callers to this day.\n";
    text += "\n## On our machinery\n\nWith the planted bugs of a version it fails in the same way; without them, on both ways of deferring, in no interleaving.\n\n";
    text += "| failure | scenario | with the bugs of | found | without them |\n| --- | --- | --- | --- | --- |\n";
    for Row { row, planted, ours, .. } in shown {
        if ours.is_empty() {
            let _ = writeln!(text, "| `{}` | none: {} | | | |", row.id, row.not_asked);
        }
        for ((version, _), checked) in row.planted.iter().zip(*planted) {
            let name = checked.expectation.scenario.full_name();
            let sound = ours.iter().find(|each| each.expectation.scenario.full_name() == name);
            let sound = sound.map_or(String::new(), |each| {
                format!("none in all {}", count(each.report.executions))
            });
            let _ = writeln!(
                text,
                "| `{}` | `{name}` | {version} | {} | {sound} |",
                row.id,
                word(checked)
            );
        }
    }
    text
}
