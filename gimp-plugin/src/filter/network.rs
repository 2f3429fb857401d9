//! An opened network, and its predictions on a thread of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use polychromify_core::{
    Arithmetic, ChromaMap, Colorizer, Device, DeviceChoice, Doubts, Hints, Weights, WorkImage,
};

use super::error::Error;
use super::reference::ReferencePicture;
use crate::procedure::panic_message;

/// Weights and the network that they are of.
pub(crate) struct Network {
    /// Name of the weights.
    pub(crate) name: String,
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub(crate) sha256: String,
    colorizer: Colorizer,
}

impl Network {
    /// Opens the weights of a name or file; empty: the default.
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        let weights = match name {
            "" => Weights::default_weights()?,
            name => Weights::find(name, Weights::user_folder().as_deref())?,
        };
        let device = Device::open(DeviceChoice::Auto)?;
        let colorizer = Colorizer::open(&weights, &device)?;
        let (name, sha256) = (weights.name().to_owned(), weights.sha256().to_owned());
        Ok(Self { name, sha256, colorizer })
    }

    /// What predictions are calculated in.
    pub(crate) fn arithmetic(&self) -> Arithmetic {
        self.colorizer.arithmetic()
    }

    /// Most pixels of a thumbnail.
    pub(crate) fn work_area(&self) -> usize {
        self.colorizer.work_area()
    }

    /// Starts to predict one of the plausible colorings; `None`: there is no such one.
    pub(crate) fn predict(self: &Arc<Self>, asked: Asked) -> Prediction<Option<ChromaMap>> {
        let network = Arc::clone(self);
        Prediction::start(move || network.predicted(&asked))
    }

    /// Starts to ask for doubts; `None`: the network does not tell.
    pub(crate) fn doubt(self: &Arc<Self>, asked: Asked) -> Prediction<Option<Doubts>> {
        let network = Arc::clone(self);
        Prediction::start(move || Ok(network.colorizer.doubts(&asked.image, &asked.hints)?))
    }

    fn predicted(&self, asked: &Asked) -> Result<Option<ChromaMap>, Error> {
        let Asked { image, hints, variant, reference } = asked;
        let learn =
            |picture: &Arc<ReferencePicture>| picture.learned(&self.sha256, &self.colorizer);
        let learned = reference.as_ref().map(learn).transpose()?;
        let learned = learned.as_deref();
        if *variant == 1 {
            return Ok(Some(self.colorizer.predict_like(image, hints, learned)?));
        }
        if !self.colorizer.has_alternatives() {
            return Ok(None);
        }
        Ok(self.colorizer.predict_other(image, hints, learned, usize::from(*variant) - 1)?)
    }
}

/// What a network is asked.
pub(crate) struct Asked {
    pub(super) image: WorkImage,
    pub(super) hints: Hints,
    /// From 1 on.
    pub(super) variant: u8,
    pub(super) reference: Option<Arc<ReferencePicture>>,
}

/// An answer that is under way.
pub(crate) struct Prediction<T>(Receiver<Result<T, Error>>);

impl<T: Send + 'static> Prediction<T> {
    fn start(predict: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(predict))
                .unwrap_or_else(|panic| Err(Error::Panicked(panic_message(&*panic))));
            let _ = sender.send(result); // the receiver is gone if the user cancelled
        });
        Self(receiver)
    }

    /// The result, if it is there within the time.
    pub(crate) fn wait(&self, time: Duration) -> Option<Result<T, Error>> {
        self.0.recv_timeout(time).ok()
    }
}

/// Names that can be chosen, the default first.
pub(crate) fn names() -> Vec<String> {
    Weights::known_names(Weights::user_folder().as_deref())
}
