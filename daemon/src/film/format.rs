//! How a film's samples are coded, and what its result is tagged with.

use polychromify_core::{ChromaShape, FrameFormat, Matrix, RgbFormat};
use serde_json::Value;

use super::canvas::Samples;
use super::notice::FilmNotice;
use super::pixels::{Model, Pixels};
use super::refusal::Refusal;
use super::turn::Turn;

/// Rows from which on a film without a tag is taken for BT.709.
const HIGH_DEFINITION: u32 = 720;

/// Transfer characteristics whose light a display of sRGB does not show.
const HIGH_DYNAMIC_RANGE: &[&str] = &[
    "smpte2084",
    "arib-std-b67",
    "bt2020-10",
    "bt2020-12",
    "smpte428",
    "linear",
    "log100",
    "log316",
];

/// Primaries of television, which RGB is shown with as if they were sRGB's.
const LIKE_SRGB: &[&str] = &["bt709", "smpte170m", "smpte240m", "bt470bg"];

/// Codecs of stills, whose gray is of full range.
const STILLS: &[&str] =
    &["dpx", "tiff", "png", "mjpeg", "jpeg2000", "targa", "bmp", "exr", "pgm", "jpegls"];

/// How a result's samples are coded, and its tags.
#[derive(Clone, Debug)]
pub(super) struct Coding {
    pub(super) samples: Samples,
    /// The source's pixels.
    pub(super) pixels: Pixels,
    /// The matrix by ffmpeg's name.
    space: String,
    primaries: Option<String>,
    transfer: Option<String>,
    /// Width and height of a pixel.
    aspect: Option<(u32, u32)>,
}

impl Coding {
    /// Reads what ffprobe tells of a stream.
    pub(super) fn of(stream: &Value, turn: Turn) -> Result<(Self, Vec<FilmNotice>), Refusal> {
        let side = |key: &str| stream[key].as_u64().and_then(|n| u32::try_from(n).ok());
        let (Some(width @ 1..), Some(height @ 1..)) = (side("width"), side("height")) else {
            return Err(Refusal::NoFrames);
        };
        let Some(name) = tag(stream, "pix_fmt") else { return Err(Refusal::NoFrames) };
        let pixels = Pixels::of(&name)?;
        let transfer = tag(stream, "color_transfer");
        if let Some(hdr) = transfer.as_deref().filter(|name| HIGH_DYNAMIC_RANGE.contains(name)) {
            return Err(Refusal::HighDynamicRange(hdr.to_owned()));
        }
        let primaries = tag(stream, "color_primaries");
        let size = if turn.on_side { (height, width) } else { (width, height) };
        let mut assumed = Vec::new();
        let (samples, space) = match pixels.model {
            Model::Rgb => (rgb(stream, &pixels, size, primaries.as_deref())?, "gbr".to_owned()),
            _ => luma(stream, &pixels, (size, turn), &mut assumed)?,
        };
        let aspect = aspect(stream).map(|(w, h)| if turn.on_side { (h, w) } else { (w, h) });
        Ok((Self { samples, pixels, space, primaries, transfer, aspect }, assumed))
    }

    /// Width and height as they are shown, in units of square pixels.
    pub(super) fn shown_size(&self) -> (f64, f64) {
        let (width, height) = self.aspect.unwrap_or((1, 1));
        let (columns, rows) = self.samples.size();
        (f64::from(columns) * f64::from(width), f64::from(rows) * f64::from(height))
    }

    /// ffmpeg's filters that make gray pictures of frames in luma, with 8 bits, and keep RGB.
    pub(super) fn as_picture(&self) -> String {
        let planes = self.pixels.planes();
        match &self.samples {
            Samples::Luma(FrameFormat { full_range: true, .. }) => format!("{planes},format=gray"),
            Samples::Luma(_) => {
                let full = "round(clip((val-16)*255/219\\,0\\,255))";
                format!("{planes},format=gray,lut=c0={full}")
            }
            Samples::Rgb(_) => "format=rgb24".to_owned(),
        }
    }

