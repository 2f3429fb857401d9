//! Samples from the bytes of a row: bits, byte order, sign, float and predictor undone.

use half::f16;

use crate::Depth;
use crate::samples::Samples;

/// A float sample above this is not light with 1 as white: four stops over it.
pub(crate) const LARGEST_FLOAT: f32 = 16.0;

/// What the bits of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 0 is black (or no ink).
    Unsigned,
    /// Two's complement; 0 is black, as in TIFF 6.0, and so is what lies below it.
    Signed,
    /// IEEE 754.
    Float,
}

/// How differences to neighbors were stored (TIFF 6.0, section 14; TIFF technical note 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predictor {
    None,
    /// Each sample less the one a pixel to the left.
    Horizontal,
    /// The bytes of floats apart, each less the one to the left.
    Float,
}

/// How a row's samples are stored.
#[derive(Clone, Debug)]
pub(crate) struct Packing {
    /// 1 to 64.
    pub(crate) bits: u16,
    pub(crate) kind: Kind,
    pub(crate) big_endian: bool,
    pub(crate) predictor: Predictor,
    /// Whether integers fill the range of their depth; else they are numbers, such as those of
    /// colors in a palette.
    pub(crate) scaled: bool,
    /// Black and white of float samples of another scale than 0 to 1, where tags tell them.
    pub(crate) range: Option<(f32, f32)>,
}

impl Packing {
    /// Depth of the samples that come out.
    pub(crate) fn depth(&self) -> Depth {
        match (self.kind, self.bits) {
            (Kind::Float, _) => Depth::Float,
            (_, 0..=8) => Depth::Eight,
            _ => Depth::Sixteen,
        }
    }

    /// Bytes of a row of `samples`.
    pub(crate) fn row_bytes(&self, samples: usize) -> usize {
        (samples * usize::from(self.bits)).div_ceil(8)
    }

    /// Appends the first `count` samples of a row, `stride` to a pixel. The bytes are used up.
    ///
    /// Fails where float samples have no known scale.
    pub(crate) fn append(
        &self,
        bytes: &mut [u8],
        stride: usize,
        count: usize,
        into: &mut Samples,
    ) -> Result<(), String> {
        let mut big_endian = self.big_endian;
        match self.predictor {
            Predictor::None => {}
            Predictor::Horizontal => self.undo_horizontal(bytes, stride),
            Predictor::Float => {
                undo_float(bytes, stride, usize::from(self.bits) / 8);
                big_endian = true;
            }
        }
        let bytes = &bytes[..self.row_bytes(count)];
        match (&mut *into, self.kind, self.bits) {
            (Samples::Eight(_), Kind::Unsigned, 8) | (Samples::Sixteen(_), Kind::Unsigned, 16) => {
                into.extend_bytes(bytes, big_endian);
            }
            (Samples::Float(v), ..) => return self.append_floats(bytes, big_endian, v),
            (Samples::Eight(v), ..) => {
                let full = self.full();
                let scale = |n: u64| ((n * 255 + full / 2) / full) as u8;
                let numbers = self.numbers(bytes, big_endian).take(count);
                if self.scaled {
                    v.extend(numbers.map(|n| scale(self.above_zero(n))));
                } else {
                    v.extend(numbers.map(|n| n as u8));
                }
            }
            (Samples::Sixteen(v), ..) => {
                let full = u128::from(self.full());
                let scale = |n: u64| ((u128::from(n) * 65535 + full / 2) / full) as u16;
                let numbers = self.numbers(bytes, big_endian).take(count);
                if self.scaled {
                    v.extend(numbers.map(|n| scale(self.above_zero(n))));
                } else {
                    v.extend(numbers.map(|n| n as u16));
                }
            }
        }
        Ok(())
    }

    /// The largest number.
    pub(crate) fn full(&self) -> u64 {
        let bits = self.bits - u16::from(self.kind == Kind::Signed);
        u64::MAX >> (64 - bits.max(1))
    }

    fn above_zero(&self, n: u64) -> u64 {
        let negative = self.kind == Kind::Signed && n >> (self.bits - 1) & 1 == 1;
        if negative { 0 } else { n }
    }

