//! Trains and measures the networks of `polychromify-core`.
//!
//! [`train()`](train::train) turns photographs into weights, [`evaluate()`](evaluate::evaluate)
//! measures weights over photographs. The program `polychromify-train` is their command line.

mod allocator;
mod calibrate;
pub mod evaluate;
pub mod photos;
mod seed;
pub mod train;

pub use allocator::Allocator;
pub use calibrate::calibrate;
