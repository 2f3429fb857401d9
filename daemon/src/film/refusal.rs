//! Why a film is not colored, in an archivist's words.

use std::path::PathBuf;

/// Why a film is not colored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("is empty: 0 bytes")]
    Empty,
    #[error("is no film that ffmpeg can read ({0})")]
    Unreadable(String),
    #[error("is a list of other files ({0}), not a film")]
    List(String),
    #[error("has sound and no pictures")]
    SoundOnly,
    #[error("has no moving pictures")]
    NoPictures,
    #[error("has no frames")]
    NoFrames,
    #[error(
        "is interlaced ({0}), which is not handled; deinterlace a copy of it first, by ffmpeg's filter bwdif for example"
    )]
    Interlaced(&'static str),
    #[error(
        "has interlaced frames (the first one found is shown at {:.3} s), which are not handled; deinterlace a copy of it first, by ffmpeg's filter bwdif for example",
        *milliseconds as f64 / 1000.0
    )]
    InterlacedFrame { milliseconds: i64 },
    #[error("is of high dynamic range ({0}), which is not handled")]
    HighDynamicRange(String),
    #[error("has the color matrix {0}, which is not handled; BT.601, BT.709 and BT.2020 are")]
    Matrix(String),
    #[error("has transparency (alpha), which is not handled")]
    Alpha,
    #[error("has frames in RGB ({0}) other than of 8 to 16 bits a sample, which are not handled")]
    Rgb(String),
    #[error("has frames in RGB of limited range, which are not handled")]
    RgbRange,
    #[error(
        "has frames in RGB with the primaries {0}, which are not handled; those of BT.709 and BT.601 are"
    )]
    RgbPrimaries(String),
    #[error(
        "has frames in the pixel format {0}, which is not handled; YUV, RGB and gray of 8 to 16 bits are"
    )]
    PixelFormat(String),
    #[error(
        "is in {0} densities, as film is scanned, not as it is shown; convert a copy to sRGB or BT.709 first, by OpenImageIO's oiiotool for example"
    )]
    Logarithmic(&'static str),
    #[error(
        "is in linear light, which is not handled; convert a copy to sRGB or BT.709 first, by OpenImageIO's oiiotool for example"
    )]
    Linear,
    #[error("gave {found} frames in place of {expected}")]
    FramesLost { found: usize, expected: usize },
    #[error("has the same number as {}", name.display())]
    SameNumber { name: PathBuf },
    #[error(
        "{first} is missing{}; --allow-gaps colors sequences of TIFF, PNG and JPEG that lack numbers",
        if *count > 1 { format!(", and so are {} more", count - 1) } else { String::new() }
    )]
    Gap { first: String, count: u64 },
    #[error(
        "has {now} frames by now in place of {before}: was it still being copied? color it again"
    )]
    Growing { before: usize, now: usize },
    #[error("is a sequence of frames, which stays one; --codec is for films")]
    SequenceCodec,
    #[error("{}: is for frame {number}, and the sequence has none of that number", given.display())]
    NoFrame { given: PathBuf, number: u64 },
    #[error("has {0} pages, and a frame has one")]
    Pages(usize),
    #[error("has {} x {} pixels, and the first frame of its sequence {} x {}", found.0, found.1, first.0, first.1)]
    SizeOfFrame { found: (u32, u32), first: (u32, u32) },
    #[error("{0}")]
    Frame(String),
    #[error("is to be shown turned by another angle than a quarter, a half or three quarters")]
    Angle,
    #[error("changes its frame size at frame {frame}, which is not handled")]
    FrameSize { frame: u64 },
    #[error("has frames out of order in time (at frame {frame})")]
    Times { frame: u64 },
    #[error("is cut off: {found:.1} s of the {promised:.1} s that it tells of are there")]
    CutOff { found: f64, promised: f64 },
    #[error(
        "{} shows another picture than {frame}; a keyframe is a frame of the film in colors",
        picture.display()
    )]
    OtherPicture { picture: PathBuf, frame: String },
    #[error("{}: a second one for {frame}", given.display())]
    GivenTwice { given: PathBuf, frame: String },
    #[error("{}: is for {frame}, and the film ends before", given.display())]
    EndsBefore { given: PathBuf, frame: String },
    #[error("{}: a hint for {frame} lies outside of the frame", hints.display())]
    HintOutside { hints: PathBuf, frame: String },
    #[error("is damaged or cut off at about frame {frame} (ffmpeg says: {said})")]
    Damaged { frame: u64, said: String },
}

impl Refusal {
    /// Whether a film that is still being copied may look like this.
    pub(crate) fn may_be_growing(&self) -> bool {
        use Refusal::{CutOff, Damaged, Empty, NoFrames, NoPictures, Unreadable};
        matches!(
            self,
            Empty | Unreadable(_) | NoPictures | NoFrames | CutOff { .. } | Damaged { .. }
        )
    }
}
