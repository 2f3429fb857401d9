//! The inverted residual block as one operation.
//!
//! Sandler, Howard and others, "`MobileNetV2`", 2018, <https://arxiv.org/abs/1801.04381>: 1x1
//! convolution to more channels with `ReLU6`, depthwise convolution with `ReLU6`, 1x1 convolution to
//! fewer, plus the input where shapes allow it. A few images at a time go through all three, so that
//! what lies between them is read from a core's own cache, forward and backward.

mod backward;
mod forward;
mod layers;

pub(super) use backward::backward;
pub(super) use forward::forward;
pub(super) use layers::{Between, Dense, Layers};
