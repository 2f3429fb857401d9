//! Films: read, colored frame by frame, written shot by shot, joined and proved.
//!
//! `ffmpeg` and `ffprobe` do what concerns containers and codecs, as programs: one decode gives each
//! frame's luma or RGB, its time and its MD5, and luma goes into the result without a conversion in
//! between. Sequences of frames are read and written as photographs are (`sequence`).

mod ahead;
mod already;
mod canvas;
mod carried;
mod coloring;
mod context;
mod copies;
mod dpx;
mod format;
mod frames;
mod guidance;
mod interlaced;
mod join;
mod list;
mod notice;
mod pixels;
mod preview;
mod probe;
mod proof;
pub(crate) mod refusal;
mod render;
mod segments;
mod sequence;
mod sequence_ahead;
mod sequence_preview;
mod sheet;
mod sound;
mod still;
mod tools;
mod turn;
mod uncompressed;
mod work;

pub(crate) use context::FilmContext;
pub(crate) use guidance::Guidance;
pub(crate) use preview::tell_times;
pub(crate) use proof::luma_framemd5;
pub(crate) use still::{FilmFrame, Seen, frame, still};
pub(crate) use tools::are_there;
pub(crate) use work::Work;
