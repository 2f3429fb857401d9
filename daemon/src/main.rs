//! `polychromify`: colors folders of black-and-white scans, and never loses one.
//!
//! A run is planned first (`plan`): which inputs, and under which names their results go. Each
//! input is then a job (`job`) that a worker takes, does and acknowledges; the ledger (`ledger`)
//! records every step, so that a run killed at any instant is taken up where it stood. This crate
//! knows scans, thumbnails and chroma maps, and nothing of the networks behind them.

#![forbid(unsafe_code)]

mod batch;
mod cli;
mod config;
mod crew;
mod error;
mod exit;
mod fingerprint;
mod hook;
mod ignore;
mod job;
mod ledger;
mod lock;
mod logging;
mod manifest;
mod metrics;
mod operate;
mod plan;
mod priority;
mod publish;
mod recover;
mod report;
mod retry;
mod settings;
mod setup;
mod status;
mod stop;
mod systemd;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use indicatif::MultiProgress;
use log::LevelFilter;

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::logging::Form;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse(); // exits with 2 on arguments that do not fit
    let progress = MultiProgress::new();
    let level = logging::level(cli.verbose, cli.quiet);
    let exit = match &cli.command {
        Command::Watch(_) => operate::run(level),
        other => {
            logging::start(Form::Terminal(progress.clone()), level.unwrap_or(LevelFilter::Info));
            match other {
                Command::Batch(arguments) => batch::run(arguments, &progress),
                Command::Status(arguments) => status::run(arguments),
                Command::Retry(arguments) => retry::run(arguments),
                Command::Manifest(arguments) => manifest::run(arguments),
                Command::Verify(arguments) => verify::run(arguments),
                Command::Watch(_) => unreachable!("matched above"),
            }
        }
    };
    exit.unwrap_or_else(|error| {
        log::error!(target: logging::LAST_WORDS, "{error}");
        Exit::CouldNotStart
    })
    .code()
}
