//! What GTK 2 and 3, and GIMP's widgets of both versions, have under the same names.

use std::ffi::{c_char, c_double, c_int, c_uint, c_void};

use crate::ffi::glib::Boolean;
use crate::ffi::symbols::symbols;

/// Called with a widget, an event or nothing, and data.
pub(super) type Callback = unsafe extern "C" fn();
/// `GSourceFunc`.
pub(super) type Tick = unsafe extern "C" fn(*mut c_void) -> Boolean;
/// `GimpHelpFunc`.
pub(super) type Help = unsafe extern "C" fn(*const c_char, *mut c_void);
/// A `GtkWidget`.
pub(super) type Raw = *mut c_void;

symbols! {
    /// `libgimpui-2.0` or `-3.0`, and what it needs.
    Functions {
        safe {
            fn g_source_remove(source: c_uint) -> Boolean;
            fn gimp_preview_area_new() -> Raw;
            fn gtk_combo_box_text_new() -> Raw;
            fn gtk_hbox_new(homogeneous: Boolean, spacing: c_int) -> Raw;
            fn gtk_hscale_new_with_range(least: c_double, most: c_double, step: c_double) -> Raw;
            fn gtk_image_new() -> Raw;
            fn gtk_table_new(rows: c_uint, columns: c_uint, homogeneous: Boolean) -> Raw;
            fn gtk_vbox_new(homogeneous: Boolean, spacing: c_int) -> Raw;
        }
        unsafe {
            fn g_bytes_new(data: *const c_void, size: usize) -> *mut c_void; // (transfer full)
            fn g_bytes_unref(bytes: *mut c_void);
            fn g_free(memory: *mut c_void);
            fn g_object_ref_sink(object: *mut c_void) -> *mut c_void;
            fn g_object_unref(object: *mut c_void);
            fn g_signal_connect_data(
                object: *mut c_void,
                signal: *const c_char,
                handler: Callback,
                data: *mut c_void,
                destroy: *mut c_void,
                flags: c_int,
            ) -> std::ffi::c_ulong;
            fn g_timeout_add(milliseconds: c_uint, call: Tick, data: *mut c_void) -> c_uint;
            fn gdk_event_get_coords(event: *const c_void, x: *mut c_double, y: *mut c_double) -> Boolean;
            fn gdk_pixbuf_new_from_bytes(
                bytes: *mut c_void,
                color_space: c_int,
                alpha: Boolean,
                bits: c_int,
                width: c_int,
                height: c_int,
                row_bytes: c_int,
            ) -> *mut c_void; // (transfer full)
            fn gimp_dialog_run(dialog: Raw) -> c_int;
            fn gimp_preview_area_draw(
                area: Raw,
                x: c_int,
                y: c_int,
                width: c_int,
                height: c_int,
                kind: c_int,
                pixels: *const u8,
                row_bytes: c_int,
            );
            fn gimp_window_set_transient(window: Raw);
            fn gtk_box_pack_start(
                within: Raw,
                child: Raw,
                expand: Boolean,
                fill: Boolean,
                padding: c_uint,
            );
            fn gtk_button_new_with_mnemonic(label: *const c_char) -> Raw;
            fn gtk_check_button_new_with_mnemonic(label: *const c_char) -> Raw;
            fn gtk_combo_box_get_active(combo: Raw) -> c_int;
            fn gtk_combo_box_set_active(combo: Raw, index: c_int);
            fn gtk_combo_box_text_append_text(combo: Raw, text: *const c_char);
            fn gtk_container_add(container: Raw, child: Raw);
            fn gtk_container_set_border_width(container: Raw, pixels: c_uint);
            fn gtk_dialog_get_content_area(dialog: Raw) -> Raw; // (transfer none)
            fn gtk_file_chooser_button_new(title: *const c_char, action: c_int) -> Raw;
            fn gtk_file_chooser_get_filename(chooser: Raw) -> *mut c_char; // (transfer full)
            fn gtk_file_chooser_set_filename(chooser: Raw, name: *const c_char) -> Boolean;
            fn gtk_file_chooser_unselect_all(chooser: Raw);
            fn gtk_image_set_from_pixbuf(image: Raw, pixbuf: *mut c_void);
            fn gtk_label_new(text: *const c_char) -> Raw;
            fn gtk_label_new_with_mnemonic(text: *const c_char) -> Raw;
            fn gtk_label_set_line_wrap(label: Raw, wrap: Boolean);
            fn gtk_label_set_mnemonic_widget(label: Raw, widget: Raw);
            fn gtk_label_set_text(label: Raw, text: *const c_char);
            fn gtk_label_set_width_chars(label: Raw, characters: c_int);
            fn gtk_label_set_max_width_chars(label: Raw, characters: c_int);
            fn gtk_misc_set_alignment(misc: Raw, x: f32, y: f32);
            fn gtk_radio_button_new_from_widget(group: Raw) -> Raw;
            fn gtk_range_get_value(range: Raw) -> c_double;
            fn gtk_range_set_value(range: Raw, value: c_double);
            fn gtk_table_attach(
                table: Raw,
                child: Raw,
                left: c_uint,
                right: c_uint,
                top: c_uint,
                bottom: c_uint,
                x_options: c_int,
                y_options: c_int,
                x_padding: c_uint,
                y_padding: c_uint,
            );
            fn gtk_toggle_button_get_active(button: Raw) -> Boolean;
            fn gtk_toggle_button_set_active(button: Raw, active: Boolean);
            fn gtk_toggle_button_set_mode(button: Raw, draw_indicator: Boolean);
            fn gtk_widget_add_events(widget: Raw, events: c_int);
            fn gtk_widget_destroy(widget: Raw);
            fn gtk_widget_get_allocation(widget: Raw, area: *mut [c_int; 4]);
            fn gtk_widget_set_size_request(widget: Raw, width: c_int, height: c_int);
            fn gtk_widget_set_visible(widget: Raw, visible: Boolean);
            fn gtk_widget_set_tooltip_text(widget: Raw, text: *const c_char);
            fn gtk_widget_show_all(widget: Raw);
            fn gtk_window_get_size(window: Raw, width: *mut c_int, height: *mut c_int);
            fn gtk_window_set_default_size(window: Raw, width: c_int, height: c_int);
        }
        variadic {
            fn gimp_dialog_new(
                title: *const c_char,
                role: *const c_char,
                parent: Raw,
                flags: c_int,
                help: Option<Help>,
                help_id: *const c_char,
            ) -> Raw;
        }
    }
}

symbols! {
    /// How GIMP 2.10 prepares GTK.
    Prepare2 {
        safe {}
        unsafe { fn gimp_ui_init(program: *const c_char, preview: Boolean); }
    }
}

symbols! {
    /// How GIMP 3 prepares GTK.
    Prepare3 {
        safe {}
        unsafe { fn gimp_ui_init(program: *const c_char) -> Boolean; }
    }
}
