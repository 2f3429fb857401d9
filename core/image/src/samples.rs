//! Samples as they stand in a file: interleaved, in the machine's byte order, not yet lightness.

use crate::Result;
use crate::budget::no_memory;

/// Kinds of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 8 bits a channel.
    Eight,
    /// 16 bits a channel.
    Sixteen,
    /// 32-bit float a channel.
    Float,
}

impl Depth {
    /// The depth that has room for integers of so many bits.
    pub fn of_bits(bits: u32) -> Self {
        if bits <= 8 { Self::Eight } else { Self::Sixteen }
    }
}

/// What the samples of a pixel mean; all readers give one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Red, green and blue in place of gray.
    pub color: bool,
    /// One more sample, the last: opacity, not multiplied into the others.
    pub alpha: bool,
    /// Bits a sample.
    pub depth: Depth,
}

impl Layout {
    /// Samples of color, without alpha.
    pub fn colors(self) -> usize {
        if self.color { 3 } else { 1 }
    }

    /// Samples a pixel.
    pub fn channels(self) -> usize {
        self.colors() + usize::from(self.alpha)
    }

    /// Bytes a sample.
    pub fn sample_bytes(self) -> usize {
        match self.depth {
            Depth::Eight => 1,
            Depth::Sixteen => 2,
            Depth::Float => 4,
        }
    }

    /// Bytes of `rows` rows of `width` pixels.
    pub fn bytes(self, width: u32, rows: u64) -> u64 {
        u64::from(width) * rows * (self.channels() * self.sample_bytes()) as u64
    }
}

/// Interleaved samples.
#[derive(Clone, Debug)]
pub enum Samples {
    /// 0..=255.
    Eight(Vec<u8>),
    /// 0..=65535.
    Sixteen(Vec<u16>),
    /// 0 is black and 1 white; others occur.
    Float(Vec<f32>),
}

