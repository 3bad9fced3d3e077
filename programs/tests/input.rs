//! No input is too much: whatever the bytes, a file is a program or is refused at a place that exists, and soon.
//!
//! Inputs are made from the programs in `model-tests/programs/`: bytes are changed, words and lines deleted, repeated and
//! swapped, pieces of one file put into another, letters added that are none; and some are nothing but bytes.
//! `GRAPHLOCK_INPUTS` says how many. The same number gives the same inputs.

use std::path::Path;
use std::time::{Duration, Instant};

use graphlock_harness::schedule::ScheduleFile;
use graphlock_programs::file::{Rejection, parse, print};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// So many, if nobody says otherwise.
const INPUTS: u64 = 20_000;
/// Nothing small takes longer.
const TIME_MAX: Duration = Duration::from_secs(1);

fn inputs() -> u64 {
    std::env::var("GRAPHLOCK_INPUTS").ok().and_then(|number| number.parse().ok()).unwrap_or(INPUTS)
}

struct Maker {
    random: ChaCha8Rng,
    corpus: Vec<String>,
}

impl Maker {
    fn new(seed: u64, corpus: Vec<String>) -> Self {
        Maker { random: ChaCha8Rng::seed_from_u64(seed), corpus }
    }

    fn below(&mut self, count: usize) -> usize {
        self.random.next_u64() as usize % count.max(1)
    }

    fn any_file(&mut self) -> String {
        let at = self.below(self.corpus.len());
        self.corpus[at].clone()
    }

