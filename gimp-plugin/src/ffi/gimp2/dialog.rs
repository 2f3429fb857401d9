//! The dialog in GIMP 2.10, a small one of GTK 2.

use std::ffi::{c_char, c_double, c_int, c_void};
use std::ptr;

use polychromify_core::SATURATION;

use crate::dialog::{DialogOptions, PreviewUpdate};
use crate::ffi::error::Error;
use crate::ffi::glib::{Boolean, c_string};
use crate::ffi::gtk::{Gtk, NO_WIDGET, Widget};
use crate::ffi::library::Library;
use crate::ffi::symbols::symbols;
use crate::procedure::{self, Settings};

symbols! {
    /// `libgimpui-2.0`, `libgimpwidgets-2.0` and what only GTK 2 needs.
    Functions {
        safe {
            fn gtk_hscale_new_with_range(least: c_double, most: c_double, step: c_double) -> Widget;
        }
        unsafe {
            fn gimp_dialog_run(dialog: Widget) -> c_int;
            fn gimp_int_combo_box_get_active(combo: Widget, value: *mut c_int) -> Boolean;
            fn gimp_int_combo_box_set_active(combo: Widget, value: c_int) -> Boolean;
            fn gimp_layer_combo_box_new(constraint: Option<Constraint>, data: *mut c_void) -> Widget;
            fn gimp_ui_init(program: *const c_char, preview: Boolean);
            fn gimp_window_set_transient(window: Widget);
            fn gtk_check_button_new_with_mnemonic(label: *const c_char) -> Widget;
            fn gtk_combo_box_get_active(combo: Widget) -> c_int;
            fn gtk_combo_box_set_active(combo: Widget, index: c_int);
            fn gtk_combo_box_text_append_text(combo: Widget, text: *const c_char);
            fn gtk_container_set_border_width(container: Widget, pixels: u32);
            fn gtk_range_get_value(range: Widget) -> c_double;
            fn gtk_range_set_value(range: Widget, value: c_double);
            fn gtk_toggle_button_get_active(button: Widget) -> Boolean;
            fn gtk_toggle_button_set_active(button: Widget, active: Boolean);
        }
        variadic {
            fn gimp_dialog_new(
                title: *const c_char,
                role: *const c_char,
                parent: Widget,
                flags: c_int,
                help: Option<Help>,
                help_id: *const c_char,
            ) -> Widget;
            fn gimp_int_combo_box_prepend(combo: Widget);
        }
    }
}

/// `GimpDrawableConstraintFunc`.
type Constraint = unsafe extern "C" fn(image: i32, item: i32, data: *mut c_void) -> Boolean;
/// `GimpHelpFunc`.
type Help = unsafe extern "C" fn(*const c_char, *mut c_void);

/// `GTK_RESPONSE_OK`, `GTK_RESPONSE_CANCEL`, and one of our own.
const OK: c_int = -5;
const CANCEL: c_int = -6;
const RESET: c_int = 1;

/// `GIMP_INT_STORE_VALUE`, `GIMP_INT_STORE_LABEL`, and the end of such a list.
const VALUE: c_int = 0;
const LABEL: c_int = 1;
const END: c_int = -1;

/// The entry that is no layer.
const NO_LAYER: c_int = -1;

/// Runs the dialog for an image. Gives the user's settings, or `None` if the user cancelled.
pub(crate) fn run(
    image: i32,
    settings: &Settings,
    options: &DialogOptions,
    preview: &mut dyn FnMut(&Settings) -> Option<PreviewUpdate>,
) -> Result<Option<Settings>, Error> {
    let library = Library::open("libgimpui-2.0.so.0")?;
    let functions = Functions::load(&|name| library.symbol(name))?;
    let gtk = Gtk::load(&library)?;
    std::mem::forget(library); // GTK cannot be unloaded
    let dialog = new_dialog(&functions)?;
    // SAFETY: the dialog was just made.
    let content = unsafe { gtk.content(dialog) };
    // SAFETY: the content is a container.
    unsafe { (functions.gtk_container_set_border_width)(content, 12) };
    // SAFETY: the content is a box.
    let area = unsafe { gtk.add_preview(content, options.preview_side as c_int) };
    let weights = options.weights(&settings.weights);
    // SAFETY: the content is a box.
    let form = unsafe { Form::add(&functions, &gtk, content, image, weights) };
    form.set(settings);
    // SAFETY: the dialog was made above.
    unsafe { gtk.show_all(dialog) };

    let mut tick = || {
        if let Some(shown) = preview(&form.settings()) {
            // SAFETY: the dialog is open as long as it ticks.
            unsafe { gtk.show(area, &shown) };
        }
    };
    let response = gtk.while_ticking(&mut tick, || {
        loop {
            // SAFETY: the dialog was made above.
            let response = unsafe { (functions.gimp_dialog_run)(dialog) };
            if response != RESET {
                break response;
            }
            form.set(&Settings::default());
        }
    });
    let accepted = (response == OK).then(|| form.settings());
    // SAFETY: the dialog is not used again.
    unsafe { gtk.destroy(dialog) };
    Ok(accepted)
}

