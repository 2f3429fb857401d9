//! In GIMP's window, on a display of its own.

use std::path::Path;
use std::process::Command;

use crate::gimp::in_each;

/// The menu entry opens the dialog, which has its views and makes the layer for hints; its button makes
/// the layer, one undo takes all of it back, and Repeat makes it again: `scripts/gimp-screenshots` waits
/// for each.
#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn the_menu_entry_leads_to_a_layer_that_one_undo_takes_back_and_repeat_makes_again() {
    let programs = ["Xvfb", "openbox", "xdotool", "import"];
    if let Some(missing) = programs.iter().find(|name| !Path::new("/usr/bin").join(name).exists()) {
        println!("skipped: no {missing} here (scripts/gimp-screenshots installs it)");
        return;
    }
    let mut gimps = Vec::new();
    in_each(|gimp| gimps.push(gimp.version.clone()));
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gimp-screenshots");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/gimp-screenshots");
    let mut command = Command::new(script);
    command.arg(&output).args(["--plug-in", env!("CARGO_BIN_EXE_polychromify-gimp")]);
    let run = command.output().unwrap();
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{run:#?}");
    for version in gimps {
        assert!(shown.contains(&format!("{version}-6-repeated.png")), "{run:#?}");
    }
}
