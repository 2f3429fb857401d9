//! How a film's samples are coded, and what its result is tagged with.

use polychromify_core::{FrameFormat, Matrix};
use serde_json::Value;

use super::pixels::Pixels;
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

/// Codecs of stills, whose gray is of full range.
const STILLS: &[&str] =
    &["dpx", "tiff", "png", "mjpeg", "jpeg2000", "targa", "bmp", "exr", "pgm", "jpegls"];

/// How a result's samples are coded, and its tags.
#[derive(Clone, Debug)]
pub(super) struct Coding {
    pub(super) frame: FrameFormat,
    /// The matrix by ffmpeg's name.
    space: String,
    primaries: Option<String>,
    transfer: Option<String>,
    /// Width and height of a pixel.
    aspect: Option<(u32, u32)>,
}

/// What was assumed of a film.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Assumed {
    /// A matrix that it does not tell.
    Matrix(&'static str),
    /// The range of gray.
    Range(&'static str),
}

impl Coding {
    /// Reads what ffprobe tells of a stream.
    pub(super) fn of(stream: &Value, turn: Turn) -> Result<(Self, Vec<Assumed>), Refusal> {
        let tag = |key: &str| {
            let value = stream[key].as_str().unwrap_or_default();
            (!["", "unknown", "unspecified", "reserved"].contains(&value)).then(|| value.to_owned())
        };
        let size = |key: &str| stream[key].as_u64().and_then(|n| u32::try_from(n).ok());
        let (Some(width @ 1..), Some(height @ 1..)) = (size("width"), size("height")) else {
            return Err(Refusal::NoFrames);
        };
        let Some(name) = tag("pix_fmt") else { return Err(Refusal::NoFrames) };
        let pixels = Pixels::of(&name)?;
        let transfer = tag("color_transfer");
        if let Some(hdr) = transfer.as_deref().filter(|name| HIGH_DYNAMIC_RANGE.contains(name)) {
            return Err(Refusal::HighDynamicRange(hdr.to_owned()));
        }
        let mut assumed = Vec::new();
        let space = tag("color_space").unwrap_or_else(|| {
            let high = width.min(height) >= HIGH_DEFINITION;
            let (space, words) = if high { ("bt709", "BT.709") } else { ("smpte170m", "BT.601") };
            if pixels.chroma.is_some() {
                assumed.push(Assumed::Matrix(words));
            }
            space.to_owned()
        });
        let full_range = match tag("color_range").as_deref() {
            _ if pixels.full_range => true,
            Some(range) => range == "pc",
            None if pixels.chroma.is_none() => {
                let full = STILLS.contains(&stream["codec_name"].as_str().unwrap_or_default());
                assumed.push(Assumed::Range(if full { "full" } else { "limited" }));
                full
            }
            None => false,
        };
        let (width, height) = if turn.on_side { (height, width) } else { (width, height) };
        let chroma = match pixels.result_shape() {
            // Turned, its chroma would be halved the other way.
            polychromify_core::ChromaShape::S422 if turn.on_side => {
                polychromify_core::ChromaShape::S444
            }
            shape => shape,
        };
        let (depth, matrix) = (pixels.depth, matrix(&space)?);
        let frame = FrameFormat { width, height, depth, full_range, matrix, chroma };
        let aspect = aspect(stream).map(|(w, h)| if turn.on_side { (h, w) } else { (w, h) });
        Ok((Self { frame, space, primaries: tag("color_primaries"), transfer, aspect }, assumed))
    }

    /// Width and height as they are shown, in units of square pixels.
    pub(super) fn shown_size(&self) -> (f64, f64) {
        let (width, height) = self.aspect.unwrap_or((1, 1));
        let FrameFormat { width: columns, height: rows, .. } = self.frame;
        (f64::from(columns) * f64::from(width), f64::from(rows) * f64::from(height))
    }

    /// ffmpeg's filters that give frames their tags, and change no sample.
    pub(super) fn tags(&self) -> String {
        let range = if self.frame.full_range { "full" } else { "limited" };
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
    use polychromify_core::ChromaShape;
    use serde_json::json;

    use super::*;

    fn read(stream: Value) -> Result<(Coding, Vec<Assumed>), Refusal> {
        Coding::of(&stream, Turn::default())
    }

    #[test]
    fn a_film_without_tags_is_bt601_when_small_and_bt709_when_large() {
        for (height, matrix, words) in
            [(576, Matrix::Bt601, "BT.601"), (720, Matrix::Bt709, "BT.709")]
        {
            let stream = json!({"width": 1280, "height": height, "pix_fmt": "yuv420p"});
            let (coding, assumed) = read(stream).unwrap();
            assert_eq!((coding.frame.matrix, coding.frame.full_range), (matrix, false));
            assert_eq!(assumed, [Assumed::Matrix(words)]);
        }
    }

    #[test]
    fn gray_gets_a_color_for_each_pixel_and_the_range_that_its_codec_has() {
        let stream = json!({"width": 8, "height": 6, "pix_fmt": "gray16le", "codec_name": "dpx"});
        let (coding, assumed) = read(stream).unwrap();
        assert_eq!((coding.frame.depth, coding.frame.chroma), (16, ChromaShape::S444));
        assert!(coding.frame.full_range);
        assert_eq!(assumed, [Assumed::Range("full")]);
        let stream = json!({"width": 8, "height": 6, "pix_fmt": "gray", "codec_name": "ffv1"});
        assert!(!read(stream).unwrap().0.frame.full_range);
    }

    #[test]
    fn what_is_turned_on_its_side_has_its_pixels_turned_too() {
        let stream = json!({"width": 8, "height": 6, "pix_fmt": "yuv422p", "color_space": "bt709",
            "color_range": "tv", "sample_aspect_ratio": "16:15"});
        let turn = Turn { filters: "transpose=clock", on_side: true };
        let (coding, _) = Coding::of(&stream, turn).unwrap();
        assert_eq!((coding.frame.width, coding.frame.height), (6, 8));
        assert_eq!(coding.frame.chroma, ChromaShape::S444);
        assert_eq!(coding.tags(), "setparams=range=limited:colorspace=bt709,setsar=15/16");
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
