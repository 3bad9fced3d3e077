//! The text of a run: tables, what went wrong, and what it amounts to.
//!
//! In this order: one table of rows; planted bugs; each violation drawn; reasons of other failures;
//! counts; the statement; the files. What fails the gate stands near the end, where a terminal stops.

use std::fmt::Write;

use graphlock_harness::outcome::{Limit, Report, Verdict};

use crate::agreement::Relation;
use crate::counterexample;
use crate::engine::Engine;
use crate::judge::Row;
use crate::place;
use crate::plan::{Job, Purpose};
use crate::planted::{Fate, Planted, with_planted};
use crate::protocol::Protocol;
use crate::results::Results;
use crate::self_check::SelfCheck;
use crate::statement::statement;
use crate::table::{
    Cell, Paint, Side, Table, Tone, WIDTH_MAX, count, name_lines, plain, planted_lines, seconds,
};

/// The whole text.
pub(crate) fn text(results: &Results, folder: &std::path::Path, paint: Paint) -> String {
    let mut text = String::new();
    if !results.rows.is_empty() {
        text += &rows_table(&results.rows).text(paint);
    }
    if !results.planted.is_empty() {
        text += if text.is_empty() { "" } else { "\n" };
        text += &planted_table(&results.planted).text(paint);
    }
    text += &failures(results, paint);
    text += "\n";
    text += &counts(results, paint);
    for paragraph in statement(results) {
        text += "\n";
        text += &wrap(&paragraph);
    }
    // A part of a run has no report.
    let file = match (&results.extent.checkpoint, results.extent.shard) {
        (Some(checkpoint), Some(_)) => place::shown(checkpoint),
        _ => place::shown(&folder.join("report.json")),
    };
    let code = results.exit_code();
    let tone = if code == 0 { Tone::Good } else { Tone::Bad };
    let verdict = match (code, results.extent.shard) {
        (0, Some(shard)) => format!("nothing failed in shard {shard}"),
        (0, None) => "the gate is open".to_owned(),
        _ => format!("the gate is shut: exit code {code}"),
    };
    text += &what_is_left(results);
    let profile = results.run.profile.word();
    let time = seconds(results.elapsed);
    let _ = writeln!(text, "\n{} (profile {profile}, {time}; {file})", paint.paint(tone, &verdict));
    text
}

/// The jobs that are open, and how to go on.
fn what_is_left(results: &Results) -> String {
    let extent = &results.extent;
    let mut text = String::new();
    if !extent.open.is_empty() {
        text += &format!("\n{}", wrap(&format!("OPEN: {}.", extent.open.join("; "))));
    }
    let next = extent.next();
    if !next.is_empty() {
        text += &format!("\n{}", wrap(&next));
    }
    text
}

fn tone(accepted: bool, verdict: &Verdict) -> Tone {
    match (accepted, verdict) {
        (false, _) => Tone::Bad,
        (true, Verdict::BudgetSpent(_)) => Tone::Note,
        (true, _) => Tone::Good,
    }
}

fn rows_table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        ("scenario", Side::Left),
        ("engine", Side::Left),
        ("executions", Side::Right),
        ("redundant", Side::Right),
        ("complete or bound", Side::Left),
        ("time", Side::Right),
        ("verdict", Side::Left),
    ]);
    for group in rows.chunk_by(|one, other| one.job.full_name == other.job.full_name) {
        let each = |show: &dyn Fn(&Row) -> String| plain(group.iter().map(show));
        let verdicts: Cell = group
            .iter()
            .map(|row| (row.word().to_owned(), tone(row.accepted, &row.report.verdict)))
            .collect();
        table.push(vec![
            plain(name_lines(&group[0].job.full_name)),
            each(&|row| row.job.engine.word().to_owned()),
            each(&|row| count(row.report.executions)),
            each(&|row| count(row.report.redundant)),
            each(&|row| extent(&row.report, row.job.engine)),
            each(&|row| seconds(row.report.elapsed)),
            verdicts,
        ]);
    }
    table
}

