//! Options of `polychromify review`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::LedgerPlace;
use super::values::parse_size;

#[derive(Args, Debug)]
pub(crate) struct Review {
    #[command(flatten)]
    pub(crate) at: LedgerPlace,
    /// Address of the page [default: 127.0.0.1:8580, or another port where that is taken]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Let --listen name an address that other machines reach
    ///
    /// Whoever learns the printed address can judge and change results. Nothing is encrypted: in a
    /// network that others use, put a server with TLS or an SSH tunnel between.
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// Print the address, and open no browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Who judges [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) judge: Option<String>,
    /// Weights for what is made again, by name or as a .safetensors file [default: those of the
    /// latest results]
    #[arg(short, long, value_name = "NAME|FILE", env = "POLYCHROMIFY_WEIGHTS")]
    pub(crate) weights: Option<String>,
    /// Memory for pictures that are looked at: 512M, 2G
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = parse_size)]
    pub(crate) memory: u64,
    /// Write all verdicts as a table to this file, or to stdout for -, and end
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
}
