use candle_core::Device;
use polychromify_core::internals::model::zhang;

use super::*;

#[test]
fn rare_colors_weigh_more_and_the_mean_weight_is_one() {
    let centers = vivid::bin_centers();
    let counts = HashMap::from([((0, 0), 900), ((3, 4), 100)]);
    let weights = weights(&centers, &counts);
    let at = |a: f32, b: f32| weights[centers.iter().position(|center| *center == [a, b]).unwrap()];
    assert!(at(0.0, 0.0) < at(30.0, 40.0) && at(30.0, 40.0) < at(50.0, 0.0));
    assert!(at(0.0, 0.0) > 0.0);
}

/// Middle gray beside chroma.
fn gray(chroma: &Tensor) -> Tensor {
    (chroma.narrow(1, 0, 1).unwrap().zeros_like().unwrap() + 50.0).unwrap()
}

fn objective() -> Objective {
    let photos = Dataset::for_tests(1, vec![200, 60, 30]);
    let recipe = Recipe { order_weight: 0.0, chroma_weight: 0.0, ..Recipe::default() };
    Objective::new(Some(&recipe), None, &photos)
}

#[test]
fn cross_entropy_is_least_for_the_true_bin() {
    let chroma = Tensor::new(&[40f32 / 128.0, 30.0 / 128.0], &Device::Cpu).unwrap();
    let chroma = chroma.reshape((1, 2, 1, 1)).unwrap().broadcast_as((1, 2, 4, 4)).unwrap();
    let chroma = chroma.contiguous().unwrap();
    let centers = vivid::bin_centers();
    let loss = |color: [f32; 2]| {
        let logits = centers.iter().map(|center| if *center == color { 5f32 } else { 0.0 });
        let logits = Tensor::from_iter(logits, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let heads = Heads { chroma: chroma.clone(), bins: Some(logits) };
        objective().loss(&heads, &gray(&chroma), &chroma).unwrap().to_scalar::<f32>().unwrap()
    };
    let exact = loss([40.0, 30.0]);
    assert!(exact > 0.0 && exact < loss([40.0, 40.0]));
    assert!(loss([40.0, 40.0]) < loss([-40.0, 30.0]));
}

#[test]
fn the_order_costs_most_where_it_is_wrong() {
    let photos = Dataset::for_tests(1, vec![200, 60, 30]);
    let recipe =
        Recipe { order_weight: 1.0, chroma_weight: 0.0, bins_weight: 0.0, ..Recipe::default() };
    let objective = Objective::new(Some(&recipe), None, &photos);
    let chroma =
        |a: f32, b: f32| Tensor::new(&[a, b], &Device::Cpu).unwrap().reshape((1, 2, 1, 1)).unwrap();
    let loss = |b: f32| {
        let heads = Heads { chroma: chroma(0.0, b), bins: None };
        let loss = objective.loss(&heads, &gray(&chroma(0.1, 0.2)), &chroma(0.1, 0.2)).unwrap();
        loss.to_scalar::<f32>().unwrap()
    };
    assert!((loss(0.0) - 2f32.ln()).abs() < 1e-6);
    assert!(loss(0.1) < 0.1 && loss(-0.1) > 3.0);
}

fn noise(shape: &[usize], scale: f32) -> Tensor {
    let count: usize = shape.iter().product();
    let values = (0..count).map(|i| (((i * 7919 + 13) % 101) as f32 / 50. - 1.) * scale);
    Tensor::from_iter(values, &Device::Cpu).unwrap().reshape(shape).unwrap()
}

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    let photos = Dataset::for_tests(2, [[200, 60, 30], [30, 90, 200]].repeat(2).concat());
    let vivid = Recipe { distance_weight: 1.0, order_weight: 0.5, ..Recipe::default() };
    let published = |network| {
        let config = serde_json::json!({"head": "bins"});
        Recipe::of(network, &config).unwrap()
    };
    let saturated = Recipe { blacks_weight: 20.0, saturation_weight: 5.0, ..vivid.clone() };
    for (recipe, centers) in [
        (vivid, vivid::bin_centers()),
        (saturated, vivid::bin_centers()),
        (published("eccv16"), zhang::hull_centers()),
        (published("siggraph17"), zhang::square_centers()),
    ] {
        let objective = Objective::new(Some(&recipe), Some(centers.clone()), &photos);
        assert_slope(&objective, centers.len());
    }
}

fn assert_slope(objective: &Objective, bins: usize) {
    let truth = (noise(&[2, 2, 8, 8], -0.3) + 0.05).unwrap();
    let lightness = (noise(&[2, 1, 8, 8], 20.0) + 20.0).unwrap();
    let predicted = [noise(&[2, 2, 8, 8], 0.3), noise(&[8, bins], 2.0)];
    let vars = predicted.map(|tensor| candle_core::Var::from_tensor(&tensor).unwrap());
    let loss = |chroma: &Tensor, bins: &Tensor| {
        let heads = Heads { chroma: chroma.clone(), bins: Some(bins.clone()) };
        objective.loss(&heads, &lightness, &truth).unwrap()
    };
    let gradients = loss(&vars[0], &vars[1]).backward().unwrap();
    for (which, var) in vars.iter().enumerate() {
        let direction = noise(var.dims(), 1.0).flip(&[1]).unwrap();
        let step = 1e-3;
        let at = |step: f64| {
            let moved = (var.as_detached_tensor() + (&direction * step).unwrap()).unwrap();
            let both = if which == 0 {
                (&moved, vars[1].as_tensor())
            } else {
                (vars[0].as_tensor(), &moved)
            };
            f64::from(loss(both.0, both.1).to_scalar::<f32>().unwrap())
        };
        let slope = (at(step) - at(-step)) / (2.0 * step);
        let expected = gradients.get(var).map_or(0.0, |gradient| {
            let along = (gradient * &direction).unwrap().sum_all().unwrap();
            f64::from(along.to_scalar::<f32>().unwrap())
        });
        assert!(
            (slope - expected).abs() < 0.02 * expected.abs().max(0.01),
            "{bins} bins: {slope} {expected}"
        );
    }
}

