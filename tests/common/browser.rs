//! A real browser, driven over its debugging pipe: Chrome DevTools Protocol, JSON ended by NUL, on descriptors 3 and 4.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// For all that a test does with a browser.
const WITHIN: Duration = Duration::from_secs(120);

pub struct Browser {
    child: Child,
    keyboard: Option<ChildStdin>,
    said: Receiver<Value>,
    deadline: Instant,
    last: u64,
    session: Option<String>,
    /// Events that came while an answer was waited for.
    pub events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// None where there is no Chromium.
    pub fn start() -> Option<Browser> {
        if Command::new("chromium").arg("--version").output().is_err() {
            return None;
        }
        let profile = tempfile::tempdir().expect("a profile");
        // The shell puts the pipes where the browser looks for them, and then is the browser.
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
            "chromium",
        ]);
        command.args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ]);
        command.args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]);
        command.args([
            "--disable-dev-shm-usage",
            "--force-renderer-accessibility",
            "--remote-debugging-pipe",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        // A group of its own, so that it ends with all its processes.
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let (told, said) = mpsc::channel();
        let out = child.stdout.take().expect("its output");
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut bytes = Vec::new();
            while out.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
                let message = serde_json::from_slice(&bytes[..bytes.len() - 1]);
                if message.is_err() || told.send(message.expect("it is none")).is_err() {
                    return;
                }
                bytes.clear();
            }
        });
        let keyboard = child.stdin.take();
        let deadline = Instant::now() + WITHIN;
        let mut browser = Browser {
            child,
            keyboard,
            said,
            deadline,
            last: 0,
            session: None,
            events: Vec::new(),
            _profile: profile,
        };
        let target =
            browser.ask("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let session =
            browser.ask("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Make a request and wait for its answer.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.keyboard.as_mut().expect("it is open").write_all(&bytes).expect("the browser listens");
        loop {
            let answer = self.next(method);
            if answer["id"] == self.last {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    #[track_caller]
    fn next(&self, what: &str) -> Value {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.said
            .recv_timeout(left)
            .unwrap_or_else(|error| panic!("the browser said nothing to {what}: {error}"))
    }

    /// Open a page and wait until it is all there.
    pub fn open(&mut self, page: &Path, hash: &str) {
        // From elsewhere: to another place of the same page would be no new page.
        for address in ["about:blank".to_owned(), format!("file://{}{hash}", page.display())] {
            self.events.clear();
            self.ask("Page.navigate", json!({"url": address}));
            while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
                let event = self.next("Page.navigate");
                self.events.push(event);
            }
        }
    }

    /// The value of a JavaScript expression.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.ask("Runtime.evaluate", params);
        assert_eq!(answer["exceptionDetails"], Value::Null, "{expression}");
        answer["result"]["value"].clone()
    }

    /// Wait until an expression is true.
    #[track_caller]
    pub fn until(&mut self, expression: &str) {
        let wait = format!(
            "new Promise((done, failed) => {{ let left = 500;
             const look = () => {{ if ({expression}) done(true); else if (--left) setTimeout(look, 10); else done(false); }};
             look(); }})"
        );
        assert_eq!(self.value(&wait), true, "{expression} did not come true");
    }

    /// Press a key as a person does: `ArrowRight`, `n`, `?`.
    pub fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let code = match key {
            "ArrowRight" => 39,
            "ArrowLeft" => 37,
            "Home" => 36,
            "End" => 35,
            "Tab" => 9,
            "Escape" => 27,
            "Enter" => 13,
            _ => 0,
        };
        let text = if key == "Enter" { "\r" } else { text };
        let down =
            json!({"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code});
        self.ask("Input.dispatchKeyEvent", down);
        self.ask(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}),
        );
    }

    /// What went wrong in the page, or left it.
    pub fn complaints(&self) -> Vec<String> {
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] != "info",
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            Some("Network.requestWillBeSent") => {
                !event["params"]["request"]["url"]
                    .as_str()
                    .is_some_and(|url| url.starts_with("file:") || url == "about:blank")
                    || event["params"]["type"] != "Document"
            }
            _ => false,
        };
        self.events.iter().filter(is_complaint).map(ToString::to_string).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.keyboard.take());
        if let Ok(group) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}
