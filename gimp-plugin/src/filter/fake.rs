//! A host without GIMP: an image in memory that logs what is done to it.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::rc::Rc;

use polychromify_image::color::lab::srgb_to_linear;

use crate::dialog::Area;
use crate::host::{ColorModel, Error, Host, Layer, LayerInfo, LayerMode, Pixels};
use crate::procedure::ReferenceChoice;

/// Encoded sRGB and alpha, 0..=1.
type Raster = Rc<RefCell<Vec<[f32; 4]>>>;

/// One image.
pub(super) struct FakeImage {
    pub(super) model: Cell<ColorModel>,
    pub(super) selected: bool,
    /// A call that fails.
    pub(super) failing: Option<&'static str>,
    /// Modes of the layers that were made.
    pub(super) modes: RefCell<Vec<LayerMode>>,
    /// What was done, in order.
    pub(super) log: RefCell<Vec<String>>,
    pub(super) label: RefCell<(String, String)>,
    /// What the user was told.
    pub(super) told: RefCell<Vec<String>>,
    layers: RefCell<Vec<FakeLayer>>,
    /// Layers in the image, top first.
    stack: RefCell<Vec<Layer>>,
}

struct FakeLayer {
    info: LayerInfo,
    hidden: bool,
    pixels: Raster,
    replacement: Raster,
}

impl FakeImage {
    pub(super) fn new() -> Self {
        Self {
            model: Cell::new(ColorModel::Rgb),
            selected: false,
            failing: None,
            modes: RefCell::default(),
            log: RefCell::default(),
            label: RefCell::default(),
            told: RefCell::default(),
            layers: RefCell::default(),
            stack: RefCell::default(),
        }
    }

    /// Adds a layer on top, with pixels (encoded sRGB and alpha) by their position.
    pub(super) fn add(
        &self,
        name: &str,
        (width, height): (u32, u32),
        offsets: (i32, i32),
        pixel: impl Fn(u32, u32) -> [f32; 4],
    ) -> Layer {
        let positions = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let pixels: Vec<[f32; 4]> = positions.map(|(x, y)| pixel(x, y)).collect();
        let alpha = pixels.iter().any(|pixel| pixel[3] < 1.0);
        let (group, colors) = (false, false);
        let info =
            LayerInfo { name: name.to_owned(), width, height, offsets, alpha, group, colors };
        let layer = self.push(info, pixels);
        self.stack.borrow_mut().insert(0, layer);
        layer
    }

    /// Names of the layers in the image, top first.
    pub(super) fn names(&self) -> Vec<String> {
        self.stack.borrow().iter().map(|layer| self.describe(*layer).name).collect()
    }

    /// Pixels of a layer, encoded sRGB and alpha.
    pub(super) fn raster(&self, layer: Layer) -> Vec<[f32; 4]> {
        self.layers.borrow()[layer.0 as usize].pixels.borrow().clone()
    }

    /// Paints all of a layer.
    pub(super) fn fill(&self, layer: Layer, color: [f32; 4]) {
        self.layers.borrow()[layer.0 as usize].pixels.borrow_mut().fill(color);
    }

    /// Makes a layer a group.
    pub(super) fn make_group(&self, layer: Layer) {
        self.layers.borrow_mut()[layer.0 as usize].info.group = true;
    }

    /// What was done that changes the image.
    pub(super) fn changes(&self) -> Vec<String> {
        let log = self.log.borrow();
        let is_change = |entry: &&String| !entry.starts_with("read") && !entry.starts_with("paint");
        log.iter().filter(is_change).cloned().collect()
    }

    fn push(&self, info: LayerInfo, pixels: Vec<[f32; 4]>) -> Layer {
        let replacement = Rc::new(RefCell::new(pixels.clone()));
        let pixels = Rc::new(RefCell::new(pixels));
        let mut layers = self.layers.borrow_mut();
        layers.push(FakeLayer { info, hidden: false, pixels, replacement });
        Layer(i32::try_from(layers.len() - 1).unwrap())
    }

    fn done(&self, call: &'static str, layer: Option<Layer>) -> Result<(), Error> {
        if self.failing == Some(call) {
            return Err(Error(format!("`{call}` failed")));
        }
        let name = layer.map(|layer| format!(" {}", self.describe(layer).name));
        self.log.borrow_mut().push(format!("{call}{}", name.unwrap_or_default()));
        Ok(())
    }
}

