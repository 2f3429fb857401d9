//! What the user may want to know of a photograph before it is colored.

use polychromify_core::{Toning, Verdict};
use polychromify_image::color::lab::Lab;

use super::super::error::Error;
use super::super::prediction_cache::{PredictionCache, PredictionKey};
use super::super::small::Small;
use crate::host::Host;
use crate::text::tr;

/// Pixels of the longer side of what is looked at for colors: means are free of grain.
const SIDE: f64 = 40.0;

/// Log-odds from which on a photograph is said to look like a negative.
const NEGATIVE: f32 = 3.5;

/// Words about a photograph that was read.
pub(super) fn of<H: Host>(
    host: &H,
    cache: &mut PredictionCache,
    key: &PredictionKey,
) -> Result<String, Error> {
    let mut words = Vec::new();
    if cache.preview(key.source).is_some_and(|small| has_colors(&small)) {
        words.push(tr("The photograph has colors: new ones come from its lightness alone."));
    }
    let image = cache.thumbnail(host, key, &|_| {})?;
    if !key.negative && image.negativity() >= NEGATIVE {
        words.push(tr("It looks like a film negative."));
    }
    if !key.borders && image.borders().is_some() {
        words.push(tr("Scan borders were found: they stay gray."));
    }
    Ok(words.join(" "))
}

fn has_colors(small: &Small) -> bool {
    let longest = small.size.0.max(small.size.1) as f64;
    let cells = small.shrunk(SIDE / longest);
    let colors = cells.linear.chunks_exact(3);
    let colors: Vec<Lab> =
        colors.map(|p| Lab::from_linear([p[0], p[1], p[2]].map(|v| v.clamp(0.0, 1.0)))).collect();
    Toning::of(&colors).verdict == Verdict::Color
}
