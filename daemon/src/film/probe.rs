//! What a film is, before a frame of it is read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::canvas::Samples;
use super::dpx::{self, Head};
use super::format::Coding;
use super::notice::FilmNotice;
use super::refusal::Refusal;
use super::tools::Tool;
use super::turn::Turn;
use crate::error::{Error, Result};
use crate::plan::Sequence;
use crate::stop::Stop;

/// Frames a second of numbered files that tell none.
const USUAL_RATE: (u64, u64) = (24, 1);

/// Containers that name other files in place of pictures.
const LISTS: &[&str] =
    &["hls", "dash", "concat", "concatf", "sdp", "imf", "rtsp", "webm_dash_manifest"];

/// Containers whose duration is written down, not estimated.
const INDEXED: &[&str] = &["mov", "matroska", "webm", "avi", "mxf"];

/// The tag of results by which they are known again.
pub(super) const WEIGHTS_TAG: &str = "COLORIZATION_WEIGHTS_SHA256";

/// Tags of a stream of pictures that tell of its old coding alone.
const OF_CODING: &[&str] = &[
    "encoder",
    "duration",
    "rotate",
    "bps",
    "number_of_frames",
    "number_of_bytes",
    "vendor_id",
    "handler_name",
    "alpha_mode",
];

/// A film as ffprobe tells it.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// As an absolute path; of numbered files their pattern.
    pub(super) path: PathBuf,
    /// Its frames, where they are numbered files.
    pub(super) numbered: Option<Numbered>,
    /// Number of the stream of pictures.
    pub(super) stream: u64,
    pub(super) coding: Coding,
    pub(super) turn: Turn,
    /// Frames a second, where they are evenly spaced as far as the head tells.
    pub(super) rate: Option<(u64, u64)>,
    /// Seconds of pictures that the container promises.
    pub(super) promised: Option<f64>,
    /// Seconds, for seeking and progress.
    pub(super) seconds: Option<f64>,
    /// Frames, for progress.
    pub(super) frames: Option<u64>,
    /// Microseconds at which the earliest stream begins.
    pub(super) begins: i64,
    pub(super) sound: Vec<Stream>,
    pub(super) subtitles: Vec<Stream>,
    pub(super) attachments: Vec<Stream>,
    /// Tags of the pictures that are of the film, not of its coding.
    pub(super) tags: Vec<(String, String)>,
    /// Whether it is a result of this program.
    pub(super) is_result: bool,
    pub(super) notices: Vec<FilmNotice>,
}

/// Numbered files that are frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered {
    pub(super) first: u64,
    pub(super) count: usize,
    /// Frames a second, as a fraction.
    pub(super) rate: (u64, u64),
    /// As heads tell it.
    pub(super) full_range: Option<bool>,
}

impl Numbered {
    /// What ffmpeg's demuxer is told.
    fn arguments(self) -> [String; 6] {
        let (over, under) = self.rate;
        [
            "-f",
            "image2",
            "-framerate",
            &format!("{over}/{under}"),
            "-start_number",
            &self.first.to_string(),
        ]
        .map(str::to_owned)
    }
}

/// A stream beside the pictures.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) index: u64,
    pub(super) codec: String,
    pub(super) tags: Value,
}

/// A path as ffmpeg takes it, whatever it begins with.
pub(super) fn file(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(path);
    name
}

/// Asks what a sequence of DPX files is, of which a user may tell the frame rate.
pub(super) fn probe_frames(
    sequence: &Sequence,
    rate: Option<(u64, u64)>,
    stop: &Stop,
) -> Result<Probe> {
    let first = sequence.frames[0].job.original().open()?;
    let mut bytes = [0; dpx::HEAD];
    let refuse = |refusal| Error::Film { path: first.shown().into(), refusal };
    first.read_exact_at(&mut bytes, 0).map_err(Error::io(first.shown(), "read"))?;
    let head = Head::read(&bytes).map_err(refuse)?;
    let (path, number) = sequence.as_pattern();
    let (known, count) = (rate.or(head.rate), sequence.frames.len());
    let (rate, full_range) = (known.unwrap_or(USUAL_RATE), head.full_range);
    let numbered = Numbered { first: number, count, rate, full_range };
    let mut probe = ask(&path, &sequence.shown, Some(numbered), stop)?;
    probe.tags.extend(head.timecode.map(|timecode| ("timecode".to_owned(), timecode)));
    if known.is_none() {
        probe.notices.push(FilmNotice::RateAssumed);
    }
    if head.has_more {
        probe.notices.push(FilmNotice::DpxUserDataLeftOut);
    }
    Ok(probe)
}

