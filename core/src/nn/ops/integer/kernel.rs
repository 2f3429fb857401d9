//! The inner loops, written once for all sets of instructions.
#![expect(unsafe_code, reason = "SIMD intrinsics work on pointers")]

use super::planes::BLOCK;

/// One set of instructions: operations on a block of 16 channels.
///
/// Sums wrap around: only the last one has to fit into 32 bits, which those who make the layers see
/// to. So every order of adding gives the same result.
///
/// # Safety
///
/// The processor has the instructions, and pointers are valid for as many numbers as each function
/// says; they need no alignment.
pub(super) trait Kernel {
    /// 16 sums of 32 bits, one for each channel.
    type Sums: Copy;
    /// 16 pairs of i16, one for each channel.
    type Pairs: Copy;

    /// Reads 16 sums.
    unsafe fn sums(from: *const i32) -> Self::Sums;

    /// Reads 16 pairs: 32 numbers.
    unsafe fn pairs(from: *const i16) -> Self::Pairs;

    /// The pair of 2 numbers, for each channel the same.
    unsafe fn repeated(from: *const i16) -> Self::Pairs;

    /// For each channel a pair of one of 16 numbers of `first` and one of 16 of `second`.
    unsafe fn interleaved(first: *const i16, second: *const i16) -> Self::Pairs;

    /// `sums + x[0] y[0] + x[1] y[1]` for each channel, modulo 2^32.
    unsafe fn add_products(sums: Self::Sums, x: Self::Pairs, y: Self::Pairs) -> Self::Sums;

    /// Writes `clamp((sums >> shifts) + residual, range)`, 16 numbers; nothing is added where
    /// `residual` is null. The number in the middle has to fit into 32 bits.
    unsafe fn store(
        sums: Self::Sums,
        shifts: *const i32,
        residual: *const i16,
        range: [i16; 2],
        to: *mut i16,
    );
}

/// Pixels of a picture at which a layer looks, or that it writes: the one for the result in row `y`
/// and column `x` lies `y * rows + x * columns` numbers from `origin`.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub(super) origin: *mut i16,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Numbers from one block of channels to the next.
    pub(super) plane: usize,
}

impl Grid {
    /// Of what is not there.
    pub(super) const ABSENT: Self =
        Self { origin: std::ptr::null_mut(), rows: 0, columns: 0, plane: 0 };

    /// From so many blocks on.
    pub(super) fn skip(self, blocks: usize) -> Self {
        Self { origin: self.origin.wrapping_add(blocks * self.plane), ..self }
    }

    /// The number for a result's row and column, in one of its blocks.
    #[inline(always)]
    fn at(&self, [row, column]: [usize; 2], block: usize) -> *mut i16 {
        self.origin.wrapping_add(row * self.rows + column * self.columns + block * self.plane)
    }
}

/// What a dense layer sums over in one input: from each of its pixels where terms lie, up to 16
/// numbers of a block each.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) grid: Grid,
    pub(super) offsets: &'a [isize],
    /// Pairs of numbers that count.
    pub(super) pairs: usize,
}

// SAFETY: what it points to is read from only.
unsafe impl Sync for Terms<'_> {}
// SAFETY: what it points to is read from only.
unsafe impl Send for Terms<'_> {}

/// What becomes of the sums of a few blocks, and where.
#[derive(Clone, Copy)]
pub(super) struct Finish {
    /// What sums begin with, 16 numbers for each block.
    pub(super) bias: *const i32,
    /// 16 numbers for each block.
    pub(super) shifts: *const i32,
    /// Least and greatest result.
    pub(super) range: [i16; 2],
    /// What is added to results; absent if there is nothing.
    pub(super) residual: Grid,
    pub(super) output: Grid,
    /// Columns of results.
    pub(super) width: usize,
    /// The first position and the one after the last, counted row by row.
    pub(super) first: usize,
    pub(super) end: usize,
}

/// Part of a dense layer: some blocks of channels at some positions.
#[derive(Clone, Copy)]
pub(super) struct Dense<'a> {
    pub(super) terms: &'a [Terms<'a>],
    /// For each offset of all terms `(pairs, blocks, 16, 2)`.
    pub(super) weights: *const i16,
    /// 1 to 3.
    pub(super) blocks: usize,
    pub(super) finish: Finish,
}

/// Part of a depthwise layer: one block of channels at some positions.
#[derive(Clone, Copy)]
pub(super) struct Depthwise<'a> {
    pub(super) input: Grid,
    /// Where, from a pixel, two of the pixels under the kernel lie.
    pub(super) offsets: &'a [[isize; 2]],
    /// `(offsets, 16, 2)`.
    pub(super) weights: *const i16,
    pub(super) finish: Finish,
}

/// Goes through positions row by row.
struct Walk {
    place: [usize; 2],
    width: usize,
    left: usize,
}

impl Walk {
    fn new(finish: &Finish) -> Self {
        let &Finish { first, end, width, .. } = finish;
        Self { place: [first / width, first % width], width, left: end - first }
    }

