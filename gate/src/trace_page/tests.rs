//! A page's text: escaped, the same each time, and small enough.

use graphlock_harness::outcome::ViolationKind;
use graphlock_harness::schedule::Schedule;
use graphlock_harness::trace::{Ending, Kind, Row, Trace, Waiting};

use super::*;

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
        text: "sleeps in c; nobody will notify it".to_owned(),
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

#[test]
fn a_page_loads_nothing() {
    let page = html(handshake());
    for from_elsewhere in ["http://", "https://", "@import", "url(//", "src="] {
        assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
    }
}
