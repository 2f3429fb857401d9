//! Results that were made otherwise than they would be made today.

use std::fmt;

use crate::ledger::Published;
use crate::settings::{Recipe, SOFTWARE};

/// How a result was made otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Staleness {
    /// With other weights, of this name if it is known.
    Weights(Option<String>),
    /// With other settings.
    Settings,
    /// By an older version of the program, if it is known.
    Program(Option<String>),
}

/// How a result was made otherwise than with `recipe` by this program, if it was.
pub(crate) fn staleness(result: &Published, recipe: &Recipe) -> Option<Staleness> {
    if result.recipe.weights != recipe.weights {
        return Some(Staleness::Weights(result.making.weights.clone()));
    }
    if result.recipe.settings != recipe.settings {
        return Some(Staleness::Settings);
    }
    let made_by = result.making.software.as_deref();
    let is_older = made_by.map(version) < Some(version(SOFTWARE));
    is_older.then(|| Staleness::Program(result.making.software.clone()))
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(Some(name)) => write!(f, "with other weights ({name})"),
            Self::Weights(None) => f.write_str("with other weights"),
            Self::Settings => f.write_str("with other settings"),
            Self::Program(Some(software)) => write!(f, "by {software}"),
            Self::Program(None) => f.write_str("by an older version"),
        }
    }
}

/// The numbers of `Polychromify 1.2.3`, to be compared.
fn version(software: &str) -> Vec<u64> {
    let version = software.rsplit(' ').next().unwrap_or_default();
    version.split(['.', '-', '+']).map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(version("Polychromify 0.9.12") < version("Polychromify 0.10.0"));
        assert!(version("Polychromify 1.0.0") > version("Polychromify 0.10.0"));
        assert_eq!(version("Polychromify 1.2.3"), version("P 1.2.3"));
    }
}
