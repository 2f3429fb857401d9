//! The GIMP plug-in: GIMP starts this program; people do not.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

const HELP: &str = "\
polychromify-gimp is a plug-in: GIMP starts it, and finds it in a folder of its own name in GIMP's
plug-in folder. This version does not colorize in GIMP yet; use `polychromify batch` meanwhile.
";

fn main() -> ExitCode {
    // Stderr that is closed leaves nobody to tell.
    let _ = io::stderr().write_all(HELP.as_bytes());
    ExitCode::from(2)
}
