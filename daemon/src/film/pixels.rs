//! Pixel formats of films by ffmpeg's names: depth, and how chroma is sampled.

use polychromify_core::ChromaShape;

use super::refusal::Refusal;

/// A pixel format that luma is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    /// Bits of a sample.
    pub(super) depth: u8,
    /// How chroma is sampled; `None`: there is none.
    pub(super) chroma: Option<ChromaShape>,
    /// Whether the name itself says full range.
    pub(super) full_range: bool,
}

/// Names of planar YUV, and the shape that results get.
const SHAPES: &[(&str, ChromaShape)] = &[
    ("yuv420p", ChromaShape::S420),
    ("yuv422p", ChromaShape::S422),
    ("yuv444p", ChromaShape::S444),
    // Results get the next finer one that there is.
    ("yuv410p", ChromaShape::S420),
    ("yuv411p", ChromaShape::S422),
    ("yuv440p", ChromaShape::S444),
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
        if let Some(depth) = name.strip_prefix("gray").and_then(depth) {
            return Ok(Self { depth, chroma: None, full_range: false });
        }
        let full_range = name.starts_with("yuvj");
        let plain = name.replacen("yuvj", "yuv", 1);
        let found = SHAPES.iter().find_map(|(start, shape)| {
            let depth = plain.strip_prefix(start).and_then(depth)?;
            Some(Self { depth, chroma: Some(*shape), full_range })
        });
        found.ok_or_else(|| {
            let rgb = ["rgb", "bgr", "gbr", "0rgb", "0bgr", "pal8", "x2rgb", "x2bgr"];
            if rgb.iter().any(|start| name.starts_with(start)) {
                Refusal::Rgb(name.to_owned())
            } else {
                Refusal::PixelFormat(name.to_owned())
            }
        })
    }

    /// What results have: gray gets a color for each pixel.
    pub(super) fn result_shape(self) -> ChromaShape {
        self.chroma.unwrap_or(ChromaShape::S444)
    }
}

fn depth(end: &str) -> Option<u8> {
    DEPTHS.iter().find(|(name, _)| *name == end).map(|(_, depth)| *depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_depth_shape_and_range() {
        let read = |name| Pixels::of(name).map(|p| (p.depth, p.chroma, p.full_range));
        assert_eq!(read("gray"), Ok((8, None, false)));
        assert_eq!(read("gray16le"), Ok((16, None, false)));
        assert_eq!(read("yuv420p"), Ok((8, Some(ChromaShape::S420), false)));
        assert_eq!(read("yuvj422p"), Ok((8, Some(ChromaShape::S422), true)));
        assert_eq!(read("yuv444p10le"), Ok((10, Some(ChromaShape::S444), false)));
    }

    #[test]
    fn what_is_not_handled_is_named() {
        assert_eq!(Pixels::of("yuva444p10le"), Err(Refusal::Alpha));
        assert_eq!(Pixels::of("gbrp10le"), Err(Refusal::Rgb("gbrp10le".to_owned())));
        assert_eq!(Pixels::of("bgr0"), Err(Refusal::Rgb("bgr0".to_owned())));
        for name in ["nv12", "uyvy422", "yuv420p10be", "gray10be", "monob", "xyz12le", "grayf32le"]
        {
            assert_eq!(Pixels::of(name), Err(Refusal::PixelFormat(name.to_owned())), "{name}");
        }
    }
}
