//! Polychromify in plain candle, as a program of its own: with the allocator that a user of candle
//! has. `compare` starts it and asks for times: each line `predict` or `step N` on standard input is
//! answered with seconds.
#![expect(clippy::print_stdout, reason = "the answers")]

#[path = "../compare/contest.rs"]
mod contest;

use std::time::Instant;

use candle_core::{DType, Device, Error, Result, Tensor};
use candle_nn::{AdamW, Conv2dConfig, Init, Module, Optimizer, VarBuilder, VarMap};
use polychromify_core::internals::engine::Pass;
use polychromify_core::internals::model::{Heads, Mode, Network, Outcome};
use polychromify_core::internals::ops::Precision;

use contest::{Contestant, SIDE, batch};

fn main() -> Result<()> {
    let contestant = Contestant::new(|vb| Ok(Box::new(Stock::new(vb)?)))?;
    let vars = VarMap::new();
    let trained = Stock::new(VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu))?;
    let mut optimizer = AdamW::new_lr(vars.all_vars(), 1e-4)?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let seconds = match line.split_once(' ') {
            Some(("step", images)) => {
                let (lightness, chroma) = batch(images.parse().map_err(Error::wrap)?, SIDE)?;
                let start = Instant::now();
                let y = trained.forward(&lightness, None, Mode::Train)?;
                optimizer.backward_step(&y.sub(&chroma)?.sqr()?.mean_all()?)?;
                start.elapsed().as_secs_f64()
            }
            _ => contestant.predict(Precision::F32, &batch(1, SIDE)?.0)?,
        };
        println!("{seconds}");
    }
    Ok(())
}

/// Polychromify in plain candle.
struct Stock {
    layers: Vec<candle_nn::Conv2d>,
}

impl Stock {
    fn new(vb: VarBuilder) -> Result<Self> {
        const LAYERS: [(usize, usize); 12] = [
            (16, 3),
            (32, 3),
            (64, 3),
            (256, 1),
            (128, 1),
            (64, 1),
            (128, 1),
            (256, 1),
            (64, 3),
            (32, 3),
            (16, 3),
            (2, 3),
        ];
        let mut inputs = 1;
        let mut layers = Vec::new();
        for (i, (outputs, kernel)) in LAYERS.into_iter().enumerate() {
            let init = Init::Uniform { lo: -0.05, up: 0.05 };
            let shape = (outputs, inputs, kernel, kernel);
            let weight = vb.pp(i).get_with_hints(shape, "weight", init)?;
            let bias = vb.pp(i).get_with_hints(outputs, "bias", Init::Const(0.))?;
            let config = Conv2dConfig { padding: kernel / 2, ..Default::default() };
            layers.push(candle_nn::Conv2d::new(weight, Some(bias), config));
            inputs = outputs;
        }
        Ok(Self { layers })
    }
}

impl Stock {
    fn chroma(&self, lightness: &Tensor) -> Result<Tensor> {
        let (last, rest) = self.layers.split_last().expect("12 layers");
        let mut x = lightness.clone();
        for layer in rest {
            x = layer.forward(&x)?.relu()?;
        }
        last.forward(&x)?.tanh()
    }
}

impl Network for Stock {
    fn forward(&self, lightness: &Tensor, _: Option<&Tensor>, _: Mode) -> Result<Tensor> {
        self.chroma(lightness)
    }

    fn stock(&self, lightness: &Tensor, _: Option<&Tensor>, _: Mode) -> Result<Heads> {
        Ok(Heads { chroma: self.chroma(lightness)?, bins: None })
    }

    fn run(&self, _: &mut dyn Pass, _: &Tensor, _: Option<&Tensor>) -> Result<Outcome> {
        candle_core::bail!("plain candle has operations of its own")
    }

    fn stride(&self) -> usize {
        1
    }
}
