//! What the program shows while it works: bars on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use polychromify_core::Device;
use polychromify_train::train::{Config, Epoch, Event};

/// Time between lines where there is no terminal to show a bar on.
const LINE_INTERVAL: Duration = Duration::from_secs(60);

/// Shows a run: a bar on a terminal, and a line for each epoch everywhere.
pub(crate) struct Report {
    bar: ProgressBar,
    /// The network and the device.
    subject: String,
    epochs: usize,
    steps: usize,
    photos: usize,
    /// When the last line was printed; `None` before the first event.
    last_line: Option<Instant>,
    /// When and at which step of all epochs this session began.
    begin: (Instant, usize),
}

impl Report {
    pub(crate) fn new(config: &Config, device: &Device) -> Self {
        let precision = config.precision.on(device);
        let subject = format!("{} on {}, {precision}", config.network, device.name());
        let bar = bar("{prefix} {bar:30} step {pos}/{len}, {msg}");
        let epochs = config.epochs;
        let begin = (Instant::now(), 0);
        Self { bar, subject, epochs, steps: 0, photos: 0, last_line: None, begin }
    }

    /// Whether the loop has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.last_line.is_some()
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Shows an event of the loop.
    pub(crate) fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Started {
                parameters,
                train,
                pictures,
                valid,
                steps,
                epochs_done,
                steps_done,
            } => {
                (self.steps, self.photos) = (steps, pictures);
                self.begin = (Instant::now(), epochs_done * steps + steps_done);
                self.bar.set_length(steps as u64);
                self.say(&format!(
                    "{}: {parameters} parameters; {train} photos to train on, {valid} to validate on",
                    self.subject
                ));
                if self.begin.1 > 0 {
                    self.say(&format!("goes on after {epochs_done} epochs and {steps_done} steps"));
                }
            }
            Event::Step { epoch, step, loss } => {
                let (rate, left) = self.pace((epoch - 1) * self.steps + step);
                self.bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
                self.bar.set_position(step as u64);
                self.bar.set_message(format!("loss {loss:.5}, {rate:.1} photos/s, {left} left"));
                if self.bar.is_hidden() && self.since_last_line() >= LINE_INTERVAL {
                    let (epochs, steps) = (self.epochs, self.steps);
                    self.say(&format!(
                        "epoch {epoch}/{epochs}, step {step}/{steps}: loss {loss:.5}, \
                         {rate:.1} photos/s, {left} left"
                    ));
                }
            }
            Event::Validating => self.bar.set_message("validating"),
            Event::Epoch(row) => {
                let Epoch { epoch, train_loss, valid_loss, valid_accuracy, pictures, .. } = row;
                let best = if row.best { ", best so far" } else { "" };
                self.say(&format!(
                    "epoch {epoch}/{}: train mse {train_loss:.5}, valid mse {valid_loss:.5}, \
                     accuracy {valid_accuracy:.4}, {pictures} pictures seen, {:.0} s{best}",
                    self.epochs, row.seconds
                ));
            }
        }
    }

    /// Photographs a second in this session, and the time left, after `step` of all epochs.
    fn pace(&self, step: usize) -> (f64, HumanDuration) {
        let (begin, first) = self.begin;
        let seconds = begin.elapsed().as_secs_f64() / (step - first) as f64;
        let left = seconds * (self.epochs * self.steps).saturating_sub(step) as f64;
        let photos = self.photos as f64 / self.steps as f64;
        (photos / seconds, HumanDuration(Duration::from_secs_f64(left)))
    }

    fn since_last_line(&self) -> Duration {
        self.last_line.map_or(Duration::ZERO, |line| line.elapsed())
    }

    fn say(&mut self, text: &str) {
        self.bar.suspend(|| say(text));
        self.last_line = Some(Instant::now());
    }
}

/// Does work on photographs; a bar shows how many are done.
pub(crate) fn photos_bar<T>(work: impl FnOnce(&mut dyn FnMut(usize, usize)) -> T) -> T {
    let bar = bar("{bar:30} {pos}/{len} photos, {per_sec}, {eta} left");
    let done = work(&mut |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    done
}

/// A bar on a terminal, nothing elsewhere. `template` is indicatif's.
fn bar(template: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    ProgressBar::with_draw_target(None, target).with_style(style)
}

/// A line on stderr.
#[expect(clippy::print_stderr, reason = "messages of a command-line program")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
