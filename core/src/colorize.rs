//! From a thumbnail of lightness to a chroma map, and from it to painted rows.
//!
//! [`Thumbnail`](thumbnail::Thumbnail) and [`Borders`](borders::Borders) make what the network
//! sees, [`Colorizer`](colorizer::Colorizer) asks it, with color [`Hints`](hints::Hints), and a
//! [`ChromaMap`](chroma::ChromaMap) colors rows of any size. [`tone`] tells what colors a scan has.

pub(crate) mod borders;
pub(crate) mod chroma;
pub(crate) mod colorizer;
pub(crate) mod hints;
pub(crate) mod picture;
pub(crate) mod reference;
pub(crate) mod self_check;
pub(crate) mod thumbnail;
pub(crate) mod tone;
