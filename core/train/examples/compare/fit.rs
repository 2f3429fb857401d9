//! Steps of `polychromify-train fit`, timed from outside: the run is the public one, on photographs
//! that are made up, so that what is timed is what a user waits for.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::{Error, Result};
use image::{Rgb, RgbImage};
use polychromify_core::internals::model;
use polychromify_core::internals::ops::Precision;
use polychromify_core::{Device, DeviceChoice};
use polychromify_train::train::{self, Config, Event, PrepareSettings, Session};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peers::{Time, processor_seconds};

/// Steps of a turn that do not count: buffers grow, and batches are made ahead.
const WARM: usize = 2;
/// Steps of a turn that do.
const COUNTED: usize = 2;
/// Further batches, so that one is made during each step that counts.
const AHEAD: usize = 8;

/// What is trained, at which size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// Name of the network.
    pub(crate) network: &'static str,
    /// Height and width in pixels.
    pub(crate) side: usize,
    /// Photographs a step.
    pub(crate) batch: usize,
}

/// Photographs, and a folder for runs.
pub(crate) struct Runs {
    course: Course,
    cache: PathBuf,
    folder: TempDir,
}

impl Runs {
    pub(crate) fn prepare(course: Course) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let cache = folder.path().join("photos.cache");
        let photos = course.batch * (WARM + COUNTED + AHEAD);
        let settings = PrepareSettings {
            photos: folder.path().to_owned(),
            table: Some(make_up(folder.path(), photos, course.side as u32)?),
            splits: Vec::new(),
            size: course.side,
            seed: 0,
            jobs: 0,
            output: cache.clone(),
        };
        train::prepare(&settings, &mut |_, _| {}).map_err(Error::wrap)?;
        Ok(Self { course, cache, folder })
    }

    /// Mean time of the steps that count, in a run that begins anew.
    pub(crate) fn step(&self, precision: Precision) -> Result<Time> {
        let run = self.folder.path().join("run");
        let device = Device::open(DeviceChoice::Cpu).map_err(Error::wrap)?;
        let mut marks = Vec::new();
        train::train(&self.config(precision), &run, &Session::default(), &device, &mut |event| {
            if let Event::Step { .. } = event {
                marks.push((Instant::now(), processor_seconds()));
            }
            match marks.len() {
                steps if steps < WARM + COUNTED => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })
        .map_err(Error::wrap)?;
        fs::remove_dir_all(&run)?;
        let ((start, busy_before), (end, busy_after)) = (marks[WARM - 1], marks[marks.len() - 1]);
        let mean = |sum: f64| sum / COUNTED as f64;
        Ok(Time {
            seconds: mean((end - start).as_secs_f64()),
            busy: mean(busy_after - busy_before),
        })
    }

    /// The network's own recipe, at this size.
    fn config(&self, precision: Precision) -> Config {
        let Course { network, side, batch } = self.course;
        let mut settings = model::default_config(network).unwrap_or(json!({}));
        if network == "eccv16" {
            settings["head"] = Value::from("bins");
        }
        let mut config = Config::new(network, settings, &self.cache);
        if let Some(recipe) = &mut config.recipe {
            recipe.size = side;
        }
        Config { batch, precision, ..config }
    }
}

/// Writes photographs of soft colors, all but one to train on, and returns their table.
fn make_up(folder: &Path, count: usize, side: u32) -> Result<PathBuf> {
    let mut table = "file\tsplit\n".to_owned();
    for i in 0..=count {
        let wave = |x: u32, step: f32| (128. + 100. * (x as f32 * step + i as f32).sin()) as u8;
        let photo = RgbImage::from_fn(side, side, |x, y| {
            Rgb([wave(x, 0.05), wave(y, 0.07), wave(x + y, 0.03)])
        });
        let file = format!("{i}.png");
        photo.save(folder.join(&file)).map_err(Error::wrap)?;
        let split = if i == 0 { "valid" } else { "train" };
        table.extend([&file, "\t", split, "\n"]);
    }
    let path = folder.join("photos.tsv");
    fs::write(&path, table)?;
    Ok(path)
}