#[test]
fn the_documents_recipe_is_the_mean_squared_error() {
    let photos = Dataset::for_tests(1, vec![200, 60, 30]);
    let predicted = noise(&[2, 2, 8, 8], 0.4);
    let truth = noise(&[2, 2, 8, 8], -0.3);
    let heads = Heads { chroma: predicted, bins: None };
    let loss = |recipe: Option<&Recipe>| {
        let loss =
            Objective::new(recipe, None, &photos).loss(&heads, &gray(&truth), &truth).unwrap();
        loss.to_scalar::<f32>().unwrap()
    };
    assert!((loss(Some(&Recipe::plain())) - loss(None)).abs() < 1e-6);
}

#[test]
fn the_five_nearest_bins_share_a_color_and_a_gray_photograph_does_not_count() {
    let photos = Dataset::for_tests(1, vec![200, 60, 30]);
    let config = serde_json::json!({"head": "bins"});
    let recipe = Recipe::of("eccv16", &config).unwrap();
    let centers = zhang::hull_centers();
    let objective = Objective::new(Some(&recipe), Some(centers.clone()), &photos);
    let rebalanced = objective.rebalanced.as_ref().unwrap();
    let mut shares = vec![1.0; 313];
    let nearest = rebalanced.encode::<5>([42.0 / 128.0, 31.0 / 128.0], &mut shares);
    assert_eq!(centers[nearest], [40.0, 30.0]);
    assert_eq!(shares.iter().filter(|share| **share > 0.0).count(), 5);
    assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    // exp(-d^2 / 50) of the squared distances 5 and 65.
    let other = centers.iter().position(|center| *center == [50.0, 30.0]).unwrap();
    assert!((shares[other] / shares[nearest] - (-60f32 / 50.0).exp()).abs() < 1e-4);

    let loss = |color: f32| {
        let chroma = Tensor::full(color / 128.0, (1, 2, 4, 4), &Device::Cpu).unwrap();
        let heads = Heads { chroma: chroma.clone(), bins: Some(noise(&[1, 313], 1.0)) };
        objective.loss(&heads, &gray(&chroma), &chroma).unwrap().to_scalar::<f32>().unwrap()
    };
    assert!(loss(4.9) == 0.0 && loss(5.1) > 0.1);
}

/// What a prediction costs one picture of even lightness and color, by one part of the loss alone.
fn cost(part: &Recipe, lightness: f32, truth: [f32; 2], predicted: [f32; 2]) -> f32 {
    let photos = Dataset::for_tests(1, vec![200, 60, 30]);
    let objective = Objective::new(Some(part), None, &photos);
    let chroma = |color: [f32; 2]| {
        let color = color.map(|value| value / 128.0);
        Tensor::new(&color, &Device::Cpu).unwrap().reshape((1, 2, 1, 1)).unwrap()
    };
    let heads = Heads { chroma: chroma(predicted), bins: None };
    let lightness = Tensor::full(lightness, (1, 1, 1, 1), &Device::Cpu).unwrap();
    objective.loss(&heads, &lightness, &chroma(truth)).unwrap().to_scalar::<f32>().unwrap()
}

fn nothing() -> Recipe {
    Recipe { chroma_weight: 0.0, ..Recipe::plain() }
}

#[test]
fn color_in_blacks_costs_where_the_photograph_has_none() {
    let blacks = Recipe { blacks_weight: 1.0, ..nothing() };
    let cost = |lightness, truth, predicted| cost(&blacks, lightness, truth, predicted);
    assert!(cost(5.0, [0.0, 0.0], [12.0, 0.0]) > 2.0 * cost(20.0, [0.0, 0.0], [12.0, 0.0]));
    assert_eq!(cost(30.0, [0.0, 0.0], [12.0, 0.0]), 0.0);
    assert_eq!(cost(5.0, [15.0, 0.0], [0.0, 12.0]), 0.0, "a dark red coat may be red");
}

#[test]
fn saturation_costs_where_the_truth_has_it_whatever_the_hue() {
    let saturation = Recipe { saturation_weight: 1.0, ..nothing() };
    let cost = |truth, predicted| cost(&saturation, 50.0, truth, predicted);
    assert_eq!(cost([0.0, 0.0], [40.0, 0.0]), 0.0);
    assert!(cost([30.0, 40.0], [40.0, -30.0]) < 1e-7, "as long, another way");
    assert!(cost([30.0, 40.0], [10.0, 0.0]) > 10.0 * cost([12.0, 5.0], [3.0, 0.0]));
}

#[test]
fn bins_of_any_grid_are_told_in_rows() {
    for centers in [vivid::bin_centers(), zhang::hull_centers(), zhang::square_centers()] {
        let photos = Dataset::for_tests(1, vec![200, 60, 30]);
        let objective = Objective::new(Some(&Recipe::default()), Some(centers.clone()), &photos);
        let objective = objective.rebalanced.unwrap();
        assert!(objective.rows.len() < centers.len() / 5);
        let mut shares = vec![0.0; centers.len()];
        let last = centers.len() - 1;
        objective.soften(centers[last].map(|value| value / 128.0), &mut shares);
        let most = (0..=last).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
        assert_eq!(most, Some(last));
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
