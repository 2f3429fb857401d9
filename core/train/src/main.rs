//! Trains and measures networks. The landscapes of `../shared`, from photographs to weights:
//!
//! ```sh
//! polychromify-train prepare ../shared/landscapes --table ../shared/landscapes/photos.tsv \
//!     --split train,valid --output target/landscapes.cache
//! polychromify-train fit --network conv_dense --data target/landscapes.cache --output target/run
//! polychromify-train fit --resume --output target/run    # goes on after Ctrl-C, kill or --budget
//! polychromify-train evaluate --weights target/run/best.safetensors \
//!     --photos ../shared/landscapes --table ../shared/landscapes/photos.tsv --split test
//! ```
//!
//! Exit codes: 0 all done, 1 some photographs failed or training diverged, 2 could not start,
//! 3 stopped with everything saved.

mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use polychromify_train::Allocator;

use command::report::say;
use command::{checkpoint, compare, evaluate, export, fit, import, prepare, preview, tune};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Trains and measures the networks of Polychromify.
#[derive(Parser)]
#[command(name = "polychromify-train", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Prepare(prepare::Prepare),
    Preview(preview::Preview),
    Fit(Box<fit::Fit>),
    Tune(tune::Tune),
    Evaluate(evaluate::Evaluate),
    Compare(compare::Compare),
    Export(export::Export),
    Checkpoint(checkpoint::Checkpoint),
    Import(import::Import),
}

fn main() -> ExitCode {
    env_logger::init();
    let done = match Cli::parse().command {
        Command::Prepare(arguments) => prepare::prepare(&arguments),
        Command::Preview(arguments) => preview::preview(&arguments),
        Command::Fit(arguments) => fit::fit(&arguments),
        Command::Tune(arguments) => tune::tune(&arguments),
        Command::Evaluate(arguments) => evaluate::evaluate(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Checkpoint(arguments) => checkpoint::checkpoint(&arguments),
        Command::Import(arguments) => import::import(&arguments),
    };
    done.unwrap_or_else(|error| {
        say(&format!("polychromify-train: {error}"));
        ExitCode::from(2)
    })
}
