//! Folders that tests run in, and what a run gave.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::weights;

/// A temporary folder that the program runs in.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Adds a file, with the folders above it.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The program in this folder, to be started with arguments, its output captured.
    pub fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.0.path());
        command.env("HOME", self.0.path()).env_remove("XDG_DATA_HOME");
        command.env("USERPROFILE", self.0.path()).env("APPDATA", self.0.path());
        command.env("SOURCE_DATE_EPOCH", "1700000000"); // equal bytes in several output folders
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program.
    pub fn polychromify<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// Runs `batch` with the small weights and JSON output.
    pub fn batch<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.polychromify(batch_arguments(arguments))
    }

    /// Files below a folder with the SHA-256 of each, the ledger's folder left out, and what goes
    /// away meanwhile: a temporary file that a program gives its final name.
    pub fn files(&self, name: &str) -> BTreeMap<String, String> {
        let root = self.path(name);
        let entries = walkdir::WalkDir::new(&root).into_iter().filter_map(Result::ok);
        let files = entries.filter(|entry| !entry.file_type().is_dir());
        let below = |path: &Path| slashes(&path.strip_prefix(&root).unwrap().display().to_string());
        files
            .filter(|entry| !below(entry.path()).starts_with(".polychromify"))
            .filter_map(|entry| match fs::read(entry.path()) {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                content => Some((below(entry.path()), sha256(&content.unwrap()))),
            })
            .collect()
    }

    pub fn names(&self, name: &str) -> Vec<String> {
        self.files(name).into_keys().collect()
    }
}

/// The program, which cargo builds beside the tests' folder before a test of its package runs.
pub fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let name = format!("polychromify{}", std::env::consts::EXE_SUFFIX);
    tests.ancestors().nth(2).unwrap().join(name)
}

/// Text with paths as tests write them, on Windows too.
pub fn slashes(text: &str) -> String {
    if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() }
}

/// The same of all strings in JSON.
fn with_slashes(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(slashes(&text)),
        Value::Array(values) => values.into_iter().map(with_slashes).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, with_slashes(value))).collect()
        }
        other => other,
    }
}

/// `batch` with the small weights and JSON output.
pub fn batch_arguments<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = &'a str> {
    ["batch", "--json", "--weights", weights::tiny()].into_iter().chain(arguments)
}

pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: slashes(&String::from_utf8(output.stderr).unwrap()),
        }
    }

    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self:#?}");
        self
    }

    /// Asserts that stderr has one line, and that it holds these words.
    #[track_caller]
    pub fn one_error(self, words: &[&str]) -> Self {
        let errors: Vec<&str> =
            self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{self:#?}");
        for word in words {
            assert!(errors[0].contains(word), "`{word}` in {self:#?}");
        }
        self
    }

    /// The JSON lines of the inputs, without the summary.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let lines =
            self.stdout.lines().map(|line| with_slashes(serde_json::from_str(line).unwrap()));
        lines.filter(|line: &Value| line.get("summary").is_none()).collect()
    }

    /// The JSON line of one input.
    #[track_caller]
    pub fn line(&self, input: &str) -> Value {
        let found = self.lines().into_iter().find(|line| line["input"] == input);
        found.unwrap_or_else(|| panic!("no line of {input} in {self:#?}"))
    }

    #[track_caller]
    pub fn status(&self, input: &str) -> String {
        self.line(input)["status"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn summary(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_else(|| panic!("{self:#?}"));
        serde_json::from_str::<Value>(last).unwrap()["summary"].clone()
    }
}
