use std::time::Instant;
use candle_core::Device;
use super::*;
#[test]
#[ignore]
fn speed() {
    crate::ops::Allocator::keep(16 << 30);
    let device = Device::Cpu;
    let n = 32; let size = 160;
    let photos = Dataset::for_tests(size, (0..n * size * size * 3).map(|i| (i * 7919 % 251) as u8).collect());
    let hinted = std::env::var("HINTED").map_or(0.0, |v| v.parse().unwrap());
    let recipe = Recipe { size, hinted, distance_weight: 0.6, average: 0.998, ..Recipe::default() };
    let parameters = Parameters::new(0);
    let config = model::default_config("vivid").unwrap();
    let network = model::build("vivid", &config, parameters.builder(&device)).unwrap();
    let objective = Objective::new(Some(&recipe), network.bin_centers(), &photos);
    let mut adam = Adam::new(parameters.trained(), 1e-4).unwrap().with_groups(recipe.groups());
    let mut average = Average::new(&parameters, 0.998).unwrap();
    let precision = if std::env::var("F32").is_ok() { Precision::F32 } else { Precision::Bf16 };
    for i in 0..8 {
        let items = photos.varied(0, i, true, None);
        let t = Instant::now();
        let batch = photos.batch(&items, Some(&recipe), &device).unwrap();
        let t1 = t.elapsed().as_secs_f64();
        let (loss, gradients) = step::gradients(network.as_ref(), &objective, &batch, precision).unwrap();
        let t2 = t.elapsed().as_secs_f64();
        adam.step(|var| gradients.get(var)).unwrap();
        let t3 = t.elapsed().as_secs_f64();
        if let Some(average) = &mut average { average.update(&parameters, i as i32 + 1).unwrap(); }
        let t4 = t.elapsed().as_secs_f64();
        println!("batch {:.3} gradients {:.3} adam {:.3} average {:.3} loss {:?}", t1, t2 - t1, t3 - t2, t4 - t3, loss.to_scalar::<f32>().unwrap());
    }
}