    /// The numbers of a row: whole bytes in the file's order, others from the top bit down.
    fn numbers<'a>(&self, bytes: &'a [u8], big_endian: bool) -> Box<dyn Iterator<Item = u64> + 'a> {
        let bits = u32::from(self.bits);
        let join = |n: u64, &b: &u8| n << 8 | u64::from(b);
        match bits {
            1 | 2 | 4 => Box::new(bytes.iter().flat_map(move |&byte| {
                let mask = (1_u64 << bits) - 1;
                (1..=8 / bits).map(move |i| u64::from(byte) >> (8 - i * bits) & mask)
            })),
            _ if bits % 8 == 0 => {
                Box::new(bytes.chunks_exact(bits as usize / 8).map(move |number| {
                    if big_endian {
                        number.iter().fold(0, join)
                    } else {
                        number.iter().rev().fold(0, join)
                    }
                }))
            }
            _ => {
                let (mut held, mut have) = (0_u128, 0);
                let mut bytes = bytes.iter();
                Box::new(std::iter::from_fn(move || {
                    while have < bits {
                        held = held << 8 | u128::from(*bytes.next()?);
                        have += 8;
                    }
                    have -= bits;
                    let number = held >> have;
                    held &= (1 << have) - 1;
                    Some(number as u64)
                }))
            }
        }
    }

    fn append_floats(
        &self,
        bytes: &[u8],
        big_endian: bool,
        into: &mut Vec<f32>,
    ) -> Result<(), String> {
        let size = usize::from(self.bits) / 8;
        let start = into.len();
        into.extend(bytes.chunks_exact(size).map(|number| {
            let mut word = [0; 8];
            word[..size].copy_from_slice(number);
            if big_endian {
                word[..size].reverse();
            }
            let bits = u64::from_le_bytes(word);
            match size {
                2 => f16::from_bits(bits as u16).to_f32(),
                4 => f32::from_bits(bits as u32),
                _ => f64::from_bits(bits) as f32,
            }
        }));
        let samples = &mut into[start..];
        if let Some((black, white)) = self.range {
            for sample in samples {
                *sample = (*sample - black) / (white - black);
            }
        } else if let Some(large) = samples.iter().find(|s| **s > LARGEST_FLOAT) {
            return Err(format!("float samples of {large} and no tag that tells what is white"));
        }
        Ok(())
    }

    fn undo_horizontal(&self, bytes: &mut [u8], stride: usize) {
        macro_rules! undo {
            ($number:ty) => {{
                const SIZE: usize = size_of::<$number>();
                let get = |bytes: &[u8], i: usize| {
                    let mut word = [0; SIZE];
                    word.copy_from_slice(&bytes[i * SIZE..(i + 1) * SIZE]);
                    if self.big_endian {
                        <$number>::from_be_bytes(word)
                    } else {
                        <$number>::from_le_bytes(word)
                    }
                };
                for i in stride..bytes.len() / SIZE {
                    let sum = get(bytes, i).wrapping_add(get(bytes, i - stride));
                    let word = if self.big_endian { sum.to_be_bytes() } else { sum.to_le_bytes() };
                    bytes[i * SIZE..(i + 1) * SIZE].copy_from_slice(&word);
                }
            }};
        }
        match self.bits {
            8 => undo!(u8),
            16 => undo!(u16),
            32 => undo!(u32),
            _ => undo!(u64),
        }
    }
}

/// Sums the differences and puts each float's bytes together, the highest first.
fn undo_float(bytes: &mut [u8], stride: usize, size: usize) {
    for i in stride..bytes.len() {
        bytes[i] = bytes[i].wrapping_add(bytes[i - stride]);
    }
    let count = bytes.len() / size;
    let apart = bytes.to_vec();
    for (i, number) in bytes.chunks_exact_mut(size).enumerate() {
        for (byte, from) in number.iter_mut().enumerate() {
            *from = apart[byte * count + i];
        }
    }
}