    /// ffmpeg's filters that give frames their tags, and change no sample.
    pub(super) fn tags(&self) -> String {
        let is_full = match &self.samples {
            Samples::Luma(format) => format.full_range,
            Samples::Rgb(_) => true,
        };
        let range = if is_full { "full" } else { "limited" };
        let mut tags = vec![format!("range={range}"), format!("colorspace={}", self.space)];
        tags.extend(self.primaries.as_ref().map(|name| format!("color_primaries={name}")));
        let transfer = self.transfer.as_deref().map(|name| match name {
            "gamma22" => "bt470m",
            "gamma28" => "bt470bg",
            name => name,
        });
        tags.extend(transfer.map(|name| format!("color_trc={name}")));
        let mut filters = vec![format!("setparams={}", tags.join(":"))];
        filters.extend(self.aspect.map(|(width, height)| format!("setsar={width}/{height}")));
        filters.join(",")
    }
}

/// A tag that says something.
fn tag(stream: &Value, key: &str) -> Option<String> {
    let value = stream[key].as_str().unwrap_or_default();
    (!["", "unknown", "unspecified", "reserved"].contains(&value)).then(|| value.to_owned())
}

/// How luma is coded, and the matrix by ffmpeg's name.
fn luma(
    stream: &Value,
    pixels: &Pixels,
    ((width, height), turn): ((u32, u32), Turn),
    assumed: &mut Vec<FilmNotice>,
) -> Result<(Samples, String), Refusal> {
    let is_gray = pixels.model == Model::Gray;
    let space = tag(stream, "color_space").unwrap_or_else(|| {
        let high = width.min(height) >= HIGH_DEFINITION;
        let (space, words) = if high { ("bt709", "BT.709") } else { ("smpte170m", "BT.601") };
        if !is_gray {
            assumed.push(FilmNotice::MatrixAssumed(words));
        }
        space.to_owned()
    });
    let full_range = match tag(stream, "color_range").as_deref() {
        _ if pixels.full_range => true,
        Some(range) => range == "pc",
        None if is_gray => {
            let full = STILLS.contains(&stream["codec_name"].as_str().unwrap_or_default());
            assumed.push(FilmNotice::RangeAssumed(if full { "full" } else { "limited" }));
            full
        }
        None => false,
    };
    let chroma = match pixels.model {
        // Turned, its chroma would be halved the other way.
        Model::Yuv(ChromaShape::S422) if turn.on_side => ChromaShape::S444,
        Model::Yuv(shape) => shape,
        // A color for each pixel.
        Model::Gray | Model::Rgb => ChromaShape::S444,
    };
    let (depth, matrix) = (pixels.depth, matrix(&space)?);
    Ok((Samples::Luma(FrameFormat { width, height, depth, full_range, matrix, chroma }), space))
}

/// How RGB is coded.
fn rgb(
    stream: &Value,
    pixels: &Pixels,
    (width, height): (u32, u32),
    primaries: Option<&str>,
) -> Result<Samples, Refusal> {
    if tag(stream, "color_range").is_some_and(|range| range == "tv") {
        return Err(Refusal::RgbRange);
    }
    match primaries.filter(|name| !LIKE_SRGB.contains(name)) {
        Some(other) => Err(Refusal::RgbPrimaries(other.to_owned())),
        None => Ok(Samples::Rgb(RgbFormat { width, height, depth: pixels.depth })),
    }
}

fn matrix(space: &str) -> Result<Matrix, Refusal> {
    match space {
        "bt709" => Ok(Matrix::Bt709),
        "smpte170m" | "bt470bg" => Ok(Matrix::Bt601),
        "bt2020nc" => Ok(Matrix::Bt2020),
        other => Err(Refusal::Matrix(other.to_owned())),
    }
}

