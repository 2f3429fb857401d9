//! Networks of this crate beside the same in PyTorch, onnxruntime and plain candle: predictions and
//! training steps, by turns in one run, as Markdown tables.
//!
//!     compare [--quick] [--stock] [--instructions portable|avx2] [--peers PYTHON SCRIPT]
//!
//! `scripts/bench` runs it. Each of the others is a process of its own that answers questions with
//! seconds: `scripts/peers.py`, and the example `stock` with the system's allocator. A step of plain
//! candle at batch 32 takes more than a minute and 12 GB; `--quick` takes batch 8 for Polychromify,
//! and fewer turns for all. `--instructions` limits those of our side alone, beside `--stock`: what a
//! processor without the others gains.
#![expect(clippy::print_stdout, reason = "the tables are the result")]

mod contest;
mod fit;
mod peers;

use candle_core::{Error, Result};
use polychromify_core::Weights;
use polychromify_core::internals::engine::bench::Shape;
use polychromify_core::internals::model;
use polychromify_core::internals::ops::Precision;
use polychromify_image::isa;
use polychromify_train::Allocator;
use serde_json::{Value, json};

use contest::{Contestant, SIDE, batch};
use fit::{Course, Runs};
use peers::{Peers, Time, Turn, by_turns, timed};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Rows and columns of the matrices whose product tells what the processor reaches.
const PRODUCT: usize = 2048;

fn main() -> Result<()> {
    Allocator::keep(8 << 30);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let limited = arguments.iter().skip_while(|argument| *argument != "--instructions").nth(1);
    if let Some(name) = limited {
        let most = isa::ALL.into_iter().find(|isa| format!("{isa:?}").eq_ignore_ascii_case(name));
        isa::limit(most.ok_or_else(|| Error::Msg(format!("no instructions `{name}`")))?);
    }
    let peers = Peers::start(&arguments)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{}, {cores} cores; medians of turns.\n", processor());
    predictions(&peers)?;
    training(&peers, quick, cores)?;
    peers.stop()
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    name.unwrap_or("unknown processor").to_owned()
}

/// Both precisions, where the processor has them.
fn precisions() -> [Option<Precision>; 2] {
    [Some(Precision::F32), Some(Precision::Bf16).filter(|precision| precision.is_available())]
}

/// How often the seconds of `under` are in those of `over`.
fn ratio(over: Option<Time>, under: Option<Time>) -> String {
    match (over, under) {
        (Some(over), Some(under)) => format!("{:.2}", over.seconds / under.seconds),
        _ => "-".to_owned(),
    }
}

/// The faster of some.
fn best(times: &[Option<Time>]) -> Option<Time> {
    times.iter().flatten().copied().min_by(|one, other| one.seconds.total_cmp(&other.seconds))
}

fn predictions(peers: &Peers) -> Result<()> {
    print!("| milliseconds | ours, f32 | ours, bf16 | PyTorch, f32 | PyTorch, bf16 | onnxruntime ");
    print!("| plain candle | our f32 : bf16 | PyTorch f32 : our f32 | PyTorch f32 : our best ");
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
        let contestant =
            &Contestant::new(|vb| model::build(family, &config, vb).map_err(Error::wrap))?;
        let (lightness, _) = &batch(1, side)?;
        let ours = precisions().map(|precision| -> Option<Turn<'_>> {
            let precision = precision?;
            Some(Box::new(move || {
                Ok(Time { seconds: contestant.predict(precision, lightness)?, busy: 0. })
            }))
        });
        let python = ["torch", "bf16", "onnx"]
            .map(|how| peers.python(format!("predict {name} {side} {how}")));
        let stock = if (name, side) == ("polychromify", SIDE) {
            peers.stock("predict".to_owned())
        } else {
            None
        };
        let times =
            by_turns(rounds, true, ours.into_iter().chain(python).chain([stock]).collect())?;
        let cell = |time: &Option<Time>| {
            time.map_or("-".to_owned(), |time| format!("{:.0}", 1000. * time.seconds))
        };
        let cells: Vec<String> = times.iter().map(cell).collect();
        let ours = best(&times[..2]);
        let ratios = [
            ratio(times[0], times[1]),
            ratio(times[2], times[0]),
            ratio(times[2], ours),
            ratio(times[3], ours),
            ratio(times[4], ours),
        ];
        println!("| {name}, {side}x{side} | {} | {} |", cells.join(" | "), ratios.join(" | "));
    }
    println!();
    Ok(())
}

