//! Gradients of a convolution's weights and biases: pixels' values times their gradients, summed over
//! all pixels of a batch.

use std::ops::Range;

use rayon::prelude::*;

use super::features::{Target, View, filled};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES};
use super::pack::{Strip, Window, group, group_gradients, grouped_len, groups};
use super::product::{Outer, outer, panels};
use super::scratch::Scratch;
use super::weights::{Filters, Sums, total, unpack};

/// Adds up the gradients of weights, and of biases, of some images, on this thread.
pub(super) struct WeightGradient<'a, E> {
    pub(super) sources: &'a [View<'a, E>],
    pub(super) window: Window,
    /// Of the outputs.
    pub(super) gradients: View<'a, E>,
    /// Of the gradients.
    pub(super) images: Range<usize>,
    /// The sources' image that belongs to the first of them.
    pub(super) source_image: usize,
    /// Channels of a block of inputs that count.
    pub(super) depth: usize,
    /// As [`Sums`] has them.
    pub(super) sums: &'a mut [f32],
    pub(super) bias_sums: Option<&'a mut [f32]>,
}

/// Values of inputs and gradients in groups that fit into a core's own cache.
const GROUPED_VALUES: usize = 128 << 10;

impl<E: Element> Task for WeightGradient<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(mut self) {
        let mut sources = self.sources.to_vec();
        if self.window == Window::POINT
            && self.gradients.is_flat()
            && sources.iter().all(View::is_flat)
        {
            // One row of all pixels.
            self.gradients = flat(self.gradients);
            for source in &mut sources {
                *source = flat(*source);
            }
        }
        let (window, gradients) = (self.window, self.gradients);
        let blocks: usize = sources.iter().map(|source| source.blocks).sum();
        let line = blocks * window.reach(gradients.width) * window.kernel * LANES
            + gradients.blocks * gradients.width * LANES;
        let rows = grouped_rows(line, gradients.height);
        let together = if window.stride == 1 { grouped_images(line, gradients.height) } else { 1 };
        let mut image = self.images.start;
        while image < self.images.end {
            let images = image..(image + together).min(self.images.end);
            let mut first = 0;
            while first < gradients.height {
                let rows = rows.min(gradients.height - first);
                let strip = Strip { image, first, rows, columns: gradients.width };
                // SAFETY: the processor has the instructions, as this task is run.
                unsafe { self.add::<D>(&sources, &strip, images.len()) };
                first += rows;
            }
            image = images.end;
        }
    }
}

impl<E: Element> WeightGradient<'_, E> {
    /// Adds a strip of an image, or of some images that follow each other.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `D`.
    #[inline(always)]
    unsafe fn add<D: Dot>(&mut self, sources: &[View<'_, E>], strip: &Strip, images: usize) {
        let (window, gradients) = (self.window, self.gradients);
        let blocks: usize = sources.iter().map(|source| source.blocks).sum();
        let x_len = grouped_len::<D>(&window, strip, blocks);
        let row_len = groups::<D>(strip.columns) * LANES * D::DEPTH;
        let image_len = strip.rows * row_len;
        // Not a power of two: blocks that lie so far apart would share a cache's few places.
        let block_step = images * image_len + LANES * D::DEPTH;
        let mut x = Scratch::of::<D::Value>(images * x_len);
        let mut packed = Scratch::of::<D::Value>(gradients.blocks * block_step);
        let (x, packed) =
            (x.as_mut_ptr().cast::<D::Value>(), packed.as_mut_ptr().cast::<D::Value>());
        for i in 0..images {
            let strip = strip.of_next(i);
            let image = self.source_image + strip.image - self.images.start;
            let read = Strip { image, ..strip };
            let at = x.wrapping_add(i * x_len);
            let mut before = 0;
            for source in sources {
                // SAFETY: there is room for all blocks.
                unsafe { group::<D, E>(source, &window, &read, before, blocks, at) };
                before += source.blocks;
            }
            let bias_sums = self.bias_sums.as_mut().map(|sums| {
                assert!(sums.len() >= gradients.blocks * LANES);
                sums.as_mut_ptr()
            });
            let at = packed.wrapping_add(i * image_len);
            // SAFETY: there is room.
            unsafe { group_gradients::<D, E>(&gradients, &strip, at, block_step, bias_sums) };
        }
        let offsets = offsets(&window, blocks, window.reach(strip.rows), row_len);
        assert!(window.stride == 1 || images == 1);
        // Rows that follow each other are one.
        let (rows, x_row_step) = if window.stride == 1 {
            (images, x_len)
        } else {
            (strip.rows, window.stride * row_len)
        };
        let block_len = self.sums.len() / gradients.blocks;
        for (first, width) in panels(gradients.blocks) {
            let sums = &mut self.sums[first * block_len..][..width * block_len];
            let outer_of = Outer {
                x,
                offsets: &offsets,
                depth: self.depth,
                rows,
                columns: images * image_len / (rows * LANES * D::DEPTH),
                x_row_step,
                gradients: packed.wrapping_add(first * block_step),
                block_step,
                width,
                sums: sums.as_mut_ptr(),
            };
            // SAFETY: all of it lies within the copies, and the sums are this task's own.
            unsafe { outer::<D>(&outer_of) };
        }
    }
}

