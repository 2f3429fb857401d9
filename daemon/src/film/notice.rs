//! What was left out of a film or assumed of it.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::plan::Job;

/// What was left out of a film or assumed of it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum FilmNotice {
    #[error("tells no color matrix; taken for {0} by its size")]
    MatrixAssumed(&'static str),
    #[error("tells no range of its gray; taken for {0} range")]
    RangeAssumed(&'static str),
    #[error("tells no frame rate; taken for 24 a second, and --rate tells another one")]
    RateAssumed,
    #[error("what the heads of its frames tell but frame rate and first timecode is left out")]
    DpxHeadsLeftOut,
    #[error("what somebody added to the heads of its frames is left out")]
    DpxUserDataLeftOut,
    #[error("its frames are RGB: their lightness (CIE L*) is kept, to rounding, and not luma")]
    LightnessKept,
    #[error("its frames are turned upright, as its head asks; so are those of the result")]
    TurnedUpright,
    #[error("further streams of pictures are left out ({0})")]
    PicturesLeftOut(usize),
    #[error("data beside pictures and sound is left out ({0})")]
    DataLeftOut(String),
    #[error("subtitles that the result cannot hold are left out ({0})")]
    SubtitlesLeftOut(String),
    #[error("its subtitles are written as {0}")]
    SubtitlesConverted(&'static str),
    #[error("its sound is encoded anew, as the copy cannot hold it as it is ({0})")]
    SoundConverted(String),
    #[error("its attachments are left out, as the copy cannot hold them ({0})")]
    AttachmentsLeftOut(usize),
}

impl FilmNotice {
    /// As JSON tells it.
    pub(super) fn told(&self) -> Value {
        let kind = match self {
            Self::MatrixAssumed(_) => "color-matrix-assumed",
            Self::RangeAssumed(_) => "range-assumed",
            Self::RateAssumed => "rate-assumed",
            Self::DpxHeadsLeftOut => "dpx-heads-left-out",
            Self::DpxUserDataLeftOut => "dpx-user-data-left-out",
            Self::LightnessKept => "lightness-kept",
            Self::TurnedUpright => "turned-upright",
            Self::PicturesLeftOut(_) => "pictures-left-out",
            Self::DataLeftOut(_) => "data-left-out",
            Self::SubtitlesLeftOut(_) => "subtitles-left-out",
            Self::SubtitlesConverted(_) => "subtitles-converted",
            Self::SoundConverted(_) => "sound-converted",
            Self::AttachmentsLeftOut(_) => "attachments-left-out",
        };
        json!({"kind": kind, "message": self.to_string()})
    }

    /// Whether something is lost, or colors rest on an assumption.
    fn is_loss(&self) -> bool {
        !matches!(self, Self::LightnessKept | Self::TurnedUpright)
    }
}

/// Refuses a film of which something would be lost, or whose colors rest on an assumption.
pub(super) fn refuse(notices: &[FilmNotice], job: &Job) -> Result<()> {
    let lost: Vec<String> =
        notices.iter().filter(|notice| notice.is_loss()).map(ToString::to_string).collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(Error::Strict { path: job.shown.clone(), reason: lost.join("; ") })
}