/// How far a row went.
pub(crate) fn extent(report: &Report, engine: Engine) -> String {
    let bound = report.bound.clone();
    match &report.verdict {
        Verdict::Complete | Verdict::HarnessBlind(_) if report.executions > 0 => {
            bound.unwrap_or_else(|| "complete".to_owned())
        }
        Verdict::BudgetSpent(limit) => match (limit, engine) {
            (Limit::Executions(number), Engine::Std) => format!("{number} runs"),
            (Limit::Executions(_), _) => "cut: executions".to_owned(),
            (Limit::Time(time), _) => match &report.estimate {
                Some(estimate) => {
                    let share = 100.0 * estimate.share(report.executions);
                    format!("cut: {}, {share:.1} %", seconds(*time))
                }
                None => format!("cut: {}", seconds(*time)),
            },
            (Limit::Steps(number), _) => format!("cut: {number} steps"),
            (Limit::Preemptions(number), _) => format!("preemptions <= {number}"),
            (Limit::Interrupted, _) => "interrupted".to_owned(),
        },
        _ => "-".to_owned(),
    }
}

fn planted_table(planted: &[Planted]) -> Table {
    let mut table = Table::new(&[
        ("planted bug, scenario", Side::Left),
        ("engine", Side::Left),
        ("until found", Side::Right),
        ("budget", Side::Right),
        ("symptom", Side::Left),
        ("verdict", Side::Left),
    ]);
    for each in planted {
        let found = each.fate == Fate::Found;
        table.push(vec![
            plain(planted_lines(each.bug.mutation, each.bug.scenario)),
            plain([each.job.engine.word().to_owned()]),
            plain([if found { count(each.report.executions) } else { "-".to_owned() }]),
            plain([count(each.bug.budget)]),
            plain([each.bug.symptom.to_string()]),
            vec![(each.word().to_owned(), if found { Tone::Good } else { Tone::Bad })],
        ]);
    }
    table
}

/// Each failure with its reason, violations drawn. Planted bugs that were found are no failures, but may be asked for.
fn failures(results: &Results, paint: Paint) -> String {
    let mut text = String::new();
    let mut fail = |job: &Job, reason: &str| {
        let mutation = with_planted(job.check.mutation);
        let twice = if matches!(job.purpose, Purpose::Twice) { ", executed twice" } else { "" };
        let title = format!("{} on {}{mutation}{twice}", job.full_name, job.engine.word());
        let _ = write!(text, "\n{}\n{reason}", paint.paint(Tone::Bad, &title));
    };
    for row in results.rows.iter().chain(&results.twice).filter(|row| !row.accepted) {
        fail(&row.job, &reason(results, &row.job, &row.report, paint));
    }
    let found = results.planted.iter().filter(|planted| planted.fate == Fate::Found);
    for planted in found.filter(|_| results.run.draw) {
        let what = format!("{}\n", planted.bug.models);
        fail(&planted.job, &(what + &reason(results, &planted.job, &planted.report, paint)));
    }
    for planted in results.planted.iter().filter(|planted| planted.fate != Fate::Found) {
        let expected =
            format!("expected within {} executions: {}\n", planted.bug.budget, planted.bug.symptom);
        fail(&planted.job, &(expected + &reason(results, &planted.job, &planted.report, paint)));
    }
    text
}

fn reason(results: &Results, job: &Job, report: &Report, paint: Paint) -> String {
    match &report.verdict {
        Verdict::Violation(violation) => {
            let file = results.file_of(job, report);
            counterexample::draw(violation, paint) + &counterexample::how_to_replay(file)
        }
        Verdict::Complete => "the search was complete and noticed nothing\n".to_owned(),
        Verdict::BudgetSpent(limit) => format!("not through within {limit}\n"),
        Verdict::NotDeterministic(reason) => format!("not deterministic: {reason}\n"),
        Verdict::HarnessBlind(reason) => format!("blind: {reason}\n"),
    }
}

