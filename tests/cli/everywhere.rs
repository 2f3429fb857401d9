//! Colors that are the same on every machine: the hashes below are those of any of them.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::folder::{Folder, sha256};
use crate::pictures;

/// SHA-256 of the decoded samples of a picture of 300x200, colored by the built-in weights.
const PLAIN: &str = "e1b1a3c1b3c5daf54d5a658d7dc3274ee0464bcb8941ee9865fa8c43f3f6c9c0";
/// The same with a color hint.
const HINTED: &str = "c7842780417fc2f9ba7c4428c3099efa6978e5a20f2816693d1158cf341db23e";

const HINTS: &str = r#"[{"x": 40, "y": 50, "radius": 8, "rgb": [200, 40, 30]}]"#;

fn folder() -> Folder {
    Folder::new().file("a.png", pictures::png(300, 200, 1)).file("hints.json", HINTS)
}

/// Of samples, because a PNG's compression is another matter, and its label names the version.
fn hash(folder: &Folder, name: &str) -> String {
    sha256(&image::open(folder.path(name)).unwrap().into_rgb8())
}

fn batch<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["batch", "a.png", "-o", output].into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn the_default_network_colors_a_photograph_as_everywhere() {
    let folder = folder();
    for jobs in ["1", "2"] {
        folder.polychromify(batch(jobs, &["--jobs", jobs])).code(0);
        assert_eq!(hash(&folder, &format!("{jobs}/a.png")), PLAIN, "{jobs} jobs");
    }
    folder.polychromify(batch("hinted", &["--hints", "hints.json"])).code(0);
    assert_eq!(hash(&folder, "hinted/a.png"), HINTED);
}

/// Debian's `qemu-user-static` runs the program as on a Haswell of 2013, without AVX-512.
#[test]
#[expect(clippy::print_stdout, reason = "says that it is skipped")]
fn a_haswell_gives_the_same_colors() {
    const QEMU: &str = "/usr/bin/qemu-x86_64-static";
    if !cfg!(all(target_arch = "x86_64", unix)) || !Path::new(QEMU).exists() {
        println!("skipped: {QEMU} is not there");
        return;
    }
    let folder = folder();
    let own = folder.command([]);
    let mut command = Command::new(QEMU);
    command.args(["-cpu", "Haswell"]).arg(own.get_program()).args(batch("out", &[]));
    command.current_dir(folder.path("")).env("HOME", folder.path(""));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(hash(&folder, "out/a.png"), PLAIN);
}
