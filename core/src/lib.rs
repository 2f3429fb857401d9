//! Colors for black-and-white photographs: the networks, the CIE Lab pipeline and their files.
//!
//! Color is smooth and the eye is sharp in lightness only. So a network sees a small thumbnail of
//! a scan's lightness and predicts chroma for it; the full-size scan is then painted in bands of
//! rows, its own lightness untouched.
//!
//! ```
//! use polychromify_core::{
//!     Colorizer, Device, DeviceChoice, Hints, Orientation, SamplesMut, Thumbnail, Weights,
//! };
//!
//! let (width, height) = (64, 48);
//! let lightness = vec![50.0_f32; 64 * 48]; // CIE L*, row by row
//!
//! let device = Device::open(DeviceChoice::Cpu)?;
//! let colorizer = Colorizer::open(&Weights::default_weights()?, &device)?;
//! let area = colorizer.work_area();
//! let mut thumbnail = Thumbnail::new(width, height, Orientation::Upright, area);
//! thumbnail.push_rows(0, &lightness);
//! let chroma = colorizer.predict(&thumbnail.finish(), &Hints::default())?;
//!
//! let mut rgb = vec![0_u8; 3 * lightness.len()];
//! chroma.painter(width, height, 1.0).paint_rows(0, &lightness, SamplesMut::Eight(&mut rgb));
//! # Ok::<(), polychromify_core::Error>(())
//! ```

mod colorize;
mod error;
mod film;
mod nn;
mod pass;
mod text;

/// What benches, tools and `polychromify-train` need beside the public face; any of it may change.
#[doc(hidden)]
pub mod internals {
    pub use crate::colorize::borders::Borders;
    pub use crate::nn::device::on_candle;
    pub use crate::nn::{engine, import, model, ops, weights};
}

// A scan: lightness in, color out.
pub use pass::mark::Mark;
pub use pass::read_back::{Difference, ExpectedLightness};
pub use pass::result::ResultFile;
pub use pass::{Encoding, Info, PageNotice, Paint, Scan};
pub use polychromify_image::color::lab::{RgbSpace, lightness_from_srgb8};
pub use polychromify_image::provenance::{
    FoundLabel, Label, SourceType, Vocabulary, packet as label_packet,
};
pub use polychromify_image::{
    Concern, Deadline, Depth, Format, Limits, Notice, Orientation, SamplesMut,
};

// A thumbnail of it in, chroma out.
pub use colorize::chroma::{ChromaMap, Painter, SATURATION};
pub use colorize::colorizer::{Colorizer, Doubts};
pub use colorize::hints::{Hint, HintMask, Hints};
pub use colorize::picture::ColorPicture;
pub use colorize::reference::Reference;
pub use colorize::self_check::SelfCheck;
pub use colorize::thumbnail::{Thumbnail, WorkImage};
pub use colorize::tone::{Toning, Verdict};
pub use nn::arithmetic::Arithmetic;
pub use nn::device::{Device, DeviceChoice};
pub use nn::weights::Weights;

// A film, frame by frame.
pub use film::{
    Anchor, ChromaShape, ColoredFrame, Film, FilmSettings, FrameFormat, FramePainter, Given,
    LookAhead, Matrix, RgbFormat, RgbPainter, Viewer,
};

pub use error::{Error, Result};
pub use text::{hexadecimal, panic_message};
