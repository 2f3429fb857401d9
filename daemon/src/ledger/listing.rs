//! Lists of inputs and their results for people who look through them, a page at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::ledger::Ledger;
use crate::ledger::published::{self, Published, Seen, Tone};
use crate::ledger::store::{self, Row, Value, values};
use crate::ledger::verdicts::{Judged, Verdict};

/// What a list is narrowed to; all of it holds together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// State of the latest attempt, as [`Counts`](crate::ledger::overview::Counts) has it.
    pub(crate) status: Option<String>,
    /// `accepted`, `rejected`, or `unjudged`.
    pub(crate) verdict: Option<String>,
    /// Kind of a notice; `any`.
    pub(crate) notice: Option<String>,
    pub(crate) toning: Option<String>,
    /// Path below the output folder, of all that is below it.
    pub(crate) folder: Option<String>,
    /// Least doubt, in thousandths.
    pub(crate) doubt_over: Option<u16>,
    /// Part of the name.
    pub(crate) search: Option<String>,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// What the network doubts most; what it was not asked of comes last.
    Doubt,
    #[default]
    Name,
    Newest,
}

/// Part of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) offset: u32,
    pub(crate) limit: u32,
}

/// An input and, if there is one, its result.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Number of the job, which stays the same when a result is made anew.
    pub(crate) id: i64,
    /// Path of the result below the output folder, whether it is there or not.
    pub(crate) output: PathBuf,
    pub(crate) input: PathBuf,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    /// SHA-256, width and height of the result.
    pub(crate) result: Option<(String, u32, u32)>,
    pub(crate) judged: Option<Judged>,
    pub(crate) notices: u32,
    pub(crate) seen: Seen,
    pub(crate) is_film: bool,
    pub(crate) has_own_settings: bool,
}

const FROM: &str = "
FROM jobs
LEFT JOIN results ON results.output = jobs.output AND results.input = jobs.input
LEFT JOIN verdicts ON verdicts.id = results.judged
LEFT JOIN own_settings ON own_settings.output = jobs.output";

const WHERE: &str = "
WHERE (CAST(?1 AS TEXT) IS NULL OR replace(jobs.state, 'publishing', 'running') = ?1)
  AND (CAST(?2 AS TEXT) IS NULL OR
       results.output IS NOT NULL AND coalesce(verdicts.verdict, 'unjudged') = ?2)
  AND (CAST(?3 AS TEXT) IS NULL OR ?3 = 'any' AND json_array_length(results.notices) > 0
       OR EXISTS (SELECT 1 FROM json_each(results.notices)
                  WHERE json_extract(value, '$.kind') = ?3))
  AND (CAST(?4 AS TEXT) IS NULL OR results.toning = ?4)
  AND (CAST(?5 AS TEXT) IS NULL OR substr(jobs.output, 1, length(?5)) = ?5)
  AND (CAST(?6 AS BIGINT) IS NULL OR results.doubt >= ?6)
  AND (CAST(?7 AS TEXT) IS NULL OR instr(lower(jobs.output), lower(?7)) > 0)";

const COLUMNS: &str = "jobs.id, jobs.output, jobs.input, jobs.state, jobs.reason, results.sha256,
    results.width, results.height, verdicts.verdict, verdicts.note, verdicts.judged_by,
    verdicts.judged_at, json_array_length(results.notices) AS notices, results.doubt,
    results.toning, (results.film IS NOT NULL OR
        json_extract(jobs.settings, '$.steadiness') IS NOT NULL)
        AND json_extract(results.film, '$.shot') IS NULL AS is_film,
    own_settings.output IS NOT NULL AS has_own_settings";

impl Filter {
    fn parameters(&self) -> Vec<Value> {
        let below = self.folder.as_ref().filter(|folder| !folder.is_empty());
        let parameters: &[Value] = values![
            self.status,
            self.verdict,
            self.notice,
            self.toning,
            below.map(|folder| format!("{folder}/")),
            self.doubt_over,
            self.search,
        ];
        parameters.to_vec()
    }
}

impl Order {
    fn sql(self) -> &'static str {
        match self {
            Self::Doubt => "results.doubt DESC NULLS LAST, jobs.output, jobs.id",
            Self::Name => "jobs.output, jobs.id",
            Self::Newest => "results.published_at DESC NULLS LAST, jobs.output, jobs.id",
        }
    }
}

impl Ledger {
    /// How many inputs a filter leaves, and a page of them.
    pub(crate) fn list(
        &self,
        filter: &Filter,
        order: Order,
        page: Page,
    ) -> Result<(u32, Vec<Item>)> {
        let parameters = filter.parameters();
        let total =
            self.row(&format!("SELECT count(*) AS inputs {FROM} {WHERE}"), &parameters, |row| {
                row.get("inputs")
            })?;
        let (Page { offset, limit }, order) = (page, order.sql());
        let items = self.rows(
            &format!(
                "SELECT {COLUMNS} {FROM} {WHERE} ORDER BY {order} LIMIT {limit} OFFSET {offset}"
            ),
            &parameters,
            item,
        )?;
        Ok((total.unwrap_or_default(), items))
    }

