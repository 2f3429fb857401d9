//! The whole loop on a tiny network and generated photographs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use candle_core::Tensor;
use image::{Rgb, RgbImage};
use polychromify_core::internals::model;
use polychromify_core::{Device, DeviceChoice, Result, Weights};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::photos::read_photo;

/// A folder with 13 photographs of 10x6 pixels and a cache of them at 8x8.
///
/// Blue above and green below, of random brightness: their color can be told from lightness.
fn data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut table = String::from("file\tsplit\n");
    for i in 0..13u8 {
        let pixel = |x: u32, y: u32| {
            let shade = 20 + 7 * i + 3 * x as u8;
            if y < 3 { Rgb([shade, shade, 120 + shade / 2]) } else { Rgb([shade, 90, 10]) }
        };
        let photo = RgbImage::from_fn(10, 6, pixel);
        photo.save(folder.path().join(format!("{i}.png"))).unwrap();
        let split = if i % 4 == 0 { "valid" } else { "train" };
        writeln!(table, "{i}.png\t{split}").unwrap();
    }
    fs::write(folder.path().join("photos.tsv"), table).unwrap();
    prepare(&settings(folder.path()), &mut |_, _| ()).unwrap();
    folder
}

fn settings(folder: &Path) -> PrepareSettings {
    PrepareSettings {
        photos: folder.to_owned(),
        table: Some(folder.join("photos.tsv")),
        splits: Vec::new(),
        size: 8,
        seed: 0,
        jobs: 1,
        output: folder.join("photos.cache"),
    }
}

fn config(folder: &Path, epochs: usize) -> Config {
    let network = json!({"neurons": [6], "filters": [4, 4], "batch_norm": true});
    Config {
        batch: 4,
        learning_rate: 0.01,
        epochs,
        flip: true,
        ..Config::new("conv_dense", network, &folder.join("photos.cache"))
    }
}

fn fit(config: &Config, run: &Path, session: &Session) -> Result<Outcome> {
    fit_observed(config, run, session, &mut |_| ControlFlow::Continue(()))
}

