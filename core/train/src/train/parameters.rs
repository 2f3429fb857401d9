//! The tensors that are trained: created from the seed when a network asks for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::seed::stream;

/// Variables by name. A clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    seed: u64,
    variables: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Parameters {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, variables: Arc::default() }
    }

    /// What a network is built from: creates each variable that it asks for, with the seed's
    /// values for that name.
    pub(crate) fn builder(&self, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, device.clone())
    }

    /// Sets the variables that a weights file has to its values. It has to fit at least one.
    pub(crate) fn load(&self, path: &Path) -> polychromify_core::Result<()> {
        let refuse =
            |reason: String| polychromify_core::Error::Damaged { path: path.to_owned(), reason };
        let bytes = fs::read(path).map_err(polychromify_core::Error::io(path, "read"))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|error| refuse(error.to_string()))?;
        let variables = self.variables();
        let mut found = 0;
        for (name, tensor) in tensors {
            let Some(var) = variables.get(&name) else { continue };
            if tensor.dims() != var.dims() {
                let (found, expected) = (tensor.dims(), var.dims());
                return Err(refuse(format!(
                    "tensor `{name}` has shape {found:?}, expected {expected:?}"
                )));
            }
            var.set(&tensor.to_dtype(DType::F32)?.to_device(var.device())?)?;
            found += 1;
        }
        if found == 0 {
            return Err(refuse("has none of the network's tensors".to_owned()));
        }
        Ok(())
    }

    /// All variables, by name.
    pub(crate) fn variables(&self) -> BTreeMap<String, Var> {
        self.lock().clone()
    }

    /// The variables that have a gradient: all but the running statistics of batch norm.
    pub(crate) fn trained(&self) -> BTreeMap<String, Var> {
        let mut variables = self.variables();
        variables
            .retain(|name, _| !name.ends_with("running_mean") && !name.ends_with("running_var"));
        variables
    }

    /// The values of all variables.
    pub(crate) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let variables = self.variables();
        variables.into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimpleBackend for Parameters {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let mut variables = self.lock();
        if let Some(var) = variables.get(name) {
            if var.shape() != &shape {
                bail!("tensor `{name}` is asked for as {shape:?} and as {:?}", var.shape());
            }
            return Ok(var.as_tensor().clone());
        }
        let values = initial(&shape, init, &mut stream(self.seed, &format!("weights/{name}")));
        let var = Var::from_tensor(&Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?)?;
        let tensor = var.as_tensor().clone();
        variables.insert(name.to_owned(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        bail!("tensor `{name}` is asked for without a shape, and cannot be created")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// Values of a new tensor; candle's own initializers cannot be seeded on the CPU.
fn initial(shape: &Shape, init: Init, random: &mut ChaCha8Rng) -> Vec<f32> {
    let mut draw = |value: &mut dyn FnMut(&mut ChaCha8Rng) -> f64| {
        (0..shape.elem_count()).map(|_| value(random) as f32).collect()
    };
    match init {
        Init::Const(value) => draw(&mut |_| value),
        Init::Uniform { lo, up } => draw(&mut |random| lo + (up - lo) * random.random::<f64>()),
        Init::Randn { mean, stdev } => draw(&mut |random| mean + stdev * normal(random)),
        Init::Kaiming { dist, fan, non_linearity } => {
            let deviation = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
            let bound = 3f64.sqrt() * deviation;
            match dist {
                NormalOrUniform::Normal => draw(&mut |random| deviation * normal(random)),
                NormalOrUniform::Uniform => {
                    draw(&mut |random| bound * (2.0 * random.random::<f64>() - 1.0))
                }
            }
        }
    }
}

/// A draw from the standard normal distribution (Box and Muller 1958).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFORM: Init = Init::Uniform { lo: -0.5, up: 0.5 };

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn initial_values_depend_on_seed_and_name_and_not_on_the_order() {
        let weights = |seed: u64, names: [&str; 2]| {
            let parameters = Parameters::new(seed);
            let vb = parameters.builder(&Device::Cpu);
            let built = names.map(|name| vb.get_with_hints((4, 3), name, UNIFORM).unwrap());
            built.map(|tensor| values(&tensor))
        };
        let [a, b] = weights(1, ["a", "b"]);
        assert_ne!(a, b);
        assert_eq!([b, a.clone()], weights(1, ["b", "a"]));
        assert_ne!(a, weights(2, ["a", "b"])[0]);
        assert!(a.iter().all(|value| value.abs() <= 0.5));
    }

    #[test]
    fn a_name_is_one_variable_of_one_shape() {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(&Device::Cpu);
        let first = vb.get_with_hints(2, "x", UNIFORM).unwrap();
        let second = vb.get_with_hints(2, "x", UNIFORM).unwrap();
        assert_eq!(values(&first), values(&second));
        assert!(vb.get_with_hints(3, "x", UNIFORM).is_err());
    }

    #[test]
    fn running_statistics_are_kept_and_not_trained() {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(&Device::Cpu).pp("norm");
        for name in ["weight", "running_mean", "running_var"] {
            vb.get_with_hints(2, name, Init::Const(1.0)).unwrap();
        }
        assert_eq!(parameters.variables().len(), 3);
        assert_eq!(parameters.trained().into_keys().collect::<Vec<_>>(), ["norm.weight"]);
    }

    #[test]
    fn normal_draws_have_the_deviation_that_is_asked_for() {
        let mut random = stream(0, "test");
        let init = Init::Randn { mean: 1.0, stdev: 2.0 };
        let values = initial(&Shape::from(10_000), init, &mut random);
        let mean = values.iter().sum::<f32>() / 1e4;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 1e4;
        assert!((mean - 1.0).abs() < 0.1 && (variance - 4.0).abs() < 0.2, "{mean} {variance}");
    }
}
