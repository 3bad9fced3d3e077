//! The page of a counterexample in a real browser: Chromium, from a file, in two widths and two schemes.
//!
//! Three planted bugs are found and saved by the gate as it is called: a deadlock, a data race, and a property that several
//! loops break together. Screenshots stand in `target/tests/page/` afterwards.
//!
//! Without Chromium a test prints that it was skipped; where `CI` is set it fails.

mod browser;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use browser::Browser;
use serde_json::{Value, json};

const WIDE: (u32, u32) = (1280, 900);
const NARROW: (u32, u32) = (380, 800);

/// Five loops read, the main loop writes.
const MANY: &str = r#"
about = "many readers and a writer"

[[node]]
name = "disk"

LOOPS
[main]
steps = ["write-lock", "unlock"]
"#;

/// Names of the pages below.
const DEADLOCK: &str = "deadlock";
const RACE: &str = "race";
const PROPERTY: &str = "property";

/// Where pages and screenshots stand.
fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in `target`");
    target.join("tests/page")
}

fn gate(words: &[&str]) -> String {
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(words).current_dir(&folder).env("CARGO_TARGET_DIR", &folder);
    let output = command.output().expect("the binary was built for this test");
    assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("the result is UTF-8")
}

/// The page that a command has named.
fn named(said: &str) -> PathBuf {
    let line = said.lines().find_map(|line| line.strip_prefix("in a browser: "));
    folder().join(line.unwrap_or_else(|| panic!("no page is named in:\n{said}")))
}

/// The pages, made once: name and file.
fn pages() -> &'static [(&'static str, PathBuf)] {
    static PAGES: OnceLock<Vec<(&str, PathBuf)>> = OnceLock::new();
    PAGES.get_or_init(|| {
        fs::create_dir_all(folder()).expect("the target folder is writable");
        let loops = (0..5).map(|number| {
            let steps = r#"["read-lock", "look disk", "read-unlock"]"#;
            format!("[[loop]]\nname = \"iothread{number}\"\nsteps = {steps}\n\n")
        });
        let program = MANY.replace("LOOPS\n", &loops.collect::<String>());
        fs::write(folder().join("many.toml"), program).expect("the folder is writable");
        let scenario = "reader_meets_writer[readers=1,sections=1,writes=1,overtakes=1]";
        let explored = |mutation| {
            let words = ["explore", scenario, "--jobs", "1", "--quiet", "--mutation", mutation];
            named(&gate(&words))
        };
        let many = ["check", "many.toml", "--jobs", "1", "--mutation", "slow-path-kick-removed"];
        let pages = vec![
            (DEADLOCK, explored("reader-kick-conditional")),
            (RACE, explored("writer-count-acquire-weakened")),
            (PROPERTY, named(&gate(&many))),
        ];
        println!("pages and screenshots: {}", folder().display());
        pages
    })
}

fn page(name: &str) -> &'static Path {
    let found = pages().iter().find(|each| each.0 == name);
    &found.unwrap_or_else(|| panic!("there is no page {name}")).1
}

/// A browser that shows this page, if there is a browser.
fn shown(name: &str, (width, height): (u32, u32)) -> Option<Browser> {
    let mut browser = Browser::start()?;
    browser.look(width, height, "light");
    browser.open(page(name));
    Some(browser)
}

/// Asserts that a list that the page gave is empty.
#[track_caller]
fn expect_none(found: &Value, what: &str) {
    assert_eq!(found, &json!([]), "{what}");
}

/// All texts whose contrast to the page is below that of WCAG AA, by their computed colours.
const PALE: &str = r##"(() => {
    const numbers = (text) => text.match(/[\d.]+/g).map(Number);
    const light = (text) => {
        const [r, g, b] = numbers(text).map((each) => each / 255)
            .map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (each) => {
        for (let at = each; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (numbers(colour)[3] !== 0 && numbers(colour).length === 3) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const pale = [];
    for (const each of document.querySelectorAll("body *")) {
        const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || each.closest("script, noscript") || each.getClientRects().length === 0) continue;
        const style = getComputedStyle(each);
        const [one, other] = [light(each.closest("svg") ? style.fill : style.color), light(behind(each))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < 4.5) pale.push(`${contrast.toFixed(2)} ${each.tagName}.${each.className} ${each.textContent}`);
    }
    return pale.slice(0, 5);
})()"##;

