//! The studies of Ghiotto 2021: the same photographs and settings for each of several networks.
//!
//! Its model selection, which trained on 800 photographs in batches of 16 there, and the tuning of the
//! convolutional dense family. Here both have all photographs in batches of 32, as its final training
//! had, so that every network of the two can be compared with every other.

use std::fmt::{self, Write as _};
use std::path::Path;

use polychromify_core::Result;
use polychromify_core::internals::model::{self, conv_dense};
use polychromify_core::internals::ops::Precision;
use serde_json::{Value, json};

use super::config::Config;
use super::curves;
use super::epoch::Epoch;

/// Networks that are compared by the same recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Study {
    /// The tuning variants v1 to v5 of the convolutional dense family.
    Variants,
    /// The networks v0 to v3 of the model selection, and CNN.
    Networks,
}

/// A network of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// What Ghiotto 2021 calls it.
    pub label: &'static str,
    /// Name of its run folder, the same in each study that it takes part in.
    pub folder: &'static str,
    /// Name of the network.
    pub network: &'static str,
    /// Configuration of the network.
    pub network_config: Value,
}

impl Study {
    /// The networks, in the order of Ghiotto 2021.
    pub fn members(self) -> Vec<Member> {
        let of = |label, folder, network| Member {
            label,
            folder,
            network,
            network_config: model::default_config(network).unwrap_or_default(),
        };
        let variant = |label, folder, config: conv_dense::Config| Member {
            network_config: json!(config),
            ..of(label, folder, "conv_dense")
        };
        match self {
            Self::Variants => vec![
                variant("v1", "conv_dense-v1", conv_dense::Config::v1()),
                variant("v2", "conv_dense-v2", conv_dense::Config::v2()),
                variant("v3", "conv_dense-v3", conv_dense::Config::v3()),
                variant("v4", "conv_dense-v4", conv_dense::Config::v4()),
                variant("v5", "conv_dense-v5", conv_dense::Config::v5()),
            ],
            Self::Networks => vec![
                of("v0 vanilla", "vanilla", "vanilla"),
                of("v1 convolutional", "conv", "conv"),
                variant("v2 convolutional dense", "conv_dense-v2", conv_dense::Config::v2()),
                of("v3 deep convolutional", "deep_conv", "deep_conv"),
                of("CNN", "cnn", "cnn"),
            ],
        }
    }

    /// Name of the study's files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Variants => "variants",
            Self::Networks => "networks",
        }
    }
}

impl Member {
    /// Its settings: mean squared error, Adam at 1e-3, batches of 32, 25 epochs.
    pub fn config(&self, data: &Path) -> Config {
        Config::new(self.network, self.network_config.clone(), data)
    }

    /// Neurons, filters, strides and batch norm, as far as the network has them.
    fn layers(&self) -> [String; 4] {
        let list = |name: &str| {
            let channels = self.network_config[name].as_array().into_iter().flatten();
            channels.map(Value::to_string).collect::<Vec<_>>().join("-")
        };
        let set = |name: &str| {
            let set = self.network_config[name].as_bool();
            set.map_or("", |set| if set { "yes" } else { "no" }).to_owned()
        };
        [list("neurons"), list("filters"), set("strides"), set("batch_norm")]
    }
}

/// A network of a study as far as it was trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The network.
    pub member: Member,
    /// Numbers that are trained.
    pub parameters: usize,
    /// What its convolutions multiplied in.
    pub precision: Precision,
    /// Epochs that it is to have.
    pub epochs: usize,
    /// Those that it has had.
    pub history: Vec<Epoch>,
}

/// Names of a table's columns.
const COLUMNS: [&str; 13] = [
    "network",
    "parameters",
    "neurons",
    "filters",
    "strides and upsampling",
    "batch norm",
    "precision",
    "epochs",
    "best epoch",
    "accuracy",
    "MSE",
    "last accuracy",
    "minutes",
];

impl Trained {
    /// The cells of its row: accuracy and error are those of the epoch with the least validation
    /// error, whose weights are kept.
    fn cells(&self) -> [String; 13] {
        let [neurons, filters, strides, norm] = self.member.layers();
        let best = self.history.iter().rfind(|epoch| epoch.best);
        let of_best = |cell: fn(&Epoch) -> String| best.map(cell).unwrap_or_default();
        let last = self.history.last().map(|epoch| format!("{:.4}", epoch.valid_accuracy));
        let seconds = self.history.iter().fold(0.0, |sum, epoch| sum + epoch.seconds);
        [
            self.member.label.to_owned(),
            self.parameters.to_string(),
            neurons,
            filters,
            strides,
            norm,
            self.precision.to_string(),
            format!("{}/{}", self.history.len(), self.epochs),
            of_best(|epoch| epoch.epoch.to_string()),
            of_best(|epoch| format!("{:.4}", epoch.valid_accuracy)),
            of_best(|epoch| format!("{:.5}", epoch.valid_loss)),
            last.unwrap_or_default(),
            format!("{:.0}", seconds / 60.0),
        ]
    }
}

