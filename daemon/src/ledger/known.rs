//! What a ledger knows of results, asked for many at once: a server may be a millisecond away, and a
//! collection has a hundred thousand photographs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::error::Result;
use crate::ledger::asked::OfInput;
use crate::ledger::published::{Published, RESULT, published};
use crate::ledger::store::{self, Row, as_text, values};
use crate::ledger::{Ledger, Store};

/// Results that are best asked for at once.
pub(crate) const KNOWN_AT_ONCE: usize = 1000;

/// What is known of a result.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) result: Published,
    /// What a person set for its input.
    pub(crate) own: Option<OfInput>,
    /// Whether the latest attempt at it ended with it in place.
    pub(crate) is_done: bool,
}

impl Ledger {
    /// What is known of the result at `output`.
    pub(crate) fn known(&self, output: &Path) -> Result<Option<Known>> {
        let sql = asking("results.output = ?1");
        self.row(&sql, values![output], known)
    }

    /// What is known of the results at `outputs`, by these; of some there is none.
    pub(crate) fn known_of<'a>(
        &self,
        outputs: impl IntoIterator<Item = &'a Path>,
    ) -> Result<HashMap<PathBuf, Known>> {
        let sql = asking("results.output IN (SELECT value FROM json_each(CAST(?1 AS TEXT)))");
        // SQLite keeps a path that is no text as bytes, which no list of texts can name.
        let is_text =
            |path: &&Path| matches!(self.store, Store::Postgres(..)) || path.to_str().is_some();
        let (texts, others): (Vec<_>, Vec<_>) = outputs.into_iter().partition(is_text);
        let names = json!(texts.into_iter().map(as_text).collect::<Vec<_>>()).to_string();
        let named = self.rows(&sql, values![names], |row| Ok((row.get("output")?, known(row)?)))?;
        let mut all: HashMap<PathBuf, Known> = named.into_iter().collect();
        for output in others {
            all.extend(self.known(output)?.map(|known| (output.to_path_buf(), known)));
        }
        Ok(all)
    }
}

/// The statement for results of which something holds.
fn asking(which: &str) -> String {
    let columns = RESULT.split(',').map(|column| format!("results.{}", column.trim()));
    let columns = columns.collect::<Vec<_>>().join(", ");
    format!(
        "SELECT {columns}, own_settings.content AS own_content, own_settings.settings AS own,
             EXISTS (SELECT id FROM jobs WHERE jobs.output = results.output
                         AND jobs.input = results.input AND jobs.state = 'done') AS is_done
         FROM results LEFT JOIN own_settings ON own_settings.output = results.output WHERE {which}"
    )
}

fn known(row: &Row) -> store::Result<Known> {
    let (content, settings): (Option<String>, Option<String>) =
        (row.get("own_content")?, row.get("own")?);
    let own = content.zip(settings).map(|(content, settings)| OfInput { content, settings });
    Ok(Known { result: published(row)?, own, is_done: row.get("is_done")? })
}
