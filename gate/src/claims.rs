//! `gate claims`: what was said of the deferred unref in its review, decided by checks.
//!
//! Each claim has checks that come out as they must if the verdict on it is right. `docs/CLAIMS.md` is made from the same table and
//! from what the checks have shown; a run says whether it still is what they show.

use std::fmt::Write as _;

use graphlock_harness::expectation::{Expectation, Judged};
use graphlock_harness::outcome::Verdict;
use graphlock_on_harness::model_tests::claims::{Claim, Decision, Evidence, all};

use crate::document::{self, DocumentOptions};
use crate::expected::{Checked, check_all};
use crate::planted::with_planted;
use crate::replay::Shown;
use crate::table::{Paint, Tone, count};

/// The page as it was when the gate was built.
const PAGE: document::Page =
    document::Page { path: "docs/CLAIMS.md", text: include_str!("../../docs/CLAIMS.md") };

/// The verdict on a claim in words.
pub(crate) fn decided(claim: &Claim) -> String {
    match claim.decision {
        Decision::True => "true".to_owned(),
        Decision::False => "false".to_owned(),
        Decision::TrueIf(premise) => format!("true only if {premise}"),
        Decision::AboutWords => "about words".to_owned(),
    }
}

/// Makes the checks of all claims and says what they come to.
///
/// # Errors
/// In one line: what was found, and what was expected.
pub(crate) fn claims(options: &DocumentOptions) -> Result<Shown, String> {
    let claims = all();
    let list: Vec<Expectation> = claims.iter().flat_map(Claim::checks).collect();
    let checked = check_all(&list, &options.checks)?;
    let mut rest = checked.as_slice();
    let mut shown = Vec::new();
    for claim in &claims {
        let (own, others) = rest.split_at(claim.checks().count());
        shown.push((claim, own));
        rest = others;
    }
    let text = told(&shown, Paint::for_stdout());
    let is_met = checked.iter().all(Checked::is_met);
    document::conclude(text, is_met, &PAGE, &page(&shown), options.write.as_deref())
}

/// What came of a check, in words.
fn outcome(checked: &Checked) -> String {
    let executions = count(checked.report.executions);
    match (&checked.judged, &checked.report.verdict) {
        (Judged::AsExpected, Verdict::Violation(found)) => {
            format!("{} after {executions}", found.kind)
        }
        (Judged::AsExpected, _) if checked.expectation.ends.is_empty() => {
            format!("holds in all {executions}")
        }
        (Judged::AsExpected, _) => {
            format!("ends in {} ({executions})", checked.expectation.ends.join(" or "))
        }
        (other, _) => format!("NOT AS EXPECTED: {other}"),
    }
}

fn told(shown: &[(&Claim, &[Checked])], paint: Paint) -> String {
    let mut text = String::new();
    for (claim, checks) in shown {
        let is_met = checks.iter().all(Checked::is_met);
        let tone = if is_met { Tone::Good } else { Tone::Bad };
        let verdict = if is_met { decided(claim) } else { "NOT DECIDED AS WRITTEN".to_owned() };
        let _ = writeln!(text, "{} {}", claim.id, paint.paint(tone, &verdict));
        let _ = writeln!(text, "  {} ({})\n  {}", claim.says, claim.who, claim.because);
        let mut checks = checks.iter();
        for evidence in &claim.evidence {
            match evidence {
                Evidence::Check(what, _) => {
                    let checked = checks.next().expect("each check has been made");
                    let planted = with_planted(checked.expectation.mutation);
                    let name = checked.expectation.scenario.full_name();
                    let outcome = outcome(checked);
                    let _ = writeln!(text, "    {what}\n      {name}{planted}: {outcome}");
                }
                Evidence::DoesNotCompile(file, what) => {
                    let _ = writeln!(text, "    {what}\n      {file} does not compile");
                }
                Evidence::Program(file, what) => {
                    let _ = writeln!(text, "    {what}\n      {file}, for `gate check`");
                }
            }
        }
        text.push('\n');
    }
    let met = shown.iter().filter(|(_, checks)| checks.iter().all(Checked::is_met)).count();
    let checks: usize = shown.iter().map(|(_, checks)| checks.len()).sum();
    let _ = writeln!(text, "{met} of {} decided as written, by {checks} checks", shown.len());
    text
}

const HEAD: &str = "\
# Claims

What was said in the public review of QEMU's deferred unref, in August and September 2023, and of its sequel in May 2025, and what decides it; then two invariants that were taken for granted.
Who said it stands by initials.
`cargo gate claims` makes the checks, each by every interleaving of its scenario or up to its counterexample, under sequential consistency, and fails if this page is not what they show; `--write` makes it anew.
A scenario without `planted` is a small model of QEMU's lock (`model-tests/history/`) or one of ours, as its name says; `cargo gate explain NAME` tells which.

";

/// The page that the checks make.
fn page(shown: &[(&Claim, &[Checked])]) -> String {
    let mut text = HEAD.to_owned();
    text += "| claim | who | in one sentence | what it comes to | because |\n";
    text += "| --- | --- | --- | --- | --- |\n";
    for (claim, _) in shown {
        let Claim { id, who, says, because, .. } = claim;
        let decided = decided(claim);
        let _ = writeln!(text, "| `{id}` | {who} | {says} | {decided} | {because} |");
    }
    text += "\n## What decides them\n\nThe numbers are executions.\n\n";
    text += "| claim | what is shown | by | outcome |\n| --- | --- | --- | --- |\n";
    for (claim, checks) in shown {
        let mut checks = checks.iter();
        for evidence in &claim.evidence {
            let (what, by, outcome) = match evidence {
                Evidence::Check(what, _) => {
                    let checked = checks.next().expect("each check has been made");
                    let name = checked.expectation.scenario.full_name();
                    let planted = checked.expectation.mutation;
                    let planted = planted.map(|id| format!(", planted `{id}`")).unwrap_or_default();
                    (what, format!("`{name}`{planted}"), outcome(checked))
                }
                Evidence::DoesNotCompile(file, what) => {
                    (what, format!("`{file}`"), "does not compile".to_owned())
                }
                Evidence::Program(file, what) => (what, format!("`{file}`"), "passes".to_owned()),
            };
            let _ = writeln!(text, "| {} | {what} | {by} | {outcome} |", claim.id);
        }
    }
    text
}
