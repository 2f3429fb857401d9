//! The log on stderr: for people at a terminal, for a file, for the journal, or as JSON.
//!
//! A record may carry the key `file`: the photograph that it is about.

use std::io::{self, Write};

use env_logger::Target;
use env_logger::fmt::Formatter;
use indicatif::MultiProgress;
use log::kv::Key;
use log::{Level, LevelFilter, Record};
use serde_json::{Map, Value};

use crate::printable;

/// Target of the message that the program ends with: for people, it has the same form after every
/// command, without the time.
pub(crate) const LAST_WORDS: &str = "polychromify::end";

/// How lines look.
pub(crate) enum Form {
    /// The bare message, above the progress bar.
    Terminal(MultiProgress),
    /// Time, level, file and message.
    Text,
    /// Syslog's number of the level in place of time and level: the journal keeps its own time.
    Journal,
    /// One JSON object a line: `time`, `level`, `file` if there is one, `message`.
    Json,
}

/// The level that -v and -q ask for.
pub(crate) fn level(verbose: u8, quiet: bool) -> Option<LevelFilter> {
    match (quiet, verbose) {
        (true, _) => Some(LevelFilter::Error),
        (false, 0) => None,
        (false, 1) => Some(LevelFilter::Debug),
        (false, _) => Some(LevelFilter::Trace),
    }
}

/// Starts the log; `log::set_max_level` may change its level later.
///
/// Other crates' messages count from `warn` on.
pub(crate) fn start(form: Form, level: LevelFilter) {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Warn).filter_module("polychromify", LevelFilter::Trace);
    match form {
        Form::Terminal(progress) => {
            builder.target(Target::Pipe(Box::new(AboveProgress(progress)))).format(terminal)
        }
        Form::Text => builder.target(Target::Stderr).format(text),
        Form::Journal => builder.target(Target::Stderr).format(journal),
        Form::Json => builder.target(Target::Stderr).format(json),
    };
    builder.init();
    log::set_max_level(level);
}

/// Whether stderr goes to systemd's journal, which adds the time to each line.
///
/// `JOURNAL_STREAM` names device and inode of the journal's socket, as systemd.exec(5) says, so
/// that a program whose stderr was redirected can tell.
#[cfg(unix)]
pub(crate) fn is_journal() -> bool {
    let Some(named) = std::env::var("JOURNAL_STREAM").ok() else { return false };
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|stderr| named == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

fn terminal(out: &mut Formatter, record: &Record) -> io::Result<()> {
    match record.level() {
        Level::Error => write!(out, "error: ")?,
        Level::Warn => write!(out, "warning: ")?,
        _ => {}
    }
    message(out, record)
}

fn text(out: &mut Formatter, record: &Record) -> io::Result<()> {
    if record.target() == LAST_WORDS {
        return terminal(out, record);
    }
    let (time, level) = (out.timestamp_seconds(), record.level().as_str().to_lowercase());
    write!(out, "{time} {level:5} ")?;
    message(out, record)
}

fn journal(out: &mut Formatter, record: &Record) -> io::Result<()> {
    let severity = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    write!(out, "<{severity}>")?;
    message(out, record)
}

fn message(out: &mut Formatter, record: &Record) -> io::Result<()> {
    if let Some(file) = file(record) {
        write!(out, "{}: ", printable::line(file.trim_end()))?;
    }
    writeln!(out, "{}", printable::line(record.args().to_string().trim_end()))
}

fn json(out: &mut Formatter, record: &Record) -> io::Result<()> {
    let mut line = Map::new();
    line.insert("time".to_owned(), Value::String(out.timestamp_millis().to_string()));
    line.insert("level".to_owned(), Value::String(record.level().as_str().to_lowercase()));
    if let Some(file) = file(record) {
        line.insert("file".to_owned(), Value::String(file));
    }
    line.insert("message".to_owned(), Value::String(record.args().to_string()));
    writeln!(out, "{}", printable::json(&Value::Object(line).to_string()))
}

fn file(record: &Record) -> Option<String> {
    record.key_values().get(Key::from("file")).map(|file| file.to_string())
}

/// Stderr, with the progress bar taken away while it is written to.
struct AboveProgress(MultiProgress);

impl Write for AboveProgress {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(buffer))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
