//! `polychromify-train import`: published weights under our names.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use polychromify_core::internals::import::{self, Imported};
use polychromify_core::internals::model;
use polychromify_core::internals::weights::save;
use polychromify_core::{Device, DeviceChoice, Result, Weights};

use super::settings::read_json;

/// Turn published PyTorch weights into a weights file: `colorization_release_v2-9b330a0b.pth` for
/// eccv16, `siggraph17-df00044c.pth` for siggraph17.
#[derive(Args)]
pub(crate) struct Import {
    /// A state (a dictionary of tensors) that PyTorch saved, in its zip format or the older one.
    file: PathBuf,
    /// Network that it is for: eccv16 or siggraph17.
    #[arg(long, value_name = "NAME")]
    network: String,
    /// The file to write; one that is there is replaced.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Changes to the network's configuration: JSON or a file of it, such as '{"temperature": 1}';
    /// what it leaves out is as the published weights need it.
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,
}

/// Runs the command.
pub(crate) fn import(arguments: &Import) -> Result<ExitCode> {
    let Import { file, network, output, config } = arguments;
    let changes = config.as_deref().map(read_json).transpose()?;
    let Imported { tensors, config, training } = import::import(file, network, changes.as_ref())?;
    // The photographs that they were trained on are not known here.
    save(output, &tensors, network, &config, &training, [0.0; 2])?;
    model::open(&Weights::read(output)?, &Device::open(DeviceChoice::Cpu)?)?;
    Ok(ExitCode::SUCCESS)
}
