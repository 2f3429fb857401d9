//! File formats that are read and written.

/// File formats that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG (ISO 10918-1), 8 bit.
    Jpeg,
    /// PNG, 8 and 16 bit.
    Png,
    /// TIFF 6.0 and `BigTIFF`.
    Tiff,
    /// WebP (RFC 9649), 8 bit; results are lossless.
    Webp,
}

impl Format {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Tiff => "TIFF",
            Self::Webp => "WebP",
        }
    }

    /// The format that a file's first bytes tell; `None`: none that is read.
    pub(crate) fn by_start(start: &[u8]) -> Option<Self> {
        Some(match start {
            [0xFF, 0xD8, 0xFF, ..] => Self::Jpeg,
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Self::Png,
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Self::Tiff,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::Webp,
            _ => return None,
        })
    }
}
