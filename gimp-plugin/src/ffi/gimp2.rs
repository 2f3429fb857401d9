//! GIMP 2.10: items are numbers, a procedure is a table of four callbacks.

mod plugin;
mod version;

pub(crate) use plugin::main;
pub(crate) use version::Gimp2;
