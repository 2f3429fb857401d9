//! The loss of a batch and its gradients.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};
use polychromify_core::internals::engine::{self, Recorder};
use polychromify_core::internals::model::{Mode, Network};
use polychromify_core::internals::ops::Precision;

use super::batch::Batch;
use super::objective::{Costs, Objective, Predicted};

/// Gradients of the parameters.
pub(crate) enum Gradients {
    /// Of a recorded pass.
    Recorded(engine::Gradients),
    /// By candle.
    Stock(GradStore),
}

impl Gradients {
    /// That of a parameter.
    pub(crate) fn get(&self, var: &Var) -> Option<&Tensor> {
        match self {
            Self::Recorded(gradients) => gradients.get(var),
            Self::Stock(gradients) => gradients.get(var),
        }
    }
}

/// The loss of a batch, a scalar, and its gradients: recorded where the device is the CPU, by candle
/// elsewhere.
pub(crate) fn gradients(
    network: &dyn Network,
    objective: &Objective,
    batch: &Batch,
    precision: Precision,
) -> Result<(Tensor, Gradients)> {
    let Batch { lightness, chroma, hints } = batch;
    if lightness.device().is_cpu() {
        return recorded(network, objective, batch, engine::recorder(precision));
    }
    let heads = network.heads(lightness, hints.as_ref(), Mode::Train)?;
    let loss = objective.loss(&heads, lightness, chroma)?;
    let gradients = loss.backward()?;
    Ok((loss.detach(), Gradients::Stock(gradients)))
}

fn recorded(
    network: &dyn Network,
    objective: &Objective,
    Batch { lightness, chroma, hints }: &Batch,
    mut tape: Box<dyn Recorder>,
) -> Result<(Tensor, Gradients)> {
    let outcome = network.run(tape.pass(), lightness, hints.as_ref())?;
    let (_, _, height, width) = chroma.dims4()?;
    let host = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
    let (seen, truth) = (host(lightness)?, host(chroma)?);
    let bins = outcome.bins.as_ref().map(|rows| (&rows.values[..], rows.step));
    let predicted = Predicted { chroma: &outcome.chroma, bins };
    let Costs { loss, d_chroma, d_bins } =
        objective.costs(&predicted, &seen, &truth, [height, width]);
    let gradients = tape.backward(&d_chroma, &d_bins)?;
    let loss = Tensor::new(loss as f32, chroma.device())?;
    Ok((loss, Gradients::Recorded(gradients)))
}
