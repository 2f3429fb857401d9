//! A prediction of weights in integers and in f32 beside PyTorch and onnxruntime, by turns in one
//! run: medians and least times, and how long opening takes.
//!
//!     cargo run --release -p polychromify-train --example integers -- \
//!         WEIGHTS SIDE [PYTHON SCRIPT]
//!
//! SCRIPT is `scripts/peers.py`. Pictures have SIDE x SIDE pixels; the network sees at least its
//! `least_area`.
#![expect(clippy::print_stdout, reason = "the result")]

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use candle_core::{Device as Host, Tensor};
use polychromify_core::internals::model::{self, Mode};
use polychromify_core::{Arithmetic, Device, DeviceChoice, Error, Result, Weights};
use polychromify_train::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Turns of each; the first does not count.
const ROUNDS: usize = 15;

/// Before each turn: threads of the one before wait busily for a while, and would keep a core.
const REST: Duration = Duration::from_millis(200);

/// Predictions of a turn that do not count: threads that rested are woken on one core, and the system
/// takes some 10 ms to spread them. A collection's predictions follow each other.
const UNCOUNTED: usize = 5;

/// One who takes turns, and answers with seconds.
type Turn = (String, Box<dyn FnMut() -> Result<f64>>, Vec<f64>);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, side, peers @ ..] = arguments.as_slice() else {
        return Err(Error::Train("usage: integers WEIGHTS SIDE [PYTHON SCRIPT]".into()));
    };
    let side: usize = side.parse().map_err(|_| Error::Train(format!("{side} is no size")))?;
    let device = Device::open(DeviceChoice::Cpu)?;
    let start = Instant::now();
    let weights = Weights::find(name, None)?;
    println!("weights read in {:.1} ms", 1e3 * start.elapsed().as_secs_f64());
    let mut turns: Vec<Turn> = Vec::new();
    for arithmetic in [Arithmetic::Integers, Arithmetic::F32] {
        let start = Instant::now();
        let network = model::open_in(&weights, &device, arithmetic)?;
        println!("opened in {arithmetic} in {:.1} ms", 1e3 * start.elapsed().as_secs_f64());
        let wave = (0..side * side).map(|i| 50.0 + 50.0 * (i as f32 * 0.013).sin());
        let x = Tensor::from_iter(wave, &Host::Cpu)?.reshape((1, 1, side, side))?;
        let turn = move || {
            let start = Instant::now();
            network.forward(&x, None, Mode::Infer)?;
            Ok(start.elapsed().as_secs_f64())
        };
        turns.push((format!("ours in {arithmetic}"), Box::new(turn), Vec::new()));
    }
    if let [python, script] = peers {
        // One process for all: those that wait for their turn keep cores busy.
        let peer = Rc::new(RefCell::new(Peer::start(python, script)?));
        for how in ["torch", "bf16", "onnx"] {
            let (peer, question) = (Rc::clone(&peer), format!("predict vivid {side} {how}"));
            let turn = move || peer.borrow_mut().ask(&question);
            turns.push((how.to_owned(), Box::new(turn), Vec::new()));
        }
    }
    for _ in 0..=ROUNDS {
        for (_, turn, seconds) in &mut turns {
            sleep(REST);
            for _ in 0..UNCOUNTED {
                turn()?;
            }
            seconds.push(turn()?);
        }
    }
    for (name, _, mut seconds) in turns {
        seconds.remove(0);
        seconds.sort_by(f64::total_cmp);
        let [median, least] = [ROUNDS / 2, 0].map(|i| 1e3 * seconds[i]);
        println!("{side}x{side}, {name}: median {median:.1} ms, least {least:.1} ms");
    }
    Ok(())
}

/// A process that answers each question with seconds; it ends with its input.
struct Peer {
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &str, script: &str) -> Result<Self> {
        let failed = |reason: String| Error::Train(format!("{python} {script}: {reason}"));
        let mut command = Command::new(python);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let process = command.spawn().map_err(|error| failed(error.to_string()))?;
        let (Some(questions), Some(answers)) = (process.stdin, process.stdout) else {
            return Err(failed("has no pipes".to_owned()));
        };
        Ok(Self { questions, answers: BufReader::new(answers) })
    }

    fn ask(&mut self, question: &str) -> Result<f64> {
        let failed = |reason: String| Error::Train(format!("{question}: {reason}"));
        writeln!(self.questions, "{question}").map_err(|error| failed(error.to_string()))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(|error| failed(error.to_string()))?;
        // The processor's seconds follow.
        let seconds = answer.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
        seconds.ok_or_else(|| failed(format!("answered `{answer}`")))
    }
}
