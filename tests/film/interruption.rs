use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::clips::{film, have_ffmpeg, make, shots};
use crate::folder::Folder;
use crate::weights;

const SHOTS: usize = 12;

/// Shots on the disk when the program is killed. With all of them it is about to join them.
const KILLS: [usize; 5] = [0, 1, 4, 9, SHOTS];

/// Shots that are on the disk below an output folder.
fn done(output: &Path) -> usize {
    let below = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let shots = below(&output.join(".polychromify/films")).into_iter().flat_map(|at| below(&at));
    shots.filter(|shot| !shot.file_name().unwrap().to_string_lossy().starts_with('.')).count()
}

#[test]
fn after_a_kill_a_film_goes_on_and_has_the_same_bytes() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    make(&folder, &format!("{} -pix_fmt yuv420p -c:v ffv1 in/a.mkv", shots(SHOTS)));
    film(&folder, ["in", "-o", "undisturbed"]).code(0);
    let expected = folder.files("undisturbed");
    let shots: serde_json::Value =
        serde_json::from_slice(&folder.read("undisturbed/a.mkv.json")).unwrap();
    assert_eq!(shots["film"]["shots"], SHOTS, "{shots}");
    for kill in KILLS {
        let output = format!("out{kill}");
        let arguments = ["film", "in", "-o", &output, "--weights", weights::tiny()];
        let mut command = folder.command(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while done(&folder.path(&output)) < kill && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let run = film(&folder, ["in", "-o", &output]).code(0);
        assert_eq!(run.stderr.contains("going on at frame"), kill > 0, "{run:?}");
        assert_eq!(folder.files(&output), expected, "killed with {kill} shots");
    }
}
