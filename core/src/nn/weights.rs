//! Weights files: read, check, name their network; the built-in ones.
//!
//! A weights file is a safetensors file whose metadata names what its tensors are for:
//! `polychromify.network`, `polychromify.config` (JSON), `polychromify.training` (JSON: data,
//! seed, epochs, command, measures) and `polychromify.sepia` (JSON: the training set's mean
//! `[a, b]`). Nobody passes a matching network by hand.
//!
//! Tensors named `integers.*`, if there are any, are for predictions in integers
//! (`model/integers.rs`): i16, i32, u8 and f32. The others are the network's own.

mod average;
mod file;
mod integers;
mod named;
mod save;
mod tensors;
#[cfg(test)]
mod tests;

pub use average::average;
pub use file::{Weights, tensors};
pub use integers::{Integers, Numbers};
pub use save::{Header, save, save_half, serialize, serialize_half, write_whole};