/// Asks what a film is; `shown` is its path as the user wrote it.
pub(super) fn probe(path: &Path, shown: &Path, stop: &Stop) -> Result<Probe> {
    let refuse = |refusal| Error::Film { path: shown.into(), refusal };
    if path.metadata().map_err(Error::io(shown, "read"))?.len() == 0 {
        return Err(refuse(Refusal::Empty));
    }
    ask(path, shown, None, stop)
}

fn ask(path: &Path, shown: &Path, numbered: Option<Numbered>, stop: &Stop) -> Result<Probe> {
    let refuse = |refusal| Error::Film { path: shown.into(), refusal };
    let mut command = Tool::Ffprobe.command();
    command.args(["-protocol_whitelist", "file", "-of", "json", "-show_format", "-show_streams"]);
    if let Some(numbered) = numbered {
        command.args(numbered.arguments());
    }
    command.arg("-i").arg(file(path));
    let output = Tool::Ffprobe.output(command, shown, stop)?;
    let mut told: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    if !output.ended.went_well || told["format"]["format_name"].is_null() {
        return Err(refuse(Refusal::Unreadable(output.ended.words())));
    }
    if let Some(Numbered { full_range, .. }) = numbered {
        for stream in told["streams"].as_array_mut().into_iter().flatten() {
            stream["color_transfer"] = Value::Null; // as its own head tells
            if let Some(full_range) = full_range {
                stream["color_range"] = if full_range { "pc" } else { "tv" }.into();
            }
        }
    }
    let mut probe = Probe::of(&told, path).map_err(refuse)?;
    probe.numbered = numbered;
    Ok(probe)
}

