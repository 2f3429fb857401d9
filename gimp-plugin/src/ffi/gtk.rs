//! GTK 2 and 3, as far as they agree, and GIMP's own widgets.
//!
//! A [`Widget`] keeps a reference that is never given back, so that it can be used safely as long as
//! the process runs, which is one dialog. GTK itself checks the kind of what it is called with.

mod events;
mod functions;

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use super::error::Error;
use super::glib::{Boolean, borrowed, c_string};
use super::library::Library;
use crate::dialog::Picture;
pub(crate) use events::Signal;
use functions::{Functions, Prepare2, Prepare3};

/// Which GIMP's widgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolkit {
    /// GTK 2, of GIMP 2.10.
    Two,
    /// GTK 3, of GIMP 3.
    Three,
}

/// A `GtkWidget`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Widget(NonNull<c_void>);

impl Widget {
    fn raw(self) -> *mut c_void {
        self.0.as_ptr()
    }
}

/// How a dialog was closed, or which of its buttons was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Ok,
    Cancel,
    Reset,
}

/// `GTK_RESPONSE_OK`, `GTK_RESPONSE_CANCEL`, and one of our own.
const OK: c_int = -5;
const CANCEL: c_int = -6;
const RESET: c_int = 1;

/// `GTK_EXPAND | GTK_SHRINK | GTK_FILL`, and `GTK_FILL` alone.
const GROW: c_int = 1 | 2 | 4;
const FILL: c_int = 4;

/// How often a dialog is polled, in milliseconds.
const INTERVAL: c_uint = 25;

/// Characters of an entry of a list, at most.
const LONGEST_ENTRY: usize = 36;

/// Pixels between widgets.
const SPACING: c_int = 6;

/// GTK, for as long as the process runs.
pub(crate) struct Gtk {
    functions: Functions,
}

impl Gtk {
    /// Opens and prepares GTK for a program of this name.
    ///
    /// # Errors
    ///
    /// When a library or a function is missing.
    pub(crate) fn open(toolkit: Toolkit, program: &str) -> Result<Self, Error> {
        let library = Library::open(match toolkit {
            Toolkit::Two => "gimpui-2.0",
            Toolkit::Three => "gimpui-3.0",
        })?;
        let functions = Functions::load(&|name| library.symbol(name))?;
        let program = c_string(program);
        match toolkit {
            Toolkit::Two => {
                let prepare = Prepare2::load(&|name| library.symbol(name))?;
                // SAFETY: the name ends with a zero byte.
                unsafe { (prepare.gimp_ui_init)(program.as_ptr(), 0) };
            }
            Toolkit::Three => {
                let prepare = Prepare3::load(&|name| library.symbol(name))?;
                // SAFETY: the name ends with a zero byte.
                unsafe { (prepare.gimp_ui_init)(program.as_ptr()) };
            }
        }
        std::mem::forget(library); // GTK cannot be unloaded
        Ok(Self { functions })
    }

    /// Keeps a widget that was just made (a floating reference), or is another's (transfer none).
    fn keep(&self, widget: *mut c_void) -> Widget {
        let widget = NonNull::new(widget).expect("GTK makes a widget or ends the process");
        // SAFETY: GTK made the widget.
        unsafe { (self.functions.g_object_ref_sink)(widget.as_ptr()) };
        Widget(widget)
    }

    /// A dialog above GIMP's window, with its buttons, which have these labels.
    pub(crate) fn dialog(&self, title: &str, role: &str, [reset, cancel, ok]: [&str; 3]) -> Widget {
        let texts = [title, role, reset, cancel, ok].map(c_string);
        let [title, role, reset, cancel, ok] = texts.each_ref().map(|text| text.as_ptr());
        let no_parent = ptr::null_mut();
        // SAFETY: the texts end with zero bytes; pairs of a label and its response, and null at the
        // end.
        let dialog = unsafe {
            let new = self.functions.gimp_dialog_new;
            let end = ptr::null::<c_char>();
            new(title, role, no_parent, 0, None, end, reset, RESET, cancel, CANCEL, ok, OK, end)
        };
        let dialog = self.keep(dialog);
        // SAFETY: the dialog was just made.
        unsafe { (self.functions.gimp_window_set_transient)(dialog.raw()) };
        dialog
    }

    /// The part of a dialog above its buttons.
    pub(crate) fn content(&self, dialog: Widget) -> Widget {
        // SAFETY: a widget is there as long as the process.
        self.keep(unsafe { (self.functions.gtk_dialog_get_content_area)(dialog.raw()) })
    }

