//! Networks of this crate beside the same in PyTorch, onnxruntime and plain candle: seconds of a
//! training step and of predictions, by turns in one run, as a Markdown table.
//!
//!     compare [--quick] [--stock] [--peers PYTHON SCRIPT]
//!
//! `scripts/bench` runs it. Each of the others is a process of its own that answers questions with
//! seconds: `scripts/peers.py`, and the example `stock` with the system's allocator. A step of plain
//! candle at batch 32 takes more than a minute and 12 GB; `--quick` takes batch 8 for all.
#![expect(clippy::print_stdout, reason = "the table is the result")]

mod contest;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use candle_core::{Error, Result};
use polychromify_core::ops::{Allocator, Precision};
use polychromify_core::{Weights, model};
use serde_json::{Value, json};

use contest::{Contestant, SIDE, batch};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// A process that answers each line with seconds.
struct Other {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Other {
    fn start(command: &mut Command) -> Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        Ok(Self { process, questions, answers })
    }

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

/// One who takes turns.
type Turn<'a> = Box<dyn FnMut() -> Result<f64> + 'a>;

/// Median seconds of each, by turns, so that what else the machine does slows down all; the first
/// turn of each does not count.
fn by_turns(rounds: usize, mut turns: Vec<Option<Turn<'_>>>) -> Result<Vec<Option<f64>>> {
    let mut seconds = vec![Vec::new(); turns.len()];
    for round in 0..=rounds {
        for (turn, seconds) in turns.iter_mut().zip(&mut seconds) {
            let Some(turn) = turn else { continue };
            // Threads of the one before wait busily for a while.
            std::thread::sleep(std::time::Duration::from_millis(100));
            let second = turn()?;
            if round > 0 {
                seconds.push(second);
            }
        }
    }
    let median = |mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied()
    };
    Ok(seconds.into_iter().map(median).collect())
}

/// A row of the table: milliseconds of each, and ratios.
fn row(what: &str, medians: &[Option<f64>]) {
    let cell = |seconds: &Option<f64>| {
        seconds.map_or("-".to_owned(), |seconds| format!("{:.0}", 1000.0 * seconds))
    };
    let cells: Vec<String> = medians.iter().map(cell).collect();
    let ratio = |over: usize, under: usize| match (medians[over], medians[under]) {
        (Some(over), Some(under)) => format!("{:.2}", over / under),
        _ => "-".to_owned(),
    };
    let best = usize::from(medians[1].is_some());
    let ratios = [ratio(0, 1), ratio(2, 0), ratio(2, best), ratio(3, best), ratio(4, best)];
    println!("| {what} | {} | {} |", cells.join(" | "), ratios.join(" | "));
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    name.unwrap_or("unknown processor").to_owned()
}

fn ours(name: &str, config: &Value) -> Result<Contestant> {
    Contestant::new(|vb| model::build(name, config, vb).map_err(Error::wrap))
}

fn main() -> Result<()> {
    Allocator::keep(16 << 30);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |flag: &str| arguments.iter().position(|argument| argument == flag);
    let quick = given("--quick").is_some();
    let mut peers = match given("--peers").map(|at| &arguments[at + 1..]) {
        Some([python, script, ..]) => Some(Other::start(Command::new(python).arg(script))?),
        _ => None,
    };
    let mut stock = match given("--stock") {
        Some(_) => {
            Some(Other::start(&mut Command::new(std::env::current_exe()?.with_file_name("stock")))?)
        }
        None => None,
    };
    let asked =
        [Some(Precision::F32), Some(Precision::Bf16).filter(|precision| precision.is_available())];

    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{}, {cores} cores; milliseconds, medians of turns.\n", processor());
    print!(
        "| | ours, f32 | ours, bf16 | PyTorch, f32 | PyTorch, bf16 | onnxruntime | plain candle "
    );
    print!("| our f32 : bf16 | PyTorch f32 : our f32 | PyTorch f32 : our best ");
    println!("| PyTorch bf16 : our best | onnxruntime : our best |");
    println!("|{}", "---|".repeat(12));

    let built_in = Weights::default_weights().map_err(Error::wrap)?;
    let networks = [
        ("polychromify", "conv_dense", 128, json!({}), 15),
        ("polychromify", "conv_dense", 256, json!({}), 7),
        ("vivid", "vivid", 256, built_in.config().clone(), 15),
        ("eccv16", "eccv16", 256, json!({"head": "published"}), 5),
    ];
    for (name, family, side, changes, rounds) in networks {
        let mut config = model::default_config(family).unwrap_or(json!({}));
        if let (Value::Object(config), Value::Object(changes)) = (&mut config, changes) {
            config.extend(changes);
        }
        let contestant = &ours(family, &config)?;
        let (lightness, _) = &batch(1, side)?;
        let peers = std::cell::RefCell::new(peers.as_mut());
        let peer = |how: &str| -> Option<Turn<'_>> {
            let (peers, question) = (&peers, format!("predict {name} {side} {how}"));
            peers.borrow().as_ref()?;
            Some(Box::new(move || peers.borrow_mut().as_mut().expect("there").time(&question)))
        };
        let mut turns: Vec<Option<Turn<'_>>> = Vec::new();
        for precision in asked {
            turns.push(precision.map(|precision| -> Turn<'_> {
                Box::new(move || contestant.predict(precision, lightness))
            }));
        }
        turns.extend(["torch", "bf16", "onnx"].map(peer));
        turns.push(match (&mut stock, name, side) {
            (Some(stock), "polychromify", SIDE) => Some(Box::new(|| stock.time("predict"))),
            _ => None,
        });
        row(&format!("prediction, {name}, {side}x{side}"), &by_turns(rounds, turns)?);
    }

    let images = if quick { 8 } else { 32 };
    let (lightness, chroma) = &batch(images, SIDE)?;
    let config = model::default_config("conv_dense").unwrap_or(json!({}));
    let contestant = &std::cell::RefCell::new(ours("conv_dense", &config)?);
    let peers_cell = &std::cell::RefCell::new(peers.as_mut());
    let mut turns: Vec<Option<Turn<'_>>> = Vec::new();
    for precision in asked {
        turns.push(precision.map(|precision| -> Turn<'_> {
            Box::new(move || contestant.borrow_mut().step(precision, lightness, chroma))
        }));
    }
    for precision in ["f32", "bf16"] {
        let question = format!("step {images} {precision}");
        turns.push(peers_cell.borrow().as_ref().map(|_| -> Turn<'_> {
            Box::new(move || peers_cell.borrow_mut().as_mut().expect("there").time(&question))
        }));
    }
    turns.push(None);
    turns.push(
        stock
            .as_mut()
            .map(|stock| -> Turn<'_> { Box::new(move || stock.time(&format!("step {images}"))) }),
    );
    row(&format!("training step, polychromify, batch {images}"), &by_turns(3, turns)?);
    peers.map(Other::stop).transpose()?;
    stock.map(Other::stop).transpose()?;
    Ok(())
}
