//! Curves of a run: loss and accuracy over the epochs, as SVG.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use polychromify_core::{Error, Result};

use super::epoch::Epoch;

/// Width and height of the picture in pixels.
const SIZE: (u32, u32) = (800, 700);

/// A curve: its name, color and the value of an epoch.
type Curve = (&'static str, RGBColor, fn(&Epoch) -> f64);

/// Draws the loss above and the accuracy below.
pub(crate) fn draw(network: &str, history: &[Epoch]) -> Result<String> {
    let mut svg = String::new();
    let drawn = (|| {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (upper, lower) = root.split_vertically(SIZE.1 / 2);
        let train: Curve = ("train", RED, |epoch| epoch.train_loss);
        let valid: Curve = ("valid", BLUE, |epoch| epoch.valid_loss);
        let accuracy: Curve = ("valid", BLUE, |epoch| epoch.valid_accuracy);
        panel(&upper, &format!("{network}: mean squared error"), history, &[train, valid])?;
        panel(&lower, &format!("{network}: accuracy"), history, &[accuracy])?;
        root.present()
    })();
    drawn.map_err(|error| Error::Train(format!("cannot draw the curves: {error}")))?;
    Ok(svg)
}

/// Draws a value over the epochs, a curve for each name.
pub(crate) fn draw_series(title: &str, series: &[(&str, Vec<(f64, f64)>)]) -> Result<String> {
    let mut svg = String::new();
    let drawn = (|| {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let points = || series.iter().flat_map(|(_, points)| points);
        let last = points().map(|point| point.0).fold(0.0, f64::max);
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(35)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..last + 1.0, padded_range(points().map(|point| point.1)))?;
        chart.configure_mesh().x_desc("epoch").draw()?;
        for (i, (name, points)) in series.iter().enumerate() {
            let color = Palette99::pick(i).to_rgba();
            chart
                .draw_series(LineSeries::new(points.iter().copied(), &color))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 15, y)], color));
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::LowerRight);
        labels.border_style(BLACK).background_style(WHITE).draw()?;
        root.present()
    })();
    drawn.map_err(|error| Error::Train(format!("cannot draw the curves: {error}")))?;
    Ok(svg)
}

fn panel<Backend: DrawingBackend>(
    area: &DrawingArea<Backend, Shift>,
    title: &str,
    history: &[Epoch],
    curves: &[Curve],
) -> Result<(), DrawingAreaErrorKind<Backend::ErrorType>> {
    let values = || history.iter().flat_map(|epoch| curves.iter().map(|curve| curve.2(epoch)));
    let epochs = 0.0..(history.len() as f64 + 1.0);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(60)
        .build_cartesian_2d(epochs, padded_range(values()))?;
    chart.configure_mesh().x_desc("epoch").draw()?;
    for (name, color, value) in curves {
        let points = history.iter().map(|epoch| (epoch.epoch as f64, value(epoch)));
        chart
            .draw_series(LineSeries::new(points, color))?
            .label(*name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 15, y)], *color));
    }
    chart.configure_series_labels().border_style(BLACK).background_style(WHITE).draw()
}

/// From the least to the greatest value with a tenth of room on either side.
fn padded_range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return 0.0..1.0;
    }
    let room = ((high - low) / 10.0).max(1e-6);
    low - room..high + room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_drawn_for_any_number_of_epochs() {
        for count in 0..3 {
            let epoch = |epoch| Epoch { epoch, train_loss: 0.1, ..Epoch::default() };
            let history: Vec<Epoch> = (1..=count).map(epoch).collect();
            let svg = draw("conv", &history).unwrap();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
            assert!(svg.contains("conv: accuracy"));
        }
    }
}
