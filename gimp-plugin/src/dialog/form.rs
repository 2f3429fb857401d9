//! The widgets of the settings.

use polychromify_core::SATURATION;

use super::hints_row::HintsRow;
use super::model::{Model, Picture};
use super::reference_row::ReferenceRow;
use crate::ffi::{Gtk, Widget};
use crate::procedure::{HintsChoice, Procedure, Settings};
use crate::text::{tr, tr_with};

/// Characters in a line of the dialog's right half.
const CHARACTERS: i32 = 44;

/// Pixels for three pictures on their buttons, also while there are fewer: a dialog that grows is moved
/// by window managers over what the user paints.
const VARIANTS_WIDTH: i32 = 372;

/// The widgets of the settings, in an open dialog.
pub(super) struct Form<'a> {
    gtk: &'a Gtk,
    /// Values of the entries of `network`.
    weights: Vec<String>,
    network: Widget,
    saturation: Widget,
    /// Buttons and the pictures on them.
    variants: [(Widget, Widget); 3],
    /// `None` where more images than one are colored: a layer is of one.
    hints: Option<HintsRow>,
    reference: ReferenceRow,
    borders: Widget,
    negative: Widget,
    replace: Widget,
    doubt: Widget,
}

impl<'a> Form<'a> {
    /// Adds the widgets to a column.
    pub(super) fn add(
        gtk: &'a Gtk,
        column: Widget,
        (procedure, note): (Procedure, &str),
        (model, settings): (&dyn Model, &Settings),
    ) -> Self {
        let table = gtk.table();
        gtk.pack(column, table, false);
        let (network, weights) = networks(gtk, model.weights(), &settings.weights);
        gtk.set_tooltip(
            network,
            tr("What predicts the colors: each gives others, and not all tell of several colorings"),
        );
        gtk.add_row(table, 0, (tr("_Network:"), network));
        let (least, most) = SATURATION.into_inner();
        let saturation = gtk.scale(least.into(), most.into(), 0.05);
        gtk.set_tooltip(saturation, tr("Strength of the colors: 0 is gray, 1 as predicted"));
        gtk.add_row(table, 1, (tr("Sa_turation:"), saturation));
        let variants = gtk.pictures::<3>();
        let row = gtk.row();
        gtk.set_least_size(row, VARIANTS_WIDTH, -1);
        for (button, _) in variants {
            gtk.set_tooltip(button, tr("Plausible colorings, the likeliest first"));
            gtk.pack(row, button, false);
        }
        gtk.add_row(table, 2, (tr("Colorings:"), row));
        let has_hints = procedure == Procedure::Colorize;
        let hints = has_hints.then(|| HintsRow::add(gtk, table, 3, model));
        let reference = ReferenceRow::add(gtk, table, 5, model);
        let [borders, negative, replace, doubt] = checks(gtk, column);
        gtk.pack(column, gtk.words(note, CHARACTERS), false);
        Self {
            gtk,
            weights,
            network,
            saturation,
            variants,
            hints,
            reference,
            borders,
            negative,
            replace,
            doubt,
        }
    }

    /// Whether doubts are to be shown.
    pub(super) fn shows_doubt(&self) -> bool {
        self.gtk.is_on(self.doubt)
    }

    /// Whether the layer with the hints was asked for since the last call.
    pub(super) fn takes_hints_asked(&self) -> bool {
        self.hints.as_ref().is_some_and(HintsRow::takes_asked)
    }

    /// Chooses the layer with the hints, which may be new, or none.
    pub(super) fn choose_hints(&self, layer: Option<i32>) {
        if let Some(hints) = &self.hints {
            hints.choose(self.gtk, layer);
        }
    }

    /// Shows one of the variants, or that there is no such variant.
    pub(super) fn show_variant(&self, number: u8, picture: Option<&Picture>) {
        let Some((button, image)) = self.variants.get(usize::from(number) - 1) else { return };
        self.gtk.set_visible(*button, picture.is_some());
        if let Some(picture) = picture {
            self.gtk.set_picture(*image, picture);
        }
    }

    /// Reads the widgets.
    pub(super) fn settings(&self) -> Settings {
        let gtk = self.gtk;
        let weights = gtk.chosen(self.network).and_then(|index| self.weights.get(index));
        let variant = self.variants.iter().position(|(button, _)| gtk.is_on(*button));
        let hints = self.hints.as_ref();
        Settings {
            weights: weights.cloned().unwrap_or_default(),
            // Two digits are what the scale shows.
            saturation: (100.0 * gtk.value(self.saturation)).round() / 100.0,
            hints: hints.map_or(HintsChoice::Named, |hints| hints.choice(gtk)),
            replace: gtk.is_on(self.replace),
            variant: variant.unwrap_or(0) as u8 + 1,
            reference: self.reference.choice(gtk),
            borders: gtk.is_on(self.borders),
            negative: gtk.is_on(self.negative),
        }
    }

    /// Sets the widgets.
    pub(super) fn set(&self, settings: &Settings, model: &dyn Model) {
        let gtk = self.gtk;
        let index = self.weights.iter().position(|weights| *weights == settings.weights);
        gtk.choose(self.network, index.unwrap_or(0));
        gtk.set_value(self.saturation, settings.saturation);
        self.choose_hints(match settings.hints {
            HintsChoice::Layer(layer) => Some(layer),
            HintsChoice::Named => model.named_hints(),
            HintsChoice::Nothing => None,
        });
        self.reference.choose(gtk, settings.reference.as_ref());
        let variant = usize::from(settings.variant.max(1)) - 1;
        if let Some((button, _)) = self.variants.get(variant) {
            gtk.set_on(*button, true);
        }
        gtk.set_on(self.borders, settings.borders);
        gtk.set_on(self.negative, settings.negative);
        gtk.set_on(self.replace, settings.replace);
    }
}

/// The list of networks and the values of its entries: the default, which is the empty value, the other
/// names, and `current` if it is none of them.
fn networks(gtk: &Gtk, names: Vec<String>, current: &str) -> (Widget, Vec<String>) {
    let combo = gtk.combo();
    let mut weights = vec![String::new()];
    let default = names.first().map(|name| tr_with("{} (default)", &[name]));
    gtk.append(combo, &default.unwrap_or_default());
    for name in names.iter().skip(1).map(String::as_str).chain([current]) {
        if !weights.iter().any(|known| known == name) {
            weights.push(name.to_owned());
            gtk.append(combo, name);
        }
    }
    (combo, weights)
}

/// The boxes to be ticked.
fn checks(gtk: &Gtk, column: Widget) -> [Widget; 4] {
    let texts = [
        (tr("Color scan _borders too"), tr("Otherwise they are found, and stay gray")),
        (tr("Film ne_gative"), tr("Color the layer with its lightness inverted")),
        (tr("Change the la_yer itself"), tr("In place of adding a new layer above it")),
        (
            tr("Show _where it is unsure"),
            tr("In the preview alone: the more magenta, the less sure"),
        ),
    ];
    texts.map(|(label, tooltip)| {
        let check = gtk.check(label);
        gtk.set_tooltip(check, tooltip);
        gtk.pack(column, check, false);
        check
    })
}
