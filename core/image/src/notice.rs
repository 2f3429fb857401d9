//! What of a file is left out or assumed: facts for whoever has to know, not lines of a log.

use serde::Serialize;

/// Something that a reader or a writer left out or assumed.
///
/// It is serialized as an object whose `kind` is the variant's name in kebab case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Notice {
    /// The color profile is broken or for another kind of color; sRGB is assumed.
    #[error("color profile ignored: {reason}")]
    ProfileIgnored {
        /// What is wrong with it.
        reason: String,
    },
    /// The profile of a CMYK picture is broken or for another kind of color.
    #[error("color profile ignored, lightness is an estimate: {reason}")]
    InkProfileIgnored {
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing tells what the inks of a CMYK picture look like.
    #[error("CMYK without a color profile: lightness is an estimate")]
    InksWithoutProfile,
    /// No tag of a TIFF says what its values mean; it is taken for what other programs take.
    #[error("the file does not say what its values mean; taken is: {meaning}")]
    MeaningAssumed {
        /// What is taken.
        meaning: String,
    },
    /// The XMP packet is split over several parts, and one of them is missing.
    #[error("extended XMP is not whole, left out")]
    ExtendedXmpIncomplete,
    /// The source's XMP packet cannot be joined with the result's label.
    #[error("XMP is left out: {reason}")]
    XmpLeftOut {
        /// What is wrong with it.
        reason: String,
    },
    /// A block of metadata has no room in a segment of a JPEG.
    #[error("{block} is too large for JPEG, left out")]
    BlockTooLarge {
        /// How the block is called in the file.
        block: String,
    },
    /// Tags that have no room in the EXIF segment of a JPEG.
    #[error("tags too large for JPEG are left out: {}", listed(tags))]
    TagsTooLarge {
        /// Their numbers.
        tags: Vec<u16>,
    },
    /// Tags of EXIF or of a TIFF that are of no known type, or whose values lie beyond the file.
    #[error("{count} tags cannot be read, left out{}", listed_after_colon(tags))]
    TagsUnreadable {
        /// How many.
        count: usize,
        /// The numbers of those whose number can be read.
        tags: Vec<u16>,
    },
    /// Tags whose values are too many bytes: those that are told several times count each time.
    #[error(
        "tags of more bytes than the file has, or than are carried, are left out: {}",
        listed(tags)
    )]
    TagsOverLimit {
        /// Their numbers.
        tags: Vec<u16>,
    },
    /// More metadata than are carried.
    #[error("{what} are left out: more than are carried")]
    MetadataOverLimit {
        /// What it is.
        what: String,
    },
    /// Bytes of a JPEG that belong to none of its parts; all of its codes are there.
    #[error("{bytes} stray bytes between the parts of the file are passed over")]
    StrayBytes {
        /// How many.
        bytes: usize,
    },
    /// A JPEG ends behind its last row without saying so.
    #[error("the mark of the file's end is missing; all rows are there")]
    EndMarkerMissing,
    /// Text chunks of a PNG that cannot be read.
    #[error("{}", broken_texts(*count))]
    TextBroken {
        /// How many.
        count: usize,
    },
    /// Characters that XML forbids in the source's XMP.
    #[error("XMP has {count} characters that XML forbids; they are replaced")]
    XmpCharacters {
        /// How many.
        count: usize,
    },
    /// An EXIF block whose tags cannot be read.
    #[error("EXIF is broken, left out")]
    ExifBroken,
    /// A block of metadata that the file has again, and may say other things.
    #[error("{block} stands in the file more than once: what is not the first is left out")]
    RepeatedLeftOut {
        /// How the block is called.
        block: String,
    },
    /// Parts of the source's metadata that the result's format has no place for.
    #[error("{format} has no place for: {}", .parts.join(", "))]
    NoPlace {
        /// The result's format.
        format: String,
        /// How the parts are called.
        parts: Vec<String>,
    },
    /// What stands behind the end of a JPEG: a video, another picture, a maker's data.
    #[error("{bytes} bytes behind the end of the picture are left out")]
    TrailerLeftOut {
        /// How many.
        bytes: usize,
    },
    /// Something that was made for the source's pixels, and what its metadata say of it.
    #[error("left out, as it is not true of a result: {what}")]
    NotOfResult {
        /// What it is.
        what: String,
    },
    /// Samples that are neither color nor opacity.
    #[error("{count} extra samples a pixel are not carried to the result")]
    ExtraSamples {
        /// Samples a pixel.
        count: usize,
    },
    /// A page of a TIFF that is known as the infrared of the one before it by its size and kind alone.
    #[error("page {number} is taken for the infrared channel of the page before it, left out")]
    InfraredLeftOut {
        /// Number in the file's list, from 1.
        number: usize,
    },
    /// A page of a TIFF that is known as a preview of another by its size alone.
    #[error("page {number}, {width}x{height}, is a preview by its size, left out")]
    PreviewLeftOut {
        /// Number in the file's list, from 1.
        number: usize,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

/// What a [`Notice`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// What the samples mean: lightness may not be true.
    Color,
    /// What the file says besides its samples.
    Metadata,
    /// Samples that the result does not have.
    Samples,
    /// Pages, and other things in the source's file, that the result cannot have.
    Pages,
    /// The file itself, all of which was read.
    File,
}

