//! `polychromify`: colors folders of black-and-white scans, and never loses one.
//!
//! A run is planned first (`plan`): which inputs, and under which names their results go. Each
//! input is then a job (`job`) that a worker takes, does and acknowledges; the ledger (`ledger`)
//! records every step, so that a run killed at any instant is taken up where it stood. This crate
//! knows scans, thumbnails and chroma maps, and nothing of the networks behind them.

#![forbid(unsafe_code)]
#![cfg_attr(
    windows,
    expect(
        dead_code,
        unused_imports,
        reason = "what others have for `watch`, which is not offered there"
    )
)]
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests make and change files of their own")
)]

mod cli;
mod command;
mod config;
mod document;
mod error;
mod exit;
mod files;
mod film;
mod job;
mod ledger;
mod limits;
mod model;
mod output;
mod plan;
mod policy;
mod printable;
mod programs;
mod queue;
mod report;
mod review;
mod service;
mod settings;
mod shard;
mod stop;
#[cfg(unix)]
mod watch;
mod workers;

use std::panic;
use std::process::ExitCode;

use clap::Parser;
use indicatif::MultiProgress;
use log::LevelFilter;

use crate::cli::{Cli, Command};
use crate::command::{batch, doctor, film as film_command, manifest, retry};
use crate::command::{review as review_command, shell, status, verify, work};
use crate::exit::Exit;
use crate::service::logging::{self, Form};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a panic ends with, as Rust's own exit code.
const PANICKED: u8 = 101;

fn main() -> ExitCode {
    let cli = if asks_for_all_of_its_version() {
        Cli::parse_from(["polychromify", "doctor"])
    } else {
        Cli::parse() // exits with 2 on arguments that do not fit
    };
    // Users are told what follows from it: of a job by its failure, of all else here.
    panic::set_hook(Box::new(|panic| log::debug!("{panic}")));
    panic::catch_unwind(|| run(&cli)).unwrap_or_else(|_| {
        log::error!(
            "the program failed by a fault of its own; please report it, with what -v says"
        );
        ExitCode::from(PANICKED)
    })
}

/// Whether the arguments are `--version --verbose`: the parser ends at the first of them.
fn asks_for_all_of_its_version() -> bool {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let has =
        |names: [&str; 2]| arguments.iter().any(|given| names.iter().any(|name| given == name));
    arguments.len() == 2 && has(["--version", "-V"]) && has(["--verbose", "-v"])
}

fn run(cli: &Cli) -> ExitCode {
    let progress = MultiProgress::new();
    let level = logging::level(cli.verbose, cli.quiet);
    let exit = match &cli.command {
        #[cfg(unix)]
        Command::Watch(_) => command::watch::run(level),
        other => {
            logging::start(Form::Terminal(progress.clone()), level.unwrap_or(LevelFilter::Info));
            command::refuse_untried(other).and_then(|()| match other {
                Command::Batch(arguments) => batch::run(arguments, &progress),
                Command::Film(arguments) => film_command::run(arguments, &progress),
                Command::Work(arguments) => work::run(arguments, &progress),
                Command::Status(arguments) => status::run(arguments),
                Command::Retry(arguments) => retry::run(arguments),
                Command::Review(arguments) => review_command::run(arguments),
                Command::Manifest(arguments) => manifest::run(arguments),
                Command::Verify(arguments) => verify::run(arguments),
                Command::Doctor(arguments) => doctor::run(arguments),
                Command::Completions(arguments) => Ok(shell::completions(arguments)),
                Command::ManPages(arguments) => shell::man_pages(arguments),
                Command::Watch(_) => unreachable!("matched above, or refused"),
            })
        }
    };
    exit.unwrap_or_else(|error| {
        log::error!(target: logging::LAST_WORDS, "{error}");
        Exit::CouldNotStart
    })
    .code()
}
