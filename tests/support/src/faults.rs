//! A C library that makes system calls fail, loaded before the program's own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/faults.c");

/// Has the program fail as the environment variables say that `faults.c` names.
#[must_use]
pub fn with(mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.env("LD_PRELOAD", library()).envs(variables.iter().copied());
    command
}

/// The library, compiled once by the C compiler that the program's own build needs.
fn library() -> &'static PathBuf {
    static LIBRARY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults.so");
        let mut compile = Command::new(std::env::var_os("CC").unwrap_or("cc".into()));
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&path).args([SOURCE, "-ldl"]);
        assert!(compile.status().unwrap().success(), "{compile:?}");
        (folder, path)
    });
    path
}
