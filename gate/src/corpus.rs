//! `gate corpus`: small programs of which half hang or spin and half do not, and whether the gate can tell.
//!
//! The result is the confusion matrix: what fails and was found, what fails and was missed, what does not fail and was accused. A
//! failure counts as found only if its report names the cycle of waits, or the loop.

use std::fmt::Write as _;

use graphlock_harness::expectation::{Expectation, Judged};
use graphlock_harness::outcome::Verdict;
use graphlock_on_harness::model_tests::corpus::{Family, all};

use crate::expected::{Checked, ExpectedOptions, check_all};
use crate::replay::Shown;
use crate::table::{Paint, Side, Table, Tone, count, plain};

/// Counts of one family, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Matrix {
    /// Fails, and was found as what it is.
    found: usize,
    /// Fails, and was not found, or as something else.
    missed: usize,
    /// Does not fail, and was accused.
    accused: usize,
    /// Does not fail, and was found sound.
    sound: usize,
    /// The check came to no result.
    open: usize,
}

impl Matrix {
    fn of(checked: &[Checked]) -> Matrix {
        let mut matrix = Matrix::default();
        for each in checked {
            let fails = each.expectation.symptom.is_some();
            let counter = match (&each.judged, fails) {
                (Judged::NoResult(_), _) => &mut matrix.open,
                (Judged::AsExpected, true) => &mut matrix.found,
                (Judged::AsExpected, false) => &mut matrix.sound,
                (_, true) => &mut matrix.missed,
                (_, false) => &mut matrix.accused,
            };
            *counter += 1;
        }
        matrix
    }

    fn is_clean(self) -> bool {
        self.missed == 0 && self.accused == 0 && self.open == 0
    }

    fn row(self, name: &str) -> Vec<crate::table::Cell> {
        let wrong = |number: usize| {
            let tone = if number == 0 { Tone::Plain } else { Tone::Bad };
            vec![(number.to_string(), tone)]
        };
        vec![
            plain([name.to_owned()]),
            plain([self.found.to_string()]),
            wrong(self.missed),
            wrong(self.accused),
            plain([self.sound.to_string()]),
            wrong(self.open),
        ]
    }
}

/// Checks all programs.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn corpus(options: &ExpectedOptions) -> Result<Shown, String> {
    let families = all();
    let list: Vec<Expectation> =
        families.iter().flat_map(|family| family.programs.iter().copied()).collect();
    let checked = check_all(&list, options)?;
    Ok(concluded(&families, &checked, Paint::for_stdout()))
}

fn concluded(families: &[Family], checked: &[Checked], paint: Paint) -> Shown {
    let columns = [
        ("family", Side::Left),
        ("found", Side::Right),
        ("missed", Side::Right),
        ("accused", Side::Right),
        ("sound", Side::Right),
        ("no result", Side::Right),
    ];
    let mut table = Table::new(&columns);
    let mut text = String::new();
    let mut rest = checked;
    for family in families {
        let (own, others) = rest.split_at(family.programs.len());
        rest = others;
        let _ = writeln!(text, "{}", family.name);
        for each in own {
            let (tone, outcome) = outcome(each);
            let _ = writeln!(text, "  {}", each.expectation.scenario.full_name());
            let _ = writeln!(text, "    {}", each.expectation.scenario.about);
            let _ = writeln!(text, "    {}", paint.paint(tone, &outcome));
        }
        table.push(Matrix::of(own).row(family.name));
    }
    let all = Matrix::of(checked);
    table.push(all.row("all"));
    let _ = writeln!(text, "\n{}", table.text(paint));
    let fails = all.found + all.missed;
    let _ = writeln!(
        text,
        "{} programs, {fails} of them fail: {} missed, {} false alarms",
        checked.len(),
        all.missed,
        all.accused
    );
    Shown { text, exit_code: if all.is_clean() { 0 } else { 5 } }
}

/// What came of a program; of a failure the lines that say who waits for whom.
fn outcome(checked: &Checked) -> (Tone, String) {
    let executions = count(checked.report.executions);
    match (&checked.judged, &checked.report.verdict) {
        (Judged::AsExpected, Verdict::Violation(found)) => {
            let message = found.message.lines().map(str::trim).collect::<Vec<_>>().join("\n      ");
            (Tone::Note, format!("{executions} executions; {message}"))
        }
        (Judged::AsExpected, _) => (Tone::Good, format!("{executions} executions; nothing")),
        (judged, _) => (Tone::Bad, format!("{executions} executions; {judged}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::{report, violation};
    use graphlock_harness::expectation::Symptom;
    use graphlock_harness::outcome::ViolationKind::{self, Deadlock};

    fn checked(fails: bool, verdict: Verdict) -> Checked {
        let scenario = crate::catalogue::tests::scenario("a");
        let symptom = fails.then_some(Symptom { kind: Deadlock, says: &["who waits"] });
        let expectation = Expectation { scenario, mutation: None, symptom, ends: &[], budget: 9 };
        let report = report(verdict, 9);
        let judged = expectation.judge(&report);
        Checked { expectation, report, judged }
    }

    fn concludes(checks: &[Checked]) -> (u8, String) {
        let programs = checks.iter().map(|each| each.expectation).collect();
        let families = [Family { name: "one", programs }];
        let shown = concluded(&families, checks, Paint::NONE);
        (shown.exit_code, shown.text)
    }

    #[test]
    fn a_missed_failure_and_a_false_alarm_each_fail_the_gate() {
        let good = [checked(true, violation(Deadlock)), checked(false, Verdict::Complete)];
        assert_eq!(concludes(&good).0, 0);
        let missed = [checked(true, Verdict::Complete)];
        let (code, text) = concludes(&missed);
        assert!(code == 5 && text.contains("1 missed, 0 false alarms"), "{text}");
        let accused = [checked(false, violation(ViolationKind::Panic))];
        let (code, text) = concludes(&accused);
        assert!(code == 5 && text.contains("0 missed, 1 false alarms"), "{text}");
        let other = [checked(true, violation(ViolationKind::Panic))];
        assert_eq!(concludes(&other).0, 5, "found as something else is missed");
        let cut = Verdict::BudgetSpent(graphlock_harness::outcome::Limit::Executions(9));
        assert_eq!(concludes(&[checked(false, cut)]).0, 5, "not through is no result");
    }
}