fn training(peers: &Peers, quick: bool, cores: usize) -> Result<()> {
    println!("A step: milliseconds; photographs a second; GFLOP/s, its forward pass counted three");
    println!("times; share of all cores.\n");
    print!("| | ours, f32 | ours, bf16 | PyTorch, f32 | PyTorch, bf16 | plain candle ");
    println!("| PyTorch's best : our best |");
    println!("|{}", "---|".repeat(7));
    let product = 2. * (PRODUCT as f64).powi(3);
    let cell = |time: &Option<Time>| {
        time.map_or("-".to_owned(), |Time { seconds, busy }| {
            let (speed, share) = (product / seconds / 1e9, 100. * busy / seconds / cores as f64);
            format!("{:.0}; {speed:.0}; {share:.0} %", 1000. * seconds)
        })
    };
    let times = by_turns(if quick { 3 } else { 9 }, true, products(peers))?;
    let cells: Vec<String> = times.iter().map(cell).collect();
    let last = ratio(best(&times[2..4]), best(&times[..2]));
    println!("| a product of {PRODUCT}x{PRODUCT} | {} | - | {last} |", cells.join(" | "));

    let polychromify = if quick { 8 } else { 32 };
    for (name, network, side, batch) in [
        ("vivid", "vivid", 160, 32),
        ("eccv16", "eccv16", 128, 8),
        ("siggraph17", "siggraph17", 64, 8),
        ("polychromify", "conv_dense", SIDE, polychromify),
    ] {
        let runs = &Runs::prepare(Course { network, side, batch })?;
        let operations = peers.operations(name, side)?.map(|forward| 3. * forward * batch as f64);
        let ours = precisions().map(|precision| -> Option<Turn<'_>> {
            let precision = precision?;
            Some(Box::new(move || runs.step(precision)))
        });
        let python = ["f32", "bf16"]
            .map(|precision| peers.python(format!("step {name} {side} {batch} {precision}")));
        let stock =
            if name == "polychromify" { peers.stock(format!("step {batch}")) } else { None };
        let rounds = if quick { 1 } else { 3 };
        let times =
            by_turns(rounds, false, ours.into_iter().chain(python).chain([stock]).collect())?;
        let cell = |time: &Option<Time>| {
            let Some(Time { seconds, busy }) = *time else { return "-".to_owned() };
            let photos = batch as f64 / seconds;
            let speed = operations
                .map_or("-".to_owned(), |operations| format!("{:.0}", operations / seconds / 1e9));
            let share = 100. * busy / seconds / cores as f64;
            format!("{:.0}; {photos:.1}; {speed}; {share:.0} %", 1000. * seconds)
        };
        let cells: Vec<String> = times.iter().map(cell).collect();
        let last = ratio(best(&times[2..4]), best(&times[..2]));
        println!("| {name}, {side}x{side}, batch {batch} | {} | {last} |", cells.join(" | "));
    }
    Ok(())
}

/// Turns of a product of two matrices, ours as a 1x1 convolution.
fn products(peers: &Peers) -> Vec<Option<Turn<'_>>> {
    let shape = Shape {
        images: PRODUCT / 1024,
        inputs: PRODUCT,
        outputs: PRODUCT,
        kernel: 1,
        dilation: 1,
        side: 32,
    };
    let ours = precisions().map(|precision| -> Option<Turn<'_>> {
        let trial = shape.trial(precision?, false);
        Some(Box::new(move || {
            timed(|| {
                (trial.forward)();
                Ok(())
            })
        }))
    });
    let python =
        ["f32", "bf16"].map(|precision| peers.python(format!("product {PRODUCT} {precision}")));
    ours.into_iter().chain(python).collect()
}
