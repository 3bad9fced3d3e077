//! Programs as files: what is rejected and where, and that what is written can be read.

use graphlock_programs::file::{Rejection, parse, print};

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
        "4:1: found key `wrokers`, expected one of `workers`, `node`, `about`, `events`, `image`, `loop`, ...",
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
        "9:1: found `device.file` of a `device`, expected that a node has the edges of its driver, each once, and is not below itself",
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

/// Whole files, and what is said of them.
fn whole_files() -> Vec<(String, &'static str)> {
    let many = |each: &str, count: usize| each.repeat(count);
    let main = |steps: &str| format!("[main]\nsteps = [{steps}]");
    vec![
        (many(" ", 262_145), "1:1: found 262145 bytes, expected a program of at most 262144"),
        ((0..17).map(|at| format!("[[image]]\nname = \"i{at}\"\n")).collect(), "33:1: found 17 tables `[[image]]`, expected at most 16"),
        (main(&many("'poll',", 401)), "2:2811: found more than 400 steps, expected at most 400"),
        (
            main(&(0..65).map(|at| format!("'signal e{at}',")).collect::<String>()),
            "2:840: found 65 events, expected at most 64",
        ),
        (main("'signal 1st'"), "2:18: found `1st`, expected a name: a letter, then letters, digits, `-` and `_`, at most 64; not `main` or `thread`"),
        (main("7"), "2:10: found a value of kind integer, expected strings for `steps`"),
        (main("''"), "2:11: found step ``, expected one of `ref`, `job`, `drop`, `open`, `poll`, `stop`, ..."),
        (main("'poll, poll'"), "2:15: found `,` after `poll`, expected `poll`"),
        // Characters, not bytes; and where a string has escapes, the string.
        ("about = \"\u{e4}\u{1f980}\" x".to_owned(), "1:14: found no TOML, expected TOML (unexpected key or value, expected newline, `#`)"),
        ("about = '\u{e4}'\r\nworkers = '\u{e4}'".to_owned(), "2:11: found a value of kind string, expected a number for `workers`"),
        (main("\"\\u0070oll x\""), "2:10: found `x` after `poll`, expected `poll`"),
        (main("\"\\u0070oll\", \"\\u0072ef none\""), "2:23: found unknown node `none`, expected none: there is none yet"),
        ("main = 1".to_owned(), "1:8: found a value of kind integer, expected a table `[main]` for `main`"),
        ("image = 1".to_owned(), "1:9: found a value of kind integer, expected tables `[[image]]` for `image`"),
        ("[[task]]\nname = 't'".to_owned(), "1:1: found a table without `on`, expected `on = \"...\"`"),
        ("[[loop]]\nname = 'l'\nsteps = []\n[[task]]\nname = 'l'\non = 'main'".to_owned(), "5:9: found `l`, the task of that loop, a second time, expected another name"),
        ("[[node]]\nname = 'n'\n[[loop]]\nname = 'l'\nholds = ['n']".to_owned(), "5:11: found `holds` of a loop without `steps`, expected `steps`, too"),
        ("[[command]]\nname = 'c'\nsteps = ['post c']".to_owned(), "1:1: found `c` comes to post itself, expected that bottom halves and commands do not post each other, or themselves, for ever"),
        ("[[loop]]\nname = 'l'\n[main]\nsteps = ['stop l', 'stop l']".to_owned(), "4:21: found loop `l` is stopped twice, expected that nobody moves from or to a loop that is stopped, or waits there, and it is stopped once"),
        ("[[node]]\nname = 'n'\n[[node]]\nname = 'o'\nopen = false\n[[task]]\nname = 't'\non = 'main'\nholds = ['o']".to_owned(), "6:1: found task `t` holds `o`, expected that a task names nodes that are there when the program begins; what comes later it reaches through their children"),
        ("[[node]]\nname = 'n'\nchildren = { file = 'm' }\n[[node]]\nname = 'm'\nchildren = { file = 'n' }".to_owned(), "1:1: found `n` is below itself, expected that a node has the edges of its driver, each once, and is not below itself"),
    ]
}

#[test]
fn whole_files_are_refused_at_their_place() {
    let mut wrong = Vec::new();
    for (text, said) in whole_files() {
        let found = rejection(&text).to_string();
        if found != format!("p.toml:{said}") {
            let begin: String = text.chars().take(80).collect();
            wrong.push(format!("{begin}\n  found    {found}\n  expected p.toml:{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
