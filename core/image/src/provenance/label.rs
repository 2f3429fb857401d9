//! What is known of a result.

use std::time::SystemTime;

/// What a result says of its making.
#[derive(Clone, Debug)]
pub struct Label {
    /// Program and version, such as `Polychromify 0.1.0`.
    pub software: String,
    /// Name of the weights.
    pub weights: String,
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub weights_sha256: String,
    /// File name of the source, without folders; empty: unknown.
    pub source: String,
    /// SHA-256 of the source file, lower-case hexadecimal; empty: unknown.
    pub source_sha256: String,
    /// What else decided the colors, such as `saturation 1.5, 3 color hints`; empty: nothing.
    pub settings: String,
    /// What it is in IPTC's words.
    pub source_type: SourceType,
    /// When it was made; `None`: unknown. A result that is to be made again with the same bytes
    /// needs the same time again.
    pub when: Option<SystemTime>,
    /// What else tells this file from others of the same source, such as its format and size. It
    /// is in the label as part of its identifier alone.
    pub rendition: String,
}

/// What a result is by IPTC's vocabulary of digital source types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceType {
    /// An original that a trained model added to.
    #[default]
    CompositeWithTrainedAlgorithmicMedia,
    /// An original that an algorithm improved, without a generative model.
    AlgorithmicallyEnhanced,
}

impl SourceType {
    /// The last part of the term's address.
    pub fn term(self) -> &'static str {
        match self {
            Self::CompositeWithTrainedAlgorithmicMedia => "compositeWithTrainedAlgorithmicMedia",
            Self::AlgorithmicallyEnhanced => "algorithmicallyEnhanced",
        }
    }
}
