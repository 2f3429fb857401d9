//! GEGL's buffers and babl's conversions: pixels of a drawable, band by band.
//!
//! Pixels are moved in the drawable's own format and converted here, because GIMP 2.10 labels all
//! buffers as sRGB whatever the image's profile says: the format that is converted from or to is
//! the drawable's encoding in the space of that profile.

use std::ffi::{CStr, c_char, c_double, c_int, c_long, c_void};
use std::ptr;

use super::error::Error;
use super::glib::Object;
use super::symbols::{Lookup, symbols};
use crate::dialog::Area;

symbols! {
    /// `libgegl-0.4` and `libbabl-0.1`.
    Functions {
        safe {}
        unsafe {
            fn babl_fish(source: *const c_void, destination: *const c_void) -> *const c_void;
            fn babl_format(encoding: *const c_char) -> *const c_void;
            fn babl_format_get_bytes_per_pixel(format: *const c_void) -> c_int;
            fn babl_format_get_encoding(format: *const c_void) -> *const c_char;
            fn babl_format_with_space(encoding: *const c_char, space: *const c_void) -> *const c_void;
            fn babl_process(
                fish: *const c_void,
                source: *const c_void,
                destination: *mut c_void,
                pixels: c_long,
            ) -> c_long;
            fn gegl_buffer_flush(buffer: *mut c_void);
            fn gegl_buffer_get(
                buffer: *mut c_void,
                rectangle: *const Rectangle,
                scale: c_double,
                format: *const c_void,
                destination: *mut c_void,
                row_bytes: c_int,
                abyss: c_int,
            );
            fn gegl_buffer_get_extent(buffer: *mut c_void) -> *const Rectangle;
            fn gegl_buffer_get_format(buffer: *mut c_void) -> *const c_void;
            fn gegl_config() -> *mut c_void; // (transfer none)
            fn gegl_buffer_set(
                buffer: *mut c_void,
                rectangle: *const Rectangle,
                level: c_int,
                format: *const c_void,
                source: *const c_void,
                row_bytes: c_int,
            );
            fn gegl_init(arguments: *mut c_int, values: *mut *mut *mut c_char);
        }
        variadic {
            fn g_object_set(object: *mut c_void, first: *const c_char);
        }
    }
}

/// GEGL's `GeglRectangle`, in pixels.
#[repr(C)]
pub(super) struct Rectangle {
    x: c_int,
    y: c_int,
    width: c_int,
    height: c_int,
}

/// `GEGL_AUTO_ROWSTRIDE`: rows follow each other without gaps.
const AUTO_ROW_BYTES: c_int = 0;
/// `GEGL_ABYSS_NONE`: there is nothing beside the buffer.
const ABYSS_NONE: c_int = 0;

/// Bytes of tiles that GEGL keeps in this process: bands pass once, so that more is of no use.
const TILE_CACHE: u64 = 32 << 20;

/// How pixels are handed over; all in sRGB's color space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Linear luminance, 0..=1.
    Gray,
    /// Linear light, 0..=1.
    Linear,
    /// Linear light and alpha, not multiplied, 0..=1.
    LinearAlpha,
    /// sRGB-encoded, 0..=1.
    Encoded,
    /// sRGB-encoded and alpha, not multiplied, 0..=1.
    EncodedAlpha,
}

impl Encoding {
    /// babl's name.
    fn name(self) -> &'static CStr {
        match self {
            Self::Gray => c"Y float",
            Self::Linear => c"RGB float",
            Self::LinearAlpha => c"RGBA float",
            Self::Encoded => c"R'G'B' float",
            Self::EncodedAlpha => c"R'G'B'A float",
        }
    }

    /// Values a pixel.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Linear | Self::Encoded => 3,
            Self::LinearAlpha | Self::EncodedAlpha => 4,
        }
    }
}

/// GEGL and babl, for as long as the process runs.
#[derive(Clone, Copy)]
pub(super) struct Gegl {
    functions: Functions,
}

impl Gegl {
    pub(super) fn load(lookup: &Lookup<'_>) -> Result<Self, Error> {
        Ok(Self { functions: Functions::load(lookup)? })
    }

    /// Starts GEGL; before any buffer.
    pub(super) fn start(&self) {
        // SAFETY: null is allowed: no arguments are parsed.
        unsafe { (self.functions.gegl_init)(ptr::null_mut(), ptr::null_mut()) };
        // SAFETY: GEGL has started.
        let config = unsafe { (self.functions.gegl_config)() };
        // SAFETY: the property is a `guint64`; null ends the list.
        unsafe {
            let name = c"tile-cache-size".as_ptr();
            (self.functions.g_object_set)(config, name, TILE_CACHE, ptr::null::<c_char>());
        }
    }

    /// The pixels of a drawable.
    ///
    /// # Safety
    ///
    /// `buffer` is a `GeglBuffer`, and `space` null (the buffer's own label is right) or babl's.
    pub(super) unsafe fn buffer(
        &self,
        buffer: Object,
        space: *const c_void,
    ) -> Result<Buffer, Error> {
        let functions = self.functions;
        // SAFETY: the buffer is one, by the caller's promise.
        let extent = unsafe { (functions.gegl_buffer_get_extent)(buffer.pointer()) };
        // SAFETY: null or a rectangle of the buffer's.
        let extent = unsafe { extent.as_ref() }.ok_or_else(|| failed("gegl_buffer_get_extent"))?;
        let (width, height) = (extent.width.max(0) as u32, extent.height.max(0) as u32);
        // SAFETY: the buffer is one.
        let label = unsafe { (functions.gegl_buffer_get_format)(buffer.pointer()) };
        if label.is_null() {
            return Err(failed("gegl_buffer_get_format"));
        }
        let mut format = label;
        if !space.is_null() {
            // SAFETY: the label is a format.
            let encoding = unsafe { (functions.babl_format_get_encoding)(label) };
            // SAFETY: babl's name of the format, and a space by the caller's promise.
            format = unsafe { (functions.babl_format_with_space)(encoding, space) };
        }
        // SAFETY: the label is a format.
        let bytes = unsafe { (functions.babl_format_get_bytes_per_pixel)(label) };
        let bytes =
            usize::try_from(bytes).map_err(|_| failed("babl_format_get_bytes_per_pixel"))?;
        if format.is_null() || bytes == 0 {
            return Err(failed("babl_format_with_space"));
        }
        Ok(Buffer { functions, buffer, width, height, label, format, bytes, raw: Vec::new() })
    }
}