/// Where the lines of each block lie under each tap of the kernel, in copies of so many rows.
fn offsets(window: &Window, blocks: usize, height: usize, row_len: usize) -> Vec<usize> {
    let mut offsets = Vec::with_capacity(blocks * window.kernel * window.kernel);
    for block in 0..blocks {
        for row in 0..window.kernel {
            for column in 0..window.kernel {
                let line = (column * blocks + block) * height + row * window.dilation;
                offsets.push(line * row_len);
            }
        }
    }
    offsets
}

/// Whole images, of rows of so many values in groups, that fit into a core's own cache: sums are
/// read and written once for all of them.
pub(super) fn grouped_images(line: usize, height: usize) -> usize {
    (GROUPED_VALUES / (line * height)).max(1)
}

/// Rows of so many values in groups that fit into a core's own cache.
pub(super) fn grouped_rows(line: usize, height: usize) -> usize {
    (GROUPED_VALUES / line).clamp(1, height)
}

/// The same pixels as one row.
fn flat<E>(view: View<'_, E>) -> View<'_, E> {
    let width = view.area();
    View { height: 1, width, row_step: width * view.pixel_step, ..view }
}

/// Parts that a batch's images are summed in, at most so many: as many whatever the threads, so that
/// sums do not depend on them.
pub(super) fn image_groups(images: usize, most: usize) -> Vec<Range<usize>> {
    let groups = images.min(most);
    (0..groups).map(|i| i * images / groups..(i + 1) * images / groups).collect()
}

/// Groups of images that are summed apart where there are few weights: all cores have one.
pub(super) const GROUPS: usize = 8;

/// Weights from which tasks share them, so that sums for each group of images need not be written,
/// read and added up.
const MANY_WEIGHTS: usize = 1 << 18;
/// Blocks of inputs in such a task.
const SHARED_BLOCKS: usize = 4;

/// Some of a layer's weights: those from some blocks of a source to some blocks of outputs.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) source: usize,
    /// First block and blocks of the source.
    pub(super) inputs: (usize, usize),
    /// First block and blocks of the outputs.
    pub(super) outputs: (usize, usize),
}

/// Shares in the order in which their sums lie.
pub(super) fn shares(blocks: &[usize], output_blocks: usize) -> Vec<Share> {
    let mut shares = Vec::new();
    for outputs in panels(output_blocks) {
        for (source, &blocks) in blocks.iter().enumerate() {
            for first in (0..blocks).step_by(SHARED_BLOCKS) {
                let inputs = (first, SHARED_BLOCKS.min(blocks - first));
                shares.push(Share { source, inputs, outputs });
            }
        }
    }
    shares
}

