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
        "has interlaced frames (frame {0} is the first), which are not handled; deinterlace a copy of it first, by ffmpeg's filter bwdif for example"
    )]
    InterlacedFrame(u64),
    #[error("is of high dynamic range ({0}), which is not handled")]
    HighDynamicRange(String),
    #[error("has the color matrix {0}, which is not handled; BT.601, BT.709 and BT.2020 are")]
    Matrix(String),
    #[error("has transparency (alpha), which is not handled")]
    Alpha,
    #[error("has frames in RGB ({0}), which are not handled yet; YUV and gray are")]
    Rgb(String),
    #[error(
        "has frames in the pixel format {0}, which is not handled yet; planar YUV and gray are"
    )]
    PixelFormat(String),
    #[error("is to be shown turned by another angle than a quarter, a half or three quarters")]
    Angle,
    #[error("changes its frame size at frame {frame}, which is not handled")]
    FrameSize { frame: u64 },
    #[error("has frames out of order in time (at frame {frame})")]
    Times { frame: u64 },
    #[error("is cut off: {found:.1} s of the {promised:.1} s that it tells of are there")]
    CutOff { found: f64, promised: f64 },
    #[error(
        "{} shows another picture than its frame at {at:.3} s; a keyframe is a frame of the film in colors",
        picture.display()
    )]
    OtherPicture { picture: PathBuf, at: f64 },
    #[error("{}: a second one for the frame at {at:.3} s", given.display())]
    GivenTwice { given: PathBuf, at: f64 },
    #[error("{}: is for a frame at {at:.3} s, and the film ends before", given.display())]
    EndsBefore { given: PathBuf, at: f64 },
    #[error("{}: a hint at {at:.3} s lies outside of the frame", hints.display())]
    HintOutside { hints: PathBuf, at: f64 },
    #[error("is damaged or cut off at about frame {frame} (ffmpeg says: {said})")]
    Damaged { frame: u64, said: String },
}