fn counts(results: &Results, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |good: bool, content: &str| {
        let tone = if good { Tone::Plain } else { Tone::Bad };
        for part in wrap(content).lines() {
            text += &paint.paint(tone, part);
            text.push('\n');
        }
    };
    if !results.twice.is_empty() {
        let equal = results.twice.iter().filter(|row| row.accepted).count();
        let all = results.twice.len();
        let failed =
            if equal == all { String::new() } else { format!("; not so in {}", all - equal) };
        line(
            equal == all,
            &format!("determinism: {equal} scenarios executed twice, choices equal{failed}"),
        );
    }
    if let Some(SelfCheck { compared, difference }) = &results.self_check {
        let [programs, traces, schedules] =
            [compared.programs, compared.traces, compared.schedules].map(count);
        line(
            difference.is_none(),
            &format!(
                "engine against plain search: {programs} programs, {traces} traces each met exactly once, \
                 {schedules} schedules"
            ),
        );
        if let Some(difference) = difference {
            line(false, difference);
        }
    }
    let compared =
        results.comparisons.iter().filter(|each| each.relation != Relation::NoneNamed).count();
    let equal = results.comparisons.iter().filter(|each| each.relation == Relation::Equal).count();
    if !results.comparisons.is_empty() {
        line(
            true,
            &format!("final states compared between harness and loom: {compared}, equal: {equal}"),
        );
    }
    for comparison in &results.comparisons {
        line(comparison.accepted(), &format!("  {}: {}", comparison.scenario, comparison.line()));
    }
    let coverage = &results.coverage;
    if coverage.declared > 0 {
        let (reached, declared) = (coverage.reached, coverage.declared);
        line(coverage.missing.is_empty(), &format!("cases reached {reached}/{declared}"));
    }
    for each in &coverage.missing {
        line(false, &format!("  never reached: `{}` in {}", each.case, each.scenario));
    }
    for each in &coverage.open {
        line(
            true,
            &format!(
                "  not reached before the budget was spent: `{}` in {}",
                each.case, each.scenario
            ),
        );
    }
    if !results.rows.is_empty() {
        Protocol::of(&results.rows).lines().iter().for_each(|each| line(true, each));
    }
    if !results.planted.is_empty() {
        let found = results.planted.iter().filter(|each| each.fate == Fate::Found).count();
        let all = results.planted.len();
        line(found == all, &format!("planted bugs found {found}/{all}"));
        if !results.not_planted.is_empty() {
            line(true, &format!("  not planted yet: {}", results.not_planted.join(", ")));
        }
    }
    text
}

/// Breaks a paragraph into lines that fit, continued two columns further in.
fn wrap(paragraph: &str) -> String {
    let indent = paragraph.chars().take_while(|each| *each == ' ').count();
    let continuation = " ".repeat(indent + 2);
    let mut lines = vec![" ".repeat(indent)];
    for word in paragraph.split_whitespace() {
        let last = lines.last_mut().expect("there is always a line");
        let space = usize::from(!last.trim().is_empty());
        if last.chars().count() + space + word.chars().count() > WIDTH_MAX && space == 1 {
            lines.push(continuation.clone() + word);
        } else {
            *last += if space == 1 { " " } else { "" };
            *last += word;
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::planted;
    use crate::judge::tests::{job, report};
    use crate::planted;
    use crate::results::tests::{complete, results};
    use graphlock_harness::outcome::ViolationKind;
    use graphlock_harness::scenario::PlantedBug;
    use std::path::Path;

    fn shown(report: Report, must_complete: bool) -> String {
        let row = (job(Purpose::Row { must_complete }, Engine::Harness), report);
        text(&results(vec![row]), Path::new("/x/gate"), Paint::NONE)
    }

    #[test]
    fn every_line_fits_120_columns() {
        let text = shown(complete(&["open"]), true);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(WIDTH_MAX), "{text}");
        assert!(text.contains("cases reached 2/2") && text.contains("the gate is open"), "{text}");
    }

    #[test]
    fn long_names_of_planted_bugs_fit_as_well() {
        let name = "a_holder_waits_for_a_second_reader[readers=2,sections=2,writes=2,deferral=1]";
        let bug = PlantedBug {
            symptom: ViolationKind::Property,
            budget: 10_000_000,
            ..planted("request-keeps-in-flight-while-queued", name)
        };
        let job = job(Purpose::Planted(bug), Engine::Harness);
        let survived = planted::judge(bug, job, report(Verdict::Complete, 10_000_000));
        let text = planted_table(&[survived]).text(Paint::NONE);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(WIDTH_MAX), "{text}");
    }

    #[test]
    fn a_failed_row_is_explained() {
        let text = shown(report(Verdict::BudgetSpent(Limit::Executions(9)), 9), true);
        assert!(text.contains("not through within 9 executions"), "{text}");
        assert!(text.contains("NOT SHOWN: a[readers=1] on harness (budget spent)"), "{text}");
        assert!(text.contains("the gate is shut: exit code 3"), "{text}");
    }

    #[test]
    fn paragraphs_are_broken_at_spaces_and_indented() {
        let wrapped = wrap(&format!("  {} {}", "a".repeat(100), "b".repeat(30)));
        assert_eq!(wrapped, format!("  {}\n    {}\n", "a".repeat(100), "b".repeat(30)));
    }
}
