//! What becomes of a frame's samples: luma stays and gets chroma planes, or lightness stays and red, green
//! and blue are painted anew.

use polychromify_core::{
    ChromaMap, FrameFormat, FramePainter, RgbFormat, RgbPainter, Viewer, WorkImage,
};

/// Samples of a film's frames, as they come from ffmpeg and go into its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Samples {
    /// Luma, whose samples stay.
    Luma(FrameFormat),
    /// Red, green and blue, whose lightness stays.
    Rgb(RgbFormat),
}

impl Samples {
    /// Columns and rows of a frame.
    pub(super) fn size(&self) -> (u32, u32) {
        match self {
            Self::Luma(format) => (format.width, format.height),
            Self::Rgb(format) => (format.width, format.height),
        }
    }

    /// Bytes of a frame that is read.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Luma(format) => format.luma_bytes(),
            Self::Rgb(format) => format.bytes(),
        }
    }

    /// What of a frame stays, as labels tell it.
    pub(super) fn keeps(&self) -> &'static str {
        match self {
            Self::Luma(_) => "luma",
            Self::Rgb(_) => "lightness",
        }
    }
}

/// By how much CIE L* differs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Difference {
    /// At the pixel where it differs most.
    pub(super) most: f32,
    sum: f64,
    pixels: u64,
}

impl Difference {
    /// Of all pixels.
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.pixels.max(1) as f64
    }

    /// With that of further pixels.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            most: self.most.max(other.most),
            sum: self.sum + other.sum,
            pixels: self.pixels + other.pixels,
        }
    }
}

/// Sees and paints the frames of one film.
pub(super) enum Canvas {
    Luma(Viewer, FramePainter),
    Rgb(RgbPainter, usize),
}

impl Canvas {
    /// For thumbnails of at most `area` pixels, and chroma times `saturation`.
    pub(super) fn new(samples: Samples, area: usize, saturation: f32) -> Self {
        match samples {
            Samples::Luma(format) => {
                Self::Luma(Viewer::new(format, area), FramePainter::new(format, saturation))
            }
            Samples::Rgb(format) => Self::Rgb(RgbPainter::new(format, saturation), area),
        }
    }

    /// The thumbnail of a frame.
    pub(super) fn view(&self, frame: &[u8]) -> WorkImage {
        match self {
            Self::Luma(viewer, _) => viewer.view(frame),
            Self::Rgb(painter, area) => painter.view(frame, *area),
        }
    }

    /// What is painted of a frame: planes that follow its luma, or all of them.
    pub(super) fn paint(&self, chroma: &ChromaMap, frame: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Self::Luma(_, painter) => painter.paint(chroma, frame).into(),
            Self::Rgb(painter, _) => vec![painter.paint(chroma, frame)],
        }
    }

    /// How the lightness of a painted frame differs from its source's; of luma, whose samples stay, it
    /// does not.
    pub(super) fn difference(&self, source: &[u8], painted: &[u8]) -> Difference {
        let Self::Rgb(painter, _) = self else { return Difference::default() };
        let (expected, found) = (painter.lightness(source), painter.lightness(painted));
        let differences = expected.iter().zip(&found).map(|(expected, found)| expected - found);
        let mut all = Difference { most: 0.0, sum: 0.0, pixels: expected.len() as u64 };
        for difference in differences.map(f32::abs) {
            all.most = all.most.max(difference);
            all.sum += f64::from(difference);
        }
        all
    }

    /// How much lightness may differ by rounding, at most.
    pub(super) fn tolerance(&self) -> f32 {
        match self {
            Self::Luma(..) => 0.0,
            Self::Rgb(painter, _) => painter.format().tolerance(),
        }
    }

    /// What of a frame is written before that.
    pub(super) fn kept<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Luma(..) => frame,
            Self::Rgb(..) => &[],
        }
    }
}