/// Gradients of a whole batch: those of each part's weights, `(Cout, channels, K, K)`, and of the
/// biases.
pub(super) fn weight_gradients<E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    window: Window,
    filters: &Filters<'_>,
    gradients: View<'_, E>,
    images: usize,
) -> (Vec<Vec<f32>>, Vec<f32>) {
    let sums = Sums::new(filters, filters.kernel * filters.kernel);
    let layer = Layer { kernel, sources, window, filters, gradients };
    let (weights, mut biases) = if sums.len < MANY_WEIGHTS {
        layer.summed(&sums, images)
    } else {
        layer.shared(&sums, images)
    };
    biases.truncate(filters.outputs);
    (unpack(filters, &weights), biases)
}

/// What the gradients of a layer's weights are taken of.
struct Layer<'a, E> {
    kernel: Kernel,
    sources: &'a [View<'a, E>],
    window: Window,
    filters: &'a Filters<'a>,
    gradients: View<'a, E>,
}

impl<E: Element> Layer<'_, E> {
    /// Sums of all weights, of groups of images that are added up.
    fn summed(&self, sums: &Sums, images: usize) -> (Vec<f32>, Vec<f32>) {
        let outputs = self.filters.output_blocks() * LANES;
        let groups = image_groups(images, GROUPS).into_par_iter().map(|images| {
            let (mut weights, mut biases) = (vec![0f32; sums.len], vec![0f32; outputs]);
            self.kernel.run(WeightGradient {
                sources: self.sources,
                window: self.window,
                gradients: self.gradients,
                source_image: images.start,
                images,
                depth: self.filters.depth(),
                sums: &mut weights,
                bias_sums: Some(&mut biases),
            });
            (weights, biases)
        });
        let (weights, biases): (Vec<_>, Vec<_>) = groups.collect::<Vec<_>>().into_iter().unzip();
        (total(weights), sum(&biases, outputs))
    }

    /// Sums of all images, of weights that are shared out.
    fn shared(&self, sums: &Sums, images: usize) -> (Vec<f32>, Vec<f32>) {
        let (taps, depth) = (self.filters.kernel * self.filters.kernel, self.filters.depth());
        let output_blocks = self.filters.output_blocks();
        let blocks: Vec<usize> = self.sources.iter().map(|source| source.blocks).collect();
        let mut biases = vec![0f32; output_blocks * LANES];
        let mut biases_left = &mut biases[..];
        let (mut tasks, mut end) = (Vec::new(), 0);
        for share in shares(&blocks, output_blocks) {
            let Share { source, inputs, outputs } = share;
            let start = end;
            end += inputs.1 * taps * depth * outputs.1 * LANES;
            let bias_sums = (source == 0 && inputs.0 == 0).then(|| {
                let len = outputs.1 * LANES;
                biases_left.split_off_mut(..len).expect("one for each output")
            });
            tasks.push((share, start..end, bias_sums));
        }
        assert_eq!(end, sums.len);
        let fill = |target: Target<f32>| {
            tasks.into_par_iter().for_each(|(share, range, bias_sums)| {
                // SAFETY: the share's own part.
                let sums = unsafe { target.part(range.start, range.len()) };
                sums.fill(0.0);
                self.kernel.run(WeightGradient {
                    sources: &[self.sources[share.source].some_blocks(share.inputs)],
                    window: self.window,
                    gradients: self.gradients.some_blocks(share.outputs),
                    source_image: 0,
                    images: 0..images,
                    depth,
                    sums,
                    bias_sums,
                });
            });
        };
        // SAFETY: the shares are all weights.
        let weights = unsafe { filled(sums.len, fill) };
        (weights, biases)
    }
}

/// Sums over groups, of the first so many channels.
pub(super) fn sum(groups: &[Vec<f32>], channels: usize) -> Vec<f32> {
    (0..channels).map(|channel| groups.iter().map(|sums| sums[channel]).sum()).collect()
}
