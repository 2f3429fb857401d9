//! GIMP 3: items are objects that libgimp owns, a procedure is an object that the plug-in makes.

mod call;
mod plugin;
mod registration;
mod version;

pub(crate) use call::Call;
pub(crate) use plugin::main;
pub(crate) use version::Gimp3;
