//! The networks on the CPU.
#![expect(unsafe_code, reason = "vector instructions, and buffers that several threads fill")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
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
mod portable;
mod product;
mod scratch;
mod tape;
#[cfg(test)]
mod tests;
mod weights;

pub use tape::Recorder;
pub(crate) use tape::{From, Gradients, Input, Norm, Residual, Rows, Tape, Value};
