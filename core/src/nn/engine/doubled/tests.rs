//! Against the plain way: the source is enlarged first, and gradients are added up afterwards.

use half::bf16;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::nn::engine::conv::{self, Convolution, Onward, Out};
use crate::nn::engine::pack::Window;
use crate::nn::engine::tests::{distance, features, kernels};
use crate::nn::engine::weight_gradient;
use crate::nn::ops::Activation;

/// Smaller height and width: one pixel, odd ones, and one of several strips and groups of images.
const SIZES: [[usize; 2]; 4] = [[1, 1], [5, 3], [3, 6], [40, 24]];
const IMAGES: usize = 3;
/// Of the doubled source, of another one, of hints, and of the result.
const CHANNELS: [usize; 4] = [20, 16, 3, 35];

struct Case<E> {
    sources: [Features<E>; 3],
    weights: Vec<f32>,
    gradients: Features<E>,
}

impl<E: Element> Case<E> {
    fn new([height, width]: [usize; 2]) -> Self {
        let [small, other, hints, outputs] = CHANNELS;
        let larger = [2 * height, 2 * width];
        let sources = [
            features(1, IMAGES, small, [height, width]),
            features(2, IMAGES, other, larger),
            features(3, IMAGES, hints, larger),
        ];
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let count = outputs * (small + other + hints) * KERNEL * KERNEL;
        let weights = (0..count).map(|_| random.random_range(-1.0..1.0)).collect();
        Self { sources, weights, gradients: features(5, IMAGES, outputs, larger) }
    }

    fn filters(&self) -> Filters<'_> {
        let [small, other, hints, outputs] = CHANNELS;
        let inputs = small + other + hints;
        let part = |first, channels, scale| Part {
            weights: &self.weights,
            inputs,
            first,
            channels,
            scale,
        };
        let parts =
            vec![part(0, small, 0.7), part(small, other, 1.0), part(small + other, hints, 2.0)];
        Filters { parts, outputs, kernel: KERNEL }
    }

    /// The sources at one size.
    fn enlarged(&self) -> [Features<E>; 3] {
        let [small, other, hints] = &self.sources;
        let size = small.size().map(|side| 2 * side);
        let mut larger = Features::zeros(IMAGES, small.channels, size);
        let pixels = larger.values.chunks_exact_mut(LANES).enumerate();
        pixels.for_each(|(index, pixel)| {
            let (line, column) = (index / size[1], index % size[1]);
            let from = (line / 2 * small.width + column / 2) * LANES;
            pixel.copy_from_slice(&small.values[from..][..LANES]);
        });
        [larger, other.clone(), hints.clone()]
    }
}

/// The engine's results for values as `E`, and how far they may be off.
fn each<E: Element>(tolerance: f64, check: impl Fn(Kernel, &Case<E>, f64)) {
    for size in SIZES {
        let case = Case::new(size);
        for kernel in kernels::<E>() {
            check(kernel, &case, tolerance);
        }
    }
}

fn numbers<E: Element>(values: &[E]) -> Vec<f32> {
    values.iter().map(|value| value.to_f32()).collect()
}

fn assert_near(found: &[f32], expected: &[f32], tolerance: f64, kernel: Kernel) {
    let off = distance(found, expected, 0.0);
    assert!(off < tolerance, "{kernel:?}: {off}");
}

fn check_convolution<E: Element>(kernel: Kernel, case: &Case<E>, tolerance: f64) {
    let filters = case.filters();
    let views = case.sources.each_ref().map(Features::view);
    let (products, sizes) = (products(kernel, &filters), [filters.outputs, filters.depth()]);
    let found = convolution(kernel, &views, IMAGES, &products, sizes, After::default());
    let enlarged = case.enlarged();
    let sources = enlarged.each_ref().map(Features::view);
    let size = case.gradients.size();
    let packed = Packed::forward(Kernel::Portable, &filters);
    let fill = |target| {
        let convolution = Convolution::<E, E> {
            sources: &sources,
            images: IMAGES,
            window: Window::same(KERNEL, 1, size),
            weights: &packed,
            depth: LANES,
            bias: None,
            activation: Activation::None,
            plus: [None; 2],
            gate: None,
            out: Out::features(target, filters.output_blocks(), size),
        };
        convolution.run(Kernel::Portable);
    };
    // SAFETY: a convolution writes all pixels of all blocks.
    let expected = unsafe { Features::<E>::filled(IMAGES, filters.outputs, size, fill) };
    assert_near(&numbers(&found.values), &numbers(&expected.values), tolerance, kernel);
}

fn check_input_gradient<E: Element>(kernel: Kernel, case: &Case<E>, tolerance: f64) {
    let (filters, gradients) = (case.filters(), &case.gradients);
    let found = input_gradient(kernel, gradients.view(), IMAGES, &filters);
    let size = gradients.size();
    let larger = conv::input_gradient(
        Kernel::Portable,
        gradients.view(),
        IMAGES,
        Window::same(KERNEL, 1, size),
        &filters,
        0,
        Onward { gate: None, plus: None },
    );
    let mut expected = vec![0f32; found.values.len()];
    for (index, pixel) in larger.values.chunks_exact(LANES).enumerate() {
        let (line, column) = (index / size[1], index % size[1]);
        let to = (line / 2 * found.width + column / 2) * LANES;
        let to = &mut expected[to..][..LANES];
        to.iter_mut().zip(pixel).for_each(|(to, value)| *to += value.to_f32());
    }
    assert_near(&numbers(&found.values), &expected, tolerance, kernel);
}

fn check_weight_gradients<E: Element>(kernel: Kernel, case: &Case<E>, tolerance: f64) {
    let (filters, gradients) = (case.filters(), case.gradients.view());
    let views = case.sources.each_ref().map(Features::view);
    let found = weight_gradients(kernel, &views, &filters, gradients, IMAGES);
    let enlarged = case.enlarged();
    let sources = enlarged.each_ref().map(Features::view);
    let window = Window::same(KERNEL, 1, case.gradients.size());
    let portable = Kernel::Portable;
    let (expected, _) =
        weight_gradient::weight_gradients(portable, &sources, window, &filters, gradients, IMAGES);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_near(found, expected, tolerance, kernel);
    }
}

#[test]
fn convolution_is_that_of_the_enlarged_source() {
    each::<f32>(1e-5, check_convolution);
    each::<bf16>(1e-2, check_convolution);
}

#[test]
fn input_gradient_is_the_sum_of_the_enlarged_pixels_gradients() {
    each::<f32>(1e-5, check_input_gradient);
    each::<bf16>(1e-2, check_input_gradient);
}

#[test]
fn weight_gradients_are_those_of_the_enlarged_source() {
    each::<f32>(1e-5, check_weight_gradients);
    each::<bf16>(1e-2, check_weight_gradients);
}
