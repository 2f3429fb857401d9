//! The networks, one file each: lightness in, chroma out.
//!
//! `vanilla`, `conv`, `conv_dense`, `deep_conv` and `cnn` are those of Ghiotto 2021: D. Ghiotto,
//! "Polychromify: Deep Convolutional Autoencoder for Landscape Image Colorization", University of
//! Padova, 2021.

pub mod blocks;
pub mod cnn;
pub mod conv;
pub mod conv_dense;
pub mod deep_conv;
pub mod eccv16;
pub mod integers;
mod network;
mod open;
mod refusal;
mod registry;
pub mod siggraph17;
pub mod vanilla;
pub mod vivid;
pub mod zhang;

#[cfg(test)]
mod reference;

pub use network::{BLOCK, CHROMA_SCALE, Heads, Mode, Network, Outcome};
pub use open::{open, open_in};
pub use registry::{build, default_config, names};
