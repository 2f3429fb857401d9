//! Widgets that are drawn on and listened to.

use std::ffi::{CStr, c_double, c_int, c_uint, c_void};
use std::mem::transmute;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::functions::Callback;
use super::{Gtk, Widget};
use crate::dialog::{Event, Picture};
use crate::ffi::glib::Boolean;

/// What a widget is listened to for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Press,
    Move,
    Release,
    Key,
}

impl Signal {
    fn name(self) -> &'static CStr {
        match self {
            Self::Press => c"button-press-event",
            Self::Move => c"motion-notify-event",
            Self::Release => c"button-release-event",
            Self::Key => c"key-press-event",
        }
    }
}

/// `GDK_BUTTON1_MOTION_MASK | GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK`.
const MOUSE: c_int = 1 << 5 | 1 << 8 | 1 << 9;

/// `GDK_CONTROL_MASK | GDK_MOD1_MASK`: keys that belong to menus and labels.
const SHORTCUT: c_uint = 1 << 2 | 1 << 3;

/// `GDK_MOTION_NOTIFY`, `GDK_BUTTON_PRESS`, `GDK_BUTTON_RELEASE`, `GDK_KEY_PRESS`.
const MOVED: c_int = 3;
const PRESSED: c_int = 4;
const RELEASED: c_int = 7;
const KEY: c_int = 8;

/// `GdkEventKey` as far as both versions of GDK have the same.
#[repr(C)]
struct KeyEvent {
    kind: c_int,
    window: *mut c_void,
    sent: i8,
    time: u32,
    state: c_uint,
    value: c_uint,
}

/// How GTK calls a handler of events, and one of clicks.
type OnEvent = unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_void) -> Boolean;
type OnClick = unsafe extern "C" fn(*mut c_void, *mut c_void);

/// What a signal's handler is called with.
struct Listener {
    gtk: Gtk,
    handler: Box<dyn Fn(Event) -> bool>,
}

impl Gtk {
    /// A widget to be drawn on, at least this large, that hears the mouse.
    pub(crate) fn canvas(&self, width: i32, height: i32) -> Widget {
        let area = self.keep((self.functions.gimp_preview_area_new)());
        self.set_least_size(area, width, height);
        // SAFETY: a widget is there as long as the process.
        unsafe { (self.functions.gtk_widget_add_events)(area.raw(), MOUSE) };
        area
    }

    /// Width and height of a widget on the screen.
    pub(crate) fn size(&self, widget: Widget) -> (u32, u32) {
        let mut area = [0; 4];
        // SAFETY: a `GtkAllocation` is four numbers, which are there to be written.
        unsafe { (self.functions.gtk_widget_get_allocation)(widget.raw(), &raw mut area) };
        (area[2].max(1) as u32, area[3].max(1) as u32)
    }

    /// Draws on a canvas.
    pub(crate) fn draw(&self, canvas: Widget, picture: &Picture) {
        let (width, height) = (picture.width as c_int, picture.height as c_int);
        assert_eq!(picture.rgb.len(), 3 * (width * height) as usize);
        // SAFETY: the bytes hold `height` rows of `width` pixels in RGB (type 0).
        unsafe {
            let draw = self.functions.gimp_preview_area_draw;
            draw(canvas.raw(), 0, 0, width, height, 0, picture.rgb.as_ptr(), 3 * width);
        }
    }

    /// Has `handler` told of a widget's events; it says whether an event is done with.
    pub(crate) fn listen(
        &self,
        widget: Widget,
        signal: Signal,
        handler: impl Fn(Event) -> bool + 'static,
    ) {
        let gtk = Self { functions: self.functions };
        // It lives as long as the widget, which is as long as the process.
        let data = Box::leak(Box::new(Listener { gtk, handler: Box::new(handler) }));
        // SAFETY: GLib calls it back with the arguments of an event's signal.
        let call = unsafe { transmute::<OnEvent, Callback>(on_event) };
        // SAFETY: the widget and the data are there as long as the process.
        unsafe {
            let (connect, data) = (self.functions.g_signal_connect_data, (&raw mut *data).cast());
            connect(widget.raw(), signal.name().as_ptr(), call, data, std::ptr::null_mut(), 0);
        }
    }

    /// Has `handler` called when a button is pressed.
    pub(crate) fn on_click(&self, button: Widget, handler: impl Fn() + 'static) {
        let handler: Box<dyn Fn()> = Box::new(handler);
        let data = Box::leak(Box::new(handler)); // as above
        // SAFETY: GLib calls it back with the arguments of the signal `clicked`.
        let call = unsafe { transmute::<OnClick, Callback>(on_click) };
        // SAFETY: the widget and the data are there as long as the process.
        unsafe {
            let (connect, data) = (self.functions.g_signal_connect_data, (&raw mut *data).cast());
            connect(button.raw(), c"clicked".as_ptr(), call, data, std::ptr::null_mut(), 0);
        }
    }

    /// What an event of GDK's means.
    ///
    /// # Safety
    ///
    /// `event` is null or an event.
    unsafe fn event(&self, event: *const c_void) -> Option<Event> {
        // SAFETY: null, or an event, which begins with its type.
        let kind = *unsafe { event.cast::<c_int>().as_ref() }?;
        if kind == KEY {
            // SAFETY: an event of this type is a `GdkEventKey`.
            let key = unsafe { event.cast::<KeyEvent>().as_ref() };
            let key = key.filter(|key| key.state & SHORTCUT == 0);
            return key.map(|key| Event::Key(key.value));
        }
        let mut at: [c_double; 2] = [0.0; 2];
        let [x, y] = &mut at;
        // SAFETY: the event is one, and the coordinates are there to be written.
        unsafe { (self.functions.gdk_event_get_coords)(event, x, y) };
        match kind {
            PRESSED => Some(Event::Press(at)),
            MOVED => Some(Event::Move(at)),
            RELEASED => Some(Event::Release(at)),
            _ => None,
        }
    }
}

/// Called by GTK for a signal of an event.
unsafe extern "C" fn on_event(
    _widget: *mut c_void,
    event: *const c_void,
    data: *mut c_void,
) -> Boolean {
    // SAFETY: the data are a `Listener`, which nobody changes.
    let Some(listener) = (unsafe { data.cast::<Listener>().as_ref() }) else { return 0 };
    // SAFETY: GTK passes an event.
    let Some(event) = (unsafe { listener.gtk.event(event) }) else { return 0 };
    let is_done = catch_unwind(AssertUnwindSafe(|| (listener.handler)(event)));
    Boolean::from(is_done.unwrap_or(false)) // a panic must not reach C
}

/// Called by GTK when a button is pressed.
unsafe extern "C" fn on_click(_button: *mut c_void, data: *mut c_void) {
    // SAFETY: the data are a handler, which nobody changes.
    if let Some(handler) = unsafe { data.cast::<Box<dyn Fn()>>().as_ref() } {
        let _ = catch_unwind(AssertUnwindSafe(handler)); // a panic must not reach C
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_layout_of_the_headers() {
        assert_eq!(std::mem::offset_of!(KeyEvent, state), 24);
        assert_eq!(std::mem::offset_of!(KeyEvent, value), 28);
    }
}
