//! Adam as Keras has it, with moments that can be saved.
//!
//! Kingma and Ba, "Adam", 2015, <https://arxiv.org/abs/1412.6980>, in the form before section 2.1:
//! the bias corrections are folded into the step size and epsilon is added outside the root of the
//! uncorrected moment, as `keras/src/optimizers/adam.py` does. candle's `AdamW` differs in both and
//! keeps its moments to itself.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};
use rayon::prelude::*;

/// Decay of the first moment, of the second, and epsilon: Keras' defaults.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-7;

/// The optimizer's state.
#[derive(Debug)]
pub(crate) struct Adam {
    variables: BTreeMap<String, (Var, Moments)>,
    learning_rate: f64,
    groups: Vec<Group>,
    steps: i32,
}

/// What is particular to the variables whose names begin alike; the first group that fits counts.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) prefix: &'static str,
    /// Their share of the learning rate.
    pub(crate) rate: f64,
    /// Decoupled weight decay (Loshchilov and Hutter 2019, <https://arxiv.org/abs/1711.05101>), a
    /// share of the value in each step of rate 1. Biases and the like, of one dimension, have none.
    pub(crate) decay: f64,
}

#[derive(Debug)]
struct Moments {
    first: Tensor,
    second: Tensor,
}

impl Adam {
    /// Starts with moments of zero.
    pub(crate) fn new(variables: BTreeMap<String, Var>, learning_rate: f64) -> Result<Self> {
        let with_moments = |(name, var): (String, Var)| {
            let moments = Moments { first: var.zeros_like()?, second: var.zeros_like()? };
            Ok((name, (var, moments)))
        };
        let variables = variables.into_iter().map(with_moments).collect::<Result<_>>()?;
        Ok(Self { variables, learning_rate, groups: Vec::new(), steps: 0 })
    }

    /// Treats some variables differently.
    pub(crate) fn with_groups(self, groups: Vec<Group>) -> Self {
        Self { groups, ..self }
    }

    /// Sets the rate of the steps to come.
    pub(crate) fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    /// Moves every variable that has a gradient.
    pub(crate) fn step<'a>(
        &mut self,
        gradient: impl Fn(&Var) -> Option<&'a Tensor> + Sync,
    ) -> Result<()> {
        self.steps += 1;
        let correction = (1.0 - BETA2.powi(self.steps)).sqrt() / (1.0 - BETA1.powi(self.steps));
        let (groups, learning_rate) = (&self.groups, self.learning_rate);
        self.variables.par_iter_mut().try_for_each(|(name, (var, moments))| {
            let Some(gradient) = gradient(var) else { return Ok(()) };
            let group = groups.iter().find(|group| name.starts_with(group.prefix));
            let rate = learning_rate * group.map_or(1.0, |group| group.rate);
            let decay =
                group.map_or(0.0, |group| group.decay) * f64::from(u8::from(var.rank() > 1));
            let change = Change { rate: rate * correction, keep: 1.0 - rate * decay };
            if var.device().is_cpu() {
                change.in_one_pass(var, moments, gradient)
            } else {
                change.by_candle(var, moments, gradient)
            }
        })
    }

    /// The moments, named `adam.first.NAME` and `adam.second.NAME`.
    pub(crate) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let named = |(name, (_, moments)): (&String, &(Var, Moments))| {
            let Moments { first, second } = moments;
            [
                (format!("adam.first.{name}"), first.clone()),
                (format!("adam.second.{name}"), second.clone()),
            ]
        };
        self.variables.iter().flat_map(named).collect()
    }

    /// Goes on from saved moments; `take` hands out the tensor of a name in a variable's shape.
    pub(crate) fn restore(
        &mut self,
        steps: i32,
        mut take: impl FnMut(&str, &Var) -> polychromify_core::Result<Tensor>,
    ) -> polychromify_core::Result<()> {
        for (name, (var, moments)) in &mut self.variables {
            moments.first = take(&format!("adam.first.{name}"), var)?;
            moments.second = take(&format!("adam.second.{name}"), var)?;
        }
        self.steps = steps;
        Ok(())
    }
}

