//! How the blocks of a frame lie in its scans (ISO 10918-1, A.2 and B.2.3).

use super::huffman::{Bits, Broken, Huffman};
use super::segments::{Component, Frame, Scan};
use crate::budget::Budget;

/// Huffman tables for DC and AC.
#[derive(Default)]
pub(crate) struct Tables([[Option<Huffman>; 4]; 2]);

impl Tables {
    /// Takes over the tables that stand before a scan.
    pub(crate) fn define(&mut self, scan: &Scan<'_>) -> Result<(), String> {
        for data in &scan.tables {
            for (class, index, table) in Huffman::read_all(data)? {
                self.0[usize::from(class)][index] = Some(table);
            }
        }
        Ok(())
    }

    /// Of class 0 (DC) or 1 (AC).
    pub(crate) fn get(&self, class: usize, number: usize) -> Result<&Huffman, Broken> {
        self.0[class].get(number).and_then(Option::as_ref).ok_or("a table is missing")
    }
}

/// Blocks of a component.
#[derive(Clone, Copy)]
pub(crate) struct Grid {
    /// Blocks in a row and rows of blocks, where the component is alone in a scan.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// The same with those that fill up the last MCUs.
    pub(crate) stride: usize,
    pub(crate) rows: usize,
}

impl Grid {
    pub(crate) fn new(frame: &Frame, component: Component) -> Self {
        let (across, down) = mcus(frame);
        let (width, height) = size(frame, component);
        Self {
            width: width.div_ceil(8),
            height: height.div_ceil(8),
            stride: across * usize::from(component.horizontal),
            rows: down * usize::from(component.vertical),
        }
    }

    /// Blocks with those that fill up the last MCUs.
    pub(crate) fn blocks(&self) -> usize {
        self.stride * self.rows
    }
}

/// Width and height in samples of a component (A.1.1).
pub(crate) fn size(frame: &Frame, component: Component) -> (usize, usize) {
    let (most_horizontal, most_vertical) = largest_factors(frame);
    let samples = |size: u16, factor: u8, most: usize| {
        (usize::from(size) * usize::from(factor)).div_ceil(most)
    };
    (
        samples(frame.width, component.horizontal, most_horizontal),
        samples(frame.height, component.vertical, most_vertical),
    )
}

/// How often a sample of a component stands in a row and in a column; 0: no whole number of times.
pub(crate) fn factors(frame: &Frame, component: Component) -> (usize, usize) {
    let (horizontal, vertical) = largest_factors(frame);
    let factor = |most: usize, own: u8| {
        let own = usize::from(own);
        if most.is_multiple_of(own) { most / own } else { 0 }
    };
    (factor(horizontal, component.horizontal), factor(vertical, component.vertical))
}

/// A scan's header.
pub(crate) struct Header {
    /// Index of the component, its DC and its AC table.
    pub(crate) components: Vec<(usize, usize, usize)>,
    /// First and last coefficient in zigzag order; of lossless scans the first is the predictor.
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// Bit position of the scan before (0: none) and of this one.
    pub(crate) high: u8,
    pub(crate) low: u8,
}

impl Header {
    pub(crate) fn read(scan: &Scan<'_>, frame: &Frame) -> Result<Self, String> {
        let broken = || "a broken scan header".to_string();
        let (&count, rest) = scan.header.split_first().ok_or_else(broken)?;
        let (selectors, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(broken)?;
        let &[first, last, approximation, ..] = rest else { return Err(broken()) };
        let component = |selector: &[u8]| {
            let index = frame.components.iter().position(|c| c.id == selector[0])?;
            Some((index, usize::from(selector[1] >> 4), usize::from(selector[1] & 15)))
        };
        let components: Option<Vec<_>> = selectors.chunks_exact(2).map(component).collect();
        let components = components.filter(|c| (1..=4).contains(&c.len())).ok_or_else(broken)?;
        let (first, last) = (usize::from(first), usize::from(last));
        if last > 63 {
            return Err(broken());
        }
        Ok(Self { components, first, last, high: approximation >> 4, low: approximation & 15 })
    }
}

/// What is done with the codes of a scan.
pub(crate) trait Visit {
    /// A restart interval begins.
    fn restart(&mut self);

    /// Reads the codes of a block: of which component, by its place in the scan's header, and where
    /// it lies in the component's grid.
    fn block(&mut self, bits: &mut Bits<'_>, component: usize, at: usize) -> Result<(), Broken>;
}

/// Visits all blocks of a scan in order; gives the bytes that were passed over.
pub(crate) fn visit<V: Visit>(
    frame: &Frame,
    scan: &Scan<'_>,
    header: &Header,
    grids: &[Grid],
    budget: &Budget,
    visitor: &mut V,
) -> Result<usize, String> {
    let mut bits = Bits::new(scan.data);
    let alone = header.components.len() == 1;
    let (across, down) = match header.components[..] {
        [(index, ..)] => (grids[index].width, grids[index].height),
        _ => mcus(frame),
    };
    let interval = usize::from(scan.restart_interval);
    let mut passed_over = 0;
    for mcu in 0..across * down {
        if interval > 0 && mcu > 0 && mcu % interval == 0 {
            passed_over += bits.restart(((mcu / interval - 1) % 8) as u8)?;
            visitor.restart();
        }
        let (x, y) = (mcu % across, mcu / across);
        if x == 0 {
            budget.check_time().map_err(|error| error.to_string())?;
        }
        let place = |reason: Broken| format!("{reason}, {y} of {down} rows in");
        for (number, &(index, ..)) in header.components.iter().enumerate() {
            let Component { horizontal, vertical, .. } = frame.components[index];
            let (h, v) =
                if alone { (1, 1) } else { (usize::from(horizontal), usize::from(vertical)) };
            for block in 0..h * v {
                let at = (y * v + block / h) * grids[index].stride + x * h + block % h;
                visitor.block(&mut bits, number, at).map_err(place)?;
            }
        }
    }
    if !scan.open {
        passed_over += bits.rest()?;
    }
    Ok(passed_over)
}

fn largest_factors(frame: &Frame) -> (usize, usize) {
    let most = |factor: fn(&Component) -> u8| {
        usize::from(frame.components.iter().map(factor).max().unwrap_or(1))
    };
    (most(|c| c.horizontal), most(|c| c.vertical))
}

/// MCUs across and down, where components are interleaved.
fn mcus(frame: &Frame) -> (usize, usize) {
    let (horizontal, vertical) = largest_factors(frame);
    (
        usize::from(frame.width).div_ceil(8 * horizontal),
        usize::from(frame.height).div_ceil(8 * vertical),
    )
}
