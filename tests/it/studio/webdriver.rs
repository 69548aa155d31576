//! A browser, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>), which is JSON over HTTP
//! and needs no crate. Without Chromium and its driver there is none, and the test says so.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a page may take to be as it should.
const PATIENCE: Duration = Duration::from_secs(30);

const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--window-size=1280,800",
    // Nothing leaves the machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Its profile, which goes with it.
    _profile: tempfile::TempDir,
}

/// A program in the PATH.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

impl Browser {
    /// A browser, or none where none is installed.
    pub fn start() -> Option<Browser> {
        let driver = program(&["chromedriver"]);
        let browser = program(&["chromium", "chromium-browser", "google-chrome"]);
        let (Some(driver), Some(browser)) = (driver, browser) else {
            println!("SKIPPED: chromium and chromedriver are not installed");
            assert!(
                std::env::var_os("HEIRLOOM_BROWSER_TESTS").is_none(),
                "the browser is missing, and was asked for"
            );
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = said.find_map(|line| {
            let line = line.ok()?;
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // What it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || said.for_each(drop));
        let mut browser_of = Browser {
            driver: child,
            port: port.unwrap(),
            session: String::new(),
            _profile: profile,
        };
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|&one| one.to_owned()).collect();
        arguments.push(format!(
            "--user-data-dir={}",
            browser_of._profile.path().display()
        ));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments, "binary": browser },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let begun = browser_of.ask("POST", "/session", &wanted);
        browser_of.session = format!("/session/{}", begun["sessionId"].as_str().unwrap());
        Some(browser_of)
    }

    /// Sends a command, and gives its value.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut answer = self.try_to_ask(method, path, body).unwrap();
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "{path}: {value}");
        value
    }

    fn try_to_ask(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
        let body = if matches!(method, "GET" | "DELETE") {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes())?;
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            answer.read_line(&mut line)?;
            let line = line.trim().to_lowercase();
            if let Some(given) = line.strip_prefix("content-length:") {
                length = given.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut bytes = vec![0; length];
        answer.read_exact(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, &format!("{}{path}", self.session), body)
    }

    /// Opens an address, and waits until its scripts have run.
    pub fn open(&self, address: &str) {
        self.command("POST", "/url", &json!({ "url": address }));
        self.until("return document.documentElement.dataset.ready === 'yes'");
    }

    /// What a script returns. It runs outside of the page's policy.
    pub fn run(&self, script: &str) -> Value {
        self.command(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// The same of a script that calls back.
    pub fn run_until_called(&self, script: &str) -> Value {
        self.command(
            "POST",
            "/execute/async",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Waits until a script returns true.
    #[track_caller]
    pub fn until(&self, script: &str) {
        let began = Instant::now();
        while self.run(script) != Value::Bool(true) {
            assert!(
                began.elapsed() < PATIENCE,
                "{script} on {}: {}",
                self.address(),
                self.text("body")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn address(&self) -> String {
        self.command("GET", "/url", &Value::Null)
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The text of the first element.
    pub fn text(&self, selector: &str) -> String {
        let script = format!(
            "return document.querySelector({})?.innerText ?? ''",
            json!(selector)
        );
        self.run(&script).as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn click(&self, selector: &str) {
        let element = self.command(
            "POST",
            "/element",
            &json!({ "using": "css selector", "value": selector }),
        );
        let id = element.as_object().unwrap().values().next().unwrap();
        let path = format!("/element/{}/click", id.as_str().unwrap());
        self.command("POST", &path, &json!({}));
    }

    /// Presses keys one after the other; those of `Control+k` together.
    pub fn press(&self, keys: &[&str]) {
        let mut actions = Vec::new();
        for key in keys {
            let parts: Vec<String> = match *key {
                "+" => vec!["+".to_owned()],
                key => key.split('+').map(code).collect(),
            };
            actions.extend(
                parts
                    .iter()
                    .map(|part| json!({ "type": "keyDown", "value": part })),
            );
            let up = parts.iter().rev();
            actions.extend(up.map(|part| json!({ "type": "keyUp", "value": part })));
        }
        let body = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.command("POST", "/actions", &body);
    }

    /// Types text, letter by letter.
    pub fn write(&self, text: &str) {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        self.press(&letters);
    }

    fn tell(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("POST", "/goog/cdp/execute", &body)
    }

    /// The size of the page, in one of the two themes.
    pub fn look(&self, width: u32, height: u32, dark: bool) {
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        );
        let theme = if dark { "dark" } else { "light" };
        self.tell(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [
            { "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] }),
        );
    }

    /// A picture of the page into a file.
    pub fn picture(&self, file: &Path) {
        let taken = self.tell("Page.captureScreenshot", &json!({ "format": "png" }));
        std::fs::write(file, base64(taken["data"].as_str().unwrap())).unwrap();
    }

    /// What went wrong in the page since it was last asked: policies that were violated, scripts
    /// that failed, files that are missing.
    pub fn faults(&self) -> Vec<String> {
        let lines = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let lines = lines.as_array().unwrap().iter();
        lines
            .filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING")
            .map(|line| line["message"].to_string())
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver takes the browser with it only where the session is ended.
        if !self.session.is_empty() {
            let _ = self.try_to_ask("DELETE", &self.session, &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A key as WebDriver names it.
fn code(key: &str) -> String {
    match key {
        "Control" => "\u{e009}",
        "Enter" => "\u{e007}",
        "Escape" => "\u{e00c}",
        "Tab" => "\u{e004}",
        "Down" => "\u{e015}",
        "Up" => "\u{e013}",
        "Left" => "\u{e012}",
        "Right" => "\u{e014}",
        other => other,
    }
    .to_owned()
}

fn base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').collect();
    let mut out = Vec::new();
    for four in bytes.chunks(4) {
        let joined = four
            .iter()
            .fold(0_u32, |all, byte| all << 6 | u32::from(value(*byte)));
        let joined = joined << (6 * (4 - four.len()));
        out.extend(&joined.to_be_bytes()[1..four.len()]);
    }
    out
}
