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
        let known = self.0.iter().find(|(known, _)| known == key);
        let sized = match known {
            Some((_, painter)) => painter.for_size(width, height),
            None => {
                let painter = map.painter(width, height, 1.0);
                let sized = painter.for_size(width, height);
                if self.0.len() == CAPACITY {
                    self.0.remove(0);
                }
                self.0.push((key.clone(), painter));
                sized
            }
        };
        sized.saturated(saturation as f32)
    }
}
