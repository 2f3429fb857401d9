//! Passes of the networks, and their gradients, against candle's own.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use half::bf16;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::features::Features;
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::tape::Tape;
use crate::nn::model::{self, Mode, Network};

fn noise(shape: &[usize], scale: f32) -> Tensor {
    noise_of(&format!("{shape:?}"), shape, scale)
}

/// Even noise of at most `scale`, the same for a name in each run.
fn noise_of(name: &str, shape: &[usize], scale: f32) -> Tensor {
    let mut seed = [7; 32];
    seed.iter_mut().zip(name.bytes().rev()).for_each(|(seed, byte)| *seed = byte);
    let mut random = ChaCha8Rng::from_seed(seed);
    let count: usize = shape.iter().product();
    let values = (0..count).map(|_| random.random_range(-scale..scale));
    Tensor::from_iter(values, &Device::Cpu).unwrap().reshape(shape).unwrap()
}

/// Features of even noise within -1 and 1.
pub(super) fn features<E: Element>(
    seed: u64,
    images: usize,
    channels: usize,
    size: [usize; 2],
) -> Features<E> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut features = Features::<E>::zeros(images, channels, size);
    let (blocks, plane) = (features.blocks(), features.area() * LANES);
    for (block, values) in features.values.chunks_exact_mut(plane).enumerate() {
        let count = (channels - block % blocks * LANES).min(LANES);
        for pixel in values.chunks_exact_mut(LANES) {
            pixel[..count].fill_with(|| E::from_f32(random.random_range(-1.0..1.0)));
        }
    }
    features
}

struct Case {
    network: Box<dyn Network>,
    variables: VarMap,
    lightness: Tensor,
    hints: Option<Tensor>,
    d_chroma: Tensor,
    /// None where the network tells of no bins.
    d_bins: Option<Tensor>,
}

impl Case {
    fn new(name: &str, config: &Value, side: usize, seed: usize, hinted: bool) -> Self {
        let variables = VarMap::new();
        let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
        model::build(name, config, vb.clone()).unwrap();
        for (name, var) in variables.data().lock().unwrap().iter() {
            let fan: usize = var.dims()[1..].iter().product();
            let value = match var.rank() {
                4 => noise_of(&format!("{name}{seed}"), var.dims(), (6.0 / fan as f32).sqrt()),
                _ if name.ends_with("bias") => noise_of(name, var.dims(), 0.3),
                _ if name.ends_with("mean") => noise_of(name, var.dims(), 0.1),
                _ => continue,
            };
            var.set(&value).unwrap();
        }
        // Built anew, of these values: not every network reads its tensors when it is run.
        let network = model::build(name, config, vb).unwrap();
        let n = 2;
        let lightness = ((noise(&[n, 1, side, side], 50.0)) + 50.0).unwrap();
        let hints = hinted.then(|| {
            let mask = noise(&[n, 1, side, side], 1.0).gt(0.9f32).unwrap();
            let mask = mask.to_dtype(DType::F32).unwrap();
            let color = noise(&[n, 2, side, side], 0.4).broadcast_mul(&mask).unwrap();
            Tensor::cat(&[color, mask], 1).unwrap()
        });
        let d_chroma = noise(&[n, 2, side, side], 1.0);
        let centers = network.bin_centers().map(|centers| centers.len());
        let d_bins = centers.map(|count| noise(&[n * side * side / 16, count], 0.1));
        Self { network, variables, lightness, hints, d_chroma, d_bins }
    }

    fn of_vivid(seed: usize, hinted: bool) -> Self {
        Self::new("vivid", &model::default_config("vivid").unwrap(), 64, seed, hinted)
    }

    /// Chroma and, by name, gradients; by candle.
    fn stock(&self) -> (Vec<f32>, Vec<(String, Vec<f32>)>) {
        let heads = self.network.stock(&self.lightness, self.hints.as_ref(), Mode::Train).unwrap();
        let sum = |a: &Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap();
        let mut loss = sum(&heads.chroma, &self.d_chroma);
        if let (Some(bins), Some(d_bins)) = (&heads.bins, &self.d_bins) {
            loss = (loss + sum(bins, d_bins)).unwrap();
        }
        let gradients = loss.backward().unwrap();
        (values(&heads.chroma), self.named(|var| gradients.get(var).cloned()))
    }