pub(super) struct FakePixels {
    raster: Raster,
    width: usize,
}

impl FakePixels {
    fn start(&self, y: u32) -> usize {
        y as usize * self.width
    }
}

impl Pixels for FakePixels {
    fn read_linear(&mut self, y: u32, alpha: bool, pixels: &mut [f32]) {
        let raster = self.raster.borrow();
        let from = raster[self.start(y)..].iter();
        for (pixel, [r, g, b, a]) in pixels.chunks_exact_mut(3 + usize::from(alpha)).zip(from) {
            let color = [*r, *g, *b].map(srgb_to_linear);
            pixel[..3].copy_from_slice(&color);
            if alpha {
                pixel[3] = *a;
            }
        }
    }

    fn read_part(&mut self, part: Area, pixels: &mut [f32]) {
        let raster = self.raster.borrow();
        let rows = pixels.chunks_exact_mut(3 * part.width as usize);
        for (y, row) in (part.y..part.y + part.height).zip(rows) {
            let from = raster[self.start(y) + part.x as usize..].iter();
            for (pixel, [r, g, b, _]) in row.chunks_exact_mut(3).zip(from) {
                pixel.copy_from_slice(&[*r, *g, *b].map(srgb_to_linear));
            }
        }
    }

    fn read_encoded(&mut self, y: u32, pixels: &mut [f32]) {
        let raster = self.raster.borrow();
        for (pixel, from) in pixels.chunks_exact_mut(4).zip(&raster[self.start(y)..]) {
            pixel.copy_from_slice(from);
        }
    }

    fn write_encoded(&mut self, y: u32, alpha: bool, pixels: &[f32]) {
        let start = self.start(y);
        let mut raster = self.raster.borrow_mut();
        for (pixel, to) in pixels.chunks_exact(3 + usize::from(alpha)).zip(&mut raster[start..]) {
            to[..pixel.len()].copy_from_slice(pixel);
            to[3] = if alpha { pixel[3] } else { 1.0 };
        }
    }
}

impl Host for FakeImage {
    type Pixels = FakePixels;

    fn color_model(&self) -> ColorModel {
        self.model.get()
    }

    fn file(&self) -> Option<PathBuf> {
        None
    }

    fn selection_meets(&self, _layer: Layer) -> bool {
        self.failing != Some("selection")
    }

    fn layer_of(&self, item: i32) -> Option<Layer> {
        let known = usize::try_from(item).is_ok_and(|item| item < self.layers.borrow().len());
        known.then_some(Layer(item))
    }

    fn layer_named(&self, name: &str) -> Option<Layer> {
        self.stack.borrow().iter().copied().find(|layer| self.describe(*layer).name == name)
    }

    fn layers(&self) -> Vec<(Layer, String)> {
        self.stack.borrow().iter().map(|layer| (*layer, self.describe(*layer).name)).collect()
    }

    fn describe(&self, layer: Layer) -> LayerInfo {
        self.layers.borrow()[layer.0 as usize].info.clone()
    }

    fn is_visible(&self, layer: Layer) -> bool {
        !self.layers.borrow()[layer.0 as usize].hidden
    }

    fn layer_below(&self, layer: Layer) -> Option<Layer> {
        let stack = self.stack.borrow();
        let position = stack.iter().position(|other| *other == layer)?;
        stack.get(position + 1).copied()
    }

    fn fingerprint(&self, layer: Layer) -> u64 {
        let mut hasher = DefaultHasher::new();
        for value in self.raster(layer).as_flattened() {
            value.to_bits().hash(&mut hasher);
        }
        hasher.finish()
    }

    fn references(&self) -> Vec<(ReferenceChoice, String)> {
        let layer = |(layer, name): (Layer, String)| (ReferenceChoice::Layer(layer.0), name);
        self.layers().into_iter().map(layer).collect()
    }

    fn read_reference<T>(
        &self,
        reference: &ReferenceChoice,
        read: impl FnOnce(&LayerInfo, &mut FakePixels) -> T,
    ) -> Result<T, Error> {
        let ReferenceChoice::Layer(layer) = reference else {
            return Err(Error("no such reference".to_owned()));
        };
        Ok(read(&self.describe(Layer(*layer)), &mut self.pixels(Layer(*layer))?))
    }

