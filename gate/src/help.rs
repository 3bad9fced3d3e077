//! What stands below the options in help and in the man page: examples, exit codes, files.
//!
//! One table for all commands. Each example is parsed by a test, so none can go stale unseen.

use clap::Command;

use crate::exit_code;

/// What stands below the options of one command.
struct Below {
    /// The command; empty for a run, which has none.
    command: &'static str,
    /// What is typed after `cargo gate`, and what it is for.
    examples: &'static [(&'static str, &'static str)],
    /// What it may end with.
    exit_codes: &'static [u8],
    /// What it writes.
    files: &'static [(&'static str, &'static str)],
}

const SCHEDULES: (&str, &str) = (
    "target/gate/*.schedule, *.html",
    "the schedule of each violation, for `gate replay`, and its page",
);

const REPORT: (&str, &str) =
    ("target/gate/report.json", "all that was shown, whatever the verdict");

const FORMS: (&str, &str) = (
    "target/gate/report.html, junit.xml, results.sarif",
    "the same for people, for who shows tests, and for who shows findings",
);

/// What stands below the options, by command.
const BELOW: &[Below] = &[
    Below {
        command: "",
        examples: &[
            ("", "everything, under a minute on two cores"),
            ("--filter ^drain --engine harness", "the scenarios of one kind on one engine"),
            ("--profile full --jobs 8", "larger bounds and limits, eight rows at a time"),
            ("--json --quiet", "the report on stdout and nothing on stderr"),
        ],
        exit_codes: &[0, 1, 2, 3, 4, 5],
        files: &[REPORT, FORMS, SCHEDULES],
    },
    Below {
        command: "list",
        examples: &[
            ("list", "all that can be run"),
            ("list --filter kick", "scenarios and planted bugs whose name has `kick` in it"),
        ],
        exit_codes: &[0, 2],
        files: &[],
    },
    Below {
        command: "replay",
        examples: &[
            (
                "replay target/gate/drain_meets_reader.request-end-kick-removed.schedule",
                "draws what `gate mutants` has found",
            ),
            (
                "replay target/gate/worker_pool.worker-wake-skipped.schedule --html wake.html",
                "writes the page, too",
            ),
        ],
        exit_codes: &[1, 2, 4],
        files: &[],
    },
    Below {
        command: "mutants",
        examples: &[
            ("mutants", "all planted bugs"),
            ("mutants --filter reader-kick", "those whose id, or whose scenario, matches"),
        ],
        exit_codes: &[0, 2, 4, 5],
        files: &[REPORT, FORMS, SCHEDULES],
    },
    Below {
        command: "explore",
        examples: &[
            (
                "explore \"reader_meets_writer[readers=2,sections=1,writes=1,overtakes=0]\" --jobs 2",
                "every interleaving, on two threads",
            ),
            (
                "explore drain_meets_request --mutation request-end-kick-removed",
                "with a bug in it, until it is found",
            ),
            ("explore worker_pool --checkpoint pool.state", "the same, to go on after Ctrl-C"),
            ("explore worker_pool --checkpoint pool.state --resume", "goes on"),
            ("explore worker_pool --shard 1/4 --checkpoint part1", "the first of four parts"),
        ],
        exit_codes: &[0, 1, 2, 3, 4],
        files: &[SCHEDULES, ("FILE of --checkpoint", "the state of the search")],
    },
    Below {
        command: "merge",
        examples: &[(
            "merge worker_pool part1 part2 part3 part4",
            "the four parts as if they had been one",
        )],
        exit_codes: &[0, 1, 2, 3],
        files: &[SCHEDULES],
    },
    Below {
        command: "sample",
        examples: &[
            ("sample worker_pool --runs 100000", "many interleavings of what has too many"),
            ("sample worker_pool --strategy pct3 --seed 7", "drawn in another way"),
            ("sample worker_pool --seed 7 --first 4711 --runs 1", "one run of those, alone"),
        ],
        exit_codes: &[1, 2, 3, 4],
        files: &[("target/gate/sample.json", "what was known after how many runs"), SCHEDULES],
    },
    Below {
        command: "check",
        examples: &[
            ("check model-tests/programs/seed.toml", "a program, on both ways of deferring"),
            (
                "check model-tests/programs/seed.toml --mutation deferred-unref-not-polled",
                "with a bug in it",
            ),
            (
                "check target/gate/seed.toml --schedule target/gate/seed.schedule --mutation deferred-unref-not-polled",
                "what that has found, again",
            ),
        ],
        exit_codes: &[0, 1, 2, 4],
        files: &[
            ("target/gate/NAME.toml", "the program of a violation"),
            ("target/gate/NAME.schedule", "its schedule"),
        ],
    },
    Below {
        command: "fuzz",
        examples: &[
            ("fuzz --time 10m --jobs 2", "ten minutes of drawn programs"),
            ("fuzz --programs 1000 --seed 7", "the same thousand in every run"),
            ("fuzz --planted 3", "how soon fuzzing alone finds each planted bug"),
        ],
        exit_codes: &[0, 1, 2],
        files: &[
            ("target/gate/fuzz.json", "what was drawn and met"),
            ("target/gate/*.toml, *.schedule", "what was shrunk, for `gate check --schedule`"),
        ],
    },
    Below {
        command: "explain",
        examples: &[
            ("explain", "the kinds of names, with how many there are"),
            ("explain reader-kick-removed", "a planted bug"),
            ("explain C7", "a claim of the review"),
            ("explain deadlock", "a kind of violation"),
            ("explain cases", "all names of one kind"),
        ],
        exit_codes: &[0, 2],
        files: &[],
    },
    Below {
        command: "claims",
        examples: &[
            ("claims", "makes the checks and compares what they show with docs/CLAIMS.md"),
            ("claims --write docs/CLAIMS.md", "writes that page anew"),
        ],
        exit_codes: &[0, 2, 5],
        files: &[SCHEDULES],
    },
    Below {
        command: "history",
        examples: &[
            ("history", "the table of versions and failures, compared with docs/HISTORY.md"),
            ("history --write docs/HISTORY.md", "writes that page anew"),
            (
                "explore \"last_reader_leaves[version=202507]\"",
                "one cell of it: the counterexample, drawn",
            ),
        ],
        exit_codes: &[0, 2, 5],
        files: &[SCHEDULES],
    },
    Below {
        command: "barriers",
        examples: &[
            (
                "barriers",
                "the table of orderings and memory models, compared with docs/BARRIERS.md",
            ),
            ("barriers --write docs/BARRIERS.md", "writes that page anew"),
        ],
        exit_codes: &[0, 2, 5],
        files: &[],
    },
    Below {
        command: "corpus",
        examples: &[
            ("corpus", "86 programs, each with what was found, and the confusion matrix"),
            ("explore \"opposite_order[broken=1]\"", "one of them: the counterexample, drawn"),
        ],
        exit_codes: &[0, 2, 5],
        files: &[SCHEDULES],
    },
    Below {
        command: "matrix",
        examples: &[
            ("matrix", "properties and planted bugs, compared with docs/PROPERTIES.md"),
            ("matrix --write docs/PROPERTIES.md", "writes that part of the page anew"),
        ],
        exit_codes: &[0, 2, 5],
        files: &[],
    },
    Below {
        command: "completions",
        examples: &[
            ("completions bash > gate.bash", "for `source gate.bash`"),
            ("completions fish > ~/.config/fish/completions/gate.fish", "for fish, for good"),
        ],
        exit_codes: &[0, 2],
        files: &[],
    },
    Below {
        command: "man",
        examples: &[("man > gate.1", "to be read with `man -l gate.1`")],
        exit_codes: &[0, 2],
        files: &[],
    },
];

