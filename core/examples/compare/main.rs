//! Polychromify with this crate's operations beside the same network in plain candle: seconds of a
//! training step and of a prediction at 128x128, by turns in one run, as a Markdown table.
//!
//! `scripts/bench` runs it. Plain candle is a process of its own, `stock`, with the system's
//! allocator; a step at batch 32 takes it more than a minute and 12 GB. `--quick` takes batch 4 for
//! both.
#![expect(clippy::print_stdout, reason = "the table is the result")]

mod contest;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use candle_core::{Error, Result};
use polychromify_core::model::conv_dense::{Config, ConvDense};
use polychromify_core::model::vivid::{self, Vivid};
use polychromify_core::ops::Allocator;

use contest::{Contestant, SIDE, batch};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// The process that runs plain candle.
struct Stock {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Stock {
    fn start() -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("stock");
        let mut process =
            Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        Ok(Self { process, questions, answers })
    }

    /// Seconds of `predict` or `step N`.
    fn time(&mut self, question: &str) -> Result<f64> {
        writeln!(self.questions, "{question}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().map_err(Error::wrap)
    }

    fn stop(mut self) -> Result<()> {
        drop(self.questions);
        self.process.wait()?;
        Ok(())
    }
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
    let mut stock = Stock::start()?;
    let mut ours = Contestant::new(|vb| ConvDense::new(&Config::default(), vb))?;

    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{}, {cores} cores; seconds, median.\n", processor());
    println!("| Polychromify, {SIDE}x{SIDE} | Stock candle | Polychromify's operations | Ratio |");
    println!("|---|---|---|---|");

    let (lightness, _) = batch(1)?;
    stock.time("predict")?;
    ours.predict(&lightness)?;
    let seconds = by_turns(15, || stock.time("predict"), || ours.predict(&lightness))?;
    row("prediction, batch 1", 15, seconds);

    let vivid = Contestant::new(|vb| Vivid::new(&vivid::Config::default(), vb))?;
    let large = lightness.upsample_nearest2d(2 * SIDE, 2 * SIDE)?;
    vivid.predict(&large)?;
    let (small, large) = by_turns(15, || ours.predict(&lightness), || vivid.predict(&large))?;

    let (lightness, chroma) = batch(images)?;
    ours.step(&lightness, &chroma)?;
    let question = format!("step {images}");
    let step = || ours.step(&lightness, &chroma);
    let seconds = by_turns(rounds, || stock.time(&question), step)?;
    row(&format!("training step, batch {images}"), rounds, seconds);
    println!("\nPrediction, batch 1: Polychromify at {SIDE}x{SIDE} {small:.4}, by turns with");
    println!("Vivid at {0}x{0} {large:.4}.", 2 * SIDE);
    stock.stop()
}