    fn pixels(&self, layer: Layer) -> Result<FakePixels, Error> {
        let attached = self.stack.borrow().contains(&layer);
        self.done(if attached { "read" } else { "paint" }, Some(layer))?;
        let layers = self.layers.borrow();
        let layer = &layers[layer.0 as usize];
        Ok(FakePixels { raster: Rc::clone(&layer.pixels), width: layer.info.width as usize })
    }

    fn replacement(&self, layer: Layer) -> Result<FakePixels, Error> {
        self.done("paint", Some(layer))?;
        let layers = self.layers.borrow();
        let layer = &layers[layer.0 as usize];
        Ok(FakePixels { raster: Rc::clone(&layer.replacement), width: layer.info.width as usize })
    }

    fn apply_replacement(&self, layer: Layer) -> Result<(), Error> {
        self.done("take over", Some(layer))?;
        let layers = self.layers.borrow();
        let layer = &layers[layer.0 as usize];
        layer.pixels.replace(layer.replacement.borrow().clone());
        Ok(())
    }

    fn in_undo_group<T>(&self, step: impl FnOnce() -> T) -> T {
        self.log.borrow_mut().push("[".to_owned());
        let result = step();
        self.log.borrow_mut().push("]".to_owned());
        result
    }

    fn convert_to_rgb(&self) -> Result<(), Error> {
        self.done("convert", None)?;
        self.model.set(ColorModel::Rgb);
        Ok(())
    }

    fn new_layer(&self, name: &str, like: &LayerInfo, mode: LayerMode) -> Result<Layer, Error> {
        self.modes.borrow_mut().push(mode);
        if self.failing == Some("new layer") {
            return Err(Error("`new layer` failed".to_owned()));
        }
        let colors = mode == LayerMode::LchColor;
        let info = LayerInfo { name: name.to_owned(), offsets: (0, 0), colors, ..like.clone() };
        Ok(self.push(info, vec![[0.0; 4]; (like.width * like.height) as usize]))
    }

    fn discard(&self, layer: Layer) {
        self.log.borrow_mut().push(format!("discard {}", self.describe(layer).name));
    }

    fn insert_above(&self, layer: Layer, below: Layer) -> Result<(), Error> {
        self.done("insert", Some(layer))?;
        let offsets = self.describe(below).offsets;
        self.layers.borrow_mut()[layer.0 as usize].info.offsets = offsets;
        let mut stack = self.stack.borrow_mut();
        let position = stack.iter().position(|other| *other == below);
        let mut position = position.expect("it is in the image");
        while position > 0 && self.describe(stack[position - 1]).colors {
            position -= 1;
        }
        stack.insert(position, layer);
        Ok(())
    }

    fn make_canvas(&self, name: &str, like: &LayerInfo) -> Result<Layer, Error> {
        self.done("canvas", None)?;
        Ok(self.add(name, (like.width, like.height), like.offsets, |_, _| [0.0; 4]))
    }

    fn activate(&self, layer: Layer) {
        self.log.borrow_mut().push(format!("activate {}", self.describe(layer).name));
    }

    fn set_visible(&self, layer: Layer, visible: bool) {
        let call = if visible { "show" } else { "hide" };
        self.log.borrow_mut().push(format!("{call} {}", self.describe(layer).name));
        self.layers.borrow_mut()[layer.0 as usize].hidden = !visible;
    }

    fn mask(&self, layer: Layer, _source: Layer) -> Result<(), Error> {
        if self.selected { self.done("mask", Some(layer)) } else { Ok(()) }
    }

    fn xmp(&self) -> Option<String> {
        None
    }

    fn attach_label(&self, packet: &str, json: &str) -> Result<(), Error> {
        self.label.replace((packet.to_owned(), json.to_owned()));
        self.done("label", None)
    }

    fn show_progress(&self, fraction: f64) {
        assert!((0.0..=1.0).contains(&fraction));
    }

    fn show_pulse(&self) {}

    fn end_progress(&self) {}

    fn tell(&self, text: &str) {
        self.told.borrow_mut().push(text.to_owned());
    }
}
