//! Which device computes, said plainly.

use crate::Result;

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// CUDA when this build has it and a device answers, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA, or an error.
    Cuda,
}

/// A device; its name says which and, for a fallback, why.
#[derive(Clone, Debug)]
pub struct Device {
    #[expect(dead_code, reason = "skeleton")]
    pub(crate) inner: candle_core::Device,
    name: String,
}

impl Device {
    /// Opens the device asked for.
    pub fn open(_choice: DeviceChoice) -> Result<Self> {
        unimplemented!()
    }

    /// "CPU", "CUDA device 0", "CPU (this build has no CUDA)": for messages.
    pub fn name(&self) -> &str {
        &self.name
    }
}
