//! Which device computes, said plainly.

use crate::nn::ops::Precision;
use crate::{Error, Result};

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

impl std::str::FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(format!("expected `auto`, `cpu` or `cuda`, found `{text}`")),
        }
    }
}

/// A device; its name says which and, for a fallback, why.
#[derive(Clone, Debug)]
pub struct Device {
    pub(crate) inner: candle_core::Device,
    name: String,
}

impl Device {
    /// Opens the device asked for.
    ///
    /// A build with the feature `cuda` is linked with the CUDA libraries and starts only where
    /// they are; the fallback to the CPU is for a machine that has them and no device.
    ///
    /// # Errors
    ///
    /// When CUDA is asked for and this build has none or no device answers.
    pub fn open(choice: DeviceChoice) -> Result<Self> {
        match (choice, cfg!(feature = "cuda")) {
            (DeviceChoice::Cpu, _) | (DeviceChoice::Auto, false) => Ok(Self::cpu("CPU".to_owned())),
            (DeviceChoice::Cuda, false) => {
                let reason = "this build has no CUDA (it needs the feature `cuda`)".to_owned();
                Err(Error::Device { name: "cuda", reason })
            }
            (_, true) => match candle_core::Device::new_cuda(0) {
                Ok(inner) => Ok(Self { inner, name: "CUDA device 0".to_owned() }),
                Err(error) => {
                    // A backtrace may follow the first line.
                    let text = error.to_string();
                    let reason =
                        format!("no device answers: {}", text.lines().next().unwrap_or(""));
                    match choice {
                        DeviceChoice::Auto => Ok(Self::cpu(format!("CPU (CUDA: {reason})"))),
                        _ => Err(Error::Device { name: "cuda", reason }),
                    }
                }
            },
        }
    }

    /// "CPU", "CUDA device 0", "CPU (CUDA: no device answers: ...)": for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The CPU, whatever else there is.
    pub(crate) fn host() -> Self {
        Self::cpu("CPU".to_owned())
    }

    fn cpu(name: String) -> Self {
        Self { inner: candle_core::Device::Cpu, name }
    }
}

impl Precision {
    /// What convolutions multiply in on a device when this precision is asked for: "bf16", or
    /// "f32 (bf16: ...)" with the reason.
    pub fn on(self, device: &Device) -> String {
        if self == Self::F32 {
            return self.to_string();
        }
        if !device.inner.is_cpu() {
            return format!("f32 ({self}: only on the CPU)");
        }
        if !self.is_available() {
            return format!("f32 ({self}: this processor has no fast AVX-512 BF16)");
        }
        self.to_string()
    }
}

/// The device as candle knows it.
pub fn on_candle(device: &Device) -> &candle_core::Device {
    &device.inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        assert_eq!(Device::open(DeviceChoice::Cpu).unwrap().name(), "CPU");
        assert!(Device::open(DeviceChoice::Auto).is_ok());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so() {
        let error = Device::open(DeviceChoice::Cuda).unwrap_err().to_string();
        assert!(error.starts_with("device cuda: this build has no CUDA"), "{error}");
    }

    #[test]
    fn a_precision_that_the_processor_lacks_is_said_to_be_f32() {
        let device = Device::open(DeviceChoice::Cpu).unwrap();
        assert_eq!(Precision::F32.on(&device), "f32");
        let found = Precision::Bf16.on(&device);
        let lacking = "f32 (bf16: this processor has no fast AVX-512 BF16)";
        assert_eq!(found, if Precision::Bf16.is_available() { "bf16" } else { lacking });
    }

    #[test]
    fn devices_are_named_as_on_the_command_line() {
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda));
        assert!("gpu".parse::<DeviceChoice>().unwrap_err().contains("found `gpu`"));
    }
}
