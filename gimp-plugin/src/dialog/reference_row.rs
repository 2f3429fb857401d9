//! The widgets that choose a reference.

use std::cell::RefCell;

use super::model::Model;
use crate::ffi::{Gtk, Widget};
use crate::procedure::ReferenceChoice;
use crate::text::{tr, tr_with};

/// What an entry of the list is.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    None,
    /// The file of the button below the list.
    File,
    Open(ReferenceChoice),
}

/// A list of open images and layers, and a button that asks for a file.
pub(super) struct ReferenceRow {
    /// Values of the entries of `list`.
    entries: Vec<Entry>,
    list: Widget,
    file: Widget,
    /// The file that was chosen when the widgets were last read.
    last_file: RefCell<Option<String>>,
}

impl ReferenceRow {
    /// Adds the widgets to two rows of a table.
    pub(super) fn add(gtk: &Gtk, table: Widget, row: u32, model: &dyn Model) -> Self {
        let list = gtk.combo();
        let mut entries = vec![Entry::None, Entry::File];
        gtk.append(list, tr("No reference"));
        gtk.append(list, tr("The file below"));
        for (choice, name) in model.references() {
            let text = match choice {
                ReferenceChoice::Image(_) => tr_with("Image “{}”", &[&name]),
                _ => tr_with("Layer “{}”", &[&name]),
            };
            gtk.append(list, &text);
            entries.push(Entry::Open(choice));
        }
        gtk.set_tooltip(list, tr("A photograph in colors, whose palette is taken"));
        gtk.add_row(table, row, (tr("Re_ference:"), list));
        let file = gtk.file_button(tr("A photograph in colors"));
        gtk.add_row(table, row + 1, ("", file));
        Self { entries, list, file, last_file: RefCell::default() }
    }

    /// What is chosen. A file that is new is chosen in the list, too.
    pub(super) fn choice(&self, gtk: &Gtk) -> Option<ReferenceChoice> {
        let file = gtk.file(self.file);
        if *self.last_file.borrow() != file {
            self.choose_entry(gtk, &if file.is_some() { Entry::File } else { Entry::None });
            self.last_file.replace(file.clone());
        }
        match self.entries.get(gtk.chosen(self.list)?)? {
            Entry::None => None,
            Entry::File => file.map(|file| ReferenceChoice::File(file.into())),
            Entry::Open(choice) => Some(choice.clone()),
        }
    }

    /// Chooses a reference.
    pub(super) fn choose(&self, gtk: &Gtk, choice: Option<&ReferenceChoice>) {
        let entry = match choice {
            Some(ReferenceChoice::File(path)) => {
                gtk.set_file(self.file, path.to_str());
                Entry::File
            }
            Some(choice) => Entry::Open(choice.clone()),
            None => {
                gtk.set_file(self.file, None);
                Entry::None
            }
        };
        self.choose_entry(gtk, &entry);
    }

    fn choose_entry(&self, gtk: &Gtk, entry: &Entry) {
        let place = self.entries.iter().position(|known| known == entry);
        gtk.choose(self.list, place.unwrap_or(0));
    }
}