    /// Waits until the dialog is answered.
    pub(crate) fn wait(&self, dialog: Widget) -> Response {
        // SAFETY: a widget is there as long as the process.
        match unsafe { (self.functions.gimp_dialog_run)(dialog.raw()) } {
            OK => Response::Ok,
            RESET => Response::Reset,
            _ => Response::Cancel,
        }
    }

    /// Closes a dialog.
    pub(crate) fn close(&self, dialog: Widget) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_widget_destroy)(dialog.raw()) };
    }

    /// A window's width and height.
    pub(crate) fn window_size(&self, window: Widget) -> (i32, i32) {
        let (mut width, mut height) = (0, 0);
        // SAFETY: both are there to be written.
        unsafe {
            let get = self.functions.gtk_window_get_size;
            get(window.raw(), &raw mut width, &raw mut height);
        }
        (width, height)
    }

    /// Sets how large a window opens.
    pub(crate) fn set_window_size(&self, window: Widget, (width, height): (i32, i32)) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_window_set_default_size)(window.raw(), width, height) };
    }

    /// A row of widgets.
    pub(crate) fn row(&self) -> Widget {
        self.keep((self.functions.gtk_hbox_new)(0, SPACING))
    }

    /// A column of widgets.
    pub(crate) fn column(&self) -> Widget {
        self.keep((self.functions.gtk_vbox_new)(0, SPACING))
    }

    /// Leaves space around what a container holds.
    pub(crate) fn set_border(&self, container: Widget, pixels: u32) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_container_set_border_width)(container.raw(), pixels) };
    }

    /// Adds a widget to a row or a column.
    pub(crate) fn pack(&self, within: Widget, widget: Widget, expand: bool) {
        let expand = Boolean::from(expand);
        // SAFETY: widgets are there as long as the process.
        unsafe { (self.functions.gtk_box_pack_start)(within.raw(), widget.raw(), expand, 1, 0) };
    }

    /// Widgets in rows and two columns.
    pub(crate) fn table(&self) -> Widget {
        self.keep((self.functions.gtk_table_new)(1, 2, 0))
    }

    /// Adds a row to a table: a label, whose underlined letter reaches the widget, and the widget.
    pub(crate) fn add_row(&self, table: Widget, row: u32, (label, widget): (&str, Widget)) {
        let text = c_string(label);
        // SAFETY: the text ends with a zero byte.
        let label = unsafe { (self.functions.gtk_label_new_with_mnemonic)(text.as_ptr()) };
        let label = self.keep(label);
        self.align_left(label);
        // SAFETY: widgets are there as long as the process.
        unsafe { (self.functions.gtk_label_set_mnemonic_widget)(label.raw(), widget.raw()) };
        self.attach(table, label, (0, row), FILL);
        self.attach(table, widget, (1, row), GROW);
    }

    fn attach(&self, table: Widget, widget: Widget, (column, row): (u32, u32), options: c_int) {
        let (right, below, padding) = (column + 1, row + 1, SPACING as c_uint / 2);
        // SAFETY: widgets are there as long as the process.
        unsafe {
            let attach = self.functions.gtk_table_attach;
            let (table, widget) = (table.raw(), widget.raw());
            attach(table, widget, column, right, row, below, options, FILL, padding, padding);
        }
    }

    /// Words that wrap, `characters` in a line at most.
    pub(crate) fn words(&self, text: &str, characters: i32) -> Widget {
        let text = c_string(text);
        // SAFETY: the text ends with a zero byte.
        let label = self.keep(unsafe { (self.functions.gtk_label_new)(text.as_ptr()) });
        self.align_left(label);
        // SAFETY: here and below a widget is there as long as the process.
        unsafe { (self.functions.gtk_label_set_line_wrap)(label.raw(), 1) };
        // SAFETY: as above.
        unsafe { (self.functions.gtk_label_set_width_chars)(label.raw(), characters) };
        // SAFETY: as above.
        unsafe { (self.functions.gtk_label_set_max_width_chars)(label.raw(), characters) };
        label
    }

    fn align_left(&self, label: Widget) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_misc_set_alignment)(label.raw(), 0.0, 0.5) };
    }

    /// Changes words.
    pub(crate) fn set_words(&self, label: Widget, text: &str) {
        let text = c_string(text);
        // SAFETY: the text ends with a zero byte.
        unsafe { (self.functions.gtk_label_set_text)(label.raw(), text.as_ptr()) };
    }

    /// Sets what is shown when the pointer rests on a widget.
    pub(crate) fn set_tooltip(&self, widget: Widget, text: &str) {
        let text = c_string(text);
        // SAFETY: the text ends with a zero byte.
        unsafe { (self.functions.gtk_widget_set_tooltip_text)(widget.raw(), text.as_ptr()) };
    }

    /// Shows or hides a widget.
    pub(crate) fn set_visible(&self, widget: Widget, visible: bool) {
        let visible = Boolean::from(visible);
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_widget_set_visible)(widget.raw(), visible) };
    }

    /// Keeps so many pixels free for a widget, whatever it holds; -1: no more than it needs.
    pub(crate) fn set_least_size(&self, widget: Widget, width: i32, height: i32) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_widget_set_size_request)(widget.raw(), width, height) };
    }

    /// Shows a widget and all that it holds.
    pub(crate) fn show_all(&self, widget: Widget) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_widget_show_all)(widget.raw()) };
    }

    /// A list of texts to choose from, empty so far.
    pub(crate) fn combo(&self) -> Widget {
        self.keep((self.functions.gtk_combo_box_text_new)())
    }

    /// Adds a text to a list. One that would widen the dialog loses its middle.
    pub(crate) fn append(&self, combo: Widget, text: &str) {
        let text = c_string(&shortened(text, LONGEST_ENTRY));
        // SAFETY: the text ends with a zero byte.
        unsafe { (self.functions.gtk_combo_box_text_append_text)(combo.raw(), text.as_ptr()) };
    }

    /// The number of the chosen text.
    pub(crate) fn chosen(&self, combo: Widget) -> Option<usize> {
        // SAFETY: a widget is there as long as the process.
        usize::try_from(unsafe { (self.functions.gtk_combo_box_get_active)(combo.raw()) }).ok()
    }

    /// Chooses a text.
    pub(crate) fn choose(&self, combo: Widget, index: usize) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_combo_box_set_active)(combo.raw(), index as c_int) };
    }

    /// A number to be set by a slider.
    pub(crate) fn scale(&self, least: f64, most: f64, step: f64) -> Widget {
        self.keep((self.functions.gtk_hscale_new_with_range)(least, most, step))
    }

    /// The number of a slider.
    pub(crate) fn value(&self, scale: Widget) -> f64 {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_range_get_value)(scale.raw()) }
    }

    /// Sets the number of a slider.
    pub(crate) fn set_value(&self, scale: Widget, value: f64) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_range_set_value)(scale.raw(), value) };
    }

    /// A button; the label's underlined letter presses it.
    pub(crate) fn button(&self, label: &str) -> Widget {
        let label = c_string(label);
        // SAFETY: the label ends with a zero byte.
        self.keep(unsafe { (self.functions.gtk_button_new_with_mnemonic)(label.as_ptr()) })
    }

    /// A box to be ticked.
    pub(crate) fn check(&self, label: &str) -> Widget {
        let label = c_string(label);
        // SAFETY: the label ends with a zero byte.
        self.keep(unsafe { (self.functions.gtk_check_button_new_with_mnemonic)(label.as_ptr()) })
    }

    /// Buttons that hold a picture each, one of which is pressed: the buttons and their pictures.
    pub(crate) fn pictures<const N: usize>(&self) -> [(Widget, Widget); N] {
        let mut group = ptr::null_mut();
        [(); N].map(|()| {
            // SAFETY: null, or one of these buttons.
            let button = unsafe { (self.functions.gtk_radio_button_new_from_widget)(group) };
            let button = self.keep(button);
            group = button.raw();
            // SAFETY: here and below a widget is there as long as the process.
            unsafe { (self.functions.gtk_toggle_button_set_mode)(button.raw(), 0) };
            let picture = self.keep((self.functions.gtk_image_new)());
            // SAFETY: as above.
            unsafe { (self.functions.gtk_container_add)(button.raw(), picture.raw()) };
            (button, picture)
        })
    }

    /// Whether a button is pressed, or a box ticked.
    pub(crate) fn is_on(&self, button: Widget) -> bool {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_toggle_button_get_active)(button.raw()) != 0 }
    }

    /// Presses a button, or ticks a box.
    pub(crate) fn set_on(&self, button: Widget, on: bool) {
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_toggle_button_set_active)(button.raw(), Boolean::from(on)) };
    }

    /// A button that asks for a file.
    pub(crate) fn file_button(&self, title: &str) -> Widget {
        let title = c_string(title);
        // SAFETY: the title ends with a zero byte; 0 is `GTK_FILE_CHOOSER_ACTION_OPEN`.
        self.keep(unsafe { (self.functions.gtk_file_chooser_button_new)(title.as_ptr(), 0) })
    }

    /// The file that was chosen.
    pub(crate) fn file(&self, button: Widget) -> Option<String> {
        // SAFETY: a widget is there as long as the process.
        let name = unsafe { (self.functions.gtk_file_chooser_get_filename)(button.raw()) };
        // SAFETY: null, or ends with a zero byte.
        let copy = unsafe { borrowed(name) };
        // SAFETY: GTK gives the string away; null is allowed.
        unsafe { (self.functions.g_free)(name.cast()) };
        copy
    }

    /// Chooses a file, or none.
    pub(crate) fn set_file(&self, button: Widget, file: Option<&str>) {
        let Some(file) = file.map(c_string) else {
            // SAFETY: a widget is there as long as the process.
            return unsafe { (self.functions.gtk_file_chooser_unselect_all)(button.raw()) };
        };
        // SAFETY: the name ends with a zero byte.
        unsafe { (self.functions.gtk_file_chooser_set_filename)(button.raw(), file.as_ptr()) };
    }

    /// Shows a picture in an image widget.
    pub(crate) fn set_picture(&self, image: Widget, picture: &Picture) {
        let (width, height) = (picture.width as c_int, picture.height as c_int);
        assert_eq!(picture.rgb.len(), 3 * (width * height) as usize);
        // SAFETY: the bytes are as many as said, and are copied.
        let bytes =
            unsafe { (self.functions.g_bytes_new)(picture.rgb.as_ptr().cast(), picture.rgb.len()) };
        // SAFETY: the bytes hold `height` rows of `width` pixels in 8-bit RGB (color space 0).
        let pixbuf = unsafe {
            let new = self.functions.gdk_pixbuf_new_from_bytes;
            new(bytes, 0, 0, 8, width, height, 3 * width)
        };
        // SAFETY: the pixbuf has a reference of its own.
        unsafe { (self.functions.g_bytes_unref)(bytes) };
        // SAFETY: the image takes a reference of its own.
        unsafe { (self.functions.gtk_image_set_from_pixbuf)(image.raw(), pixbuf) };
        // SAFETY: the reference was given to this function.
        unsafe { (self.functions.g_object_unref)(pixbuf) };
    }

    /// Calls `tick` forty times a second while `run` runs GTK's main loop. A `tick` that panics is
    /// not called again.
    pub(crate) fn while_ticking<T>(&self, tick: &mut dyn FnMut(), run: impl FnOnce() -> T) -> T {
        let mut state = TickState { tick, is_ticking: false };
        let data = (&raw mut state).cast();
        // SAFETY: the data live until the source is removed, below.
        let source = unsafe { (self.functions.g_timeout_add)(INTERVAL, on_tick, data) };
        let result = run();
        (self.functions.g_source_remove)(source);
        result
    }
}