    fn recorded<E: Element>(&self, kernel: Kernel) -> (Vec<f32>, Vec<(String, Vec<f32>)>) {
        let mut tape = Box::new(Tape::<E>::with_kernel(kernel));
        let said = self.network.run(&mut *tape, &self.lightness, self.hints.as_ref()).unwrap();
        let rows = said.bins.zip(self.d_bins.as_ref()).map(|(said, d_bins)| {
            let mut rows = vec![0.0; said.values.len()];
            let each = rows.chunks_exact_mut(said.step);
            for (row, from) in each.zip(values(d_bins).chunks(said.columns)) {
                row[..said.columns].copy_from_slice(from);
            }
            rows
        });
        let rows = rows.unwrap_or_default();
        let gradients = super::Recorder::backward(tape, &values(&self.d_chroma), &rows).unwrap();
        (said.chroma, self.named(|var| gradients.get(var).cloned()))
    }

    fn named(&self, get: impl Fn(&Var) -> Option<Tensor>) -> Vec<(String, Vec<f32>)> {
        let data = self.variables.data().lock().unwrap();
        let mut all: Vec<_> = data
            .iter()
            .filter_map(|(name, var)| Some((name.clone(), values(&get(var)?))))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn length(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
}

/// Distance as a share of the expected values' length, or of a thousandth of `all`, where that is more:
/// a bias before a normalization has no gradient but what rounding leaves.
pub(super) fn distance(found: &[f32], expected: &[f32], all: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    let off = length(found.iter().zip(expected).map(|(a, b)| a - b));
    off / length(expected.iter().copied()).max(all / 1000.0)
}

fn length_of_all(gradients: &[(String, Vec<f32>)]) -> f64 {
    length(gradients.iter().flat_map(|(_, values)| values.iter().copied()))
}

/// Those that this processor has for values that are kept as `E`.
pub(super) fn kernels<E: Element>() -> impl Iterator<Item = Kernel> {
    let fits = |kernel: &Kernel| kernel.is_allowed() && (E::SHORT || kernel.has_no_bf16_products());
    Kernel::ALL.iter().copied().filter(fits)
}

/// The largest distance of a parameter's gradient, and its name.
fn worst(found: &[(String, Vec<f32>)], expected: &[(String, Vec<f32>)]) -> (f64, String) {
    assert_eq!(found.len(), expected.len());
    let all = length_of_all(expected);
    let off = found.iter().zip(expected).map(|((name, found), (expected_name, expected))| {
        assert_eq!(name, expected_name);
        (distance(found, expected, all), name.clone())
    });
    off.max_by(|a, b| a.0.total_cmp(&b.0)).expect("there are parameters")
}

/// Whether chroma and gradients are those of candle, by every set of instructions.
fn check_gradients(what: &str, cases: &[Case]) {
    let expected: Vec<_> = cases.iter().map(Case::stock).collect();
    for kernel in kernels::<f32>() {
        let mut all = Vec::new();
        for (case, (chroma, expected)) in cases.iter().zip(&expected) {
            let (found_chroma, found) = case.recorded::<f32>(kernel);
            let off = distance(&found_chroma, chroma, 0.0);
            assert!(off < 1e-4, "{what}, {kernel:?}: chroma {off}");
            all.push(worst(&found, expected));
        }
        // A value that rounding takes across a corner of ReLU moves all gradients before it by
        // some hundredths at most; that happens in some batches, a mistake in every one.
        let best = all.iter().map(|(off, _)| *off).fold(f64::INFINITY, f64::min);
        assert!(best < 1e-4, "{what}, {kernel:?}: {all:?}");
        assert!(all.iter().all(|(off, _)| *off < 0.1), "{what}, {kernel:?}: {all:?}");
    }
}

#[test]
fn gradients_of_vivid_are_those_of_candle() {
    for hinted in [false, true] {
        let cases: Vec<_> = (0..3).map(|seed| Case::of_vivid(seed, hinted)).collect();
        check_gradients(&format!("hints {hinted}"), &cases);
    }
}

/// Height and width at which few values lie so near to a corner of ReLU that rounding takes them across.
const SMALL: usize = 16;

/// The other networks, with few channels, some of them no whole blocks.
fn small_networks() -> Vec<(&'static str, Value)> {
    let zhang = |head: &str| json!({"head": head, "filters": [16, 20, 24, 36, 18]});
    vec![
        ("vanilla", json!({"neurons": [20, 16, 35]})),
        ("conv", json!({"filters": [18, 24]})),
        ("conv_dense", json!({"neurons": [24, 16], "filters": [16, 20, 20, 16]})),
        (
            "conv_dense",
            json!({"neurons": [24], "filters": [18, 20, 20, 16], "strides": true, "batch_norm": true}),
        ),
        ("deep_conv", json!({"filters": [16, 24, 20, 18]})),
        ("cnn", json!({"filters": [16, 20]})),
        ("eccv16", zhang("regression")),
        ("eccv16", zhang("bins")),
        ("siggraph17", json!({"filters": [16, 20, 24, 36, 18, 22]})),
    ]
}

#[test]
fn gradients_of_every_other_network_are_those_of_candle() {
    for (name, config) in small_networks() {
        let hinted = name == "siggraph17";
        let cases: Vec<_> =
            (0..5).map(|seed| Case::new(name, &config, SMALL, seed, hinted)).collect();
        check_gradients(&format!("{name} {config}"), &cases);
    }
}

#[test]
fn predictions_of_every_network_are_those_of_candle() {
    let vivid = ("vivid", model::default_config("vivid").unwrap());
    let published = (
        "eccv16",
        json!({"head": "published", "filters": [16, 20, 24, 36, 18], "temperature": 1.0}),
    );
    for (name, config) in small_networks().into_iter().chain([vivid, published]) {
        for hinted in [false, true] {
            let case = Case::new(name, &config, 64, 0, hinted);
            let predict = |stock: bool| {
                let (lightness, hints) = (&case.lightness, case.hints.as_ref());
                let mode = Mode::Infer;
                let heads = if stock {
                    case.network.stock(lightness, hints, mode)
                } else {
                    case.network.heads(lightness, hints, mode)
                };
                let heads = heads.unwrap();
                (values(&heads.chroma), heads.bins.map(|bins| values(&bins)))
            };
            let (found, expected) = (predict(false), predict(true));
            let off = distance(&found.0, &expected.0, 0.0);
            assert!(off < 1e-4, "{name} {config}: chroma {off}");
            assert_eq!(found.1.is_some(), expected.1.is_some(), "{name} {config}");
            for (found, expected) in found.1.iter().zip(&expected.1) {
                let off = distance(found, expected, 0.0);
                assert!(off < 1e-4, "{name} {config}: bins {off}");
            }
        }
    }
}

#[test]
fn gradients_in_bf16_point_where_those_in_f32_do() {
    let case = Case::of_vivid(0, true);
    let (_, expected) = case.stock();
    let all = length_of_all(&expected);
    for kernel in kernels::<bf16>() {
        for ((name, found), (_, expected)) in case.recorded::<bf16>(kernel).1.iter().zip(&expected)
        {
            if length(expected.iter().copied()) < all / 1000.0 {
                continue; // what rounding leaves of nothing
            }
            let product = found.iter().zip(expected).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let lengths = length(found.iter().copied()) * length(expected.iter().copied());
            // A network of random weights turns small errors into large ones on the way back.
            let least =
                if name.starts_with("bins") || name.starts_with("chroma") { 0.98 } else { 0.4 };
            assert!(product / lengths > least, "{kernel:?}: {name} {}", product / lengths);
        }
    }
}

#[test]
fn gradients_do_not_depend_on_the_number_of_threads() {
    let case = Case::of_vivid(0, true);
    let gradients = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.recorded::<bf16>(Kernel::best::<bf16>()))
    };
    assert!(gradients(1) == gradients(3));
}
