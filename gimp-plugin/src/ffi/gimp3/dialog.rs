//! The dialog in GIMP 3: libgimp makes it from the arguments; the networks to choose from and the
//! preview are added.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::call::Call;
use crate::dialog::{DialogOptions, PreviewUpdate};
use crate::ffi::error::Error;
use crate::ffi::glib::{Boolean, c_string};
use crate::ffi::gtk::{Gtk, Widget};
use crate::ffi::library::Library;
use crate::ffi::symbols::symbols;
use crate::procedure::{self, ArgumentKind, Settings};

symbols! {
    /// `libgimpui-3.0` and what only GTK 3 has.
    Functions {
        safe {}
        unsafe {
            fn g_list_append(list: *mut c_void, data: *mut c_void) -> *mut c_void;
            fn g_list_free(list: *mut c_void);
            fn g_object_bind_property(
                source: *mut c_void,
                source_property: *const c_char,
                target: *mut c_void,
                target_property: *const c_char,
                flags: c_int,
            ) -> *mut c_void; // (transfer none)
            fn gimp_procedure_dialog_fill_list(dialog: Widget, properties: *mut c_void);
            fn gimp_procedure_dialog_get_scale_entry(
                dialog: Widget,
                property: *const c_char,
                factor: f64,
            ) -> Widget; // (transfer none)
            fn gimp_procedure_dialog_new(
                procedure: *mut c_void,
                config: *mut c_void,
                title: *const c_char,
            ) -> Widget;
            fn gimp_procedure_dialog_run(dialog: Widget) -> Boolean;
            fn gimp_ui_init(program: *const c_char) -> Boolean;
            fn gtk_combo_box_text_append(combo: Widget, id: *const c_char, text: *const c_char);
        }
    }
}

/// `G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE`.
const BOTH_WAYS: c_int = 1 | 2;

/// Runs the dialog, which changes the settings of the call. Gives whether the user accepted them.
pub(crate) fn run(
    call: &Call<'_>,
    options: &DialogOptions,
    preview: &mut dyn FnMut(&Settings) -> Option<PreviewUpdate>,
) -> Result<bool, Error> {
    let library = Library::open("libgimpui-3.0.so.0")?;
    let functions = Functions::load(&|name| library.symbol(name))?;
    let gtk = Gtk::load(&library)?;
    std::mem::forget(library); // GTK cannot be unloaded
    let program = c_string(procedure::NAME);
    // SAFETY: the name ends with a zero byte.
    unsafe { (functions.gimp_ui_init)(program.as_ptr()) };
    let title = c_string(procedure::TITLE);
    // SAFETY: the procedure and its configuration are those of the call.
    let dialog = unsafe {
        (functions.gimp_procedure_dialog_new)(call.procedure, call.config, title.as_ptr())
    };
    if dialog.is_null() {
        return Err(Error::Call { call: "gimp_procedure_dialog_new", reason: None });
    }
    // SAFETY: the dialog was just made.
    let content = unsafe { gtk.content(dialog) };
    // SAFETY: the content is a box.
    let area = unsafe { gtk.add_preview(content, options.preview_side as c_int) };
    // SAFETY: the content is a box of the dialog.
    unsafe { fill(&functions, &gtk, dialog, content, call, options) };
    // SAFETY: as above.
    unsafe { gtk.show_all(content) };
    // SAFETY: the dialog was just made.
    unsafe { gtk.hide_help(dialog) };

    let preview = RefCell::new(preview);
    let mut tick = || {
        if let Some(shown) = (preview.borrow_mut())(&call.settings()) {
            // SAFETY: the dialog is open as long as it ticks.
            unsafe { gtk.show(area, &shown) };
        }
    };
    // SAFETY: the dialog was made above.
    let accepted =
        gtk.while_ticking(&mut tick, || unsafe { (functions.gimp_procedure_dialog_run)(dialog) });
    // SAFETY: the dialog is not used again.
    unsafe { gtk.destroy(dialog) };
    Ok(accepted != 0)
}

/// Adds the settings.
///
/// # Safety
///
/// `content` is the box of `dialog`, a `GimpProcedureDialog` of the call.
unsafe fn fill(
    functions: &Functions,
    gtk: &Gtk,
    dialog: Widget,
    content: Widget,
    call: &Call<'_>,
    options: &DialogOptions,
) {
    let mut names = Vec::new();
    for argument in &procedure::arguments()[procedure::FIXED_ARGUMENTS..] {
        let name = c_string(argument.name);
        match argument.kind {
            ArgumentKind::Text => {
                let combo = gtk.new_combo_box();
                for (id, text) in options.weights(&call.settings().weights) {
                    let (id, text) = (c_string(&id), c_string(&text));
                    let append = functions.gtk_combo_box_text_append;
                    // SAFETY: the list is new, and the texts end with zero bytes.
                    unsafe { append(combo, id.as_ptr(), text.as_ptr()) };
                }
                // SAFETY: both objects live as long as the dialog, and have these properties.
                unsafe {
                    let (active, flags) = (c"active-id".as_ptr(), BOTH_WAYS);
                    let bind = functions.g_object_bind_property;
                    bind(call.config, name.as_ptr(), combo, active, flags);
                }
                // SAFETY: the content is a box, and the list has no parent.
                unsafe { gtk.add_row(content, argument, combo) };
                continue;
            }
            ArgumentKind::Number { .. } => {
                // SAFETY: the dialog's procedure has the argument.
                unsafe {
                    let get = functions.gimp_procedure_dialog_get_scale_entry;
                    get(dialog, name.as_ptr(), 1.0);
                }
            }
            _ => {}
        }
        names.push(name);
    }
    let mut list = ptr::null_mut();
    for name in &names {
        // SAFETY: the list grows by a pointer that lives until it was used.
        list = unsafe { (functions.g_list_append)(list, name.as_ptr().cast_mut().cast()) };
    }
    // SAFETY: the list holds names of the procedure's arguments.
    unsafe { (functions.gimp_procedure_dialog_fill_list)(dialog, list) };
    // SAFETY: the dialog has copied what it needs.
    unsafe { (functions.g_list_free)(list) };
}
