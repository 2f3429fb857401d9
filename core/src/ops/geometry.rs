//! Sizes of one convolution, and where its kernel lies.

use std::ops::Range;

use candle_core::{Result, Shape, bail};

use super::{Conv, Padding};

/// Everything that a convolution's loops need to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) images: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Rows and columns of the input.
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) kernel_h: usize,
    pub(super) kernel_w: usize,
    /// Rows and columns of the result.
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Zero rows above and zero columns left of the input.
    pub(super) top: usize,
    pub(super) left: usize,
}

impl Geometry {
    /// Checks that the shapes fit.
    pub(super) fn new(x: &Shape, weight: &Shape, bias: &Shape, conv: Conv) -> Result<Self> {
        let (images, inputs, height, width) = x.dims4()?;
        let (outputs, weight_inputs, kernel_h, kernel_w) = weight.dims4()?;
        if weight_inputs != inputs || bias.dims() != [outputs] {
            bail!("convolution of {x:?} with weight {weight:?} and bias {bias:?}");
        }
        if conv.stride == 0 || conv.dilation == 0 || x.elem_count() == 0 || weight.elem_count() == 0
        {
            bail!("convolution of {x:?} with weight {weight:?}, {conv:?}: a size is 0");
        }
        let reach = [kernel_h, kernel_w].map(|kernel| (kernel - 1) * conv.dilation);
        if let Padding::Before(before) = conv.padding
            && (before[0] > reach[0] || before[1] > reach[1])
        {
            bail!(
                "convolution with weight {weight:?}, {conv:?}: pads more than the kernel reaches"
            );
        }
        Ok(Self {
            images,
            inputs,
            outputs,
            height,
            width,
            kernel_h,
            kernel_w,
            rows: height.div_ceil(conv.stride),
            columns: width.div_ceil(conv.stride),
            stride: conv.stride,
            dilation: conv.dilation,
            top: padding_before(height, kernel_h, conv, 0),
            left: padding_before(width, kernel_w, conv, 1),
        })
    }

    /// The convolution that gives the input's gradient from the result's, its kernel turned
    /// around; `None` where a stride leaves gaps between the result's pixels.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn turned(&self) -> Option<Self> {
        (self.stride == 1).then_some(Self {
            inputs: self.outputs,
            outputs: self.inputs,
            top: (self.kernel_h - 1) * self.dilation - self.top,
            left: (self.kernel_w - 1) * self.dilation - self.left,
            ..*self
        })
    }

    /// Elements of one image of the input.
    pub(super) fn input_len(&self) -> usize {
        self.inputs * self.height * self.width
    }

    /// Elements of one image of the result.
    pub(super) fn output_len(&self) -> usize {
        self.outputs * self.output_plane()
    }

    /// Elements of one channel of the result.
    pub(super) fn output_plane(&self) -> usize {
        self.rows * self.columns
    }

    /// Products that make one element of the result.
    pub(super) fn depth(&self) -> usize {
        self.inputs * self.kernel_h * self.kernel_w
    }

    /// Whether the result's pixels see just their own input pixel.
    pub(super) fn pointwise(&self) -> bool {
        self.kernel_h == 1 && self.kernel_w == 1 && self.stride == 1
    }

    /// Splits the result's rows into strips, of a size that depends on the geometry alone, whose
    /// input columns fit the second-level cache.
    pub(super) fn strips(&self) -> impl Iterator<Item = Range<usize>> + Clone + use<> {
        /// Floats: half of the 1 MiB that a core has of second-level cache.
        const CACHED: usize = 128 * 1024;
        let rows = self.rows;
        let strip = (CACHED / (self.depth() * self.columns)).clamp(1, rows);
        (0..rows).step_by(strip).map(move |start| start..rows.min(start + strip))
    }
}

/// Zero rows above `size` ones, or columns left of them where `axis` is 1.
pub(super) fn padding_before(size: usize, kernel: usize, conv: Conv, axis: usize) -> usize {
    if let Padding::Before(before) = conv.padding {
        return before[axis];
    }
    let positions = size.div_ceil(conv.stride);
    let reach = (positions - 1) * conv.stride + (kernel - 1) * conv.dilation + 1;
    reach.saturating_sub(size) / 2
}
