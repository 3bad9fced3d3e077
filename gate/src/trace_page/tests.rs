//! A page's text: escaped, the same each time, and small enough.

use graphlock_harness::outcome::ViolationKind;
use graphlock_harness::schedule::Schedule;
use graphlock_harness::trace::{Ending, Kind, Row, Trace, Waiting};

use super::*;

#[allow(dead_code, reason = "the tests of the pages as a whole use more of it")]
#[path = "../../tests/browser/mod.rs"]
mod browser;

/// What somebody who opens a page waits without a thought, on a machine that is busy.
const SOON: std::time::Duration = std::time::Duration::from_secs(4);

fn row(task: usize, kind: Kind, text: &str, object: &str, others: &[usize]) -> Row {
    Row {
        object: (!object.is_empty()).then(|| object.to_owned()),
        others: others.to_vec(),
        ..Row::new(task, kind, text.to_owned(), "src/a.rs:7".to_owned())
    }
}

/// Two tasks: the first wakes the second once, and not when it sleeps again.
pub(super) fn handshake() -> Trace {
    let rows = vec![
        row(0, Kind::Spawn, "spawns other", "", &[1]),
        row(0, Kind::Write, "x := 1", "x", &[]),
        row(1, Kind::Read, "x = 1", "x", &[]),
        row(1, Kind::Lock, "locks m", "m", &[]),
        row(1, Kind::Sleep, "sleeps in c", "c", &[]),
        row(0, Kind::Write, "x := 2", "x", &[]),
        row(0, Kind::Notify, "notifies one of c: wakes other", "c", &[1]),
        row(1, Kind::Resume, "wakes, locks m", "m", &[]),
        row(1, Kind::Read, "x = 2", "x", &[]),
        row(1, Kind::Sleep, "sleeps in c", "c", &[]),
        row(0, Kind::End, "ends", "", &[]),
    ];
    let waiting = Waiting {
        task: 1,
        text: "sleeps in c".to_owned(),
        why: "nobody will notify it".to_owned(),
        location: "src/a.rs:7".to_owned(),
        since: Some(9),
        within: vec![("reads <the> disk".to_owned(), 3)],
    };
    let ending = Ending { what: "deadlock".to_owned(), waits: vec![waiting], ..Ending::default() };
    Trace { tasks: vec!["main".to_owned(), "other".to_owned()], rows, ending }
}

fn violation(trace: Trace) -> Violation {
    Violation {
        kind: ViolationKind::Deadlock,
        message: "deadlock: nobody can go on".to_owned(),
        schedule: Schedule::default(),
        trace,
        least: None,
    }
}

fn html(trace: Trace) -> String {
    let violation = violation(trace);
    let page =
        Page { title: "a[b=1]", mutation: Some("kick"), violation: &violation, replay: None };
    page.html()
}

#[test]
fn names_cannot_become_elements() {
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&";
    let mut trace = handshake();
    let clean = html(trace.clone()).matches("<script").count();
    trace.tasks[1] = evil.to_owned();
    trace.ending.what = evil.to_owned();
    for row in &mut trace.rows {
        row.text = evil.to_owned();
        row.location = evil.to_owned();
        row.object = Some(evil.to_owned());
    }
    let page = html(trace);
    assert_eq!(page.matches("<script").count(), clean);
    assert_eq!(page.matches("</script").count(), clean);
    assert!(!page.contains("<img"), "an element came from a name");
}

#[test]
fn the_same_trace_gives_the_same_bytes() {
    assert_eq!(html(handshake()), html(handshake()));
}

#[test]
fn who_waits_is_said_with_links_to_the_rows() {
    let page = html(handshake());
    for part in [
        "sleeps in c since <a href=\"#r10\">row 10</a>",
        "nobody will notify it, while it reads &lt;the&gt; disk (<a href=\"#r4\">row 4</a>)",
        "never woken",
        "with <b>kick</b> planted",
    ] {
        assert!(page.contains(part), "{part} is missing:\n{page}");
    }
}

#[test]
fn without_steps_there_is_the_message() {
    let page = html(Trace::default());
    assert!(page.contains("<h1>deadlock: nobody can go on</h1>"), "{page}");
    assert!(!page.contains("<script"), "there is nothing to step through");
}

/// A trace of so many rows, in which four tasks hand a lock around and now and then one wakes another.
fn long(rows: usize) -> Trace {
    let tasks: Vec<String> = (0..4).map(|task| format!("task{task}")).collect();
    let step = |number: usize| {
        let (task, next) = (number / 5 % 4, (number / 5 + 1) % 4);
        match number % 5 {
            0 => row(task, Kind::Resume, "wakes, locks m", "m", &[]),
            1 => row(task, Kind::Read, "x = 1", "x", &[]),
            2 => row(task, Kind::Write, "x := 1", "x", &[]),
            3 => row(task, Kind::Notify, "notifies one of c", "c", &[next]),
            _ => row(task, Kind::Sleep, "sleeps in c", "c", &[]),
        }
    };
    Trace { tasks, rows: (0..rows).map(step).collect(), ending: Ending::default() }
}

#[test]
fn a_trace_of_5000_rows_opens_soon() {
    let text = html(long(5_000));
    assert!(text.len() < 8 << 20, "{} bytes", text.len());
    let Some(mut browser) = browser::Browser::start() else { return };
    let folder = tempfile::tempdir().expect("temporary folders can be made");
    let path = folder.path().join("long.html");
    std::fs::write(&path, text).expect("the folder is writable");
    browser.look(1280, 900, "light");
    let begun = std::time::Instant::now();
    browser.open(&path);
    let shown = browser.value("document.getElementById('position').textContent");
    let opened = begun.elapsed();
    assert_eq!(shown, "Row 5000 of 5000");
    browser.press("ArrowUp");
    browser.value("document.getElementById('unfold').click()");
    let last = browser.value("document.getElementById('r5000').getClientRects().length");
    let all = begun.elapsed();
    println!("opened in {opened:?}, a step and all unfolded after {all:?}");
    assert_eq!(last, 1);
    assert!(opened < SOON && all < 3 * SOON, "opened in {opened:?}, unfolded after {all:?}");
    assert!(browser.noise().errors.is_empty(), "{:?}", browser.noise());
}

#[test]
fn a_page_loads_nothing() {
    let page = html(handshake());
    for from_elsewhere in ["http://", "https://", "@import", "url(//", "src="] {
        assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
    }
}