impl Notice {
    pub(crate) fn repeated(block: &str) -> Self {
        Self::RepeatedLeftOut { block: block.to_owned() }
    }

    /// What it is about.
    pub fn concern(&self) -> Concern {
        match self {
            Self::ProfileIgnored { .. }
            | Self::InkProfileIgnored { .. }
            | Self::InksWithoutProfile
            | Self::MeaningAssumed { .. } => Concern::Color,
            Self::ExtendedXmpIncomplete
            | Self::XmpLeftOut { .. }
            | Self::BlockTooLarge { .. }
            | Self::XmpCharacters { .. }
            | Self::TagsTooLarge { .. }
            | Self::TagsUnreadable { .. }
            | Self::TagsOverLimit { .. }
            | Self::MetadataOverLimit { .. }
            | Self::TextBroken { .. }
            | Self::ExifBroken
            | Self::RepeatedLeftOut { .. }
            | Self::NoPlace { .. } => Concern::Metadata,
            Self::ExtraSamples { .. } => Concern::Samples,
            Self::InfraredLeftOut { .. }
            | Self::PreviewLeftOut { .. }
            | Self::TrailerLeftOut { .. }
            | Self::NotOfResult { .. } => Concern::Pages,
            Self::StrayBytes { .. } | Self::EndMarkerMissing => Concern::File,
        }
    }
}

/// Adds a notice of a file's tags to those there are; what is left out again and again is told once.
pub(crate) fn add(notices: &mut Vec<Notice>, notice: Notice) {
    for known in notices.iter_mut() {
        match (known, &notice) {
            (known, more) if *known == *more => return,
            (
                Notice::TagsUnreadable { count, tags },
                Notice::TagsUnreadable { count: more, tags: others },
            ) => {
                *count += more;
                unite(tags, others);
                return;
            }
            (Notice::TagsOverLimit { tags }, Notice::TagsOverLimit { tags: others }) => {
                unite(tags, others);
                return;
            }
            _ => {}
        }
    }
    notices.push(notice);
}

/// Adds numbers to sorted ones.
fn unite(numbers: &mut Vec<u16>, others: &[u16]) {
    numbers.extend(others);
    numbers.sort_unstable();
    numbers.dedup();
}

/// Most numbers that a line lists.
const MOST_LISTED: usize = 20;

/// Numbers with commas.
fn listed(numbers: &[u16]) -> String {
    let (listed, others) = numbers.split_at(numbers.len().min(MOST_LISTED));
    let words = listed.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    match others.len() {
        0 => words,
        others => format!("{words} and {others} others"),
    }
}

fn listed_after_colon(numbers: &[u16]) -> String {
    if numbers.is_empty() { String::new() } else { format!(": {}", listed(numbers)) }
}

fn broken_texts(count: usize) -> String {
    match count {
        1 => "a broken text chunk is left out".to_owned(),
        _ => format!("{count} broken text chunks are left out"),
    }
}
