//! Reads the entropy-coded blocks of a scan (ISO 10918-1, F.2.2 and G.1.2).

use super::huffman::{Bits, Broken, Huffman};
use super::scans::{Header, Tables, Visit};
use super::segments::Frame;

/// Largest size of a difference of DC coefficients and of an AC coefficient, in bits, for samples
/// of 8 bits (ISO 10918-1, tables F.1 and F.2), and with one more for the rounding of encoders.
const DC_SIZE: u8 = 12;
const AC_SIZE: u8 = 11;

/// Largest DC coefficient of samples of 8 bits, with room for the rounding of encoders.
const LARGEST_DC: i32 = 2048;

/// What is kept of a component's coefficients, by block and place in zigzag order.
pub(crate) trait Keep {
    /// Whether values are kept, and not only which are not zero.
    const VALUES: bool;

    /// A coefficient becomes known.
    fn set(&mut self, block: usize, k: usize, value: i32);

    /// A coefficient that is not zero gets its bit at position `low`.
    fn refine(&mut self, block: usize, k: usize, low: u8);

    /// Which AC coefficients of a block are not zero so far.
    fn nonzero(&self, block: usize) -> u64;
}

/// Reads the codes of a scan's blocks.
pub(crate) struct Codes<'a, K> {
    header: &'a Header,
    tables: &'a Tables,
    /// By component of the frame.
    kept: &'a mut [K],
    progressive: bool,
    /// Bits of a sample beyond 8.
    more_bits: u8,
    /// DC coefficient of the block before, by component of the scan.
    dc: [i32; 4],
    /// Blocks left without more coefficients.
    run: u32,
}

impl<'a, K: Keep> Codes<'a, K> {
    pub(crate) fn new(
        frame: &Frame,
        header: &'a Header,
        tables: &'a Tables,
        kept: &'a mut [K],
    ) -> Self {
        let progressive = frame.marker == 0xC2;
        let more_bits = frame.precision - 8;
        Self { header, tables, kept, progressive, more_bits, dc: [0; 4], run: 0 }
    }

    fn sequential(
        &mut self,
        bits: &mut Bits<'_>,
        component: usize,
        at: usize,
    ) -> Result<(), Broken> {
        let (index, dc, ac) = self.header.components[component];
        let ac = self.tables.get(1, ac)?;
        self.first_dc(bits, component, self.tables.get(0, dc)?, at)?;
        let mut k = 0;
        while k < 63 {
            let symbol = if K::VALUES { bits.symbol(ac)? } else { bits.symbol_before_number(ac)? };
            let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
            match (zeros, size) {
                (0, 0) => break,
                (15, 0) => {
                    k += 16;
                    continue;
                }
                (_, 0) => return Err("a broken run of zeros"),
                _ => k += zeros + 1,
            }
            if k > 63 || size > AC_SIZE + self.more_bits {
                return Err("a coefficient out of range");
            }
            if K::VALUES {
                self.kept[index].set(at, k, bits.coefficient(size)?);
            }
        }
        if k > 63 { Err("a coefficient out of range") } else { Ok(()) }
    }

    fn first_dc(
        &mut self,
        bits: &mut Bits<'_>,
        component: usize,
        table: &Huffman,
        at: usize,
    ) -> Result<(), Broken> {
        let low = if self.progressive { self.header.low } else { 0 };
        let size = bits.symbol(table)?;
        if size > DC_SIZE + self.more_bits {
            return Err("a coefficient out of range");
        }
        self.dc[component] += bits.coefficient(size)?;
        let value = self.dc[component];
        if value.abs() << low > LARGEST_DC << self.more_bits {
            return Err("brightness out of range");
        }
        self.kept[self.header.components[component].0].set(at, 0, value << low);
        Ok(())
    }

    /// G.1.2.2.
    fn first_ac(
        &mut self,
        bits: &mut Bits<'_>,
        index: usize,
        table: &Huffman,
        at: usize,
    ) -> Result<(), Broken> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut k = self.header.first;
        while k <= self.header.last {
            let symbol = bits.symbol(table)?;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            match (zeros, size) {
                (15, 0) => k += 16,
                (_, 0) => {
                    self.run = (1 << zeros) - 1 + bits.number(zeros.into())?;
                    break;
                }
                _ => {
                    k += usize::from(zeros);
                    if k > self.header.last || size > AC_SIZE + self.more_bits {
                        return Err("a coefficient out of range");
                    }
                    let value = bits.coefficient(size)?;
                    self.kept[index].set(at, k, value << self.header.low);
                    k += 1;
                }
            }
        }
        Ok(())
    }

    /// G.1.2.3: each coefficient that is not zero has a bit, new ones come between.
    fn refine_ac(
        &mut self,
        bits: &mut Bits<'_>,
        index: usize,
        table: &Huffman,
        at: usize,
    ) -> Result<(), Broken> {
        let (last, low) = (self.header.last, self.header.low);
        let kept = &mut self.kept[index];
        let history = kept.nonzero(at);
        let refine = |bits: &mut Bits<'_>, kept: &mut K, k: usize| {
            if bits.number(1)? == 1 {
                kept.refine(at, k, low);
            }
            Ok(())
        };
        let mut k = self.header.first;
        if self.run == 0 {
            while k <= last {
                let symbol = bits.symbol(table)?;
                let (mut zeros, size) = (symbol >> 4, symbol & 15);
                if size == 0 && zeros < 15 {
                    self.run = (1 << zeros) + bits.number(zeros.into())?;
                    break;
                }
                let new = match size {
                    0 => None,
                    1 => Some(bits.coefficient(1)? << low),
                    _ => return Err("a coefficient out of range"),
                };
                while k <= last {
                    if history >> k & 1 != 0 {
                        refine(bits, kept, k)?;
                    } else if zeros == 0 {
                        break;
                    } else {
                        zeros -= 1;
                    }
                    k += 1;
                }
                if let Some(value) = new {
                    if k > last {
                        return Err("a coefficient out of range");
                    }
                    kept.set(at, k, value);
                }
                k += 1;
            }
        }
        if self.run > 0 {
            if k <= last {
                let mut rest = (history >> k) & (u64::MAX >> (63 - (last - k)));
                while rest != 0 {
                    refine(bits, kept, k + rest.trailing_zeros() as usize)?;
                    rest &= rest - 1;
                }
            }
            self.run -= 1;
        }
        Ok(())
    }
}

impl<K: Keep> Visit for Codes<'_, K> {
    fn restart(&mut self) {
        (self.dc, self.run) = ([0; 4], 0);
    }

    fn block(&mut self, bits: &mut Bits<'_>, component: usize, at: usize) -> Result<(), Broken> {
        if !self.progressive {
            return self.sequential(bits, component, at);
        }
        let (index, dc, ac) = self.header.components[component];
        match (self.header.first, self.header.high) {
            (0, 0) => self.first_dc(bits, component, self.tables.get(0, dc)?, at),
            (0, _) => {
                if bits.number(1)? == 1 {
                    self.kept[index].refine(at, 0, self.header.low);
                }
                Ok(())
            }
            (_, 0) => self.first_ac(bits, index, self.tables.get(1, ac)?, at),
            _ => self.refine_ac(bits, index, self.tables.get(1, ac)?, at),
        }
    }
}
