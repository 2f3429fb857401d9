//! The command line, as typed.

mod coloring;
mod film;
mod review;
mod values;
mod watch;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use coloring::Coloring;
pub(crate) use film::Film;
pub(crate) use review::Review;
pub(crate) use values::{
    Borders, Choices, Codec, FORMATS, IoClass, Keyframe, LogFormat, OnSuccessName, SOURCE_TYPES,
    SPACES,
};
use values::{parse_duration, parse_size};
pub(crate) use watch::Watch;

use crate::ledger::Address;
use crate::shard::Shard;

const EXIT_CODES: &str = "\
Exit codes:
  0    every input is done, or was skipped with a reason
  1    at least one input failed; the others are done
  2    could not start: arguments, weights, device or output folder do not fit
  130  stopped by Ctrl-C or SIGTERM; run the same command again to go on";

const VERIFY_CODES: &str = "\
Exit codes:
  0  every listed file is there, whole and as it is told
  1  there are problems, a line on stdout for each
  2  could not start: there is no manifest";

const DOCTOR_CODES: &str = "\
Exit codes:
  0  the processor predicts what it should
  1  it does not: no result of it can be relied on
  2  the weights or the configuration cannot be read";

/// Gives black-and-white photographs their colors back.
#[derive(Debug, Parser)]
#[command(name = "polychromify", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say more: -v each file, -vv each step
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Color photographs and whole folders of them
    Batch(Batch),
    /// Color films, their luma and sound untouched
    Film(Film),
    /// Color photographs, and films, as they are dropped into folders, until stopped
    Watch(Box<Watch>),
    /// Color what others put into a ledger in PostgreSQL, until stopped
    Work(Work),
    /// Show what an output folder's ledger knows: done, failed, queued
    Status(Status),
    /// Put failed inputs back into the queue, with their tries forgotten
    Retry(Retry),
    /// Open a page to look at results, judge and mend them
    Review(Review),
    /// Write the manifests of an output folder, from its ledger
    Manifest(Manifest),
    /// Check a delivered folder or bag against its manifests
    Verify(Verify),
    /// Tell what this machine and this installation have, for a report of a fault
    Doctor(Doctor),
    /// Write the completions of a shell to stdout
    Completions(Completions),
    /// Write the man pages into a folder
    #[command(hide = true)]
    ManPages(ManPages),
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Batch {
    /// Photographs (JPEG, PNG, TIFF), and folders, which are searched through
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder for the results and for the ledger of what is done
    ///
    /// A photograph in a folder keeps its path below that folder. Nothing is ever replaced there
    /// but a result of this program that nobody changed since.
    #[arg(short, long, value_name = "DIR", env = "POLYCHROMIFY_OUTPUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) coloring: Coloring,
    /// Known colors of one photograph: JSON list of {"x", "y", "radius", "rgb": [r, g, b]}
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// Color everything: what is done already, what has colors already; replace results of others
    ///
    /// A photograph that has colors is colored anew from its lightness. A result that somebody changed is not replaced even so.
    #[arg(long)]
    pub(crate) force: bool,
    /// Color only photographs whose results `polychromify review` rejected, with these settings
    ///
    /// What was made with these weights and settings already stays, as with --redo-older.
    #[arg(long)]
    pub(crate) only_rejected: bool,
    /// Color the third of eight equal shares of the inputs, say: 3/8
    ///
    /// So several machines that see the same folders work at once, each at a share of its own. A
    /// photograph's path below its folder decides which it belongs to. `status`, `manifest`, `retry`
    /// and `review` see all shares as one.
    #[arg(long, value_name = "I/N", conflicts_with = "manifest")]
    pub(crate) shard: Option<Shard>,
    /// Ledger in PostgreSQL, for any number of workers: `postgres://user@host/database`
    ///
    /// All workers see the same folders under the same paths. The password is taken from PostgreSQL's own
    /// places: PGPASSWORD, ~/.pgpass, a service file.
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "shard",
        env = "POLYCHROMIFY_LEDGER",
        hide_env_values = true
    )]
    pub(crate) ledger: Option<Address>,
    /// Say what would be done, and write nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Write manifest.csv and manifest-sha256.txt into the output folder when the run ends
    #[arg(long)]
    pub(crate) manifest: bool,
    /// One JSON object a line on stdout: one for each input, and a last one with the sums
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Work {
    /// Folder for the results
    #[arg(short, long, value_name = "DIR", env = "POLYCHROMIFY_OUTPUT")]
    pub(crate) output: PathBuf,
    /// Ledger in PostgreSQL: `postgres://user@host/database`
    #[arg(long, value_name = "URL", env = "POLYCHROMIFY_LEDGER", hide_env_values = true)]
    pub(crate) ledger: Address,
    /// How results look: as it is told to those who put photographs into the queue
    #[command(flatten)]
    pub(crate) coloring: Coloring,
    /// One JSON object a line on stdout for each input
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) at: LedgerPlace,
    /// One JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Retry {
    #[command(flatten)]
    pub(crate) at: LedgerPlace,
    /// Inputs to put back [default: all that failed]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Manifest {
    #[command(flatten)]
    pub(crate) at: LedgerPlace,
    /// List only results that `polychromify review` accepted
    ///
    /// The manifests then leave the others out, and inputs without a result, as a bag does that is packed by them.
    #[arg(long)]
    pub(crate) accepted: bool,
    /// Copy the listed files into a new bag (RFC 8493) too, for delivery
    #[arg(long, value_name = "FOLDER")]
    pub(crate) bag: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = VERIFY_CODES)]
pub(crate) struct Verify {
    /// Folder with a manifest-sha256.txt, or a bag
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Count files that are not in the manifest as problems
    #[arg(long)]
    pub(crate) strict: bool,
    /// One JSON object a line on stdout: one for each problem, and a last one with the sums
    #[arg(long)]
    pub(crate) json: bool,
    /// Files in work at the same time [default: the number of cores]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZero<u16>>,
    /// Memory for pictures that cannot be decoded in bands, shared equally by the jobs: 512M, 2G
    /// [default: 1G, or 256M a job]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// Longest time that one file may take before it counts as damaged: 90s, 30m, 6h
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    pub(crate) time_limit: Duration,
}

#[derive(Args, Debug)]
#[command(after_help = DOCTOR_CODES)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) at: LedgerPlace,
    /// One JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManPages {
    /// The folder, which is there
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// Which ledger is meant.
#[derive(Args, Debug)]
pub(crate) struct LedgerPlace {
    /// Output folder of a batch or of a watched folder [default: the configured one, else this folder]
    #[arg(short, long, value_name = "DIR", env = "POLYCHROMIFY_OUTPUT")]
    pub(crate) output: Option<PathBuf>,
    /// Ledger in PostgreSQL [default: the one in the output folder]
    #[arg(long, value_name = "URL", env = "POLYCHROMIFY_LEDGER", hide_env_values = true)]
    pub(crate) ledger: Option<Address>,
    /// Configuration file that names the output folder [default: the user's]
    #[arg(long, value_name = "FILE", env = "POLYCHROMIFY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
