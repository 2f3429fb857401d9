//! GTK 2 and 3, as far as they agree: rows of settings, and a preview above them.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::error::Error;
use super::glib::{Boolean, c_string};
use super::library::Library;
use super::symbols::symbols;
use crate::dialog::PreviewUpdate;
use crate::procedure::Argument;

/// A `GtkWidget` of a dialog that is open.
pub(super) type Widget = *mut c_void;

symbols! {
    /// `libgtk-x11-2.0` or `libgtk-3`, and `libgdk_pixbuf-2.0`.
    Functions {
        safe {
            fn g_source_remove(source: c_uint) -> Boolean;
            fn gtk_combo_box_text_new() -> Widget;
            fn gtk_hbox_new(homogeneous: Boolean, spacing: c_int) -> Widget;
            fn gtk_image_new() -> Widget;
        }
        unsafe {
            fn g_bytes_new(data: *const c_void, size: usize) -> *mut c_void; // (transfer full)
            fn g_bytes_unref(bytes: *mut c_void);
            fn g_object_unref(object: *mut c_void);
            fn g_timeout_add(milliseconds: c_uint, call: Tick, data: *mut c_void) -> c_uint;
            fn gdk_pixbuf_new_from_bytes(
                bytes: *mut c_void,
                color_space: c_int,
                alpha: Boolean,
                bits: c_int,
                width: c_int,
                height: c_int,
                row_bytes: c_int,
            ) -> *mut c_void; // (transfer full)
            fn gtk_box_pack_start(
                within: Widget,
                child: Widget,
                expand: Boolean,
                fill: Boolean,
                padding: c_uint,
            );
            fn gtk_dialog_get_content_area(dialog: Widget) -> Widget; // (transfer none)
            fn gtk_dialog_get_widget_for_response(dialog: Widget, response: c_int) -> Widget; // (transfer none)
            fn gtk_image_set_from_pixbuf(image: Widget, pixbuf: *mut c_void);
            fn gtk_label_new(text: *const c_char) -> Widget;
            fn gtk_label_new_with_mnemonic(text: *const c_char) -> Widget;
            fn gtk_label_set_line_wrap(label: Widget, wrap: Boolean);
            fn gtk_label_set_mnemonic_widget(label: Widget, widget: Widget);
            fn gtk_label_set_text(label: Widget, text: *const c_char);
            fn gtk_widget_destroy(widget: Widget);
            fn gtk_widget_hide(widget: Widget);
            fn gtk_widget_set_size_request(widget: Widget, width: c_int, height: c_int);
            fn gtk_widget_set_tooltip_text(widget: Widget, text: *const c_char);
            fn gtk_widget_show_all(widget: Widget);
        }
    }
}

/// `GSourceFunc`.
type Tick = unsafe extern "C" fn(*mut c_void) -> Boolean;

/// `GTK_RESPONSE_HELP`.
const HELP: c_int = -11;

/// How often a preview is polled, in milliseconds.
const INTERVAL: c_uint = 100;

/// Pixels between widgets.
const SPACING: c_int = 6;

/// GTK, for as long as the process runs.
pub(super) struct Gtk {
    functions: Functions,
}

/// Where a dialog shows what the settings give.
#[derive(Clone, Copy)]
pub(super) struct PreviewArea {
    image: Widget,
    text: Widget,
}

impl Gtk {
    pub(super) fn load(library: &Library) -> Result<Self, Error> {
        Ok(Self { functions: Functions::load(&|name| library.symbol(name))? })
    }

    /// The upper part of a dialog.
    ///
    /// # Safety
    ///
    /// `dialog` is a `GtkDialog`.
    pub(super) unsafe fn content(&self, dialog: Widget) -> Widget {
        // SAFETY: the caller's promise.
        unsafe { (self.functions.gtk_dialog_get_content_area)(dialog) }
    }

    /// Hides the button of a dialog that asks for GIMP's manual, where this plug-in is not described.
    ///
    /// # Safety
    ///
    /// `dialog` is a `GtkDialog`.
    pub(super) unsafe fn hide_help(&self, dialog: Widget) {
        // SAFETY: the caller's promise.
        let button = unsafe { (self.functions.gtk_dialog_get_widget_for_response)(dialog, HELP) };
        if !button.is_null() {
            // SAFETY: the button is one of the dialog.
            unsafe { (self.functions.gtk_widget_hide)(button) };
        }
    }

    /// Sets what is shown when the pointer rests on a widget.
    ///
    /// # Safety
    ///
    /// `widget` is a widget.
    pub(super) unsafe fn set_tooltip(&self, widget: Widget, text: &str) {
        let text = c_string(text);
        // SAFETY: the widget is one by the caller's promise, and the text ends with a zero byte.
        unsafe { (self.functions.gtk_widget_set_tooltip_text)(widget, text.as_ptr()) };
    }

    /// Adds a preview to a box, with room for pictures of `side` x `side` pixels at most.
    ///
    /// # Safety
    ///
    /// `within` is a `GtkBox`.
    pub(super) unsafe fn add_preview(&self, within: Widget, side: c_int) -> PreviewArea {
        let image = (self.functions.gtk_image_new)();
        let empty = c_string("");
        // SAFETY: the text ends with a zero byte.
        let text = unsafe { (self.functions.gtk_label_new)(empty.as_ptr()) };
        // SAFETY: here and below the widgets are new, and the box is one by the caller's promise.
        unsafe { (self.functions.gtk_widget_set_size_request)(image, side, side * 3 / 4) };
        // SAFETY: as above.
        unsafe { (self.functions.gtk_label_set_line_wrap)(text, 1) };
        // SAFETY: as above.
        unsafe { self.pack(within, image, true) };
        // SAFETY: as above.
        unsafe { self.pack(within, text, false) };
        PreviewArea { image, text }
    }

