//! The command line, as typed.

use std::num::NonZero;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use polychromify_core::device::DeviceChoice;
use polychromify_core::scan::Format;

const EXIT_CODES: &str = "\
Exit codes:
  0    every input is done, or was skipped with a reason
  1    at least one input failed; the others are done
  2    could not start: arguments, weights, device or output folder do not fit
  130  stopped by Ctrl-C or SIGTERM; run the same command again to go on";

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
    /// Show what an output folder's ledger knows: done, failed, queued
    Status(Status),
    /// Put failed inputs back into the queue for the next batch, with their tries forgotten
    Retry(Retry),
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Batch {
    /// Photographs (JPEG, PNG, TIFF), and folders, which are searched through
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder for the results and for the ledger of what is done
    ///
    /// A photograph in a folder keeps its path below that folder. Nothing is ever replaced there
    /// but a result of this program that nobody changed since.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Weights by name, or a .safetensors file [default: the built-in ones]
    ///
    /// A name is looked up in the folder `weights` of the user's data folder
    /// (~/.local/share/polychromify on Linux), then among the built-in ones.
    #[arg(short, long, value_name = "NAME|FILE")]
    pub(crate) weights: Option<String>,
    /// Format of the results; where it changes, the extension is appended: scan.tif.jpg
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: FormatChoice,
    /// Strength of the colors, 0 (gray) to 4
    #[arg(short, long, default_value_t = 1.0, value_parser = parse_saturation)]
    pub(crate) saturation: f32,
    /// Quality of JPEG results, 1 to 100
    #[arg(long, default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quality: u8,
    /// Shrink results so that their longest side has this many pixels [default: as large as the scan]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_side: Option<u32>,
    /// Known colors of one photograph: JSON list of {"x", "y", "radius", "rgb": [r, g, b]}
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// Film rebates, mounts and white frames around the photograph
    #[arg(long, value_enum, default_value_t)]
    pub(crate) borders: BordersChoice,
    /// Photographs in work at the same time [default: the number of cores]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZero<u16>>,
    /// Memory for decoded samples, shared equally by the jobs: 512M, 2G
    ///
    /// A scan that fits into its job's share is decoded once, a larger one twice in bands of rows.
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = parse_size)]
    pub(crate) memory: u64,
    /// What computes the colors
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceName,
    /// Color again what is done already, and replace results of other inputs
    ///
    /// A result that somebody changed is not replaced even so.
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be done, and write nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// One JSON object a line on stdout: one for each input, and a last one with the sums
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Output folder of a batch
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// One JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Retry {
    /// Output folder of a batch
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// Inputs to put back [default: all that failed]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatChoice {
    /// Each result in its scan's format
    #[default]
    Same,
    Tiff,
    Png,
    Jpeg,
}

impl FormatChoice {
    /// `None`: the source's.
    pub(crate) fn format(self) -> Option<Format> {
        match self {
            Self::Same => None,
            Self::Tiff => Some(Format::Tiff),
            Self::Png => Some(Format::Png),
            Self::Jpeg => Some(Format::Jpeg),
        }
    }
}

/// `--borders`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BordersChoice {
    /// Found, not shown to the network and left neutral
    #[default]
    Auto,
    /// Taken for part of the photograph and colored with it
    Keep,
}

/// `--device`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum DeviceName {
    /// CUDA where it is to be had, else the CPU
    #[default]
    Auto,
    Cpu,
    Cuda,
}

impl DeviceName {
    pub(crate) fn choice(self) -> DeviceChoice {
        match self {
            Self::Auto => DeviceChoice::Auto,
            Self::Cpu => DeviceChoice::Cpu,
            Self::Cuda => DeviceChoice::Cuda,
        }
    }
}

fn parse_saturation(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=4.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 4".to_owned()),
    }
}

/// Least memory that is of any use: a few bands of a wide scan.
const LEAST_MEMORY: u64 = 16 << 20;

/// Reads `1500000000`, `512M`, `2GiB` (powers of 1024) and `2GB` (powers of 1000).
fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size such as 512M or 2G".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit = unit.trim().to_ascii_lowercase();
    let (letter, base) = match unit.strip_suffix("ib").map(|letter| (letter, 1024)) {
        Some(binary) => binary,
        None => unit.strip_suffix('b').map_or((unit.as_str(), 1024), |letter| (letter, 1000)),
    };
    let power = match letter {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(wrong()),
    };
    let bytes = u64::pow(base, power).checked_mul(number).ok_or_else(wrong)?;
    if bytes < LEAST_MEMORY {
        return Err("expected at least 16M".to_owned());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_are_read_in_powers_of_1024_and_of_1000() {
        assert_eq!(parse_size("1G"), Ok(1 << 30));
        assert_eq!(parse_size("512MiB"), Ok(512 << 20));
        assert_eq!(parse_size("2GB"), Ok(2_000_000_000));
        assert_eq!(parse_size("20000000"), Ok(20_000_000));
        for wrong in ["", "G", "1X", "-1G", "1.5G", "99999999999T", "1K"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn saturation_is_a_finite_number_from_0_to_4() {
        assert_eq!(parse_saturation("1.5"), Ok(1.5));
        for wrong in ["-0.1", "4.1", "nan", "inf", "much"] {
            assert!(parse_saturation(wrong).is_err(), "{wrong}");
        }
    }
}
