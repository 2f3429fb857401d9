//! What of a layer is on the screen: all of it made smaller, or a part of it pixel by pixel.

use polychromify_core::{ChromaMap, Painter, SamplesMut};
use polychromify_image::color::lab::{lightness_from_linear, linear_to_srgb};

use super::super::bands::invert;
use super::super::prediction_cache::PredictionKey;
use super::super::small::Small;
use super::painters::Painters;
use crate::dialog::Area;
use crate::host::{LayerInfo, Pixels};

/// Pixels of a layer as the screen has them.
pub(super) struct Display {
    /// Size of the whole layer at this scale.
    whole: (u32, u32),
    /// What is shown of it.
    pub(super) part: Area,
    lightness: Vec<f32>,
    /// As it is without new colors, sRGB.
    pub(super) before: Vec<u8>,
    /// With colors, sRGB, and those that they are.
    after: Option<(PredictionKey, f64, Vec<u8>)>,
}

impl Display {
    /// All of a layer within a room.
    pub(super) fn of_whole(small: &Small, room: (u32, u32)) -> Self {
        let (width, height) = (small.size.0 as f64, small.size.1 as f64);
        let scale = (f64::from(room.0) / width).min(f64::from(room.1) / height);
        if scale >= 1.0 {
            return Self::new(small.size, None, &small.linear);
        }
        let shrunk = small.shrunk(scale);
        Self::new(shrunk.size, None, &shrunk.linear)
    }

    /// As much of a layer as fits a room, around a point that is given by its shares of width and
    /// height.
    pub(super) fn of_part<P: Pixels>(
        layer: &LayerInfo,
        pixels: &mut P,
        point: [f64; 2],
        room: (u32, u32),
    ) -> Self {
        let span = |share: f64, length: u32, room: u32| {
            let shown = room.min(length);
            let first = (share * f64::from(length) - f64::from(shown) / 2.0).round();
            (first.clamp(0.0, f64::from(length - shown)) as u32, shown)
        };
        let (x, width) = span(point[0], layer.width, room.0);
        let (y, height) = span(point[1], layer.height, room.1);
        let part = Area { x, y, width, height };
        let mut linear = vec![0.0; 3 * width as usize * height as usize];
        pixels.read_part(part, &mut linear);
        Self::new((layer.width as usize, layer.height as usize), Some(part), &linear)
    }

    fn new(whole: (usize, usize), part: Option<Area>, linear: &[f32]) -> Self {
        let whole = (whole.0 as u32, whole.1 as u32);
        let all = Area { x: 0, y: 0, width: whole.0, height: whole.1 };
        let mut lightness = vec![0.0; linear.len() / 3];
        lightness_from_linear(linear, 3, &mut lightness);
        let encoded = |v: &f32| (255.0 * linear_to_srgb(*v).clamp(0.0, 1.0)).round() as u8;
        let before = linear.iter().map(encoded).collect();
        Self { whole, part: part.unwrap_or(all), lightness, before, after: None }
    }

    /// The same with these colors, which are those of the key.
    pub(super) fn after(
        &mut self,
        painters: &mut Painters,
        (key, map): (&PredictionKey, &ChromaMap),
        saturation: f64,
    ) -> &[u8] {
        let is_there =
            |(of, strength, _): &(PredictionKey, f64, _)| of == key && *strength == saturation;
        if !self.after.as_ref().is_some_and(is_there) {
            let painter = painters.painter((key, map), self.whole, saturation);
            let painted = self.painted(painter, key.negative);
            self.after = Some((key.clone(), saturation, painted));
        }
        self.after.as_ref().map_or(&[], |(.., painted)| painted)
    }

    /// The same with colors by a painter for the whole.
    fn painted(&self, painter: Painter, negative: bool) -> Vec<u8> {
        let mut lightness = self.lightness.clone();
        if negative {
            invert(&mut lightness);
        }
        let mut rgb = vec![0; self.before.len()];
        let columns = self.part.x as usize..(self.part.x + self.part.width) as usize;
        painter.columns(columns).paint_rows(self.part.y, &lightness, SamplesMut::Eight(&mut rgb));
        rgb
    }

    /// Where a pixel of the part lies in the whole, as shares of width and height.
    pub(super) fn place(&self, x: usize, y: usize) -> [f32; 2] {
        let share =
            |at: usize, first: u32, whole: u32| (at as f32 + first as f32 + 0.5) / whole as f32;
        [share(x, self.part.x, self.whole.0), share(y, self.part.y, self.whole.1)]
    }
}
