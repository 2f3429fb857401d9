use std::path::Path;
use std::process::{Command, Output};

use crate::folder::{Folder, Run};
use crate::weights;

/// Whether ffmpeg is there; where it is not, a test that goes without it says so.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
pub(crate) fn have_ffmpeg() -> bool {
    let there = ["ffmpeg", "ffprobe"]
        .iter()
        .all(|program| Command::new(program).arg("-version").output().is_ok());
    if !there {
        assert!(std::env::var_os("POLYCHROMIFY_READERS").is_none(), "ffmpeg is missing");
        println!("skipped: there is no ffmpeg");
    }
    there
}

/// A program in a folder, with arguments that have no spaces in them.
pub(crate) fn program(folder: &Folder, program: &str, arguments: &str) -> Output {
    let mut command = Command::new(program);
    command.args(["-v", "error"]).args(arguments.split_whitespace());
    command.current_dir(folder.path("")).output().unwrap()
}

/// Makes a clip.
#[track_caller]
pub(crate) fn make(folder: &Folder, arguments: &str) {
    let made = program(folder, "ffmpeg", &format!("-nostdin -y -fflags +bitexact {arguments}"));
    assert!(made.status.success(), "{arguments}: {}", String::from_utf8_lossy(&made.stderr));
}

/// Moving gray pictures of so many frames a second, `seconds` long.
pub(crate) fn pictures(size: &str, rate: u32, seconds: f32) -> String {
    format!("-f lavfi -i testsrc2=s={size}:r={rate}:d={seconds},format=gray")
}

/// Shots of 8 frames each, that have nothing in common with those before them.
pub(crate) fn shots(count: usize) -> String {
    let sources = ["testsrc2", "mandelbrot", "pal75bars", "testsrc", "smptehdbars", "yuvtestsrc"];
    let shot = |shot: usize| {
        let source = sources[shot % sources.len()];
        let turn = ["null", "negate"][shot / sources.len() % 2];
        format!(
            "{source}=s=64x48:r=8,trim=duration=1,format=gray,{turn},setpts=PTS-STARTPTS[s{shot}];"
        )
    };
    let sources: Vec<String> = (0..count).map(shot).collect();
    let labels: Vec<String> = (0..count).map(|shot| format!("[s{shot}]")).collect();
    let graph = sources.concat() + &labels.concat();
    format!("-filter_complex {graph}concat=n={count}[v] -map [v]")
}

/// `film` with the small weights and JSON output.
pub(crate) fn film<'a>(folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    let start = ["film", "--json", "--weights", weights::tiny()];
    folder.polychromify(start.into_iter().chain(arguments))
}

/// Milliseconds and MD5 of each frame's luma, upright.
pub(crate) fn luma(folder: &Folder, file: &str, filters: &str) -> Vec<(i64, String)> {
    let filters = format!("extractplanes=y{filters}");
    listed(
        folder,
        &format!(
            "-noautorotate -i {file} -map 0:v:0 -fps_mode passthrough \
        -enc_time_base -1 -vf {filters} -c:v rawvideo -f framemd5 -"
        ),
    )
}

/// Milliseconds of each frame.
pub(crate) fn times(folder: &Folder, file: &str) -> Vec<i64> {
    let arguments = "-map 0:v:0 -fps_mode passthrough -enc_time_base -1 -c:v rawvideo";
    let listed = listed(folder, &format!("-i {file} {arguments} -f framemd5 -"));
    listed.into_iter().map(|(time, _)| time).collect()
}

/// MD5s of a file's packets of sound.
pub(crate) fn sound(folder: &Folder, file: &str) -> Vec<String> {
    let listed = listed(folder, &format!("-i {file} -map 0:a -c copy -f framemd5 -"));
    let mut packets: Vec<String> = listed.into_iter().map(|(_, md5)| md5).collect();
    packets.sort_unstable(); // of several tracks, which lie between each other
    packets
}

fn listed(folder: &Folder, arguments: &str) -> Vec<(i64, String)> {
    let output = program(folder, "ffmpeg", &format!("-nostdin {arguments}"));
    let text = String::from_utf8(output.stdout).unwrap();
    let base = text.lines().find_map(|line| line.strip_prefix("#tb 0: "));
    let base: Vec<f64> = base.unwrap().split('/').map(|n| n.parse().unwrap()).collect();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let ticks: f64 = fields[2].parse().unwrap();
        ((ticks * 1000.0 * base[0] / base[1]).round() as i64, fields[5].to_owned())
    };
    lines.map(read).collect()
}

/// What ffprobe says of the pictures: `key=value` lines.
pub(crate) fn told(folder: &Folder, file: &str, keys: &str) -> String {
    let arguments =
        format!("-select_streams v:0 -show_entries {keys} -of default=nw=1:nk=0 {file}");
    String::from_utf8(program(folder, "ffprobe", &arguments).stdout).unwrap()
}

/// Whether a folder of results holds nothing but the ledger's folder.
pub(crate) fn is_empty(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
    entries.unwrap_or_default().iter().all(|entry| entry.file_name() == ".polychromify")
}
