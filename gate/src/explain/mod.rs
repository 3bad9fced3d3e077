//! `gate explain NAME`: what a name is, why it matters, where it stands, what finds or reaches it, what to do next.
//!
//! | file | |
//! | --- | --- |
//! | `topic` | a name of a kind with what is said of it, as text |
//! | `listed` | what the catalogue has: scenarios, properties, cases, planted bugs |
//! | `written` | what documents explain: claims, orderings, verdicts, steps, rules |
//! | `document` | their tables as rows |
//! | `places` | where a name stands in the source |
//!
//! Nothing is written here that stands elsewhere: each text comes from the catalogue or from a table of `docs/`.
//!
//! Cases: *a name* (each thing that is called so, whatever its kind), *a kind* (its names), *nothing* (the kinds, counted),
//! *a name that nobody has* (exit code 2, with those that are most like it).

mod document;
mod listed;
mod places;
mod topic;
mod written;

use std::io::IsTerminal;

use crate::catalogue::Catalogue;
use crate::like::nearest;
use crate::replay::Shown;
use crate::table::Paint;
use topic::{Kind, Topic};

/// No line of an explanation is longer: longer ones are hard to read.
const COLUMNS_MAX: usize = 100;

/// How many are named at most.
const LIKE_COUNT: usize = 3;

/// Explains a name, or says what there is to be explained.
///
/// # Errors
/// In one line, if nobody is called so.
pub(crate) fn explain(catalogue: &Catalogue, name: Option<&str>) -> Result<Shown, String> {
    let text = text(&topics(catalogue), name, columns(), Paint::for_stdout())?;
    Ok(Shown { text, exit_code: 0 })
}

/// Columns of the terminal, but not too many.
fn columns() -> usize {
    let stdout = std::io::stdout();
    let size = stdout.is_terminal().then(|| console::Term::stdout().size_checked()).flatten();
    size.map_or(COLUMNS_MAX, |(_, columns)| usize::from(columns)).min(COLUMNS_MAX)
}

fn text(
    topics: &[Topic],
    name: Option<&str>,
    columns: usize,
    paint: Paint,
) -> Result<String, String> {
    let Some(name) = name.map(str::trim) else { return Ok(kinds(topics)) };
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.plural() == name) {
        return Ok(names(topics, kind, columns));
    }
    let called: Vec<String> = topics
        .iter()
        .filter(|topic| topic.name.eq_ignore_ascii_case(name))
        .map(|topic| topic.text(columns, paint))
        .collect();
    if called.is_empty() { Err(unknown(topics, name)) } else { Ok(called.join("\n")) }
}

fn of(topics: &[Topic], kind: Kind) -> impl Iterator<Item = &Topic> {
    topics.iter().filter(move |topic| topic.kind == kind)
}

/// The kinds, with how many there are.
fn kinds(topics: &[Topic]) -> String {
    let mut text = "cargo gate explain NAME says what a name means, one of:\n\n".to_owned();
    for kind in Kind::ALL {
        let count = of(topics, kind).count();
        text += &format!("{count:>5}  {:<14}{}\n", kind.plural(), kind.is());
    }
    text + "\ncargo gate explain with one of these words lists the names.\n"
}

/// The names of a kind.
fn names(topics: &[Topic], kind: Kind, columns: usize) -> String {
    let longest = of(topics, kind).map(|topic| topic.name.chars().count()).max().unwrap_or(0);
    let width = longest.min(columns / 2).min(44);
    of(topics, kind).map(|topic| topic.line(width, columns)).collect()
}

/// The line for a name that nobody has.
fn unknown(topics: &[Topic], name: &str) -> String {
    let names = topics.iter().map(|topic| topic.name.as_str());
    let like = nearest(name, names, LIKE_COUNT);
    let like: Vec<String> = like.into_iter().map(|name| format!("`{name}`")).collect();
    let meant = match like.len() {
        0 => "a name".to_owned(),
        1 => like[0].clone(),
        _ => format!("one of {}", like.join(", ")),
    };
    format!("explain: found `{name}`, expected {meant}; `gate explain` lists what there is")
}

