//! The networks: from lightness to chroma.
//!
//! Each layer knows the ones before it only: `ops` are operations on tensors, `engine` runs them on
//! the CPU, `weights` reads and writes files, `model` has the networks, `import` reads PyTorch's files.

pub(crate) mod arithmetic;
pub(crate) mod device;
pub mod engine;
pub mod import;
pub mod model;
pub mod ops;
pub mod weights;
