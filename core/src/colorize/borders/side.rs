//! A picture seen from one of its sides.

/// A side of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Top,
    Bottom,
    Left,
    Right,
}

/// The sides, in the order that lines are kept in.
pub(super) const SIDES: [Side; 4] = [Side::Top, Side::Bottom, Side::Left, Side::Right];

/// A rectangle of pixels: columns and rows from the first to before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) right: usize,
    pub(crate) bottom: usize,
}

impl Rectangle {
    pub(crate) fn width(&self) -> usize {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> usize {
        self.bottom - self.top
    }
}

/// The length of a side, in pixels.
pub(super) fn length(side: Side, area: Rectangle) -> usize {
    match side {
        Side::Top | Side::Bottom => area.width(),
        Side::Left | Side::Right => area.height(),
    }
}

/// The rows of an area from one side, the outermost first, each as long as the side.
pub(super) fn view(lightness: &[f32], width: usize, area: Rectangle, side: Side) -> Vec<f32> {
    let along = length(side, area);
    (0..area.width() * area.height())
        .map(|i| {
            let (x, y) = (i % along, i / along);
            let (x, y) = match side {
                Side::Top => (area.left + x, area.top + y),
                Side::Bottom => (area.left + x, area.bottom - 1 - y),
                Side::Left => (area.left + y, area.top + x),
                Side::Right => (area.right - 1 - y, area.top + x),
            };
            lightness[y * width + x]
        })
        .collect()
}
