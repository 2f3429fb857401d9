//! What paints the colorings on the screen, each prepared once: another saturation only paints.

use polychromify_core::{ChromaMap, Painter};

use super::super::prediction_cache::PredictionKey;

/// Painters that are kept: those of the variants, and one more while another coloring comes.
const CAPACITY: usize = 4;

/// The painters of the colorings that were shown last.
#[derive(Default)]
pub(super) struct Painters(Vec<(PredictionKey, Painter)>);

impl Painters {
    /// What paints a picture of this size with the colors of a map, which are those of the key.
    pub(super) fn painter(
        &mut self,
        (key, map): (&PredictionKey, &ChromaMap),
        (width, height): (u32, u32),
        saturation: f64,
    ) -> Painter {
        let known = self.0.iter().position(|(known, _)| known == key);
        let place = known.unwrap_or_else(|| {
            if self.0.len() == CAPACITY {
                self.0.remove(0);
            }
            self.0.push((key.clone(), map.painter(width, height, 1.0)));
            self.0.len() - 1
        });
        self.0[place].1.for_size(width, height).saturated(saturation as f32)
    }
}
