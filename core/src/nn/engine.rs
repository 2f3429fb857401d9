//! The networks on the CPU: one algorithm for each operation, one file for each set of instructions.
//!
//! Values lie in blocks of 16 channels (`features`), as f32 or as bf16. The inner loops (`product`)
//! are generic over lanes and products (`lanes`), which `portable`, `avx2` and `avx512` have; `choice`
//! says which is used. A network is run through in the operations of a `pass`: a `tape` records a
//! training step for its gradients, a `prediction` keeps nothing, with weights that are `prepared` once.
//! The operations are the inverted residual `block`, convolutions (`conv`, and `planes` where the size
//! doubles) with batch normalization (`norm`), what is done to each value (`pointwise`), and the ends of
//! a network (`head`, `chroma`).
//!
//! What is inlined into a set's function must be no closure: the compiler may leave it as a function
//! of its own, without the instructions.
#![expect(unsafe_code, reason = "vector instructions, and buffers that several threads fill")]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "an instruction is an operation, and many share one argument"
)]
#![expect(
    clippy::needless_range_loop,
    reason = "iterators are closures inside, and may be left without the instructions"
)]
#![expect(
    clippy::cast_possible_wrap,
    reason = "rows and columns of an image are far below the limits"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[doc(hidden)]
pub mod bench;
mod block;
mod choice;
mod chroma;
mod conv;
mod depthwise;
mod doubled;
mod features;
mod head;
mod kernel;
mod lanes;
mod norm;
mod pack;
mod pass;
mod planes;
mod pointwise;
mod portable;
mod prediction;
mod prepared;
mod product;
mod scratch;
mod spread;
mod tape;
#[cfg(test)]
mod tests;
mod values;
mod ways;
mod weight_gradient;
mod weights;
mod winograd;

pub(crate) use head::bilinear as enlarged;
pub(crate) use kernel::{Kernel, Task};
pub(crate) use lanes::Dot;
pub use pass::{Color, From, Input, Norm, Pass, Residual, Rows, Statistics, Value};
pub(crate) use prediction::Prediction;
pub use prepared::{Prepared, with_prepared};
pub use tape::{Gradients, Recorder, recorder};
