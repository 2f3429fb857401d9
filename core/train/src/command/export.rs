//! `polychromify-train export`: weights written anew.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use polychromify_core::internals::model;
use polychromify_core::internals::weights::{Header, Integers, average, save_half};
use polychromify_core::{Device, DeviceChoice, Error, Result, Weights};
use polychromify_train::photos::list_photos;
use polychromify_train::{calibrate, evaluate, train};
use serde_json::{Value, json};

use super::report::photos_bar;
use super::settings::changed;

/// Write weights anew: in half precision, for release, with the network's dials turned.
#[derive(Args)]
pub(crate) struct Export {
    /// Weights: a name or a file; several are averaged, with the description of the last. Of a
    /// checkpoint, such as weights/runs/vivid-people/checkpoint.safetensors, the running average is
    /// taken; the last one cannot be a checkpoint.
    #[arg(long, value_name = "NAME|FILE", required = true)]
    weights: Vec<String>,
    /// Shares of several weights in their mean, such as 0.25,0.75 [default: equal ones].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    shares: Vec<f64>,
    /// The file to write, such as `weights/vivid.safetensors`; one that is there is replaced.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Changes to the network's configuration: JSON or a file of it, such as '{"sharpness": 2}';
    /// what it leaves out stays.
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,
    /// Further facts about the training, kept in the file: JSON or a file of it.
    #[arg(long, value_name = "JSON|FILE")]
    training: Option<String>,
    /// Also write what predictions in integers need, found on the photographs of --calibrate.
    #[arg(long, requires = "calibrate")]
    integers: bool,
    /// Folder of training photographs whose activations give the ranges of integers.
    #[arg(long, value_name = "DIR", requires = "integers")]
    calibrate: Option<PathBuf>,
    /// Tab-separated table of these photographs, as for `evaluate`; its split `train` is taken, or
    /// the one named by --split.
    #[arg(long, value_name = "TSV", requires = "calibrate")]
    table: Option<PathBuf>,
    /// Split of the table to calibrate on.
    #[arg(long, default_value = "train", requires = "table")]
    split: String,
    /// Photographs to calibrate on, evenly spaced through the split.
    #[arg(long, value_name = "N", default_value_t = 256, requires = "calibrate")]
    count: usize,
}

/// Runs the command.
pub(crate) fn export(arguments: &Export) -> Result<ExitCode> {
    let Export { weights: names, shares, .. } = arguments;
    let equal = vec![1.0 / names.len() as f64; names.len()];
    let shares = if shares.is_empty() { &equal } else { shares };
    if shares.len() != names.len() {
        let (shares, names) = (shares.len(), names.len());
        return Err(Error::Train(format!("{names} weights are named, and {shares} shares")));
    }
    let find = |name: &String| Weights::find(name, Weights::user_folder().as_deref());
    let (last, others) = names.split_last().expect("one is required");
    let weights = &find(last)?;
    let others = others.iter().map(|name| match train::running_average(Path::new(name))? {
        Some(average) => weights.with_tensors(&average),
        None => find(name),
    });
    let parts = others.chain([Ok(weights.clone())]).zip(shares);
    let parts = parts.map(|(weights, share)| Ok((weights?, *share)));
    let parts: Vec<(Weights, f64)> = parts.collect::<Result<_>>()?;
    let tensors = average(&parts)?;
    let config = changed(weights.config(), arguments.config.as_ref())?;
    let mut training = weights.training().clone();
    let epochs = training["epochs"].as_u64().map_or(usize::MAX, |epochs| epochs as usize);
    let minutes = names.last().and_then(|name| train::minutes_of_run(Path::new(name), epochs));
    if let (Value::Object(training), Some(minutes)) = (&mut training, minutes) {
        training.insert("minutes".to_owned(), json!((10.0 * minutes).round() / 10.0));
    }
    let mut training = changed(&training, arguments.training.as_ref())?;
    if let (Value::Object(training), [_, _, ..]) = (&mut training, parts.as_slice()) {
        let part =
            |(weights, share): &(Weights, f64)| json!({"sha256": weights.sha256(), "share": share});
        training.insert("mean_of".to_owned(), parts.iter().map(part).collect());
    }
    let (network, sepia) = (weights.network(), weights.sepia());
    let header = Header { network, config: &config, training: &training, sepia, integers: None };
    save_half(&arguments.output, &tensors, header)?;
    // What does not fit the network is better refused here than where the file is used.
    let written = Weights::read(&arguments.output)?;
    model::open(&written, &Device::open(DeviceChoice::Cpu)?)?;
    if arguments.integers {
        // Of the weights as they are read: rounded to half precision.
        let integers = calibrated(arguments, &written)?;
        save_half(&arguments.output, &tensors, Header { integers: Some(&integers), ..header })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What predictions of the weights in integers need.
fn calibrated(arguments: &Export, weights: &Weights) -> Result<Integers> {
    let folder = arguments.calibrate.as_deref().unwrap_or(Path::new("."));
    let photos = list_photos(folder, arguments.table.as_deref(), &arguments.split)?;
    let chosen = evaluate::spaced(&photos, arguments.count);
    photos_bar(|observe| calibrate(weights, &chosen, observe))
}
