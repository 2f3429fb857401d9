//! What is made of weights that stay as they are, kept from one prediction to the next.
//!
//! The loops read weights in an order of their own, and batch norm is folded into them: in a
//! prediction of one thumbnail both can take as long as the convolution itself.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{Result, Tensor, TensorId};

use super::chroma::Head;
use super::depthwise::Taps;
use super::kernel::Kernel;
use super::planes::PlaneProduct;
use super::weights::Packed;

/// Weights that never change, and what was made of them. Others, such as those in training, are
/// prepared anew by each prediction, so that this does not grow with them.
#[derive(Debug, Default)]
pub struct Prepared {
    constant: HashSet<TensorId>,
    made: Mutex<HashMap<Key, Arc<Layer>>>,
}

/// Whose weights, what for, and for which instructions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    weights: Vec<TensorId>,
    role: Role,
    kernel: usize,
}

/// What weights are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Convolution,
    Transposed,
    Depthwise,
    /// With batch norm folded into it.
    Normed,
    /// The same of features at twice their size.
    NormedDoubled,
    Norm,
    Chroma,
}

/// A layer as the loops read it.
#[derive(Debug)]
pub(super) enum Layer {
    Dense {
        weights: Packed,
        bias: Vec<f32>,
        outputs: usize,
        depth: usize,
    },
    Planes {
        products: Vec<PlaneProduct>,
        bias: Vec<f32>,
        outputs: usize,
        depth: usize,
    },
    Depthwise {
        taps: Taps,
        bias: Vec<f32>,
    },
    /// What each channel is multiplied by, and what is added then.
    Norm {
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    Chroma(Head),
}

impl Prepared {
    /// For weights that nothing changes in place as long as this is used.
    pub fn new<'a>(weights: impl IntoIterator<Item = &'a Tensor>) -> Self {
        let constant = weights.into_iter().map(Tensor::id).collect();
        Self { constant, made: Mutex::default() }
    }

    /// How many layers were made.
    #[cfg(test)]
    pub(crate) fn layers(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Layer>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local!(static CURRENT: RefCell<Option<Arc<Prepared>>> = const { RefCell::new(None) });

/// Runs `work`; the predictions that it makes on this thread prepare each of these weights once.
pub fn with_prepared<T>(prepared: &Arc<Prepared>, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<Arc<Prepared>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _restore = Restore(CURRENT.replace(Some(prepared.clone())));
    work()
}

/// The layer as `make` makes it of these weights, or has made it.
///
/// # Errors
///
/// Those of `make`.
pub(super) fn layer(
    kernel: Kernel,
    role: Role,
    weights: &[&Tensor],
    make: impl FnOnce() -> Result<Layer>,
) -> Result<Arc<Layer>> {
    let constant = |prepared: &Arc<Prepared>| {
        weights.iter().all(|weight| prepared.constant.contains(&weight.id()))
    };
    let Some(prepared) = CURRENT.with_borrow(Clone::clone).filter(constant) else {
        return make().map(Arc::new);
    };
    let weights = weights.iter().map(|weight| weight.id()).collect();
    let key = Key { weights, role, kernel: kernel.rank() };
    if let Some(layer) = prepared.lock().get(&key) {
        return Ok(layer.clone());
    }
    // Not under the lock: other predictions go on meanwhile.
    let layer = Arc::new(make()?);
    Ok(prepared.lock().entry(key).or_insert(layer).clone())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_constant_weight_is_prepared_once_and_others_each_time() {
        let constant = Tensor::new(&[1f32, 2.], &Device::Cpu).unwrap();
        let other = Tensor::new(&[3f32], &Device::Cpu).unwrap();
        let prepared = Arc::new(Prepared::new([&constant]));
        let made = |weights: &[&Tensor], role| {
            let make = || Ok(Layer::Norm { scale: Vec::new(), shift: Vec::new() });
            layer(Kernel::Portable, role, weights, make).unwrap()
        };
        assert!(!Arc::ptr_eq(&made(&[&constant], Role::Norm), &made(&[&constant], Role::Norm)));
        with_prepared(&prepared, || {
            let first = made(&[&constant], Role::Norm);
            assert!(Arc::ptr_eq(&first, &made(&[&constant], Role::Norm)));
            assert!(!Arc::ptr_eq(&first, &made(&[&constant], Role::Chroma)));
            assert!(!Arc::ptr_eq(&first, &made(&[&constant, &other], Role::Norm)));
        });
        assert_eq!(prepared.layers(), 2);
    }
}
