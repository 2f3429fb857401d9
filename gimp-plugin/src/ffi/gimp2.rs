//! GIMP 2.10: items are numbers, a procedure is a table of four callbacks.

mod dialog;
mod plugin;
mod version;

pub(crate) use dialog::run as show_dialog;
pub(crate) use plugin::main;
pub(crate) use version::Gimp2;
