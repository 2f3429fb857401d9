//! `polychromify completions` and `polychromify man-pages`: the list of options, for shells and readers.

use std::io;

use clap::CommandFactory;

use crate::cli::{Cli, Completions, ManPages};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Writes the completions of a shell to stdout.
pub(crate) fn completions(arguments: &Completions) -> Exit {
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "polychromify",
        &mut io::stdout(),
    );
    Exit::AllDone
}

/// Writes `polychromify.1` and a page for each command into a folder.
pub(crate) fn man_pages(arguments: &ManPages) -> Result<Exit> {
    let folder = &arguments.folder;
    clap_mangen::generate_to(Cli::command(), folder).map_err(Error::io(folder, "write"))?;
    Ok(Exit::AllDone)
}
