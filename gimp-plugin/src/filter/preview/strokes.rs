//! The user's strokes, followed while they are painted.

use std::time::{Duration, Instant};

use polychromify_core::Hints;

use super::super::error::Error;
use super::super::hints;
use crate::host::{Host, Layer};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(500);

/// Strokes as they were read last. A look compares the layer's fingerprint; only a layer that changed is
/// read.
#[derive(Default)]
pub(super) struct Strokes {
    /// The layer with the strokes, the one below them, and the fingerprint.
    of: Option<(Layer, Layer, u64)>,
    hints: Hints,
    due: Option<Instant>,
}

impl Strokes {
    /// Whether it is time for another look.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    /// The strokes of a layer, if there is one, as they lie on the source.
    pub(super) fn look<H: Host>(
        &mut self,
        host: &H,
        layer: Option<Layer>,
        source: Layer,
    ) -> Result<Hints, Error> {
        let of = layer.map(|layer| (layer, source, host.fingerprint(layer)));
        if of != self.of {
            self.hints = match layer {
                Some(layer) => hints::read(host, layer, source)?,
                None => Hints::default(),
            };
            self.of = of;
        }
        // A layer of the name may appear, too.
        self.due = Some(Instant::now() + INTERVAL);
        Ok(self.hints.clone())
    }
}
