//! A real browser: Chromium without a window, over the DevTools protocol.
//!
//! The protocol goes through two pipes of the process (`--remote-debugging-pipe`), messages end in a zero byte: no port,
//! no crate of our own age, nothing to download. The shell that starts it makes its stdin and stdout the two pipes.
//!
//! Cases: *there is no Chromium*: the caller says that it skips, and fails where `CI` is set; *it does not answer* within
//! [`PATIENCE`]: a panic.
//!
//! Invariant: each browser has a new, empty folder for its profile, and is gone when it is dropped.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Names under which systems install it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// What the page has said and asked for since it was opened.
    events: Vec<Value>,
    _profile: TempDir,
}

/// What a page looked like from the outside.
#[derive(Debug, Default)]
pub(crate) struct Noise {
    /// Errors and warnings on the console, and exceptions.
    pub(crate) errors: Vec<String>,
    /// Addresses that it asked for.
    pub(crate) requests: Vec<String>,
}

impl Browser {
    /// Starts it, if it is installed.
    pub(crate) fn start() -> Option<Browser> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there =
            |name: &&&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
        let Some(name) = NAMES.iter().find(is_there) else {
            let line = "SKIPPED: chromium not found: install chromium";
            assert!(std::env::var_os("CI").is_none(), "{line}");
            // Past the capture of the test's output, so that it is seen.
            drop(writeln!(std::io::stderr(), "{line}"));
            return None;
        };
        let profile = TempDir::new().expect("temporary folders can be made");
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh", name]);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--remote-debugging-pipe",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = pipes.spawn().expect("there is a shell");
        let input = child.stdin.take().expect("it is a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while output.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
                bytes.pop();
                let message = serde_json::from_slice(&bytes).expect("messages are JSON");
                bytes.clear();
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut browser = Browser {
            child,
            input,
            messages,
            session: None,
            number: 0,
            events: Vec::new(),
            _profile: profile,
        };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let how = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", how);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for part in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{part}.enable"), json!({}));
        }
        self.call("Page.setLifecycleEventsEnabled", json!({"enabled": true}));
        self.call("Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
    }

    /// Asks for something and waits for the answer.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let text = format!("{message}\0");
        self.input.write_all(text.as_bytes()).expect("the browser listens");
        loop {
            let answer = self.messages.recv_timeout(PATIENCE);
            let answer = answer.unwrap_or_else(|error| panic!("{method}: no answer ({error})"));
            if answer["id"] == json!(self.number) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn wait_for_load(&mut self, loader: &Value) {
        let begun = Instant::now();
        let is_load = |each: &Value| {
            let what = &each["params"];
            each["method"] == "Page.lifecycleEvent"
                && what["loaderId"] == *loader
                && what["name"] == "load"
        };
        while !self.events.iter().any(is_load) {
            assert!(begun.elapsed() < PATIENCE, "the page is not loaded within {PATIENCE:?}");
            self.call("Page.getFrameTree", json!({}));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The size of the window, and what the user prefers: `light` or `dark`.
    pub(crate) fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"media": "", "features": [feature]}));
    }

    /// Opens a file and waits until it is loaded.
    pub(crate) fn open(&mut self, page: &Path) {
        self.events.clear();
        let address = format!("file://{}", page.display());
        let begun = self.call("Page.navigate", json!({"url": address}));
        self.wait_for_load(&begun["loaderId"]);
    }

    /// What the page has said and asked for.
    pub(crate) fn noise(&self) -> Noise {
        let mut noise = Noise::default();
        for event in &self.events {
            let what = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded" => {
                    noise.errors.push(what.to_string());
                }
                "Network.requestWillBeSent" => {
                    let address = what["request"]["url"].as_str().unwrap_or_default();
                    noise.requests.push(address.to_owned());
                }
                _ => {}
            }
        }
        noise
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let how = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", how);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => panic!("no code for {key}"),
        };
        // Enter does what a button is for when it comes with its character.
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code,
                "text": if kind == "keyDown" { text } else { "" },
            });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Writes what is seen to a file.
    pub(crate) fn screenshot(&mut self, path: &Path) {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let text = shot["data"].as_str().expect("it is base64");
        let decoded = base64::engine::general_purpose::STANDARD.decode(text);
        std::fs::write(path, decoded.expect("it is base64")).expect("the folder is writable");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helpers write to the profile until they end; one that is told to close waits for them.
        let close = json!({"id": 0, "method": "Browser.close"});
        let _ = self.input.write_all(format!("{close}\0").as_bytes());
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
