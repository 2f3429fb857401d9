//! Options of `polychromify watch`. Each is a key of the configuration file as well.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use log::LevelFilter;

use super::coloring::Coloring;
use super::values::{
    Codec, IoClass, LogFormat, OnSuccessName, Switch, log_level, parse_duration, parse_pause,
    parse_steadiness,
};
use crate::ledger::Address;
use crate::policy::{Duplicates, Retries};

const PLACES: &str = "\
Every option may also be set in the configuration file, under its long name:

  input = \"/scans\"
  output = \"/colored\"
  stability-delay = \"10s\"

and in the environment, as POLYCHROMIFY_ and its name in capitals: POLYCHROMIFY_STABILITY_DELAY=10.
A flag counts before the environment, the environment before the file. Relative paths in the file
start at the file's folder.

SIGHUP reads the file again; SIGTERM and Ctrl-C stop within seconds, and the next start goes on.";

#[derive(Args, Clone, Debug)]
#[command(after_help = PLACES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Watch {
    /// Folders that photographs are dropped into, searched through with everything below them
    #[arg(id = "input", value_name = "INPUT", env = "POLYCHROMIFY_INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder for the results and for the ledger of what is done
    #[arg(short, long, value_name = "DIR", env = "POLYCHROMIFY_OUTPUT")]
    pub(crate) output: Option<PathBuf>,
    /// Configuration file [default: ~/.config/polychromify/config.toml on Linux, if it is there]
    #[arg(long, value_name = "FILE", env = "POLYCHROMIFY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Ledger in PostgreSQL, for any number of workers: `postgres://user@host/database`
    #[arg(long, value_name = "URL", env = "POLYCHROMIFY_LEDGER", hide_env_values = true)]
    pub(crate) ledger: Option<Address>,
    /// Only notice files and put them into the queue of --ledger, for others to color
    #[arg(long, switch = true, requires = "ledger", env = "POLYCHROMIFY_NO_WORK")]
    pub(crate) no_work: bool,
    /// Print the options in force as a configuration file, with the origin of each, and end
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Color films too, as `film` does: by ffmpeg, with a JSON beside each result
    #[arg(long, switch = true, env = "POLYCHROMIFY_FILMS")]
    pub(crate) films: bool,
    /// How results of films are coded
    #[arg(long, value_enum, default_value_t, env = "POLYCHROMIFY_CODEC")]
    pub(crate) codec: Codec,
    /// How much frames of a shot have a say in each other's colors: 0 (none, they flicker) to 1
    #[arg(
        long,
        default_value_t = 1.0,
        value_parser = parse_steadiness,
        env = "POLYCHROMIFY_STEADINESS"
    )]
    pub(crate) steadiness: f32,
    /// How long a file's size and time must stand still before it is taken: 5 (seconds), 500ms, 2m
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = parse_duration,
        env = "POLYCHROMIFY_STABILITY_DELAY"
    )]
    pub(crate) stability_delay: Duration,
    /// Time between looks through all folders, besides events; 0: at the start only
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5m",
        value_parser = parse_duration,
        env = "POLYCHROMIFY_RESCAN"
    )]
    pub(crate) rescan: Duration,
    /// Look through all folders this often in place of events [default: 10s]
    ///
    /// File systems that are known to send no events (NFS, SMB, 9p, FUSE) are polled without it.
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        default_missing_value = "10s",
        value_parser = parse_duration,
        env = "POLYCHROMIFY_POLL"
    )]
    pub(crate) poll: Option<Duration>,
    /// Glob of names to leave alone, or of paths below INPUT where it holds a /; may be repeated
    ///
    /// Added to the names of hidden files, unfinished downloads, thumbnails and trash.
    #[arg(long, value_name = "GLOB", env = "POLYCHROMIFY_IGNORE")]
    pub(crate) ignore: Vec<String>,
    /// How long a file that is empty, or an uncompressed TIFF that ends in rows of zeros, may wait for
    /// its content before it is taken as it is
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1h",
        value_parser = parse_duration,
        env = "POLYCHROMIFY_EMPTY_PATIENCE"
    )]
    pub(crate) empty_patience: Duration,
    /// What becomes of an original once its result is synced and read back
    #[arg(long, value_enum, default_value_t, env = "POLYCHROMIFY_ON_SUCCESS")]
    pub(crate) on_success: OnSuccessName,
    /// Folder for originals with --on-success move
    #[arg(long, value_name = "DIR", env = "POLYCHROMIFY_MOVE_TO")]
    pub(crate) move_to: Option<PathBuf>,
    /// What becomes of a file whose content has a result under another name
    #[arg(long, value_enum, default_value_t, env = "POLYCHROMIFY_DUPLICATES")]
    pub(crate) duplicates: Duplicates,
    /// Tries of a file that cannot be read for now, before it counts as failed
    #[arg(
        long,
        value_name = "N",
        default_value_t = Retries::default().most,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "POLYCHROMIFY_TRIES"
    )]
    pub(crate) tries: u32,
    /// Time before the first further try; the wait doubles with each, up to 5 minutes
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = parse_duration,
        env = "POLYCHROMIFY_RETRY_DELAY"
    )]
    pub(crate) retry_delay: Duration,
    #[command(flatten)]
    pub(crate) coloring: Coloring,
    /// Command to run after each result or failure, by `sh -c`
    ///
    /// It learns of the result by its environment: `POLYCHROMIFY_HOOK_INPUT`, and in the same way
    /// `OUTPUT`, `STATUS` (done or failed), `REASON`, `SECONDS`, `SHA256_INPUT`, `SHA256_OUTPUT`.
    /// One runs at a time, while the next photographs are colored.
    #[arg(long, value_name = "COMMAND", env = "POLYCHROMIFY_HOOK")]
    pub(crate) hook: Option<String>,
    /// The hook is killed after this time
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        value_parser = parse_pause,
        env = "POLYCHROMIFY_HOOK_TIMEOUT"
    )]
    pub(crate) hook_timeout: Duration,
    /// Give way to other programs: 0 (not) to 19 (most)
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u8).range(0..=19),
        env = "POLYCHROMIFY_NICE"
    )]
    pub(crate) nice: Option<u8>,
    /// Class of reading and writing: idle only when nobody else does
    #[arg(long, value_enum, value_name = "CLASS", env = "POLYCHROMIFY_IO_CLASS")]
    pub(crate) io_class: Option<IoClass>,
    /// Serve figures for Prometheus at this address, for example 127.0.0.1:9187
    #[arg(long, value_name = "ADDRESS:PORT", env = "POLYCHROMIFY_METRICS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Let --metrics listen to other machines too
    #[arg(long, switch = false, env = "POLYCHROMIFY_METRICS_ANYWHERE")]
    pub(crate) metrics_anywhere: bool,
    /// Least important messages that are logged
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        value_parser = log_level(),
        env = "POLYCHROMIFY_LOG_LEVEL"
    )]
    pub(crate) log_level: LevelFilter,
    /// Form of the log on stderr
    #[arg(long, value_enum, default_value_t, env = "POLYCHROMIFY_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    /// One JSON object a line on stdout for each photograph that ended
    #[arg(long, switch = false, env = "POLYCHROMIFY_JSON")]
    pub(crate) json: bool,
}
