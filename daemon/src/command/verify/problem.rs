//! What is wrong with a delivered folder.

use std::path::PathBuf;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Below the folder that is verified.
    pub(super) path: PathBuf,
    pub(super) kind: ProblemKind,
    pub(super) reason: String,
}

/// Kinds of problems, as JSON tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProblemKind {
    /// A manifest cannot be read, or does not agree with another.
    Manifest,
    /// A file is not there, or cannot be read.
    Missing,
    /// A file is another than the one that was listed.
    Checksum,
    /// A picture does not decode to its end.
    Damaged,
    /// The label is missing, or tells of something else than the table.
    Label,
    /// The luma of a film is not its source's, or it does not decode.
    Luma,
    /// What is beside a picture tells of another one.
    Sidecar,
    /// A file that is not listed.
    Extra,
}

impl ProblemKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Missing => "missing",
            Self::Checksum => "checksum",
            Self::Damaged => "damaged",
            Self::Label => "label",
            Self::Luma => "luma",
            Self::Sidecar => "sidecar",
            Self::Extra => "extra",
        }
    }
}
