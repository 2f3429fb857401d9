use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// Colors the film at `in` into a folder, and kills the program once `moment` says so.
fn killed(folder: &Folder, output: &str, guide: &[&str], mut moment: impl FnMut(&Path) -> bool) {
    let arguments = ["film", "in", "-o", output, "--weights", weights::tiny()];
    let mut command = folder.command(arguments.iter().chain(guide).copied());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !moment(&folder.path(output)) && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
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
        killed(&folder, &output, &[], |output| done(output) >= kill);
        // On a busy machine it may have come further before the kill.
        let is_done = folder.exists(&format!("{output}/a.mkv"));
        let goes_on = done(&folder.path(&output)) > 0 && !is_done;
        assert!(goes_on || is_done || kill == 0, "{kill} shots went");
        let run = film(&folder, ["in", "-o", &output]).code(0);
        assert_eq!(run.stderr.contains("going on at frame"), goes_on, "{run:?}");
        assert_eq!(folder.files(&output), expected, "killed with {kill} shots");
    }
}

#[test]
fn after_a_kill_a_film_goes_on_with_the_colors_that_the_user_gave() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    make(&folder, &format!("{} -pix_fmt yuv420p -c:v ffv1 in/a.mkv", shots(4)));
    for (shot, name) in [(0, "first.png"), (3, "last.png")] {
        let select = format!("select=eq(n\\,{})", 8 * shot + 5);
        let tint = "format=rgb24,colorchannelmixer=rr=0.9:bb=0.4";
        make(&folder, &format!("-i in/a.mkv -vf {select},{tint} -frames:v 1 {name}"));
    }
    let guide = ["--keyframe", "0.63=first.png", "--keyframe", "3.63=last.png"];
    film(&folder, ["in", "-o", "plain"]).code(0);
    film(&folder, ["in", "-o", "undisturbed"].into_iter().chain(guide)).code(0);
    assert!(folder.read("plain/a.mkv") != folder.read("undisturbed/a.mkv"));
    killed(&folder, "out", &guide, |output| done(output) >= 2);
    film(&folder, ["in", "-o", "out"].into_iter().chain(guide)).code(0);
    assert_eq!(folder.files("out"), folder.files("undisturbed"));
}

/// A command whose results tell one time.
fn at_one_time(folder: &Folder, output: &str) -> Command {
    let mut command = folder.command(["film", "in", "-o", output, "--weights", weights::tiny()]);
    command.env("SOURCE_DATE_EPOCH", "0").stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn after_a_kill_a_sequence_goes_on_and_has_the_same_bytes() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    make(&folder, &format!("{} -pix_fmt gray in/scan_%04d.png", shots(6)));
    assert!(at_one_time(&folder, "undisturbed").status().unwrap().success());
    let expected = folder.files("undisturbed");
    assert_eq!(expected.len(), 6 * 8 + 1);
    for kill in [0, 1, 13, 30, 47, 48] {
        let output = format!("out{kill}");
        let mut child = at_one_time(&folder, &output).spawn().unwrap();
        let there = || fs::read_dir(folder.path(&output)).into_iter().flatten().flatten();
        let is_frame = |name: String| name.starts_with("scan_0");
        let count = || there().filter(|e| is_frame(e.file_name().to_string_lossy().into())).count();
        while count() < kill && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(at_one_time(&folder, &output).status().unwrap().success());
        assert_eq!(folder.files(&output), expected, "killed with {kill} frames");
    }
}

/// Also with `KILL_ROUNDS` rounds, as `scripts/kill-rounds` does.
#[test]
fn kills_at_random_moments_cost_the_shots_in_hand_at_most() {
    if !have_ffmpeg() {
        return;
    }
    let rounds = std::env::var("KILL_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap());
    let folder = Folder::new().file("in/b", "");
    make(&folder, &format!("{} -pix_fmt yuv420p -c:v ffv1 in/a.mkv", shots(20)));
    let start = Instant::now();
    film(&folder, ["in", "-o", "undisturbed"]).code(0);
    let (took, expected) = (start.elapsed(), folder.files("undisturbed"));
    let mut random = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    for round in 0..rounds {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let end = Instant::now() + took.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64);
        let output = format!("round{round}");
        let mut most = 0;
        killed(&folder, &output, &[], |output| {
            most = done(output);
            Instant::now() >= end
        });
        let left = folder.files(&output);
        let published = left.get("a.mkv");
        assert!(published.is_none() || published == expected.get("a.mkv"));
        assert!(published.is_some() || done(&folder.path(&output)) >= most);
        film(&folder, ["in", "-o", &output]).code(0);
        assert_eq!(folder.files(&output), expected, "round {round}, {most} shots");
    }
}
