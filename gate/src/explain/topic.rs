//! One name that is explained: of which kind it is, and what is said of it.

use crate::table::{Paint, Tone};

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A body with parameters.
    Scenario,
    /// A named statement.
    Property,
    /// A written branch of the protocol.
    Case,
    /// A protection that is turned off.
    PlantedBug,
    /// Something that was said in the review.
    Claim,
    /// An id of a comment `ORDERING`.
    Ordering,
    /// What a check ends in.
    Verdict,
    /// How an interleaving fails.
    Violation,
    /// A word of the gate's tables.
    Word,
    /// What the process ends with.
    ExitCode,
    /// A word of programs.
    Step,
    /// A rule for those who write programs.
    Rule,
}

impl Kind {
    /// All, in the order in which they are shown.
    pub(super) const ALL: [Kind; 12] = [
        Kind::Scenario,
        Kind::Property,
        Kind::Case,
        Kind::PlantedBug,
        Kind::Claim,
        Kind::Ordering,
        Kind::Verdict,
        Kind::Violation,
        Kind::Word,
        Kind::ExitCode,
        Kind::Step,
        Kind::Rule,
    ];

    /// The word for all of the kind, which lists them.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Kind::Scenario => "scenarios",
            Kind::Property => "properties",
            Kind::Case => "cases",
            Kind::PlantedBug => "planted-bugs",
            Kind::Claim => "claims",
            Kind::Ordering => "orderings",
            Kind::Verdict => "verdicts",
            Kind::Violation => "violations",
            Kind::Word => "words",
            Kind::ExitCode => "exit-codes",
            Kind::Step => "steps",
            Kind::Rule => "rules",
        }
    }

    /// What one of the kind is, in a few words.
    pub(super) fn is(self) -> &'static str {
        match self {
            Kind::Scenario => "a scenario: a body that is executed in every interleaving",
            Kind::Property => "a property: a named statement about scenarios",
            Kind::Case => "a case: a branch of the protocol that must be reached",
            Kind::PlantedBug => "a planted bug: a protection that can be turned off",
            Kind::Claim => "a claim of the public review",
            Kind::Ordering => "an ordering: who must see whose memory accesses",
            Kind::Verdict => "a verdict: what a check ends in",
            Kind::Violation => "a kind of violation",
            Kind::Word => "a word of the gate's tables",
            Kind::ExitCode => "an exit code of the gate",
            Kind::Step => "a step of programs",
            Kind::Rule => "a calling rule of programs",
        }
    }
}

/// A name with what is said of it.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// What it is, in a sentence or two.
    pub(super) is: String,
    /// Titles and texts, in the order in which they are shown.
    pub(super) facts: Vec<(&'static str, String)>,
}

impl Topic {
    /// A topic of which nothing more is said yet.
    pub(super) fn new(kind: Kind, name: &str, is: &str) -> Topic {
        Topic { kind, name: name.to_owned(), is: is.to_owned(), facts: Vec::new() }
    }

    /// Says one thing more, if there is anything to say.
    pub(super) fn with(mut self, title: &'static str, text: impl Into<String>) -> Topic {
        let text = text.into();
        if !text.trim().is_empty() {
            self.facts.push((title, text));
        }
        self
    }

    /// All of it, in lines of at most `columns`.
    pub(super) fn text(&self, columns: usize, paint: Paint) -> String {
        let mut text = wrapped("", &format!("{}, {}", self.name, self.kind.is()), columns);
        if let Some(rest) = text.strip_prefix(&self.name) {
            text = format!("{}{rest}", paint.paint(Tone::Good, &self.name));
        }
        text += "\n";
        text += &wrapped("", &self.is, columns);
        if !self.facts.is_empty() {
            text += "\n";
        }
        for (title, fact) in &self.facts {
            text += &titled(title, fact, columns, paint);
        }
        text
    }

    /// Its name and the beginning of what it is, in one line of at most `columns`.
    pub(super) fn line(&self, names: usize, columns: usize) -> String {
        let is = textwrap::wrap(&self.is, columns.saturating_sub(names + 3).max(10));
        let more = if is.len() > 1 { " ..." } else { "" };
        let first = is.first().map_or("", |line| line.as_ref());
        format!("{:<names$}  {first}{more}\n", self.name)
    }
}

/// Columns that titles take.
const TITLES: usize = 13;

/// A title and its text beside it; below it where there is little room.
fn titled(title: &str, text: &str, columns: usize, paint: Paint) -> String {
    if columns < 60 {
        return format!("{}\n{}", paint.paint(Tone::Note, title), wrapped("  ", text, columns));
    }
    let indent = " ".repeat(TITLES);
    let body = wrapped(&indent, text, columns);
    let title = format!("{}{}", paint.paint(Tone::Note, title), &indent[title.len().min(TITLES)..]);
    title + body.trim_start()
}

/// Text in lines of at most `columns`, each with its end. A line that ends in the text ends here, too.
fn wrapped(indent: &str, text: &str, columns: usize) -> String {
    // Names are not broken at their hyphens: they are there to be copied.
    let options = textwrap::Options::new(columns.max(20))
        .initial_indent(indent)
        .subsequent_indent(indent)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = text.lines().flat_map(|line| textwrap::wrap(line, &options));
    lines.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_is_lost() {
        let words = "a reader that leaves wakes the writer, whatever it sees ".repeat(9);
        let topic = Topic::new(Kind::Case, "reader-sleeps", &words)
            .with("stands in", "src/graph_lock/reader.rs:120")
            .with("nothing", " ");
        for columns in [20, 40, 59, 60, 100] {
            let text = topic.text(columns, Paint::NONE);
            for line in text.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
            assert_eq!(text.matches("wakes").count(), 9);
            assert!(text.contains("stands in") && !text.contains("nothing"), "{text}");
        }
    }
}
