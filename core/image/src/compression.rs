//! How strips and tiles of a TIFF are compressed.

/// Compressions that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Stored as they are.
    None,
    /// Runs of bytes (TIFF 6.0, section 9).
    PackBits,
    /// LZW (TIFF 6.0, section 13).
    Lzw,
    /// Deflate in zlib's form.
    Deflate,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// By the number in TIFF's tag 259; 32946 is Deflate before Adobe's number.
    pub(crate) fn from_tag(value: u16) -> Option<Self> {
        match value {
            1 => Some(Self::None),
            5 => Some(Self::Lzw),
            8 | 32946 => Some(Self::Deflate),
            32773 => Some(Self::PackBits),
            50000 => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::PackBits => "PackBits",
            Self::Lzw => "LZW",
            Self::Deflate => "Deflate",
            Self::Zstd => "Zstandard",
        }
    }

    pub(crate) fn tag(self) -> u16 {
        match self {
            Self::None => 1,
            Self::Lzw => 5,
            Self::Deflate => 8,
            Self::PackBits => 32773,
            Self::Zstd => 50000,
        }
    }
}
