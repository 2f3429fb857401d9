//! What lies beside the pictures of a film and gets into its result: as it is, as something near to it,
//! or not at all, by what the result's container holds.

use super::notice::FilmNotice;
use super::probe::{Probe, Stream};
use crate::cli::Codec;

/// Sound that MOV holds as it is, beside PCM.
const SOUND_IN_MOV: &[&str] = &["aac", "ac3", "eac3", "alac", "mp3", "mp2"];
/// Sound that MP4 holds as it is.
const SOUND_IN_MP4: &[&str] = &["aac", "ac3", "eac3", "alac", "mp3"];

/// Subtitles that Matroska holds as they are.
const SUBTITLES_IN_MATROSKA: &[&str] = &[
    "subrip",
    "srt",
    "text",
    "ass",
    "ssa",
    "webvtt",
    "dvd_subtitle",
    "dvb_subtitle",
    "hdmv_pgs_subtitle",
    "hdmv_text_subtitle",
    "arib_caption",
];

/// The only subtitles that MOV and MP4 hold, and those that ffmpeg makes such of.
const TIMED_TEXT: &str = "mov_text";
const TEXTS: &[&str] = &["subrip", "srt", "text", "ass", "ssa", "webvtt", TIMED_TEXT];

/// What ffmpeg is told where a stream gets into the result as it is.
const AS_IT_IS: &str = "copy";

/// ffmpeg's name of what a track of sound becomes.
pub(super) fn sound(codec: Codec, track: &Stream) -> &'static str {
    let name = track.codec.as_str();
    match codec {
        Codec::Ffv1 => AS_IT_IS,
        Codec::H264 if SOUND_IN_MP4.contains(&name) => AS_IT_IS,
        Codec::H264 => "aac",
        Codec::Prores if SOUND_IN_MOV.contains(&name) || name.starts_with("pcm_") => AS_IT_IS,
        Codec::Prores => "pcm_s24le",
    }
}

/// ffmpeg's name of what subtitles become; `None`: they are left out.
pub(super) fn subtitles(codec: Codec, subtitles: &Stream) -> Option<&'static str> {
    let name = subtitles.codec.as_str();
    match codec {
        Codec::Ffv1 if name == TIMED_TEXT => Some("srt"),
        Codec::Ffv1 => SUBTITLES_IN_MATROSKA.contains(&name).then_some(AS_IT_IS),
        Codec::Prores | Codec::H264 => TEXTS.contains(&name).then_some(TIMED_TEXT),
    }
}

/// What of a film does not get into its result, or not as it is.
pub(super) fn notices(codec: Codec, probe: &Probe) -> Vec<FilmNotice> {
    let (kept, left_out): (Vec<&Stream>, Vec<&Stream>) =
        probe.subtitles.iter().partition(|stream| subtitles(codec, stream).is_some());
    let anew = probe.sound.iter().filter(|track| sound(codec, track) != AS_IT_IS);
    let is_converted = kept.iter().any(|stream| subtitles(codec, stream) != Some(AS_IT_IS));
    let is_copy = codec != Codec::Ffv1;
    let attachments = if is_copy { probe.attachments.len() } else { 0 };
    let heads = (is_copy && probe.numbered.is_some()).then_some(FilmNotice::DpxHeadsLeftOut);
    [
        names(left_out).map(FilmNotice::SubtitlesLeftOut),
        is_converted.then_some(FilmNotice::SubtitlesConverted(text_of(codec))),
        names(anew).map(FilmNotice::SoundConverted),
        (attachments > 0).then_some(FilmNotice::AttachmentsLeftOut(attachments)),
        heads,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What subtitles become that the result does not hold as they are, in words.
fn text_of(codec: Codec) -> &'static str {
    match codec {
        Codec::Ffv1 => "SubRip, without their styles",
        Codec::Prores | Codec::H264 => "timed text of MP4, with the simplest of their styles",
    }
}

/// The names of streams' codecs; `None`: there are no streams.
fn names<'a>(streams: impl IntoIterator<Item = &'a Stream>) -> Option<String> {
    let names: Vec<&str> = streams.into_iter().map(|stream| stream.codec.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn stream(codec: &str) -> Stream {
        Stream { index: 0, codec: codec.to_owned(), tags: Value::Null }
    }

    #[test]
    fn subtitles_that_are_pictures_are_in_matroska_alone() {
        let becomes = |name| {
            [Codec::Ffv1, Codec::Prores, Codec::H264].map(|codec| subtitles(codec, &stream(name)))
        };
        assert_eq!(becomes("hdmv_pgs_subtitle"), [Some(AS_IT_IS), None, None]);
        assert_eq!(becomes("ass"), [Some(AS_IT_IS), Some(TIMED_TEXT), Some(TIMED_TEXT)]);
        assert_eq!(becomes(TIMED_TEXT), [Some("srt"), Some(TIMED_TEXT), Some(TIMED_TEXT)]);
        assert_eq!(becomes("eia_608"), [None; 3]);
    }

    #[test]
    fn sound_stays_where_the_container_holds_it() {
        let becomes = |name| {
            [Codec::Ffv1, Codec::Prores, Codec::H264].map(|codec| sound(codec, &stream(name)))
        };
        assert_eq!(becomes("aac"), [AS_IT_IS; 3]);
        assert_eq!(becomes("pcm_s16le"), [AS_IT_IS, AS_IT_IS, "aac"]);
        assert_eq!(becomes("opus"), [AS_IT_IS, "pcm_s24le", "aac"]);
    }
}
