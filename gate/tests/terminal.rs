//! Progress on a terminal: bars that overwrite themselves, also where there are 40 columns, and nothing with `--quiet`.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// What the gate writes to a terminal of so many columns on stderr, and its exit code.
fn on_terminal(columns: u16, words: &[&str]) -> (String, Option<i32>) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&controller).expect("it is ours");
    unlockpt(&controller).expect("it is ours");
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&controller, size).expect("it has a size");
    let name = ptsname(&controller, Vec::new()).expect("it has a name");
    let name = name.into_string().expect("it is UTF-8");
    let terminal = File::options().read(true).write(true).open(name).expect("it can be opened");

    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(words).env("TERM", "xterm").env_remove("NO_COLOR").stdout(Stdio::null());
    let mut child = command.stderr(terminal).spawn().expect("the binary was built for this test");
    // The command holds the terminal open, too: without it the read below ends with the process.
    drop(command);
    let mut text = Vec::new();
    // The end of a terminal is an error.
    let _ = File::from(controller).read_to_end(&mut text);
    let code = child.wait().expect("it was spawned here").code();
    (String::from_utf8(text).expect("it is UTF-8"), code)
}

/// The text without what moves the cursor and colours.
fn without_controls(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(each) = rest.next() {
        if each == '\x1b' {
            // `ESC [ ... letter`
            rest.by_ref().find(|each| each.is_ascii_alphabetic());
        } else {
            plain.push(each);
        }
    }
    plain
}

#[test]
fn bars_fit_a_terminal_of_40_columns() {
    let words = ["--engine", "harness", "--filter", "drain_meets_re", "--max-time", "3"];
    for columns in [40, 100] {
        let (text, code) = on_terminal(columns, &words);
        assert_eq!(code, Some(0), "{text}");
        let plain = without_controls(&text);
        assert!(plain.contains("jobs"), "{plain}");
        // indicatif fills each bar's line with blanks: no piece between two ends of lines is wider than a whole number
        // of bars, one below the other.
        for piece in plain.split(['\r', '\n']).filter(|piece| !piece.trim().is_empty()) {
            let width = piece.chars().count();
            assert!(
                width <= usize::from(columns) || width.is_multiple_of(usize::from(columns)),
                "{width}: {piece:?}"
            );
        }
    }
}

#[test]
fn with_quiet_nothing_is_written_to_the_terminal() {
    let (text, code) =
        on_terminal(80, &["mutants", "--filter", "^reader-kick-removed$", "--quiet"]);
    assert_eq!((text.as_str(), code), ("", Some(0)));
}