/// A view of [`Samples`].
#[derive(Clone, Copy, Debug)]
pub enum SamplesRef<'a> {
    /// 0..=255.
    Eight(&'a [u8]),
    /// 0..=65535.
    Sixteen(&'a [u16]),
    /// 0 is black and 1 white; others occur.
    Float(&'a [f32]),
}

/// Interleaved RGB samples to be filled, encoded as their color space says.
#[derive(Debug)]
pub enum SamplesMut<'a> {
    /// 0..=255.
    Eight(&'a mut [u8]),
    /// 0..=65535.
    Sixteen(&'a mut [u16]),
    /// 0..=1.
    Float(&'a mut [f32]),
}

impl SamplesMut<'_> {
    /// The same samples for a shorter time.
    pub fn reborrow(&mut self) -> SamplesMut<'_> {
        match self {
            Self::Eight(v) => SamplesMut::Eight(v),
            Self::Sixteen(v) => SamplesMut::Sixteen(v),
            Self::Float(v) => SamplesMut::Float(v),
        }
    }
}

impl Samples {
    /// No samples of a depth.
    pub fn new(depth: Depth) -> Self {
        match depth {
            Depth::Eight => Self::Eight(Vec::new()),
            Depth::Sixteen => Self::Sixteen(Vec::new()),
            Depth::Float => Self::Float(Vec::new()),
        }
    }

    /// Forgets all samples.
    pub fn clear(&mut self) {
        match self {
            Self::Eight(v) => v.clear(),
            Self::Sixteen(v) => v.clear(),
            Self::Float(v) => v.clear(),
        }
    }

    /// Takes the memory for so many more samples.
    ///
    /// # Errors
    ///
    /// When the machine does not have it.
    pub fn reserve(&mut self, samples: usize) -> Result<()> {
        let (reserved, bytes) = match self {
            Self::Eight(v) => (v.try_reserve(samples), 1),
            Self::Sixteen(v) => (v.try_reserve(samples), 2),
            Self::Float(v) => (v.try_reserve(samples), 4),
        };
        reserved.map_err(|_| no_memory(samples.saturating_mul(bytes)))
    }

    /// Takes the memory for so many more samples, and no more.
    ///
    /// # Errors
    ///
    /// When the machine does not have it.
    pub fn reserve_exact(&mut self, samples: usize) -> Result<()> {
        let (reserved, bytes) = match self {
            Self::Eight(v) => (v.try_reserve_exact(samples), 1),
            Self::Sixteen(v) => (v.try_reserve_exact(samples), 2),
            Self::Float(v) => (v.try_reserve_exact(samples), 4),
        };
        reserved.map_err(|_| no_memory(samples.saturating_mul(bytes)))
    }

    /// Samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Eight(v) => v.len(),
            Self::Sixteen(v) => v.len(),
            Self::Float(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes it `samples` long; what is added is 0.
    ///
    /// # Panics
    ///
    /// When the machine has no memory for it, unless it was reserved.
    pub fn resize(&mut self, samples: usize) {
        match self {
            Self::Eight(v) => v.resize(samples, 0),
            Self::Sixteen(v) => v.resize(samples, 0),
            Self::Float(v) => v.resize(samples, 0.0),
        }
    }

    /// Stores the first `count` samples of `from`, of the same depth, at every `step`-th place
    /// from `first` on.
    pub fn put(&mut self, first: usize, step: usize, from: &Self, count: usize) {
        fn put<T: Copy>(to: &mut [T], step: usize, from: &[T]) {
            if step == 1 {
                to[..from.len()].copy_from_slice(from);
            } else {
                to.iter_mut().step_by(step).zip(from).for_each(|(to, &from)| *to = from);
            }
        }
        match (self, from) {
            (Self::Eight(to), Self::Eight(from)) => put(&mut to[first..], step, &from[..count]),
            (Self::Sixteen(to), Self::Sixteen(from)) => put(&mut to[first..], step, &from[..count]),
            (Self::Float(to), Self::Float(from)) => put(&mut to[first..], step, &from[..count]),
            _ => unreachable!("a scan has one depth"),
        }
    }

    /// The samples of a range.
    pub fn slice(&self, range: std::ops::Range<usize>) -> SamplesRef<'_> {
        match self {
            Self::Eight(v) => SamplesRef::Eight(&v[range]),
            Self::Sixteen(v) => SamplesRef::Sixteen(&v[range]),
            Self::Float(v) => SamplesRef::Float(&v[range]),
        }
    }

    /// All samples.
    pub fn all(&self) -> SamplesRef<'_> {
        match self {
            Self::Eight(v) => SamplesRef::Eight(v),
            Self::Sixteen(v) => SamplesRef::Sixteen(v),
            Self::Float(v) => SamplesRef::Float(v),
        }
    }

    /// Appends samples of the same depth.
    pub fn extend(&mut self, more: SamplesRef<'_>) {
        match (self, more) {
            (Self::Eight(v), SamplesRef::Eight(more)) => v.extend_from_slice(more),
            (Self::Sixteen(v), SamplesRef::Sixteen(more)) => v.extend_from_slice(more),
            (Self::Float(v), SamplesRef::Float(more)) => v.extend_from_slice(more),
            _ => unreachable!("a scan has one depth"),
        }
    }

    /// Appends samples stored as bytes in the order `big_endian` tells.
    pub fn extend_bytes(&mut self, bytes: &[u8], big_endian: bool) {
        match self {
            Self::Eight(v) => v.extend_from_slice(bytes),
            Self::Sixteen(v) => v.extend(bytes.chunks_exact(2).map(|pair| {
                let pair = [pair[0], pair[1]];
                if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
            })),
            Self::Float(v) => v.extend(bytes.chunks_exact(4).map(|four| {
                let four = [four[0], four[1], four[2], four[3]];
                if big_endian { f32::from_be_bytes(four) } else { f32::from_le_bytes(four) }
            })),
        }
    }

    /// Replaces the samples by those of big-endian bytes, with no second copy where they are bytes.
    pub(crate) fn set_bytes(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.clear();
        match self {
            Self::Eight(v) => *v = bytes,
            Self::Sixteen(_) => {
                self.reserve_exact(bytes.len() / 2)?;
                self.extend_bytes(&bytes, true);
            }
            Self::Float(_) => {
                self.reserve_exact(bytes.len() / 4)?;
                self.extend_bytes(&bytes, true);
            }
        }
        Ok(())
    }

    /// The numbers as they are.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Self::Eight(v) => v.iter().map(|&s| f32::from(s)).collect(),
            Self::Sixteen(v) => v.iter().map(|&s| f32::from(s)).collect(),
            Self::Float(v) => v.clone(),
        }
    }

    /// Replaces the samples by numbers, rounded where they are integers.
    pub fn set_rounded(&mut self, values: &[f32]) {
        self.clear();
        match self {
            Self::Eight(v) => v.extend(values.iter().map(|s| s.round() as u8)),
            Self::Sixteen(v) => v.extend(values.iter().map(|s| s.round() as u16)),
            Self::Float(v) => v.extend_from_slice(values),
        }
    }

    /// Replaces the samples by every `step`-th of `from`, from `first` on, of any depth.
    pub fn set_channel(&mut self, from: SamplesRef<'_>, first: usize, step: usize) {
        fn channel<T: Copy>(from: &[T], first: usize, step: usize) -> impl Iterator<Item = T> {
            from.chunks_exact(step).map(move |pixel| pixel[first])
        }
        let wide = |s: u8| 257 * u16::from(s);
        let narrow = |s: u16| ((u32::from(s) * 255 + 32767) / 65535) as u8;
        self.clear();
        match (self, from) {
            (Self::Eight(to), SamplesRef::Eight(from)) => to.extend(channel(from, first, step)),
            (Self::Eight(to), SamplesRef::Sixteen(from)) => {
                to.extend(channel(from, first, step).map(narrow));
            }
            (Self::Eight(to), SamplesRef::Float(from)) => {
                to.extend(channel(from, first, step).map(|s| (255.0 * s).round() as u8));
            }
            (Self::Sixteen(to), SamplesRef::Eight(from)) => {
                to.extend(channel(from, first, step).map(wide));
            }
            (Self::Sixteen(to), SamplesRef::Sixteen(from)) => to.extend(channel(from, first, step)),
            (Self::Sixteen(to), SamplesRef::Float(from)) => {
                to.extend(channel(from, first, step).map(|s| (65535.0 * s).round() as u16));
            }
            (Self::Float(to), SamplesRef::Eight(from)) => {
                to.extend(channel(from, first, step).map(|s| f32::from(s) / 255.0));
            }
            (Self::Float(to), SamplesRef::Sixteen(from)) => {
                to.extend(channel(from, first, step).map(|s| f32::from(s) / 65535.0));
            }
            (Self::Float(to), SamplesRef::Float(from)) => to.extend(channel(from, first, step)),
        }
    }
}

