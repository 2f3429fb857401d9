//! Shots become one film, without being encoded again, with the source's sound and all that belongs
//! to it, labelled as a machine's work.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use polychromify_core::SourceType;

use super::carried;
use super::dpx;
use super::frames::FrameTime;
use super::probe::{Probe, Stream, WEIGHTS_TAG, file};
use super::tools::Tool;
use super::work::{Shot, Work};
use crate::cli::Codec;
use crate::error::Result;
use crate::files::own;
use crate::files::temporary::Temporary;
use crate::plan::Sequence;
use crate::settings::SOFTWARE;
use crate::stop::Stop;

/// Tags of a container's kind, which the result is not of.
const OF_CONTAINER: &[&str] = &["major_brand", "minor_version", "compatible_brands", "encoder"];

/// What the label says.
#[derive(Clone, Debug)]
pub(super) struct FilmLabel {
    pub(super) weights: String,
    pub(super) weights_sha256: String,
    pub(super) source: String,
    pub(super) source_sha256: String,
    pub(super) settings: String,
    /// What of the frames stays: luma or lightness.
    pub(super) keeps: &'static str,
}

impl FilmLabel {
    /// As tags.
    pub(super) fn tags(&self) -> Vec<(&'static str, String)> {
        let term = SourceType::default().term();
        vec![
            ("COLORIZED_BY", SOFTWARE.to_owned()),
            ("COLORIZATION_WEIGHTS", self.weights.clone()),
            (WEIGHTS_TAG, self.weights_sha256.clone()),
            ("COLORIZATION_SETTINGS", self.settings.clone()),
            ("COLORIZATION_KEEPS", self.keeps.to_owned()),
            ("COLORIZATION_SOURCE", self.source.clone()),
            ("COLORIZATION_SOURCE_SHA256", self.source_sha256.clone()),
            (
                "DIGITAL_SOURCE_TYPE",
                format!("http://cv.iptc.org/newscodes/digitalsourcetype/{term}"),
            ),
        ]
    }
}

/// What is joined.
pub(super) struct Joining<'a> {
    pub(super) probe: &'a Probe,
    /// Where its frames are DPX files.
    pub(super) frames: Option<&'a Sequence>,
    pub(super) work: &'a Work,
    pub(super) times: &'a [FrameTime],
    pub(super) shots: &'a [Shot],
    pub(super) label: &'a FilmLabel,
}

impl Joining<'_> {
    /// Joins shots into a new Matroska file at `to`.
    pub(super) fn write(&self, to: &Path, stop: &Stop) -> Result<()> {
        let list = Temporary::new(self.work.temporary("list"));
        own::write_new(list.path(), self.list().as_bytes())?;
        let mut command = Tool::Ffmpeg.command();
        let begins = self.times.first().map_or(0, |time| time.milliseconds);
        // Times are kept as they are, so that nothing moves against the sound.
        command.args(["-copyts", "-itsoffset", &format!("{begins}ms")]);
        command.args(["-protocol_whitelist", "file", "-f", "concat", "-i"]).arg(file(list.path()));
        command.args(["-itsoffset", &format!("{}us", -self.probe.begins)]);
        command.args(["-protocol_whitelist", "file"]);
        self.probe.input(&mut command);
        command.args(["-map", "0:v:0", "-c", "copy", "-map_chapters", "1", "-map_metadata", "1"]);
        self.add_streams(&mut command);
        let heads = Temporary::new(self.work.temporary("heads"));
        if let Some(frames) = self.frames {
            dpx::write_heads(frames, heads.path())?;
            self.attach(heads.path(), &mut command);
        }
        self.add_tags(&mut command);
        command.args(["-fflags", "+bitexact", "-f", "matroska", "-y"]).arg(file(to));
        Tool::Ffmpeg.start(command, to, |line| log::debug!("ffmpeg: {line}"))?.end_in_room(stop)
    }

    /// The list that ffmpeg's format `concat` reads.
    fn list(&self) -> String {
        let time = |frame: u64| self.times.get(frame as usize).map(|time| time.milliseconds);
        let mut list = "ffconcat version 1.0\n".to_owned();
        for shot in self.shots {
            let _ = writeln!(list, "file '{}'", shot.name());
            // Of the last one nothing follows.
            if let (Some(begins), Some(ends)) = (time(shot.first), time(shot.first + shot.frames)) {
                let lasts = ends - begins;
                let _ = writeln!(list, "duration {}.{:03}", lasts / 1000, lasts % 1000);
            }
        }
        list
    }

    fn add_streams(&self, command: &mut Command) {
        let streams = self.probe.sound.iter().chain(&self.probe.attachments);
        for stream in streams {
            command.args(["-map", &format!("1:{}", stream.index)]);
        }
        for (at, (stream, becomes)) in self.subtitles().enumerate() {
            command.args(["-map", &format!("1:{}", stream.index)]);
            command.args([&format!("-c:s:{at}"), becomes]);
        }
        for (at, stream) in self.probe.attachments.iter().enumerate() {
            let has = |key: &str| {
                let tags = stream.tags.as_object();
                tags.is_some_and(|tags| tags.keys().any(|tag| tag.eq_ignore_ascii_case(key)))
            };
            for (key, value) in
                [("mimetype", "application/octet-stream"), ("filename", "attachment")]
            {
                if !has(key) {
                    command.args([&format!("-metadata:s:t:{at}"), &format!("{key}={value}")]);
                }
            }
        }
    }

    fn attach(&self, heads: &Path, command: &mut Command) {
        command.arg("-attach").arg(file(heads));
        for tag in ["mimetype=application/octet-stream", "filename=heads.dpx"] {
            command.args([&format!("-metadata:s:t:{}", self.probe.attachments.len()), tag]);
        }
    }

    /// Those that get into the result, and what they become.
    fn subtitles(&self) -> impl Iterator<Item = (&Stream, &'static str)> {
        let subtitles = self.probe.subtitles.iter();
        subtitles.filter_map(|stream| Some((stream, carried::subtitles(Codec::Ffv1, stream)?)))
    }

    fn add_tags(&self, command: &mut Command) {
        for tag in OF_CONTAINER {
            command.args(["-metadata", &format!("{tag}=")]);
        }
        for (key, value) in self.label.tags() {
            command.args(["-metadata", &format!("{key}={value}")]);
        }
        command.args(["-metadata:s:v:0", "ENCODER="]);
        for (key, value) in &self.probe.tags {
            command.args(["-metadata:s:v:0", &format!("{key}={value}")]);
        }
    }
}
