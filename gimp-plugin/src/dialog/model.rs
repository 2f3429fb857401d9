//! What a dialog asks of the filter, and what it gets to show.

use super::view::{Area, View};
use crate::procedure::{ReferenceChoice, Settings};

/// A picture, sRGB of 8 bits, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// In pixels.
    pub(crate) width: u32,
    /// In pixels.
    pub(crate) height: u32,
    pub(crate) rgb: Vec<u8>,
}

/// What changed since the last update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Update {
    /// The preview, which fills its room, and where in it the photograph lies.
    pub(crate) picture: Option<(Picture, Area)>,
    /// Words about it.
    pub(crate) text: Option<String>,
    /// One of the small pictures of the variants, by its number from 1 on; `None`: there is no such
    /// variant.
    pub(crate) variant: Option<(u8, Option<Picture>)>,
}

/// What the filter does for an open dialog.
pub(crate) trait Model {
    /// Names of weights, the default first.
    fn weights(&self) -> Vec<String>;
    /// Layers that may hold hints, top first.
    fn layers(&self) -> Vec<(i32, String)>;
    /// The layer that [`crate::procedure::HintsChoice::Named`] means.
    fn named_hints(&self) -> Option<i32>;
    /// Gives the layer for hints, made if there is none, ready to be painted on.
    fn make_hints(&mut self) -> Result<i32, String>;
    /// Open images and layers in colors.
    fn references(&self) -> Vec<(ReferenceChoice, String)>;
    /// What to show from now on; called some twenty times a second.
    fn update(&mut self, settings: &Settings, view: &View) -> Update;
}