#[test]
fn pages_are_quiet_and_fit_in_two_widths_and_two_schemes() {
    let Some(mut browser) = Browser::start() else { return };
    for (name, path) in pages() {
        for (width, height) in [WIDE, NARROW] {
            for scheme in ["light", "dark"] {
                let about = format!("{name}-{width}-{scheme}");
                browser.look(width, height, scheme);
                browser.open(path);
                browser.screenshot(&folder().join(format!("{about}.png")));
                let noise = browser.noise();
                assert!(noise.errors.is_empty(), "{about}: {:?}", noise.errors);
                let own = format!("file://{}", path.display());
                let elsewhere = |address: &&String| **address != own && *address != "data:,";
                assert_eq!(noise.requests.iter().find(elsewhere), None, "{about}");
                let wide = browser.value("document.documentElement.scrollWidth - innerWidth");
                assert!(wide.as_i64().is_some_and(|over| over <= 0), "{about}: {wide} too wide");
                expect_none(&browser.value(PALE), &format!("{about}: text that is hard to read"));
            }
        }
    }
}

/// Points of visible arrows that lie in a visible text of the lanes.
const CROSSED: &str = r##"(() => {
    const inverse = document.getElementById("lanes").getScreenCTM().inverse();
    const texts = [...document.querySelectorAll("#lanes tspan, #lanes .number, #lanes .place, #lanes .fold text")]
        .filter((each) => each.getClientRects().length).map((each) => {
            const box = each.getBoundingClientRect();
            const at = new DOMPoint(box.left, box.top).matrixTransform(inverse);
            /* Letters fill the middle of their line. */
            return { text: each.textContent, x: at.x, y: at.y + 3, right: at.x + box.width, bottom: at.y + box.height - 3 };
        });
    const crossed = [];
    for (const arrow of document.querySelectorAll("#lanes .arrow")) {
        if (!arrow.getClientRects().length) continue;
        const length = arrow.getTotalLength();
        for (let at = 0; at <= length; at += 2) {
            const { x, y } = arrow.getPointAtLength(at);
            const hit = texts.find((text) => text.x < x && x < text.right && text.y < y && y < text.bottom);
            if (hit) crossed.push(`${arrow.dataset.from} to ${arrow.dataset.to} crosses ${hit.text}`);
        }
    }
    return [...new Set(crossed)].slice(0, 5);
})()"##;

#[test]
fn arrows_cross_no_text() {
    let Some(mut browser) = Browser::start() else { return };
    for (name, path) in pages() {
        browser.look(WIDE.0, WIDE.1, "light");
        browser.open(path);
        let arrows = "[...document.querySelectorAll('#lanes .arrow')].filter(a => a.getClientRects().length).length";
        assert_ne!(browser.value(arrows), json!(0), "{name} has no arrows");
        expect_none(&browser.value(CROSSED), name);
        browser.value("document.getElementById('unfold').click()");
        expect_none(&browser.value(CROSSED), &format!("{name}, unfolded"));
        browser.screenshot(&folder().join(format!("{name}-unfolded.png")));
    }
}

/// What the drawing consists of, with all places.
const DRAWN: &str = r##"[...document.querySelectorAll("#lanes, #lanes .row, #lanes .fold, #lanes path, #lanes .never")]
    .map((each) => each.getAttribute("display") === "none" ? "" :
        ["height", "viewBox", "transform", "d"].map((name) => each.getAttribute(name)).join(" ")).join("\n")"##;

#[test]
fn folding_again_gives_the_drawing_that_came_with_the_page() {
    let Some(mut browser) = Browser::start() else { return };
    for (name, path) in pages() {
        browser.look(WIDE.0, WIDE.1, "light");
        browser.open(path);
        let before = browser.value(DRAWN);
        browser.value("document.getElementById('unfold').click()");
        let hidden = "[...document.querySelectorAll('.row')].filter(row => row.getClientRects().length === 0).length";
        assert_eq!(browser.value(hidden), json!(0), "{name}: not all rows are shown");
        assert_ne!(browser.value(DRAWN), before, "{name}: nothing was unfolded");
        browser.value("document.getElementById('unfold').click()");
        assert_eq!(browser.value(DRAWN), before, "{name}: script and gate draw differently");
    }
}