fn aspect(stream: &Value) -> Option<(u32, u32)> {
    let (width, height) = stream["sample_aspect_ratio"].as_str()?.split_once(':')?;
    let aspect = (width.parse().ok()?, height.parse().ok()?);
    (aspect.0 > 0 && aspect.1 > 0).then_some(aspect)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(stream: Value) -> Result<(Coding, Vec<FilmNotice>), Refusal> {
        Coding::of(&stream, Turn::default())
    }

    /// Of luma.
    fn frame(coding: &Coding) -> FrameFormat {
        match coding.samples {
            Samples::Luma(format) => format,
            Samples::Rgb(_) => panic!("RGB"),
        }
    }

    #[test]
    fn a_film_without_tags_is_bt601_when_small_and_bt709_when_large() {
        for (height, matrix, words) in
            [(576, Matrix::Bt601, "BT.601"), (720, Matrix::Bt709, "BT.709")]
        {
            let stream = json!({"width": 1280, "height": height, "pix_fmt": "yuv420p"});
            let (coding, assumed) = read(stream).unwrap();
            assert_eq!((frame(&coding).matrix, frame(&coding).full_range), (matrix, false));
            assert_eq!(assumed, [FilmNotice::MatrixAssumed(words)]);
        }
    }

    #[test]
    fn gray_gets_a_color_for_each_pixel_and_the_range_that_its_codec_has() {
        let stream = json!({"width": 8, "height": 6, "pix_fmt": "gray16le", "codec_name": "dpx"});
        let (coding, assumed) = read(stream).unwrap();
        assert_eq!((frame(&coding).depth, frame(&coding).chroma), (16, ChromaShape::S444));
        assert!(frame(&coding).full_range);
        assert_eq!(assumed, [FilmNotice::RangeAssumed("full")]);
        let stream = json!({"width": 8, "height": 6, "pix_fmt": "gray", "codec_name": "ffv1"});
        assert!(!frame(&read(stream).unwrap().0).full_range);
    }

    #[test]
    fn what_is_turned_on_its_side_has_its_pixels_turned_too() {
        let stream = json!({"width": 8, "height": 6, "pix_fmt": "yuv422p", "color_space": "bt709",
            "color_range": "tv", "sample_aspect_ratio": "16:15"});
        let turn = Turn { filters: "transpose=clock", on_side: true };
        let (coding, _) = Coding::of(&stream, turn).unwrap();
        assert_eq!(coding.samples.size(), (6, 8));
        assert_eq!(frame(&coding).chroma, ChromaShape::S444);
        assert_eq!(coding.tags(), "setparams=range=limited:colorspace=bt709,setsar=15/16");
    }

    #[test]
    fn rgb_is_of_full_range_and_of_the_primaries_of_an_srgb_display() {
        let stream = |range: &str, primaries: &str| {
            read(json!({"width": 8, "height": 6, "pix_fmt": "bgr0", "color_range": range,
                "color_primaries": primaries}))
        };
        let coding = stream("pc", "bt709").unwrap().0;
        assert_eq!(coding.samples, Samples::Rgb(RgbFormat { width: 8, height: 6, depth: 8 }));
        assert!(coding.tags().starts_with("setparams=range=full:colorspace=gbr"));
        assert_eq!(stream("tv", "unknown").unwrap_err(), Refusal::RgbRange);
        let refused = stream("pc", "smpte432").unwrap_err();
        assert_eq!(refused, Refusal::RgbPrimaries("smpte432".to_owned()));
    }

    #[test]
    fn high_dynamic_range_and_other_matrices_are_refused_by_name() {
        let stream = |key: &str, value: &str| {
            let mut stream = json!({"width": 8, "height": 6, "pix_fmt": "yuv420p10le"});
            stream[key] = value.into();
            read(stream).unwrap_err()
        };
        let hdr = stream("color_transfer", "smpte2084");
        assert_eq!(hdr, Refusal::HighDynamicRange("smpte2084".to_owned()));
        assert_eq!(stream("color_space", "ycgco"), Refusal::Matrix("ycgco".to_owned()));
    }
}
