//! What convolutions make of weights that stay as they are, kept from one call to the next.
//!
//! The loops read weights in an order of their own, and batch norm is folded into them: in a
//! prediction of one thumbnail both can take as long as the convolution itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{Result, Tensor, TensorId};

use super::Precision;

/// Weights that never change, and what was made of them. Others, such as those in training, are
/// prepared anew by each call, so that this does not grow with the calls.
#[derive(Debug, Default)]
pub struct Prepared(Mutex<HashMap<TensorId, Made>>);

/// What was made of a weight.
#[derive(Debug, Default)]
struct Made {
    packed: HashMap<Precision, Arc<Vec<f32>>>,
    /// Weight and bias.
    folded: Option<(Tensor, Tensor)>,
}

impl Prepared {
    /// For weights that nothing changes in place as long as this is used.
    pub fn new<'a>(weights: impl IntoIterator<Item = &'a Tensor>) -> Self {
        let made = weights.into_iter().map(|weight| (weight.id(), Made::default()));
        Self(Mutex::new(made.collect()))
    }

    /// How many weights were packed.
    #[cfg(test)]
    pub(crate) fn packed(&self) -> usize {
        self.lock().values().map(|made| made.packed.len()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TensorId, Made>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local!(static CURRENT: RefCell<Option<Arc<Prepared>>> = const { RefCell::new(None) });

/// Runs `work`; the convolutions that it calls on this thread prepare each of these weights once.
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

/// A weight that is prepared once.
#[derive(Debug)]
pub(super) struct Constant {
    prepared: Arc<Prepared>,
    weight: TensorId,
}

impl Constant {
    /// The weight, if it is one of those given to [`with_prepared`].
    pub(super) fn find(weight: &Tensor) -> Option<Self> {
        let prepared = CURRENT.with_borrow(Clone::clone)?;
        let known = prepared.lock().contains_key(&weight.id());
        known.then(|| Self { prepared, weight: weight.id() })
    }

    /// The weight as `pack` makes it, or has made it.
    pub(super) fn packed(
        &self,
        precision: Precision,
        pack: impl FnOnce() -> Vec<f32>,
    ) -> Arc<Vec<f32>> {
        let of = |weights: &HashMap<TensorId, Made>| {
            weights.get(&self.weight).and_then(|made| made.packed.get(&precision).cloned())
        };
        if let Some(packed) = of(&self.prepared.lock()) {
            return packed;
        }
        // Not under the lock: other predictions go on meanwhile.
        let packed = Arc::new(pack());
        let mut weights = self.prepared.lock();
        let made = weights.entry(self.weight).or_default();
        made.packed.entry(precision).or_insert(packed).clone()
    }
}

/// The weight and the bias that `fold` makes of a weight, or has made of it.
///
/// # Errors
///
/// Those of `fold`.
pub(crate) fn folded(
    weight: &Tensor,
    fold: impl FnOnce() -> Result<(Tensor, Tensor)>,
) -> Result<(Tensor, Tensor)> {
    let Some(Constant { prepared, weight }) = Constant::find(weight) else { return fold() };
    if let Some(folded) = prepared.lock().get(&weight).and_then(|made| made.folded.clone()) {
        return Ok(folded);
    }
    let folded = fold()?;
    let mut weights = prepared.lock();
    let folded = weights.entry(weight).or_default().folded.get_or_insert(folded).clone();
    weights.entry(folded.0.id()).or_default();
    Ok(folded)
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
        assert!(Constant::find(&constant).is_none(), "outside of the scope");
        with_prepared(&prepared, || {
            assert!(Constant::find(&other).is_none());
            for precision in [Precision::F32, Precision::Bf16] {
                let first = Constant::find(&constant).unwrap().packed(precision, || vec![5.]);
                let again = Constant::find(&constant).unwrap().packed(precision, || vec![6.]);
                assert!(Arc::ptr_eq(&first, &again), "{precision}");
            }

            let fold = || Ok((other.copy()?, other.copy()?));
            let (weight, _) = folded(&constant, fold).unwrap();
            assert_eq!(folded(&constant, fold).unwrap().0.id(), weight.id());
            assert!(Constant::find(&weight).is_some(), "what was folded is constant");
            let (weight, _) = folded(&other, fold).unwrap();
            assert_ne!(folded(&other, fold).unwrap().0.id(), weight.id());
            assert_eq!(prepared.lock().len(), 2);
        });
        assert!(Constant::find(&constant).is_none());
    }
}