/// The pixels of a drawable; changes are complete once it is dropped.
pub(crate) struct Buffer {
    functions: Functions,
    buffer: Object,
    width: u32,
    height: u32,
    /// The format by which GEGL knows the pixels.
    label: *const c_void,
    /// What they are.
    format: *const c_void,
    /// A pixel.
    bytes: usize,
    /// A band in the drawable's own format.
    raw: Vec<u8>,
}

impl Buffer {
    /// Reads whole rows from row `y` on, as many as `pixels` holds.
    ///
    /// # Panics
    ///
    /// When `pixels` holds no whole rows, or more than there are.
    pub(crate) fn read(&mut self, y: u32, encoding: Encoding, pixels: &mut [f32]) {
        let (rectangle, _) = self.rows(y, pixels.len() / encoding.channels());
        self.read_rectangle(&rectangle, encoding, pixels);
    }

    /// Reads a part.
    ///
    /// # Panics
    ///
    /// When the part is not within the buffer, or `pixels` holds another number of pixels.
    pub(crate) fn read_part(&mut self, part: Area, encoding: Encoding, pixels: &mut [f32]) {
        let Area { x, y, width, height } = part;
        assert!(x + width <= self.width && y + height <= self.height, "beyond the buffer");
        let [x, y, width, height] = [x, y, width, height].map(|v| v as c_int);
        self.read_rectangle(&Rectangle { x, y, width, height }, encoding, pixels);
    }

    fn read_rectangle(&mut self, rectangle: &Rectangle, encoding: Encoding, pixels: &mut [f32]) {
        let count = rectangle.width as usize * rectangle.height as usize;
        assert_eq!(count * encoding.channels(), pixels.len());
        self.raw.resize(count * self.bytes, 0);
        // SAFETY: `raw` holds `count` pixels of the format `label`, without gaps between rows.
        unsafe {
            (self.functions.gegl_buffer_get)(
                self.buffer.pointer(),
                rectangle,
                1.0,
                self.label,
                self.raw.as_mut_ptr().cast(),
                AUTO_ROW_BYTES,
                ABYSS_NONE,
            );
        }
        let fish = self.fish(self.format, self.encoding(encoding));
        // SAFETY: both sides hold `count` pixels of the formats that the fish goes between.
        unsafe {
            (self.functions.babl_process)(
                fish,
                self.raw.as_ptr().cast(),
                pixels.as_mut_ptr().cast(),
                count as c_long,
            );
        }
    }

    /// Writes whole rows from row `y` on.
    ///
    /// # Panics
    ///
    /// When `pixels` holds no whole rows, or more than there are.
    pub(crate) fn write(&mut self, y: u32, encoding: Encoding, pixels: &[f32]) {
        let (rectangle, count) = self.rows(y, pixels.len() / encoding.channels());
        assert_eq!(count * encoding.channels(), pixels.len());
        self.raw.resize(count * self.bytes, 0);
        let fish = self.fish(self.encoding(encoding), self.format);
        // SAFETY: both sides hold `count` pixels of the formats that the fish goes between.
        unsafe {
            (self.functions.babl_process)(
                fish,
                pixels.as_ptr().cast(),
                self.raw.as_mut_ptr().cast(),
                count as c_long,
            );
        }
        // SAFETY: `raw` holds `count` pixels of the format `label`, without gaps between rows.
        unsafe {
            (self.functions.gegl_buffer_set)(
                self.buffer.pointer(),
                &raw const rectangle,
                0,
                self.label,
                self.raw.as_ptr().cast(),
                AUTO_ROW_BYTES,
            );
        }
    }

    /// The rectangle of the rows from `y` on that have `pixels` pixels, and their number.
    fn rows(&self, y: u32, pixels: usize) -> (Rectangle, usize) {
        let rows = pixels / self.width.max(1) as usize;
        assert!(y as usize + rows <= self.height as usize, "rows beyond the buffer");
        let (width, height) = (self.width as c_int, rows as c_int);
        (Rectangle { x: 0, y: y as c_int, width, height }, rows * self.width as usize)
    }

    fn encoding(&self, encoding: Encoding) -> *const c_void {
        // SAFETY: a name of babl's.
        unsafe { (self.functions.babl_format)(encoding.name().as_ptr()) }
    }

    /// The conversion between two formats; babl keeps and returns the same one each time.
    fn fish(&self, from: *const c_void, to: *const c_void) -> *const c_void {
        // SAFETY: both are formats of babl's.
        unsafe { (self.functions.babl_fish)(from, to) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the buffer is one, and its last reference goes after this.
        unsafe { (self.functions.gegl_buffer_flush)(self.buffer.pointer()) };
    }
}

fn failed(call: &'static str) -> Error {
    Error::Call { call, reason: None }
}