/// Turns the bits of each byte around, for `FillOrder` 2.
pub(crate) fn reverse_bits(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = byte.reverse_bits();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packing(bits: u16, kind: Kind) -> Packing {
        let predictor = Predictor::None;
        Packing { bits, kind, big_endian: false, predictor, scaled: true, range: None }
    }

    fn unpacked(packing: &Packing, bytes: &[u8], count: usize) -> Samples {
        let mut samples = Samples::new(packing.depth());
        packing.append(&mut bytes.to_vec(), 1, count, &mut samples).unwrap();
        samples
    }

    fn eight(packing: &Packing, bytes: &[u8], count: usize) -> Vec<u8> {
        let Samples::Eight(v) = unpacked(packing, bytes, count) else { panic!("not 8 bits") };
        v
    }

    fn sixteen(packing: &Packing, bytes: &[u8], count: usize) -> Vec<u16> {
        let Samples::Sixteen(v) = unpacked(packing, bytes, count) else { panic!("not 16 bits") };
        v
    }

    #[test]
    fn few_bits_fill_the_range_of_8() {
        assert_eq!(eight(&packing(1, Kind::Unsigned), &[0b1010_0000], 3), [255, 0, 255]);
        assert_eq!(eight(&packing(2, Kind::Unsigned), &[0b0001_1011], 4), [0, 85, 170, 255]);
        assert_eq!(eight(&packing(4, Kind::Unsigned), &[0x0F, 0x80], 3), [0, 255, 136]);
        assert_eq!(eight(&packing(6, Kind::Unsigned), &[0xFC, 0x0F, 0xC0], 3), [255, 0, 255]);
    }

    #[test]
    fn odd_bits_fill_the_range_of_16() {
        assert_eq!(sixteen(&packing(12, Kind::Unsigned), &[0xFF, 0xF0, 0x00], 2), [65535, 0]);
        assert_eq!(sixteen(&packing(24, Kind::Unsigned), &[0xFF, 0xFF, 0xFF], 1), [65535]);
        assert_eq!(sixteen(&packing(24, Kind::Unsigned), &[0, 0, 0x80], 1), [32768]);
        let big = Packing { big_endian: true, ..packing(32, Kind::Unsigned) };
        assert_eq!(sixteen(&big, &[0x80, 0, 0, 0], 1), [32768]);
        assert_eq!(sixteen(&packing(64, Kind::Unsigned), &[0xFF; 8], 1), [65535]);
    }

    #[test]
    fn zero_of_signed_samples_is_black() {
        assert_eq!(eight(&packing(8, Kind::Signed), &[0x80, 0, 127], 3), [0, 0, 255]);
        assert_eq!(sixteen(&packing(16, Kind::Signed), &[0xFF, 0xFF, 0xFF, 0x7F], 2), [0, 65535]);
    }

    #[test]
    fn floats_of_16_32_and_64_bits_are_the_same_numbers() {
        let half = f16::from_f32(0.25).to_le_bytes();
        for bytes in [&half[..], &0.25_f32.to_le_bytes(), &0.25_f64.to_le_bytes()] {
            let packing = packing(8 * bytes.len() as u16, Kind::Float);
            let Samples::Float(v) = unpacked(&packing, bytes, 1) else { panic!("not float") };
            assert_eq!(v, [0.25]);
        }
    }

    #[test]
    fn floats_of_another_scale_are_refused_unless_tags_tell_it() {
        let mut packing = packing(32, Kind::Float);
        let bytes = 128_f32.to_le_bytes();
        let mut samples = Samples::new(Depth::Float);
        packing.append(&mut bytes.to_vec(), 1, 1, &mut samples).unwrap_err();
        packing.range = Some((0.0, 256.0));
        let Samples::Float(v) = unpacked(&packing, &bytes, 1) else { panic!("not float") };
        assert_eq!(v, [0.5]);
    }

    #[test]
    fn the_float_predictor_is_undone() {
        let values = [0.1_f32, 0.5, 0.25, 1.0, 0.75, 0.0];
        for stride in [1, 2, 3] {
            let mut apart: Vec<u8> =
                (0..4).flat_map(|byte| values.map(|v| v.to_be_bytes()[byte])).collect();
            for i in (stride..apart.len()).rev() {
                apart[i] = apart[i].wrapping_sub(apart[i - stride]);
            }
            let packing = Packing { predictor: Predictor::Float, ..packing(32, Kind::Float) };
            let mut samples = Samples::new(Depth::Float);
            packing.append(&mut apart, stride, 6, &mut samples).unwrap();
            let Samples::Float(v) = samples else { panic!("not float") };
            assert_eq!(v, values);
        }
    }
}
