//! What predictions are calculated in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::device::Device;
use super::weights::Weights;
use crate::nn::ops::Precision;

/// What a network's predictions are calculated in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arithmetic {
    /// Numbers with 24 bits of mantissa; the last bits depend on the processor.
    F32,
    /// Convolutions multiply numbers with 8 bits of mantissa where the processor has AVX-512 BF16,
    /// and calculate in f32 on others.
    Bf16,
    /// Integers of 16 bits with exact sums: the same bits on every processor.
    Integers,
}

impl Arithmetic {
    /// What is used unless another is asked for: integers where the weights hold them and the device
    /// is a CPU, else f32.
    pub fn default_for(weights: &Weights, device: &Device) -> Self {
        if weights.has_integers() && device.inner.is_cpu() { Self::Integers } else { Self::F32 }
    }
}

impl From<Arithmetic> for Precision {
    /// What operations on floating-point numbers are done in.
    fn from(arithmetic: Arithmetic) -> Self {
        match arithmetic {
            Arithmetic::Bf16 => Self::Bf16,
            Arithmetic::F32 | Arithmetic::Integers => Self::F32,
        }
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Integers => "integers",
        })
    }
}

impl FromStr for Arithmetic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "integers" => Ok(Self::Integers),
            _ => Err(format!("expected `f32`, `bf16` or `integers`, found `{text}`")),
        }
    }
}
