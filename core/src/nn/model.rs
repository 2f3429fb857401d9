//! The networks, one file each: lightness in, chroma out.

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