/// What the state beside says.
const STATE: &str = "document.querySelector('.state').innerText";

#[test]
fn keys_step_through_the_rows_and_change_the_state() {
    let Some(mut browser) = shown(DEADLOCK, WIDE) else { return };
    let position = "document.getElementById('position').textContent";
    let rows = browser.value("document.querySelectorAll('.row').length");
    assert_eq!(browser.value(position), json!(format!("Row {rows} of {rows}")));
    let last = browser.value(STATE);
    let text = last.as_str().expect("it is text");
    for part in ["sleeps in posted[main] since row", "reader_count[reader0]", "has ended"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    browser.press("Home");
    assert_ne!(browser.value(STATE), last);
    // Down through all rows that are shown: each is another one, with another state.
    let shown = browser.value(
        "[...document.querySelectorAll('.row')].filter(row => row.getClientRects().length).length",
    );
    let mut states = vec![browser.value(STATE)];
    for _ in 1..shown.as_u64().expect("it is a number") {
        browser.press("ArrowDown");
        let state = browser.value(STATE);
        assert!(!states.contains(&state), "the state did not change: {state}");
        states.push(state);
        let focus = browser.value("document.activeElement.classList.contains('here')");
        assert_eq!(focus, json!(true), "the focus is not on the row");
    }
    assert_eq!(states.last(), Some(&last));
    browser.press("ArrowUp");
    assert_eq!(browser.value(STATE), states[states.len() - 2]);
    browser.press("End");
    browser.press("ArrowLeft");
    let task =
        "document.querySelector('.here').getAttribute('aria-label').split(':')[0].split(', ')[1]";
    assert_eq!(browser.value(task), json!("reader0"), "the row before of the same task");
    browser.value("document.querySelector('[data-step=first]').click()");
    assert_eq!(browser.value(STATE), states[0]);
    browser.value("document.querySelector('header a').click()");
    let since = browser.value("document.querySelector('header a').textContent.slice(4)");
    let at = browser.value("document.querySelector('.here').dataset.row");
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<u64>().ok());
    assert_eq!(number(&since), number(&at).map(|row| row + 1));
    assert!(browser.noise().errors.is_empty(), "{:?}", browser.noise().errors);
}

#[test]
fn a_fold_is_opened_by_a_key_and_closed_by_it() {
    let Some(mut browser) = shown(PROPERTY, NARROW) else { return };
    let shown =
        "[...document.querySelectorAll('.row')].filter(row => row.getClientRects().length).length";
    let before = browser.value(shown);
    browser.value("document.querySelector('.fold').focus()");
    let open = "document.querySelector('.fold').getAttribute('aria-expanded')";
    browser.press("Enter");
    assert_eq!(browser.value(open), json!("true"));
    assert_ne!(browser.value(shown), before);
    browser.press("Enter");
    assert_eq!((browser.value(open), browser.value(shown)), (json!("false"), before));
}

#[test]
fn hovering_tells_of_a_row_without_going_there() {
    let Some(mut browser) = shown(RACE, WIDE) else { return };
    let hover = |kind: &str, what: &str| {
        format!("document.querySelector('{what}').dispatchEvent(new MouseEvent('{kind}'))")
    };
    let (title, state) = (
        "document.getElementById('title').innerText",
        "document.getElementById('state').innerText",
    );
    let (before, stays) = (browser.value(title), browser.value(state));
    browser.value(&hover("mouseenter", ".row:has(.place:not(:empty))"));
    let step = browser.value("document.getElementById('step').innerText");
    let step = step.as_str().expect("it is text");
    for part in ["where", "concurrent", "knows of it", ".rs:"] {
        assert!(step.contains(part), "{part} is missing:\n{step}");
    }
    assert_ne!(browser.value(title), before);
    assert_eq!(browser.value(state), stays);
    browser.value(&hover("mouseleave", "#lanes"));
    assert_eq!(browser.value(title), before);
}

/// Numbers what Tab must reach; the rows are one stop, the arrows go on from there.
const TO_REACH: &str = r##"(() => {
    const all = [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
        .filter((each) => each.checkVisibility() && each.getClientRects().length);
    all.forEach((each, number) => { each.dataset.reach = number; });
    return all.length;
})()"##;

