//! `polychromify-gimp`: colors for black-and-white photographs in GIMP 2.10 and GIMP 3.
//!
//! GIMP starts this program for each call of its procedure; users start it to install it. `filter`
//! colorizes layers of any `host`, a trait; `gimp` implements it for both versions of GIMP; `ffi` calls
//! GIMP's C libraries, which are opened at run time.

mod command_line;
mod dialog;
mod ffi;
mod filter;
mod gimp;
mod host;
mod install;
mod procedure;
mod text;

use std::ffi::{CString, OsString};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Who started this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Gimp2,
    Gimp3,
    User,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let caller = caller(&arguments);
    if caller != Caller::User {
        ffi::leave_console();
    }
    let result = match caller {
        Caller::Gimp2 => ffi::gimp2::main(&as_c(arguments), gimp::gimp2::run),
        Caller::Gimp3 => ffi::gimp3::main(&as_c(arguments), gimp::gimp3::run),
        Caller::User => return command_line::run(&arguments[arguments.len().min(1)..]),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            command_line::print_error(&format!("polychromify-gimp: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Tells the version of GIMP by the position of the mode in the command line:
/// `PLUGIN -gimp READ WRITE MODE TRACE` in 2.10, `PLUGIN -gimp PROTOCOL READ WRITE MODE TRACE` in 3.
fn caller(arguments: &[OsString]) -> Caller {
    let is_mode = |at: usize| {
        let argument = arguments.get(at).and_then(|argument| argument.to_str());
        matches!(argument, Some("-query" | "-init" | "-run"))
    };
    match arguments.get(1).and_then(|argument| argument.to_str()) {
        Some("-gimp") if is_mode(4) => Caller::Gimp2,
        Some("-gimp") if is_mode(5) => Caller::Gimp3,
        _ => Caller::User,
    }
}

fn as_c(arguments: Vec<OsString>) -> Vec<CString> {
    let c = |argument: OsString| CString::new(argument.into_encoded_bytes());
    arguments
        .into_iter()
        .map(|argument| c(argument).expect("arguments of a process hold no zero byte"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(line: &str) -> Caller {
        caller(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_tells_the_version_of_gimp() {
        assert_eq!(called("/p/polychromify-gimp -gimp 12 11 -query 0"), Caller::Gimp2);
        assert_eq!(called("/p/polychromify-gimp -gimp 12 11 -run 0"), Caller::Gimp2);
        assert_eq!(called("/p/polychromify-gimp -gimp 277 12 11 -query 0"), Caller::Gimp3);
        assert_eq!(called("/p/polychromify-gimp -gimp 279 12 11 -run 0"), Caller::Gimp3);
    }

    #[test]
    fn anything_else_is_a_user() {
        for line in ["polychromify-gimp", "polychromify-gimp install", "p -gimp 1 2 run", "p -gimp"]
        {
            assert_eq!(called(line), Caller::User);
        }
    }
}
