//! An opened network, and its predictions on a thread of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use polychromify_core::{
    Arithmetic, ChromaMap, Colorizer, Device, DeviceChoice, Hints, Weights, WorkImage,
};

use super::error::Error;
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

    /// Starts a prediction.
    pub(crate) fn predict(self: &Arc<Self>, image: WorkImage, hints: Hints) -> Prediction {
        let (sender, receiver) = mpsc::channel();
        let network = Arc::clone(self);
        let predict = move || Ok(network.colorizer.predict(&image, &hints)?);
        thread::spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(predict))
                .unwrap_or_else(|panic| Err(Error::Panicked(panic_message(&*panic))));
            let _ = sender.send(result); // the receiver is gone if the user cancelled
        });
        Prediction(receiver)
    }
}

/// A prediction that is under way.
pub(crate) struct Prediction(Receiver<Result<ChromaMap, Error>>);

impl Prediction {
    /// The result, if it is there within the time.
    pub(crate) fn wait(&self, time: Duration) -> Option<Result<ChromaMap, Error>> {
        self.0.recv_timeout(time).ok()
    }
}

/// Names that can be chosen, the default first.
pub(crate) fn names() -> Vec<String> {
    Weights::known_names(Weights::user_folder().as_deref())
}