    /// The numbers of all inputs that a filter leaves, `most` at most.
    pub(crate) fn ids(&self, filter: &Filter, order: Order, most: u32) -> Result<Vec<i64>> {
        let parameters = filter.parameters();
        let order = order.sql();
        self.rows(
            &format!("SELECT jobs.id {FROM} {WHERE} ORDER BY {order} LIMIT {most}"),
            &parameters,
            |row| row.get("id"),
        )
    }

    /// The inputs of these numbers, as far as there are such.
    pub(crate) fn items(&self, ids: &[i64]) -> Result<Vec<Item>> {
        let ids = serde_json::json!(ids).to_string();
        let sql = format!(
            "SELECT {COLUMNS} {FROM} WHERE jobs.id IN
                 (SELECT CAST(value AS BIGINT) FROM json_each(CAST(?1 AS TEXT)))"
        );
        self.rows(&sql, values![ids], item)
    }

    /// The input of a number.
    pub(crate) fn item(&self, id: i64) -> Result<Option<Item>> {
        self.row(&format!("SELECT {COLUMNS} {FROM} WHERE jobs.id = ?1"), values![id], item)
    }

    /// The result of a job's input.
    pub(crate) fn result_of(&self, item: &Item) -> Result<Option<Published>> {
        let known = self.result(&item.output)?;
        Ok(known.filter(|result| result.input == item.input))
    }

    /// The settings of the latest attempt at a job.
    pub(crate) fn settings_of(&self, id: i64) -> Result<Option<String>> {
        self.row("SELECT settings FROM jobs WHERE id = ?1", values![id], |row| row.get("settings"))
    }

    /// How many results lie in each folder below the output folder.
    pub(crate) fn folders(&self) -> Result<BTreeMap<PathBuf, u32>> {
        let sql = "SELECT output FROM results";
        let outputs: Vec<PathBuf> = self.rows(sql, &[], |row| row.get("output"))?;
        let mut folders = BTreeMap::new();
        for mut output in outputs {
            output.pop();
            *folders.entry(output).or_default() += 1;
        }
        Ok(folders)
    }

    /// How many results there are of inputs of each toning.
    pub(crate) fn tonings(&self) -> Result<Vec<(String, u32)>> {
        self.rows(
            "SELECT toning, count(*) AS results FROM results WHERE toning IS NOT NULL
             GROUP BY toning ORDER BY toning",
            &[],
            |row| Ok((row.get("toning")?, row.get("results")?)),
        )
    }

    /// How many results have their doubt known, and how many are films.
    pub(crate) fn doubts_and_films(&self) -> Result<(u32, u32)> {
        let sql = "SELECT count(doubt) AS doubts, count(film) AS films FROM results";
        let counts = self.row(sql, &[], |row| Ok((row.get("doubts")?, row.get("films")?)))?;
        Ok(counts.unwrap_or_default())
    }

    /// A photograph's result whose doubt is unknown, after a number: the job's number and itself.
    pub(crate) fn without_doubt(&self, after: i64) -> Result<Option<(i64, Published)>> {
        self.row(
            "SELECT results.*, jobs.id AS job FROM jobs
             JOIN results ON results.output = jobs.output AND results.input = jobs.input
             WHERE jobs.id > ?1 AND results.doubt IS NULL AND results.film IS NULL
             ORDER BY jobs.id LIMIT 1",
            values![after],
            |row| Ok((row.get("job")?, published::published(row)?)),
        )
    }

    /// Records what was seen of the photograph of a result that is still this one.
    pub(crate) fn set_seen(&self, output: &Path, sha256: &str, seen: Seen) -> Result<()> {
        self.execute(
            "UPDATE results SET doubt = ?3, toning = coalesce(?4, toning)
             WHERE output = ?1 AND sha256 = ?2",
            values![output, sha256, seen.doubt, seen.toning.map(Tone::text)],
        )
    }
}

fn item(row: &Row) -> store::Result<Item> {
    let output = row.get::<PathBuf>("output")?;
    let sha256: Option<String> = row.get("sha256")?;
    let by: Option<String> = row.get("judged_by")?;
    let result = match sha256 {
        Some(sha256) => Some((sha256, row.get("width")?, row.get("height")?)),
        None => None,
    };
    let judged = match (by, &result) {
        (Some(by), Some((sha256, ..))) => Some(Judged {
            output: output.clone(),
            frame: None,
            sha256: sha256.clone(),
            verdict: row.get::<Option<String>>("verdict")?.as_deref().and_then(Verdict::of_text),
            note: row.get("note")?,
            by,
            at: row.get("judged_at")?,
        }),
        _ => None,
    };
    Ok(Item {
        id: row.get("id")?,
        output,
        input: row.get("input")?,
        state: row.get("state")?,
        reason: row.get("reason")?,
        result,
        judged,
        notices: row.get::<Option<u32>>("notices")?.unwrap_or_default(),
        seen: published::seen(row)?,
        is_film: row.get("is_film")?,
        has_own_settings: row.get("has_own_settings")?,
    })
}
