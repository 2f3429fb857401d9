//! Frames of two fields, which are not handled. A head may not tell of them, and they may begin
//! anywhere: each frame says it of itself.

use std::path::Path;

use serde_json::Value;

use super::already;
use super::probe::{Probe, micros};
use super::refusal::Refusal;
use super::tools::Tool;
use crate::error::{Error, Result};
use crate::stop::Stop;

/// ffmpeg's filter that passes interlaced frames alone.
pub(super) const ALONE: &str = "select=not(eq(interlace_type\\,PROGRESSIVE))";

/// Frames that are asked at the beginning, and at places over the length.
const FIRST: u32 = 50;
const AT_A_PLACE: u32 = 5;

/// Asks some frames of a film, so that most films are refused before one of their frames is colored;
/// all are asked when they are decoded.
pub(super) fn refuse(probe: &Probe, shown: &Path, stop: &Stop) -> Result<()> {
    let mut command = Tool::Ffprobe.command();
    command.args(["-protocol_whitelist", "file", "-of", "json"]);
    command.args(["-read_intervals", &intervals(probe)]);
    command.args(["-show_entries", "frame=interlaced_frame,best_effort_timestamp_time"]);
    command.arg("-select_streams").arg(probe.stream.to_string());
    probe.input(&mut command);
    let output = Tool::Ffprobe.output(command, shown, stop)?;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let frames = told["frames"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(found) = frames.iter().find(|frame| frame["interlaced_frame"] == 1) else {
        return Ok(());
    };
    let after = micros(&found["best_effort_timestamp_time"]) - probe.begins;
    let refusal = Refusal::InterlacedFrame { milliseconds: after.div_euclid(1000) };
    Err(Error::Film { path: shown.into(), refusal })
}

/// Which frames ffprobe reads.
fn intervals(probe: &Probe) -> String {
    let begins = probe.begins as f64 / 1e6;
    let places = already::places(probe.seconds).into_iter();
    let places = places.map(|at| format!("{:.3}%+#{AT_A_PLACE}", begins + at));
    let intervals: Vec<String> = [format!("%+#{FIRST}")].into_iter().chain(places).collect();
    intervals.join(",")
}