    /// Rows and columns of the next `P` positions, the last one again where there are no more.
    #[inline(always)]
    fn next<const P: usize>(&mut self) -> [[usize; 2]; P] {
        let mut places = [[0; 2]; P];
        for place in &mut places {
            *place = self.place;
            if self.left > 1 {
                self.place[1] += 1;
                if self.place[1] == self.width {
                    self.place = [self.place[0] + 1, 0];
                }
            }
            self.left = self.left.saturating_sub(1);
        }
        places
    }
}

/// A dense layer by tiles of `P` pixels and of up to `V` blocks, 1 or 3.
///
/// # Safety
///
/// All pointers are valid where positions, offsets and blocks lead.
#[inline(always)]
pub(super) unsafe fn dense<K: Kernel, const P: usize, const V: usize>(part: &Dense<'_>) {
    match (V, part.blocks) {
        // SAFETY: the caller's.
        (3, 3) => unsafe { dense_blocks::<K, P, 3>(part, 0) },
        // SAFETY: the caller's.
        (3, 2) => unsafe { dense_blocks::<K, P, 2>(part, 0) },
        _ => {
            for block in 0..part.blocks {
                // SAFETY: the caller's.
                unsafe { dense_blocks::<K, P, 1>(part, block) };
            }
        }
    }
}

/// `V` of the blocks, from one on.
#[inline(always)]
unsafe fn dense_blocks<K: Kernel, const P: usize, const V: usize>(part: &Dense<'_>, block: usize) {
    let finish = &part.finish;
    // SAFETY: the caller's, for each block.
    let bias = |v| unsafe { K::sums(finish.bias.wrapping_add((block + v) * BLOCK)) };
    let bias: [K::Sums; V] = std::array::from_fn(bias);
    let mut walk = Walk::new(finish);
    while walk.left > 0 {
        let places: [_; P] = walk.next();
        let mut sums = [bias; P];
        let mut weights = part.weights.wrapping_add(block * 2 * BLOCK);
        for terms in part.terms {
            let pixels = places.map(|place| terms.grid.at(place, 0).cast_const());
            for &offset in terms.offsets {
                for pair in 0..terms.pairs {
                    let pairs = |v| {
                        // SAFETY: the caller's, for each block.
                        unsafe { K::pairs(weights.wrapping_add(v * 2 * BLOCK)) }
                    };
                    let w: [K::Pairs; V] = std::array::from_fn(pairs);
                    for p in 0..P {
                        let from = pixels[p].wrapping_offset(offset + 2 * pair.cast_signed());
                        // SAFETY: the caller's.
                        let x = unsafe { K::repeated(from) };
                        for v in 0..V {
                            // SAFETY: the caller's.
                            sums[p][v] = unsafe { K::add_products(sums[p][v], x, w[v]) };
                        }
                    }
                    weights = weights.wrapping_add(part.blocks * 2 * BLOCK);
                }
            }
        }
        // A copy, so that the sums themselves stay in registers.
        let done = sums;
        for (sums, &place) in done.iter().zip(&places) {
            for (v, &sums) in sums.iter().enumerate() {
                // SAFETY: the caller's.
                unsafe { store::<K>(sums, finish, block + v, place) };
            }
        }
    }
}

/// A depthwise layer by tiles of `P` pixels.
///
/// # Safety
///
/// All pointers are valid where positions and offsets lead.
#[inline(always)]
pub(super) unsafe fn depthwise<K: Kernel, const P: usize>(part: &Depthwise<'_>) {
    let finish = &part.finish;
    // SAFETY: the caller's.
    let bias = unsafe { K::sums(finish.bias) };
    let mut walk = Walk::new(finish);
    while walk.left > 0 {
        let places: [_; P] = walk.next();
        let pixels = places.map(|place| part.input.at(place, 0).cast_const());
        let mut sums = [bias; P];
        let mut weights = part.weights;
        for &[first, second] in part.offsets {
            // SAFETY: the caller's.
            let w = unsafe { K::pairs(weights) };
            for p in 0..P {
                let [first, second] = [first, second].map(|at| pixels[p].wrapping_offset(at));
                // SAFETY: the caller's.
                let x = unsafe { K::interleaved(first, second) };
                // SAFETY: the caller's.
                sums[p] = unsafe { K::add_products(sums[p], x, w) };
            }
            weights = weights.wrapping_add(2 * BLOCK);
        }
        let done = sums;
        for (&sums, &place) in done.iter().zip(&places) {
            // SAFETY: the caller's.
            unsafe { store::<K>(sums, finish, 0, place) };
        }
    }
}

/// Writes a block's results of one pixel.
#[inline(always)]
unsafe fn store<K: Kernel>(sums: K::Sums, finish: &Finish, block: usize, place: [usize; 2]) {
    let residual = if finish.residual.origin.is_null() {
        std::ptr::null()
    } else {
        finish.residual.at(place, block).cast_const()
    };
    let shifts = finish.shifts.wrapping_add(block * BLOCK);
    let to = finish.output.at(place, block);
    // SAFETY: the caller's.
    unsafe { K::store(sums, shifts, residual, finish.range, to) };
}