impl SamplesRef<'_> {
    /// Samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Eight(v) => v.len(),
            Self::Sixteen(v) => v.len(),
            Self::Float(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples before a place and those from it on.
    pub fn split_at(&self, at: usize) -> (Self, Self) {
        match self {
            Self::Eight(v) => (Self::Eight(&v[..at]), Self::Eight(&v[at..])),
            Self::Sixteen(v) => (Self::Sixteen(&v[..at]), Self::Sixteen(&v[at..])),
            Self::Float(v) => (Self::Float(&v[..at]), Self::Float(&v[at..])),
        }
    }

    /// Appends the samples as a file stores them.
    pub fn to_bytes(self, big_endian: bool, bytes: &mut Vec<u8>) {
        match self {
            Self::Eight(v) => bytes.extend_from_slice(v),
            Self::Sixteen(v) if big_endian => bytes.extend(v.iter().flat_map(|s| s.to_be_bytes())),
            Self::Sixteen(v) => bytes.extend(v.iter().flat_map(|s| s.to_le_bytes())),
            Self::Float(v) if big_endian => bytes.extend(v.iter().flat_map(|s| s.to_be_bytes())),
            Self::Float(v) => bytes.extend(v.iter().flat_map(|s| s.to_le_bytes())),
        }
    }
}
