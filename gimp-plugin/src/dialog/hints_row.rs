//! The widgets that choose the layer with hints.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::model::Model;
use crate::ffi::{Gtk, Widget};
use crate::procedure::HintsChoice;
use crate::text::{tr, tr_with};

/// A list of layers, and the button that makes one.
pub(super) struct HintsRow {
    /// Values of the entries of `list`.
    layers: RefCell<Vec<HintsChoice>>,
    list: Widget,
    /// Whether the button was pressed.
    asked: Rc<Cell<bool>>,
}

impl HintsRow {
    /// Adds the widgets to two rows of a table.
    pub(super) fn add(gtk: &Gtk, table: Widget, row: u32, model: &dyn Model) -> Self {
        let list = gtk.combo();
        let mut layers = vec![HintsChoice::Nothing];
        gtk.append(list, tr("None"));
        for (layer, name) in model.layers() {
            gtk.append(list, &tr_with("Layer “{}”", &[&name]));
            layers.push(HintsChoice::Layer(layer));
        }
        gtk.set_tooltip(list, tr("Layer with strokes in the colors that you want below them"));
        gtk.add_row(table, row, (tr("H_ints:"), list));
        let asked = Rc::new(Cell::new(false));
        let make = gtk.button(tr("_Paint hints"));
        gtk.set_tooltip(make, tr("Makes the layer “hints” on top, ready to be painted on"));
        gtk.on_click(make, {
            let asked = Rc::clone(&asked);
            move || asked.set(true)
        });
        gtk.add_row(table, row + 1, ("", make));
        Self { layers: RefCell::new(layers), list, asked }
    }

    /// Whether the layer was asked for since the last call.
    pub(super) fn takes_asked(&self) -> bool {
        self.asked.take()
    }

    /// What is chosen.
    pub(super) fn choice(&self, gtk: &Gtk) -> HintsChoice {
        let layers = self.layers.borrow();
        gtk.chosen(self.list).and_then(|index| layers.get(index)).copied().unwrap_or_default()
    }

    /// Chooses a layer, which may be new, or none.
    pub(super) fn choose(&self, gtk: &Gtk, layer: Option<i32>) {
        let choice = layer.map_or(HintsChoice::Nothing, HintsChoice::Layer);
        if !self.layers.borrow().contains(&choice) {
            self.layers.borrow_mut().push(choice);
            gtk.append(self.list, &tr_with("Layer “{}”", &["hints"]));
        }
        let place = self.layers.borrow().iter().position(|known| *known == choice);
        gtk.choose(self.list, place.unwrap_or(0));
    }
}