/// A dialog above GIMP's window, with its buttons.
fn new_dialog(functions: &Functions) -> Result<Widget, Error> {
    let name = c_string(procedure::NAME);
    // SAFETY: the name ends with a zero byte.
    unsafe { (functions.gimp_ui_init)(name.as_ptr(), 0) };
    let title = c_string(procedure::TITLE);
    // SAFETY: the texts end with zero bytes; pairs of a label and its response, and null at the end.
    let dialog = unsafe {
        (functions.gimp_dialog_new)(
            title.as_ptr(),
            name.as_ptr(),
            NO_WIDGET,
            0,
            None,
            ptr::null(),
            c"_Reset".as_ptr(),
            RESET,
            c"_Cancel".as_ptr(),
            CANCEL,
            c"_OK".as_ptr(),
            OK,
            ptr::null::<c_char>(),
        )
    };
    if dialog.is_null() {
        return Err(Error::Call { call: "gimp_dialog_new", reason: None });
    }
    // SAFETY: the dialog was just made.
    unsafe { (functions.gimp_window_set_transient)(dialog) };
    Ok(dialog)
}

/// The widgets of the settings, in an open dialog.
struct Form<'a> {
    functions: &'a Functions,
    /// Values of the entries of `network`.
    weights: Vec<String>,
    network: Widget,
    saturation: Widget,
    hints: Widget,
    replace: Widget,
}

impl<'a> Form<'a> {
    /// Adds the widgets to a dialog.
    ///
    /// # Safety
    ///
    /// `content` is a box of a dialog that stays open as long as the form.
    unsafe fn add(
        functions: &'a Functions,
        gtk: &Gtk,
        content: Widget,
        image: i32,
        options: Vec<(String, String)>,
    ) -> Self {
        let [network_setting, saturation_setting, hints_setting, replace_setting] =
            [0, 1, 2, 3].map(|at| &procedure::arguments()[procedure::FIXED_ARGUMENTS + at]);
        let network = gtk.new_combo_box();
        let mut weights = Vec::new();
        for (value, text) in options {
            let text = c_string(&text);
            // SAFETY: the list is new, and the text ends with a zero byte.
            unsafe { (functions.gtk_combo_box_text_append_text)(network, text.as_ptr()) };
            weights.push(value);
        }
        // SAFETY: the content is a box, and the list has no parent.
        unsafe { gtk.add_row(content, network_setting, network) };

        let (least, most) = SATURATION.into_inner();
        let saturation = (functions.gtk_hscale_new_with_range)(least.into(), most.into(), 0.05);
        // SAFETY: as above.
        unsafe { gtk.add_row(content, saturation_setting, saturation) };

        // SAFETY: the number of the image is passed as data, which is never followed.
        let hints = unsafe {
            let image = image as usize as *mut c_void;
            (functions.gimp_layer_combo_box_new)(Some(is_of_image), image)
        };
        // SAFETY: pairs of a column and its value, and the end of the list.
        unsafe {
            let text = c"The layer named “hints”, if any".as_ptr();
            let prepend = functions.gimp_int_combo_box_prepend;
            prepend(hints, VALUE, NO_LAYER, LABEL, text, END);
        }
        // SAFETY: as above.
        unsafe { gtk.add_row(content, hints_setting, hints) };

        let label = c_string(replace_setting.label);
        // SAFETY: the label ends with a zero byte.
        let replace = unsafe { (functions.gtk_check_button_new_with_mnemonic)(label.as_ptr()) };
        // SAFETY: the content is a box, and the button has no parent.
        unsafe { gtk.pack(content, replace, false) };
        // SAFETY: the button was just made.
        unsafe { gtk.set_tooltip(replace, replace_setting.description) };
        Self { functions, weights, network, saturation, hints, replace }
    }

    /// Reads the widgets.
    fn settings(&self) -> Settings {
        // SAFETY: here and below the widgets are those of an open dialog.
        let index = unsafe { (self.functions.gtk_combo_box_get_active)(self.network) };
        let weights = usize::try_from(index).ok().and_then(|index| self.weights.get(index));
        let mut hints = NO_LAYER;
        // SAFETY: as above, and the value is there to be written.
        unsafe { (self.functions.gimp_int_combo_box_get_active)(self.hints, &raw mut hints) };
        Settings {
            weights: weights.cloned().unwrap_or_default(),
            // SAFETY: as above. Two digits are what the scale shows.
            saturation: (100.0 * unsafe { (self.functions.gtk_range_get_value)(self.saturation) })
                .round()
                / 100.0,
            hints: (hints != NO_LAYER).then_some(hints),
            // SAFETY: as above.
            replace: unsafe { (self.functions.gtk_toggle_button_get_active)(self.replace) } != 0,
        }
    }

    /// Sets the widgets.
    fn set(&self, settings: &Settings) {
        let index = self.weights.iter().position(|weights| *weights == settings.weights);
        // SAFETY: here and below the widgets are those of an open dialog.
        unsafe {
            (self.functions.gtk_combo_box_set_active)(self.network, index.unwrap_or(0) as c_int);
        }
        // SAFETY: as above.
        unsafe { (self.functions.gtk_range_set_value)(self.saturation, settings.saturation) };
        let hints = settings.hints.unwrap_or(NO_LAYER);
        // SAFETY: as above.
        unsafe { (self.functions.gimp_int_combo_box_set_active)(self.hints, hints) };
        let replace = Boolean::from(settings.replace);
        // SAFETY: as above.
        unsafe { (self.functions.gtk_toggle_button_set_active)(self.replace, replace) };
    }
}

/// Whether a layer is one of the image whose number is `data`.
unsafe extern "C" fn is_of_image(image: i32, _item: i32, data: *mut c_void) -> Boolean {
    Boolean::from(image as usize == data as usize)
}
