use candle_core::{DType, Device};
use candle_nn::VarMap;

use super::*;

fn build() -> (VarMap, Vivid) {
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let network = Vivid::new(&Config::default(), vb).unwrap();
    (vars, network)
}

fn lightness(n: usize, size: usize) -> Tensor {
    let values = (0..n * size * size).map(|i| ((i * 7919) % 1009) as f32 / 1009. * 100.);
    Tensor::from_iter(values, &Device::Cpu).unwrap().reshape((n, 1, size, size)).unwrap()
}

/// Some pixels of some color.
fn hints(n: usize, size: usize) -> Tensor {
    let value = |i: usize| match (i / (size * size) % 3, i % (size * size) % 37) {
        (0, 5) => 0.3f32,
        (1, 5) => -0.2,
        (2, 5) => 1.,
        _ => 0.,
    };
    let values = (0..n * 3 * size * size).map(value);
    Tensor::from_iter(values, &Device::Cpu).unwrap().reshape((n, 3, size, size)).unwrap()
}

#[test]
fn it_has_fewer_than_six_million_parameters() {
    let (vars, _) = build();
    let count: usize = vars.all_vars().iter().map(|var| var.elem_count()).sum();
    assert!((3_000_000..6_000_000).contains(&count), "{count}");
}

#[test]
fn every_parameter_gets_a_gradient_and_no_running_statistic_does() {
    let (vars, network) = build();
    let Heads { chroma, bins } =
        network.heads(&lightness(2, 64), Some(&hints(2, 64)), Mode::Train).unwrap();
    let loss = |x: &Tensor| x.sqr().unwrap().mean_all().unwrap();
    let gradients = (loss(&chroma) + loss(&bins.unwrap())).unwrap().backward().unwrap();
    for (name, var) in vars.data().lock().unwrap().iter() {
        let gradient = gradients.get(var);
        assert_eq!(gradient.is_some(), !name.contains("running"), "{name}");
        if let Some(gradient) = gradient {
            let size = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(size.is_finite() && size > 0., "{name}");
        }
    }
}

#[test]
fn a_picture_is_colored_alike_alone_and_in_a_batch() {
    let (_, network) = build();
    let batch = lightness(3, 64);
    let all = network.forward(&batch, None, Mode::Infer).unwrap();
    assert_eq!(all.dims(), [3, 2, 64, 64]);
    let alone = network.forward(&batch.narrow(0, 1, 1).unwrap(), None, Mode::Infer).unwrap();
    let difference = (all.narrow(0, 1, 1).unwrap() - alone).unwrap().abs().unwrap();
    assert!(difference.max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-5);
}

#[test]
fn hints_matter_where_they_are_and_no_hints_are_no_input() {
    let (vars, network) = build();
    for (name, var) in vars.data().lock().unwrap().iter() {
        if name.starts_with("hints.") {
            var.set(&(var.as_tensor() + 0.1).unwrap()).unwrap();
        }
    }
    let x = lightness(1, 64);
    let chroma = |hints: Option<&Tensor>| network.forward(&x, hints, Mode::Infer).unwrap();
    let largest = |x: Tensor| x.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let none = hints(1, 64).zeros_like().unwrap();
    assert!(largest((chroma(None) - chroma(Some(&none))).unwrap()) < 1e-5);
    assert!(largest((chroma(None) - chroma(Some(&hints(1, 64)))).unwrap()) > 1e-3);
}

#[test]
fn dials_enlarge_small_pictures_mirror_them_and_raise_chroma() {
    let (vars, plain) = build();
    let with = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        Vivid::new(&config, vb).unwrap()
    };
    let chroma = |network: &Vivid, x: &Tensor| network.forward(x, None, Mode::Infer).unwrap();
    let largest = |x: Tensor| x.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let x = lightness(1, 64);
    let expected = chroma(&plain, &x);

    let louder = chroma(&with(|config| config.gain = 1.5), &x);
    assert!(largest((louder - (&expected * 1.5).unwrap()).unwrap()) < 1e-6);

    let mirrored = with(|config| config.mirrored = true);
    let (there, back) = (chroma(&mirrored, &x), chroma(&mirrored, &mirror(&x).unwrap()));
    assert!(largest((there - mirror(&back).unwrap()).unwrap()) < 1e-5);

    let enlarging = with(|config| config.least_area = 96 * 96);
    assert_eq!(enlarging.seen(64, 64), (96, 96));
    assert_eq!(enlarging.seen(128, 96), (128, 96));
    let large = x.upsample_bilinear2d(96, 96, false).unwrap();
    let large = chroma(&plain, &large).upsample_bilinear2d(64, 64, false).unwrap();
    assert!(largest((chroma(&enlarging, &x) - large).unwrap()) < 1e-6);
}

/// The numbers are those of `scripts/import-lite0 --check`, which knows neither candle nor this
/// code: the first values and the mean size of each tap, for a picture of 64x64.
#[test]
#[expect(clippy::print_stdout, reason = "says that it is skipped")]
fn the_imported_encoder_agrees_with_the_original() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lite0.safetensors");
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: {} is not there; scripts/import-lite0 makes it", path.display());
        return;
    };
    let vb = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu).unwrap();
    let encoder = Encoder::new(vb.pp("encoder")).unwrap();
    let x = lightness(1, 64).affine(0.01 / 0.226, -0.45 / 0.226).unwrap();
    let taps = encoder.forward(&x, None).unwrap();
    for (tap, expected) in taps.iter().zip(REFERENCE) {
        let values = tap.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let mean = values.iter().map(|value| value.abs()).sum::<f32>() / values.len() as f32;
        let found = [values[0], values[1], values[values.len() - 1], mean];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.), "{found} {expected}");
        }
    }
}

const REFERENCE: [[f32; 4]; 5] = [
    [-11.796396, 10.124102, -0.799882, 10.544334],
    [24.849824, 4.146335, -4.532991, 12.668339],
    [14.640_74, 16.068_05, -28.196_26, 9.439642],
    [-1.021819, 0.165213, 10.557732, 5.768221],
    [0.802583, 0.629891, -8.164497, 2.957258],
];
