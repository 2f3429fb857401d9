//! Scans as files: what is read from them, what is written, what is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod beside; // what else files of the field say, kept or told
mod camera; // what EXIF says, of any type
mod carried; // metadata and the label
mod corpus; // the real and hostile files of ../shared/tiff
mod damage; // truncated and altered files
mod field; // files of the field that went wrong once
mod files; // makes the files
mod formats; // each format, depth and layout
mod hostile; // files that lie
mod jpeg_colors; // what the components of a JPEG are
mod kinds; // kinds of TIFF samples, CMYK, and what is refused by name
mod left_out; // what is left out, told once
mod lightness; // true lightness through profiles
mod memory; // what is held; a scan of 100 megapixels, by hand
mod pages; // TIFFs of several pages
mod png_colors; // what a PNG says its samples mean
mod readers; // results as other programs read them
mod second_opinion; // what another program reads from the same file
mod tables; // profiles with tables
mod tags; // which tags stay true, and where they lie
mod words; // what is wrong, as it is told
