//! Options of `film`.

use std::path::PathBuf;

use clap::Args;
use polychromify_core::{Arithmetic, DeviceChoice};

use super::values::{
    Codec, DEVICES, Keyframe, PRECISIONS, one_of, parse_keyframe, parse_rate, parse_saturation,
    parse_steadiness,
};

#[derive(Args, Debug)]
#[command(after_help = super::EXIT_CODES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Film {
    /// Films, sequences of frames (`scan_%06d.tif`), and folders, which are searched through
    ///
    /// In a folder, three files or more of one format whose names differ in a number alone are a sequence.
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder for the results and for the ledger of what is done
    ///
    /// A film in a folder keeps its path below that folder. Nothing is ever replaced there but a
    /// result of this program that nobody changed since.
    #[arg(short, long, value_name = "DIR", env = "POLYCHROMIFY_OUTPUT")]
    pub(crate) output: PathBuf,
    /// Weights by name, or a .safetensors file [default: vivid]
    #[arg(short, long, value_name = "NAME|FILE", env = "POLYCHROMIFY_WEIGHTS")]
    pub(crate) weights: Option<String>,
    /// Strength of the colors, 0 (gray) to 4
    #[arg(
        short,
        long,
        default_value_t = 1.0,
        value_parser = parse_saturation,
        env = "POLYCHROMIFY_SATURATION"
    )]
    pub(crate) saturation: f32,
    /// How much frames of a shot have a say in each other's colors: 0 (none, they flicker) to 1
    #[arg(long, default_value_t = 1.0, value_parser = parse_steadiness)]
    pub(crate) steadiness: f32,
    /// A photograph or frame in colors, whose palette the films take
    ///
    /// What is colored otherwise there than the network would color it is corrected in the film too,
    /// wherever the network would give the same color.
    #[arg(long, value_name = "PICTURE")]
    pub(crate) reference: Option<PathBuf>,
    /// A frame of the film that you colored: its shot takes these colors. May be given several times
    ///
    /// TIME is where a player shows the frame: seconds (12.4), or 1:02:12.4. In a sequence of TIFF, PNG or
    /// JPEG it is the NUMBER in the frame's name instead (1042). Colors go along with what they are of,
    /// before the frame and after it, up to the next cut.
    #[arg(long, value_name = "TIME=PICTURE|NUMBER=PICTURE", value_parser = parse_keyframe)]
    pub(crate) keyframe: Vec<Keyframe>,
    /// Color hints for frames of the film, as JSON: [{"time": 12.4, "x": 10, "y": 20, "radius": 5, "rgb": [200, 30, 30]}]
    ///
    /// time is where a player shows the frame, in seconds; in a sequence of TIFF, PNG or JPEG it is "frame":
    /// 1042 instead, the number in its name. The rest is in pixels of the frame, as for
    /// photographs. What a hint changes is changed in the frame's whole shot.
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// How results are coded; the extension is appended where it changes: film.mp4.mkv
    #[arg(long, value_enum, default_value_t)]
    pub(crate) codec: Codec,
    /// Color sequences of TIFF, PNG and JPEG that lack numbers
    #[arg(long)]
    pub(crate) allow_gaps: bool,
    /// Frames a second of sequences of DPX, in place of what they tell: 18, or 24000/1001
    #[arg(long, value_name = "FRAMES", value_parser = parse_rate)]
    pub(crate) rate: Option<(u64, u64)>,
    /// What computes the colors
    #[arg(long, default_value = "auto", value_parser = one_of(DEVICES), env = "POLYCHROMIFY_DEVICE")]
    pub(crate) device: DeviceChoice,
    /// What the network calculates in [default: integers where the weights hold them, else f32]
    #[arg(long, value_parser = one_of(PRECISIONS), env = "POLYCHROMIFY_PRECISION")]
    pub(crate) precision: Option<Arithmetic>,
    /// Fail where subtitles or pictures would be left out, or a matrix or range is assumed
    #[arg(long)]
    pub(crate) strict: bool,
    /// Make results anew that were made with other weights or settings, or by an older version
    #[arg(long)]
    pub(crate) redo_older: bool,
    /// Color everything: what is done already, what has colors already; replace results of others
    ///
    /// A film that has colors is colored anew from its lightness. A result that somebody changed is not replaced even so.
    #[arg(long)]
    pub(crate) force: bool,
    /// Write a sheet with a colored frame of each shot, film.mkv.preview.png, and nothing else
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) preview: bool,
    /// Say what would be done, and write nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// One JSON object a line on stdout: one for each input, and a last one with the sums
    #[arg(long)]
    pub(crate) json: bool,
}
