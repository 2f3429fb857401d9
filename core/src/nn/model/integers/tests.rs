use super::*;
use crate::nn::device::DeviceChoice;
use crate::nn::model;
use crate::{Arithmetic, Weights};

fn weights() -> Weights {
    Weights::default_weights().unwrap()
}

fn network(arithmetic: Arithmetic) -> Box<dyn Network> {
    let device = crate::Device::open(DeviceChoice::Cpu).unwrap();
    model::open_in(&weights(), &device, arithmetic).unwrap()
}

/// Two pictures of 160x192 with slopes and waves.
fn lightness() -> Tensor {
    let value = |i: usize| {
        let (x, y) = ((i % 192) as f32, (i / 192) as f32);
        50. + 30. * (x / 17.).sin() * (y / 23.).cos() + 15. * (x * y / 900.).sin()
    };
    let shape = (2, 1, 160, 192);
    Tensor::from_iter((0..2 * 160 * 192).map(value), &Device::Cpu).unwrap().reshape(shape).unwrap()
}

/// A red spot in each picture.
fn hints() -> Tensor {
    let value = |i: usize| {
        let spot = (40..46).contains(&(i % 192)) && (60..66).contains(&(i / 192 % 160));
        if spot { [0.4_f32, 0.3, 1.][i / (160 * 192) % 3] } else { 0. }
    };
    let shape = (2, 3, 160, 192);
    Tensor::from_iter((0..6 * 160 * 192).map(value), &Device::Cpu).unwrap().reshape(shape).unwrap()
}

/// Mean distance of tensors.
fn distance(x: &Tensor, y: &Tensor) -> f32 {
    (x - y).unwrap().abs().unwrap().mean_all().unwrap().to_scalar().unwrap()
}

#[test]
fn integers_are_near_f32_with_hints_and_without() {
    let (integers, floats) = (network(Arithmetic::Integers), network(Arithmetic::F32));
    for hints in [None, Some(hints())] {
        let chroma = |network: &dyn Network| {
            let chroma = network.forward(&lightness(), hints.as_ref(), Mode::Infer).unwrap();
            (chroma * 128.).unwrap()
        };
        let found = distance(&chroma(&*integers), &chroma(&*floats));
        assert!(found < 0.15, "{found} of a* and b*");
    }
}

#[test]
fn logits_in_integers_are_near_those_of_f32() {
    let bins = |arithmetic| {
        let heads = network(arithmetic).heads(&lightness(), None, Mode::Infer).unwrap();
        heads.bins.unwrap()
    };
    let (integers, floats) = (bins(Arithmetic::Integers), bins(Arithmetic::F32));
    assert_eq!(integers.dims(), floats.dims());
    let found = distance(&integers, &floats);
    assert!(found < 0.02, "{found}");
}

#[test]
fn a_picture_has_the_same_colors_alone_and_in_a_batch() {
    let network = network(Arithmetic::Integers);
    let all = network.forward(&lightness(), None, Mode::Infer).unwrap();
    let second = lightness().narrow(0, 1, 1).unwrap();
    let alone = network.forward(&second, None, Mode::Infer).unwrap();
    assert_eq!(distance(&all.narrow(0, 1, 1).unwrap(), &alone), 0.);
}

#[test]
fn a_file_whose_sums_could_be_longer_than_32_bits_is_refused() {
    let config: Config = serde_json::from_value(weights().config().clone()).unwrap();
    let refusal = |name: &str, shape: &[usize], numbers: Numbers| {
        let mut file = weights().integers().clone();
        file.insert(name.to_owned(), shape.to_vec(), numbers);
        IntegerVivid::new(&config, &file).err().unwrap()
    };
    let weight = Numbers::I16(vec![i16::MAX; 160 * 320]);
    let found = refusal("top.weight", &[160, 320, 1, 1], weight);
    assert_eq!(found, "sums of `top` could be longer than 32 bits");
    let found = refusal("top.bias", &[160], Numbers::I32(vec![i32::MIN; 160]));
    assert_eq!(found, "sums of `top` could be longer than 32 bits");
    let found = refusal("top.shift", &[160], Numbers::U8(vec![31; 160]));
    assert_eq!(found, "`top.shift` is above 30");
    let found = refusal("top.range", &[2], Numbers::I16(vec![1, 5]));
    assert_eq!(found, "`top.range` is 1 to 5, without 0");
    let found = refusal("top.bias", &[3], Numbers::I32(vec![0; 3]));
    assert_eq!(found, "tensor `integers.top.bias` has 3 numbers, expected 160");
}

#[test]
fn a_network_in_integers_is_not_trained() {
    let found = network(Arithmetic::Integers).forward(&lightness(), None, Mode::Train);
    assert!(found.unwrap_err().to_string().contains("not trained"));
}

#[test]
fn weights_without_integers_are_calculated_in_f32() {
    let device = crate::Device::open(DeviceChoice::Cpu).unwrap();
    let other = Weights::find("polychromify", None).unwrap();
    assert_eq!(Arithmetic::default_for(&other, &device), Arithmetic::F32);
    let refused = model::open_in(&other, &device, Arithmetic::Integers).err().unwrap().to_string();
    assert!(refused.contains("nothing for predictions in integers"), "{refused}");
}
