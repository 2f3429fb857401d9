//! Copies of a film for editing and for looking at, encoded once more.

use std::path::Path;
use std::process::Command;

use polychromify_core::ChromaShape;

use super::canvas::Samples;
use super::carried;
use super::frames::FrameTime;
use super::join::FilmLabel;
use super::probe::{Probe, Stream, file};
use super::tools::Tool;
use crate::cli::Codec;
use crate::error::Result;
use crate::stop::Stop;

/// Luma and chroma of RGB, in which copies are coded.
const OF_RGB: &str = "scale=out_color_matrix=bt709:out_range=limited:flags=accurate_rnd,\
                      setparams=colorspace=bt709:range=limited";

/// Least ticks a second of a copy.
const LEAST_TICKS: u64 = 10_000;

/// Encodes `film`, which is whole, to `to`.
pub(super) fn encode(
    (film, to): (&Path, &Path),
    codec: Codec,
    probe: &Probe,
    times: &[FrameTime],
    label: &FilmLabel,
    stop: &Stop,
) -> Result<()> {
    let mut command = Tool::Ffmpeg.command();
    command.args(["-copyts", "-i"]).arg(file(film));
    command.args(["-map", "0:v:0", "-map", "0:a?", "-map_chapters", "0", "-map_metadata", "0"]);
    let mut filters = Vec::new();
    match codec {
        Codec::Ffv1 | Codec::Prores => prores(&mut command, &mut filters, probe),
        Codec::H264 => h264(&mut command, &mut filters, probe),
    }
    let ticks = ticks(probe, times, &mut filters);
    command.args(["-vf", &filters.join(",")]);
    command.args(["-fps_mode", "passthrough", "-enc_time_base", &format!("1:{ticks}")]);
    command.args(["-video_track_timescale", &ticks.to_string()]);
    sound(&mut command, codec, probe);
    subtitles(&mut command, codec, probe);
    for (key, value) in label.tags() {
        command.args(["-metadata", &format!("{key}={value}")]);
    }
    command.args(["-movflags", "+use_metadata_tags+faststart+write_colr"]);
    command.args(["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]);
    command.args(["-f", if codec == Codec::H264 { "mp4" } else { "mov" }, "-y"]).arg(file(to));
    Tool::Ffmpeg.start(command, to, |line| log::debug!("ffmpeg: {line}"))?.end_in_room(stop)
}

fn prores(command: &mut Command, filters: &mut Vec<String>, probe: &Probe) {
    let is_fine = match probe.coding.samples {
        Samples::Luma(format) => format.chroma == ChromaShape::S444,
        Samples::Rgb(_) => true,
    };
    let (profile, pixels) = if is_fine { ("4", "yuv444p10le") } else { ("3", "yuv422p10le") };
    match probe.coding.samples {
        Samples::Luma(format) if format.full_range => {
            filters.push("scale=in_range=full:out_range=limited:flags=accurate_rnd".to_owned());
        }
        Samples::Luma(_) => {}
        Samples::Rgb(_) => filters.push(OF_RGB.to_owned()),
    }
    filters.push(format!("format={pixels}"));
    command.args(["-c:v", "prores_ks", "-profile:v", profile, "-vendor", "apl0"]);
}

fn h264(command: &mut Command, filters: &mut Vec<String>, probe: &Probe) {
    // Halved chroma needs even sides.
    if let Samples::Rgb(_) = probe.coding.samples {
        filters.push(OF_RGB.to_owned());
    }
    let (width, height) = probe.coding.samples.size();
    let is_even = width.is_multiple_of(2) && height.is_multiple_of(2);
    filters.push(format!("format={}", if is_even { "yuv420p" } else { "yuv444p" }));
    command.args(["-c:v", "libx264", "-preset", "medium", "-crf", "18"]);
}

/// Ticks a second. Evenly spaced frames get times without the rounding to milliseconds.
fn ticks(probe: &Probe, times: &[FrameTime], filters: &mut Vec<String>) -> u64 {
    let Some((over, under)) = probe.rate.filter(|rate| are_even(*rate, times)) else {
        return 1000;
    };
    let factor = LEAST_TICKS.div_ceil(over);
    let (ticks, step) = (over * factor, under * factor);
    let begins = times.first().map_or(0, |time| time.milliseconds);
    let begins = (i128::from(begins) * i128::from(ticks) + 500) / 1000;
    filters.push(format!("settb=1/{ticks},setpts=N*{step}+{begins}"));
    ticks
}

fn are_even((over, under): (u64, u64), times: &[FrameTime]) -> bool {
    let Some(first) = times.first() else { return false };
    times.iter().zip(0_u64..).all(|(time, frame)| {
        let expected = (frame as f64 * 1000.0 * under as f64 / over as f64).round() as i64;
        (time.milliseconds - first.milliseconds - expected).abs() <= 1
    })
}

fn sound(command: &mut Command, codec: Codec, probe: &Probe) {
    for (at, track) in probe.sound.iter().enumerate() {
        command.args([&format!("-c:a:{at}"), carried::sound(codec, track)]);
    }
}

/// Takes those that the copy holds of the ones that the film has.
fn subtitles(command: &mut Command, codec: Codec, probe: &Probe) {
    let has_film = |stream: &&Stream| carried::subtitles(Codec::Ffv1, stream).is_some();
    let of_film = probe.subtitles.iter().filter(has_film).enumerate();
    let held = of_film.filter_map(|(at, stream)| Some((at, carried::subtitles(codec, stream)?)));
    for (to, (at, becomes)) in held.enumerate() {
        command.args(["-map", &format!("0:s:{at}"), &format!("-c:s:{to}"), becomes]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evenly_spaced_frames_are_told_from_others() {
        let time = |milliseconds| FrameTime { milliseconds, md5: [0; 16] };
        assert!(are_even((24000, 1001), &[21, 63, 104, 146].map(time)));
        assert!(!are_even((24000, 1001), &[21, 63, 104, 188].map(time)));
    }
}
