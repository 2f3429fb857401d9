//! Checks that entropy-coded data is complete, by decoding its codes without making pixels.
//!
//! Decoders fill in zeros where data is missing and go on at the next marker, so that a file cut
//! off or overwritten in its last rows looks whole to them.

use super::huffman::{Bits, Broken, Huffman};
use super::segments::{Component, Frame, Scan, Segments};

/// Bytes behind the last code of a scan that are let pass: some writers pad.
const PADDING: usize = 3;

/// More scans than any encoder makes; a small file of many would take hours.
pub(crate) const MOST_SCANS: usize = 100;

/// Largest size of a difference of DC coefficients and of an AC coefficient, in bits, for samples
/// of 8 bits (ISO 10918-1, tables F.1 and F.2), and with one more for the rounding of encoders.
const DC_SIZE: u8 = 12;
const AC_SIZE: u8 = 11;

/// Largest DC coefficient of samples of 8 bits, with room for the rounding of encoders.
const LARGEST_DC: i32 = 2048;

/// Fails where codes are missing or broken.
pub(crate) fn check(segments: &Segments<'_>) -> Result<(), String> {
    let frame = &segments.frame;
    let progressive = frame.marker == 0xC2;
    if segments.scans.len() > MOST_SCANS {
        return Err(format!("{} scans", segments.scans.len()));
    }
    let mut tables = Tables::default();
    let mut planes: Vec<Plane> = frame.components.iter().map(|&c| Plane::new(frame, c)).collect();
    for (number, scan) in segments.scans.iter().enumerate() {
        for data in &scan.tables {
            for (class, index, table) in Huffman::read_all(data)? {
                tables.0[usize::from(class)][index] = Some(table);
            }
        }
        let header = Header::read(scan, frame)?;
        if progressive && planes[header.components[0].0].history.is_empty() {
            for plane in &mut planes {
                plane.history = vec![0; plane.stride * plane.rows];
            }
        }
        let result = check_scan(frame, scan, &header, &tables, &mut planes, progressive);
        result.map_err(|reason| match segments.scans.len() {
            1 => reason,
            _ => format!("scan {}: {reason}", number + 1),
        })?;
    }
    if planes.iter().all(|plane| plane.seen) { Ok(()) } else { Err("a scan is missing".into()) }
}

/// Huffman tables for DC and AC.
#[derive(Default)]
struct Tables([[Option<Huffman>; 4]; 2]);

impl Tables {
    fn get(&self, class: usize, number: usize) -> Result<&Huffman, Broken> {
        self.0[class].get(number).and_then(Option::as_ref).ok_or("a table is missing")
    }
}

/// Blocks of a component.
struct Plane {
    /// Blocks in a row and rows of blocks, where the component is alone in a scan.
    width: usize,
    height: usize,
    /// The same with those that fill up the last MCUs.
    stride: usize,
    rows: usize,
    /// Which coefficients of each block are not zero yet; for refining scans only.
    history: Vec<u64>,
    seen: bool,
}

impl Plane {
    fn new(frame: &Frame, component: Component) -> Self {
        let (across, down) = mcus(frame);
        let (most_horizontal, most_vertical) = largest_factors(frame);
        let blocks = |size: u16, factor: u8, most: usize| {
            (usize::from(size) * usize::from(factor)).div_ceil(most).div_ceil(8)
        };
        Self {
            width: blocks(frame.width, component.horizontal, most_horizontal),
            height: blocks(frame.height, component.vertical, most_vertical),
            stride: across * usize::from(component.horizontal),
            rows: down * usize::from(component.vertical),
            history: Vec::new(),
            seen: false,
        }
    }
}

/// A scan's header (ISO 10918-1, B.2.3).
struct Header {
    /// Index of the component, its DC and its AC table.
    components: Vec<(usize, usize, usize)>,
    /// First and last coefficient in zigzag order.
    first: usize,
    last: usize,
    /// Bit position of the scan before (0: none) and of this one.
    high: u8,
    low: u8,
}