fn fit_observed(
    config: &Config,
    run: &Path,
    session: &Session,
    observe: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Outcome> {
    train(config, run, session, &Device::open(DeviceChoice::Cpu)?, observe)
}

const RESUME: Session =
    Session { resume: true, budget: None, checkpoint_interval: Duration::from_secs(600) };

/// The files of a run that are to be the same bit for bit.
fn weights(run: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let read = |name| (name, fs::read(run.join(name)).unwrap());
    ["last/weights.safetensors", "best.safetensors"].map(read).into()
}

#[test]
fn the_loss_falls_and_the_weights_can_be_used() {
    let folder = data();
    let run = folder.path().join("run");
    let outcome = fit(&config(folder.path(), 12), &run, &Session::default()).unwrap();
    let (first, last) = (&outcome.history[0], &outcome.history[11]);
    assert!(!outcome.stopped);
    assert!(last.train_loss < 0.5 * first.train_loss, "{first:?} {last:?}");
    let best = Weights::read(run.join("best.safetensors")).unwrap();
    assert_eq!(best.network(), "conv_dense");
    assert_eq!(best.training()["seed"], 0);
    assert!(best.sepia()[1] < 0.0, "blue prevails");
    assert!(model::open(&best, &Device::open(DeviceChoice::Cpu).unwrap()).is_ok());
    assert_eq!(fs::read_to_string(run.join("log.csv")).unwrap().lines().count(), 13);
    assert!(run.join("curves.svg").exists());
}

#[test]
fn two_epochs_and_two_resumed_are_four_epochs_bit_for_bit() {
    let folder = data();
    let (straight, resumed) = (folder.path().join("straight"), folder.path().join("resumed"));
    fit(&config(folder.path(), 4), &straight, &Session::default()).unwrap();
    fit(&config(folder.path(), 2), &resumed, &Session::default()).unwrap();
    assert_ne!(weights(&straight), weights(&resumed));
    fit(&config(folder.path(), 4), &resumed, &RESUME).unwrap();
    assert_eq!(weights(&straight), weights(&resumed));
}

#[test]
fn a_run_stopped_at_every_step_is_the_same_bit_for_bit() {
    let folder = data();
    let (straight, stopped) = (folder.path().join("straight"), folder.path().join("stopped"));
    let config = config(folder.path(), 2);
    fit(&config, &straight, &Session::default()).unwrap();
    let mut sessions = 0;
    let stop_after_a_step = &mut |event: Event<'_>| match event {
        Event::Step { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    while fit_observed(&config, &stopped, &RESUME, stop_after_a_step).unwrap().stopped {
        sessions += 1;
        assert!(sessions < 20, "no session gets further");
    }
    assert_eq!(weights(&straight), weights(&stopped));
}

#[test]
fn a_spent_budget_stops_with_everything_saved() {
    let folder = data();
    let run = folder.path().join("run");
    let session = Session { budget: Some(Duration::ZERO), ..RESUME };
    let outcome = fit(&config(folder.path(), 2), &run, &session).unwrap();
    assert!(outcome.stopped);
    assert!(Weights::read(run.join("last/weights.safetensors")).is_ok());
    assert!(!fit(&config(folder.path(), 2), &run, &RESUME).unwrap().stopped);
}

#[test]
fn a_run_folder_is_not_overwritten_and_keeps_its_settings() {
    let folder = data();
    let run = folder.path().join("run");
    fit(&config(folder.path(), 1), &run, &Session::default()).unwrap();
    let refused =
        |config: &Config, session: &Session| fit(config, &run, session).unwrap_err().to_string();
    let error = refused(&config(folder.path(), 1), &Session::default());
    assert!(error.contains("run: holds a run already"), "{error}");
    let other = Config { batch: 5, ..config(folder.path(), 2) };
    let error = refused(&other, &RESUME);
    assert!(error.ends_with("`batch` is 4 there, 5 asked for; a run keeps it"), "{error}");
    prepare(&PrepareSettings { size: 4, ..settings(folder.path()) }, &mut |_, _| ()).unwrap();
    let error = refused(&config(folder.path(), 2), &RESUME);
    assert!(error.contains("was trained on another cache than"), "{error}");
}

#[test]
fn a_run_in_use_is_refused() {
    let folder = data();
    let (run, config) = (folder.path().join("run"), config(folder.path(), 1));
    let mut inner = None;
    fit_observed(&config, &run, &Session::default(), &mut |event| {
        if let Event::Started { .. } = event {
            inner = fit(&config, &run, &RESUME).err();
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    let error = inner.unwrap().to_string();
    assert!(error.ends_with("another process is training here"), "{error}");
}

#[test]
fn a_diverging_run_stops_and_keeps_the_last_good_state() {
    let folder = data();
    let run = folder.path().join("run");
    fit(&config(folder.path(), 1), &run, &Session::default()).unwrap();
    let good = fs::read(run.join("last/checkpoint.safetensors")).unwrap();
    let text = fs::read_to_string(run.join("config.json")).unwrap();
    fs::write(run.join("config.json"), text.replace("0.01", "1e300")).unwrap();
    let reckless = Config { learning_rate: 1e300, ..config(folder.path(), 3) };
    let error = fit(&reckless, &run, &RESUME).unwrap_err().to_string();
    assert!(error.starts_with("training diverged: "), "{error}");
    assert_eq!(fs::read(run.join("last/checkpoint.safetensors")).unwrap(), good);
    assert_eq!(read_history(&run).unwrap().len(), 1);
}

#[test]
fn a_damaged_checkpoint_is_refused_by_name() {
    let folder = data();
    let run = folder.path().join("run");
    fit(&config(folder.path(), 1), &run, &Session::default()).unwrap();
    let path = run.join("last/checkpoint.safetensors");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = fit(&config(folder.path(), 2), &run, &RESUME).unwrap_err().to_string();
    assert!(error.contains("checkpoint.safetensors: damaged: "), "{error}");
}

#[test]
fn settings_that_do_not_fit_are_refused_before_the_folder_is_made() {
    let folder = data();
    let run = folder.path().join("run");
    let good = config(folder.path(), 1);
    let refused = |config: Config| {
        let error = fit(&config, &run, &Session::default()).unwrap_err().to_string();
        assert!(!run.exists());
        error
    };
    assert!(refused(Config { batch: 0, ..good.clone() }).contains("the batch has to be"));
    let error = refused(Config { learning_rate: f64::NAN, ..good.clone() });
    assert!(error.contains("the learning rate has to be above 0, found NaN"), "{error}");
    let error = refused(Config { train_split: vec!["valid".to_owned()], ..good.clone() });
    assert!(error.contains("`valid` is asked for both"), "{error}");
    let error = refused(Config { train_split: vec!["extra".to_owned()], ..good.clone() });
    assert!(error.contains("no photographs of split extra"), "{error}");
    assert!(refused(Config { network: "vgg".to_owned(), ..good.clone() }).contains("vgg"));
    let absent = Config { data: folder.path().join("absent.cache"), ..good };
    assert!(refused(absent).contains("absent.cache: cannot open"));
}

#[test]
fn unreadable_photographs_are_remembered_and_the_cache_is_whole() {
    let folder = data();
    fs::write(folder.path().join("1.png"), "GIF89a").unwrap();
    fs::write(folder.path().join("2.png"), "").unwrap();
    fs::remove_file(folder.path().join("3.png")).unwrap();
    let whole = fs::read(folder.path().join("4.png")).unwrap();
    fs::write(folder.path().join("4.png"), &whole[..whole.len() - 30]).unwrap();
    let index = prepare(&settings(folder.path()), &mut |_, _| ()).unwrap();
    assert_eq!(index.photos.len(), 9);
    let files: Vec<&str> = index.failures.iter().map(|failure| &*failure.file).collect();
    assert_eq!(files, ["1.png", "2.png", "3.png", "4.png"]);
    assert!(index.failures.iter().all(|failure| failure.reason.contains(&failure.file)));
    assert_eq!(Cache::open(&settings(folder.path()).output).unwrap().index(), &index);
}

#[test]
fn a_truncated_jpeg_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jpg");
    RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8, y as u8, 9])).save(&path).unwrap();
    assert_eq!(read_photo(&path, 8).unwrap().0, (64, 64));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let error = read_photo(&path, 8).unwrap_err().to_string();
    assert!(error.contains("x.jpg: damaged: truncated"), "{error}");
}

#[test]
fn only_the_splits_asked_for_are_prepared() {
    let folder = data();
    let some =
        |split: &str| PrepareSettings { splits: vec![split.to_owned()], ..settings(folder.path()) };
    let index = prepare(&some("valid"), &mut |_, _| ()).unwrap();
    assert_eq!(index.splits(), [("valid", 4)]);
    let error = prepare(&some("extra"), &mut |_, _| ()).unwrap_err().to_string();
    assert!(error.ends_with("photos.tsv: no photograph has the split `extra`"), "{error}");
}

#[test]
fn vivid_learns_four_pictures_by_its_recipe() {
    let data = data();
    let cache = data.path().join("large.cache");
    let photos = PrepareSettings { size: 36, output: cache.clone(), ..settings(data.path()) };
    prepare(&photos, &mut |_, _| ()).unwrap();
    let default = polychromify_core::internals::model::default_config("vivid").unwrap();
    let recipe = Recipe { size: 32, ..Recipe::default() };
    let config = Config {
        batch: 9,
        epochs: 8,
        recipe: Some(recipe),
        ..Config::new("vivid", default, &cache)
    };
    let outcome = fit(&config, &data.path().join("vivid"), &Session::default()).unwrap();
    let losses: Vec<f64> = outcome.history.iter().map(|epoch| epoch.train_loss).collect();
    assert!(losses.len() == 8 && losses[7] < 0.8 * losses[0], "{losses:?}");
    assert!(!outcome.stopped);
}

#[test]
fn the_networks_of_zhang_learn_by_their_recipes() {
    let data = data();
    let cache = data.path().join("large.cache");
    let photos = PrepareSettings { size: 24, output: cache.clone(), ..settings(data.path()) };
    prepare(&photos, &mut |_, _| ()).unwrap();
    for (network, network_config, targets) in [
        ("eccv16", json!({"filters": [4, 6, 8, 12, 8]}), None),
        (
            "eccv16",
            json!({"filters": [4, 6, 8, 12, 8], "head": "bins"}),
            Some(Targets::FiveNearest),
        ),
        ("siggraph17", json!({"filters": [4, 6, 8, 12, 8, 8]}), Some(Targets::Nearest)),
    ] {
        let what = format!("{network} {network_config}");
        let config = Config::new(network, network_config, &cache);
        assert_eq!(config.recipe.as_ref().map(|recipe| recipe.targets), targets, "{what}");
        let recipe = config.recipe.clone().map(|recipe| Recipe { size: 16, ..recipe });
        let config = Config { batch: 9, epochs: 8, learning_rate: 0.01, recipe, ..config };
        let run = data.path().join(what);
        let outcome = fit(&config, &run, &Session::default()).unwrap();
        let losses: Vec<f64> = outcome.history.iter().map(|epoch| epoch.train_loss).collect();
        assert!(losses[7] < 0.9 * losses[0], "{network}: {losses:?}");
        let best = Weights::read(run.join("best.safetensors")).unwrap();
        assert!(model::open(&best, &Device::open(DeviceChoice::Cpu).unwrap()).is_ok());
    }
}

/// Settings of a run with an average and a schedule of its own.
fn long_run(folder: &Path, epochs: usize) -> Config {
    let recipe = Recipe {
        size: 8,
        schedule: Schedule::Trapezoid,
        average: 0.9,
        film: 0.7,
        restrained: 0.3,
        upright: 0.5,
        ..Recipe::plain()
    };
    Config { epoch_photos: Some(12), recipe: Some(recipe), ..config(folder, epochs) }
}

#[test]
fn a_run_goes_on_from_a_portable_checkpoint_at_its_pictures_and_place() {
    let data = data();
    let config = long_run(data.path(), 4);
    let (first, kept, second) =
        (data.path().join("first"), data.path().join("kept"), data.path().join("second"));
    let mut steps = 0;
    let outcome = fit_observed(&config, &first, &Session::default(), &mut |event| {
        steps += usize::from(matches!(event, Event::Step { .. }));
        if steps == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(outcome.unwrap().stopped);
    assert_eq!(write_portable(&first, &kept).unwrap(), 16, "an epoch of 12, and a step of 4");
    let file = kept.join("checkpoint.safetensors");
    let whole = first.join("last/checkpoint.safetensors");
    let content =
        |path: &Path| candle_core::safetensors::load(path, &candle_core::Device::Cpu).unwrap();
    let bytes = |path: &Path| -> usize {
        content(path)
            .values()
            .map(|tensor| tensor.elem_count() * tensor.dtype().size_in_bytes())
            .sum()
    };
    assert!(content(&file).keys().any(|name| name.starts_with("average.")));
    assert!(bytes(&file) < bytes(&whole) / 3, "{} {}", bytes(&file), bytes(&whole));
    assert!(kept.join("config.json").exists() && kept.join("log.csv").exists());

    let config = Config { initial: Some(file), ..config };
    let mut begun = None;
    let outcome = fit_observed(&config, &second, &RESUME, &mut |event| {
        if let Event::Started { epochs_done, steps_done, .. } = event {
            begun = Some((epochs_done, steps_done));
        }
        ControlFlow::Continue(())
    });
    assert_eq!(begun, Some((1, 1)));
    let pictures: Vec<usize> =
        outcome.unwrap().history.iter().map(|epoch| epoch.pictures).collect();
    assert_eq!(pictures, [12, 24, 36, 48]);
}

#[test]
fn a_run_from_a_portable_checkpoint_stopped_at_every_step_is_the_same_bit_for_bit() {
    let data = data();
    let config = long_run(data.path(), 3);
    let at = |name: &str| data.path().join(name);
    let stop_after_a_step = &mut |event: Event<'_>| match event {
        Event::Step { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    fit_observed(&config, &at("first"), &Session::default(), stop_after_a_step).unwrap();
    write_portable(&at("first"), &at("kept")).unwrap();
    let config = Config { initial: Some(at("kept/checkpoint.safetensors")), ..config };
    fit(&config, &at("straight"), &RESUME).unwrap();
    while fit_observed(&config, &at("stopped"), &RESUME, stop_after_a_step).unwrap().stopped {}
    assert_eq!(weights(&at("straight")), weights(&at("stopped")));
    let epochs = |name| fs::read_to_string(at(name).join("log.csv")).unwrap().lines().count() - 1;
    assert_eq!([epochs("straight"), epochs("stopped")], [3, 3], "each epoch is validated");
}

#[test]
fn the_running_average_of_a_checkpoint_is_what_was_validated() {
    let data = data();
    let run = data.path().join("run");
    fit(&long_run(data.path(), 1), &run, &Session::default()).unwrap();
    let best = run.join("best.safetensors");
    let content = candle_core::safetensors::load(&best, &candle_core::Device::Cpu).unwrap();
    let average = running_average(&run.join("last/checkpoint.safetensors")).unwrap().unwrap();
    assert_eq!(average.len(), content.len());
    for (name, tensor) in average {
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(&tensor), values(&content[&name]), "{name}");
    }
    assert!(running_average(&best).unwrap().is_none(), "weights are no checkpoint");
}

#[test]
fn a_run_without_a_checkpoint_cannot_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_portable(folder.path(), &folder.path().join("kept")).unwrap_err();
    assert!(error.to_string().ends_with("has no checkpoint yet"), "{error}");
}
