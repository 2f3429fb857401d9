//! The command line for users: install the plug-in, and remove it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::install::{self, UserFolders};

const HELP: &str = "\
polychromify-gimp is a plug-in for GIMP 2.10 and GIMP 3: Colors > Colorize with Polychromify...

Usage: polychromify-gimp install      copy it into the profile of every GIMP of yours
       polychromify-gimp uninstall    remove it from there
       polychromify-gimp --help | --version

GIMP starts the copy; it needs no other file. A profile is a folder such as ~/.config/GIMP/3.0,
~/.var/app/org.gimp.GIMP/config/GIMP/3.0 (Flatpak), %APPDATA%\\GIMP\\3.0 (Windows), or what
GIMP2_DIRECTORY or GIMP3_DIRECTORY say.

Exit codes: 0 done, 1 something could not be copied or removed, 2 no such command or no profile.
";

/// Runs the command that `arguments`, those after the program's name, ask for.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    match arguments.iter().map(|argument| argument.to_str()).collect::<Vec<_>>()[..] {
        [Some("install")] => install(),
        [Some("uninstall")] => uninstall(),
        [Some("--help" | "-h" | "help")] => {
            print(HELP);
            ExitCode::SUCCESS
        }
        [Some("--version" | "-V")] => {
            print(concat!("polychromify-gimp ", env!("CARGO_PKG_VERSION"), "\n"));
            ExitCode::SUCCESS
        }
        _ => {
            print_error(HELP);
            ExitCode::from(2)
        }
    }
}

fn install() -> ExitCode {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            print_error(&format!("polychromify-gimp: cannot find this program: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    let (profiles, searched) =
        install::find(&UserFolders::from_environment(|name| std::env::var_os(name)));
    if profiles.is_empty() {
        let searched: Vec<String> =
            searched.iter().map(|path| path.display().to_string()).collect();
        print_error(&format!(
            "polychromify-gimp: no profile of GIMP 2.10 or 3 in {}\n\
             hint: start GIMP once, which makes its profile, and run this again\n",
            searched.join(", ")
        ));
        return ExitCode::from(2);
    }
    let mut failed = false;
    for profile in &profiles {
        match install::install(&program, profile) {
            Ok(path) => print(&format!("{}: installed as {}\n", profile.name, path.display())),
            Err(error) => {
                failed = true;
                print_error(&format!("{}: {error}\n", profile.name));
            }
        }
    }
    if failed {
        return ExitCode::FAILURE;
    }
    print(
        "Restart GIMP; then open a photograph and choose Colors > Colorize with Polychromify...\n",
    );
    ExitCode::SUCCESS
}

fn uninstall() -> ExitCode {
    let (profiles, _) =
        install::find(&UserFolders::from_environment(|name| std::env::var_os(name)));
    let mut code = ExitCode::SUCCESS;
    for profile in &profiles {
        match install::uninstall(profile) {
            Ok(true) => print(&format!("{}: removed; restart it\n", profile.name)),
            Ok(false) => print(&format!("{}: was not installed\n", profile.name)),
            Err(error) => {
                code = ExitCode::FAILURE;
                print_error(&format!("{}: {error}\n", profile.name));
            }
        }
    }
    code
}

fn print(text: &str) {
    // Nothing to be done if stdout is closed.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Writes to stderr.
pub(crate) fn print_error(text: &str) {
    // Nothing to be done if stderr is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}
