//! A client of the page's server.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon;
use crate::folder::Folder;
use crate::{pictures, weights};

/// A running `polychromify review`, asked with its session.
pub(crate) struct Client {
    child: Child,
    pub(crate) address: String,
    pub(crate) token: String,
    cookie: String,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}: {text}", self.status))
    }

    /// Width and height of a picture, and its pixels as RGB.
    #[track_caller]
    pub(crate) fn picture(&self) -> image::RgbImage {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        image::load_from_memory(&self.body).unwrap().to_rgb8()
    }
}

/// Three photographs, colored: two in the folder itself and one below.
pub(crate) fn colored() -> Folder {
    let folder = Folder::new()
        .file("in/a.png", pictures::png(600, 400, 1))
        .file("in/b.png", pictures::png(60, 40, 2))
        .file("in/sub/c.png", pictures::png(60, 40, 3));
    folder.batch(["in", "-o", "out"]).code(0);
    folder
}

impl Client {
    pub(crate) fn open(folder: &Folder) -> Self {
        Self::of(folder.command(["review", "-o", "out", "--weights", weights::tiny()]))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        command.args(["--no-browser", "--judge", "Ada", "--listen", "127.0.0.1:0"]);
        command.stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let (address, token) =
            url.trim().strip_prefix("http://").unwrap().split_once("/#").unwrap();
        let mut page =
            Self { child, address: address.into(), token: token.into(), cookie: String::new() };
        let answer = page.post("/api/session", &json!({"token": token}));
        let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        cookie.unwrap().split(';').next().unwrap().clone_into(&mut page.cookie);
        page
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &self.headers(), b"")
    }

    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        self.get(path).json()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &self.headers(), body.to_string().as_bytes())
    }

    /// The headers of the page's own requests.
    pub(crate) fn headers(&self) -> [(&str, &str); 3] {
        [("host", &self.address), ("cookie", &self.cookie), ("x-polychromify", "1")]
    }

    /// A request as it is told, in a connection of its own.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut stream = self.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n").into_bytes();
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
        // A server that refuses a body may close before all of it was sent.
        let _ = stream.write_all(&head).and_then(|()| stream.write_all(body));
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        Answer::of(&bytes)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(daemon::PATIENCE)).unwrap();
        stream.set_write_timeout(Some(daemon::PATIENCE)).unwrap();
        stream
    }

    /// The item of a result, by its name.
    #[track_caller]
    pub(crate) fn item(&self, name: &str) -> Value {
        let list = self.json("/api/results");
        let items = list["items"].as_array().unwrap();
        items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{list}")).clone()
    }

    /// Judges results by their names.
    pub(crate) fn judge(&self, names: &[&str], verdict: &Value) -> Value {
        let items = names.iter().map(|name| self.item(name));
        let items: Vec<Value> =
            items.map(|item| json!({"id": item["id"], "sha256": item["sha256"]})).collect();
        self.post("/api/verdicts", &json!({"items": items, "verdict": verdict})).json()
    }

    /// Has a result made with these settings and waits for it; gives all that is told of it then.
    #[track_caller]
    pub(crate) fn make(&self, name: &str, settings: &Value) -> Value {
        let id = self.item(name)["id"].clone();
        let asked = self.post("/api/make", &json!({"items": [{"id": id}], "settings": settings}));
        assert_eq!(asked.json()["queued"], 1, "{asked:?}");
        let path = format!("/api/results/{id}");
        daemon::until("the result", || {
            let status = self.json(&path)["status"].clone();
            status != "queued" && status != "running"
        });
        self.json(&path)
    }
}

impl Answer {
    fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head, body: bytes.get(end + 4..).unwrap_or_default().to_vec() }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Holds the output folder as a run does that is busy with others: what is asked for waits.
pub(crate) fn hold(folder: &Folder) -> File {
    let lock = File::options().write(true).open(folder.path("out/.polychromify/lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// Waits a moment, for something not to happen.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(300));
}