    fn input(&mut self) -> String {
        match self.below(16) {
            0 => {
                let bytes: Vec<u8> =
                    (0..self.below(200)).map(|_| self.random.next_u32() as u8).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            1 => (0..self.below(200)).map(|_| (self.below(96) + 32) as u8 as char).collect(),
            2 => (0..self.below(60))
                .filter_map(|_| char::from_u32(self.random.next_u32() >> 11))
                .collect(),
            _ => {
                let mut text = self.any_file();
                for _ in 0..=self.below(4) {
                    text = match self.below(3) {
                        0 => self.change_bytes(text),
                        1 => self.change_pieces(&text, '\n'),
                        _ => self.change_pieces(&text, ' '),
                    };
                }
                text
            }
        }
    }

    /// Bytes go, come, or are others.
    fn change_bytes(&mut self, text: String) -> String {
        const MARKS: [&str; 14] = [
            "[",
            "]",
            "\"",
            "'",
            "\n",
            "=",
            ".",
            ",",
            "{",
            "\\u0000",
            "\u{1F980}",
            "\u{e4}",
            "[[node]]",
            "99999999999999999999",
        ];
        let mut bytes = text.into_bytes();
        let at = self.below(bytes.len() + 1);
        let end = (at + self.below(24)).min(bytes.len());
        match self.below(5) {
            0 => bytes.insert(at, self.random.next_u32() as u8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let other = self.any_file().into_bytes();
                let from = self.below(other.len());
                let to = (from + self.below(80)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            3 => drop(bytes.splice(at..at, MARKS[self.below(MARKS.len())].bytes())),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (self.random.next_u32() % 8);
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Words or lines go, are repeated, change places, or come from another file.
    fn change_pieces(&mut self, text: &str, between: char) -> String {
        let mut pieces: Vec<String> = text.split(between).map(str::to_owned).collect();
        let (one, other) = (self.below(pieces.len()), self.below(pieces.len()));
        match self.below(4) {
            0 => drop(pieces.remove(one)),
            1 => pieces.insert(other, pieces[one].clone()),
            2 => pieces.swap(one, other),
            _ => {
                let file = self.any_file();
                let all: Vec<&str> = file.split(between).collect();
                all[self.below(all.len())].clone_into(&mut pieces[one]);
            }
        }
        pieces.join(&between.to_string())
    }
}

/// Whether there is such a place in a text; the end of a line is one.
fn exists(text: &str, line: usize, column: usize) -> bool {
    let line = line.checked_sub(1).and_then(|line| text.split('\n').nth(line));
    line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&column))
}

fn programs() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model-tests/programs");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    paths.sort();
    let read = |path| std::fs::read_to_string(path).expect("it is text");
    let with_stories: Vec<String> = paths.into_iter().map(read).collect();
    // What a story says is nothing to change.
    let story = |line: &&str| !line.starts_with('#');
    with_stories
        .iter()
        .map(|text| text.lines().filter(story).collect::<Vec<_>>().join("\n"))
        .collect()
}

#[test]
fn any_input_is_a_program_or_refused_at_a_place() {
    let mut maker = Maker::new(7, programs());
    let (mut accepted, mut slowest) = (0, Duration::ZERO);
    for _ in 0..inputs() {
        let text = maker.input();
        let begin = Instant::now();
        let parsed = parse("p.toml", &text);
        slowest = slowest.max(begin.elapsed());
        match parsed {
            Ok(program) => {
                accepted += 1;
                let again = parse("p.toml", &print(&program));
                assert_eq!(again.as_ref(), Ok(&program), "{text}");
            }
            Err(rejection) => {
                let Rejection { line, column, .. } = rejection;
                assert!(exists(&text, line, column), "{line}:{column} of {text:?}");
                let said = rejection.to_string();
                assert!(!said.contains(char::is_control) && said.len() < 600, "{said:?}");
            }
        }
    }
    assert!(slowest < TIME_MAX, "{slowest:?}");
    assert!((inputs() / 50..inputs() / 2).contains(&accepted), "{accepted} of {}", inputs());
    println!("{accepted} of {} inputs are programs; the slowest took {slowest:?}", inputs());
}

#[test]
fn any_input_is_a_schedule_or_refused_at_a_place() {
    let text = "graphlock-schedule 1\nscenario program[deferral=list,store-buffers=0,surprises=3]\nmutation notify-skipped\nverdict deadlock\nchoices 0*3 1 0*2 v1 1*4\n";
    let schedule = format!("{text}checksum {:016x}\n", checksum(text));
    assert!(ScheduleFile::parse(&schedule).is_ok());
    let mut maker = Maker::new(8, vec![schedule, "checksum choices v1*7 \u{e4} 0*0".to_owned()]);
    let mut accepted = 0;
    for number in 0..inputs() {
        let mut text = maker.input();
        // Most are signed, so that what is wrong is not the signature.
        if number % 4 > 0 {
            let end = text.rfind("checksum ").unwrap_or(text.len());
            text.truncate(end);
            text += &format!("checksum {:016x}\n", checksum(&text));
        }
        match ScheduleFile::parse(&text) {
            Ok(file) => {
                accepted += 1;
                assert_eq!(ScheduleFile::parse(&file.to_text()).as_ref(), Ok(&file), "{text:?}");
            }
            Err(error) => assert!(exists(&text, error.line, error.column), "{error} in {text:?}"),
        }
    }
    assert!(accepted > inputs() / 50, "{accepted} of {}", inputs());
    println!("{accepted} of {} inputs are schedules", inputs());
}

/// FNV-1a, as in schedules.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// As many names, waits and posts as a file may have.
#[test]
fn the_largest_files_take_no_longer() {
    let events = |from: usize, word: &str| -> Vec<String> {
        (0..5).map(|at| format!("\"{word} e{}\"", from * 5 + at)).collect()
    };
    let mut text = String::new();
    for task in 0..12 {
        let waits = (0..task.min(1)).flat_map(|_| (0..5).flat_map(|_| events(task - 1, "wait")));
        let steps: Vec<String> = waits.chain(events(task, "signal")).collect();
        text += &format!(
            "[[task]]\nname = \"t{task}\"\non = \"main\"\nsteps = [{}]\n",
            steps.join(", ")
        );
    }
    for node in 0..16 {
        let children = if node == 15 {
            String::new()
        } else {
            format!("children = {{ file = \"n{0}\", backing = \"n{0}\" }}\n", node + 1)
        };
        text += &format!("[[node]]\nname = \"n{node}\"\n{children}");
    }
    for command in 0..16 {
        let posts: Vec<String> =
            (command + 1..16).take(4).map(|at| format!("\"post c{at}\"")).collect();
        text += &format!("[[command]]\nname = \"c{command}\"\nsteps = [{}]\n", posts.join(", "));
    }
    let begin = Instant::now();
    parse("p.toml", &text).unwrap_or_else(|rejection| panic!("{rejection}"));
    assert!(begin.elapsed() < TIME_MAX, "{:?}", begin.elapsed());
    for deep in ["[", "{a=", "a.", "[[a]]\n", "'", "\""] {
        let text = deep.repeat(200_000 / deep.len());
        let begin = Instant::now();
        assert!(parse("p.toml", &format!("a = {text}")).is_err());
        assert!(parse("p.toml", &text).is_err());
        assert!(begin.elapsed() < 5 * TIME_MAX, "{deep}: {:?}", begin.elapsed());
    }
}
