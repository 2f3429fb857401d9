//! The running average of the weights, which is validated and kept in place of the last step's.
//!
//! An average over the last steps lies nearer to the middle of a valley than any of them (Polyak
//! and Juditsky 1992, <https://doi.org/10.1137/0330046>); here it is exponential.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use super::parameters::Parameters;

/// What a checkpoint puts before the names of averages.
pub(crate) const PREFIX: &str = "average.";

/// Averages of all variables, by name.
#[derive(Debug)]
pub(crate) struct Average {
    decay: f64,
    tensors: BTreeMap<String, Tensor>,
}

impl Average {
    /// Starts with the weights as they are; `None` where `decay` is 0.
    pub(crate) fn new(parameters: &Parameters, decay: f64) -> Result<Option<Self>> {
        if decay <= 0.0 {
            return Ok(None);
        }
        let copy = |(name, var): (String, Var)| Ok((name, var.as_detached_tensor().copy()?));
        let tensors = parameters.variables().into_iter().map(copy).collect::<Result<_>>()?;
        Ok(Some(Self { decay, tensors }))
    }

    /// Moves toward the weights after `steps` steps, at first faster: then the start counts little.
    pub(crate) fn update(&mut self, parameters: &Parameters, steps: i32) -> Result<()> {
        let steps = f64::from(steps);
        let decay = self.decay.min((1.0 + steps) / (10.0 + steps));
        for (name, var) in parameters.variables() {
            if let Some(average) = self.tensors.get_mut(&name) {
                let moved = (&*average * decay)? + (var.as_detached_tensor() * (1.0 - decay))?;
                *average = moved?.detach();
            }
        }
        Ok(())
    }

    /// Exchanges the averages and the weights.
    pub(crate) fn swap(&mut self, parameters: &Parameters) -> Result<()> {
        for (name, var) in parameters.variables() {
            if let Some(average) = self.tensors.get_mut(&name) {
                let weights = var.as_detached_tensor().copy()?;
                var.set(average)?;
                *average = weights;
            }
        }
        Ok(())
    }

    /// The averages, under the variables' names.
    pub(crate) fn tensors(&self) -> BTreeMap<String, Tensor> {
        self.tensors.clone()
    }

    /// The averages as a checkpoint has them: `average.NAME`.
    pub(crate) fn saved(&self) -> BTreeMap<String, Tensor> {
        let named =
            |(name, tensor): (&String, &Tensor)| (format!("{PREFIX}{name}"), tensor.clone());
        self.tensors.iter().map(named).collect()
    }

    /// Goes on from saved averages; `take` hands out the tensor of a name in a variable's shape.
    pub(crate) fn restore(
        &mut self,
        parameters: &Parameters,
        mut take: impl FnMut(&str, &Var) -> polychromify_core::Result<Tensor>,
    ) -> polychromify_core::Result<()> {
        for (name, var) in parameters.variables() {
            self.tensors.insert(name.clone(), take(&format!("{PREFIX}{name}"), &var)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use candle_nn::Init;

    use super::*;

    #[test]
    fn it_follows_the_weights_and_changes_places_with_them() {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(&Device::Cpu);
        vb.get_with_hints(1, "w", Init::Const(0.0)).unwrap();
        let var = parameters.variables()["w"].clone();
        let value = |tensor: &Tensor| tensor.to_vec1::<f32>().unwrap()[0];
        let mut average = Average::new(&parameters, 0.5).unwrap().unwrap();
        assert!(Average::new(&parameters, 0.0).unwrap().is_none());
        var.set(&Tensor::ones(1, DType::F32, &Device::Cpu).unwrap()).unwrap();
        average.update(&parameters, 1000).unwrap();
        average.update(&parameters, 1001).unwrap();
        assert_eq!(value(&average.tensors()["w"]), 0.75);
        average.swap(&parameters).unwrap();
        assert_eq!((value(&var), value(&average.tensors()["w"])), (0.75, 1.0));
    }
}
