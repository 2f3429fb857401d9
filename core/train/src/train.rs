//! Training: photographs into a cache, a network fitted to it, everything seeded and resumable.
//!
//! Without a [`Recipe`] a network is trained as in Ghiotto 2021: mean squared error on `(a, b) / 128`,
//! Adam with Keras' constants at a fixed rate, no augmentation.

mod adam;
mod augment;
mod average;
mod batch;
mod cache;
mod checkpoint;
mod config;
mod curves;
mod dataset;
mod epoch;
mod film;
mod filters;
mod loader;
mod objective;
mod palette;
mod parameters;
mod prepare;
mod preview;
mod progress;
mod recipe;
mod run;
mod session;
mod simulate;
mod step;
mod study;
#[cfg(test)]
mod tests;
mod trainer;
mod validation;

pub use cache::{Cache, Failure, Index, Photo};
pub use checkpoint::{running_average, write_portable};
pub use config::{BestBy, Config};
pub use epoch::Epoch;
pub use prepare::{Settings as PrepareSettings, prepare};
pub use preview::preview;
pub use progress::minutes_of_run;
pub use recipe::{Recipe, Schedule, Targets, WARM_UP};
pub use run::{read_config, read_history};
pub use session::{Event, Outcome, Session};
pub use study::{Findings, Member, Study, Trained};
pub use trainer::train;
pub use validation::{Measures, SplitMeasures};
