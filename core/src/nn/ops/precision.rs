//! What convolutions multiply in.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the products of convolutions are taken in on the CPU, and what lies between layers. Sums and
/// trained weights are f32 in any case, and so is a layer that sees the picture itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits of mantissa.
    #[default]
    F32,
    /// 8 bits of mantissa, at twice the speed on processors with AVX-512 BF16; f32 on others.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(format!("expected `f32` or `bf16`, found `{text}`")),
        }
    }
}

thread_local!(static CURRENT: Cell<Precision> = const { Cell::new(Precision::F32) });

/// Runs `work`; the convolutions that it calls on this thread, and their gradients wherever those are
/// taken, have this precision.
pub fn with_precision<T>(precision: Precision, work: impl FnOnce() -> T) -> T {
    struct Restore(Precision);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(precision));
    work()
}

/// The precision of convolutions that are called now.
pub(crate) fn current() -> Precision {
    CURRENT.get()
}
