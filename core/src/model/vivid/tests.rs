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

#[test]
fn it_has_fewer_than_six_million_parameters() {
    let (vars, _) = build();
    let count: usize = vars.all_vars().iter().map(|var| var.elem_count()).sum();
    assert!((3_000_000..6_000_000).contains(&count), "{count}");
}

#[test]
fn every_parameter_gets_a_gradient_and_no_running_statistic_does() {
    let (vars, network) = build();
    let Heads { chroma, bins } = network.heads(&lightness(2, 64), Mode::Train).unwrap();
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
    let all = network.forward(&batch, Mode::Infer).unwrap();
    assert_eq!(all.dims(), [3, 2, 64, 64]);
    let alone = network.forward(&batch.narrow(0, 1, 1).unwrap(), Mode::Infer).unwrap();
    let difference = (all.narrow(0, 1, 1).unwrap() - alone).unwrap().abs().unwrap();
    assert!(difference.max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-5);
}