/// How a variable moves in a step.
#[derive(Clone, Copy)]
struct Change {
    /// Learning rate with the bias corrections.
    rate: f64,
    /// What decay leaves of the value.
    keep: f64,
}

impl Change {
    /// On the CPU: composed of candle's operations it takes a dozen passes, each on one thread.
    fn in_one_pass(self, var: &Var, moments: &mut Moments, gradient: &Tensor) -> Result<()> {
        let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let (mut first, mut second) = (values(&moments.first)?, values(&moments.second)?);
        let (mut value, gradient) = (values(var)?, values(gradient)?);
        let [beta1, beta2, epsilon] = [BETA1, BETA2, EPSILON].map(|constant| constant as f32);
        // Not a difference of f32: 1 - 0.999 would be off by 5e-5 of it.
        let [new1, new2] = [BETA1, BETA2].map(|beta| (1.0 - beta) as f32);
        let (rate, keep) = (self.rate as f32, self.keep as f32);
        let all = value.iter_mut().zip(&mut first).zip(&mut second).zip(&gradient);
        for (((value, first), second), gradient) in all {
            *first = *first * beta1 + gradient * new1;
            *second = *second * beta2 + gradient * gradient * new2;
            *value = *value * keep - *first * rate / (second.sqrt() + epsilon);
        }
        let tensor = |values| Tensor::from_vec(values, var.shape(), var.device());
        moments.first = tensor(first)?;
        moments.second = tensor(second)?;
        var.set(&tensor(value)?)
    }

    fn by_candle(self, var: &Var, moments: &mut Moments, gradient: &Tensor) -> Result<()> {
        let Moments { first, second } = moments;
        *first = ((&*first * BETA1)? + (gradient * (1.0 - BETA1))?)?.detach();
        *second = ((&*second * BETA2)? + (gradient.sqr()? * (1.0 - BETA2))?)?.detach();
        let change = ((&*first * self.rate)? / (second.sqrt()? + EPSILON)?)?;
        let value = (var.as_detached_tensor() * self.keep)?;
        var.set(&(value - change)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// Keras 3 (`keras.optimizers.Adam(0.1)`) on `x = [1, -2]` with gradient `[2 x0, 0.5 x1]`,
    /// three steps, computed from its formula in f64.
    #[test]
    fn steps_are_those_of_keras() {
        let x = Var::new(&[1f32, -2.0], &Device::Cpu).unwrap();
        let factors = Tensor::new(&[1f32, 0.25], &Device::Cpu).unwrap();
        let mut adam = Adam::new(BTreeMap::from([("x".to_owned(), x.clone())]), 0.1).unwrap();

        let (mut expected, mut first, mut second) = ([1f64, -2.0], [0f64; 2], [0f64; 2]);
        for t in 1..=3 {
            let loss = (x.sqr().unwrap() * &factors).unwrap().sum_all().unwrap();
            let gradients = loss.backward().unwrap();
            adam.step(|var| gradients.get(var)).unwrap();

            let alpha = 0.1 * (1.0 - 0.999f64.powi(t)).sqrt() / (1.0 - 0.9f64.powi(t));
            for (i, slope) in [2.0, 0.5].into_iter().enumerate() {
                let gradient = slope * expected[i];
                first[i] += (gradient - first[i]) * (1.0 - 0.9);
                second[i] += (gradient * gradient - second[i]) * (1.0 - 0.999);
                expected[i] -= first[i] * alpha / (second[i].sqrt() + 1e-7);
            }
        }
        let found = x.to_vec1::<f32>().unwrap();
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((f64::from(found) - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn a_variable_without_a_gradient_stays() {
        let x = Var::new(&[1f32], &Device::Cpu).unwrap();
        let y = Var::new(&[1f32], &Device::Cpu).unwrap();
        let variables = BTreeMap::from([("x".to_owned(), x.clone()), ("y".to_owned(), y.clone())]);
        let mut adam = Adam::new(variables, 0.1).unwrap();
        let gradients = x.sum_all().unwrap().backward().unwrap();
        adam.step(|var| gradients.get(var)).unwrap();
        assert!(x.to_vec1::<f32>().unwrap()[0] < 0.91);
        assert_eq!(y.to_vec1::<f32>().unwrap(), [1.0]);
    }
}
