//! The dialog, the same in each GIMP: what it asks and shows (`model`), how its preview is looked at
//! (`view`), and its widgets (`window`, `form` and its rows).

mod form;
mod hints_row;
mod model;
mod reference_row;
mod view;
mod window;

pub(crate) use model::{Model, Picture, Update};
pub(crate) use view::{Area, Event, View};
pub(crate) use window::run;