#[test]
fn everything_is_reached_by_tab_and_the_focus_is_seen() {
    for size in [WIDE, NARROW] {
        let Some(mut browser) = shown(DEADLOCK, size) else { return };
        let count = browser.value(TO_REACH).as_u64().expect("it is a number");
        let mut reached = Vec::new();
        for _ in 0..count + 2 {
            browser.press("Tab");
            let now = browser.value("document.activeElement.dataset.reach ?? ''");
            let Some(now) = now.as_str().and_then(|text| text.parse::<u64>().ok()) else {
                continue;
            };
            let seen = browser.value(
                "(() => { const at = document.activeElement; const style = getComputedStyle(at.matches('.row, .fold') ? at.querySelector('.band') : at); \
                 return style.outlineStyle !== 'none' || style.stroke !== 'none'; })()",
            );
            assert_eq!(seen, json!(true), "the focus on {now} is not seen");
            reached.push(now);
        }
        reached.sort_unstable();
        reached.dedup();
        assert_eq!(reached, (0..count).collect::<Vec<_>>(), "some are not reached by Tab");
    }
}

#[test]
fn without_a_script_and_on_paper_there_is_the_drawing() {
    let Some(mut browser) = Browser::start() else { return };
    let shown = |what: &str| {
        format!(
            "[...document.querySelectorAll('{what}')].filter(each => each.getClientRects().length).length"
        )
    };
    browser.look(WIDE.0, WIDE.1, "light");
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(page(DEADLOCK));
    browser.screenshot(&folder().join("deadlock-without-script.png"));
    for (what, is_there) in
        [("#lanes .row", true), ("#lanes .fold", true), (".state", false), ("button", false)]
    {
        let count = browser.value(&shown(what)).as_u64().unwrap_or_default();
        assert_eq!(count > 0, is_there, "{what} without a script");
    }
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": false}));

    browser.open(page(PROPERTY));
    let paper = json!({"width": 794, "height": 1123, "deviceScaleFactor": 1, "mobile": false});
    browser.call("Emulation.setDeviceMetricsOverride", paper);
    let dark = json!({"name": "prefers-color-scheme", "value": "dark"});
    browser.call("Emulation.setEmulatedMedia", json!({"media": "print", "features": [dark]}));
    browser.screenshot(&folder().join("property-printed.png"));
    assert_eq!(browser.value(&shown("button, input, .keys")), json!(0), "controls on paper");
    assert_eq!(
        browser.value("getComputedStyle(document.body).backgroundColor"),
        json!("rgb(255, 255, 255)")
    );
    let cut = "(() => { const box = document.getElementById('box'); return box.scrollHeight - box.clientHeight; })()";
    assert_eq!(browser.value(cut), json!(0), "rows that are not on paper");
    let wide = browser.value("document.documentElement.scrollWidth - innerWidth");
    assert!(wide.as_i64().is_some_and(|over| over <= 0), "{wide} too wide for paper");
}

#[test]
fn the_command_is_copied_or_marked() {
    let Some(mut browser) = shown(RACE, WIDE) else { return };
    let origin = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
    browser.call("Browser.grantPermissions", origin);
    browser.value("document.getElementById('copy').click()");
    let said = "new Promise((done) => setTimeout(() => done(document.getElementById('copied').textContent), 300))";
    assert_eq!(browser.value(said), json!("Copied"));
    let copied = browser.value("navigator.clipboard.readText()");
    let command = copied.as_str().expect("it is text");
    assert!(
        command.starts_with("cargo gate replay ") && command.ends_with(".schedule"),
        "{command}"
    );
}

#[test]
fn a_replay_gives_the_same_bytes_each_time() {
    let schedule = page(DEADLOCK).with_extension("schedule");
    let schedule = schedule.to_str().expect("the path is UTF-8");
    let written = ["one.html", "two.html"].map(|name| {
        let said = gate(&["replay", schedule, "--html", name]);
        assert_eq!(named(&said), folder().join(name));
        fs::read(folder().join(name)).expect("it was written")
    });
    assert!(written[0] == written[1] && !written[0].is_empty());
}