/// All that can be explained.
fn topics(catalogue: &Catalogue) -> Vec<Topic> {
    [
        listed::scenarios(catalogue),
        listed::properties(catalogue),
        listed::cases(catalogue),
        listed::planted(catalogue),
        written::claims(),
        written::orderings(),
        written::verdicts(),
        written::violations(),
        written::words(),
        written::exit_codes(),
        written::steps(),
        written::rules(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use graphlock_harness::outcome::{Limit, Verdict, ViolationKind};
    use graphlock_programs::rules::Rule;
    use graphlock_programs::step::WORDS;
    use std::path::Path;

    fn all() -> (Catalogue, Vec<Topic>) {
        let catalogue = Catalogue::load().expect("it is consistent");
        let topics = topics(&catalogue);
        (catalogue, topics)
    }

    /// The names of a kind that are not explained.
    #[track_caller]
    fn expect_explained<'a>(
        topics: &[Topic],
        kind: Kind,
        names: impl IntoIterator<Item = &'a str>,
    ) {
        let missing: Vec<&str> = names
            .into_iter()
            .filter(|name| !of(topics, kind).any(|each| each.name == **name))
            .collect();
        assert!(missing.is_empty(), "{}: {missing:?}", kind.plural());
    }

    #[test]
    fn every_name_of_the_catalogue_is_explained() {
        let (catalogue, topics) = all();
        let entries = &catalogue.entries;
        let scenarios = entries.iter().map(|entry| entry.on(Engine::Harness));
        expect_explained(
            &topics,
            Kind::Scenario,
            entries.iter().map(|each| each.full_name.as_str()),
        );
        expect_explained(&topics, Kind::Scenario, scenarios.clone().map(|each| each.name));
        let properties = scenarios.clone().flat_map(|each| each.properties).map(|each| each.name);
        expect_explained(&topics, Kind::Property, properties);
        expect_explained(&topics, Kind::Case, scenarios.flat_map(|each| each.cases).copied());
        expect_explained(&topics, Kind::PlantedBug, catalogue.mutations.iter().map(|(id, _)| *id));
        expect_explained(&topics, Kind::Step, WORDS.iter().map(|(word, _)| *word));
        assert_eq!(of(&topics, Kind::Rule).count(), Rule::ALL.len());
        assert_eq!(of(&topics, Kind::Claim).count(), 21);
        let claims: Vec<String> = (1..=19).map(|number| format!("C{number}")).collect();
        expect_explained(&topics, Kind::Claim, claims.iter().map(String::as_str));
        expect_explained(&topics, Kind::ExitCode, ["0", "1", "2", "3", "4", "5"]);
    }

    #[test]
    fn every_verdict_and_every_kind_of_violation_is_explained() {
        let (_, topics) = all();
        let verdicts = [
            Verdict::Complete,
            crate::judge::tests::violation(ViolationKind::Panic),
            Verdict::BudgetSpent(Limit::Interrupted),
            Verdict::NotDeterministic(String::new()),
            Verdict::HarnessBlind(String::new()),
        ];
        for verdict in verdicts {
            let topic = of(&topics, Kind::Verdict).find(|each| each.name == verdict.word());
            let code = verdict.exit_code().to_string();
            let said =
                topic.expect("it has a row").facts.iter().find(|(title, _)| *title == "exit code");
            assert_eq!(
                said.map(|(_, text)| text.as_str()),
                Some(code.as_str()),
                "{}",
                verdict.word()
            );
        }
        use ViolationKind::{DataRace, Deadlock, LeakedTask, Livelock, Panic, Property};
        let kinds = [Panic, Property, Deadlock, LeakedTask, Livelock, DataRace]
            .map(|each| each.to_string());
        expect_explained(&topics, Kind::Violation, kinds.iter().map(String::as_str));
        assert_eq!(of(&topics, Kind::Violation).count(), kinds.len());
    }

    #[test]
    fn no_explanation_is_empty_and_each_says_where_and_what_next() {
        let (_, topics) = all();
        for topic in &topics {
            let facts: Vec<&str> = topic.facts.iter().map(|(title, _)| *title).collect();
            let name = &topic.name;
            assert!(topic.is.trim().len() >= 4, "{name}: {:?}", topic.is);
            assert!(facts.contains(&"next"), "{name}: {facts:?}");
            let place = facts.contains(&"stands in") || facts.contains(&"written in");
            assert!(place, "{name}: {facts:?}");
        }
        let sited = [Kind::Case, Kind::PlantedBug, Kind::Ordering, Kind::Scenario];
        for topic in topics.iter().filter(|topic| sited.contains(&topic.kind)) {
            assert!(topic.facts.iter().any(|(title, _)| *title == "stands in"), "{}", topic.name);
        }
        for topic in of(&topics, Kind::Rule) {
            assert!(topic.facts.iter().any(|(title, _)| *title == "matters"), "{}", topic.name);
        }
    }

    #[test]
    fn what_decides_a_claim_exists() {
        let (_, topics) = all();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in a workspace");
        for claim in of(&topics, Kind::Claim) {
            let fact = claim.facts.iter().find(|(title, _)| *title == "decided by");
            for name in fact.iter().flat_map(|(_, text)| document::quoted(text)) {
                let is_known = topics.iter().any(|topic| topic.name == *name);
                assert!(is_known || root.join(name).is_file(), "{}: `{name}`", claim.name);
            }
        }
    }

    #[test]
    fn every_name_in_the_table_of_properties_exists() {
        let (catalogue, topics) = all();
        let [table, _] = written::properties();
        for row in &table.rows {
            for id in document::quoted(row.cell(4)).filter(|id| id.contains('-')) {
                let known = catalogue.mutation(id).is_ok()
                    || of(&topics, Kind::Property).any(|topic| topic.name == id);
                assert!(known, "docs/PROPERTIES.md:{}: `{id}`", row.line);
            }
        }
    }

    #[test]
    fn a_name_may_belong_to_several_kinds_and_has_no_case() {
        let (_, topics) = all();
        let explained = |name| text(&topics, Some(name), 80, Paint::NONE).expect("it is known");
        assert!(explained("c7").starts_with("C7, a claim"));
        assert!(explained("Deadlock").contains("none can go on"));
        assert!(explained("exit-codes").lines().count() >= 6);
        let both = explained("reader_meets_writer");
        assert!(both.contains("no-reader-inside-write") && both.contains("meeting.rs:"), "{both}");
    }

    #[test]
    fn who_mistypes_is_told_what_is_most_like_it() {
        let (_, topics) = all();
        let refused = |name| text(&topics, Some(name), 80, Paint::NONE).expect_err("nobody");
        let line = refused("reader-kick-remove");
        assert!(line.contains("expected one of `reader-kick-removed`"), "{line}");
        assert_eq!(
            refused("%%%"),
            "explain: found `%%%`, expected a name; `gate explain` lists what there is"
        );
    }

    #[test]
    fn without_a_name_the_kinds_are_counted() {
        let (catalogue, topics) = all();
        let text = text(&topics, None, 80, Paint::NONE).expect("there is something");
        let bugs = format!("{:>5}  planted-bugs", catalogue.mutations.len());
        assert!(text.contains(&bugs) && text.contains("   21  claims"), "{text}");
    }

    #[test]
    fn lists_and_texts_fit_a_narrow_terminal() {
        let (_, topics) = all();
        for topic in &topics {
            for line in topic.text(40, Paint::NONE).lines() {
                assert!(line.chars().count() <= 40, "{line}");
            }
        }
    }
}
