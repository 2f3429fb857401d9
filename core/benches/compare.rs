//! Polychromify with this crate's operations beside the same network in plain candle: seconds of a
//! training step and of a prediction at 128x128, in one run, as a Markdown table.
//!
//! `scripts/bench` runs it. Plain candle takes minutes and 12 GB for a step at batch 32;
//! `--quick` takes batch 4 for both.
#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{AdamW, Conv2dConfig, Init, Module, Optimizer, VarBuilder, VarMap};
use polychromify_core::model::conv_dense::{Config, ConvDense};
use polychromify_core::model::{Mode, Network, vivid};
use polychromify_core::ops::Allocator;

/// For both: large buffers are reused, not mapped afresh.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

const SIDE: usize = 128;

/// Polychromify in plain candle.
struct Stock {
    layers: Vec<candle_nn::Conv2d>,
}

impl Stock {
    fn new(vb: VarBuilder) -> Result<Self> {
        const LAYERS: [(usize, usize); 12] = [
            (16, 3),
            (32, 3),
            (64, 3),
            (256, 1),
            (128, 1),
            (64, 1),
            (128, 1),
            (256, 1),
            (64, 3),
            (32, 3),
            (16, 3),
            (2, 3),
        ];
        let mut inputs = 1;
        let mut layers = Vec::new();
        for (i, (outputs, kernel)) in LAYERS.into_iter().enumerate() {
            let init = Init::Uniform { lo: -0.05, up: 0.05 };
            let shape = (outputs, inputs, kernel, kernel);
            let weight = vb.pp(i).get_with_hints(shape, "weight", init)?;
            let bias = vb.pp(i).get_with_hints(outputs, "bias", Init::Const(0.))?;
            let config = Conv2dConfig { padding: kernel / 2, ..Default::default() };
            layers.push(candle_nn::Conv2d::new(weight, Some(bias), config));
            inputs = outputs;
        }
        Ok(Self { layers })
    }
}

impl Network for Stock {
    fn forward(&self, lightness: &Tensor, _mode: Mode) -> Result<Tensor> {
        let (last, rest) = self.layers.split_last().expect("12 layers");
        let mut x = lightness.clone();
        for layer in rest {
            x = layer.forward(&x)?.relu()?;
        }
        last.forward(&x)?.tanh()
    }

    fn stride(&self) -> usize {
        1
    }
}

/// A network with its optimizer.
struct Contestant {
    network: Box<dyn Network>,
    optimizer: AdamW,
}

impl Contestant {
    fn new<N: Network + 'static>(build: impl FnOnce(VarBuilder) -> Result<N>) -> Result<Self> {
        let vars = VarMap::new();
        let network = build(VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu))?;
        let optimizer = AdamW::new_lr(vars.all_vars(), 1e-4)?;
        Ok(Self { network: Box::new(network), optimizer })
    }

    /// Seconds of one training step.
    fn step(&mut self, lightness: &Tensor, chroma: &Tensor) -> Result<f64> {
        let start = Instant::now();
        let loss = self.network.forward(lightness, Mode::Train)?.sub(chroma)?.sqr()?.mean_all()?;
        self.optimizer.backward_step(&loss)?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Seconds of one prediction.
    fn predict(&self, lightness: &Tensor) -> Result<f64> {
        let start = Instant::now();
        self.network.forward(lightness, Mode::Infer)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Lightness in 0..=100 and chroma in -1..=1, of no picture in particular.
fn batch(images: usize) -> Result<(Tensor, Tensor)> {
    let wave = |channels: usize, step: f32| {
        let count = images * channels * SIDE * SIDE;
        let values: Vec<f32> = (0..count).map(|i| (i as f32 * step).sin()).collect();
        Tensor::from_vec(values, (images, channels, SIDE, SIDE), &Device::Cpu)
    };
    Ok((wave(1, 0.013)?.affine(50., 50.)?, wave(2, 0.007)?))
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Median seconds of `rounds` runs of the first and three times as many of the second, by turns, so
/// that what else the machine does slows down both.
fn by_turns(
    rounds: usize,
    mut stock: impl FnMut() -> Result<f64>,
    mut ours: impl FnMut() -> Result<f64>,
) -> Result<(f64, f64)> {
    let (mut of_stock, mut of_ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        of_stock.push(stock()?);
        for _ in 0..3 {
            of_ours.push(ours()?);
        }
    }
    Ok((median(of_stock), median(of_ours)))
}

fn row(what: &str, rounds: usize, (stock, ours): (f64, f64)) {
    let (ratio, runs) = (stock / ours, 3 * rounds);
    println!("| {what} | {stock:.4} (of {rounds}) | {ours:.4} (of {runs}) | {ratio:.1} |");
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    name.unwrap_or("unknown processor").to_owned()
}

fn main() -> Result<()> {
    Allocator::keep(16 << 30);
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (images, rounds) = if quick { (4, 3) } else { (32, 1) };
    let mut stock = Contestant::new(Stock::new)?;
    let mut ours = Contestant::new(|vb| ConvDense::new(&Config::default(), vb))?;

    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{}, {cores} cores; seconds, median.\n", processor());
    println!("| Polychromify, {SIDE}x{SIDE} | Stock candle | Polychromify's operations | Ratio |");
    println!("|---|---|---|---|");

    let (lightness, _) = batch(1)?;
    stock.predict(&lightness)?;
    ours.predict(&lightness)?;
    let seconds = by_turns(15, || stock.predict(&lightness), || ours.predict(&lightness))?;
    row("prediction, batch 1", 15, seconds);

    let vivid = Contestant::new(|vb| vivid::Vivid::new(&vivid::Config::default(), vb))?;
    let large = lightness.upsample_nearest2d(2 * SIDE, 2 * SIDE)?;
    vivid.predict(&large)?;
    let (small, large) = by_turns(15, || ours.predict(&lightness), || vivid.predict(&large))?;

    let (lightness, chroma) = batch(images)?;
    ours.step(&lightness, &chroma)?;
    let step = |contestant: &mut Contestant| contestant.step(&lightness, &chroma);
    let seconds = by_turns(rounds, || step(&mut stock), || step(&mut ours))?;
    row(&format!("training step, batch {images}"), rounds, seconds);
    println!("\nPrediction, batch 1: Polychromify at {SIDE}x{SIDE} {small:.4}, by turns with");
    println!("Vivid at {0}x{0} {large:.4}.", 2 * SIDE);
    Ok(())
}