/// What a study found so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// The study.
    pub study: Study,
    /// Its networks, in order.
    pub trained: Vec<Trained>,
}

impl Findings {
    /// The table as comma-separated values.
    pub fn csv(&self) -> String {
        let rows = self.trained.iter().map(Trained::cells);
        let mut text = format!("{}\n", COLUMNS.join(","));
        for cells in rows {
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }

    /// Validation accuracy by epoch, a curve for each network, as SVG.
    ///
    /// # Errors
    ///
    /// When it cannot be drawn.
    pub fn plot(&self) -> Result<String> {
        let of = |trained: &Trained| {
            let points = trained.history.iter();
            let points = points.map(|epoch| (epoch.epoch as f64, epoch.valid_accuracy));
            (trained.member.label, points.collect())
        };
        let series: Vec<_> = self.trained.iter().map(of).collect();
        curves::draw_series(&format!("{}: validation accuracy", self.study.name()), &series)
    }
}

impl fmt::Display for Findings {
    /// The table in Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.trained.iter().map(Trained::cells).collect();
        // Columns that say nothing of these networks are left out.
        let said: Vec<usize> =
            (0..COLUMNS.len()).filter(|&i| rows.iter().any(|cells| !cells[i].is_empty())).collect();
        let mut line = |cells: &[&str]| {
            let mut text = String::from("|");
            said.iter().try_for_each(|&i| write!(text, " {} |", cells[i]))?;
            writeln!(f, "{text}")
        };
        line(&COLUMNS)?;
        line(&["---"; COLUMNS.len()])?;
        rows.iter().try_for_each(|cells| line(&cells.each_ref().map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(study: Study) -> Findings {
        let epoch = |epoch: usize, best| Epoch {
            epoch,
            valid_loss: 0.01,
            valid_accuracy: 0.5 + epoch as f64 / 100.0,
            seconds: 60.0,
            best,
            ..Epoch::default()
        };
        let mut trained: Vec<Trained> = study
            .members()
            .into_iter()
            .map(|member| Trained {
                member,
                parameters: 7,
                precision: Precision::F32,
                epochs: 3,
                history: Vec::new(),
            })
            .collect();
        trained[1].history = vec![epoch(1, true), epoch(2, true), epoch(3, false)];
        Findings { study, trained }
    }

    #[test]
    fn the_documents_variants_are_those_of_its_table() {
        let table = findings(Study::Variants).to_string();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows.len(), 5);
        assert!(rows[0].starts_with("| v1 | 7 | 64-32-16-32-64 | 16-32-64-64-32-16 | no | no |"));
        assert!(rows[4].contains("| 256-128-64-128-256 | 32-64-128-128-64-32 | yes | yes |"));
    }

    #[test]
    fn a_row_tells_of_the_epoch_that_is_kept() {
        let csv = findings(Study::Variants).csv();
        let row = csv.lines().nth(2).unwrap();
        assert!(row.ends_with(",no,no,f32,3/3,2,0.5200,0.01000,0.5300,3"), "{row}");
        let row = csv.lines().nth(1).unwrap();
        assert!(row.ends_with(",no,no,f32,0/3,,,,,0"), "{row}");
    }

    #[test]
    fn each_member_has_a_folder_of_its_own_and_v2_one_in_both_studies() {
        let folders = |study: Study| -> Vec<_> {
            study
                .members()
                .iter()
                .map(|member| (member.folder, member.network_config.to_string()))
                .collect()
        };
        let (variants, networks) = (folders(Study::Variants), folders(Study::Networks));
        assert_eq!(variants[1], networks[2]);
        let mut all: Vec<_> = variants.iter().chain(&networks).map(|(folder, _)| folder).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 9);
    }

    #[test]
    fn the_plot_has_a_curve_for_each_network() {
        let plot = findings(Study::Networks).plot().unwrap();
        for member in Study::Networks.members() {
            assert!(plot.contains(member.label), "{plot}");
        }
    }
}