impl Probe {
    fn of(told: &Value, path: &Path) -> Result<Self, Refusal> {
        let format = told["format"]["format_name"].as_str().unwrap_or_default();
        if format.split(',').any(|name| LISTS.contains(&name)) {
            return Err(Refusal::List(format.to_owned()));
        }
        let streams = told["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is = |stream: &Value, kind: &str| stream["codec_type"] == kind;
        let is_cover = |stream: &Value| stream["disposition"]["attached_pic"] == 1;
        let mut pictures = streams.iter().filter(|stream| is(stream, "video") && !is_cover(stream));
        let Some(stream) = pictures.next() else {
            let sound = streams.iter().any(|stream| is(stream, "audio"));
            return Err(if sound { Refusal::SoundOnly } else { Refusal::NoPictures });
        };
        if stream["tags"]["alpha_mode"] == "1" {
            return Err(Refusal::Alpha);
        }
        refuse_fields(stream["field_order"].as_str().unwrap_or_default())?;
        let turn = Turn::of(stream)?;
        let (coding, assumed) = Coding::of(stream, turn)?;
        let of_kind = |kind| streams.iter().filter(|s| is(s, kind)).map(Stream::of).collect();
        let left_out = pictures.count() + streams.iter().filter(|s| is_cover(s)).count();
        let seconds = seconds(&told["format"]["duration"]).or(seconds(&stream["duration"]));
        let rate = rate(stream);
        let mut probe = Self {
            path: path.into(),
            numbered: None,
            stream: stream["index"].as_u64().unwrap_or_default(),
            turn,
            rate,
            promised: promised(stream, format),
            seconds,
            frames: frames(stream, seconds),
            begins: micros(&told["format"]["start_time"]),
            sound: of_kind("audio"),
            subtitles: of_kind("subtitle"),
            attachments: of_kind("attachment"),
            tags: tags(stream, &told["format"], streams),
            is_result: has_tag(&told["format"]["tags"], WEIGHTS_TAG),
            coding,
            notices: Vec::new(),
        };
        probe.tell(assumed, left_out);
        let data = data_left_out(stream, streams, &probe.tags);
        probe.notices.extend(data.map(FilmNotice::DataLeftOut));
        Ok(probe)
    }

    fn tell(&mut self, assumed: Vec<FilmNotice>, left_out: usize) {
        self.notices = assumed;
        if matches!(self.coding.samples, Samples::Rgb(_)) {
            self.notices.push(FilmNotice::LightnessKept);
        }
        if !self.turn.filters.is_empty() {
            self.notices.push(FilmNotice::TurnedUpright);
        }
        if left_out > 0 {
            self.notices.push(FilmNotice::PicturesLeftOut(left_out));
        }
    }

    /// Adds the film to what ffmpeg or ffprobe read.
    pub(super) fn input(&self, command: &mut Command) {
        if let Some(numbered) = self.numbered {
            command.args(numbered.arguments());
        }
        command.arg("-i").arg(file(&self.path));
    }
}

impl Stream {
    fn of(stream: &Value) -> Self {
        Self {
            index: stream["index"].as_u64().unwrap_or_default(),
            codec: stream["codec_name"].as_str().unwrap_or_default().to_owned(),
            tags: stream["tags"].clone(),
        }
    }
}

fn refuse_fields(order: &str) -> Result<(), Refusal> {
    match order {
        "tt" | "tb" => Err(Refusal::Interlaced("the upper field first")),
        "bb" | "bt" => Err(Refusal::Interlaced("the lower field first")),
        _ => Ok(()),
    }
}

fn seconds(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok().filter(|seconds: &f64| *seconds > 0.0)
}

/// Seconds as text, in microseconds.
pub(super) fn micros(value: &Value) -> i64 {
    let seconds: f64 = value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    (seconds * 1e6).round() as i64
}

fn ratio(value: &Value) -> Option<(u64, u64)> {
    let (over, under) = value.as_str()?.split_once('/')?;
    let ratio = (over.parse().ok()?, under.parse().ok()?);
    (ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
}

/// The rate, where frames are evenly spaced as far as the head tells.
fn rate(stream: &Value) -> Option<(u64, u64)> {
    let (least, mean) = (ratio(&stream["r_frame_rate"]), ratio(&stream["avg_frame_rate"]));
    least.filter(|least| mean.is_none_or(|mean| mean == *least))
}

fn frames(stream: &Value, seconds: Option<f64>) -> Option<u64> {
    let counted = stream["nb_frames"].as_str().and_then(|text| text.parse().ok());
    counted.or_else(|| {
        let (over, under) = ratio(&stream["avg_frame_rate"]).or(ratio(&stream["r_frame_rate"]))?;
        Some((seconds? * over as f64 / under as f64).round() as u64)
    })
}

/// Seconds of pictures that a container with an index promises.
fn promised(stream: &Value, format: &str) -> Option<f64> {
    if !format.split(',').any(|name| INDEXED.contains(&name)) {
        return None;
    }
    let tagged = || {
        let text = find_tag(&stream["tags"], "DURATION")?;
        let mut parts = text.split(':').map(|part| part.parse::<f64>().ok());
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        // It is the time of the end.
        let begins = stream["start_time"].as_str().and_then(|text| text.parse().ok());
        Some((hours * 60.0 + minutes) * 60.0 + seconds - begins.unwrap_or(0.0))
    };
    seconds(&stream["duration"]).or_else(tagged)
}

fn find_tag<'a>(tags: &'a Value, name: &str) -> Option<&'a str> {
    let found = tags.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found?.1.as_str()
}

fn has_tag(tags: &Value, name: &str) -> bool {
    find_tag(tags, name).is_some()
}

/// Tags of the pictures that are of the film, with its timecode wherever that stands.
fn tags(stream: &Value, format: &Value, streams: &[Value]) -> Vec<(String, String)> {
    let own = stream["tags"].as_object();
    let is_of_coding = |key: &str| {
        let key = key.to_lowercase();
        OF_CODING.contains(&key.as_str()) || key.starts_with('_') || key.ends_with("-eng")
    };
    let mut tags: Vec<(String, String)> = own
        .into_iter()
        .flatten()
        .filter(|(key, _)| !is_of_coding(key))
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    if !tags.iter().any(|(key, _)| key.eq_ignore_ascii_case("timecode")) {
        let mut places = streams.iter().map(|stream| &stream["tags"]).chain([&format["tags"]]);
        if let Some(timecode) = places.find_map(|tags| find_tag(tags, "timecode")) {
            tags.push(("timecode".to_owned(), timecode.to_owned()));
        }
    }
    tags
}