impl Below {
    fn text(&self) -> String {
        let mut text = "Examples:\n".to_owned();
        for (words, what) in self.examples {
            let line = format!("cargo gate {words}");
            text += &format!("  {}\n      {what}\n", line.trim_end());
        }
        text += "\n";
        text += &exit_code::paragraph(self.exit_codes);
        if self.command.is_empty() {
            text += "Of several, the worst is given: 1, 5, 4, 3, 0.\n";
        }
        if !self.files.is_empty() {
            text += "\nFiles:\n";
            for (path, what) in self.files {
                text += &format!("  {path}\n      {what}\n");
            }
        }
        text += "\n`cargo gate explain NAME` says more of any name, and `cargo gate explain exit-codes` of these.\n";
        text
    }
}

/// The definition of the command line with what stands below the options.
pub(crate) fn dressed(definition: Command) -> Command {
    BELOW.iter().fold(definition, |definition, below| match below.command {
        "" => definition.after_help(below.text()),
        name if definition.find_subcommand(name).is_none() => definition,
        name => definition.mut_subcommand(name, |command| command.after_help(below.text())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{definition, parse};

    /// The words of a line as a shell would give them: quotes are known, and what follows `>` is the shell's.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec!["gate".to_owned()];
        for (index, part) in line.split('"').enumerate() {
            if index % 2 == 1 {
                words.push(part.to_owned());
            } else {
                let before = part.split_whitespace();
                words.extend(
                    before.take_while(|word| *word != ">" && *word != "#").map(str::to_owned),
                );
            }
        }
        words
    }

    /// The command lines of the gate in a text: what follows `cargo gate` in a line of a block or between backticks.
    fn lines(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut in_block = false;
        for line in text.lines() {
            if line.starts_with("```") {
                in_block = !in_block;
            } else if let Some(rest) = line.trim_start().strip_prefix("cargo gate") {
                found.push(rest.to_owned());
            } else if !in_block {
                let spans = line.split('`').skip(1).step_by(2);
                let spans = spans.filter_map(|span| span.strip_prefix("cargo gate"));
                found.extend(spans.map(str::to_owned));
            }
        }
        found
    }

    /// Words that stand for others, as in `cargo gate replay FILE`.
    fn filled_in(word: &str) -> Option<String> {
        match word {
            "SCENARIO" => Some("worker_pool".to_owned()),
            "RE" => Some("^reader".to_owned()),
            "NAME" => Some("deadlock".to_owned()),
            word if word.contains("...") => Some("file".to_owned()),
            word => Some(word.to_owned()),
        }
    }

    #[track_caller]
    fn expect_parsed(line: &str) {
        let words: Vec<String> = words(line).iter().filter_map(|word| filled_in(word)).collect();
        // Help is answered, not refused.
        let parsed = match parse(&words) {
            Err(crate::arguments::Refused::Mistake(mistake)) => Err(mistake),
            _ => Ok(()),
        };
        assert_eq!(parsed, Ok(()), "cargo gate {line}");
    }

    #[test]
    fn every_example_in_help_is_a_call() {
        let examples: Vec<&str> =
            BELOW.iter().flat_map(|below| below.examples).map(|(words, _)| *words).collect();
        assert!(examples.len() > 20, "{examples:?}");
        for words in examples {
            expect_parsed(words);
        }
    }

    #[test]
    fn every_example_in_the_documents_is_a_call() {
        let documents = [
            ("README.md", include_str!("../../README.md")),
            ("docs/LIMITS.md", include_str!("../../docs/LIMITS.md")),
            ("docs/MEASURES.md", include_str!("../../docs/MEASURES.md")),
            ("docs/PROGRAMS.md", include_str!("../../docs/PROGRAMS.md")),
            ("docs/TRACE.md", include_str!("../../docs/TRACE.md")),
            ("docs/VERDICTS.md", include_str!("../../docs/VERDICTS.md")),
        ];
        let mut seen = 0;
        for (_, text) in documents {
            for line in lines(text) {
                expect_parsed(&line);
                seen += 1;
            }
        }
        assert!(seen > 15, "{seen} examples");
    }

    #[test]
    fn every_command_has_examples_exit_codes_and_its_row() {
        for command in definition().get_subcommands() {
            let name = command.get_name();
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{name}:\n{help}");
        }
        for below in BELOW.iter().filter(|below| !below.command.is_empty()) {
            assert!(definition().find_subcommand(below.command).is_some(), "{}", below.command);
        }
    }

    #[test]
    fn a_scenario_in_an_example_exists() {
        let catalogue = crate::catalogue::Catalogue::load().expect("it is consistent");
        for below in
            BELOW.iter().filter(|each| ["explore", "merge", "sample"].contains(&each.command))
        {
            for (line, _) in below.examples {
                let words = words(line);
                assert!(catalogue.find(&words[2]).is_some(), "{line}");
            }
        }
    }
}
