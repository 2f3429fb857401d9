//! The window: the preview on the left, the settings on the right.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::form::Form;
use super::model::Model;
use super::view::{Area, Event, Pointer, View};
use crate::ffi::{Gtk, Response, Signal, Widget};
use crate::procedure::{Procedure, Settings};
use crate::text::tr;

/// Least room for the preview, in pixels.
const LEAST_ROOM: (i32, i32) = (320, 240);

/// How large the dialog opens for the first time, in pixels.
const FIRST_SIZE: (i32, i32) = (960, 560);

/// What the mouse and the keyboard did to the preview, which events change and ticks read.
#[derive(Default)]
struct Looking {
    view: RefCell<View>,
    pointer: Cell<Pointer>,
    /// Where the photograph lies.
    area: Cell<Area>,
}

impl Looking {
    fn apply(&self, event: Event) -> bool {
        let mut pointer = self.pointer.get();
        let is_used = pointer.apply(event, self.area.get(), &mut self.view.borrow_mut());
        self.pointer.set(pointer);
        is_used
    }
}

/// Runs the dialog of a procedure with a note, of a size such as `960x560`. Gives the user's settings, or `None` if the user
/// cancelled, and the size it had last.
pub(crate) fn run(
    gtk: &Gtk,
    (procedure, note): (Procedure, String),
    size: Option<&str>,
    settings: &Settings,
    model: &mut dyn Model,
) -> (Option<Settings>, String) {
    let buttons = [tr("_Reset"), tr("_Cancel"), tr("_OK")];
    let dialog = gtk.dialog(procedure.title(), procedure.name(), buttons);
    gtk.set_window_size(dialog, size.and_then(parse).unwrap_or(FIRST_SIZE));
    let row = gtk.row();
    gtk.set_border(row, 12);
    gtk.pack(gtk.content(dialog), row, true);
    let left = gtk.column();
    gtk.pack(row, left, true);
    let canvas = gtk.canvas(LEAST_ROOM.0, LEAST_ROOM.1);
    gtk.pack(left, canvas, true);
    let help = tr("Click: 100 % and back. Drag: before | after. Key B: before.");
    gtk.pack(left, gtk.words(help, 60), false);
    let words = gtk.words("", 60);
    gtk.pack(left, words, false);
    let right = gtk.column();
    gtk.pack(row, right, false);
    let form = Form::add(gtk, right, (procedure, &note), (model, settings));
    form.set(settings, model);

    let looking = Rc::new(Looking::default());
    for (widget, signal) in [
        (canvas, Signal::Press),
        (canvas, Signal::Move),
        (canvas, Signal::Release),
        (dialog, Signal::Key),
    ] {
        let looking = Rc::clone(&looking);
        gtk.listen(widget, signal, move |event| looking.apply(event));
    }
    gtk.show_all(dialog);
    let window = Window { gtk, canvas, words, form, looking };
    let model = RefCell::new(model);
    let response = gtk.while_ticking(&mut || window.tick(&mut **model.borrow_mut()), || {
        loop {
            match gtk.wait(dialog) {
                Response::Reset => window.form.set(&Settings::default(), &**model.borrow()),
                response => break response,
            }
        }
    });
    let accepted = (response == Response::Ok).then(|| window.form.settings());
    let (width, height) = gtk.window_size(dialog);
    gtk.close(dialog);
    (accepted, format!("{width}x{height}"))
}

/// A size such as `960x560`.
fn parse(size: &str) -> Option<(i32, i32)> {
    let (width, height) = size.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=16384).contains(side));
    Some((side(width)?, side(height)?))
}

/// An open dialog.
struct Window<'a> {
    gtk: &'a Gtk,
    canvas: Widget,
    words: Widget,
    form: Form<'a>,
    looking: Rc<Looking>,
}

impl Window<'_> {
    /// Asks the model, and shows what it has to say.
    fn tick(&self, model: &mut dyn Model) {
        if self.form.takes_hints_asked() {
            match model.make_hints() {
                Ok(layer) => self.form.choose_hints(Some(layer)),
                Err(reason) => self.gtk.set_words(self.words, &reason),
            }
        }
        let view = {
            let mut view = self.looking.view.borrow_mut();
            view.room = self.gtk.size(self.canvas);
            view.doubt = self.form.shows_doubt();
            view.clone()
        };
        let update = model.update(&self.form.settings(), &view);
        if let Some((picture, area)) = &update.picture {
            self.gtk.draw(self.canvas, picture);
            self.looking.area.set(*area);
        }
        if let Some(text) = &update.text {
            self.gtk.set_words(self.words, text);
        }
        if let Some((number, picture)) = &update.variant {
            self.form.show_variant(*number, picture.as_ref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_it_is_kept() {
        assert_eq!(parse("960x560"), Some((960, 560)));
        for broken in ["", "960", "x", "-1x5", "960x999999"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
