//! Colors for black-and-white photographs: the networks, the CIE Lab pipeline and their files.
//!
//! Color is smooth and the eye is sharp in lightness only. So a network sees a small thumbnail of
//! a scan's lightness and predicts chroma for it; the full-size scan is then painted in bands of
//! rows, its own lightness untouched.

pub mod chroma;
pub mod colorizer;
pub mod device;
pub mod error;
#[cfg(feature = "train")]
pub mod evaluate;
pub mod hints;
pub mod lab;
pub mod model;
pub mod ops;
pub mod orientation;
pub mod resample;
pub mod scan;
pub mod thumbnail;
#[cfg(feature = "train")]
pub mod train;
pub mod weights;

pub use chroma::{ChromaMap, SamplesMut};
pub use colorizer::Colorizer;
pub use device::Device;
pub use error::{Error, Result};
pub use hints::Hints;
pub use orientation::Orientation;
pub use scan::Scan;
pub use thumbnail::Thumbnail;
pub use weights::Weights;
