//! Trains and measures the networks of `polychromify-core`.
//!
//! [`train()`](train::train) turns photographs into weights, [`evaluate()`](evaluate::evaluate)
//! measures weights over photographs. The program `polychromify-train` is their command line.

mod allocator;
pub mod evaluate;
pub mod train;

pub use allocator::Allocator;
