//! Photographs as files: lightness in, color out, metadata carried over. Knows no network, and no
//! path: an image is read from whatever reads and seeks.
//!
//! [`Reader::open`] tells a file's format and reads its header; [`Reader::start`] and
//! [`Reader::read_rows`] give its samples from top to bottom, which [`color::profile::Lightness`]
//! turns into CIE L*. A [`Writer`] pulls painted [`Rows`].
//! What a reader or a writer leaves out or assumes is a [`Notice`].

mod budget;
pub mod color;
pub mod compression;
mod decode;
pub mod error;
mod foreign_formats;
pub mod format;
pub mod header;
pub mod isa;
mod jpeg;
pub mod limits;
pub mod metadata;
pub mod notice;
pub mod orientation;
pub mod page_tags;
mod png;
pub mod provenance;
pub mod reader;
pub mod resample;
pub mod rows;
pub mod samples;
pub mod source;
mod tiff;
mod webp;
pub mod writer;

pub use error::{Error, Result};
pub use format::Format;
pub use header::Header;
pub use limits::{Deadline, Limits};
pub use notice::{Concern, Notice};
pub use orientation::Orientation;
pub use page_tags::PageTags;
pub use reader::Reader;
pub use rows::Rows;
pub use samples::{Depth, Layout, Samples, SamplesMut, SamplesRef};
pub use source::Source;
pub use writer::Writer;
