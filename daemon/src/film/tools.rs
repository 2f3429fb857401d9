//! `ffmpeg` and `ffprobe` as programs: what they say is always read, how they ended is always asked,
//! and none outlives what it is run for.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{ChildStderr, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use polychromify_core::Error as CoreError;

use crate::error::{Error, Result};
use crate::files::room;
use crate::programs::Program;
use crate::stop::Stop;

/// Longest pause between two looks whether a program ended.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Most complaints that are kept.
const MOST_KEPT: usize = 20;

/// A program of the package `ffmpeg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Ffmpeg,
    Ffprobe,
}

/// Refuses to begin where one of the programs is missing.
pub(crate) fn are_there() -> Result<()> {
    if cfg!(windows) {
        return Err(Error::NotOnWindows { what: "a film", reason: "ffmpeg was never tried there" });
    }
    for tool in [Tool::Ffmpeg, Tool::Ffprobe] {
        let mut command = tool.command();
        command.arg("-version").stdout(Stdio::null()).stderr(Stdio::null());
        let told = Program::start(&mut command).and_then(|mut program| program.child.wait());
        told.map_err(|source| Error::NoFilmTool { tool: tool.name(), source })?;
    }
    Ok(())
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Ffprobe => "ffprobe",
        }
    }

    /// The program, to be given arguments. It says nothing but warnings and errors, a line each with
    /// its level, and a Ctrl-C is not meant for it.
    pub(super) fn command(self) -> Command {
        let mut command = Command::new(self.name());
        command.args(["-hide_banner", "-loglevel", "level+warning"]);
        if self == Self::Ffmpeg {
            command.args(["-nostdin", "-nostats"]);
        }
        command.env("AV_LOG_FORCE_NOCOLOR", "1").env_remove("FFREPORT");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }

    /// Starts it; `about` is the file that is worked on. `heard` gets each line that it says.
    pub(super) fn start(
        self,
        mut command: Command,
        about: &Path,
        heard: impl FnMut(&str) + Send + 'static,
    ) -> Result<Running> {
        let started = Program::start(command.stderr(Stdio::piped()));
        let mut program =
            started.map_err(|source| Error::NoFilmTool { tool: self.name(), source })?;
        let stderr = program.child.stderr.take().expect("piped above");
        let listener = thread::spawn(move || listen(stderr, heard));
        Ok(Running { program, tool: self, about: about.into(), listener: Some(listener) })
    }

    /// Runs it to its end and gives what it wrote to stdout.
    pub(super) fn output(self, mut command: Command, about: &Path, stop: &Stop) -> Result<Output> {
        command.stdout(Stdio::piped());
        let mut running = self.start(command, about, |_| {})?;
        let mut stdout = Vec::new();
        let read = running.stdout().read_to_end(&mut stdout);
        read.map_err(Error::io(about, "read"))?;
        let ended = running.end(stop)?;
        Ok(Output { stdout, ended })
    }
}

/// What a program wrote, and how it ended.
pub(super) struct Output {
    pub(super) stdout: Vec<u8>,
    pub(super) ended: Ended,
}

/// Reads what a program says until it ends; gives its complaints.
fn listen(stderr: ChildStderr, mut heard: impl FnMut(&str)) -> Vec<String> {
    let mut complaints = Vec::new();
    for line in BufReader::new(stderr).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line);
        heard(&line);
        if let Some(complaint) = complaint(&line)
            && complaints.len() < MOST_KEPT
        {
            complaints.push(complaint);
        }
    }
    complaints
}

/// What a line complains of, if it is more than a warning.
pub(super) fn complaint(line: &str) -> Option<String> {
    let levels = ["[error] ", "[fatal] ", "[panic] "];
    let said = levels.iter().find_map(|level| line.split_once(level))?.1.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

/// A program that runs. It is ended when this is dropped.
pub(super) struct Running {
    program: Program,
    tool: Tool,
    about: Box<Path>,
    /// Gives the complaints.
    listener: Option<JoinHandle<Vec<String>>>,
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) went_well: bool,
    /// What it complained of, in order.
    pub(super) complaints: Vec<String>,
}

impl Running {
    /// What it writes, which was asked to be piped.
    pub(super) fn stdout(&mut self) -> impl Read + Send + use<> {
        self.program.child.stdout.take().expect("piped, and taken once")
    }

    /// What it reads, which was asked to be piped.
    pub(super) fn stdin(&mut self) -> std::process::ChildStdin {
        self.program.child.stdin.take().expect("piped, and taken once")
    }

    /// Waits until it ends by itself.
    pub(super) fn end(self, stop: &Stop) -> Result<Ended> {
        self.end_while(stop, || Ok(()))
    }

    /// Waits until it ends that writes to the file it is about, and ends it where that would take the
    /// last of the disk. Fails if it did not end well.
    pub(super) fn end_in_room(self, stop: &Stop) -> Result<()> {
        let (tool, about) = (self.tool, self.about.clone());
        let ended =
            self.end_while(stop, || room::refuse_full(&about).map_err(Error::io(&about, "write")))?;
        ended.well(tool, &about)
    }

    /// Waits until it ends by itself, as long as `goes_on` does not fail.
    fn end_while(mut self, stop: &Stop, goes_on: impl Fn() -> Result<()>) -> Result<Ended> {
        let mut pause = Duration::from_millis(1);
        let status = loop {
            let status = self.program.child.try_wait();
            if let Some(status) = status.map_err(Error::io(&self.about, "read"))? {
                break status;
            }
            if stop.is_asked() {
                return Err(CoreError::Cancelled.into());
            }
            goes_on()?;
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        let listener = self.listener.take().expect("taken once");
        let mut complaints = listener.join().unwrap_or_default();
        if !status.success() && complaints.is_empty() {
            complaints.push(format!("ended with {status}"));
        }
        Ok(Ended { went_well: status.success(), complaints })
    }

    /// Waits until it ends, and fails if that was not well.
    pub(super) fn end_well(self, stop: &Stop) -> Result<()> {
        let (tool, about) = (self.tool, self.about.clone());
        self.end(stop)?.well(tool, &about)
    }
}

impl Ended {
    /// Fails unless it went well; `about` is the file that was worked on.
    pub(super) fn well(&self, tool: Tool, about: &Path) -> Result<()> {
        if self.went_well && self.complaints.is_empty() {
            return Ok(());
        }
        if self.complaints.iter().any(|said| said.contains("No space left on device")) {
            return Err(Error::io(about, "write")(io::ErrorKind::StorageFull.into()));
        }
        Err(Error::FilmTool { tool: tool.name(), path: about.into(), reason: self.words() })
    }

    /// The first complaint, in a line.
    pub(super) fn words(&self) -> String {
        self.complaints.first().cloned().unwrap_or_else(|| "it ended in an unknown way".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_from_warnings() {
        let said = "[h264 @ 0x55e7] [error] error while decoding MB 18 2";
        assert_eq!(complaint(said).as_deref(), Some("error while decoding MB 18 2"));
        assert_eq!(complaint("[warning] deprecated pixel format"), None);
        assert_eq!(complaint("0,          0,          0"), None);
        assert_eq!(complaint("[error] "), None);
    }
}
