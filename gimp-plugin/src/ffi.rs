//! GIMP's C libraries, opened when the plug-in starts: the only unsafe code of this crate.
//!
//! Everything of GIMP, GEGL, babl, GLib and GTK is looked up by name in the libraries of the GIMP
//! that called, so that one binary serves GIMP 2.10 and 3 and is built without either.
//!
//! Its interface is safe: items are numbers, buffers and strings are owned, and every pointer that
//! GIMP hands over is checked before it is used. GIMP's libraries are called from the
//! main thread alone.
#![expect(unsafe_code, reason = "libgimp is a C library, loaded when the plug-in starts")]
#![expect(clippy::struct_field_names, reason = "tables of functions carry the C names")]
#![expect(clippy::cast_possible_wrap, reason = "GIMP's sizes are C's ints, far below their limit")]

mod error;
mod gegl;
pub(crate) mod gimp2;
pub(crate) mod gimp3;
mod glib;
mod gtk;
mod libgimp;
mod library;
mod pdb;
mod symbols;

pub(crate) use error::Error;
pub(crate) use gegl::{Buffer, Encoding};
pub(crate) use gimp2::Gimp2;
pub(crate) use gimp3::Gimp3;
pub(crate) use gtk::{Gtk, Response, Signal, Toolkit, Widget};
pub(crate) use libgimp::{Gimp, Version};
pub(crate) use library::leave_console;