impl Header {
    fn read(scan: &Scan<'_>, frame: &Frame) -> Result<Self, String> {
        let broken = || "a broken scan header".to_string();
        let (&count, rest) = scan.header.split_first().ok_or_else(broken)?;
        let (selectors, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(broken)?;
        let &[first, last, approximation, ..] = rest else { return Err(broken()) };
        let component = |selector: &[u8]| {
            let index = frame.components.iter().position(|c| c.id == selector[0])?;
            Some((index, usize::from(selector[1] >> 4), usize::from(selector[1] & 15)))
        };
        let components: Option<Vec<_>> = selectors.chunks_exact(2).map(component).collect();
        let components = components.filter(|c| !c.is_empty()).ok_or_else(broken)?;
        let (first, last) = (usize::from(first), usize::from(last));
        if last > 63 || first > last {
            return Err(broken());
        }
        Ok(Self { components, first, last, high: approximation >> 4, low: approximation & 15 })
    }
}

fn check_scan(
    frame: &Frame,
    scan: &Scan<'_>,
    header: &Header,
    tables: &Tables,
    planes: &mut [Plane],
    progressive: bool,
) -> Result<(), String> {
    let mut codes = Codes { bits: Bits::new(scan.data), dc: [0; 4], run: 0 };
    let alone = header.components.len() == 1;
    let (across, down) = match header.components[..] {
        [(index, ..)] => (planes[index].width, planes[index].height),
        _ => mcus(frame),
    };
    let interval = usize::from(scan.restart_interval);
    for mcu in 0..across * down {
        if interval > 0 && mcu > 0 && mcu % interval == 0 {
            codes.bits.restart(((mcu / interval - 1) % 8) as u8)?;
            (codes.dc, codes.run) = ([0; 4], 0);
        }
        let (x, y) = (mcu % across, mcu / across);
        let place = |reason: Broken| format!("{reason}, {y} of {down} rows in");
        for &(index, dc, ac) in &header.components {
            let Component { horizontal, vertical, .. } = frame.components[index];
            let (h, v) =
                if alone { (1, 1) } else { (usize::from(horizontal), usize::from(vertical)) };
            let plane = &mut planes[index];
            for block in 0..h * v {
                if progressive {
                    let at = (y * v + block / h) * plane.stride + x * h + block % h;
                    let history = &mut plane.history[at];
                    codes.progressive(index, tables, (dc, ac), header, history).map_err(place)?;
                } else {
                    codes
                        .sequential(index, tables.get(0, dc)?, tables.get(1, ac)?)
                        .map_err(place)?;
                }
            }
        }
    }
    for &(index, ..) in &header.components {
        planes[index].seen |= header.first == 0;
    }
    let left = codes.bits.left();
    if left > PADDING {
        return Err(format!("{left} bytes are left behind the last code"));
    }
    Ok(())
}

/// What is carried from block to block.
struct Codes<'a> {
    bits: Bits<'a>,
    /// DC coefficient of the block before, by component.
    dc: [i32; 4],
    /// Blocks left without more coefficients.
    run: u32,
}

impl Codes<'_> {
    fn sequential(&mut self, component: usize, dc: &Huffman, ac: &Huffman) -> Result<(), Broken> {
        self.first_dc(component, dc, 0)?;
        let mut k = 1;
        while k < 64 {
            let symbol = self.bits.symbol_before_number(ac)?;
            let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
            k += match (zeros, size) {
                (0, 0) => break,
                (15, 0) => 16,
                (_, 0) => return Err("a broken run of zeros"),
                _ => zeros + 1,
            };
            if k > 64 || size > AC_SIZE {
                return Err("a coefficient out of range");
            }
        }
        Ok(())
    }

    fn progressive(
        &mut self,
        component: usize,
        tables: &Tables,
        (dc, ac): (usize, usize),
        header: &Header,
        history: &mut u64,
    ) -> Result<(), Broken> {
        match (header.first, header.high) {
            (0, 0) => self.first_dc(component, tables.get(0, dc)?, header.low),
            (0, _) => self.bits.number(1).map(|_| ()),
            (_, 0) => self.first_ac(tables.get(1, ac)?, header, history),
            _ => self.refine_ac(tables.get(1, ac)?, header, history),
        }
    }

    fn first_dc(&mut self, component: usize, table: &Huffman, low: u8) -> Result<(), Broken> {
        let size = self.bits.symbol(table)?;
        if size > DC_SIZE {
            return Err("a coefficient out of range");
        }
        self.dc[component] += self.bits.coefficient(size)?;
        if self.dc[component].abs() << low > LARGEST_DC {
            return Err("brightness out of range");
        }
        Ok(())
    }

    /// ISO 10918-1, G.1.2.2.
    fn first_ac(
        &mut self,
        table: &Huffman,
        header: &Header,
        history: &mut u64,
    ) -> Result<(), Broken> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut k = header.first;
        while k <= header.last {
            let symbol = self.bits.symbol(table)?;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            match (zeros, size) {
                (15, 0) => k += 16,
                (_, 0) => {
                    self.run = (1 << zeros) - 1 + self.bits.number(zeros.into())?;
                    break;
                }
                _ => {
                    k += usize::from(zeros);
                    if k > header.last || size > AC_SIZE {
                        return Err("a coefficient out of range");
                    }
                    self.bits.number(size.into())?;
                    *history |= 1 << k;
                    k += 1;
                }
            }
        }
        Ok(())
    }

    /// ISO 10918-1, G.1.2.3: each coefficient that is not zero has a bit, new ones come between.
    fn refine_ac(
        &mut self,
        table: &Huffman,
        header: &Header,
        history: &mut u64,
    ) -> Result<(), Broken> {
        let mut k = header.first;
        if self.run == 0 {
            while k <= header.last {
                let symbol = self.bits.symbol(table)?;
                let (mut zeros, size) = (symbol >> 4, symbol & 15);
                let new = match (zeros, size) {
                    (15, 0) => false,
                    (_, 0) => {
                        self.run = (1 << zeros) + self.bits.number(zeros.into())?;
                        break;
                    }
                    (_, 1) => {
                        self.bits.number(1)?;
                        true
                    }
                    _ => return Err("a coefficient out of range"),
                };
                while k <= header.last {
                    if *history >> k & 1 != 0 {
                        self.bits.number(1)?;
                    } else if zeros == 0 {
                        break;
                    } else {
                        zeros -= 1;
                    }
                    k += 1;
                }
                if new {
                    if k > header.last {
                        return Err("a coefficient out of range");
                    }
                    *history |= 1 << k;
                }
                k += 1;
            }
        }
        if self.run > 0 {
            if k <= header.last {
                let rest = (*history >> k) & (u64::MAX >> (63 - (header.last - k)));
                for _ in 0..rest.count_ones() {
                    self.bits.number(1)?;
                }
            }
            self.run -= 1;
        }
        Ok(())
    }
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
