//! What stops a run or a job, in one line that names the file and the way out.

mod fault;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(crate) use fault::Fault;

use crate::film::refusal::Refusal;
use crate::ledger::StoreError;
use crate::shard::Shard;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Core(#[from] polychromify_core::Error),
    #[error("{what} is not offered on Windows: {reason}")]
    NotOnWindows { what: &'static str, reason: &'static str },
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io { path: PathBuf, doing: &'static str, source: io::Error },
    #[error("ledger {}: {source}", path.display())]
    Ledger { path: PathBuf, source: StoreError },
    #[error(
        "ledger {}: written by a newer version of this program (schema {found}, expected at most {expected})",
        path.display()
    )]
    LedgerVersion { path: PathBuf, found: i64, expected: usize },
    #[error(
        "ledger {}: an earlier run was interrupted while it wrote here; run `batch` or `watch` first",
        path.display()
    )]
    LedgerInterrupted { path: PathBuf },
    #[error("{}: there is no ledger here; name the folder of a batch with --output", folder.display())]
    NoLedger { folder: PathBuf },
    #[error(
        "{}: there is no {name} here; `polychromify manifest` writes it, and `batch --manifest`",
        folder.display()
    )]
    NoManifest { folder: PathBuf, name: &'static str },
    #[error(
        "{}: a bag cannot lie in the output folder {}, or that in it",
        bag.display(), output.display()
    )]
    BagInOutput { bag: PathBuf, output: PathBuf },
    #[error("cannot start threads: {source}")]
    Threads { source: rayon::ThreadPoolBuildError },
    #[error("{}: in use by process {process}", folder.display())]
    Busy { folder: PathBuf, process: String },
    #[error("{}: its ledger lies in PostgreSQL; name it with --ledger", folder.display())]
    SharedLedger { folder: PathBuf },
    #[error(
        "{}: has a ledger of its own; the next `batch` or `watch` with --ledger moves it into PostgreSQL",
        folder.display()
    )]
    OtherLedger { folder: PathBuf },
    #[error("{}: the database is the ledger of another output folder; each has its own", folder.display())]
    LedgerOfAnother { folder: PathBuf },
    #[error("{}: is not there, or not mounted; waiting for it", folder.display())]
    FolderAway { folder: PathBuf },
    #[error(
        "takes no job, as its results would not be like those of process {process} on {host}: {difference}"
    )]
    UnlikeWorker { host: String, process: u32, difference: String },
    #[error("--ledger: {what} is for one machine alone, and needs a ledger in the output folder")]
    NotShared { what: &'static str },
    #[error("{}: shard {shard} is at work on it; wait until it ends", folder.display())]
    ShardAtWork { folder: PathBuf, shard: Shard },
    #[error("{}: there is no frame of this pattern", pattern.display())]
    NoFrames { pattern: PathBuf },
    #[error("{}: neither a file nor a folder", path.display())]
    NotAFile { path: PathBuf },
    #[error("{}: the output is not a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error(
        "{}: the output folder {} lies inside this input folder; choose an --output outside of it",
        input.display(), output.display()
    )]
    OutputInsideInput { input: PathBuf, output: PathBuf },
    #[error(
        "{}: this input folder lies inside the output folder {}; choose another --output",
        input.display(), output.display()
    )]
    InputInsideOutput { input: PathBuf, output: PathBuf },
    #[error(
        "{}: its result would overwrite it; choose another --output, or a --format that adds an extension",
        input.display()
    )]
    OverwritesInput { input: PathBuf },
    #[error(
        "{}: its result would overwrite the input {}; choose another --output",
        input.display(), other.display()
    )]
    OverwritesOther { input: PathBuf, other: PathBuf },
    #[error(
        "{} and {} would both become {}; color them into different output folders",
        first.display(), second.display(), result.display()
    )]
    SameResult { first: PathBuf, second: PathBuf, result: PathBuf },
    #[error(
        "{}: its result cannot lie beside that of {} where case makes no difference; choose another --output for it",
        second.display(), first.display()
    )]
    Twin { first: PathBuf, second: PathBuf },
    #[error("--keyframe and --hints describe one film, and there are {found}")]
    FramesOfMany { found: usize },
    #[error(
        "--keyframe: {}: is for a time, and a sequence's frame is told by the number in its name: 1042=frame.png",
        path.display()
    )]
    NoFrameNumber { path: PathBuf },
    #[error("{}: is black and white, and colors are to be taken from it", path.display())]
    NoColors { path: PathBuf },
    #[error("--hints describes one photograph, and there are {found}")]
    HintsForMany { found: usize },
    #[error(
        "{}: already there, and not made by this program; move it away, or choose another --output",
        path.display()
    )]
    Occupied { path: PathBuf },
    #[error(
        "{}: changed by somebody since it was made, so it is not replaced; move it away to have it made again",
        path.display()
    )]
    Edited { path: PathBuf },
    #[error(
        "{}: already the result of {}; choose another --output, or replace it with --force",
        path.display(), owner.display()
    )]
    ResultOfAnother { path: PathBuf, owner: PathBuf },
    #[error(
        "{}: the result of an earlier scan of this name, whose original was moved or deleted; rename this one",
        path.display()
    )]
    OriginalGone { path: PathBuf },
    #[error(
        "{}: the name of this sidecar would be too long; shorten that of the scan, or leave --sidecar out",
        path.display()
    )]
    NoRoomForSidecar { path: PathBuf },
    #[error(
        "{}: a bag cannot list this name, {reason}; rename its scan, color it again and remove this result",
        path.display()
    )]
    BagName { path: PathBuf, reason: &'static str },
    #[error("{}: leads out of the output folder through a symbolic link", path.display())]
    OutsideOutput { path: PathBuf },
    #[error("{}: changed while it was read", path.display())]
    SourceChanged { path: PathBuf },
    #[error("{}: process {process} has it open for writing", path.display())]
    InUse { path: PathBuf, process: u32 },
    #[error("{}: is a symbolic link, which is neither moved nor deleted", path.display())]
    LinkStays { path: PathBuf },
    #[error(
        "{}: is empty or not there, as where a share is not mounted; originals that are to go from it wait",
        folder.display()
    )]
    OriginalsAway { folder: PathBuf },
    #[error("{}: originals cannot move here, because they lie here", path.display())]
    SameFolder { path: PathBuf },
    #[error(
        "{}: an original that was about to go, whose name {} is another file's by now; rename one of them",
        aside.display(), path.display()
    )]
    TakenAside { aside: PathBuf, path: PathBuf },
    #[error(
        "{}: in the place of a file of this program lies a link or something else; remove it",
        path.display()
    )]
    NotOwnFile { path: PathBuf },
    #[error(
        "{}: its result is not published, because read back it is not what was written: {reason}",
        path.display()
    )]
    ReadBack { path: PathBuf, reason: String },
    #[error("{}: {refusal}", path.display())]
    Film { path: PathBuf, refusal: Refusal },
    #[error("{tool}: {source}; films need it: install the package `ffmpeg`")]
    NoFilmTool { tool: &'static str, source: io::Error },
    #[error("{}: {tool} failed: {reason}", path.display())]
    FilmTool { tool: &'static str, path: PathBuf, reason: String },
    #[error("{}: {reason} (refused by --strict)", path.display())]
    Strict { path: PathBuf, reason: String },
    #[error(
        "the program failed on this file by a fault of its own; please report it, with what -v says"
    )]
    Panicked,
    #[error("{}: {source}", path.display())]
    Walk { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {reason}", path.display())]
    ConfigSyntax { path: PathBuf, line: usize, reason: String },
    #[error("{}:{line}: unknown key `{key}`; {hint}", path.display())]
    ConfigKey { path: PathBuf, line: usize, key: String, hint: String },
    #[error("{}:{line}: `{key}`: {reason}", path.display())]
    ConfigValue { path: PathBuf, line: usize, key: String, reason: String },
    #[error("{}", .0.to_string().trim_start_matches("error: ").trim_end())]
    Arguments(clap::Error),
    #[error(
        "no `{key}`: name it on the command line, as POLYCHROMIFY_{}, or in the configuration file",
        key.to_uppercase().replace('-', "_")
    )]
    NotConfigured { key: &'static str },
    #[error(
        "--metrics {address}: other machines could read it; say --metrics-anywhere if they may"
    )]
    MetricsForAll { address: SocketAddr },
    #[error("--metrics {address}: cannot listen: {source}")]
    Metrics { address: SocketAddr, source: io::Error },
    #[error("cannot serve pages: {0}")]
    Listener(io::Error),
    #[error("--listen {address}: other machines could reach it; say --allow-remote if they may")]
    ReviewForAll { address: SocketAddr },
    #[error("{address}: cannot listen: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the system gives no random numbers: {reason}")]
    NoRandom { reason: String },
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
    #[error("SOURCE_DATE_EPOCH: expected seconds since 1970, found `{found}`")]
    SourceDate { found: String },
    #[error("glob {glob}: {reason}")]
    Glob { glob: String, reason: String },
    #[error("{}: only folders can be watched", path.display())]
    WatchesFolders { path: PathBuf },
    #[error("{}: originals cannot move into the output folder, or it into theirs", folder.display())]
    MovesIntoOutput { folder: PathBuf },
    #[error(
        "{}: originals cannot move here, because the watched folder {} lies inside",
        folder.display(), input.display()
    )]
    MovesIntoInput { folder: PathBuf, input: PathBuf },
    #[error("{}: lies inside the watched folder {}; choose one of them", inner.display(), outer.display())]
    WatchedTwice { inner: PathBuf, outer: PathBuf },
}

impl Error {
    /// Wraps an operating system's error, to be used with `map_err`.
    pub(crate) fn io(
        path: impl AsRef<Path>,
        doing: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, doing, source }
    }

    /// The message for a report that names `input` already.
    pub(crate) fn reason(&self, input: &Path) -> String {
        let text = self.to_string();
        match text.strip_prefix(&format!("{}: ", input.display())) {
            Some(rest) => rest.to_owned(),
            None => text,
        }
    }
}
