//! Programs as files: what is rejected and where, that what is written can be read, and that no input is too much.

use graphlock_programs::file::{Rejection, parse, print};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A program with most kinds of parts.
const WHOLE: &str = r#"
about = "a whole \"one\""
deferral = "list"
workers = 1

[[image]]
name = "base.img"

[[node]]
name = "device"
driver = "device"
children = { root = "disk" }

[[node]]
name = "disk"
image = "base-img"

[[node]]
name = "again"
image = "base-img"
mode = "read-only"
open = false

[[loop]]
name = "iothread0"
steps = ["read device", "wait done"]

[[task]]
name = "guest"
on = "main"
holds = ["disk"]
steps = ["read-lock", "look disk", "read-unlock", "drop disk"]

[[bottom-half]]
name = "bh"
steps = ["post monitor"]

[[command]]
name = "monitor"
steps = ["reopen disk read-only, disk read-write"]

[[fault]]
image = "base-img"
kind = "flush"
number = 2

[main]
steps = ["write-lock", "detach device.root", "schedule-unref disk", "unlock", "schedule bh", "signal done"]
expect = "no-conflict"
"#;

fn whole() -> String {
    WHOLE.replace("base.img", "base-img")
}

fn rejection(text: &str) -> Rejection {
    parse("p.toml", text).expect_err("it is no program")
}

#[test]
fn what_is_written_can_be_read() {
    let program = parse("p.toml", &whole()).expect("it is a program");
    let printed = print(&program);
    assert_eq!(parse("p.toml", &printed).as_ref(), Ok(&program), "{printed}");
    assert_eq!(program.tasks.len(), 2);
    assert_eq!(program.about, "a whole \"one\"");
}

/// What is changed in the whole program, and what is said of it.
const REJECTED: [(&str, &str, &str); 24] = [
    (
        "workers = 1",
        "workers = ",
        "4:11: found no TOML, expected TOML (string values must be quoted, expected literal string)",
    ),
    ("workers = 1", "workers = 9", "4:11: found 9, expected a number from 0 to 4 for `workers`"),
    (
        "workers = 1",
        "workers = true",
        "4:11: found a value of kind boolean, expected a number for `workers`",
    ),
    (
        "workers = 1",
        "wrokers = 1",
        "4:1: found key `wrokers`, expected one of `workers`, `node`, `about`, `image`, `loop`, `task`, ...",
    ),
    (
        "deferral = \"list\"",
        "deferral = \"lsit\"",
        "3:13: found `lsit`, expected one of `list`, `bottom-half`",
    ),
    (
        "name = \"base-img\"",
        "name = \"base.img\"",
        "7:9: found `base.img`, expected a name: a letter, then letters, digits, `-` and `_`, at most 64; not `main` or `thread`",
    ),
    ("name = \"base-img\"", "nome = \"base-img\"", "7:1: found key `nome`, expected `name`"),
    (
        "{ root = \"disk\" }",
        "{ roof = \"disk\" }",
        "12:14: found edge `roof`, expected one of `root`, `file`, `target`, `backing`",
    ),
    (
        "{ root = \"disk\" }",
        "{ root = \"dsik\" }",
        "12:22: found unknown node `dsik`, expected one of `disk`, `device`, `again`",
    ),
    (
        "{ root = \"disk\" }",
        "{ file = \"disk\" }",
        "6:1: found `device.file` of a `device`, expected that a node has the edges of its driver, each once, and is not below itself",
    ),
    (
        "name = \"disk\"\n",
        "name = \"device\"\n",
        "15:9: found `device` a second time, expected another name",
    ),
    (
        "name = \"disk\"\nimage = \"base-img\"",
        "name = \"disk\"\ndriver = \"storage\"",
        "14:1: found a table without `image`, expected `image = \"...\"`",
    ),
    (
        "driver = \"device\"",
        "driver = \"device\"\nimage = \"base-img\"",
        "12:10: found `image` of a `device`, expected that of a `storage`",
    ),
    (
        "on = \"main\"",
        "on = \"iothread1\"",
        "30:7: found unknown loop `iothread1`, expected `iothread0`",
    ),
    (
        "kind = \"flush\"",
        "kind = \"flsh\"",
        "44:9: found `flsh`, expected one of `flush`, `slow`, `read`, `write`",
    ),
    (
        "\"read device\"",
        "\"raed device\"",
        "26:11: found step `raed`, expected one of `read`, `ref`, `open`, `yield`, `drained`, `wait`, ...",
    ),
    ("\"read device\"", "\"read\"", "26:15: found the end of the step, expected `read NODE`"),
    (
        "\"read device\"",
        "\"read device disk\"",
        "26:23: found `disk` after `read`, expected `read NODE`",
    ),
    (
        "\"read device\"",
        "\"unlock\"",
        "26:11: found `unlock` (it is for the main loop and commands), expected that who takes a step may take it",
    ),
    (
        "\"detach device.root\"",
        "\"detach device\"",
        "48:32: found `device`, expected a node and its edge: `disk.file`",
    ),
    (
        "\"detach device.root\"",
        "\"detach device.side\"",
        "48:39: found edge `side`, expected one of `file`, `root`, `target`, `backing`",
    ),
    (
        "disk read-only, disk",
        "disk read-only; disk",
        "40:23: found `read-only;`, expected `read-only` or `read-write`",
    ),
    (
        "\"unlock\", ",
        "",
        "48:85: found a write section is left open, expected that a write section is begun outside of one, and `unlock`ed by who began it",
    ),
    (
        "\"signal done\"",
        "\"poll\"",
        "26:26: found event `done`, expected that an event is signalled by exactly one step, of the main loop or a task: callbacks may never run",
    ),
];

