//! Colors for black-and-white photographs: the networks, the CIE Lab pipeline and their files.
//!
//! Color is smooth and the eye is sharp in lightness only. So a network sees a small thumbnail of
//! a scan's lightness and predicts chroma for it; the full-size scan is then painted in bands of
//! rows, its own lightness untouched.
//!
//! ```
//! use polychromify_core::device::DeviceChoice;
//! use polychromify_core::{Colorizer, Device, Hints, Orientation, SamplesMut, Thumbnail, Weights};
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

pub mod borders;
pub mod chroma;
pub mod colorizer;
pub mod device;
pub mod engine;
pub mod error;
#[cfg(feature = "train")]
pub mod evaluate;
pub mod hints;
pub mod isa;
pub mod lab;
pub mod mark;
pub mod model;
pub mod ops;
pub mod orientation;
pub mod resample;
pub mod scan;
pub mod thumbnail;
pub mod tone;
#[cfg(feature = "train")]
pub mod train;
pub mod weights;

pub use chroma::{ChromaMap, SamplesMut};
pub use colorizer::{Arithmetic, Colorizer};
pub use device::Device;
pub use error::{Error, Result};
pub use hints::Hints;
pub use mark::Mark;
pub use orientation::Orientation;
pub use scan::Scan;
pub use thumbnail::Thumbnail;
pub use tone::{Toning, Verdict};
pub use weights::Weights;
