//! A real browser without a window, driven by chromedriver (the W3C's WebDriver protocol).
//!
//! What tests need of it are six requests: a client of its own is shorter than a crate's setup.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a condition is waited for; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a promise is waited for.
const LONGEST: Duration = Duration::from_secs(600);

/// Keys that are no letters, as the protocol names them.
pub(crate) mod key {
    pub(crate) const CTRL: &str = "\u{e009}";
    pub(crate) const DELETE: &str = "\u{e017}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const ESCAPE: &str = "\u{e00c}";
    pub(crate) const HOME: &str = "\u{e011}";
    pub(crate) const RIGHT: &str = "\u{e014}";
    pub(crate) const TAB: &str = "\u{e004}";
}

pub(crate) struct Browser {
    driver: Child,
    /// Open as long as chromedriver runs, which may say more.
    _words: BufReader<ChildStdout>,
    /// Host and port of chromedriver.
    address: String,
    /// Path of the session.
    session: String,
}

impl Browser {
    /// Opens a browser; `None`, with a word on it, where there is none and tests may skip.
    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    pub(crate) fn open() -> Option<Self> {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut driver) = driver else {
            assert!(std::env::var_os("POLYCHROMIFY_READERS").is_none(), "chromedriver is missing");
            println!("skips: there is no chromedriver");
            return None;
        };
        let mut words = BufReader::new(driver.stdout.take().unwrap());
        let port = started_on(words.by_ref().lines()).expect("chromedriver tells its port");
        let address = format!("127.0.0.1:{port}");
        let mut browser = Self { driver, _words: words, address, session: String::new() };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--enable-precise-memory-info",
        ];
        let chrome = json!({"args": arguments});
        let wanted = json!({"goog:chromeOptions": chrome, "goog:loggingPrefs": {"browser": "ALL"}});
        let opened = browser.post("/session", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = format!("/session/{}", opened["sessionId"].as_str().unwrap());
        browser.act("/timeouts", &json!({"script": LONGEST.as_millis() as u64}));
        browser.size(1440, 900);
        Some(browser)
    }

    /// Gives the page this many CSS pixels.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Asks for something that only Chromium's own protocol has.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.act("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// The page as it looks, as WebP.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let picture = json!({"format": "webp", "quality": 75});
        let picture = self.devtools("Page.captureScreenshot", &picture);
        from_base64(picture["data"].as_str().unwrap())
    }

    pub(crate) fn go(&self, address: &str) {
        self.act("/url", &json!({"url": address}));
    }

    /// What a script returns.
    pub(crate) fn script(&self, script: &str) -> Value {
        self.act("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The value that a promise comes to.
    pub(crate) fn wait(&self, promise: &str) -> Value {
        let script =
            format!("const done = arguments[0]; ({promise}).then(done, e => done(`${{e}}`))");
        self.act("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&self, condition: &str) {
        let start = Instant::now();
        while self.script(&format!("return Boolean({condition})")) != json!(true) {
            let page = self.script("return document.body.innerText.slice(0, 2000)");
            assert!(start.elapsed() < PATIENCE, "waited for `{condition}` in vain:\n{page}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys together and lets them go.
    pub(crate) fn press(&self, keys: &[&str]) {
        let down = keys.iter().map(|key| json!({"type": "keyDown", "value": key}));
        let up = keys.iter().rev().map(|key| json!({"type": "keyUp", "value": key}));
        let actions: Vec<Value> = down.chain(up).collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.act("/actions", &json!({"actions": [keyboard]}));
    }

    /// Moves the mouse through these points of the window with its button down.
    pub(crate) fn drag(&self, points: &[(f64, f64)]) {
        let moved = |&(x, y): &(f64, f64)| json!({"type": "pointerMove", "x": x.round(), "y": y.round(), "duration": 50});
        let mut actions: Vec<Value> = points.iter().map(moved).collect();
        actions.insert(1, json!({"type": "pointerDown", "button": 0}));
        actions.push(json!({"type": "pointerUp", "button": 0}));
        let mouse = json!({"type": "pointer", "id": "mouse", "actions": actions});
        self.act("/actions", &json!({"actions": [mouse]}));
    }

    pub(crate) fn click(&self, at: (f64, f64)) {
        self.drag(&[at]);
    }

    /// What was written to the console, one line each.
    pub(crate) fn console(&self) -> Vec<String> {
        let lines = self.act("/se/log", &json!({"type": "browser"}));
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Resident memory of all processes that show pages, in megabytes.
    pub(crate) fn renderers(&self) -> u64 {
        let mut family = vec![self.driver.id()];
        let mut found = 0;
        while let Some(process) = family.pop() {
            let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
            for thread in threads.flatten() {
                let children = fs::read_to_string(thread.path().join("children"));
                let children = children.unwrap_or_default();
                family.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            }
            let line = fs::read_to_string(format!("/proc/{process}/cmdline"));
            if line.is_ok_and(|line| line.contains("--type=renderer")) {
                found += resident(process);
            }
        }
        found
    }

    fn act(&self, path: &str, body: &Value) -> Value {
        self.post(&format!("{}{path}", self.session), body)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.request("POST", path, &body.to_string()).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {:#}", answer["value"]);
        answer["value"].clone()
    }

    /// The body of an answer. chromedriver leaves connections open, whatever is asked of it.
    fn request(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let Self { address, .. } = self;
        let length = body.len();
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(LONGEST))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        for line in reader.by_ref().lines() {
            let line = line?.to_lowercase();
            match line.strip_prefix("content-length:") {
                Some(value) => length = value.trim().parse().unwrap(),
                None if line.is_empty() => break,
                None => {}
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer)?;
        Ok(String::from_utf8(answer).unwrap())
    }
}

/// Resident memory of a process in megabytes.
pub(crate) fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0) / 1000
}

/// The port in chromedriver's words, "`ChromeDriver` was started successfully on port 9515."
fn started_on(lines: impl Iterator<Item = io::Result<String>>) -> Option<u16> {
    lines.map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    })
}

/// The bytes of a text in base64 (RFC 4648).
fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<usize> =
        text.bytes().filter_map(|digit| DIGITS.iter().position(|known| *known == digit)).collect();
    let bytes = |digits: &[usize]| {
        let bits =
            digits.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - digits.len()));
        [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8].into_iter().take(digits.len() - 1)
    };
    digits.chunks(4).flat_map(|digits| bytes(digits).collect::<Vec<u8>>()).collect()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends the browser, also after a test failed.
        let _ = self.request("DELETE", &self.session, "");
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
