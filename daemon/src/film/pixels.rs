//! Pixel formats of films by ffmpeg's names: depth, colors, and how planes are made of them.

use polychromify_core::ChromaShape;

use super::refusal::Refusal;

/// What a pixel's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    Gray,
    /// Luma, and chroma that is sampled so.
    Yuv(ChromaShape),
    Rgb,
}

/// A pixel format whose samples are taken as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    /// Bits of a sample.
    pub(super) depth: u8,
    pub(super) model: Model,
    /// Whether the name itself says full range.
    pub(super) full_range: bool,
    /// The planar format of the same samples, where they come in another arrangement.
    pub(super) planar: Option<String>,
}

/// Names of planes, before their depth; of chroma, the shape that results get.
const PLANES: &[(&str, Model)] = &[
    ("gray", Model::Gray),
    ("gbrp", Model::Rgb),
    ("yuv420p", Model::Yuv(ChromaShape::S420)),
    ("yuv422p", Model::Yuv(ChromaShape::S422)),
    ("yuv444p", Model::Yuv(ChromaShape::S444)),
    // Results get the next finer one that there is.
    ("yuv410p", Model::Yuv(ChromaShape::S420)),
    ("yuv411p", Model::Yuv(ChromaShape::S422)),
    ("yuv440p", Model::Yuv(ChromaShape::S444)),
];

/// Other arrangements of the same samples. ffmpeg changes none of them on the way to planes, as the tests
/// below see. It knows no way of nv16, nv20, uyyvyy411 and y210be, and one with loss of x2rgb10le.
const ARRANGED: &[(&str, &str)] = &[
    ("nv12", "yuv420p"),
    ("nv21", "yuv420p"),
    ("nv24", "yuv444p"),
    ("nv42", "yuv444p"),
    ("uyvy422", "yuv422p"),
    ("yuyv422", "yuv422p"),
    ("yvyu422", "yuv422p"),
    ("p010le", "yuv420p10le"),
    ("p010be", "yuv420p10le"),
    ("p210le", "yuv422p10le"),
    ("p210be", "yuv422p10le"),
    ("p410le", "yuv444p10le"),
    ("p410be", "yuv444p10le"),
    ("p016le", "yuv420p16le"),
    ("p016be", "yuv420p16le"),
    ("p216le", "yuv422p16le"),
    ("p216be", "yuv422p16le"),
    ("p416le", "yuv444p16le"),
    ("p416be", "yuv444p16le"),
    ("y210le", "yuv422p10le"),
    ("rgb24", "gbrp"),
    ("bgr24", "gbrp"),
    ("rgb0", "gbrp"),
    ("bgr0", "gbrp"),
    ("0rgb", "gbrp"),
    ("0bgr", "gbrp"),
    ("rgb48le", "gbrp16le"),
    ("rgb48be", "gbrp16le"),
    ("bgr48le", "gbrp16le"),
    ("bgr48be", "gbrp16le"),
];

/// Depths that FFV1 and the pipe to it have.
const DEPTHS: &[(&str, u8)] =
    &[("", 8), ("9le", 9), ("10le", 10), ("12le", 12), ("14le", 14), ("16le", 16)];

impl Pixels {
    /// Reads a name.
    pub(super) fn of(name: &str) -> Result<Self, Refusal> {
        if name.starts_with("yuva") || ["rgba", "bgra", "argb", "abgr", "ya8"].contains(&name) {
            return Err(Refusal::Alpha);
        }
        if ["gbrap", "rgba64", "bgra64", "ya16"].iter().any(|start| name.starts_with(start)) {
            return Err(Refusal::Alpha);
        }
        if let Some(planar) = planar(name)
            && let Some(pixels) = Self::planar(&planar)
        {
            return Ok(Self { planar: Some(planar), ..pixels });
        }
        Self::planar(name).ok_or_else(|| {
            let rgb = ["rgb", "bgr", "gbr", "0rgb", "0bgr", "pal8", "x2rgb", "x2bgr"];
            if rgb.iter().any(|start| name.starts_with(start)) {
                Refusal::Rgb(name.to_owned())
            } else {
                Refusal::PixelFormat(name.to_owned())
            }
        })
    }

    fn planar(name: &str) -> Option<Self> {
        let full_range = name.starts_with("yuvj");
        let plain = name.replacen("yuvj", "yuv", 1);
        PLANES.iter().find_map(|(start, model)| {
            let depth = plain.strip_prefix(start).and_then(depth)?;
            Some(Self { depth, model: *model, full_range, planar: None })
        })
    }

    /// ffmpeg's filters that give luma, or planes of green, blue and red, and change no sample.
    pub(super) fn planes(&self) -> String {
        let planar = self.planar.as_ref().map(|planar| format!("format={planar}"));
        let luma = (self.model != Model::Rgb).then(|| "extractplanes=y".to_owned());
        let filters: Vec<String> = planar.into_iter().chain(luma).collect();
        if filters.is_empty() { "null".to_owned() } else { filters.join(",") }
    }
}

/// The planar format of samples in another arrangement or order of bytes.
fn planar(name: &str) -> Option<String> {
    let arranged = ARRANGED.iter().find(|(arranged, _)| *arranged == name);
    let ordered = || Some(format!("{}le", name.strip_suffix("be")?));
    arranged.map(|(_, planar)| (*planar).to_owned()).or_else(ordered)
}

fn depth(end: &str) -> Option<u8> {
    DEPTHS.iter().find(|(name, _)| *name == end).map(|(_, depth)| *depth)
}

#[cfg(test)]
mod tests;
