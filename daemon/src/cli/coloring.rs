//! Options of everything that colors: the same for a batch and for a watched folder.

use std::num::NonZero;
use std::time::Duration;

use clap::Args;

use polychromify_core::{Arithmetic, DeviceChoice, RgbSpace, SourceType};

use super::values::{
    Borders, DEVICES, FORMATS, FormatChoice, PRECISIONS, SOURCE_TYPES, SPACES, Switch, one_of,
    parse_duration, parse_saturation, parse_size,
};

#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Coloring {
    /// Weights by name, or a .safetensors file [default: vivid]
    ///
    /// A name is looked up in the folder `weights` of the user's data folder
    /// (~/.local/share/polychromify on Linux), then among the built-in ones.
    #[arg(short, long, value_name = "NAME|FILE", env = "POLYCHROMIFY_WEIGHTS")]
    pub(crate) weights: Option<String>,
    /// Format of the results; where it changes, the extension is appended: scan.tif.jpg
    #[arg(short, long, default_value = "same", value_parser = one_of(FORMATS), env = "POLYCHROMIFY_FORMAT")]
    pub(crate) format: FormatChoice,
    /// Strength of the colors, 0 (gray) to 4
    #[arg(
        short,
        long,
        default_value_t = 1.0,
        value_parser = parse_saturation,
        env = "POLYCHROMIFY_SATURATION"
    )]
    pub(crate) saturation: f32,
    /// Which plausible coloring: 1 is the likeliest
    ///
    /// 2 and 3 give a part of the photograph another color where the network is of two minds on it;
    /// where it is not, they are the same as 1, and the log says so.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=3),
        env = "POLYCHROMIFY_VARIANT"
    )]
    pub(crate) variant: u8,
    /// Quality of JPEG results, 1 to 100
    #[arg(
        long,
        default_value_t = 95,
        value_parser = clap::value_parser!(u8).range(1..=100),
        env = "POLYCHROMIFY_QUALITY"
    )]
    pub(crate) quality: u8,
    /// Shrink results so that their longest side has this many pixels [default: as large as the scan]
    #[arg(
        long,
        value_name = "PIXELS",
        value_parser = clap::value_parser!(u32).range(1..),
        env = "POLYCHROMIFY_MAX_SIDE"
    )]
    pub(crate) max_side: Option<u32>,
    /// Film rebates, mounts and white frames around the photograph
    #[arg(long, value_enum, default_value_t, env = "POLYCHROMIFY_BORDERS")]
    pub(crate) borders: Borders,
    /// Color space of the results, whose profile is embedded; prophoto in 16 bits or float alone
    #[arg(
        long,
        value_name = "SPACE",
        default_value = "srgb",
        value_parser = one_of(SPACES),
        env = "POLYCHROMIFY_PROFILE"
    )]
    pub(crate) profile: RgbSpace,
    /// Take scans for film negatives: color them with their lightness inverted
    ///
    /// CIE L* of a result is 100 less that of its scan. No film curve is assumed, and the orange mask
    /// of color negatives has no meaning here.
    #[arg(long, switch = true, env = "POLYCHROMIFY_INVERT")]
    pub(crate) invert: bool,
    /// Write "colorized" into the lower right corner of each result
    #[arg(long, switch = true, env = "POLYCHROMIFY_MARK")]
    pub(crate) mark: bool,
    /// Photographs in work at the same time [default: the number of cores]
    #[arg(short, long, value_name = "N", env = "POLYCHROMIFY_JOBS")]
    pub(crate) jobs: Option<NonZero<u16>>,
    /// Memory for decoded samples, shared equally by the jobs: 512M, 2G [default: 1G, or 256M a job]
    ///
    /// A scan that fits into its job's share is decoded once, a larger one twice in bands of rows.
    /// The larger of the two is the default.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, env = "POLYCHROMIFY_MEMORY")]
    pub(crate) memory: Option<u64>,
    /// Longest time that one file may take before it counts as failed: 90s, 30m, 6h
    ///
    /// No scan needs the default, which is for files that are made to keep a program busy.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "24h",
        value_parser = parse_duration,
        env = "POLYCHROMIFY_TIME_LIMIT"
    )]
    pub(crate) time_limit: Duration,
    /// What computes the colors
    #[arg(long, default_value = "auto", value_parser = one_of(DEVICES), env = "POLYCHROMIFY_DEVICE")]
    pub(crate) device: DeviceChoice,
    /// What the network calculates in [default: integers where the weights hold them, else f32]
    ///
    /// In integers every machine gives a photograph the same colors. A CUDA device calculates in f32.
    #[arg(long, value_parser = one_of(PRECISIONS), env = "POLYCHROMIFY_PRECISION")]
    pub(crate) precision: Option<Arithmetic>,
    /// What the label of a result says that it is, in IPTC's words
    #[arg(
        long,
        default_value = "composite",
        value_parser = one_of(SOURCE_TYPES),
        env = "POLYCHROMIFY_SOURCE_TYPE"
    )]
    pub(crate) source_type: SourceType,
    /// Write what the label says beside each result too, as JSON: scan.tif.json
    #[arg(long, switch = true, env = "POLYCHROMIFY_SIDECAR")]
    pub(crate) sidecar: bool,
    /// Make results anew that were made with other weights or settings, or by an older version
    ///
    /// Without it they stay as they are. A result that somebody changed stays in any case.
    #[arg(long, switch = true, env = "POLYCHROMIFY_REDO_OLDER")]
    pub(crate) redo_older: bool,
    /// Fail where metadata would be lost or a color profile is ignored, before there is a result
    ///
    /// Without it the result tells what was left out: in --json, the sidecar, the manifest and `status`.
    #[arg(long, switch = true, env = "POLYCHROMIFY_STRICT")]
    pub(crate) strict: bool,
}