    /// Adds a labelled widget to a box; the label's underlined letter reaches the widget.
    ///
    /// # Safety
    ///
    /// `within` is a `GtkBox`, and `widget` a widget without a parent.
    pub(super) unsafe fn add_row(&self, within: Widget, setting: &Argument, widget: Widget) {
        // SAFETY: the widget is one by the caller's promise.
        unsafe { self.set_tooltip(widget, setting.description) };
        let row = (self.functions.gtk_hbox_new)(0, SPACING);
        let label = c_string(setting.label);
        // SAFETY: the text ends with a zero byte.
        let label = unsafe { (self.functions.gtk_label_new_with_mnemonic)(label.as_ptr()) };
        // SAFETY: the label is new, and the widget is one by the caller's promise.
        unsafe { (self.functions.gtk_label_set_mnemonic_widget)(label, widget) };
        // SAFETY: the row and the label are new.
        unsafe { self.pack(row, label, false) };
        // SAFETY: the row is new, and the widget has no parent by the caller's promise.
        unsafe { self.pack(row, widget, true) };
        // SAFETY: the row is new, and the box is one by the caller's promise.
        unsafe { self.pack(within, row, false) };
    }

    /// Adds a widget to a box.
    ///
    /// # Safety
    ///
    /// `within` is a `GtkBox`, and `widget` a widget without a parent.
    pub(super) unsafe fn pack(&self, within: Widget, widget: Widget, expand: bool) {
        let (expand, padding) = (Boolean::from(expand), SPACING as c_uint / 2);
        // SAFETY: the caller's promise.
        unsafe { (self.functions.gtk_box_pack_start)(within, widget, expand, 1, padding) };
    }

    /// A list of texts to choose from, empty so far.
    pub(super) fn new_combo_box(&self) -> Widget {
        (self.functions.gtk_combo_box_text_new)()
    }

    /// Shows a widget and all that it holds.
    ///
    /// # Safety
    ///
    /// `widget` is a widget.
    pub(super) unsafe fn show_all(&self, widget: Widget) {
        // SAFETY: the caller's promise.
        unsafe { (self.functions.gtk_widget_show_all)(widget) };
    }

    /// Closes a dialog.
    ///
    /// # Safety
    ///
    /// `widget` is a widget, and is not used again.
    pub(super) unsafe fn destroy(&self, widget: Widget) {
        // SAFETY: the caller's promise.
        unsafe { (self.functions.gtk_widget_destroy)(widget) };
    }

    /// Shows a picture or a text in a preview.
    ///
    /// # Safety
    ///
    /// The dialog of the preview is open.
    pub(super) unsafe fn show(&self, area: PreviewArea, shown: &PreviewUpdate) {
        let text = c_string(match shown {
            PreviewUpdate::Picture { .. } => "",
            PreviewUpdate::Text(text) => text,
        });
        // SAFETY: the label is one of an open dialog, and the text ends with a zero byte.
        unsafe { (self.functions.gtk_label_set_text)(area.text, text.as_ptr()) };
        let PreviewUpdate::Picture { width, height, rgb } = shown else { return };
        let (width, height) = (*width as c_int, *height as c_int);
        assert_eq!(rgb.len(), 3 * (width * height) as usize);
        // SAFETY: the bytes are as many as said, and are copied.
        let bytes = unsafe { (self.functions.g_bytes_new)(rgb.as_ptr().cast(), rgb.len()) };
        // SAFETY: the bytes hold `height` rows of `width` pixels in 8-bit RGB (color space 0).
        let pixbuf = unsafe {
            let new = self.functions.gdk_pixbuf_new_from_bytes;
            new(bytes, 0, 0, 8, width, height, 3 * width)
        };
        // SAFETY: the pixbuf has a reference of its own.
        unsafe { (self.functions.g_bytes_unref)(bytes) };
        // SAFETY: the image is one of an open dialog, and takes a reference of its own.
        unsafe { (self.functions.gtk_image_set_from_pixbuf)(area.image, pixbuf) };
        // SAFETY: the reference was given to this function.
        unsafe { (self.functions.g_object_unref)(pixbuf) };
    }

    /// Calls `tick` ten times a second while `run` runs GTK's main loop. A `tick` that panics is
    /// not called again.
    pub(super) fn while_ticking<T>(&self, tick: &mut dyn FnMut(), run: impl FnOnce() -> T) -> T {
        let mut state = TickState { tick, panicked: false };
        let data = (&raw mut state).cast();
        // SAFETY: the data live until the source is removed, below.
        let source = unsafe { (self.functions.g_timeout_add)(INTERVAL, on_tick, data) };
        let result = run();
        (self.functions.g_source_remove)(source);
        result
    }
}

/// What `on_tick` gets.
struct TickState<'a> {
    tick: &'a mut dyn FnMut(),
    panicked: bool,
}

/// Called by GTK's main loop.
unsafe extern "C" fn on_tick(data: *mut c_void) -> Boolean {
    // SAFETY: the data are those of `while_ticking`, which are used by nobody else meanwhile.
    if let Some(state) = unsafe { data.cast::<TickState<'_>>().as_mut() }
        && !state.panicked
    {
        state.panicked = catch_unwind(AssertUnwindSafe(|| (state.tick)())).is_err();
    }
    1 // call again
}

/// No widget.
pub(super) const NO_WIDGET: Widget = ptr::null_mut();
