//! Sound of a result, beside that of its source.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::frames::{TimeBase, frame_line, time_base};
use super::probe::{Probe, file};
use super::tools::Tool;
use crate::error::{Error, Result};
use crate::stop::{Stop, Stoppable};

/// Milliseconds by which times may differ that both are rounded.
const ROUNDING: i64 = 1;

/// Packets of the tracks of sound, in order: milliseconds and MD5.
type Packets = Vec<Vec<(i64, [u8; 16])>>;

/// How the sound of `film` differs from the source's, all of which comes `shift` milliseconds later
/// there.
pub(super) fn difference(
    probe: &Probe,
    film: &Path,
    shift: i64,
    stop: &Stop,
) -> Result<Option<String>> {
    if probe.sound.is_empty() {
        return Ok(None);
    }
    let expected = packets(&probe.path, probe, probe.begins, stop)?;
    let found = packets(film, probe, 0, stop)?;
    let same = |(found, expected): (&Vec<_>, &Vec<_>)| {
        let md5 = |packet: &(i64, [u8; 16])| packet.1;
        found.len() == expected.len() && found.iter().map(md5).eq(expected.iter().map(md5))
    };
    if found.len() != expected.len() {
        return Ok(Some(format!("{} tracks of sound in place of {}", found.len(), expected.len())));
    }
    if !found.iter().zip(&expected).all(same) {
        // Some containers wrap packets otherwise: what counts is how they sound.
        let decoded = (decoded(&probe.path, probe, stop)?, decoded(film, probe, stop)?);
        if decoded.0 != decoded.1 {
            return Ok(Some("its sound is another".to_owned()));
        }
    }
    let late = |(found, expected): (&Vec<(i64, _)>, &Vec<(i64, _)>)| {
        let (Some(found), Some(expected)) = (found.first(), expected.first()) else { return false };
        (found.0 - expected.0 - shift).abs() > ROUNDING
    };
    if found.iter().zip(&expected).any(late) {
        return Ok(Some("its sound begins at another time beside its pictures".to_owned()));
    }
    Ok(None)
}

fn reading(path: &Path, probe: &Probe) -> Command {
    let mut command = Tool::Ffmpeg.command();
    command.args(["-protocol_whitelist", "file,pipe", "-copyts", "-i"]).arg(file(path));
    if path == probe.path {
        for stream in &probe.sound {
            command.args(["-map", &format!("0:{}", stream.index)]);
        }
    } else {
        command.args(["-map", "0:a?"]);
    }
    command.stdout(Stdio::piped());
    command
}

fn packets(path: &Path, probe: &Probe, begins: i64, stop: &Stop) -> Result<Packets> {
    let mut command = reading(path, probe);
    command.args(["-c", "copy", "-f", "framemd5", "pipe:1"]);
    let mut running = Tool::Ffmpeg.start(command, path, |_| {})?;
    let (mut bases, mut tracks) = (BTreeMap::<u64, TimeBase>::new(), BTreeMap::new());
    for line in BufReader::new(Stoppable::new(running.stdout(), stop)).lines() {
        let line = line.map_err(Error::io(path, "read"))?;
        if let Some((track, base)) = time_base(&line) {
            bases.insert(track, base);
            tracks.insert(track, Vec::new());
        } else if let Some(packet) = frame_line(&line)
            && let Some(base) = bases.get(&packet.stream)
            && let Some(track) = tracks.get_mut(&packet.stream)
        {
            track.push((base.milliseconds(packet.ticks, begins), packet.md5));
        }
    }
    running.end(stop)?; // what it complains of was told by the decode of the film, or shows here
    Ok(tracks.into_values().collect())
}

/// A checksum of each track, decoded.
fn decoded(path: &Path, probe: &Probe, stop: &Stop) -> Result<Vec<u8>> {
    let mut command = reading(path, probe);
    command.args(["-c:a", "pcm_f32le", "-f", "streamhash", "-hash", "md5", "pipe:1"]);
    let output = Tool::Ffmpeg.output(command, path, stop)?;
    Ok(output.stdout)
}