/// Names of streams that are neither pictures, sound, subtitles nor attachments, and of what lies within
/// the pictures; `None`: there are none but timecodes, which are carried as a tag, and chapters, which are
/// read as such.
fn data_left_out(pictures: &Value, streams: &[Value], tags: &[(String, String)]) -> Option<String> {
    let is_other = |stream: &&Value| {
        let kind = stream["codec_type"].as_str().unwrap_or_default();
        !["video", "audio", "subtitle", "attachment"].contains(&kind)
    };
    let is_carried = |stream: &Value| match stream["codec_tag_string"].as_str() {
        Some("tmcd") => find_tag(&stream["tags"], "timecode")
            .is_some_and(|timecode| tags.iter().any(|(_, value)| value == timecode)),
        // As such ffmpeg knows the text of chapters of MOV.
        Some("text" | "tx3g") => stream["codec_name"] == "bin_data",
        _ => false,
    };
    let left_out = streams.iter().filter(is_other).filter(|stream| !is_carried(stream));
    let has_captions = pictures["closed_captions"] == 1;
    let captions = has_captions.then_some("closed captions");
    let names: Vec<&str> = left_out.map(name_of_data).chain(captions).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The codec, else what the container calls it.
fn name_of_data(stream: &Value) -> &str {
    let is_name = |tag: &&str| tag.trim().len() > 1 && !tag.contains('[');
    let codec = stream["codec_name"].as_str().filter(|name| *name != "unknown");
    let tag = || stream["codec_tag_string"].as_str().filter(is_name);
    codec.or_else(tag).unwrap_or("of unknown kind").trim()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(stream: Value) -> Result<Probe, Refusal> {
        let mut picture = json!({"index": 1, "codec_type": "video", "width": 8, "height": 6,
            "pix_fmt": "gray", "color_range": "tv", "r_frame_rate": "25/1",
            "avg_frame_rate": "25/1"});
        for (key, value) in stream.as_object().unwrap() {
            picture[key] = value.clone();
        }
        let cover = json!({"index": 0, "codec_type": "video", "disposition": {"attached_pic": 1}});
        let told = json!({"streams": [cover, picture],
            "format": {"format_name": "matroska,webm", "start_time": "0.021000",
                "tags": {"timecode": "10:00:00:00"}}});
        Probe::of(&told, Path::new("/a.mkv"))
    }

    #[test]
    fn the_pictures_are_told_from_a_cover() {
        let probe = told(json!({})).unwrap();
        assert_eq!((probe.stream, probe.begins, probe.rate), (1, 21_000, Some((25, 1))));
        assert_eq!(probe.notices, [FilmNotice::PicturesLeftOut(1)]);
        assert_eq!(probe.tags, [("timecode".to_owned(), "10:00:00:00".to_owned())]);
    }

    #[test]
    fn data_is_left_out_but_timecodes_that_are_tags_and_chapters() {
        let timecode = |timecode: &str| {
            json!({"codec_type": "data", "codec_tag_string": "tmcd",
                "tags": {"timecode": timecode}})
        };
        let chapters = json!({"codec_type": "data", "codec_name": "bin_data",
            "codec_tag_string": "text"});
        let tags = [("timecode".to_owned(), "10:00:00:00".to_owned())];
        let carried = [timecode("10:00:00:00"), chapters, json!({"codec_type": "audio"})];
        assert_eq!(data_left_out(&json!({"closed_captions": 0}), &carried, &tags), None);
        let left_out = [
            timecode("01:00:00:00"),
            json!({"codec_type": "data", "codec_name": "klv"}),
            json!({"codec_type": "data", "codec_tag_string": "gpmd"}),
            json!({"codec_tag_string": "[6][0][0][0]"}),
        ];
        let told = data_left_out(&json!({"closed_captions": 1}), &left_out, &tags);
        assert_eq!(told.as_deref(), Some("tmcd, klv, gpmd, of unknown kind, closed captions"));
    }

    #[test]
    fn a_rate_is_told_only_where_frames_are_evenly_spaced() {
        assert_eq!(told(json!({"avg_frame_rate": "156/23"})).unwrap().rate, None);
        assert_eq!(told(json!({"avg_frame_rate": "0/0"})).unwrap().rate, Some((25, 1)));
    }

    #[test]
    fn what_is_promised_is_the_length_of_the_pictures() {
        let tagged = json!({"start_time": "0.021", "tags": {"DURATION": "00:01:02.621000000"}});
        assert!((told(tagged).unwrap().promised.unwrap() - 62.6).abs() < 1e-9);
        assert_eq!(told(json!({"duration": "2.5"})).unwrap().promised, Some(2.5));
        assert_eq!(told(json!({})).unwrap().promised, None);
    }

    #[test]
    fn fields_alpha_and_sound_alone_are_refused() {
        assert!(matches!(told(json!({"field_order": "tb"})), Err(Refusal::Interlaced(_))));
        assert!(matches!(told(json!({"tags": {"alpha_mode": "1"}})), Err(Refusal::Alpha)));
        assert!(matches!(told(json!({"codec_type": "audio"})), Err(Refusal::SoundOnly)));
    }
}
