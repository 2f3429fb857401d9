//! The configuration of a watched folder: flags, environment, file and defaults, in this order.
//!
//! The command line in `cli/watch.rs` is the one list of options. What the file says becomes the
//! default of the option of that name, and clap does the rest, so that a value means the same
//! wherever it is written.

mod file;
mod print;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::cli::{Cli, LedgerPlace, Watch};
use crate::error::{Error, Result};
use file::File;
pub(crate) use print::Entry;

/// Everything that `watch` was told, and by whom.
pub(crate) struct Config {
    pub(crate) watch: Watch,
    matches: ArgMatches,
    file: Option<File>,
}

impl Config {
    /// Reads the configuration of `watch`, given all arguments of the program.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has a key that is no option, or a value that does not fit.
    pub(crate) fn load(arguments: &[OsString]) -> Result<Self> {
        let asked = matches(Cli::command(), arguments)?;
        let file =
            File::find(asked.get_one::<PathBuf>("config").map(PathBuf::as_path), &options())?;
        let command = match &file {
            Some(file) => Cli::command().mut_subcommand("watch", |watch| file.as_defaults(watch)),
            None => Cli::command(),
        };
        let matches = matches(command, arguments)?;
        let watch = Watch::from_arg_matches(&matches).map_err(Error::Arguments)?;
        Ok(Self { watch, matches, file })
    }

    /// Every option with its value and origin, in the order of the command line.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        print::entries(&options(), &self.matches, self.file.as_ref())
    }

    /// The options in force as a configuration file, with the origin of each.
    pub(crate) fn print(&self) -> String {
        print::print(&self.entries(), self.file.as_ref().map(File::path))
    }
}

/// The output folder whose ledger is meant: the one named, else the configured one, else the
/// current folder.
pub(crate) fn output(place: &LedgerPlace) -> Result<PathBuf> {
    if let Some(output) = &place.output {
        return Ok(output.clone());
    }
    let file = File::find(place.config.as_deref(), &options())?;
    Ok(file.and_then(|file| file.output()).unwrap_or_else(|| PathBuf::from(".")))
}

/// The configuration file that is read: the one named, else the user's, whether it is there or not.
pub(crate) fn path(place: &LedgerPlace) -> Option<PathBuf> {
    place.config.clone().or_else(file::default_path)
}

/// The command `watch`, for its options.
fn options() -> Command {
    let command = Cli::command();
    command.find_subcommand("watch").expect("declared in cli.rs").clone()
}

/// What the arguments say to `watch`.
fn matches(command: Command, arguments: &[OsString]) -> Result<ArgMatches> {
    let mut all = command.try_get_matches_from(arguments).map_err(Error::Arguments)?;
    let (_, watch) = all.remove_subcommand().expect("clap asks for a subcommand");
    Ok(watch)
}