/// A text of at most `longest` characters: beginning and end of a longer one.
fn shortened(text: &str, longest: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= longest {
        return text.to_owned();
    }
    let half = (longest - 1) / 2;
    let (beginning, end) = (&characters[..half], &characters[characters.len() - half..]);
    format!("{}…{}", String::from_iter(beginning), String::from_iter(end))
}

/// What `on_tick` gets.
struct TickState<'a> {
    tick: &'a mut dyn FnMut(),
    /// Set while it ticks, and for good once it has panicked.
    is_ticking: bool,
}

/// Called by GTK's main loop.
unsafe extern "C" fn on_tick(data: *mut c_void) -> Boolean {
    // SAFETY: the data are those of `while_ticking`; GLib does not call a source within itself.
    if let Some(state) = unsafe { data.cast::<TickState<'_>>().as_mut() }
        && !state.is_ticking
    {
        state.is_ticking = true;
        state.is_ticking = catch_unwind(AssertUnwindSafe(|| (state.tick)())).is_err();
    }
    1 // call again
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_long_text_loses_its_middle_alone() {
        assert_eq!(shortened("Bürgerhaus", 10), "Bürgerhaus");
        assert_eq!(shortened("Bürgerhaus 1911.tif", 9), "Bürg….tif");
    }
}