#[test]
fn each_mistake_has_a_place_and_says_what_was_expected() {
    let whole = whole();
    let mut wrong = Vec::new();
    for (right, mistake, said) in REJECTED {
        assert!(whole.contains(right), "{right}");
        let found = rejection(&whole.replacen(right, mistake, 1)).to_string();
        if found != format!("p.toml:{said}") {
            wrong.push(format!("{mistake}\n  found    {found}\n  expected p.toml:{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_broken_orders_of_qemu_are_refused_by_their_rules() {
    let pause_under_lock = "[[node]]\nname = \"n\"\n[[loop]]\nname = \"l\"\nholds = [\"n\"]\nsteps = [\"job n\", \"read-lock\", \"pause-point\", \"read-unlock\", \"end-job\"]";
    let drain_in_section = "[[node]]\nname = \"n\"\n[main]\nsteps = [\"write-lock\", \"drain-begin n\", \"drain-end n\", \"unlock\"]";
    let unref_in_section =
        "[[node]]\nname = \"n\"\n[main]\nsteps = [\"write-lock\", \"unref n\", \"unlock\"]";
    let orders = [
        (pause_under_lock, "that no request, drain, job or pause point under the read lock"),
        (drain_in_section, "that nobody polls or waits between `write-lock` and `unlock`"),
        (unref_in_section, "that nobody polls or waits between `write-lock` and `unlock`"),
    ];
    for (text, rule) in orders {
        let rejection = rejection(text);
        assert!(rejection.expected.starts_with(rule), "{rejection}");
    }
}

/// Changes a few bytes, words or lines, or takes some from elsewhere.
fn mutate(text: &str, other: &str, random: &mut ChaCha8Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.next_u32() % 4 {
        let at = random.next_u32() as usize % (bytes.len() + 1);
        let length = random.next_u32() as usize % 24;
        let end = (at + length).min(bytes.len());
        match random.next_u32() % 6 {
            0 => bytes.insert(at, random.next_u32() as u8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copied = bytes[at..end].to_vec();
                bytes.splice(at..at, copied);
            }
            3 => {
                let from = random.next_u32() as usize % other.len();
                let to = (from + length).min(other.len());
                bytes.splice(at..end, other.as_bytes()[from..to].iter().copied());
            }
            4 => {
                const WORDS: [&str; 10] =
                    ["[", "]", "\"", "\n", "=", ".", ",", "{", "\\u0000", "\u{1F980}"];
                let word = WORDS[random.next_u32() as usize % WORDS.len()];
                bytes.splice(at..at, word.bytes());
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte =
                        b"0123456789abcdefghijklmnopqrstuvwxyz-_"[random.next_u32() as usize % 38];
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How many inputs are tried; `GRAPHLOCK_INPUTS` says otherwise.
fn inputs() -> u64 {
    const INPUTS: u64 = 20_000;
    std::env::var("GRAPHLOCK_INPUTS").ok().and_then(|number| number.parse().ok()).unwrap_or(INPUTS)
}

#[test]
fn no_input_is_too_much() {
    let whole = whole();
    let program = parse("p.toml", &whole).expect("it is a program");
    let printed = print(&program);
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut accepted = 0;
    for number in 0..inputs() {
        let text = match number % 8 {
            0 => (0..random.next_u32() % 200)
                .map(|_| (random.next_u32() % 96 + 32) as u8 as char)
                .collect(),
            1..=4 => mutate(&whole, &printed, &mut random),
            _ => mutate(&printed, &whole, &mut random),
        };
        match parse("p.toml", &text) {
            Ok(program) => {
                accepted += 1;
                let again = parse("p.toml", &print(&program));
                assert_eq!(again.as_ref(), Ok(&program), "{text}");
            }
            Err(Rejection { line, column, .. }) => {
                let place = text.split('\n').nth(line - 1);
                let place = place.unwrap_or_else(|| panic!("no line {line} in {text:?}"));
                assert!(column <= place.chars().count() + 1, "{line}:{column} of {text:?}");
            }
        }
    }
    assert!(accepted > inputs() / 100, "only {accepted} of {} were accepted", inputs());
    println!("{accepted} of {} inputs are programs", inputs());
}
